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

/// What one realm makes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Unanswered,
    Wrong,
    /// Right for another nonce, or for a count that was before.
    Old,
    Right {
        count: u32,
    },
}

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
    /// How many nonces there have been.
    pub nonce: u32,
    /// How often the newest was used.
    pub used: u32,
}

impl Demand {
    /// One of that realm, whose nonces last.
    pub fn new(realm: &'static str, proxy: bool) -> Self {
        let (algorithm, qop, uses) = ("MD5", "auth", u32::MAX);
        Demand { proxy, realm, algorithm, qop, uses, says_stale: true, nonce: 1, used: 0 }
    }

    /// Whether the request may pass; what it is told if not.
    fn check(&self, request: &Request) -> Verdict {
        let header = if self.proxy { "Proxy-Authorization" } else { "Authorization" };
        let realm = format!("realm=\"{}\"", self.realm);
        let Some(answer) = request.headers(header).find(|value| value.contains(&realm)) else {
            return Verdict::Unanswered;
        };
        if !self.is_right(request, answer) {
            return Verdict::Wrong;
        }
        let count = u32::from_str_radix(&param(answer, "nc"), 16).unwrap_or(self.used + 1);
        let is_fresh = param(answer, "nonce") == self.nonce() && count > self.used && self.used < self.uses;
        if is_fresh { Verdict::Right { count } } else { Verdict::Old }
    }

    /// What is said to a request that does not pass; with another nonce, if it had one.
    fn refuse(&mut self, verdict: Verdict) -> String {
        if verdict != Verdict::Unanswered {
            (self.nonce, self.used) = (self.nonce + 1, 0);
        }
        self.challenge(verdict == Verdict::Old && self.says_stale)
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
        let verdicts: Vec<Verdict> = self.demands.iter().map(|demand| demand.check(request)).collect();
        let mut refused: Vec<(bool, String)> = Vec::new();
        let all = verdicts.iter().all(|verdict| matches!(verdict, Verdict::Right { .. }));
        for (demand, verdict) in self.demands.iter_mut().zip(verdicts) {
            match verdict {
                // A use counts when the request passes.
                Verdict::Right { count } if all => demand.used = count,
                Verdict::Right { .. } => {}
                verdict => refused.push((demand.proxy, demand.refuse(verdict))),
            }
        }
        if all {
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
