//! `--sip-trace FILE`: every SIP message both ways, with time and path, and without anything that is secret.
//!
//! A file that has grown to 16 MiB becomes `FILE.1`, in the place of the one before: a trace that nobody switches off fills no
//! disk.

use std::collections::HashMap;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path as FilePath, PathBuf};

use crate::sip::FlowId;
use crate::sip::wire::{Framed, StreamFramer};

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It came to us.
    In,
    /// We sent it.
    Out,
}

/// What is written in the place of a secret.
const HIDDEN: &str = "<hidden>";
/// Header fields whose value behind the scheme is secret, or helps to find what is: RFC 3261 20.6, 20.7, 20.27, 20.28, 20.44.
const SECRET_HEADERS: [&str; 5] =
    ["authorization", "proxy-authorization", "www-authenticate", "proxy-authenticate", "authentication-info"];
/// Words that make secret what stands behind them on the line, after `=`, `:` or `>`.
const SECRET_WORDS: [&str; 6] = ["password", "passwd", "secret", "token", "apikey", "inline"];

/// How large a file becomes, in bytes: some ten thousand messages.
const LARGEST: u64 = 16 << 20;

/// The trace file.
#[derive(Debug)]
pub struct Trace {
    path: PathBuf,
    file: File,
    /// How much stands in it, in bytes.
    length: u64,
    largest: u64,
    failed: bool,
    /// What came on each connection and is no whole message yet.
    begun: HashMap<FlowId, StreamFramer>,
}

impl Trace {
    /// Appends to the file, which is made for its owner only.
    pub fn open(path: &FilePath) -> io::Result<Self> {
        let file = append_to(path)?;
        let length = file.metadata()?.len();
        // The folder may be another one when the next file is begun.
        let path = std::path::absolute(path)?;
        Ok(Self { path, file, length, largest: LARGEST, failed: false, begun: HashMap::new() })
    }

    /// Writes one whole message. A disk that is full is told once in the log and disturbs nothing else.
    pub fn message(&mut self, way: Way, transport: &str, local: impl Display, remote: impl Display, bytes: &[u8]) {
        if self.failed {
            return;
        }
        let time = jiff::Timestamp::now();
        let arrow = match way {
            Way::In => "<-",
            Way::Out => "->",
        };
        let text =
            format!("{time:.6} {local} {arrow} {remote} {transport} {} bytes\n{}\n\n", bytes.len(), redact(bytes));
        if let Err(error) = self.write(text.as_bytes()) {
            tracing::warn!("SIP trace ends: {error}");
            self.failed = true;
        }
    }

    fn write(&mut self, text: &[u8]) -> io::Result<()> {
        if self.length > 0 && self.length + text.len() as u64 > self.largest {
            let mut full = self.path.clone().into_os_string();
            full.push(".1");
            // A pipe or a device is not put aside; it takes whatever comes.
            if self.file.metadata()?.is_file() {
                std::fs::rename(&self.path, full)?;
                self.file = append_to(&self.path)?;
            }
            self.length = 0;
        }
        self.file.write_all(text)?;
        self.length += text.len() as u64;
        Ok(())
    }
}

fn append_to(path: &FilePath) -> io::Result<File> {
    File::options().create(true).append(true).mode(0o600).open(path)
}

impl Trace {
    /// Writes the messages that are whole with these bytes, which came on a connection: a secret in two pieces is hidden, too.
    pub fn stream(&mut self, flow: FlowId, transport: &str, local: impl Display, remote: impl Display, bytes: &[u8]) {
        let mut framer = self.begun.remove(&flow).unwrap_or_default();
        framer.push(bytes);
        loop {
            match framer.next() {
                Some(Ok(Framed::Message(message) | Framed::Unframed(message, _))) => {
                    self.message(Way::In, transport, &local, &remote, &message)
                }
                Some(Ok(Framed::KeepAlivePing | Framed::KeepAlivePong)) => {}
                // The endpoint closes a connection that can be read no further.
                Some(Err(_)) | None => break,
            }
        }
        self.begun.insert(flow, framer);
    }

    /// A connection is gone.
    pub fn closed(&mut self, flow: FlowId) {
        self.begun.remove(&flow);
    }
}

/// The message as text, secrets replaced; bytes that are no text become the replacement character.
fn redact(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut out = String::with_capacity(text.len());
    let mut in_secret_header = false;
    let mut in_headers = true;
    for line in text.lines() {
        if in_headers && line.is_empty() {
            in_headers = false;
        }
        let folded = in_headers && line.starts_with([' ', '\t']);
        if !folded {
            in_secret_header = in_headers && is_secret_header(line);
        }
        match (in_secret_header, folded) {
            (true, true) => out.push_str(HIDDEN),
            (true, false) => out.push_str(&keep_scheme(line)),
            (false, _) => out.push_str(&hide_after_words(&hide_uri_passwords(line))),
        }
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    out
}

fn is_secret_header(line: &str) -> bool {
    let name = line.split(':').next().unwrap_or_default().trim();
    SECRET_HEADERS.iter().any(|secret| name.eq_ignore_ascii_case(secret))
}

/// `Authorization: Digest <hidden>`.
fn keep_scheme(line: &str) -> String {
    let (name, value) = line.split_once(':').unwrap_or((line, ""));
    let scheme = value.split_whitespace().next().filter(|word| !word.contains('=')).unwrap_or_default();
    format!("{name}: {scheme} {HIDDEN}")
}

/// `sip:anna:1234@pbx` becomes `sip:anna:<hidden>@pbx`, RFC 3261 19.1.1.
fn hide_uri_passwords(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("sip:").or_else(|| rest.find("sips:")) {
        let start = at + rest[at..].find(':').unwrap_or(0) + 1;
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '>' | '<' | '"')).unwrap_or(rest.len());
        let Some(user) = rest[..end].find('@') else { continue };
        if let Some(colon) = rest[..user].find(':') {
            out.push_str(&rest[..=colon]);
            out.push_str(HIDDEN);
            rest = &rest[user..];
        }
    }
    out.push_str(rest);
    out
}

/// `password=1234` becomes `password=<hidden>`: the rest of the line goes, whatever its syntax.
fn hide_after_words(line: &str) -> String {
    let lower = line.to_ascii_lowercase();
    let hidden_from = SECRET_WORDS
        .iter()
        .flat_map(|word| lower.match_indices(word).map(|(at, _)| at + word.len()))
        .filter_map(|end| {
            let behind = &line[end..];
            let separator = behind.trim_start_matches(['"', '\'', ' ']);
            separator.starts_with(['=', ':', '>']).then(|| line.len() - separator.len() + 1)
        })
        .min();
    match hidden_from {
        Some(at) if !line[at..].trim().is_empty() => format!("{}{HIDDEN}", &line[..at]),
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn what_proves_who_we_are_is_hidden_and_the_rest_stays() {
        let message = "REGISTER sip:pbx.test SIP/2.0\r\n\
            From: <sip:anna:hunter2@pbx.test>;tag=1\r\n\
            authorization : Digest username=\"anna\",\r\n response=\"6629fae49393a05397450978507c4ef1\"\r\n\
            Contact: <sip:anna@192.0.2.1:5060>\r\n\
            X-Door: password=4711\r\n\
            Content-Length: 10\r\n\r\n\
            a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9\r\n\
            {\"Token\": \"abc\"}\r\n\
            <password>xyz</password>\r\n\
            a=sendrecv\r\n";
        let text = redact(message.as_bytes());
        for secret in ["hunter2", "6629fae", "username", "4711", "WVNfX19", "abc", "xyz"] {
            assert!(!text.contains(secret), "{secret} is in:\n{text}");
        }
        for kept in [
            "REGISTER sip:pbx.test SIP/2.0\n",
            "From: <sip:anna:<hidden>@pbx.test>;tag=1\n",
            "Digest <hidden>\n",
            "Contact: <sip:anna@192.0.2.1:5060>\n",
            "X-Door: password=<hidden>\n",
            "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:<hidden>\n",
            "a=sendrecv",
        ] {
            assert!(text.contains(kept), "{kept} is not in:\n{text}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_and_odd_lines_are_written_all_the_same() {
        assert_eq!(redact(b"INVITE \xff sip:a:\r\n\r\nsip:@ sips:b:c"), "INVITE \u{fffd} sip:a:\n\nsip:@ sips:b:c");
        assert_eq!(redact(b""), "");
    }

    #[test]
    fn a_secret_that_comes_in_two_pieces_is_hidden() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("trace.txt");
        let mut trace = Trace::open(&path).expect("it can be made");
        let message =
            "\r\n\r\nREGISTER sip:a SIP/2.0\r\nAuthorization: Digest response=\"abcdef\"\r\nl: 4\r\n\r\nbodyOPTIONS";
        for piece in message.as_bytes().chunks(7) {
            trace.stream(FlowId(1), "tls", "192.0.2.1:5060", "192.0.2.2:5060", piece);
        }
        let text = std::fs::read_to_string(&path).expect("it is there");
        assert_eq!(text.matches(" tls ").count(), 1, "{text}");
        assert!(text.contains("Digest <hidden>\nl: 4\n\nbody\n") && !text.contains("abcdef"), "{text}");
        trace.closed(FlowId(1));
        assert!(trace.begun.is_empty());
    }

    #[test]
    fn a_file_that_is_full_is_put_aside_and_the_one_before_it_goes() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("trace.txt");
        let mut trace = Trace { largest: 1_000, ..Trace::open(&path).expect("it can be made") };
        for number in 0..100 {
            let message = format!("OPTIONS sip:{number}@a SIP/2.0\r\n\r\n");
            trace.message(Way::Out, "udp", "192.0.2.1:5060", "192.0.2.2:5060", message.as_bytes());
        }
        let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).expect("it is there");
        let (before, now) = (read("trace.txt.1"), read("trace.txt"));
        assert!(before.len() <= 1_000 && now.len() <= 1_000 && now.contains("sip:99@a"), "{before}\n{now}");
        let last_before: u32 = before
            .rsplit("sip:")
            .next()
            .and_then(|end| end.split('@').next())
            .expect("a message")
            .parse()
            .expect("a number");
        assert!(now.contains(&format!("sip:{}@a", last_before + 1)), "none is lost between them");
        assert_eq!(std::fs::read_dir(directory.path()).expect("there").count(), 2);
    }

    #[test]
    fn the_file_is_for_its_owner_only_and_is_appended_to() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("trace.txt");
        for _ in 0..2 {
            let mut trace = Trace::open(&path).expect("it can be made");
            trace.message(Way::In, "udp", "192.0.2.1:5060", "192.0.2.2:5060", b"OPTIONS sip:a SIP/2.0\r\n\r\n");
        }
        let text = std::fs::read_to_string(&path).expect("it is there");
        assert_eq!(text.matches("192.0.2.1:5060 <- 192.0.2.2:5060 udp 25 bytes\nOPTIONS sip:a SIP/2.0\n").count(), 2);
        assert_eq!(std::fs::metadata(&path).expect("it is there").mode() & 0o777, 0o600);
    }
}
