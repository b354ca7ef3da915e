//! Scenarios of SIPp, step by step, and the messages in them. `[…]` is filled in by SIPp.

use std::fmt::Write;

/// Telephone sound, both ways.
pub const OFFER: &str = "sendrecv";
/// The same, with the other side on hold.
pub const HOLD: &str = "sendonly";
/// What a message without a description has.
pub const NO_BODY: &str = "";

/// What SIPp does, one step after the other. Anything else that comes fails the call, but for repetitions.
#[derive(Clone, Debug, Default)]
pub struct Scenario(String);

impl Scenario {
    /// Sends a message once, whatever becomes of it.
    pub fn send(self, message: &str) -> Self {
        self.step(&format!("<send><![CDATA[\n\n{message}\n]]></send>"))
    }

    /// Sends a request again and again until it is answered, as UDP needs it.
    pub fn ask(self, message: &str) -> Self {
        self.step(&format!("<send retrans=\"500\"><![CDATA[\n\n{message}\n]]></send>"))
    }

    /// Waits for a response.
    pub fn hear(self, status: u16) -> Self {
        self.step(&format!("<recv response=\"{status}\"/>"))
    }

    /// Waits for a response in which each expression is found: in a header field, or in the body where that is `body`.
    pub fn hear_with(self, status: u16, checks: &[(&str, &str)]) -> Self {
        self.hear_noting(&format!("response=\"{status}\""), checks, &[])
    }

    /// Waits for a provisional response that has to be confirmed (RFC 3262), and keeps its number as `[$rseq]`.
    pub fn hear_reliably(self, status: u16) -> Self {
        self.hear_noting(&format!("response=\"{status}\""), &[("Require", "100rel")], &[("RSeq", "rseq")])
    }

    /// A response that may come first, or not.
    pub fn may_hear(self, status: u16) -> Self {
        self.step(&format!("<recv response=\"{status}\" optional=\"true\"/>"))
    }

    /// Ends the call, and takes nothing but the answer to that for it, least of all another 200.
    pub fn hang_up(self, cseq: u32) -> Self {
        let bye = bye(cseq);
        self.step(&format!("<send retrans=\"500\" start_txn=\"bye\"><![CDATA[\n\n{bye}\n]]></send>"))
            .step("<recv response=\"200\" response_txn=\"bye\"/>")
    }

    /// Waits for a request.
    pub fn take(self, method: &str) -> Self {
        self.step(&format!("<recv request=\"{method}\"/>"))
    }

    /// Waits for a request in which each expression is found.
    pub fn take_with(self, method: &str, checks: &[(&str, &str)]) -> Self {
        self.hear_noting(&format!("request=\"{method}\""), checks, &[])
    }

    /// Waits for a request and keeps header fields of it, each with its name, as `[$name]` of the second word.
    pub fn take_noting(self, method: &str, notes: &[(&str, &str)]) -> Self {
        self.hear_noting(&format!("request=\"{method}\""), &[], notes)
    }

    /// Does nothing for so many milliseconds.
    pub fn pause(self, milliseconds: u32) -> Self {
        self.step(&format!("<pause milliseconds=\"{milliseconds}\"/>"))
    }

    fn hear_noting(self, what: &str, checks: &[(&str, &str)], notes: &[(&str, &str)]) -> Self {
        let mut actions = String::new();
        for (place, expression) in checks {
            let place = match *place {
                "body" => "search_in=\"body\"".to_owned(),
                field => format!("search_in=\"hdr\" header=\"{field}:\""),
            };
            // A variable that is written and never read is an error to SIPp.
            write!(
                actions,
                "<ereg regexp=\"{expression}\" {place} check_it=\"true\" assign_to=\"seen\"/><log message=\"[$seen]\"/>"
            )
            .expect("a string takes it");
        }
        for (field, name) in notes {
            write!(actions, "<ereg regexp=\".*\" search_in=\"hdr\" header=\"{field}:\" assign_to=\"{name}\"/>")
                .expect("a string takes it");
        }
        self.step(&format!("<recv {what}><action>{actions}</action></recv>"))
    }

    fn step(mut self, text: &str) -> Self {
        self.0.push_str(text);
        self.0.push('\n');
        self
    }

    /// As SIPp reads it.
    pub fn xml(&self) -> String {
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<scenario name=\"scenario\">\n{}</scenario>\n", self.0)
    }
}

/// A request of the caller; `branch` names its transaction. `direction` is that of the media it describes, if any.
pub fn request(method: &str, cseq: u32, branch: &str, more: &str, direction: &str) -> String {
    format!(
        "{method} sip:panel@[remote_ip]:[remote_port] SIP/2.0\n\
         Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=z9hG4bK[call_id]{branch}\n\
         From: \"Sipp\" <sip:door@[local_ip]:[local_port]>;tag=caller[call_number]\n\
         To: <sip:panel@[remote_ip]:[remote_port]>[peer_tag_param]\n\
         Call-ID: [call_id]\n\
         CSeq: {cseq} {method}\n\
         Contact: <sip:door@[local_ip]:[local_port];transport=[transport]>\n\
         Max-Forwards: 70\n{more}{}",
        end(direction)
    )
}

/// The INVITE that begins a call.
pub fn invite(direction: &str) -> String {
    request("INVITE", 1, "a", "", direction)
}

/// A response to what came last.
pub fn response(status: &str, tag: &str, more: &str, direction: &str) -> String {
    let tag = if tag.is_empty() { String::new() } else { format!(";tag={tag}") };
    format!(
        "SIP/2.0 {status}\n\
         [last_Via:]\n[last_From:]\n[last_To:]{tag}\n[last_Call-ID:]\n[last_CSeq:]\n\
         Contact: <sip:door@[local_ip]:[local_port];transport=[transport]>\n{more}{}",
        end(direction)
    )
}

/// The description, with the fields that belong to it.
fn end(direction: &str) -> String {
    if direction == NO_BODY {
        return "Content-Length: 0\n\n".to_owned();
    }
    format!(
        "Content-Type: application/sdp\nContent-Length: [len]\n\n\
         v=0\no=- 1 1 IN IP[local_ip_type] [local_ip]\ns=-\nc=IN IP[media_ip_type] [media_ip]\nt=0 0\n\
         m=audio [media_port] RTP/AVP 0\na=rtpmap:0 PCMU/8000\na={direction}\n"
    )
}

/// The CANCEL of [`invite`]: the same transaction, and no tag yet.
pub fn cancel() -> String {
    request("CANCEL", 1, "a", "", NO_BODY).replace("[peer_tag_param]", "")
}

/// The ACK of a refusal of [`invite`]: in its transaction.
pub fn ack_refusal() -> String {
    request("ACK", 1, "a", "", NO_BODY)
}

/// The ACK of a 2xx to the INVITE of that number.
pub fn ack(cseq: u32) -> String {
    request("ACK", cseq, &format!("ack{cseq}"), "", NO_BODY)
}

/// What ends a call.
pub fn bye(cseq: u32) -> String {
    request("BYE", cseq, "bye", "", NO_BODY)
}

/// A response to the request whose Via, From, To and CSeq were kept as `via`, `from`, `to` and `cseq`.
pub fn noted_response(status: &str, direction: &str) -> String {
    let fields = "Via:[$via]\nFrom:[$from]\nTo:[$to]\n[last_Call-ID:]\nCSeq:[$cseq]\n";
    let last = "[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\n";
    response(status, "", "", direction).replace(last, fields)
}
