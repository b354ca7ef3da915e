//! A thousand panels and a registrar that goes away and comes back: how many requests it meets, and how soon all are back.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::IpAddr;
use std::time::{Duration, Instant, SystemTime};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use vestibule::channel::RegistrationState;
use vestibule::phone::Now;
use vestibule::sip::Transport;

use crate::common::{Node, Panel, Pbx, Registrar, ms, s};

const PANELS: usize = 1000;
/// The server is switched off so long.
const AWAY: Duration = Duration::from_secs(100);
/// The clocks of the panels differ by so much at most, in ms: far more than those of a network that keeps time.
const SKEW_MS: u64 = 200;

/// Something that happens at a node; the server is the last.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Due,
    Bytes(Vec<u8>),
    Refused,
}

struct Street {
    now: Now,
    panels: Vec<Panel>,
    /// How much each panel's clock is ahead.
    skews: Vec<Duration>,
    server: Pbx,
    /// Whether the machine of the server is on; one that is off is silent.
    on: bool,
    coming: BinaryHeap<Reverse<(Instant, usize, What)>>,
    /// What was sent to the server while it was on.
    asked: Vec<Instant>,
}

fn address(panel: usize) -> IpAddr {
    IpAddr::from([10, 1, (panel / 250) as u8, (panel % 250) as u8])
}

impl Street {
    fn new(seed: u64, settings: &[(&str, &str)]) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let now = Now { instant: Instant::now(), wall: SystemTime::UNIX_EPOCH + s(1_800_000_000) };
        let server = Pbx::new(IpAddr::from([10, 0, 0, 4]), random.random());
        let mut street = Self {
            now,
            panels: Vec::new(),
            skews: Vec::new(),
            server,
            on: true,
            coming: BinaryHeap::new(),
            asked: Vec::new(),
        };
        street.server.registrar = Registrar::Challenges;
        for panel in 0..PANELS {
            // They are switched on one after another, as people move in.
            street.run(ms(60));
            let name = format!("{}", 1000 + panel);
            let own = [("account1.basic.register_name", name.as_str())];
            let all: Vec<(&str, &str)> = own.iter().chain(settings).copied().collect();
            street.skews.push(ms(random.random_range(0..=SKEW_MS)));
            street.panels.push(Panel::new(street.clock(panel), address(panel), random.random(), &all, ""));
            street.tend(panel);
        }
        street
    }

    fn run(&mut self, span: Duration) {
        let until = self.now.instant + span;
        while let Some(Reverse((at, ..))) = self.coming.peek() {
            if *at > until {
                break;
            }
            let Some(Reverse((at, node, what))) = self.coming.pop() else { break };
            self.set_clock(at.max(self.now.instant));
            self.happen(node, what);
        }
        self.set_clock(until);
    }

    fn set_clock(&mut self, instant: Instant) {
        self.now.wall += instant.duration_since(self.now.instant);
        self.now.instant = instant;
    }

    /// The time as a panel has it.
    fn clock(&self, panel: usize) -> Now {
        Now { wall: self.now.wall + self.skews[panel], ..self.now }
    }

    fn happen(&mut self, node: usize, what: What) {
        let now = if node == PANELS { self.now } else { self.clock(node) };
        if node == PANELS {
            let What::Bytes(bytes) = what else { return };
            // The bytes begin with the number of the panel.
            let from = usize::from(u16::from_be_bytes([bytes[0], bytes[1]]));
            let port = u16::from_be_bytes([bytes[2], bytes[3]]);
            let path = vestibule::sip::Path {
                transport: Transport::Udp,
                local: "10.0.0.4:5060".parse().expect("an address"),
                remote: (address(from), port).into(),
                flow: None,
            };
            self.asked.push(now.instant);
            self.server.handle_datagram(now, path, &bytes[4..]);
            for answer in self.server.drain(now) {
                self.coming.push(Reverse((now.instant + ms(1), from, What::Bytes(answer.bytes))));
            }
            return;
        }
        let path = vestibule::sip::Path {
            transport: Transport::Udp,
            local: (address(node), self.panels[node].port()).into(),
            remote: "10.0.0.4:5060".parse().expect("an address"),
            flow: None,
        };
        let panel = &mut self.panels[node];
        match what {
            What::Due if panel.poll_timeout().is_some_and(|at| at <= now.instant) => panel.handle_timeout(now),
            What::Due => return,
            What::Bytes(bytes) => panel.handle_datagram(now, path, &bytes),
            What::Refused => panel.handle_transport_error(now, path),
        }
        self.tend(node);
    }

    fn tend(&mut self, node: usize) {
        let now = self.clock(node);
        for transmit in self.panels[node].drain(now) {
            let at = now.instant + ms(1);
            if !self.on {
                continue;
            }
            if !self.server.runs {
                self.coming.push(Reverse((at, node, What::Refused)));
                continue;
            }
            let mut bytes = (node as u16).to_be_bytes().to_vec();
            bytes.extend(transmit.path.local.port().to_be_bytes());
            bytes.extend(transmit.bytes);
            self.coming.push(Reverse((at, PANELS, What::Bytes(bytes))));
        }
        if let Some(at) = self.panels[node].poll_timeout() {
            self.coming.push(Reverse((at.max(now.instant), node, What::Due)));
        }
    }

    fn registered(&self) -> usize {
        let is = |panel: &&Panel| panel.phone.registrations()[0].state == RegistrationState::Registered;
        self.panels.iter().filter(is).count()
    }
}

/// The most requests in any whole second, and in any five, since then; a second.
fn peaks(asked: &[Instant], since: Instant) -> (usize, f64) {
    let most = |span: Duration| {
        let mut first = 0;
        let after: Vec<Instant> = asked.iter().copied().filter(|at| *at >= since).collect();
        let mut most = 0;
        for (index, at) in after.iter().enumerate() {
            while *at - after[first] >= span {
                first += 1;
            }
            most = most.max(index + 1 - first);
        }
        most
    };
    (most(s(1)), most(s(5)) as f64 / 5.0)
}

/// Counts until all are back: the time, and the peaks.
fn outage(silent: bool) -> (Duration, usize, f64) {
    let mut street = Street::new(
        7,
        &[
            ("account1.basic.server", "10.0.0.4"),
            ("account1.basic.password", "secret"),
            ("account1.basic.retry_interval", "60"),
            ("account1.active", "on"),
        ],
    );
    street.run(s(30));
    assert_eq!(street.registered(), PANELS);
    street.on = !silent;
    street.server.stop();
    street.run(AWAY);
    assert!(street.registered() < PANELS / 10, "nearly all have noticed");
    street.on = true;
    street.server.runs = true;
    let back = street.now.instant;
    while street.server.bindings.len() < PANELS || street.registered() < PANELS {
        street.run(s(1));
        assert!(street.now.instant - back <= s(61), "only {} are back", street.registered());
    }
    let (second, five) = peaks(&street.asked, back);
    (street.now.instant - back, second, five)
}

#[test]
fn all_are_back_within_a_minute_and_the_server_is_not_run_over() {
    for silent in [false, true] {
        let (all_back, second, five) = outage(silent);
        println!(
            "{PANELS} panels, away for {AWAY:?}{}: all back after {all_back:?}; at most {second} requests in a second, \
             {five} a second over five",
            if silent { " in silence" } else { "" }
        );
        assert!(second < 50 && five < 50.0, "{second} requests in a second, {five} a second over five");
        assert!(all_back <= s(60), "{all_back:?}");
    }
}
