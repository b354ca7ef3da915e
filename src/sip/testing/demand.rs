//! Who demands a password: at a registrar, and at a gate in front of the called phone. It computes the digest by itself, from
//! the formulas of RFC 7616.

use std::collections::BTreeMap;

use md5::{Digest, Md5};
use sha2::Sha256;

use crate::sip::message::{Method, Request, Response};

/// The user name that passes.
pub const NAME: &str = "501";
/// The password that passes.
pub const PASSWORD: &str = "open sesame";

/// One realm that lets nobody pass without the password.
#[derive(Debug, Clone)]
pub struct Demand {
    /// A proxy, which says 407, or an agent, which says 401.
    pub proxy: bool,
    /// The realm.
    pub realm: &'static str,
    /// `MD5` or `SHA-256`.
    pub algorithm: &'static str,
    /// What is offered: `auth`, `auth-int`, or nothing.
    pub qop: &'static str,
    /// How often one nonce is good.
    pub uses: u32,
    /// Whether it says that a nonce is stale, or is silent about it, as after a restart.
    pub says_stale: bool,
    nonce: u32,
    used: u32,
}

impl Demand {
    /// One of that realm, whose nonces last.
    pub fn new(realm: &'static str, proxy: bool) -> Self {
        let (algorithm, qop, uses) = ("MD5", "auth", u32::MAX);
        Demand { proxy, realm, algorithm, qop, uses, says_stale: true, nonce: 1, used: 0 }
    }

    /// Whether the request may pass; what it is told if not.
    pub fn check(&mut self, request: &Request) -> Result<(), String> {
        let header = if self.proxy { "Proxy-Authorization" } else { "Authorization" };
        let realm = format!("realm=\"{}\"", self.realm);
        let answer = request.headers(header).find(|value| value.contains(&realm)).map(str::to_owned);
        let Some(answer) = answer else {
            return Err(self.challenge(false));
        };
        let right = self.is_right(request, &answer);
        let fresh = param(&answer, "nonce") == self.nonce() && self.used < self.uses;
        if right && fresh {
            self.used += 1;
            let counted = param(&answer, "nc");
            assert!(self.qop.is_empty() || counted == format!("{:08x}", self.used), "{counted} at use {}", self.used);
            return Ok(());
        }
        self.nonce += 1;
        self.used = 0;
        Err(self.challenge(right && self.says_stale))
    }

    fn nonce(&self) -> String {
        format!("{}/{}=", self.realm, self.nonce)
    }

    fn challenge(&self, stale: bool) -> String {
        let Demand { realm, algorithm, qop, .. } = self;
        let (qop, stale) = (
            if qop.is_empty() { String::new() } else { format!(", qop=\"{qop}\"") },
            if stale { ", stale=true" } else { "" },
        );
        format!("Digest realm=\"{realm}\", nonce=\"{}\", algorithm={algorithm}, opaque=\"o\"{qop}{stale}", self.nonce())
    }

    fn is_right(&self, request: &Request, answer: &str) -> bool {
        let hash = |text: String| match self.algorithm {
            "MD5" => hex(&Md5::digest(text)),
            _ => hex(&Sha256::digest(text)),
        };
        let (method, uri) = (request.method(), request.uri().to_string());
        assert_eq!(param(answer, "uri"), uri, "byte for byte as in the request line");
        assert_eq!(param(answer, "opaque"), "o");
        let (nonce, cnonce, nc, qop) =
            (param(answer, "nonce"), param(answer, "cnonce"), param(answer, "nc"), param(answer, "qop"));
        assert_eq!(qop, self.qop);
        let one = hash(format!("{NAME}:{}:{PASSWORD}", self.realm));
        let body = String::from_utf8_lossy(request.body()).into_owned();
        let two = match qop.as_str() {
            "auth-int" => hash(format!("{method}:{uri}:{}", hash(body))),
            _ => hash(format!("{method}:{uri}")),
        };
        let expected = match qop.as_str() {
            "" => hash(format!("{one}:{nonce}:{two}")),
            qop => hash(format!("{one}:{nonce}:{nc}:{cnonce}:{qop}:{two}")),
        };
        param(answer, "response") == expected && param(answer, "username") == NAME
    }
}

/// All that must be satisfied before a request passes, with a memory for repeated ones.
#[derive(Debug, Default)]
pub struct Gate {
    /// The realms; none lets everybody pass.
    pub demands: Vec<Demand>,
    /// How often somebody was stopped.
    pub stopped: usize,
    /// What was said to each request, by branch and method.
    said: BTreeMap<(String, String), Option<Vec<u8>>>,
}

/// What a gate does with a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Passage {
    /// It passes.
    Passes,
    /// It is stopped and answered.
    Stopped(Vec<u8>),
    /// The ACK of such an answer.
    Absorbed,
}

impl Gate {
    /// Judges a request.
    pub fn judge(&mut self, request: &Request) -> Passage {
        let branch = request.top_via().branch().unwrap_or_default().to_owned();
        let method = if *request.method() == Method::Ack { "INVITE" } else { request.method().as_str() };
        let key = (branch, method.to_owned());
        match self.said.get(&key) {
            Some(Some(_)) if *request.method() == Method::Ack => return Passage::Absorbed,
            Some(Some(answer)) => return Passage::Stopped(answer.clone()),
            Some(None) => return Passage::Passes,
            None if matches!(request.method(), Method::Ack | Method::Cancel) => return Passage::Passes,
            None => {}
        }
        let refused: Vec<(bool, String)> =
            self.demands.iter_mut().filter_map(|demand| Some((demand.proxy, demand.check(request).err()?))).collect();
        if refused.is_empty() {
            self.said.insert(key, None);
            return Passage::Passes;
        }
        self.stopped += 1;
        let mut response = Response::answer(request, if refused.iter().any(|(proxy, _)| *proxy) { 407 } else { 401 });
        response.set_to_tag("gate");
        for (proxy, challenge) in &refused {
            let name = if *proxy { "Proxy-Authenticate" } else { "WWW-Authenticate" };
            response.push_header(name, challenge);
        }
        let bytes = response.to_bytes();
        self.said.insert(key, Some(bytes.clone()));
        Passage::Stopped(bytes)
    }
}

/// The value of a parameter without its quotes; empty when it is not there.
pub fn param(header: &str, name: &str) -> String {
    let header = header.trim_start_matches("Digest ");
    let found = header.split(", ").filter_map(|param| param.split_once('=')).find(|(own, _)| *own == name);
    found.map_or_else(String::new, |(_, value)| value.trim_matches('"').to_owned())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
