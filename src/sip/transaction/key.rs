//! Which transaction a message belongs to (RFC 3261 17.1.3 and 17.2.3).

use crate::sip::message::{Method, Request, Response, Via};

/// What every branch of RFC 3261 begins with.
pub const MAGIC_COOKIE: &str = "z9hG4bK";

/// Names a client transaction: the branch we made up, the sent-by that we put beside it (18.1.2), and the method.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientKey {
    branch: String,
    sent_by: String,
    method: String,
}

impl ClientKey {
    /// Of a request of ours.
    pub fn of_request(request: &Request) -> Self {
        let via = request.top_via();
        let branch = via.branch().unwrap_or_default().to_owned();
        ClientKey { branch, sent_by: sent_by(via), method: request.method().to_string() }
    }

    /// Of the INVITE that a CANCEL of ours under this key is about (RFC 3261 9.1).
    pub fn of_cancelled(&self) -> Self {
        ClientKey { method: Method::Invite.to_string(), ..self.clone() }
    }

    /// True when the transaction's request has this method.
    pub fn is(&self, method: &Method) -> bool {
        self.method == method.to_string()
    }

    /// Of a response of theirs; none when its Via carries no branch, for ours always does.
    pub fn of_response(response: &Response) -> Option<Self> {
        let via = response.top_via();
        let branch = via.branch()?.to_owned();
        Some(ClientKey { branch, sent_by: sent_by(via), method: response.cseq().1.to_string() })
    }
}

/// Names a server transaction. An ACK has the key of its INVITE; a CANCEL is a transaction of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServerKey {
    /// The branch is unique in space and time at the sender that sent-by names.
    Branch {
        /// The whole branch.
        branch: String,
        /// Host in lower case and port.
        sent_by: String,
        /// The method, INVITE for ACK.
        method: String,
    },
    /// A peer of RFC 2543: everything that stays the same in a repetition.
    Fields {
        /// The request URI.
        uri: String,
        /// The tag of From.
        from_tag: Option<String>,
        /// The Call-ID.
        call_id: String,
        /// The number in CSeq.
        cseq: u32,
        /// The whole top Via.
        via: String,
        /// The method, INVITE for ACK.
        method: String,
    },
}

impl ServerKey {
    /// Of a request of theirs, as it came: before `received` is added to its Via.
    pub fn of(request: &Request) -> Self {
        let method = match request.method() {
            Method::Ack => Method::Invite,
            method => method.clone(),
        };
        ServerKey::with_method(request, &method)
    }

    /// Of the INVITE that a CANCEL of theirs under this key is about (RFC 3261 9.2).
    pub fn of_cancelled(&self) -> Self {
        let mut invite = self.clone();
        let (ServerKey::Branch { method, .. } | ServerKey::Fields { method, .. }) = &mut invite;
        *method = Method::Invite.to_string();
        invite
    }

    fn with_method(request: &Request, method: &Method) -> Self {
        let via = request.top_via();
        let method = method.to_string();
        match via.branch() {
            Some(branch) if branch.len() > MAGIC_COOKIE.len() && branch.starts_with(MAGIC_COOKIE) => {
                ServerKey::Branch { branch: branch.to_owned(), sent_by: sent_by(via), method }
            }
            _ => ServerKey::Fields {
                uri: request.uri().to_string(),
                from_tag: request.from().tag().map(str::to_owned),
                call_id: request.call_id().to_owned(),
                cseq: request.cseq().0,
                via: via.to_string(),
                method,
            },
        }
    }
}

/// What all copies of a request have in common, by whatever way they travel (RFC 3261 8.2.2.2), and what its responses
/// repeat (8.2.6.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    call_id: String,
    from_tag: Option<String>,
    cseq: u32,
}

impl Identity {
    /// Of a request of either side.
    pub fn of(request: &Request) -> Self {
        Identity {
            call_id: request.call_id().to_owned(),
            from_tag: request.from().tag().map(str::to_owned),
            cseq: request.cseq().0,
        }
    }

    /// True when the response repeats it. One that does not answers another request, whatever its branch says.
    pub fn is_answered_by(&self, response: &Response) -> bool {
        let from_tag = response.from().tag();
        self.call_id == response.call_id() && self.from_tag.as_deref() == from_tag && self.cseq == response.cseq().0
    }
}

/// Host in lower case and port.
fn sent_by(via: &Via) -> String {
    format!("{}:{}", via.host, via.port.unwrap_or(5060)).to_ascii_lowercase()
}
