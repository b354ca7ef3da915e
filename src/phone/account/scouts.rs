//! While no place works, all of them are asked side by side whether somebody is there: the walk along the list takes its time
//! at each that is silent, and the one that comes back need not wait for its turn.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::binding;
use super::desk::Desk;
use super::hops::Stop;
use super::line::PATIENCE;
use crate::config::{Account, AccountConfig};
use crate::sip::locate::Target;
use crate::sip::{FlowId, Path, ProbeHandle, Transport};

/// The walk has so much time alone: where one place has failed, the next one answers at once, and the order is kept.
const HEAD_START: Duration = Duration::from_secs(1);
/// So many are asked at most, the first of the list.
const MOST: usize = 8;
/// What is there and does not serve is left to the walk for so long.
const LEFT_ALONE: Duration = Duration::from_secs(30);

/// Those that are out for one account.
#[derive(Debug, Default)]
pub struct Scouts {
    /// When all are asked next; none while there is no need.
    next: Option<Instant>,
    out: Vec<Scout>,
    /// The last place that answered a scout.
    praised: Option<Target>,
    /// What is there and does not serve, and until when nobody is sent there.
    useless: Vec<(Target, Instant)>,
}

/// One that is out.
#[derive(Debug)]
struct Scout {
    stop: Stop,
    way: Path,
    /// None while the connection is being made.
    probe: Option<ProbeHandle>,
}

impl Scouts {
    /// A place has failed: from soon on all are asked.
    pub fn begin(&mut self, now: Instant) {
        self.next.get_or_insert(now + HEAD_START);
    }

    /// There is no need any more.
    pub fn end(&mut self, desk: &mut Desk<'_>) {
        self.call_back(desk);
        *self = Self::default();
    }

    /// The walk has left this place. One that is there and does not serve, for which it may have asked for some time, is not
    /// praised again soon.
    pub fn hear_of_failure(&mut self, now: Instant, target: &Target, is_there: bool, rest: Option<Duration>) {
        let was_praised = self.praised.take_if(|praised| praised == target).is_some();
        if is_there || was_praised {
            self.useless.retain(|(other, until)| other != target && *until > now);
            self.useless.push((target.clone(), now + rest.unwrap_or_default().max(LEFT_ALONE)));
        }
    }

    /// When they are sent out next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next
    }

    /// Sends them to all of these, those from the last time being back.
    pub fn send_out(
        &mut self,
        desk: &mut Desk<'_>,
        account: Account,
        config: &AccountConfig,
        stops: Vec<Stop>,
        port: Option<u16>,
    ) {
        self.call_back(desk);
        let every = Duration::from_secs(config.retry_interval_s.into()).max(PATIENCE);
        self.next = Some(desk.now + desk.jittered(every));
        let Some(port) = port else { return };
        self.useless.retain(|(_, until)| *until > desk.now);
        let is_of_use = |stop: &Stop| self.useless.iter().all(|(target, _)| *target != stop.target);
        for stop in stops.into_iter().filter(is_of_use).take(MOST).collect::<Vec<_>>() {
            let (transport, remote) = (stop.target.transport, stop.target.address);
            let Some(local) = desk.routes.local_for(remote.ip()) else { continue };
            let local = SocketAddr::new(local, port);
            let flow = transport.is_reliable().then(|| desk.connect(account, local, &stop.target));
            let mut scout = Scout { stop, way: Path { transport, local, remote, flow }, probe: None };
            if transport == Transport::Udp {
                scout.ask(desk, config);
            }
            self.out.push(scout);
        }
    }

    fn call_back(&mut self, desk: &mut Desk<'_>) {
        self.out.drain(..).filter_map(|scout| scout.way.flow).for_each(|flow| desk.close(flow));
    }

    /// A connection stands; true when it is one of these.
    pub fn handle_connected(&mut self, desk: &mut Desk<'_>, config: &AccountConfig, way: Path) -> bool {
        let scout = self.out.iter_mut().find(|scout| way.flow.is_some() && scout.way.flow == way.flow);
        let Some(scout) = scout else { return false };
        scout.way = way;
        scout.ask(desk, config);
        true
    }

    /// A connection has gone, or never came about.
    pub fn handle_flow_gone(&mut self, gone: FlowId) {
        self.out.retain(|scout| scout.way.flow != Some(gone));
    }

    /// What came of a question: the place and the way to it where somebody is there. The others are called back.
    pub fn handle_probe(&mut self, desk: &mut Desk<'_>, answered: ProbeHandle, alive: bool) -> Option<(Stop, Path)> {
        let index = self.out.iter().position(|scout| scout.probe == Some(answered))?;
        let Scout { stop, way, .. } = self.out.swap_remove(index);
        if !alive {
            way.flow.into_iter().for_each(|flow| desk.close(flow));
            return None;
        }
        self.call_back(desk);
        self.praised = Some(stop.target.clone());
        Some((stop, way))
    }

    /// Their connections.
    pub fn flows(&self) -> impl Iterator<Item = FlowId> {
        self.out.iter().filter_map(|scout| scout.way.flow)
    }
}

impl Scout {
    fn ask(&mut self, desk: &mut Desk<'_>, config: &AccountConfig) {
        let whom = binding::probed(config, &self.stop);
        self.probe = Some(desk.endpoint.probe(desk.now, self.way, whom, None, PATIENCE));
    }
}
