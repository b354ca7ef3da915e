//! The way back to the stop that comes first, while another one is in use: it is asked now and then, and gone back to
//! when it has answered for a minute without a gap.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::binding;
use super::desk::Desk;
use super::hops::{Next, Stop};
use super::line::PATIENCE;
use crate::config::{Account, AccountConfig};
use crate::sip::{FlowId, Path, ProbeHandle, Transport};

/// How often it is asked.
const EVERY: Duration = Duration::from_secs(10);
/// For how long it must have answered; twice as long each time that it has answered and then registered nobody.
const ANSWERS_FOR: Duration = Duration::from_secs(60);
/// So often that time is doubled.
const DOUBLINGS: u32 = 5;

/// How far the way back has come.
#[derive(Debug, Default)]
pub struct Recall {
    state: State,
    /// Since when every question was answered.
    since: Option<Instant>,
    /// The last answer, and by which way.
    answered: Option<(Stop, Path)>,
    /// How often it was gone back to, and the account was not registered there.
    in_vain: u32,
}

#[derive(Debug, Default)]
enum State {
    /// Not begun.
    #[default]
    Idle,
    /// Asked next then.
    Resting(Instant),
    /// A connection is being made.
    Connecting { stop: Stop, flow: FlowId, until: Instant },
    /// It was asked.
    Asked { stop: Stop, way: Path, probe: ProbeHandle },
}

impl Recall {
    /// The connection by which it asks.
    pub fn flow(&self) -> Option<FlowId> {
        match &self.state {
            State::Connecting { flow, .. } => Some(*flow),
            State::Asked { way, .. } => way.flow,
            State::Idle | State::Resting(_) => self.answered.as_ref().and_then(|(_, way)| way.flow),
        }
    }

    /// Asks when it is time; gives the stop and the way when it is time to go back.
    pub fn tend(
        &mut self,
        desk: &mut Desk<'_>,
        account: Account,
        config: &AccountConfig,
        preferred: Next,
        port: u16,
    ) -> Option<(Stop, Path)> {
        let now = desk.now;
        if self.since.is_some_and(|since| now >= since + self.answers_for())
            && let Some(back) = self.answered.take()
        {
            *self = Self { in_vain: self.in_vain + 1, ..Self::default() };
            return Some(back);
        }
        match &self.state {
            State::Idle => self.state = State::Resting(now + EVERY),
            State::Resting(at) if *at <= now => match preferred {
                Next::Stop(stop) => self.ask(desk, account, config, stop, port),
                Next::Finding | Next::End => self.fail(desk),
            },
            State::Connecting { flow, until, .. } if *until <= now => {
                desk.close(*flow);
                self.fail(desk);
            }
            _ => {}
        }
        None
    }

    fn answers_for(&self) -> Duration {
        ANSWERS_FOR * 2_u32.pow(self.in_vain.min(DOUBLINGS))
    }

    fn ask(&mut self, desk: &mut Desk<'_>, account: Account, config: &AccountConfig, stop: Stop, port: u16) {
        let remote = stop.target.address;
        let Some(local) = desk.routes.local_for(remote.ip()) else { return self.fail(desk) };
        let local = SocketAddr::new(local, port);
        // A connection that stands from the last time is used again.
        let standing = self.answered.take().filter(|(last, way)| *last == stop && way.flow.is_some());
        match (stop.target.transport, standing) {
            (Transport::Udp, _) => {
                self.put_question(desk, stop, Path { transport: Transport::Udp, local, remote, flow: None }, config);
            }
            (_, Some((_, way))) => self.put_question(desk, stop, way, config),
            (Transport::Tcp | Transport::Tls, None) => {
                let flow = desk.connect(account, local, &stop.target);
                self.state = State::Connecting { stop, flow, until: desk.now + PATIENCE };
            }
        }
    }

    fn put_question(&mut self, desk: &mut Desk<'_>, stop: Stop, way: Path, config: &AccountConfig) {
        let whom = binding::probed(config, &stop);
        let probe = desk.endpoint.probe(desk.now, way, whom, None, PATIENCE);
        self.state = State::Asked { stop, way, probe };
    }

    fn fail(&mut self, desk: &mut Desk<'_>) {
        // Whatever was wrong before, it starts anew.
        self.in_vain = 0;
        self.since = None;
        self.answered = None;
        self.state = State::Resting(desk.now + desk.jittered(EVERY));
    }

    /// A connection stands; true when it is this one.
    pub fn handle_connected(&mut self, desk: &mut Desk<'_>, config: &AccountConfig, way: Path) -> bool {
        match &self.state {
            State::Connecting { stop, flow, .. } if way.flow == Some(*flow) => {
                let stop = stop.clone();
                self.put_question(desk, stop, way, config);
                true
            }
            _ => false,
        }
    }

    /// A connection has gone.
    pub fn handle_flow_gone(&mut self, desk: &mut Desk<'_>, gone: FlowId) {
        let ours = match &self.state {
            State::Connecting { flow, .. } => *flow == gone,
            State::Asked { way, .. } => way.flow == Some(gone),
            State::Idle | State::Resting(_) => self.answered.as_ref().is_some_and(|(_, way)| way.flow == Some(gone)),
        };
        if ours {
            self.fail(desk);
        }
    }

    /// What came of a question; true when it is this one.
    pub fn handle_probe(&mut self, desk: &mut Desk<'_>, answered: ProbeHandle, alive: bool) -> bool {
        let State::Asked { stop, way, probe } = &self.state else { return false };
        if *probe != answered {
            return false;
        }
        if alive {
            self.answered = Some((stop.clone(), *way));
            self.since.get_or_insert(desk.now);
            self.state = State::Resting(desk.now + desk.jittered(EVERY));
        } else {
            self.fail(desk);
        }
        true
    }

    /// When `tend` is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let back = self.since.filter(|_| self.answered.is_some()).map(|since| since + self.answers_for());
        let next = match &self.state {
            State::Resting(at) => Some(*at),
            State::Connecting { until, .. } => Some(*until),
            State::Idle | State::Asked { .. } => None,
        };
        back.into_iter().chain(next).min()
    }
}
