//! A SIP server that does what the test says, for all that no real one can be brought to do. One thread, UDP and TCP on
//! one port, a parser of its own that shares nothing with the panel's.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Transport;
use super::process::quiet_port;
use crate::real_panel::poll;

/// How long the thread rests when nothing has come.
const REST: Duration = Duration::from_millis(1);

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    pub at: Instant,
    pub over: Transport,
    pub from: SocketAddr,
    pub method: String,
    pub uri: String,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).next()
    }

    /// All headers of this name, in their order.
    pub fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(is, _)| is.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// For how long it wants to be registered, by the Contact's parameter or the header, in seconds.
    pub fn expires(&self) -> Option<u32> {
        let contact = self.header("Contact").unwrap_or_default();
        let parameter = contact.split(';').find_map(|part| part.trim().strip_prefix("expires="));
        parameter.or(self.header("Expires"))?.trim().parse().ok()
    }
}

/// What it answers.
#[derive(Clone, Debug)]
pub struct Answer {
    status: u16,
    phrase: &'static str,
    headers: Vec<String>,
}

impl Answer {
    /// Without further headers.
    pub fn new(status: u16, phrase: &'static str) -> Self {
        Self { status, phrase, headers: Vec::new() }
    }

    /// With one more header, `Name: value`.
    pub fn with(mut self, header: impl Into<String>) -> Self {
        self.headers.push(header.into());
        self
    }

    /// To a REGISTER: registered for so many seconds.
    pub fn registered(request: &Request, expires_s: u32) -> Self {
        let contact = request.header("Contact").unwrap_or("*");
        let bare: Vec<&str> = contact.split(';').filter(|part| !part.trim().starts_with("expires=")).collect();
        if expires_s == 0 {
            return Self::new(200, "OK");
        }
        Self::new(200, "OK").with(format!("Contact: {};expires={expires_s}", bare.join(";")))
    }

    fn write(&self, request: &Request) -> String {
        let mut text = format!("SIP/2.0 {} {}\r\n", self.status, self.phrase);
        for via in request.headers("Via") {
            let via =
                via.replacen(";rport", &format!(";rport={};received={}", request.from.port(), request.from.ip()), 1);
            text.push_str(&format!("Via: {via}\r\n"));
        }
        for name in ["From", "To", "Call-ID", "CSeq"] {
            let value = request.header(name).unwrap_or_default();
            let tag = if name == "To" && !value.contains(";tag=") { ";tag=scripted" } else { "" };
            text.push_str(&format!("{name}: {value}{tag}\r\n"));
        }
        for header in &self.headers {
            text.push_str(&format!("{header}\r\n"));
        }
        text + "Content-Length: 0\r\n\r\n"
    }
}

/// A running one.
pub struct Scripted {
    /// Where it listens on 127.0.0.1, by UDP and TCP.
    pub port: u16,
    heard: Arc<Mutex<Vec<Request>>>,
    leave: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Scripted {
    /// Starts one that answers each request but ACK as it is told; with nothing it says nothing.
    pub fn start(script: impl FnMut(&Request) -> Option<Answer> + Send + 'static) -> Self {
        let port = quiet_port();
        Self::start_on(port, script)
    }

    /// The same on a port of the caller's choice.
    pub fn start_on(port: u16, mut script: impl FnMut(&Request) -> Option<Answer> + Send + 'static) -> Self {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).expect("the port was free a moment ago");
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("the port was free a moment ago");
        udp.set_nonblocking(true).and(tcp.set_nonblocking(true)).expect("a socket need not block");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let leave = Arc::new(AtomicBool::new(false));
        let (all, left) = (heard.clone(), leave.clone());
        let thread = std::thread::spawn(move || {
            let mut answer = |request: Request| {
                let answer = if request.method == "ACK" { None } else { script(&request) };
                let text = answer.map(|answer| answer.write(&request));
                all.lock().expect("nobody panics holding it").push(request);
                text
            };
            let mut connections: Vec<Connection> = Vec::new();
            while !left.load(Ordering::Relaxed) {
                let mut rested = true;
                rested &= !serve_datagram(&udp, &mut answer);
                if let Ok((stream, from)) = tcp.accept() {
                    stream.set_nonblocking(true).expect("a socket need not block");
                    connections.push(Connection { stream, from, received: Vec::new() });
                    rested = false;
                }
                connections.retain_mut(|connection| connection.serve(&mut answer, &mut rested));
                if rested {
                    std::thread::sleep(REST);
                }
            }
        });
        Self { port, heard, leave, thread: Some(thread) }
    }

    /// `127.0.0.1:PORT`.
    pub fn host_port(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// All requests of a method that have come until now.
    pub fn heard(&self, method: &str) -> Vec<Request> {
        let all = self.heard.lock().expect("nobody panics holding it");
        all.iter().filter(|request| request.method == method).cloned().collect()
    }

    /// Waits until so many requests of a method have come, and gives them.
    pub fn wait_for(&self, method: &str, count: usize) -> Vec<Request> {
        let found = poll(|| Some(self.heard(method)).filter(|heard| heard.len() >= count));
        found.unwrap_or_else(|| panic!("{count} {method} never come, but {:#?}", self.heard(method)))
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.leave.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            eprintln!("the script of the server on port {} has panicked", self.port);
        }
    }
}

/// Whether something came.
fn serve_datagram(udp: &UdpSocket, answer: &mut dyn FnMut(Request) -> Option<String>) -> bool {
    let mut some = [0; 65_536];
    // An error is that nothing has come, or what ICMP says about an earlier answer.
    let Ok((length, from)) = udp.recv_from(&mut some) else { return false };
    if let Some((request, _)) = parse(&some[..length], Transport::Udp, from)
        && let Some(text) = answer(request)
    {
        // Who asked may be gone.
        let _ = udp.send_to(text.as_bytes(), from);
    }
    true
}

struct Connection {
    stream: TcpStream,
    from: SocketAddr,
    received: Vec<u8>,
}

impl Connection {
    /// Takes in what has come and answers it; false at the end.
    fn serve(&mut self, answer: &mut dyn FnMut(Request) -> Option<String>, rested: &mut bool) -> bool {
        let mut some = [0; 65_536];
        match self.stream.read(&mut some) {
            Ok(0) => return false,
            Ok(length) => self.received.extend_from_slice(&some[..length]),
            Err(error) => return error.kind() == std::io::ErrorKind::WouldBlock,
        }
        *rested = false;
        loop {
            // RFC 5626 4.4.1: a ping of two line ends is answered by one.
            if self.received.starts_with(b"\r\n\r\n") {
                self.received.drain(..4);
                if self.stream.write_all(b"\r\n").is_err() {
                    return false;
                }
            }
            let Some((request, length)) = parse(&self.received, Transport::Tcp, self.from) else { return true };
            self.received.drain(..length);
            if let Some(text) = answer(request)
                && self.stream.write_all(text.as_bytes()).is_err()
            {
                return false;
            }
        }
    }
}

/// The first request and its length; nothing while it is not whole, or if it is none.
fn parse(bytes: &[u8], over: Transport, from: SocketAddr) -> Option<(Request, usize)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = text.trim_end().lines();
    let mut first = lines.next()?.split(' ');
    let (method, uri) = (first.next()?.to_owned(), first.next()?.to_owned());
    let header = |line: &str| line.split_once(':').map(|(name, value)| (name.trim().into(), value.trim().into()));
    let headers: Vec<(String, String)> = lines.filter_map(header).collect();
    let mut request = Request { at: Instant::now(), over, from, method, uri, headers, body: Vec::new() };
    let length: usize = request.header("Content-Length").and_then(|value| value.parse().ok()).unwrap_or(0);
    request.body = bytes.get(end..end + length)?.to_vec();
    Some((request, end + length))
}

/// A request that has come from nowhere.
#[cfg(test)]
pub fn request(text: &str) -> Request {
    let from = (Ipv4Addr::LOCALHOST, 9).into();
    parse(text.as_bytes(), Transport::Udp, from).expect("it is whole").0
}
