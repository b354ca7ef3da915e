//! What is looked up in the address book, prepared: who a caller is, whom a number calls, what matches what somebody types.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;

use super::fold::{fold, fold_german};
use crate::config::contacts::{Fit, Party, PhonebookEntry, ports};
use crate::dial::{self, DialTarget};

/// One number of one contact.
#[derive(Clone, Copy, Debug)]
struct Spot {
    /// The place of the contact.
    entry: usize,
    /// The place of the number in it.
    number: usize,
    /// The port that the number names.
    port: Option<u16>,
}

/// What is prepared of a book.
#[derive(Debug)]
pub(super) struct Index {
    /// By the number that is dialled.
    numbers: HashMap<String, Vec<Spot>>,
    /// By address, or by the host of a URI without user.
    hosts: HashMap<String, Vec<Spot>>,
    /// By `user@host` of a URI.
    users: HashMap<String, Vec<Spot>>,
    /// By the name in small letters; the first of it.
    names: HashMap<String, usize>,
    by_name: Vec<usize>,
    /// For each contact what is searched.
    searched: Vec<Searched>,
}

#[derive(Debug)]
struct Searched {
    name: String,
    /// The name as German spells it without marks, where that is another.
    german: Option<String>,
    /// The numbers with dots where stars may be typed.
    numbers: Vec<String>,
}

impl Index {
    pub(super) fn new(entries: &[PhonebookEntry]) -> Self {
        let mut index = Self {
            numbers: HashMap::new(),
            hosts: HashMap::new(),
            users: HashMap::new(),
            names: HashMap::new(),
            by_name: (0..entries.len()).collect(),
            searched: entries.iter().map(Searched::new).collect(),
        };
        for (entry, contact) in entries.iter().enumerate() {
            index.names.entry(key_of_name(&contact.name)).or_insert(entry);
            for (number, text) in contact.numbers.iter().enumerate() {
                if let Ok(target) = dial::parse(text) {
                    let (map, key, port) = index.drawer(&target);
                    map.entry(key).or_default().push(Spot { entry, number, port });
                }
            }
        }
        let searched = &index.searched;
        index.by_name.sort_by(|a, b| searched[*a].name.cmp(&searched[*b].name));
        index
    }

    /// Where a number is kept, and under what.
    fn drawer(&mut self, target: &DialTarget) -> (&mut HashMap<String, Vec<Spot>>, String, Option<u16>) {
        match target {
            DialTarget::Number(number) => (&mut self.numbers, number.clone(), None),
            DialTarget::Ip { address, port } => (&mut self.hosts, address.to_string(), *port),
            DialTarget::Uri(uri) => match &uri.user {
                None => (&mut self.hosts, key_of_host(&uri.host), uri.port),
                Some(user) => (&mut self.users, key_of_user(user, &uri.host), uri.port),
            },
        }
    }

    /// The numbers that may fit a party; all others surely do not.
    fn candidates(&self, party: Party<'_>) -> impl Iterator<Item = (Option<Fit>, Spot)> {
        let (host, user) = (key_of_host(party.host), party.user);
        let numbers = user.and_then(|user| self.numbers.get(user)).into_iter().flatten();
        let hosts = self.hosts.get(&host).into_iter().flatten();
        let users = user.and_then(|user| self.users.get(&format!("{user}@{host}"))).into_iter().flatten();
        let placed = hosts.chain(users).map(move |spot| (ports(spot.port, party.port), *spot));
        numbers.map(|spot| (Some(Fit::Loose), *spot)).chain(placed)
    }

    /// The place of the contact that is `party`: the best fit, the first among equals.
    pub(super) fn find(&self, party: Party<'_>) -> Option<usize> {
        let fitting = self.candidates(party).filter_map(|(fit, spot)| Some((fit?, Reverse(spot.entry))));
        fitting.max().map(|(_, Reverse(entry))| entry)
    }

    /// The place of the first contact with a number that calls `target`.
    pub(super) fn dialled(&self, entries: &[PhonebookEntry], target: &DialTarget) -> Option<usize> {
        let spots = match target {
            DialTarget::Number(number) => self.numbers.get(number),
            DialTarget::Ip { address, .. } => self.hosts.get(&address.to_string()),
            DialTarget::Uri(uri) => match &uri.user {
                None => self.hosts.get(&key_of_host(&uri.host)),
                Some(user) => self.users.get(&key_of_user(user, &uri.host)),
            },
        };
        let is_it = |spot: &&Spot| dial::parse(&entries[spot.entry].numbers[spot.number]).as_ref() == Ok(target);
        spots?.iter().find(is_it).map(|spot| spot.entry)
    }

    pub(super) fn named(&self, name: &str) -> Option<usize> {
        self.names.get(&key_of_name(name)).copied()
    }

    pub(super) fn by_name(&self) -> &[usize] {
        &self.by_name
    }

    pub(super) fn matching(&self, typed: &str) -> Vec<usize> {
        let typed = fold(typed);
        let words: Vec<(&str, String)> = typed.split_whitespace().map(|word| (word, dotted(word))).collect();
        // A number is often typed with blanks, which it has nowhere.
        let bare = dotted(&typed.split_whitespace().collect::<String>());
        let is_number =
            !bare.is_empty() && bare.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '.' | '#'));
        let fits = |place: &usize| {
            let searched = &self.searched[*place];
            words.iter().all(|(word, number)| searched.holds(word, number)) || is_number && searched.has_number(&bare)
        };
        self.by_name.iter().copied().filter(fits).collect()
    }

    pub(super) fn numbers_like(&self, typed: &str, most: usize) -> Vec<(usize, usize)> {
        let typed = dotted(&fold(typed));
        let mut found: [Vec<(usize, usize)>; 2] = Default::default();
        for (entry, searched) in self.searched.iter().enumerate() {
            let Some((at, number)) =
                searched.numbers.iter().enumerate().filter_map(|(n, text)| Some((text.find(&typed)?, n))).min()
            else {
                continue;
            };
            let rank = usize::from(at > 0);
            if found[rank].len() < most {
                found[rank].push((entry, number));
            }
            if found[0].len() == most {
                break;
            }
        }
        let [first, then] = found;
        first.into_iter().chain(then).take(most).collect()
    }

    /// How many numbers are looked at to find a party.
    #[cfg(test)]
    pub(super) fn work(&self, party: Party<'_>) -> usize {
        self.candidates(party).count()
    }
}

impl Searched {
    fn new(contact: &PhonebookEntry) -> Self {
        let number = |text: &String| match dial::parse(text) {
            Ok(target @ DialTarget::Ip { .. }) => dotted(&target.to_string()),
            Ok(DialTarget::Uri(uri)) => dotted(&fold(uri.text.trim_start_matches("sips:").trim_start_matches("sip:"))),
            Ok(DialTarget::Number(number)) => dotted(&fold(&number)),
            Err(_) => dotted(&fold(text)),
        };
        Self {
            name: fold(&contact.name),
            german: fold_german(&contact.name),
            numbers: contact.numbers.iter().map(number).collect(),
        }
    }

    fn holds(&self, word: &str, number: &str) -> bool {
        self.name.contains(word)
            || self.german.as_ref().is_some_and(|name| name.contains(word))
            || self.has_number(number)
    }

    fn has_number(&self, part: &str) -> bool {
        self.numbers.iter().any(|number| number.contains(part))
    }
}

/// A star and a colon are typed where an address has a dot.
fn dotted(text: &str) -> String {
    text.replace(['✳', '*', ':'], ".")
}

pub(super) fn key_of_name(name: &str) -> String {
    name.trim().to_lowercase()
}

fn key_of_host(host: &str) -> String {
    host.parse::<IpAddr>().map_or_else(|_| host.to_ascii_lowercase(), |address| address.to_string())
}

fn key_of_user(user: &str, host: &str) -> String {
    format!("{user}@{}", key_of_host(host))
}
