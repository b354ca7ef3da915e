//! The gate in the endpoint: what begins something is let in or dropped before anything is made of it.

use super::{Endpoint, requests};
use crate::sip::gate::{Claim, Gate, ShutOut};
use crate::sip::message::{Method, Request};
use crate::sip::path::Path;

/// How a datagram begins that wants to begin a call.
const CALL: &[u8] = b"INVITE ";

impl Endpoint {
    /// From here on, this gate decides who may begin anything. What there is goes on.
    pub fn set_gate(&mut self, gate: Gate) {
        self.gate = gate;
    }

    /// The gate in force.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// The next call that the gate has not let in. Repetitions of an INVITE are told each time.
    pub fn poll_shut_out(&mut self) -> Option<ShutOut> {
        self.shut_out.pop_front()
    }

    /// Whether a request is looked at. What belongs to a dialog or a transaction that exists always is, and so is an ACK, which
    /// nobody answers.
    pub(super) fn lets_in(&mut self, path: Path, request: &Request) -> bool {
        let heard = *request.method() == Method::Ack
            || self.gate.admits(path, Some(request))
            || requests::continues(&self.sessions, &self.core.transactions, request);
        if !heard && *request.method() == Method::Invite && request.to().tag().is_none() {
            let claim = Claim { from: request.from().clone(), call_id: request.call_id().to_owned() };
            self.shut_out.push_back(ShutOut { path, claim: Some(Box::new(claim)) });
        }
        heard
    }

    /// A datagram was dropped unread because too many came: a call that the gate would not have let in is counted all the same.
    pub(super) fn note_unread(&mut self, path: Path, bytes: &[u8]) {
        if bytes.starts_with(CALL) && !self.gate.admits(path, None) {
            self.shut_out.push_back(ShutOut { path, claim: None });
        }
    }

    /// Whether what asks only whether we are there is answered on this connection.
    pub(super) fn hears_pings(&self, path: Path) -> bool {
        self.gate.admits(path, None) || path.flow.is_some_and(|flow| self.uses_flow(flow))
    }
}
