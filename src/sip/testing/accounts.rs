//! Accounts on the simulated network: registrars, and a gate that wants a password.

use std::net::SocketAddr;
use std::time::Duration;

use super::demand::{self, Passage};
use super::registrar::Registrar;
use super::{CALLED, CALLER, Flight, Place, World};
use crate::sip::digest::{AccountKey, Credentials, Password};
use crate::sip::message::{Message, NameAddr, Uri};
use crate::sip::path::{Path, Transport};
use crate::sip::registration::{Register, RegistrationEvent, RegistrationHandle};
use crate::sip::wire::parse_datagram;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// The account of the tests.
pub const ACCOUNT: AccountKey = AccountKey(1);

/// What the demands of the tests want to hear, but for the password.
pub fn credentials(password: &str) -> Credentials {
    Credentials { name: demand::NAME.to_owned(), password: Password::new(password) }
}

impl World {
    /// From here on CALLER calls through [`ACCOUNT`], with this password.
    pub fn use_account(&mut self, password: &str) {
        self.account = Some(ACCOUNT);
        self.phones[CALLER].endpoint.set_credentials(ACCOUNT, Some(credentials(password)));
    }

    /// A further registrar.
    pub fn add_registrar(&mut self) -> &mut Registrar {
        let host = 100 + u8::try_from(self.registrars.len()).expect("few registrars");
        self.registrars.push(Registrar::new(SocketAddr::from(([192, 0, 2, host], 5060))));
        self.registrars.last_mut().expect("one was added")
    }

    /// What CALLER orders at a registrar.
    pub fn order(&self, registrar: usize) -> Register {
        let (local, remote) = (self.phones[CALLER].address, self.registrars[registrar].address);
        Register {
            account: ACCOUNT,
            way: Path { transport: Transport::Udp, local, remote, flow: None },
            registrar: Uri::parse("sip:home.example").expect("a URI"),
            aor: NameAddr::new(Uri::parse("sip:501@home.example").expect("a URI")),
            contact: Uri::parse(&format!("sip:501@{local}")).expect("a URI"),
            route: Vec::new(),
            instance: None,
            expires: Duration::from_secs(600),
            patience: Duration::from_secs(4),
        }
    }

    /// The network's dice begin anew.
    pub fn random_seed(&mut self, seed: u64) {
        self.random = StdRng::seed_from_u64(seed);
    }

    /// CALLER registers.
    pub fn register(&mut self, order: Register) -> RegistrationHandle {
        self.phones[CALLER].endpoint.register(self.now, order)
    }

    /// Takes the next event of CALLER's registrations.
    pub fn registration(&mut self) -> RegistrationEvent {
        self.pump();
        assert!(!self.phones[CALLER].registrations.is_empty(), "no registration has anything to tell");
        self.phones[CALLER].registrations.remove(0)
    }

    /// Whether doorman and gate let the called phone have what was sent to it.
    pub(super) fn passes_gate(&mut self, to: usize, path: Path, bytes: &[u8]) -> bool {
        let is_theirs = to == CALLED && path.remote == self.phones[CALLER].address;
        if !is_theirs || path.transport != Transport::Udp {
            return true;
        }
        let Ok(Message::Request(request)) = parse_datagram(bytes) else {
            return true;
        };
        if let Some(response) = (self.doorman)(&request) {
            self.send_back(path, response.to_bytes());
            return false;
        }
        if self.gate.demands.is_empty() {
            return true;
        }
        match self.gate.judge(&request) {
            Passage::Passes => return true,
            Passage::Stopped(answer) => self.send_back(path, answer),
            Passage::Absorbed => {}
        }
        false
    }

    /// Sends a datagram to where one came from along `path`.
    pub(super) fn send_back(&mut self, path: Path, bytes: Vec<u8>) {
        let back = self.phones.iter().position(|phone| phone.address == path.remote);
        if let Some(to) = back.filter(|_| !self.random.random_bool(self.loss)) {
            let at = self.now + Duration::from_micros(self.random.random_range(self.delay.clone()));
            let path = Path { local: path.remote, remote: path.local, ..path };
            self.flights.push(Flight { at, to: Place::Phone(to), path, bytes });
        }
    }
}
