//! When more calls come than can be meant: whose ringing gives way, and what the resident hears of it.
//!
//! SIP's own guard keeps the mass away (see [`crate::sip::guard`]); a few calls of everybody pass it, because each might be
//! a visitor. Here they meet the lines. With all lines taken, somebody who has hardly called lately takes the place of a
//! ringing stranger who calls a lot or holds two lines more, and a known device that of any ringing stranger. A call that we
//! made or answered gives way to nobody.

use std::net::IpAddr;

use super::call::Call;
use super::{Now, Output, Phone};
use crate::channel::{CallHandle, EndReason};
use crate::config::Config;
use crate::dial::{self, DialTarget};
use crate::sip::{Flood, Guests, Path, Rate, Source};

/// What a ringing call is told that gives way.
const BUSY: u16 = 486;

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

    /// The ringing call that gives way to a new one that came along `path`, when all lines are taken.
    pub(super) fn giving_way(&self, now: Now, path: Path) -> Option<CallHandle> {
        if self.is_leaving() {
            return None;
        }
        let caller = path.remote.ip();
        let is_known = self.endpoint.knows(caller);
        let calls_of = |address: IpAddr| self.endpoint.calls_lately(now.instant, address);
        if !is_known && calls_of(caller) > PRESSES {
            return None;
        }
        let ringing = self.calls.values().filter(|call| call.rings_here());
        let ringing = ringing.filter_map(|call| Some((call.path?.remote.ip(), call.handle)));
        let strangers: Vec<_> = ringing.filter(|(address, _)| !self.endpoint.knows(*address)).collect();
        // However slowly they were taken, nobody keeps two lines from somebody who has none.
        let lines_of = |source: Source| strangers.iter().filter(|(address, _)| source.holds(*address)).count();
        let own = lines_of(Source::of(caller));
        let gives_way = |address: IpAddr| {
            let lines = lines_of(Source::of(address));
            !Source::of(caller).holds(address) && (is_known || calls_of(address) > PRESSES || lines > own + 1)
        };
        let most = strangers.iter().filter(|(address, _)| gives_way(*address));
        most.max_by_key(|(address, handle)| (calls_of(*address), lines_of(Source::of(*address)), *handle))
            .map(|(_, handle)| *handle)
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
