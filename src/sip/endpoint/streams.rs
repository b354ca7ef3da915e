//! TCP: one framer for each connection, keep-alives answered, broken streams given back for closing.

use std::time::Instant;

use super::Endpoint;
use crate::sip::path::{FlowId, Path, Transmit};
use crate::sip::wire::{Framed, StreamFramer, refuse_unframed};

/// One connection as the endpoint sees it.
#[derive(Debug)]
pub(super) enum Flow {
    /// Messages are being cut from it.
    Open(Box<StreamFramer>),
    /// What came was no SIP; whatever still comes is dropped until it is closed.
    Broken,
}

impl Endpoint {
    pub(super) fn read_stream(&mut self, now: Instant, path: Path, bytes: &[u8]) {
        let Some(flow) = path.flow else {
            return;
        };
        let entry = self.flows.entry(flow).or_insert_with(|| Flow::Open(Box::default()));
        if let Flow::Open(framer) = entry {
            framer.push(bytes);
        }
        while let Some(Flow::Open(framer)) = self.flows.get_mut(&flow) {
            match framer.next() {
                None => return,
                // A stream loses nothing silently: one that brings too much is closed.
                Some(Ok(_)) if !self.admits_message(now, path) => return self.break_flow(now, flow),
                Some(Ok(Framed::Message(message))) => self.handle_message(now, path, &message),
                Some(Ok(Framed::Unframed(head, error))) => self.answer_reject(path, &refuse_unframed(&head, error)),
                // RFC 5626 4.4.1: a double CRLF is answered by a single one.
                Some(Ok(Framed::KeepAlivePing)) => {
                    self.core.out.push_back(Transmit { path, bytes: b"\r\n".to_vec() });
                }
                Some(Ok(Framed::KeepAlivePong)) => {}
                Some(Err(_)) => return self.break_flow(now, flow),
            }
        }
    }

    fn break_flow(&mut self, now: Instant, flow: FlowId) {
        self.flows.insert(flow, Flow::Broken);
        self.closes.push_back(flow);
        self.forget_flow(now, flow);
    }
}
