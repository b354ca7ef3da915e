//! Whom Prevent SIP Hacking lets in: contacts that may call, told by where they call from and by the number that they call by.
//!
//! * **Directly** the address tells: a contact is at the IP addresses and in the SIP URIs with an IP address among its numbers.
//!   Ports do not count, since many devices call from another one than they are called at; From does not count, since anybody
//!   can write it. A host name is not looked up for this: what it leads to is said by a name server that a caller may well
//!   have a hand in, and changes. A contact with a name calls through an account, or has its address beside the name.
//! * **Through an account** the user of From tells, as the server delivers it: its host has to be the account's own domain
//!   (server, proxies, or one of their addresses); a user of another domain is told by a contact with that whole URI, and where
//!   its host is an address, by one of this account alone. It has to
//!   be spelt as the server would: an escape that nobody needs (`%31`), parameters in the user part, a local number as `tel:`
//!   or another case are somebody else, because a server that looks whether From is its sender's own takes them for that.
//!   The display name, P-Asserted-Identity, Remote-Party-ID and the Contact are not looked at.
//! * A contact with an account is one by its number through that account alone: 101 there is not 101 here.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::config::{AccountChoice, PhonebookEntry, is_same_host};
use crate::dial::{self, DialTarget, SipUri};
use crate::sip::Uri;
use crate::sip::wire::uri::unescape;

/// What a caller is to the whitelist.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Listed<'a> {
    /// This contact, which may call.
    May(&'a PhonebookEntry),
    /// This contact, whose calls are turned away.
    Blocked(&'a PhonebookEntry),
    /// Nobody who may call.
    Not,
}

impl<'a> Listed<'a> {
    /// The contact.
    pub fn contact(self) -> Option<&'a PhonebookEntry> {
        match self {
            Self::May(contact) | Self::Blocked(contact) => Some(contact),
            Self::Not => None,
        }
    }
}

/// The account that a call came through, as far as the whitelist needs it.
#[derive(Clone, Debug)]
pub(super) struct Domain {
    /// The account, as a contact names it.
    pub account: AccountChoice,
    /// Its server and its proxies, as they are set.
    pub hosts: Vec<String>,
    /// Where these are.
    pub addresses: Vec<IpAddr>,
}

impl Domain {
    /// Whether a user at this host is one of the account's server.
    fn has(&self, host: &str) -> bool {
        let host = bare(host);
        let address = host.parse::<IpAddr>().map(|address| address.to_canonical());
        self.hosts.iter().any(|ours| is_same_host(ours, host))
            || address.is_ok_and(|address| self.addresses.contains(&address))
    }
}

/// The addresses from which a direct call is answered: of contacts that may call, and of those that are turned away by name.
pub(super) fn addresses(contacts: &[PhonebookEntry]) -> BTreeSet<IpAddr> {
    let answered = contacts.iter().filter(|contact| contact.may_call || contact.blocked);
    answered.flat_map(|contact| &contact.numbers).filter_map(|number| address(&dial::parse(number).ok()?)).collect()
}

/// Who calls directly from this address, by the user of From where several contacts share it.
pub(super) fn at_address<'a>(contacts: &'a [PhonebookEntry], source: IpAddr, user: Option<&str>) -> Listed<'a> {
    let source = source.to_canonical();
    // How well a number tells who it is: another user of the same address, the address, this user of it.
    let fit = |number: &String| {
        let number = dial::parse(number).ok()?;
        (address(&number)? == source).then(|| match number {
            DialTarget::Uri(uri) if uri.user.is_some() => i32::from(uri.user.as_deref() == user) * 2,
            _ => 1,
        })
    };
    let fits = |contact: &'a PhonebookEntry| Some((contact.numbers.iter().filter_map(fit).max()?, contact));
    let found = || contacts.iter().filter_map(fits);
    // The first among equals, and one that is turned away before one that is not.
    let best = |found: &mut dyn Iterator<Item = (i32, &'a PhonebookEntry)>| {
        found.reduce(|best, next| if (next.0, next.1.blocked) > (best.0, best.1.blocked) { next } else { best })
    };
    if let Some((1.., contact)) = best(&mut found())
        && contact.blocked
    {
        return Listed::Blocked(contact);
    }
    let may = best(&mut found().filter(|(_, contact)| contact.may_call && !contact.blocked));
    may.map_or(Listed::Not, |(_, contact)| Listed::May(contact))
}

/// Who calls through an account by this From.
pub(super) fn by_number<'a>(contacts: &'a [PhonebookEntry], domain: &Domain, from: &Uri) -> Listed<'a> {
    let Some(caller) = Number::of(from, domain) else { return Listed::Not };
    let here = |contact: &&PhonebookEntry| [AccountChoice::Auto, domain.account].contains(&contact.account);
    let is_it = |contact: &&PhonebookEntry| {
        let is_of_it = contact.account == domain.account;
        contact.numbers.iter().any(|number| caller.is(number, domain, is_of_it))
    };
    let found = || contacts.iter().filter(here).filter(is_it);
    if let Some(contact) = found().find(|contact| contact.blocked) {
        return Listed::Blocked(contact);
    }
    found().find(|contact| contact.may_call).map_or(Listed::Not, Listed::May)
}

/// What a contact of this account needs as its number for whoever calls by this From to be told; none when nothing can tell
/// that.
pub(super) fn number_to_allow(domain: &Domain, from: &Uri) -> Option<String> {
    let caller = Number::of(from, domain)?;
    let whole = caller.host.map(|host| format!("sip:{}@{host}", caller.user));
    [Some(unescape(caller.user).into_owned()), whole]
        .into_iter()
        .flatten()
        .find(|number| caller.is(number, domain, true))
}

/// By what somebody calls through an account.
#[derive(Clone, Copy, Debug)]
struct Number<'a> {
    user: &'a str,
    /// As written; none for a global number without one (`tel:+4930…`).
    host: Option<&'a str>,
    /// Whether it is a number of the account's own server.
    is_home: bool,
}

impl<'a> Number<'a> {
    fn of(from: &'a Uri, domain: &Domain) -> Option<Self> {
        if !from.is_sip() {
            let global = from.opaque().filter(|number| number.starts_with('+') && is_spelt_plainly(number));
            return global.filter(|_| from.scheme().eq_ignore_ascii_case("tel")).map(|user| Number {
                user,
                host: None,
                is_home: true,
            });
        }
        let user = from.user().filter(|user| is_spelt_plainly(user))?;
        Some(Number { user, host: Some(from.host()), is_home: domain.has(from.host()) })
    }

    /// Whether a contact with this number is meant, `is_of_it` if it is one of this account and no other: else an address in
    /// it is where it calls from directly.
    fn is(self, number: &str, domain: &Domain, is_of_it: bool) -> bool {
        match dial::parse(number) {
            Ok(DialTarget::Number(number)) => self.is_home && number == unescape(self.user),
            Ok(DialTarget::Uri(SipUri { user: Some(user), host, .. })) => {
                let same_host = || {
                    let tells = is_of_it || host.parse::<IpAddr>().is_err();
                    tells && self.host.is_some_and(|ours| bare(ours).eq_ignore_ascii_case(&host))
                };
                user == self.user && if self.is_home { domain.has(&host) } else { same_host() }
            }
            Ok(DialTarget::Uri(_) | DialTarget::Ip { .. }) | Err(_) => false,
        }
    }
}

/// Whether a user part is spelt as everybody would: nothing that could stand for itself is escaped, and nothing hangs on it.
fn is_spelt_plainly(user: &str) -> bool {
    let needs_none = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&byte);
    let escapes = user.split('%').skip(1).map(|rest| rest.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()));
    !user.contains(';') && escapes.into_iter().all(|byte| byte.is_some_and(|byte| !needs_none(byte)))
}

fn address(number: &DialTarget) -> Option<IpAddr> {
    let address = match number {
        DialTarget::Ip { address, .. } => *address,
        DialTarget::Uri(uri) => uri.address()?,
        DialTarget::Number(_) => return None,
    };
    Some(address.to_canonical())
}

/// A host without the brackets of IPv6.
fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contact(name: &str, numbers: &[&str]) -> PhonebookEntry {
        PhonebookEntry {
            name: name.to_owned(),
            numbers: numbers.iter().map(|number| (*number).to_owned()).collect(),
            may_call: true,
            ..PhonebookEntry::default()
        }
    }

    fn blocked(name: &str, numbers: &[&str]) -> PhonebookEntry {
        PhonebookEntry { blocked: true, ..contact(name, numbers) }
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn domain() -> Domain {
        Domain {
            account: AccountChoice::Account1,
            hosts: vec!["pbx.test".to_owned()],
            addresses: vec![ip("192.0.2.4")],
        }
    }

    fn by<'a>(contacts: &'a [PhonebookEntry], from: &str) -> Listed<'a> {
        by_number(contacts, &domain(), &Uri::parse(from).expect(from))
    }

    #[test]
    fn a_number_is_told_only_when_the_server_would_tell_it_so() {
        let book = [contact("Anna", &["101", "+49 30 123", "sip:anna@elsewhere.test", "anna", "#7"])];
        let may = [
            "sip:101@pbx.test",
            "sip:101@PBX.Test.",
            "sip:101@192.0.2.4:5080",
            "sips:101@pbx.test;user=phone",
            "sip:101:secret@pbx.test",
            "sip:+4930123@pbx.test",
            "tel:+4930123",
            "sip:%237@pbx.test",
            "sip:anna@elsewhere.test",
            "sip:anna@pbx.test",
        ];
        for from in may {
            assert_eq!(by(&book, from), Listed::May(&book[0]), "{from}");
        }
        let not = [
            "sip:102@pbx.test",
            "sip:%31%30%31@pbx.test",
            "sip:10%31@pbx.test",
            "sip:1-0-1@pbx.test",
            "sip:101;phone-context=pbx.test@pbx.test",
            "sip:101;x=y@pbx.test",
            "tel:101;phone-context=pbx.test",
            "tel:101",
            "tel:+4930123;phone-context=x",
            "mailto:+4930123",
            "sip:4930123@pbx.test",
            "sip:+49-30-123@pbx.test",
            "sip:ANNA@pbx.test",
            "sip:101@elsewhere.test",
            "sip:101@192.0.2.5",
            "sip:anna@192.0.2.5",
            "sip:pbx.test",
            "sip:anna@other.test",
            "sip:101%20@pbx.test",
            "sip:101%@pbx.test",
        ];
        for from in not {
            assert_eq!(by(&book, from), Listed::Not, "{from}");
        }
    }

    #[test]
    fn an_address_is_no_number_and_a_contact_of_another_account_is_nobody_here() {
        let book = [contact("Door", &["10.0.0.3", "sip:door@10.0.0.3", "sip:7@192.0.2.4"])];
        for from in ["sip:10.0.0.3@pbx.test", "sip:door@10.0.0.3", "sip:door@pbx.test"] {
            assert_eq!(by(&book, from), Listed::Not, "{from}");
        }
        assert_eq!(by(&book, "sip:7@pbx.test"), Listed::May(&book[0]), "its host is the server");
        let of_it = [PhonebookEntry { account: AccountChoice::Account1, ..contact("Behind", &["sip:door@10.0.0.3"]) }];
        assert_eq!(by(&of_it, "sip:door@10.0.0.3"), Listed::May(&of_it[0]), "the server writes its inner address");
        let there = PhonebookEntry { account: AccountChoice::Account2, ..contact("Anna", &["101"]) };
        let here = PhonebookEntry { account: AccountChoice::Account1, ..contact("Berta", &["101"]) };
        let book = [there, here];
        assert_eq!(by(&book, "sip:101@pbx.test"), Listed::May(&book[1]));
        assert_eq!(by(&book[..1], "sip:101@pbx.test"), Listed::Not);
    }

    #[test]
    fn who_is_blocked_stays_so_though_another_contact_with_the_number_may_call() {
        let book = [contact("Anna", &["101"]), blocked("Nuisance", &["101"])];
        assert_eq!(by(&book, "sip:101@pbx.test"), Listed::Blocked(&book[1]));
        let quiet = [PhonebookEntry { may_call: false, ..contact("Quiet", &["101"]) }];
        assert_eq!(by(&quiet, "sip:101@pbx.test"), Listed::Not);
        let book = [contact("Anna", &["10.0.0.3"]), blocked("Nuisance", &["10.0.0.3"])];
        assert_eq!(at_address(&book, ip("10.0.0.3"), None), Listed::Blocked(&book[1]));
    }

    #[test]
    fn directly_the_address_tells_and_the_user_only_who_of_several_it_is() {
        let book = [
            contact("Door", &["10✳0✳0✳3✳5070"]),
            contact("Left", &["sip:left@10.0.0.4"]),
            contact("Right", &["sip:right@10.0.0.4:5080"]),
            contact("Named", &["sip:door@house.test", "101"]),
            PhonebookEntry { may_call: false, ..contact("Known", &["10.0.0.5"]) },
            blocked("Nuisance", &["sip:bad@10.0.0.4", "10.0.0.6"]),
            contact("Six", &["[2001:db8::1]:5060", "::ffff:10.0.0.7"]),
        ];
        let name = |source: &str, user| match at_address(&book, ip(source), user) {
            Listed::May(contact) => contact.name.as_str(),
            Listed::Blocked(_) => "blocked",
            Listed::Not => "nobody",
        };
        let cases = [
            ("10.0.0.3", None, "Door"),
            ("10.0.0.3", Some("101"), "Door"),
            ("::ffff:10.0.0.3", None, "Door"),
            ("10.0.0.4", Some("right"), "Right"),
            ("10.0.0.4", Some("left"), "Left"),
            ("10.0.0.4", Some("bad"), "blocked"),
            ("10.0.0.4", Some("new"), "Left"),
            ("10.0.0.5", None, "nobody"),
            ("10.0.0.6", None, "blocked"),
            ("10.0.0.7", None, "Six"),
            ("2001:db8::1", None, "Six"),
            ("10.0.0.8", Some("101"), "nobody"),
        ];
        for (source, user, expected) in cases {
            assert_eq!(name(source, user), expected, "{user:?} at {source}");
        }
        let all = ["10.0.0.3", "10.0.0.4", "10.0.0.6", "10.0.0.7", "2001:db8::1"].map(ip);
        assert_eq!(addresses(&book), all.into_iter().collect());
    }

    #[test]
    fn what_a_contact_needs_tells_the_caller() {
        let needs = |from: &str| number_to_allow(&domain(), &Uri::parse(from).expect(from));
        assert_eq!(needs("sip:102@pbx.test").as_deref(), Some("102"));
        assert_eq!(needs("sip:+4930123@192.0.2.4:5080").as_deref(), Some("+4930123"));
        assert_eq!(needs("sip:102@elsewhere.test").as_deref(), Some("sip:102@elsewhere.test"));
        // A number that would mean an address, were it dialled.
        assert_eq!(needs("sip:10.0.0.3@pbx.test").as_deref(), Some("sip:10.0.0.3@pbx.test"));
        assert_eq!(needs("sip:102@192.0.2.9").as_deref(), Some("sip:102@192.0.2.9"));
        for from in ["sip:%31@pbx.test", "sip:pbx.test", "tel:102"] {
            assert_eq!(needs(from), None, "{from}");
        }
    }
}
