//! Tests of TLS with real connections on the loopback and certificates made on the spot. Most happen on one day of 2026.

mod connections;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rcgen::{IsCa, KeyPair, PKCS_ED25519};
use rustls::pki_types::{PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream as Accepted;

use super::*;
use crate::config::{Account, AccountConfig};
use crate::phone::FlowFault;
use crate::sip::{FlowId, Transport};
use crate::worker::certificates::testing::{
    Authority, Issued, NEW_YEAR, TODAY, pkcs1, put, rsa_key, sec1, wanted, wanted_for_uri,
};
use crate::worker::net::tcp::{Connect, FlowEvent, Limits, Table};
use crate::worker::testing::on_runtime;

const BOTH: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];
const FLOW: FlowId = FlowId(1 << 63 | 1);

/// A clock that stands still, in seconds since 1970.
#[derive(Debug)]
struct Clock(u64);

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(self.0)))
    }
}

/// A panel that trusts one authority.
struct Panel {
    table: Table,
    events: mpsc::Receiver<FlowEvent>,
    folder: TempDir,
    authority: Authority,
    config: AccountConfig,
    now: u64,
}

impl Panel {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let authority = Authority::new("the authority");
        put(folder.path(), "ca.pem", authority.pem());
        let (sender, events) = mpsc::channel(16);
        let table = Table::new(Limits::default(), sender);
        let config = AccountConfig { tls_ca: "ca.pem".into(), ..AccountConfig::default() };
        Self { table, events, folder, authority, config, now: TODAY }
    }

    fn client(&self) -> Result<Client, TlsFault> {
        build(&Settings::of(&self.config), self.folder.path(), Vec::new(), Arc::new(Clock(self.now)))
    }

    /// What a connection to this name needs.
    fn tls(&self, name: &str) -> Option<(Credentials, ServerName<'static>)> {
        let client = self.client().expect("the settings are right");
        Some((Credentials::read(client), peer_name(name).expect("a name")))
    }

    /// Shows this certificate of ours from now on.
    fn show(&mut self, issued: &Issued, key: &PrivateKeyDer<'_>) {
        put(self.folder.path(), "client.pem", issued.pem());
        put(self.folder.path(), "client.key", crate::worker::certificates::pem_of_key(key));
        self.config.tls_certificate = "client.pem".into();
        self.config.tls_key = "client.key".into();
    }

    fn connect(&mut self, remote: SocketAddr, name: &str) {
        let wanted = Connect { flow: Some(FLOW), local: remote, remote, tls: self.tls(name) };
        self.table.connect(Instant::now(), wanted, &|_| false).expect("there is room");
    }

    async fn event(&mut self) -> FlowEvent {
        let event = self.events.recv().await.expect("the table lives");
        self.table.note(Instant::now(), &event);
        event
    }

    /// Connects to a server of this certificate and says something; gives what made it fail.
    async fn tries(&mut self, server: &Server, name: &str) -> Result<(), FlowFault> {
        self.connect(server.address, name);
        loop {
            match self.event().await {
                FlowEvent::Connected { flow, .. } => {
                    self.table.send(Instant::now(), flow, b"hello".to_vec()).expect("it stands");
                }
                FlowEvent::Bytes { bytes, .. } => {
                    assert_eq!(bytes, b"hello");
                    self.table.close(FLOW);
                    return Ok(());
                }
                FlowEvent::Closed { why, .. } => return Err(why),
            }
        }
    }

    /// The same with what the server's certificate is.
    async fn meets(&mut self, issued: &Issued, name: &str) -> Result<(), FlowFault> {
        let server = Server::echoes(of(issued, &BOTH, None)).await;
        self.tries(&server, name).await
    }

    async fn stands(&mut self) {
        assert!(matches!(self.event().await, FlowEvent::Connected { flow: FLOW, .. }));
    }
}

/// A server on the loopback for as long as it is held.
struct Server {
    address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Does this with each connection, one after the other.
    async fn new<F: Future<Output = ()> + Send>(each: impl Fn(TcpStream) -> F + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let address = listener.local_addr().expect("it is bound");
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("it comes");
                each(stream).await;
            }
        });
        Self { address, task }
    }

    /// Does this with each that has agreed on TLS.
    async fn tls<F: Future<Output = ()> + Send>(
        config: ServerConfig,
        each: impl Fn(Accepted<TcpStream>) -> F + Send + Sync + Copy + 'static,
    ) -> Self {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Self::new(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    each(stream).await;
                }
            }
        })
        .await
    }

    /// Says back what it hears.
    async fn echoes(config: ServerConfig) -> Self {
        Self::tls(config, |stream| async move {
            let (mut reader, mut writer) = tokio::io::split(stream);
            // The other side may end it in whatever way it likes.
            let _ = tokio::io::copy(&mut reader, &mut writer).await;
        })
        .await
    }
}

/// A server with this certificate that speaks these versions; with `asks` it wants a certificate of that authority.
fn of(issued: &Issued, versions: &[&'static SupportedProtocolVersion], asks: Option<&Authority>) -> ServerConfig {
    let provider = Arc::new(default_provider());
    let builder = ServerConfig::builder_with_details(provider.clone(), Arc::new(Clock(TODAY)))
        .with_protocol_versions(versions)
        .expect("it can speak them");
    let builder = match asks {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.der()).expect("it is an authority");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().expect("there is an authority"))
        }
    };
    builder.with_single_cert(issued.chain.clone(), issued.key_der()).expect("the key fits")
}

/// A certificate for pbx.test that signs itself, as an authority or not: OpenSSL's `req -x509` makes authorities.
fn by_itself(is_ca: IsCa) -> Issued {
    let mut wanted = wanted("pbx", &["pbx.test"]);
    wanted.is_ca = is_ca;
    Issued::by_itself(&wanted)
}

fn fault(outcome: Result<(), FlowFault>) -> TlsFault {
    match outcome {
        Err(FlowFault::Tls(fault)) => fault,
        other => panic!("TLS did not fail: {other:?}"),
    }
}

fn wrong_name(expected: &str, found: &str) -> TlsFault {
    TlsFault::WrongName { expected: expected.into(), found: found.into() }
}

#[test]
fn a_server_is_known_by_its_name_its_address_or_its_sip_uri() {
    on_runtime(async {
        let mut panel = Panel::new();
        let named = panel.authority.issue(&wanted("pbx", &["pbx.test", "127.0.0.1", "::1"]));
        for versions in BOTH {
            let server = Server::echoes(of(&named, &[versions], None)).await;
            for name in ["pbx.test", "PBX.test", "pbx.test.", "127.0.0.1", "::1", "[::1]"] {
                assert_eq!(panel.tries(&server, name).await, Ok(()), "{name} by {versions:?}");
            }
        }
        for (uri, name) in [("sip:pbx.test", "pbx.test"), ("SIP:pbx.test", "pbx.test"), ("sip:127.0.0.1", "127.0.0.1")]
        {
            let issued = panel.authority.issue(&wanted_for_uri(uri));
            assert_eq!(panel.meets(&issued, name).await, Ok(()), "{uri}");
        }
        let between = panel.authority.below("the authority of the house");
        let mut below = between.issue(&wanted("pbx", &["pbx.test"]));
        below.chain.push(between.der());
        assert_eq!(panel.meets(&below, "pbx.test").await, Ok(()), "with an authority in between");
    });
}

#[test]
fn a_certificate_for_somebody_else_is_refused_with_both_names() {
    on_runtime(async {
        let mut panel = Panel::new();
        let issued = panel.authority.issue(&wanted("pbx", &["other.test", "192.0.2.1"]));
        for (name, expected) in
            [("pbx.test", "pbx.test"), ("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("a.other.test", "a.other.test")]
        {
            let fault = fault(panel.meets(&issued, name).await);
            assert_eq!(fault, wrong_name(expected, "other.test, 192.0.2.1"));
        }
        let many = panel.authority.issue(&wanted("pbx", &["a.test", "b.test", "c.test", "d.test"]));
        assert_eq!(fault(panel.meets(&many, "pbx.test").await), wrong_name("pbx.test", "a.test, b.test, c.test, …"));
    });
}

#[test]
fn neither_a_common_name_nor_a_wildcard_nor_the_uri_of_a_user_is_a_name() {
    on_runtime(async {
        let mut panel = Panel::new();
        let issued = panel.authority.issue(&wanted("pbx.test", &[]));
        assert_eq!(fault(panel.meets(&issued, "pbx.test").await), wrong_name("pbx.test", "nobody"));
        let issued = panel.authority.issue(&wanted("pbx", &["*.test"]));
        assert_eq!(fault(panel.meets(&issued, "pbx.test").await), wrong_name("pbx.test", "*.test"));
        for uri in ["sip:door@pbx.test", "sips:pbx.test", "https://pbx.test", "sip:pbx.test;x"] {
            let issued = panel.authority.issue(&wanted_for_uri(uri));
            assert_eq!(fault(panel.meets(&issued, "pbx.test").await), wrong_name("pbx.test", "nobody"), "{uri}");
        }
    });
}

#[test]
fn a_certificate_holds_for_its_time() {
    on_runtime(async {
        let mut panel = Panel::new();
        let issued = panel.authority.issue(&wanted("pbx", &["pbx.test"]));
        panel.now = NEW_YEAR;
        assert_eq!(panel.meets(&issued, "pbx.test").await, Ok(()), "the last second");
        panel.now = NEW_YEAR + 1;
        assert_eq!(fault(panel.meets(&issued, "pbx.test").await), TlsFault::Expired);
        panel.now = TODAY - 365 * 86_400;
        assert_eq!(fault(panel.meets(&issued, "pbx.test").await), TlsFault::NotYetValid);
    });
}

#[test]
fn nobody_is_trusted_who_is_not_known() {
    on_runtime(async {
        let mut panel = Panel::new();
        let stranger = Authority::new("a stranger").issue(&wanted("pbx", &["pbx.test"]));
        assert_eq!(fault(panel.meets(&stranger, "pbx.test").await), TlsFault::UnknownAuthority);
        let of_same_name = Authority::new("the authority").issue(&wanted("pbx", &["pbx.test"]));
        assert_eq!(fault(panel.meets(&of_same_name, "pbx.test").await), TlsFault::UnknownAuthority);
        panel.config.tls_ca.clear();
        let known = panel.authority.issue(&wanted("pbx", &["pbx.test"]));
        assert_eq!(fault(panel.meets(&known, "pbx.test").await), TlsFault::UnknownAuthority, "not any more");
        for is_ca in [IsCa::NoCa, IsCa::Ca(rcgen::BasicConstraints::Unconstrained)] {
            let own = by_itself(is_ca);
            assert_eq!(fault(panel.meets(&own, "pbx.test").await), TlsFault::SelfSigned);
        }
    });
}

#[test]
fn the_systems_authorities_are_trusted_beside_our_own() {
    on_runtime(async {
        let mut panel = Panel::new();
        let system = Authority::new("the system's");
        let settings = Settings::of(&panel.config);
        let client = build(&settings, panel.folder.path(), vec![system.der()], Arc::new(Clock(TODAY)));
        let client = client.expect("the settings are right");
        let server = Server::echoes(of(&system.issue(&wanted("pbx", &["pbx.test"])), &BOTH, None)).await;
        let tls = Some((Credentials::read(client), peer_name("pbx.test").expect("a name")));
        let wanted = Connect { flow: None, local: server.address, remote: server.address, tls };
        panel.table.connect(Instant::now(), wanted, &|_| false).expect("there is room");
        assert!(matches!(panel.event().await, FlowEvent::Connected { .. }));
    });
}

#[test]
fn a_servers_own_certificate_is_trusted_when_it_is_in_our_file() {
    on_runtime(async {
        let mut panel = Panel::new();
        for is_ca in [IsCa::NoCa, IsCa::Ca(rcgen::BasicConstraints::Unconstrained)] {
            let own = by_itself(is_ca);
            put(panel.folder.path(), "ca.pem", own.pem());
            panel.now = TODAY;
            assert_eq!(panel.meets(&own, "pbx.test").await, Ok(()));
            assert_eq!(fault(panel.meets(&own, "other.test").await), wrong_name("other.test", "pbx.test"));
            panel.now = NEW_YEAR + 1;
            assert_eq!(fault(panel.meets(&own, "pbx.test").await), TlsFault::Expired);
            panel.now = TODAY - 365 * 86_400;
            assert_eq!(fault(panel.meets(&own, "pbx.test").await), TlsFault::NotYetValid);
        }
    });
}

#[test]
fn a_pinned_certificate_is_the_only_one() {
    on_runtime(async {
        let mut panel = Panel::new();
        let (right, other) = (wanted("pbx", &["pbx.test"]), wanted("pbx", &["pbx.test"]));
        let (right, other) = (panel.authority.issue(&right), panel.authority.issue(&other));
        panel.config.tls_fingerprint = right.fingerprint();
        assert_eq!(panel.meets(&right, "pbx.test").await, Ok(()));
        assert_eq!(fault(panel.meets(&other, "pbx.test").await), TlsFault::Fingerprint);
        assert_eq!(
            fault(panel.meets(&right, "other.test").await),
            wrong_name("other.test", "pbx.test"),
            "the rest has to hold as well"
        );
        let own = Issued::by_itself(&wanted("pbx", &["pbx.test"]));
        panel.config.tls_fingerprint = own.fingerprint().replace(':', "").to_lowercase();
        assert_eq!(fault(panel.meets(&own, "pbx.test").await), TlsFault::SelfSigned);
        panel.config.tls_verify = false;
        assert_eq!(panel.meets(&own, "other.test").await, Ok(()), "nothing but the fingerprint counts");
        assert_eq!(fault(panel.meets(&right, "pbx.test").await), TlsFault::Fingerprint);
        panel.config.tls_fingerprint = "AB".into();
        assert_eq!(panel.client().err(), Some(TlsFault::Fingerprint), "half a fingerprint is none that fits");
    });
}

#[test]
fn without_checks_any_certificate_will_do() {
    on_runtime(async {
        let mut panel = Panel::new();
        panel.config.tls_verify = false;
        panel.config.tls_ca = "not there.pem".into();
        panel.now = NEW_YEAR + 1;
        let own = Issued::by_itself(&wanted("somebody", &[]));
        for versions in BOTH {
            let server = Server::echoes(of(&own, &[versions], None)).await;
            assert_eq!(panel.tries(&server, "pbx.test").await, Ok(()));
        }
    });
}

#[test]
fn our_certificate_is_shown_with_a_key_in_any_form() {
    on_runtime(async {
        let mut panel = Panel::new();
        let server = panel.authority.issue(&wanted("pbx", &["pbx.test"]));
        let mut ours = Vec::new();
        for key in [KeyPair::generate(), KeyPair::generate_for(&PKCS_ED25519)] {
            let issued = panel.authority.issue_for(&wanted("panel", &[]), key.expect("the system has random bytes"));
            let key = issued.key_der();
            ours.push((issued, key));
        }
        let issued = panel.authority.issue(&wanted("panel", &[]));
        let key = sec1(&issued.key);
        ours.push((issued, key));
        for in_pkcs1 in [false, true] {
            let issued = panel.authority.issue_for(&wanted("panel", &[]), rsa_key());
            let key = if in_pkcs1 { pkcs1(&issued.key) } else { issued.key_der() };
            ours.push((issued, key));
        }
        for versions in BOTH {
            let server = Server::echoes(of(&server, &[versions], Some(&panel.authority))).await;
            for (issued, key) in &ours {
                panel.show(issued, key);
                assert_eq!(panel.tries(&server, "pbx.test").await, Ok(()), "{key:?} by {versions:?}");
            }
            let (issued, key) = &ours[0];
            let both = issued.pem() + &crate::worker::certificates::pem_of_key(key);
            put(panel.folder.path(), "client.pem", both);
            panel.config.tls_key.clear();
            assert_eq!(panel.tries(&server, "pbx.test").await, Ok(()), "both in one file, by {versions:?}");
        }
    });
}

#[test]
fn a_server_that_wants_our_certificate_and_gets_none_or_another_says_so() {
    on_runtime(async {
        let mut panel = Panel::new();
        let server = panel.authority.issue(&wanted("pbx", &["pbx.test"]));
        let stranger = Authority::new("a stranger").issue(&wanted("panel", &[]));
        for versions in BOTH {
            let server = Server::echoes(of(&server, &[versions], Some(&panel.authority))).await;
            panel.config.tls_certificate.clear();
            panel.config.tls_key.clear();
            for _ in 0..10 {
                assert_eq!(fault(panel.tries(&server, "pbx.test").await), TlsFault::ClientCertificate, "{versions:?}");
            }
            panel.show(&stranger, &stranger.key_der());
            assert_eq!(fault(panel.tries(&server, "pbx.test").await), TlsFault::ClientCertificate, "{versions:?}");
        }
    });
}

#[test]
fn a_server_that_wanted_our_certificate_and_hangs_up_without_a_word_is_understood() {
    on_runtime(async {
        let mut panel = Panel::new();
        let issued = panel.authority.issue(&wanted("pbx", &["pbx.test"]));
        let provider = Arc::new(default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(panel.authority.der()).expect("it is an authority");
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
        let verifier = verifier.allow_unauthenticated().build().expect("there is an authority");
        let config = ServerConfig::builder_with_details(provider, Arc::new(Clock(TODAY)))
            .with_protocol_versions(&[&TLS13])
            .expect("it can speak it")
            .with_client_cert_verifier(verifier)
            .with_single_cert(issued.chain.clone(), issued.key_der())
            .expect("the key fits");
        let server = Server::tls(config, |stream| async move { drop(stream) }).await;
        assert_eq!(fault(panel.tries(&server, "pbx.test").await), TlsFault::ClientCertificate);
        let server = Server::tls(of(&issued, &BOTH, None), |stream| async move { drop(stream) }).await;
        let why = panel.tries(&server, "pbx.test").await.expect_err("it hangs up");
        assert!(matches!(why, FlowFault::Ended(_)), "it wanted none: {why:?}");
    });
}

#[test]
fn a_file_of_ours_that_cannot_be_used_is_named_with_what_is_wrong() {
    let mut panel = Panel::new();
    let ours = panel.authority.issue(&wanted("panel", &[]));
    let other = panel.authority.issue(&wanted("panel", &[]));
    let said = |panel: &Panel| match panel.client() {
        Err(TlsFault::OurFile(problem)) => problem.to_string(),
        other => panic!("no file is at fault: {other:?}"),
    };
    panel.config.tls_ca = "none.pem".into();
    assert_eq!(said(&panel), "none.pem (Trusted CA): there is no such file or folder");
    put(panel.folder.path(), "ca.pem", "not a certificate");
    panel.config.tls_ca = "ca.pem".into();
    assert_eq!(said(&panel), "ca.pem (Trusted CA): there is neither a certificate nor a key in it (PEM or DER)");
    panel.config.tls_ca.clear();
    panel.show(&ours, &other.key_der());
    assert_eq!(said(&panel), "client.pem (Client Certificate): the key in client.key does not fit it");
    panel.config.tls_key.clear();
    assert_eq!(said(&panel), "client.pem (Client Certificate): the Client Key that belongs to it is not set");
    panel.config.tls_key = "client.pem".into();
    assert_eq!(said(&panel), "client.pem (Client Key): there is a certificate in it, and no key");
    let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    put(panel.folder.path(), "client.key", locked);
    panel.config.tls_key = "client.key".into();
    assert_eq!(said(&panel), "client.key (Client Key): the key in it is locked with a password: unlock it first");
    panel.config.tls_certificate.clear();
    assert_eq!(said(&panel), "client.key (Client Key): the Client Certificate that belongs to it is not set");
}

#[test]
fn files_are_read_when_they_are_first_needed_and_again_when_the_settings_change() {
    on_runtime(async {
        let mut panel = Panel::new();
        let issued = Issued::by_itself(&wanted("pbx", &["pbx.test"]));
        let server = Server::echoes(of(&issued, &BOTH, None)).await;
        let mut keyring = Keyring::new(panel.folder.path());
        let mut tries = async |panel: &mut Panel, forgets: bool| {
            if forgets {
                keyring.forget();
            }
            let tls = Some((keyring.of(Account::Two, &panel.config), peer_name("pbx.test").expect("a name")));
            let wanted = Connect { flow: None, local: server.address, remote: server.address, tls };
            let (flow, _) = panel.table.connect(Instant::now(), wanted, &|_| false).expect("there is room");
            let outcome = match panel.event().await {
                FlowEvent::Connected { .. } => Ok(()),
                FlowEvent::Closed { why, .. } => Err(why),
                FlowEvent::Bytes { .. } => panic!("it says nothing"),
            };
            panel.table.close(flow);
            outcome
        };
        panel.config.tls_verify = false;
        panel.config.tls_certificate = "client.pem".into();
        let missing = "client.pem (Client Certificate): there is no such file or folder";
        assert_eq!(fault(tries(&mut panel, false).await).to_string(), format!("certificate file: {missing}"));
        let ours = panel.authority.issue(&wanted("panel", &[]));
        panel.show(&ours, &ours.key_der());
        assert_eq!(tries(&mut panel, false).await, Ok(()), "what could not be read is tried again");
        put(panel.folder.path(), "client.pem", "damaged");
        assert_eq!(tries(&mut panel, false).await, Ok(()), "what was read is kept");
        assert!(matches!(fault(tries(&mut panel, true).await), TlsFault::OurFile(_)), "until it is forgotten");
        panel.config.tls_certificate.clear();
        panel.config.tls_key.clear();
        assert_eq!(tries(&mut panel, false).await, Ok(()), "or set otherwise");
    });
}

#[test]
fn nothing_that_is_no_name_is_looked_for_in_a_certificate() {
    for good in ["pbx.test", "pbx.test.", "a_b.local", "192.0.2.1", "2001:db8::1", "[2001:db8::1]"] {
        assert!(peer_name(good).is_ok(), "{good}");
    }
    for bad in ["", "a b", "sip:pbx.test", "-"] {
        assert!(matches!(peer_name(bad), Err(TlsFault::Handshake(_))), "{bad}");
    }
}
