//! Twin of the dial pad: what is typed, and live, what it means.

use std::rc::Rc;

use screens as ui;
use slint::ComponentHandle;

use super::panel::{Panel, State};
use super::{convert, pages};
use crate::channel::Command;
use crate::config::{Account, AccountChoice, PhonebookEntry, Route};
use crate::dial::{self, DialTarget};

/// As many suggestions as fit beside the pad.
const SUGGESTIONS: usize = 3;

/// Joins the keys of the pad.
pub(super) fn connect(window: &ui::AppWindow, panel: &Rc<Panel>) {
    let adapter = window.global::<ui::DialAdapter>();
    let here = panel.clone();
    adapter.on_key(move |key| {
        here.touched();
        if let Some(tone) = key.chars().next().map(|c| if c == '✳' { '*' } else { c }).filter(|c| *c != '.') {
            here.send(Command::KeyTone(tone));
        }
        here.change(|state| {
            // One more than can be dialled, so that the pad can say that it is too long.
            if state.entry.chars().count() <= dial::LONGEST {
                state.entry.push_str(&key);
            }
        });
    });
    let here = panel.clone();
    adapter.on_delete(move || {
        here.touched();
        here.change(|state| {
            state.entry.pop();
        });
    });
    let here = panel.clone();
    adapter.on_clear(move || here.change(|state| state.entry.clear()));
    let here = panel.clone();
    adapter.on_choose_account(move |choice| {
        here.touched();
        here.change(|state| state.account = convert::account_chosen(choice));
    });
    let here = panel.clone();
    adapter.on_suggest(move |place| {
        here.touched();
        here.change(|state| {
            let chosen = usize::try_from(place).ok().and_then(|at| suggestions(state).into_iter().nth(at));
            if let Some(chosen) = chosen {
                state.entry = chosen.text.to_string();
            }
        });
    });
    let here = panel.clone();
    adapter.on_call(move || call(&here));
}

/// Calls what was typed.
fn call(panel: &Rc<Panel>) {
    panel.touched();
    let (text, account) = {
        let state = panel.state.borrow();
        (state.entry.clone(), state.account)
    };
    panel.change(|state| state.dialled = Some(text.clone()));
    panel.send(Command::Dial { text, account });
}

/// The entry, what it means, and what else it could be.
pub(super) fn apply(window: &ui::AppWindow, state: &State) {
    let adapter = window.global::<ui::DialAdapter>();
    pages::replace(&adapter.get_characters(), state.entry.chars().map(slint::SharedString::from), |rows| {
        adapter.set_characters(rows)
    });
    adapter.set_text(state.entry.as_str().into());
    let meaning = meaning(state);
    // Through an account that is not registered no call goes, but the other one is offered for it.
    adapter.set_can_call(meaning.tone == ui::Tone::Ok || meaning.kind == ui::DialMeaning::NotRegistered);
    adapter.set_meaning(meaning);
    adapter.set_account(match state.account {
        AccountChoice::Auto => ui::AccountChoice::Auto,
        AccountChoice::Account1 => ui::AccountChoice::Account1,
        AccountChoice::Account2 => ui::AccountChoice::Account2,
    });
    pages::replace(&adapter.get_suggestions(), suggestions(state).into_iter(), |rows| adapter.set_suggestions(rows));
    adapter.set_matching(!state.entry.is_empty());
}

fn meaning(state: &State) -> ui::DialMeaningView {
    let target = match dial::parse(&state.entry) {
        Err(error) => return convert::dial_error(&error),
        Ok(target) => target,
    };
    let contact = contact_of(state, &target);
    let DialTarget::Number(number) = &target else { return meaning_of(state, target, contact, AccountChoice::Auto) };
    let Some(route) = state.config.dial_plan.find(number) else {
        return meaning_of(state, target, contact, AccountChoice::Auto);
    };
    let of_rule = match route.rule.account {
        AccountChoice::Auto => contact.map_or(AccountChoice::Auto, |contact| contact.account),
        named => named,
    };
    match &route.numbers[..] {
        // A call like any other, and by which rule.
        [only] => match dial::parse(only) {
            Err(error) => convert::dial_error(&error),
            Ok(target) => {
                let contact = contact_of(state, &target).or(contact);
                let meaning = meaning_of(state, target, contact, of_rule);
                ui::DialMeaningView { prefix: starred(&route.rule.prefix).into(), ..meaning }
            }
        },
        several => meaning_of_several(state, &route, several, contact, of_rule),
    }
}

/// Several numbers at the same time: good if one of them can be called.
fn meaning_of_several(
    state: &State,
    route: &Route<'_>,
    numbers: &[String],
    contact: Option<&PhonebookEntry>,
    of_rule: AccountChoice,
) -> ui::DialMeaningView {
    let meanings: Vec<ui::DialMeaningView> = numbers
        .iter()
        .filter_map(|number| dial::parse(number).ok())
        .map(|target| {
            let contact = contact_of(state, &target);
            meaning_of(state, target, contact, of_rule)
        })
        .collect();
    let good = meanings.iter().filter(|meaning| meaning.tone == ui::Tone::Ok).count();
    if good == 0 {
        return meanings.into_iter().next().unwrap_or_default();
    }
    let of_account = |meaning: &ui::DialMeaningView| meaning.account;
    let account = meanings.first().map(of_account).filter(|first| meanings.iter().all(|it| it.account == *first));
    ui::DialMeaningView {
        kind: ui::DialMeaning::Rule,
        tone: ui::Tone::Ok,
        name: contact.map_or(route.rule.name.as_str(), |contact| contact.name.as_str()).into(),
        value: starred(&route.rule.prefix).into(),
        count: i32::try_from(good).unwrap_or(i32::MAX),
        account: account.unwrap_or(0),
        ..Default::default()
    }
}

/// What it means to call `target`, which is `contact`, through the account that a rule of the dial plan names.
fn meaning_of(
    state: &State,
    target: DialTarget,
    contact: Option<&PhonebookEntry>,
    of_rule: AccountChoice,
) -> ui::DialMeaningView {
    let ok = ui::DialMeaningView { tone: ui::Tone::Ok, ..Default::default() };
    let warning = |kind, account| ui::DialMeaningView { kind, account, tone: ui::Tone::Warning, ..Default::default() };
    let direct_off = || warning(ui::DialMeaning::DirectIpOff, 0);
    match target {
        DialTarget::Uri(uri) if uri.is_sips() => match by_tls(state, contact, of_rule) {
            Ok(account) => {
                ui::DialMeaningView { kind: ui::DialMeaning::Uri, value: uri.text.as_str().into(), account, ..ok }
            }
            Err(account) => warning(ui::DialMeaning::NotByTls, account),
        },
        DialTarget::Ip { .. } if !state.config.direct_ip_enabled => direct_off(),
        DialTarget::Uri(uri) if uri.address().is_some() && !state.config.direct_ip_enabled => direct_off(),
        DialTarget::Ip { address, port } => {
            let port = port.unwrap_or(state.config.direct_ip_port).to_string().into();
            let named = contact.map(|contact| contact.name.as_str());
            let kind = if named.is_some() { ui::DialMeaning::Contact } else { ui::DialMeaning::Address };
            ui::DialMeaningView {
                kind,
                name: named.unwrap_or_default().into(),
                host: address.to_string().into(),
                port,
                ..ok
            }
        }
        DialTarget::Uri(uri) if uri.address().is_some() => match uri.check_direct() {
            Ok(()) => ui::DialMeaningView { kind: ui::DialMeaning::Uri, value: uri.text.as_str().into(), ..ok },
            Err(error) => convert::dial_error(&error),
        },
        DialTarget::Uri(uri) => match through(state, contact, of_rule) {
            // Without any account a name is looked up and called directly.
            Through::None if state.account != AccountChoice::Auto => warning(ui::DialMeaning::NoAccount, 0),
            Through::None if !state.config.direct_ip_enabled => direct_off(),
            Through::None => ui::DialMeaningView { kind: ui::DialMeaning::Uri, value: uri.text.as_str().into(), ..ok },
            Through::Other(account) => warning(ui::DialMeaning::NotRegistered, account),
            Through::Account(account) => {
                ui::DialMeaningView { kind: ui::DialMeaning::Uri, value: uri.text.as_str().into(), account, ..ok }
            }
        },
        DialTarget::Number(number) => match (through(state, contact, of_rule), contact) {
            (Through::None, _) => warning(ui::DialMeaning::NoAccount, 0),
            (Through::Other(account), _) => warning(ui::DialMeaning::NotRegistered, account),
            (Through::Account(account), Some(contact)) => ui::DialMeaningView {
                kind: ui::DialMeaning::Contact,
                name: contact.name.as_str().into(),
                account,
                ..ok
            },
            (Through::Account(account), None) => {
                ui::DialMeaningView { kind: ui::DialMeaning::Number, value: number.into(), account, ..ok }
            }
        },
    }
}

/// The way that a call would go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Through {
    /// This account.
    Account(i32),
    /// This account was named and is not registered; the other one is.
    Other(i32),
    /// None is registered.
    None,
}

/// Through which account a call would go: the one that was chosen, else the rule's, else the contact's, else the first that is
/// registered.
fn through(state: &State, contact: Option<&PhonebookEntry>, of_rule: AccountChoice) -> Through {
    let is = |account: Account| state.registrations[account.index()].places_calls;
    let number = |account: Account| i32::from(account.number());
    let Some(named) = named(state, contact, of_rule) else {
        let first = Account::ALL.into_iter().find(|account| is(*account));
        return first.map_or(Through::None, |account| Through::Account(number(account)));
    };
    match (is(named), is(named.other())) {
        (true, _) => Through::Account(number(named)),
        (false, true) => Through::Other(number(named)),
        (false, false) => Through::None,
    }
}

/// Through which account a `sips:` URI would go; else the one that was named and is not registered by TLS, 0 for none.
fn by_tls(state: &State, contact: Option<&PhonebookEntry>, of_rule: AccountChoice) -> Result<i32, i32> {
    let is = |account: &Account| {
        let view = &state.registrations[account.index()];
        view.places_calls && view.via.as_deref().is_some_and(|via| via.starts_with("tls:"))
    };
    let number = |account: Account| i32::from(account.number());
    match named(state, contact, of_rule) {
        Some(named) if is(&named) => Ok(number(named)),
        Some(named) => Err(number(named)),
        None => Account::ALL.into_iter().find(is).map(number).ok_or(0),
    }
}

/// The account that was chosen, else the rule's, else the contact's.
fn named(state: &State, contact: Option<&PhonebookEntry>, of_rule: AccountChoice) -> Option<Account> {
    let of_contact = contact.map_or(AccountChoice::Auto, |contact| contact.account);
    let choices = [state.account, of_rule, of_contact];
    choices.into_iter().find_map(|choice| match choice {
        AccountChoice::Auto => None,
        AccountChoice::Account1 => Some(Account::One),
        AccountChoice::Account2 => Some(Account::Two),
    })
}

fn contact_of<'a>(state: &'a State, wanted: &DialTarget) -> Option<&'a PhonebookEntry> {
    state.config.contacts.dialled(wanted)
}

/// Contacts that match what is typed; with nothing typed, the last different calls.
fn suggestions(state: &State) -> Vec<ui::DialSuggestion> {
    let suggestion = |name: &str, text: &str| ui::DialSuggestion { name: name.into(), text: starred(text).into() };
    if state.entry.is_empty() {
        let mut found: Vec<ui::DialSuggestion> = Vec::new();
        for entry in state.log.iter() {
            let short = convert::short(&entry.remote);
            let text = short.rsplit('@').next().filter(|_| entry.account == 0).unwrap_or(&short).to_owned();
            let next = suggestion(&entry.name, &text);
            if !found.iter().any(|other| other.text == next.text) {
                found.push(next);
            }
            if found.len() == SUGGESTIONS {
                break;
            }
        }
        return found;
    }
    // A contact whose number is typed whole is offered as well: it is the one that matches best.
    let found = state.config.contacts.numbers_like(&state.entry, SUGGESTIONS);
    found.into_iter().map(|(contact, number)| suggestion(&contact.name, number)).collect()
}

/// An address as it is typed on the pad: with stars for its dots.
fn starred(text: &str) -> String {
    match dial::parse(text) {
        Ok(DialTarget::Ip { address: std::net::IpAddr::V4(address), port }) => {
            let stars = address.to_string().replace('.', "✳");
            port.map_or(stars.clone(), |port| format!("{stars}✳{port}"))
        }
        _ => text.replace('*', "✳"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use std::sync::Arc;

    #[test]
    fn the_pad_says_that_a_sips_uri_goes_by_tls_alone() {
        let meaning_of = |ways: [&str; 2], chosen| {
            let mut state = State { account: chosen, entry: "sips:bob@10.0.0.9".into(), ..State::default() };
            for (view, way) in state.registrations.iter_mut().zip(ways) {
                (view.places_calls, view.via) = (true, Some(way.to_owned()));
            }
            let meaning = meaning(&state);
            (meaning.kind, meaning.account, meaning.tone == ui::Tone::Ok)
        };
        let (udp, tls) = ("udp:10.0.0.4:5060", "tls:10.0.0.5:5061");
        assert_eq!(meaning_of([udp, tls], AccountChoice::Auto), (ui::DialMeaning::Uri, 2, true));
        assert_eq!(meaning_of([udp, tls], AccountChoice::Account1), (ui::DialMeaning::NotByTls, 1, false));
        assert_eq!(meaning_of([udp, udp], AccountChoice::Auto), (ui::DialMeaning::NotByTls, 0, false));
    }

    #[test]
    fn the_pad_says_through_which_account_a_number_goes() {
        let meaning_of = |registered: [bool; 2], chosen, contact| {
            let contact = PhonebookEntry {
                name: "Anna".into(),
                numbers: vec!["12".into()],
                account: contact,
                ..Default::default()
            };
            let config = Config { contacts: vec![contact].into(), ..Config::default() };
            let mut state = State { config: Arc::new(config), account: chosen, entry: "12".into(), ..State::default() };
            for (view, is) in state.registrations.iter_mut().zip(registered) {
                view.places_calls = is;
            }
            let meaning = meaning(&state);
            (meaning.kind, meaning.account)
        };
        use AccountChoice::{Account1, Account2, Auto};
        use ui::DialMeaning::{Contact, NoAccount, NotRegistered};
        for (registered, chosen, contact, wanted) in [
            ([true, true], Auto, Auto, (Contact, 1)),
            ([false, true], Auto, Auto, (Contact, 2)),
            ([true, true], Auto, Account2, (Contact, 2)),
            ([true, true], Account1, Account2, (Contact, 1)),
            ([true, false], Auto, Account2, (NotRegistered, 2)),
            ([false, true], Account1, Auto, (NotRegistered, 1)),
            ([false, false], Account1, Auto, (NoAccount, 0)),
            ([false, false], Auto, Auto, (NoAccount, 0)),
        ] {
            assert_eq!(meaning_of(registered, chosen, contact), wanted, "{registered:?} {chosen:?} {contact:?}");
        }
    }

    #[test]
    fn the_pad_says_which_rule_leads_where() {
        let rules = "[[dial_rule]]\nprefix = \"9\"\nreplace = [\"101\", \"102\", \"192.168.1.20\"]\n\
                     [[dial_rule]]\nname = \"Reception\"\nprefix = \"8\"\nreplace = [\"12\", \"13\"]\naccount = 2\n\
                     [[dial_rule]]\nprefix = \"7\"\nreplace = [\"12\"]\naccount = 1\n\
                     [[dial_rule]]\nprefix = \"6\"\nreplace = [\"10.0.0.2\"]\n\
                     [[contact]]\nname = \"Anna\"\nnumbers = [\"12\"]\naccount = 2\n";
        let config = Arc::new(crate::config::read(rules).config);
        let meaning_of = |registered: [bool; 2], entry: &str| {
            let mut state = State { config: config.clone(), entry: entry.into(), ..State::default() };
            for (view, is) in state.registrations.iter_mut().zip(registered) {
                view.places_calls = is;
            }
            let meaning = meaning(&state);
            let said = if meaning.name.is_empty() { meaning.value.clone() } else { meaning.name.clone() };
            (meaning.kind, said.to_string(), meaning.account, meaning.count, meaning.prefix.to_string())
        };
        use ui::DialMeaning::{Address, Contact, NoAccount, NotRegistered, Number, Rule};
        let both = [true, true];
        let says =
            |kind, said: &str, account, count, prefix: &str| (kind, said.to_owned(), account, count, prefix.to_owned());
        assert_eq!(meaning_of(both, "9"), says(Rule, "9", 0, 3, ""));
        assert_eq!(meaning_of(both, "95"), says(Rule, "9", 1, 2, ""), "the address is left out");
        assert_eq!(meaning_of([false, false], "9"), says(Rule, "9", 0, 1, ""), "the address alone");
        assert_eq!(meaning_of(both, "8"), says(Rule, "Reception", 2, 2, ""));
        assert_eq!(meaning_of([true, false], "8"), says(NotRegistered, "", 2, 0, ""));
        assert_eq!(meaning_of(both, "7"), says(Contact, "Anna", 1, 0, "7"), "the rule's account, not the contact's");
        assert_eq!(meaning_of(both, "75"), says(Number, "125", 1, 0, "7"));
        assert_eq!(meaning_of([false, false], "7"), says(NoAccount, "", 0, 0, "7"));
        assert_eq!(meaning_of(both, "6").0, Address);
        assert_eq!(meaning_of(both, "61"), says(Number, "61", 1, 0, ""));
    }

    #[test]
    fn a_contact_whose_number_is_typed_is_beside_it_from_the_first_key_to_the_last() {
        let contact = |name: &str, number: &str| PhonebookEntry {
            name: name.into(),
            numbers: vec![number.into()],
            ..Default::default()
        };
        let book = vec![contact("Anna", "0171 12-3"), contact("Door", "10.0.0.2:5070"), contact("Off", "*78")];
        let config = Arc::new(Config { contacts: book.into(), ..Config::default() });
        for (typed, name) in
            [("017112", "Anna"), ("0171123", "Anna"), ("10✳0", "Door"), ("10✳0✳0✳2✳5070", "Door"), ("✳78", "Off")]
        {
            let state = State { config: config.clone(), entry: typed.into(), ..State::default() };
            let found = suggestions(&state);
            assert_eq!(found.iter().map(|found| found.name.as_str()).collect::<Vec<_>>(), [name], "{typed}");
        }
        let state = State { config, entry: "99".into(), ..State::default() };
        assert!(suggestions(&state).is_empty());
    }

    #[test]
    fn an_address_is_suggested_as_it_is_typed() {
        assert_eq!(starred("192.168.1.20"), "192✳168✳1✳20");
        assert_eq!(starred("127.0.0.1:5080"), "127✳0✳0✳1✳5080");
        assert_eq!(starred("*78"), "✳78");
        assert_eq!(starred("sip:anna@example.org"), "sip:anna@example.org");
    }
}
