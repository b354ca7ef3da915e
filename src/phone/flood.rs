//! When more calls come than can be meant: whose ringing gives way, and what the resident hears of it.
//!
//! SIP's own guard keeps the mass away (see [`crate::sip::guard`]); a few calls of everybody pass it, because each might be
//! a visitor. Here they meet the lines. With all lines taken, a new call takes the place of a ringing one of somebody who holds
//! at least two lines more (ringing or answered); the first call of somebody who has hardly called lately also that of a stranger
//! who calls a lot; and that of a device of the address book, or of the resident, that of anybody else: a caller of an account that
//! of a stranger. A call that we made or answered gives way to nobody.

use std::cmp::Reverse;
use std::net::IpAddr;

use super::call::{Call, Remote};
use super::{Now, Output, Phone};
use crate::channel::{CallDirection, CallHandle, EndReason};
use crate::config::{Account, Config};
use crate::dial::{self, DialTarget};
use crate::sip::{Flood, Guests, Path, Rate, Source};

/// What a ringing call is told that gives way.
const BUSY: u16 = 486;

/// Who claims a line: its calls are counted together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Claimant {
    /// The resident.
    Here,
    /// Whoever sends from there.
    Device(Source),
    /// A caller of an account, by its URI: the server is the same for all of them.
    Through(Account, String),
}

/// How far somebody is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trust {
    /// Anybody.
    Stranger,
    /// Whom the server of an account puts through.
    Caller,
    /// The address book, and the resident.
    Known,
}

/// A claim to a line.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    who: Claimant,
    trust: Trust,
    /// How often a stranger has called from there lately.
    lately: u32,
}

impl Claim {
    /// What the resident calls.
    pub const HERE: Self = Self { who: Claimant::Here, trust: Trust::Known, lately: 0 };
}

/// So often a visitor may press the bell within some seconds without being taken for anything else.
const PRESSES: u32 = 2;

/// Lines in the call log for strangers who were turned away.
const STRANGERS_LINES: Rate = Rate::one_in(10, 20);

/// How much SIP holds at this moment, for tests and statistics. All of it is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Sessions that still exchange requests.
    pub sessions: usize,
    /// Transactions.
    pub transactions: usize,
    /// Addresses that are remembered for what they sent.
    pub sources: usize,
}

impl Phone {
    /// How much SIP holds.
    pub fn load(&self) -> Load {
        Load {
            sessions: self.endpoint.busy_sessions(),
            transactions: self.endpoint.transactions(),
            sources: self.endpoint.sources(),
        }
    }

    /// Tells SIP whom the address book knows and where its contacts may call from, and where the servers of the accounts are.
    pub(super) fn introduce_contacts(&mut self) {
        self.allowed = Guests::at(super::whitelist::addresses(&self.config.contacts));
        let servers: Vec<IpAddr> = self.accounts.remotes().collect();
        self.endpoint.set_known(addresses(&self.config).chain(servers));
    }

    /// Whoever calls so: the sender, or the caller whom the server of an account names. What somebody else sends to the port of
    /// an account names nobody.
    pub(super) fn claim(&self, now: Now, account: Option<Account>, path: Path, remote: &Remote) -> Claim {
        let address = path.remote.ip();
        match account.filter(|_| self.accounts.is_from_server(path)) {
            Some(account) => {
                let trust = if remote.contact.is_some() { Trust::Known } else { Trust::Caller };
                Claim { who: Claimant::Through(account, remote.uri.clone()), trust, lately: 0 }
            }
            None if self.endpoint.knows(address) => {
                Claim { who: Claimant::Device(Source::exactly(address)), trust: Trust::Known, lately: 0 }
            }
            None => {
                let lately = self.endpoint.calls_lately(now.instant, address);
                Claim { who: Claimant::Device(Source::of(address)), trust: Trust::Stranger, lately }
            }
        }
    }

    /// The ringing call that gives way to a new one, when all lines are taken.
    pub(super) fn giving_way(&self, now: Now, new: &Claim) -> Option<CallHandle> {
        if self.is_leaving() {
            return None;
        }
        let claim_of = |call: &Call| {
            call.path.filter(|_| call.direction == CallDirection::In).map(|path| {
                let claim = self.claim(now, call.account, path, &call.remote);
                (claim, call.handle, call.rings_here())
            })
        };
        let taken: Vec<_> = self.calls.values().filter_map(claim_of).collect();
        let lines_of = |who: &Claimant| taken.iter().filter(|(claim, ..)| claim.who == *who).count();
        let own = lines_of(&new.who);
        let rank = |(claim, handle, rings): &(Claim, CallHandle, bool)| {
            let lines = lines_of(&claim.who);
            // However slowly they were taken, nobody keeps two lines more than somebody else; only who is known better than that,
            // so that two doors behind one address ring in peace.
            let has_plenty = lines >= own + if claim.trust > new.trust { 3 } else { 2 };
            let is_stranger = claim.trust == Trust::Stranger;
            let calls_more = is_stranger && own == 0 && claim.lately > PRESSES && claim.lately >= 2 * new.lately;
            let has_more = has_plenty || calls_more;
            let gives_way = (has_more || claim.trust < new.trust) && *rings && claim.who != new.who;
            gives_way.then_some((has_more, Reverse(claim.trust), lines, claim.lately, *handle))
        };
        taken.iter().filter_map(rank).max().map(|(.., handle)| handle)
    }

    /// Ends it in favour of another.
    pub(super) fn give_way(&mut self, now: Now, handle: CallHandle) {
        self.end_call(now, handle, EndReason::Missed, BUSY);
    }

    /// Whether a call from there that never rang is worth a line in the call log: not every one of a flood.
    pub(super) fn is_worth_a_line(&mut self, now: Now, path: Path) -> bool {
        if self.endpoint.knows(path.remote.ip()) {
            return true;
        }
        let worth = self.lines_for_strangers.has_token(now.instant, STRANGERS_LINES);
        if worth {
            self.lines_for_strangers.take(now.instant, STRANGERS_LINES);
        }
        worth
    }

    /// SIP has something to say about a flood: bells of who is not heard any longer fall silent.
    pub(super) fn on_flood(&mut self, now: Now, flood: Flood) {
        if let Flood::Shut { source } = &flood {
            let of_it = |address: IpAddr| source.holds(address) && !self.endpoint.knows(address);
            let is_it = |call: &&Call| call.rings_here() && call.path.is_some_and(|path| of_it(path.remote.ip()));
            let ringing = self.calls.values().filter(is_it);
            for handle in ringing.map(|call| call.handle).collect::<Vec<_>>() {
                self.give_way(now, handle);
            }
            return;
        }
        self.outputs.push_back(Output::Flood(flood));
    }
}

/// The addresses in the address book, but for those whose calls are turned away.
fn addresses(config: &Config) -> impl Iterator<Item = IpAddr> {
    let wanted = config.contacts.iter().filter(|contact| !contact.blocked);
    wanted.flat_map(|contact| &contact.numbers).filter_map(|number| match dial::parse(number).ok()? {
        DialTarget::Ip { address, .. } => Some(address),
        DialTarget::Uri(uri) => uri.address(),
        DialTarget::Number(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::PhonebookEntry;

    #[test]
    fn the_address_book_names_its_addresses() {
        let contact = |numbers: &[&str], blocked| PhonebookEntry {
            numbers: numbers.iter().map(|number| (*number).to_owned()).collect(),
            blocked,
            ..PhonebookEntry::default()
        };
        let contacts = vec![
            contact(&["10✳0✳0✳2", "101", "sip:door@10.0.0.3:5070", "sip:door@house.test"], false),
            contact(&["10.0.0.4"], true),
            contact(&["[2001:db8::1]:5060", "not a number at all"], false),
        ];
        let config = Config { contacts: contacts.into(), ..Config::default() };
        let found: Vec<String> = addresses(&config).map(|address| address.to_string()).collect();
        assert_eq!(found, ["10.0.0.2", "10.0.0.3", "2001:db8::1"]);
    }
}
