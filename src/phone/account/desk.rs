//! What a line works with at one moment: the user agent, the outputs, the routes, the dice.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use rand::RngExt;
use rand::rngs::StdRng;

use super::line::Purpose;
use crate::config::Account;
use crate::phone::Routes;
use crate::phone::output::{Connect, Output};
use crate::sip::locate::{Answer, DnsFault, Question, Target};
use crate::sip::{Endpoint, FlowId};

/// Connections that are opened here bear numbers from here on, those of the worker smaller ones.
const FIRST_FLOW: u64 = 1 << 63;

/// The desk at which a line works.
pub struct Desk<'a> {
    pub now: Instant,
    pub wall: SystemTime,
    pub endpoint: &'a mut Endpoint,
    pub routes: &'a dyn Routes,
    pub random: &'a mut StdRng,
    pub outputs: &'a mut VecDeque<Output>,
    /// How many connections have been opened.
    pub flows: &'a mut u64,
    /// Sockets that are to be closed, and when.
    pub closing: &'a mut Vec<(u16, Instant)>,
    /// Names this panel to its registrars (RFC 5626 4.1).
    pub instance: &'a str,
}

/// What a name server says to a question.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    pub question: &'a Question,
    pub result: &'a Result<Answer, DnsFault>,
}

impl Desk<'_> {
    /// Asks for a socket.
    pub fn open_port(&mut self, account: Account, purpose: Purpose) {
        self.outputs.push_back(Output::OpenPort { account, trial: purpose == Purpose::Trial });
    }

    /// A socket is needed no longer, as soon as what goes by it is over.
    pub fn leave_port(&mut self, port: u16) {
        self.closing.push((port, self.now + super::LINGER));
    }

    /// Has a connection opened.
    pub fn connect(&mut self, account: Account, local: SocketAddr, target: &Target) -> FlowId {
        let flow = FlowId(FIRST_FLOW | *self.flows);
        *self.flows += 1;
        self.outputs.push_back(Output::Connect(Box::new(Connect { flow, account, local, target: target.clone() })));
        flow
    }

    /// Has a connection closed.
    pub fn close(&mut self, flow: FlowId) {
        self.outputs.push_back(Output::CloseFlow(flow));
    }

    /// What the clock says.
    pub fn since_1970(&self) -> Duration {
        self.wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }

    /// Somewhat less than this, so that panels that began together drift apart.
    pub fn jittered(&mut self, time: Duration) -> Duration {
        time.mul_f64(self.random.random_range(0.95..1.0))
    }
}
