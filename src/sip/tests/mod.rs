//! The user agent as others see it: one file per behaviour.

mod besieged;
mod calls;
mod cancel;
mod challenges;
mod cut_off;
mod detours;
mod dialogs;
mod early;
mod early_offers;
mod flood;
mod forks;
mod info;
mod loss;
mod offers;
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
