//! The network between the nodes, and the clock.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant, SystemTime};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use vestibule::channel::{AudioView, CallView, Command, Done, Refusal};
use vestibule::phone::{Connect, FlowFault, MediaEvent, Now};
use vestibule::sip::{FlowId, Path, Transmit, Transport};

use super::door::Door;
use super::panel::Panel;
use super::pbx::Pbx;
use super::{ms, s};

/// Which node.
pub type NodeName = usize;
/// The panel under test, at 10.0.0.1.
pub const PANEL: NodeName = 0;
/// Another panel, at 10.0.0.2.
pub const OTHER: NodeName = 1;
/// The door station, at 10.0.0.3.
pub const DOOR: NodeName = 2;

/// The first server, at 10.0.0.4.
pub const PBX: NodeName = 3;
/// The second server, at 10.0.0.5.
pub const PBX_2: NodeName = 4;

/// The panel's account at the first server.
pub const ONE: &[(&str, &str)] = &[
    ("account1.basic.server", "10.0.0.4"),
    ("account1.basic.register_name", "101"),
    ("account1.basic.password", "secret"),
    ("account1.active", "on"),
];
/// And at the second.
pub const TWO: &[(&str, &str)] =
    &[("account2.basic.server", "10.0.0.5"), ("account2.basic.register_name", "201"), ("account2.active", "on")];

/// How long a packet is on its way.
const WAY: Duration = Duration::from_millis(1);

/// One thing with an address on the network.
pub trait Node {
    /// Whether it hears at this port.
    fn hears(&self, transport: Transport, port: u16) -> bool;
    /// Why a connection to it does not come about, though it hears.
    fn refuses(&mut self, _transport: Transport) -> Option<FlowFault> {
        None
    }
    fn handle_datagram(&mut self, now: Now, path: Path, bytes: &[u8]);
    fn handle_stream(&mut self, now: Now, path: Path, bytes: &[u8]);
    fn handle_transport_error(&mut self, now: Now, path: Path);
    fn handle_timeout(&mut self, now: Now);
    fn poll_timeout(&self) -> Option<Instant>;
    /// Takes what it wants sent.
    fn drain(&mut self, now: Now) -> Vec<Transmit>;
    /// Takes the connections that it wants opened.
    fn connects(&mut self) -> Vec<Connect> {
        Vec::new()
    }
    /// A connection of its own stands.
    fn handle_connected(&mut self, _now: Now, _path: Path) {}
    /// A connection of its own is gone, or never came about.
    fn handle_flow_gone(&mut self, _now: Now, _flow: FlowId, _fault: &FlowFault) {}
}

struct Flight {
    at: Instant,
    order: u64,
    to: NodeName,
    path: Path,
    what: What,
}

enum What {
    Bytes(Vec<u8>),
    Unreachable,
    Connected,
    Gone(FlowId, FlowFault),
}

/// Everything.
pub struct House {
    pub now: Now,
    pub panels: [Panel; 2],
    pub door: Door,
    /// Servers, where the test has some: [`PBX`], [`PBX_2`].
    pub pbxs: Vec<Pbx>,
    /// Share of datagrams lost, 0 to 1.
    pub loss: f64,
    /// Nodes that are switched off: what is sent to them vanishes.
    pub off: Vec<NodeName>,
    /// What each node sent, as text, in order.
    pub sent: Vec<(NodeName, Instant, String)>,
    /// Who sent it, to whom.
    sent_to: Vec<(NodeName, NodeName, String)>,
    random: StdRng,
    flights: Vec<Flight>,
    count: u64,
    /// The far end of a connection's end, and the port from which it was made.
    connections: BTreeMap<(NodeName, FlowId), (NodeName, FlowId, SocketAddr)>,
    last_flow: u64,
}

impl House {
    /// Panels with these settings changed from the defaults (both the same), and a door.
    pub fn new(settings: &[(&str, &str)]) -> Self {
        Self::knowing(settings, "")
    }

    /// The same with contacts, as the settings file has them.
    pub fn knowing(settings: &[(&str, &str)], contacts: &str) -> Self {
        Self::seeded(1, settings, contacts)
    }

    /// The same with a seed of its own.
    pub fn seeded(seed: u64, settings: &[(&str, &str)], contacts: &str) -> Self {
        let now = Now { instant: Instant::now(), wall: SystemTime::UNIX_EPOCH + s(1_800_000_000) };
        let mut random = StdRng::seed_from_u64(seed);
        let panels = [PANEL, OTHER].map(|node| Panel::new(now, address(node), random.random(), settings, contacts));
        let door = Door::new(address(DOOR), random.random());
        let mut house = Self {
            now,
            panels,
            door,
            pbxs: Vec::new(),
            loss: 0.0,
            off: Vec::new(),
            sent: Vec::new(),
            sent_to: Vec::new(),
            random,
            flights: Vec::new(),
            count: 0,
            connections: BTreeMap::new(),
            last_flow: 0,
        };
        house.pump();
        house
    }

    /// The same with two servers, on which the panel is not registered yet.
    pub fn with_servers(settings: &[(&str, &str)]) -> Self {
        Self::with_servers_knowing(settings, "")
    }

    /// The same with contacts.
    pub fn with_servers_knowing(settings: &[(&str, &str)], contacts: &str) -> Self {
        let mut house = Self::knowing(&[], contacts);
        house.pbxs = [PBX, PBX_2].map(|node| Pbx::new(address(node), house.random.random())).into();
        for (key, value) in settings {
            house.set(key, value);
        }
        house.run(s(1));
        house
    }

    /// So many servers more, at the addresses that follow.
    pub fn add_servers(&mut self, count: usize) {
        for _ in 0..count {
            let node = PBX + self.pbxs.len();
            self.pbxs.push(Pbx::new(address(node), self.random.random()));
        }
    }

    /// Changes a setting of the panel under test.
    pub fn set(&mut self, key: &str, value: &str) {
        self.must(PANEL, Command::Set { key: key.to_owned(), value: value.to_owned() });
    }

    /// A server.
    pub fn pbx(&mut self, node: NodeName) -> &mut Pbx {
        &mut self.pbxs[node - PBX]
    }

    /// All connections of a node end. How many ends of such there were.
    pub fn cut(&mut self, node: NodeName) -> usize {
        let of_it: Vec<(NodeName, FlowId)> = self
            .connections
            .iter()
            .filter(|((from, _), far)| *from == node || far.0 == node)
            .map(|(key, _)| *key)
            .collect();
        let count = of_it.len();
        for (end, flow) in of_it {
            self.connections.remove(&(end, flow));
            let path = Path { transport: Transport::Tcp, local: UNKNOWN, remote: UNKNOWN, flow: Some(flow) };
            self.fly(end, path, What::Gone(flow, FlowFault::Ended("cut".to_owned())));
        }
        count
    }

    /// The program of the panel under test dies without a word, and runs again two seconds later.
    pub fn crash(&mut self) {
        // Nothing that is due meanwhile is done.
        self.panels[PANEL].dead = true;
        self.off.push(PANEL);
        self.cut(PANEL);
        self.run(s(2));
        let again = self.panels[PANEL].again(self.now, address(PANEL), self.random.random());
        self.panels[PANEL] = again;
        self.off.retain(|node| *node != PANEL);
        self.pump();
    }

    /// The panel under test.
    pub fn panel(&mut self) -> &mut Panel {
        &mut self.panels[PANEL]
    }

    /// A finger on a panel.
    pub fn press(&mut self, node: NodeName, command: Command) -> Result<Done, Refusal> {
        let now = self.now;
        let done = self.panels[node].phone.handle_command(now, command);
        self.pump();
        done
    }

    /// A finger on a panel; must work.
    pub fn must(&mut self, node: NodeName, command: Command) {
        if let Err(refusal) = self.press(node, command.clone()) {
            panic!("{command:?}: {refusal}");
        }
    }

    /// The panel under test dials.
    pub fn dial(&mut self, text: &str) -> Result<Done, Refusal> {
        self.press(PANEL, Command::Dial { text: text.to_owned(), account: Default::default() })
    }

    /// The only call of a panel.
    pub fn call(&self, node: NodeName) -> CallView {
        let calls = self.panels[node].phone.calls();
        assert_eq!(calls.len(), 1, "calls of node {node}: {calls:#?}");
        calls.into_iter().next().expect("one call")
    }

    /// A datagram reaches the panel under test, from somebody who hears nothing and says nothing else: see [`outside`].
    pub fn inject(&mut self, from: IpAddr, bytes: Vec<u8>) {
        self.inject_at(5060, from, None, bytes);
    }

    /// The same at a port of the panel, perhaps by a TCP connection of this name.
    pub fn inject_at(&mut self, port: u16, from: IpAddr, connection: Option<FlowId>, bytes: Vec<u8>) {
        let transport = if connection.is_some() { Transport::Tcp } else { Transport::Udp };
        let (local, remote) = (SocketAddr::new(address(PANEL), port), SocketAddr::new(from, 5060));
        self.fly(PANEL, Path { transport, local, remote, flow: connection }, What::Bytes(bytes));
    }

    /// Lets time pass.
    pub fn run(&mut self, span: Duration) {
        let until = self.now.instant + span;
        loop {
            self.pump();
            let flights = self.flights.iter().map(|flight| flight.at).min();
            let timers = self.nodes().into_iter().filter_map(|node| node.poll_timeout()).collect::<Vec<_>>();
            let Some(next) = flights.into_iter().chain(timers).min().filter(|next| *next <= until) else { break };
            self.set_clock(next.max(self.now.instant));
            self.deliver();
            let now = self.now;
            for node in self.nodes() {
                if node.poll_timeout().is_some_and(|at| at <= now.instant) {
                    node.handle_timeout(now);
                }
            }
        }
        self.set_clock(until);
    }

    /// The panel under test and the other one in a call.
    pub fn connect_panels(&mut self) {
        self.dial("10✳0✳0✳2").expect("dialled");
        self.run(ms(20));
        self.must(OTHER, Command::Answer(None));
        self.run(ms(20));
    }

    /// The door rings and the panel has shown it.
    pub fn bell(&mut self) {
        self.door.ring(self.now);
        self.run(ms(20));
    }

    /// The door and the panel in a call.
    pub fn connect_door(&mut self) {
        self.bell();
        self.must(PANEL, Command::Answer(None));
        self.run(ms(20));
    }

    /// Once a second for this long, the media engine of the panel under test reports these totals of packets.
    pub fn report(&mut self, seconds: u64, packets: impl Fn(u64) -> u64) {
        self.report_with(seconds, packets, |_| 0);
    }

    /// The same, and so many reports of the other side.
    pub fn report_with(&mut self, seconds: u64, packets: impl Fn(u64) -> u64, reports: impl Fn(u64) -> u64) {
        for second in 0..seconds {
            let Some(call) = self.panels[PANEL].phone.current() else { return };
            let (packets_in, reports_in) = (packets(second), reports(second));
            let audio = AudioView { packets_in, reports_in, ..AudioView::default() };
            let now = self.now;
            let event = MediaEvent::Statistics { call, audio: Some(audio), video: None };
            self.panels[PANEL].phone.handle_media(now, event);
            self.run(s(1));
        }
    }

    /// How often a node sent a message that begins so.
    pub fn count(&self, node: NodeName, start: &str) -> usize {
        self.sent.iter().filter(|(of, _, text)| *of == node && text.starts_with(start)).count()
    }

    /// How many different requests that begin so a server was sent by the panel under test.
    pub fn count_to(&self, to: NodeName, start: &str) -> usize {
        let branch = |text: &str| {
            text.split("branch=").nth(1).and_then(|rest| rest.split([';', '\r']).next()).map(str::to_owned)
        };
        let sent =
            self.sent_to.iter().filter(|(of, whom, text)| *of == PANEL && *whom == to && text.starts_with(start));
        sent.filter_map(|(_, _, text)| branch(text)).collect::<std::collections::BTreeSet<_>>().len()
    }

    /// The last message of a node that begins so.
    pub fn last(&self, node: NodeName, start: &str) -> &str {
        let found = self.sent.iter().rev().find(|(of, _, text)| *of == node && text.starts_with(start));
        found.map(|(_, _, text)| text.as_str()).unwrap_or_else(|| panic!("node {node} never sent {start}"))
    }

    /// Takes and carries whatever the nodes want sent, until they are quiet.
    pub fn pump(&mut self) {
        let now = self.now;
        loop {
            let mut quiet = true;
            for node in self.names() {
                for transmit in self.node(node).drain(now) {
                    quiet = false;
                    self.send(node, transmit);
                }
                // What was drained may have asked for connections.
                for connect in self.node(node).connects() {
                    quiet = false;
                    self.open(node, connect);
                }
            }
            if quiet {
                return;
            }
        }
    }

    fn set_clock(&mut self, instant: Instant) {
        self.now.wall += instant.duration_since(self.now.instant);
        self.now.instant = instant;
    }

    fn node(&mut self, node: NodeName) -> &mut dyn Node {
        match node {
            DOOR => &mut self.door,
            PBX.. => &mut self.pbxs[node - PBX],
            panel => &mut self.panels[panel],
        }
    }

    fn nodes(&mut self) -> Vec<&mut dyn Node> {
        let [panel, other] = &mut self.panels;
        let mut nodes: Vec<&mut dyn Node> = vec![panel, other, &mut self.door];
        nodes.extend(self.pbxs.iter_mut().map(|pbx| pbx as &mut dyn Node));
        nodes
    }

    fn names(&self) -> impl Iterator<Item = NodeName> + use<> {
        0..PBX + self.pbxs.len()
    }

    /// Opens a connection, or finds that there is nobody.
    fn open(&mut self, from: NodeName, order: Connect) {
        let Connect { flow, local, target, .. } = order;
        let to = self.names().find(|node| address(*node) == target.address.ip());
        let path = Path { transport: target.transport, local, remote: target.address, flow: Some(flow) };
        match to {
            Some(to) if self.off.contains(&to) => {}
            Some(to) if self.node(to).hears(target.transport, target.address.port()) => {
                if let Some(fault) = self.node(to).refuses(target.transport) {
                    return self.fly(from, path, What::Gone(flow, fault));
                }
                self.last_flow += 1;
                let theirs = FlowId(self.last_flow);
                let near = SocketAddr::new(local.ip(), 40_000 + self.last_flow as u16);
                self.connections.insert((from, flow), (to, theirs, near));
                self.connections.insert((to, theirs), (from, flow, target.address));
                self.fly(from, Path { local: near, ..path }, What::Connected);
            }
            _ => self.fly(from, path, What::Gone(flow, FlowFault::Refused)),
        }
    }

    fn send(&mut self, from: NodeName, transmit: Transmit) {
        let Transmit { path, bytes } = transmit;
        self.sent.push((from, self.now.instant, String::from_utf8_lossy(&bytes).into_owned()));
        if is_outside(path.remote.ip()) {
            return;
        }
        let to = self.names().find(|node| address(*node) == path.remote.ip());
        let Some(to) = to else {
            return self.fly(from, path, What::Unreachable);
        };
        self.sent_to.push((from, to, String::from_utf8_lossy(&bytes).into_owned()));
        if self.off.contains(&to) {
            return;
        }
        match path.transport {
            Transport::Udp => {
                let lost = self.loss > 0.0 && self.random.random_bool(self.loss);
                if lost {
                    return;
                }
                if !self.node(to).hears(path.transport, path.remote.port()) {
                    return self.fly(from, path, What::Unreachable);
                }
                let path = Path { local: path.remote, remote: path.local, ..path };
                self.fly(to, path, What::Bytes(bytes));
            }
            Transport::Tcp | Transport::Tls => {
                let existing = path.flow.and_then(|flow| self.connections.get(&(from, flow)).copied());
                let known = existing.or_else(|| {
                    let same = |(key, far): (&(NodeName, FlowId), &(NodeName, FlowId, SocketAddr))| {
                        (key.0 == from && far.0 == to).then_some(*far)
                    };
                    self.connections.iter().find_map(same)
                });
                let (to, flow, near) = match known {
                    Some(known) => known,
                    None if !self.node(to).hears(path.transport, path.remote.port()) => {
                        return self.fly(from, path, What::Unreachable);
                    }
                    None => self.connect(from, to, path),
                };
                let path = Path { local: path.remote, remote: near, flow: Some(flow), ..path };
                self.fly(to, path, What::Bytes(bytes));
            }
        }
    }

    fn connect(&mut self, from: NodeName, to: NodeName, path: Path) -> (NodeName, FlowId, SocketAddr) {
        let (ours, theirs) = (FlowId(self.last_flow + 1), FlowId(self.last_flow + 2));
        self.last_flow += 2;
        let near = SocketAddr::new(path.local.ip(), 40_000 + self.last_flow as u16);
        self.connections.insert((from, ours), (to, theirs, near));
        self.connections.insert((to, theirs), (from, ours, path.remote));
        (to, theirs, near)
    }

    fn fly(&mut self, to: NodeName, path: Path, what: What) {
        self.count += 1;
        self.flights.push(Flight { at: self.now.instant + WAY, order: self.count, to, path, what });
    }

    fn deliver(&mut self) {
        let now = self.now;
        self.flights.sort_by_key(|flight| (flight.at, flight.order));
        let later = self.flights.partition_point(|flight| flight.at <= now.instant);
        let due: Vec<Flight> = self.flights.drain(..later).collect();
        for flight in due {
            let node = self.node(flight.to);
            match (flight.what, flight.path.transport) {
                (What::Connected, _) => node.handle_connected(now, flight.path),
                (What::Gone(flow, fault), _) => node.handle_flow_gone(now, flow, &fault),
                (What::Unreachable, _) => node.handle_transport_error(now, flight.path),
                (What::Bytes(bytes), Transport::Udp) => node.handle_datagram(now, flight.path, &bytes),
                (What::Bytes(bytes), Transport::Tcp | Transport::Tls) => node.handle_stream(now, flight.path, &bytes),
            }
            self.pump();
        }
    }
}

/// An end of a connection that nobody looks at.
const UNKNOWN: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0);

/// An address outside the house (RFC 2544): what is sent there vanishes.
pub fn outside(number: u16) -> IpAddr {
    let [high, low] = number.to_be_bytes();
    IpAddr::from([198, 18, high, low])
}

fn is_outside(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(v4) if v4.octets().starts_with(&[198, 18]))
}

/// The address of a node.
pub fn address(node: NodeName) -> IpAddr {
    IpAddr::from([10, 0, 0, node as u8 + 1])
}
