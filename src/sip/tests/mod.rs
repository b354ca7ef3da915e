//! The user agent as others see it: one file per behaviour.

mod besieged;
mod bodies;
mod calls;
mod cancel;
mod challenges;
mod cut_off;
mod detours;
mod dialogs;
mod early;
mod early_offers;
mod expires;
mod flood;
mod forks;
mod info;
mod loss;
mod offers;
mod options;
mod outbound;
mod oversize;
mod patience;
mod prack;
mod probes;
mod redirects;
mod refusals;
mod registrations;
mod reliable;
mod session_timers;
mod stories;
mod story;
mod streams;
mod timers;
mod torture;

use super::session::SessionHandle;
use super::testing::{Bench, invite, sdp};

/// A request as a stranger at 198.51.100.7 writes it.
struct Text {
    method: &'static str,
    branch: &'static str,
    to_tag: String,
    cseq: u32,
    via_tail: &'static str,
    extra: String,
    body: &'static str,
}

impl Text {
    fn new(method: &'static str, branch: &'static str) -> Self {
        let (via_tail, to_tag) = (";rport", String::new());
        Text { method, branch, to_tag, cseq: 1, via_tail, extra: String::new(), body: "" }
    }

    fn cseq(mut self, cseq: u32) -> Self {
        self.cseq = cseq;
        self
    }

    fn inside(mut self, to_tag: &str) -> Self {
        self.to_tag = format!(";tag={to_tag}");
        self
    }

    fn extra(mut self, lines: &str) -> Self {
        self.extra.push_str(lines);
        self.extra.push('\n');
        self
    }

    fn body(mut self, body: &'static str) -> Self {
        self.body = body;
        self.extra("Content-Type: application/sdp")
    }

    fn via_tail(mut self, tail: &'static str) -> Self {
        self.via_tail = tail;
        self
    }

    fn text(&self) -> String {
        let Text { method, branch, to_tag, cseq, via_tail, extra, body } = self;
        let cseq_method = if *method == "ACK" { "ACK" } else { method };
        format!(
            "{method} sip:panel@192.0.2.1 SIP/2.0\n\
             Via: SIP/2.0/UDP 198.51.100.7:5060;branch={branch}{via_tail}\n\
             Max-Forwards: 70\n\
             From: \"Door\" <sip:door@198.51.100.7>;tag=door\n\
             To: <sip:panel@192.0.2.1>{to_tag}\n\
             Call-ID: a-call\n\
             CSeq: {cseq} {cseq_method}\n\
             Contact: <sip:door@198.51.100.7:5060>\n\
             {extra}Content-Length: {}\n\n{body}",
            body.len()
        )
    }
}

/// A bench with an incoming call that has got its 100.
fn rung() -> (Bench, SessionHandle) {
    let mut bench = Bench::new();
    bench.deliver(&Text::new("INVITE", "z9hG4bKone").body("offer").text());
    assert_eq!(bench.lines(), ["SIP/2.0 100 Trying"]);
    let session = bench.event().session();
    (bench, session)
}

/// A bench with an accepted incoming call, and our tag.
fn accepted() -> (Bench, SessionHandle, String) {
    let (mut bench, session) = rung();
    let now = bench.now;
    bench.endpoint.accept(now, session, sdp("answer"));
    let ok = bench.response();
    assert_eq!(ok.status(), 200);
    let tag = ok.to().tag().expect("a tag").to_owned();
    (bench, session, tag)
}

/// A bench with a confirmed incoming call, all events taken, and our tag.
fn confirmed() -> (Bench, SessionHandle, String) {
    let (mut bench, session, tag) = accepted();
    bench.deliver(&Text::new("ACK", "z9hG4bKack").inside(&tag).text());
    bench.event();
    (bench, session, tag)
}

/// A bench with an INVITE of ours on its way, and that INVITE.
fn called() -> (Bench, SessionHandle, super::message::Request) {
    let mut bench = Bench::new();
    let (now, path) = (bench.now, bench.path);
    let session = bench.endpoint.invite(now, invite(path, Some("offer")));
    let request = bench.request();
    (bench, session, request)
}

/// A bench with an incoming call, whose INVITE has these lines as well, that rings reliably with an answer; our tag, and the
/// PRACK that is due.
fn rung_reliably(lines: &[&str]) -> (Bench, SessionHandle, String, String) {
    let mut bench = Bench::new();
    let invite = lines.iter().fold(Text::new("INVITE", "z9hG4bKone"), |text, line| text.extra(line));
    bench.deliver(&invite.body("offer").text());
    bench.lines();
    let session = bench.event().session();
    let now = bench.now;
    bench.endpoint.ring(now, session, Some(sdp("early")));
    let early = bench.response();
    let tag = early.to().tag().expect("a tag").to_owned();
    let rack = format!("RAck: {} 1 INVITE", early.header("RSeq").expect("a number"));
    let prack = Text::new("PRACK", "z9hG4bKp").cseq(2).inside(&tag).extra(&rack).text();
    (bench, session, tag, prack)
}

/// Their reliable 183 with an answer, in the branch of this tag, with these lines as well.
fn early_answer(invite: &super::message::Request, tag: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let contact = format!("<sip:{tag}@198.51.100.7>");
    let mut early = super::message::Response::answer(invite, 183);
    early.set_to_tag(tag);
    for (name, value) in [("Require", "100rel"), ("RSeq", "1"), ("Contact", &contact)].iter().chain(more) {
        early.push_header(name, value);
    }
    early.set_body("application/sdp", b"early".to_vec());
    early.to_bytes()
}

/// The answer to a request of ours, as the script's phone gives it.
fn answer(request: &super::message::Request, status: u16, to_tag: &str, extra: &[(&str, &str)]) -> Vec<u8> {
    let mut response = super::message::Response::answer(request, status);
    if request.to().tag().is_none() {
        response.set_to_tag(to_tag);
    }
    for (name, value) in extra {
        response.push_header(name, value);
    }
    response.to_bytes()
}
