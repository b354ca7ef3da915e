//! Doors that are played here on the loopback, one connection after the other.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use md5::Md5;
use rcgen::{CertificateParams, date_time_ymd};
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::channel::TlsFault;
use crate::config::{AccountConfig, WebAddress};
use crate::worker::certificates::testing::{Authority, Issued, put, wanted};
use crate::worker::net::tls::Keyring;
use crate::worker::testing::{free_port, on_runtime};

/// Longer than any door of these tests takes that answers at all.
const LONG: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(200);
const CNONCE: &str = "c0ffee";

const YES: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nopen";

/// What a door does with its n-th request.
enum Reply {
    /// Says this and hangs up.
    Says(String),
    /// Says nothing and waits until the other side has gone.
    Silence,
    /// Says yes and never stops.
    Endless,
}

fn says(text: &str) -> Reply {
    Reply::Says(text.to_owned())
}

fn status(line: &str) -> Reply {
    Reply::Says(format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n"))
}

type Script = Arc<dyn Fn(usize, &str) -> Reply + Send + Sync>;

/// A door on the loopback for as long as it is held.
struct Played {
    address: SocketAddr,
    /// The heads of the requests, as they came.
    heard: Arc<Mutex<Vec<String>>>,
    /// What it has written of a page without end.
    written: Arc<Mutex<usize>>,
    _task: JoinSet<()>,
}

impl Played {
    async fn new(script: impl Fn(usize, &str) -> Reply + Send + Sync + 'static) -> Self {
        Self::with(Arc::new(script), None).await
    }

    /// The same by TLS with this certificate.
    async fn tls(issued: &Issued) -> Self {
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("they are there")
            .with_no_client_auth()
            .with_single_cert(issued.chain.clone(), issued.key_der())
            .expect("the key fits");
        Self::with(Arc::new(|_, _| says(YES)), Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn with(script: Script, acceptor: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let address = listener.local_addr().expect("it is bound");
        let (heard, written) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(0)));
        let (log, count) = (heard.clone(), written.clone());
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut visits = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (script, log, count) = (script.clone(), log.clone(), count.clone());
                match acceptor.clone() {
                    None => drop(visits.spawn(serve(stream, script, log, count))),
                    Some(acceptor) => drop(visits.spawn(async move {
                        if let Ok(stream) = acceptor.accept(stream).await {
                            serve(stream, script, log, count).await;
                        }
                    })),
                }
            }
        });
        Self { address, heard, written, _task: task }
    }

    fn url(&self, login: &str, path: &str) -> String {
        format!("http://{login}{}{path}", self.address)
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("nobody panics with it").clone()
    }
}

async fn serve<S>(mut stream: S, script: Script, log: Arc<Mutex<Vec<String>>>, count: Arc<Mutex<usize>>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).expect("a request is ASCII");
    let number = {
        let mut log = log.lock().expect("nobody panics with it");
        log.push(head.clone());
        log.len()
    };
    match script(number, &head) {
        Reply::Says(text) => {
            let _ = stream.write_all(text.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
        Reply::Silence => {
            let _ = stream.read_u8().await;
        }
        Reply::Endless => {
            let mut result = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            while result.is_ok() {
                *count.lock().expect("nobody panics with it") += 4096;
                result = stream.write_all(&[b'x'; 4096]).await;
            }
            *count.lock().expect("nobody panics with it") |= 1;
        }
    }
}

/// A desk with all that it needs.
struct Panel {
    desk: Desk,
    answers: UnboundedReceiver<Answer>,
    resolver: Resolver,
    keyring: Keyring,
    accounts: [AccountConfig; 2],
    folder: tempfile::TempDir,
    asked: u32,
}

impl Panel {
    /// One whose name server is at this address.
    fn new(name_server: SocketAddr) -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let (sender, answers) = unbounded_channel();
        // Nobody asks it for the phone.
        let (replies, _) = unbounded_channel();
        Self {
            desk: Desk::new(sender),
            answers,
            resolver: Resolver::new(&[name_server], replies),
            keyring: Keyring::new(folder.path()),
            accounts: Default::default(),
            folder,
            asked: 0,
        }
    }

    fn ask(&mut self, url: &str, within: Duration) -> u32 {
        self.asked += 1;
        let url = WebAddress::parse(url).unwrap_or_else(|| panic!("{url} is a web address"));
        let request = DoorRequest { asked: self.asked, url, cnonce: CNONCE.to_owned(), within };
        let credentials = self.keyring.of_doors(&self.accounts);
        self.desk.ask(request, &mut self.resolver, credentials);
        self.asked
    }

    async fn answer(&mut self) -> Answer {
        self.answers.recv().await.expect("the desk lives")
    }

    async fn opens(&mut self, url: &str) -> Result<(), UnlockFault> {
        let asked = self.ask(url, LONG);
        let answer = self.answer().await;
        assert_eq!(answer.asked, asked);
        answer.result
    }
}

/// One that knows no names.
fn panel() -> Panel {
    Panel::new(SocketAddr::from(([127, 0, 0, 1], free_port())))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(is, _)| is.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

#[test]
fn a_door_that_says_yes_was_asked_once_with_name_and_password() {
    on_runtime(async {
        for answer in [
            YES,
            "HTTP/1.1 204 No Content\r\n\r\n",
            "HTTP/1.0 200 OK\r\n\r\nopen",
            "HTTP/1.1 202 x\r\nBad header\r\n\r\n",
        ] {
            let door = Played::new(|_, _| says(answer)).await;
            assert_eq!(panel().opens(&door.url("Ali%20Baba:op%3Aen@", "/a?b=c#d")).await, Ok(()), "{answer}");
            let heard = door.heard();
            assert_eq!(heard.len(), 1, "{heard:?}");
            assert!(heard[0].starts_with("GET /a?b=c HTTP/1.1\r\n"), "{heard:?}");
            assert_eq!(header(&heard[0], "Host"), Some(door.address.to_string().as_str()));
            // Ali Baba:op:en
            assert_eq!(header(&heard[0], "Authorization"), Some("Basic QWxpIEJhYmE6b3A6ZW4="));
            assert_eq!(header(&heard[0], "Content-Length"), None);
        }
        let door = Played::new(|_, _| says(YES)).await;
        assert_eq!(panel().opens(&door.url("", "")).await, Ok(()));
        assert_eq!(header(&door.heard()[0], "Authorization"), None);
    });
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// The response of RFC 7616 3.4.1 for Ali, sesame, GET /open.
fn response(hash: impl Fn(String) -> String, nonce: &str) -> String {
    let (who, what) = (hash("Ali:cave:sesame".to_owned()), hash("GET:/open".to_owned()));
    hash(format!("{who}:{nonce}:00000001:{CNONCE}:auth:{what}"))
}

#[test]
fn a_door_that_wants_a_digest_gets_it_by_md5_and_by_sha_256() {
    let md5 = |text: String| hex(&Md5::digest(text));
    let sha = |text: String| hex(&Sha256::digest(text));
    on_runtime(async {
        for (algorithm, right) in [("MD5", response(md5, "n1")), ("SHA-256", response(sha, "n1"))] {
            let door = Played::new(move |_, head| match header(head, "Authorization") {
                Some(given) if given.contains(&format!("response=\"{right}\"")) => says(YES),
                _ => says(&format!(
                    "HTTP/1.1 401 no\r\nWWW-Authenticate: Basic realm=\"cave\"\r\nWWW-Authenticate: Digest realm=\"cave\", \
                     nonce=\"n1\", qop=\"auth\", algorithm={algorithm}\r\nContent-Length: 0\r\n\r\n"
                )),
            })
            .await;
            assert_eq!(panel().opens(&door.url("Ali:sesame@", "/open")).await, Ok(()), "{algorithm}");
            assert_eq!(door.heard().len(), 2);
            let refused = panel().opens(&door.url("Ali:barley@", "/open")).await;
            assert_eq!(refused, Err(UnlockFault::WrongPassword(401)), "{algorithm}");
            assert_eq!(door.heard().len(), 4, "a wrong password is tried once");
        }
    });
}

#[test]
fn a_nonce_that_has_grown_old_is_no_wrong_password() {
    on_runtime(async {
        let challenge = |stale: &str, nonce: usize| {
            says(&format!(
                "HTTP/1.1 401 no\r\nWWW-Authenticate: Digest realm=\"cave\", nonce=\"{nonce}\", qop=\"auth\"{stale}\r\n\
                 Content-Length: 0\r\n\r\n"
            ))
        };
        let door = Played::new(move |number, _| match number {
            1 => challenge("", 1),
            2 => challenge(", stale=true", 2),
            _ => says(YES),
        })
        .await;
        assert_eq!(panel().opens(&door.url("a:b@", "/")).await, Ok(()));
        assert!(door.heard()[2].contains("nonce=\"2\""), "{:?}", door.heard());
        let door = Played::new(move |number, _| challenge(", stale=true", number)).await;
        assert_eq!(panel().opens(&door.url("a:b@", "/")).await, Err(UnlockFault::WrongPassword(401)));
        assert_eq!(door.heard().len(), 3, "not for ever");
    });
}

#[test]
fn each_refusal_has_its_reason_and_is_not_tried_again() {
    on_runtime(async {
        for (reply, fault) in [
            ("401 x", UnlockFault::WrongPassword(401)),
            ("403 x", UnlockFault::WrongPassword(403)),
            ("404 x", UnlockFault::UnknownAddress(404)),
            ("410 x", UnlockFault::UnknownAddress(410)),
            ("500 x", UnlockFault::Trouble(500)),
            ("503 x", UnlockFault::Trouble(503)),
            ("418 x", UnlockFault::Refused(418)),
            ("304 x", UnlockFault::Refused(304)),
            ("302 x", UnlockFault::Moved(302)),
            ("999 x", UnlockFault::Refused(999)),
            ("abc x", UnlockFault::NotHttp),
        ] {
            let door = Played::new(move |_, _| status(reply)).await;
            assert_eq!(panel().opens(&door.url("a:b@", "/open")).await, Err(fault), "{reply}");
            assert_eq!(door.heard().len(), 1, "{reply}");
        }
        let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(100_000));
        for (reply, fault) in [
            ("SSH-2.0-OpenSSH_9.2\r\n", UnlockFault::NotHttp),
            ("", UnlockFault::NoAnswer),
            ("HTTP/1.1 200 OK\r\nX-Part: a", UnlockFault::NoAnswer),
            (long.as_str(), UnlockFault::NotHttp),
        ] {
            let text = reply.to_owned();
            let door = Played::new(move |_, _| says(&text)).await;
            let begin = reply.get(..20).unwrap_or(reply);
            assert_eq!(panel().opens(&door.url("", "/open")).await, Err(fault), "{begin}");
            assert_eq!(door.heard().len(), 1, "{begin}");
        }
        let nobody = format!("http://127.0.0.1:{}/", free_port());
        assert_eq!(panel().opens(&nobody).await, Err(UnlockFault::NobodyThere));
    });
}

#[test]
fn a_redirect_is_followed_on_the_same_host_and_nowhere_else() {
    let moved = |to: &str| says(&format!("HTTP/1.1 302 x\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"));
    on_runtime(async {
        let door = Played::new(move |number, _| match number {
            1 => moved("/b"),
            2 => moved("c?d"),
            3 => moved("?e"),
            _ => says(YES),
        })
        .await;
        assert_eq!(panel().opens(&door.url("a:b@", "/a")).await, Ok(()));
        let heard = door.heard();
        let lines: Vec<&str> = heard.iter().filter_map(|head| head.lines().next()).collect();
        assert_eq!(lines, ["GET /a HTTP/1.1", "GET /b HTTP/1.1", "GET /c?d HTTP/1.1", "GET /c?e HTTP/1.1"]);
        assert!(heard.iter().all(|head| header(head, "Authorization") == Some("Basic YTpi")), "{heard:?}");

        let circle = Played::new(move |_, _| moved("/a")).await;
        assert_eq!(panel().opens(&circle.url("", "/a")).await, Err(UnlockFault::Moved(302)));
        assert_eq!(circle.heard().len(), 4);

        let thief = Played::new(|_, _| says(YES)).await;
        let to = format!("http://localhost:{}/", thief.address.port());
        let door = Played::new(move |_, _| moved(&to)).await;
        assert_eq!(panel().opens(&door.url("a:b@", "/")).await, Err(UnlockFault::Moved(302)));
        assert_eq!(thief.heard(), Vec::<String>::new());
    });
}

#[test]
fn silent_doors_hold_up_neither_others_nor_the_panel_and_are_not_asked_without_end() {
    on_runtime(async {
        let silent = Played::new(|_, _| Reply::Silence).await;
        let willing = Played::new(|_, _| says(YES)).await;
        let mut panel = panel();
        let first = panel.ask(&silent.url("", "/"), SHORT);
        let begun = Instant::now();
        assert_eq!(panel.answer().await, Answer { asked: first, result: Err(UnlockFault::NoAnswer) });
        assert!(begun.elapsed() >= SHORT - Duration::from_millis(20), "{:?}", begun.elapsed());
        // Its connection ends with its time, and its place is free again.
        for _ in 1..MOST_AT_WORK {
            panel.ask(&silent.url("", "/"), LONG);
        }
        assert_eq!(panel.opens(&willing.url("", "/")).await, Ok(()));
        while panel.desk.tasks.len() > MOST_AT_WORK - 1 {
            panel.desk.tasks.join_next().await.expect("the one that opened has read the page").expect("it ends well");
        }
        panel.ask(&silent.url("", "/"), LONG);
        assert_eq!(panel.opens(&willing.url("", "/")).await, Err(UnlockFault::TooMany));
    });
}

#[test]
fn a_page_without_end_is_left() {
    on_runtime(async {
        let door = Played::new(|_, _| Reply::Endless).await;
        let mut panel = panel();
        assert_eq!(panel.opens(&door.url("", "/")).await, Ok(()));
        panel.desk.tasks.join_next().await.expect("it is reading").expect("it ends well");
        let written = || *door.written.lock().expect("nobody panics with it");
        while written() & 1 == 0 {
            tokio::task::yield_now().await;
        }
        // What the system holds for both ends comes on top of it.
        assert!(written() > LEAST_READ && written() < 16 << 20, "{} bytes", written());
    });
}

/// What is certainly read of a page without end.
const LEAST_READ: usize = 64 * 1024;

/// Holds until the end of the century.
fn lasting(mut wanted: CertificateParams) -> CertificateParams {
    (wanted.not_before, wanted.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2099, 1, 1));
    wanted
}

#[test]
fn https_trusts_whom_the_accounts_trust_and_says_why_it_does_not() {
    on_runtime(async {
        let authority = Authority::new("the authority");
        let mut panel = panel();
        put(panel.folder.path(), "ca.pem", authority.pem());
        let names = lasting(wanted("door", &["localhost", "127.0.0.1"]));
        let good = Played::tls(&authority.issue(&names)).await;
        let at = |door: &Played, host: &str| format!("https://a:b@{host}:{}/open", door.address.port());
        let untrusted = Err(UnlockFault::Tls(TlsFault::UnknownAuthority));
        assert_eq!(panel.opens(&at(&good, "127.0.0.1")).await, untrusted);
        assert_eq!(good.heard(), Vec::<String>::new(), "it is told nothing");

        // An account that checks nothing changes nothing here.
        panel.accounts[1] = AccountConfig { tls_ca: "ca.pem".into(), tls_verify: false, ..AccountConfig::default() };
        for host in ["127.0.0.1", "localhost", "LOCALHOST"] {
            assert_eq!(panel.opens(&at(&good, host)).await, Ok(()), "{host}");
        }
        assert!(good.heard()[0].starts_with("GET /open HTTP/1.1\r\n"));

        let own = Played::tls(&Issued::by_itself(&names)).await;
        assert_eq!(panel.opens(&at(&own, "127.0.0.1")).await, Err(UnlockFault::Tls(TlsFault::SelfSigned)));
        let other = Played::tls(&authority.issue(&lasting(wanted("door", &["door.test"])))).await;
        let wrong_name = TlsFault::WrongName { expected: "localhost".into(), found: "door.test".into() };
        assert_eq!(panel.opens(&at(&other, "localhost")).await, Err(UnlockFault::Tls(wrong_name)));
        let mut old = wanted("door", &["localhost"]);
        (old.not_before, old.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
        let old = Played::tls(&authority.issue(&old)).await;
        assert_eq!(panel.opens(&at(&old, "localhost")).await, Err(UnlockFault::Tls(TlsFault::Expired)));
        let plain = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let url = format!("https://{}/", plain.local_addr().expect("it is bound"));
        let asking = panel.opens(&url);
        let plain = async {
            let (mut stream, _) = plain.accept().await.expect("it comes");
            stream.write_all(b"HTTP/1.1 400 x\r\n\r\n").await.expect("it is there");
            // Until it has gone.
            let _ = stream.read_to_end(&mut Vec::new()).await;
        };
        let no_tls = TlsFault::Handshake("the other side does not speak TLS".into());
        assert_eq!(tokio::join!(asking, plain).0, Err(UnlockFault::Tls(no_tls)));
    });
}

#[test]
fn a_name_is_asked_of_the_name_server_of_the_settings() {
    on_runtime(async {
        let server = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
        let address = server.local_addr().expect("it is bound");
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut bytes = [0; 1500];
            while let Ok((length, from)) = server.recv_from(&mut bytes).await {
                // The same back as a response by which there is no such name (RFC 1035 4.1.1).
                bytes[2] |= 0x80;
                bytes[3] = (bytes[3] & 0xf0) | 3;
                let _ = server.send_to(&bytes[..length], from).await;
            }
        });
        let door = Played::new(|_, _| says(YES)).await;
        let mut knowing = Panel::new(address);
        let port = door.address.port();
        assert_eq!(knowing.opens(&format!("http://localhost:{port}/")).await, Ok(()));
        assert_eq!(knowing.opens("http://door.test/").await, Err(UnlockFault::HostNotFound));
        let silent = panel().opens("http://door.test/").await;
        assert_eq!(silent, Err(UnlockFault::NoNameServer));
    });
}
