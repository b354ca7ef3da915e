//! TLS of the connections to servers: whom an account trusts, who we are to them, and which check failed.
//!
//! ```text
//! settings, certificates/ ─▶ Credentials ─▶ Client ─▶ greet(name, TCP) ─▶ encrypted stream, or a TlsFault
//!                            (in a thread)    ├─ verifier: pin, chain, name
//!                                             └─ Ours: our certificate, and whether it was asked for
//! ```
//! Only TLS 1.2 and 1.3 are spoken. Nothing is resumed, so each connection is checked as if it were the first. The cryptography
//! is ring's, given explicitly to each configuration.

mod credentials;
mod fault;
mod names;
mod verifier;

#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, DnsName, ServerName};
use rustls::sign::CertifiedKey;
use rustls::time_provider::{DefaultTimeProvider, TimeProvider};
use rustls::{ClientConfig, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use self::credentials::Settings;
pub use self::credentials::{Credentials, Keyring};
pub(super) use self::fault::{farewell_of, fault_of};
use self::verifier::{Pin, Trust, Verifier};
use crate::channel::{CertificateFault, CertificateProblem, CertificateRole, TlsFault};
use crate::config::AccountConfig;
use crate::worker::certificates::{Contents, fits};

/// What the TLS connections of an account need, read and understood.
#[derive(Clone, Debug)]
pub(in crate::worker) struct Client {
    config: ClientConfig,
    /// What we show to a server that asks.
    shown: Option<Arc<CertifiedKey>>,
}

/// What the settings say. The files that they name are in the folder `certificates`. Reads these files, and the system's
/// authorities where they are wanted.
///
/// # Errors
/// [`TlsFault::OurFile`] with the file and what is wrong with it.
fn client(settings: &Settings, certificates: &Path) -> Result<Client, TlsFault> {
    let system = if settings.verify { system_authorities() } else { Vec::new() };
    build(settings, certificates, system, Arc::new(DefaultTimeProvider))
}

/// Reads all that the TLS connections of an account would, and makes none. True if somebody is trusted: by a file of the
/// settings, by a fingerprint, by the system, or because nothing is verified.
///
/// # Errors
/// As for the first connection: the file, and what is wrong with it.
pub fn check(config: &AccountConfig, certificates: &Path) -> Result<bool, TlsFault> {
    let settings = Settings::of(config);
    client(&settings, certificates)?;
    let named = !settings.verify || !settings.ca.is_empty() || !settings.fingerprint.is_empty();
    Ok(named || !system_authorities().is_empty())
}

/// The name that a server's certificate has to bear: that of the domain that was asked for (RFC 5922 4), or an address.
///
/// # Errors
/// [`TlsFault::Handshake`] when it is neither.
pub fn peer_name(host: &str) -> Result<ServerName<'static>, TlsFault> {
    let host = host.trim_matches(['[', ']']);
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(ServerName::IpAddress(address.into()));
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    match DnsName::try_from(name.to_owned()) {
        Ok(name) => Ok(ServerName::DnsName(name)),
        Err(_) => Err(TlsFault::Handshake("the server has no name that a certificate could bear".to_owned())),
    }
}

/// The authorities that the system trusts; a system without any, or with damaged ones, is no error.
fn system_authorities() -> Vec<CertificateDer<'static>> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::debug!("authorities of the system: {error}");
    }
    found.certs
}

fn build(
    settings: &Settings,
    certificates: &Path,
    system: Vec<CertificateDer<'static>>,
    clock: Arc<dyn TimeProvider>,
) -> Result<Client, TlsFault> {
    let provider = Arc::new(default_provider());
    let pin = Pin::parse(&settings.fingerprint)?;
    let trust = settings.verify.then(|| trust(&settings.ca, certificates, system)).transpose()?;
    let verifier = Verifier::new(trust, settings.names, pin, provider.signature_verification_algorithms);
    let shown = shown(&settings.certificate, &settings.key, certificates)?;
    let mut config = ClientConfig::builder_with_details(provider, clock)
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsFault::Handshake(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(Client { config, shown })
}

/// Whom an account trusts: the system's authorities, and what is in its own files.
fn trust(files: &[String], certificates: &Path, system: Vec<CertificateDer<'static>>) -> Result<Trust, TlsFault> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(system);
    let mut own = Vec::new();
    for ca in files {
        let broken = |fault| our_file(CertificateRole::Authority, ca, fault);
        let contents = Contents::read(&certificates.join(ca)).map_err(broken)?;
        for certificate in contents.whole_certificates().map_err(broken)? {
            // What cannot be an authority may still be the server's own certificate.
            if let Err(error) = roots.add(certificate.clone()) {
                tracing::debug!("what is in {ca} is no authority: {error}");
            }
            own.push(certificate.clone());
        }
    }
    Ok(Trust { roots, own })
}

/// Our own certificate with its key, if one is set.
fn shown(certificate: &str, key: &str, certificates: &Path) -> Result<Option<Arc<CertifiedKey>>, TlsFault> {
    if certificate.is_empty() {
        if key.is_empty() {
            return Ok(None);
        }
        let fault = CertificateFault::Alone(CertificateRole::Client);
        return Err(our_file(CertificateRole::Key, key, fault));
    }
    let broken = |fault| our_file(CertificateRole::Client, certificate, fault);
    let contents = Contents::read(&certificates.join(certificate)).map_err(broken)?;
    let chain = contents.whole_certificates().map_err(broken)?.to_vec();
    let signing = if !key.is_empty() {
        let broken = |fault| our_file(CertificateRole::Key, key, fault);
        let held = Contents::read(&certificates.join(key)).map_err(broken)?;
        held.key().map_err(broken)?.1
    } else if contents.keys.is_empty() {
        return Err(broken(CertificateFault::Alone(CertificateRole::Key)));
    } else {
        contents.key().map_err(broken)?.1
    };
    if !chain.first().is_some_and(|first| fits(signing.as_ref(), first)) {
        let fault = if key.is_empty() { CertificateFault::NoPair } else { CertificateFault::KeyBeside(key.to_owned()) };
        return Err(broken(fault));
    }
    Ok(Some(Arc::new(CertifiedKey::new(chain, signing))))
}

fn our_file(role: CertificateRole, file: &str, fault: CertificateFault) -> TlsFault {
    TlsFault::OurFile(CertificateProblem { file: Some((file.into(), role)), fault })
}

/// Our side of one connection.
#[derive(Debug)]
pub(in crate::worker) struct Ours {
    shown: Option<Arc<CertifiedKey>>,
    asked: AtomicBool,
}

impl Ours {
    /// Whether the server wanted a certificate.
    pub fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Whether it wanted one and there is none.
    pub fn was_asked_in_vain(&self) -> bool {
        self.was_asked() && self.shown.is_none()
    }
}

impl ResolvesClientCert for Ours {
    fn resolve(&self, _issuers: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        self.shown.clone()
    }

    fn has_certs(&self) -> bool {
        self.shown.is_some()
    }
}

impl Client {
    /// Makes an encrypted stream of a connection, with the server's certificate checked for `name`. Takes as long as the server
    /// takes.
    ///
    /// # Errors
    /// Which check failed.
    pub(in crate::worker) async fn greet(
        &self,
        name: ServerName<'static>,
        stream: TcpStream,
    ) -> Result<(TlsStream<TcpStream>, Arc<Ours>), TlsFault> {
        let ours = Arc::new(Ours { shown: self.shown.clone(), asked: AtomicBool::new(false) });
        let mut config = self.config.clone();
        config.client_auth_cert_resolver = ours.clone();
        match TlsConnector::from(Arc::new(config)).connect(name, stream).await {
            Ok(stream) => Ok((stream, ours)),
            Err(error) => Err(fault_of(&error, &ours)),
        }
    }
}
