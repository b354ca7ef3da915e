//! Is somebody there? An OPTIONS outside a dialog (RFC 3261 11), to which any answer is a good one.

use std::time::{Duration, Instant};

use crate::sip::message::{Method, NameAddr, Response, Uri};
use crate::sip::path::Path;
use crate::sip::session::context::{Context, contact};
use crate::sip::timing::{Deadline, GIVE_UP, TimerReason};
use crate::sip::transaction::{ClientKey, Failure};

/// Names a probe of one endpoint; never used again for another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProbeHandle(pub(crate) u32);

/// What came of a probe; each has exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeEvent {
    /// Somebody answered.
    Alive {
        /// 100 to 699, of the first response.
        status: u16,
    },
    /// Nothing was heard.
    TimedOut,
    /// The network could not deliver it.
    TransportError,
}

/// An OPTIONS without an answer.
#[derive(Debug)]
pub struct Probe {
    key: ClientKey,
    way: Path,
    until: Option<Instant>,
}

impl Probe {
    /// Asks `uri` by this way.
    pub fn start(cx: &mut Context<'_>, way: Path, uri: Uri, patience: Duration) -> Self {
        let ours = contact(None, way);
        let mut from = NameAddr::new(ours.clone());
        from.set_tag(&cx.token());
        let call_id = format!("{}{}", cx.token(), cx.token());
        let to = NameAddr::new(uri.clone());
        let mut options = crate::sip::message::Request::new(Method::Options, uri, &from, &to, &call_id, 1);
        options.push_header("Contact", &NameAddr::new(ours).to_string());
        options.push_header("Accept", super::super::session::context::SDP);
        let until = (patience < GIVE_UP).then(|| cx.now() + patience);
        Probe { key: cx.send(options, way), way, until }
    }

    /// Where it went.
    pub fn way(&self) -> Path {
        self.way
    }

    /// A response came: true when it is the answer, and the probe over.
    pub fn handle_response(&mut self, cx: &mut Context<'_>, key: &ClientKey, response: &Response) -> bool {
        self.finish(cx, key, ProbeEvent::Alive { status: response.status() })
    }

    /// There will be none: true when the probe is over.
    pub fn handle_failure(&mut self, cx: &mut Context<'_>, key: &ClientKey, failure: Failure) -> bool {
        self.finish(
            cx,
            key,
            match failure {
                Failure::TimedOut => ProbeEvent::TimedOut,
                Failure::Transport => ProbeEvent::TransportError,
            },
        )
    }

    /// Fires what is due: true when the probe is over.
    pub fn handle_timeout(&mut self, cx: &mut Context<'_>) -> bool {
        if self.until.is_none_or(|until| cx.now() < until) {
            return false;
        }
        let key = self.key.clone();
        self.finish(cx, &key, ProbeEvent::TimedOut)
    }

    /// The next deadline and why.
    pub fn poll_timeout(&self) -> Option<Deadline> {
        Some((self.until?, TimerReason::RequestUnheard))
    }

    fn finish(&self, cx: &mut Context<'_>, key: &ClientKey, event: ProbeEvent) -> bool {
        if *key != self.key {
            return false;
        }
        // It is not repeated once the answer is known.
        cx.give_up(key);
        cx.tell_probe(event);
        true
    }
}
