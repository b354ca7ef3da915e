//! Twin of the dial plan in the settings: the list of rules, what it is searched for, and the rule that is being made or
//! changed. What was half typed outlasts a visitor who rings.

use std::rc::Rc;

use screens as ui;
use slint::ComponentHandle;

use super::panel::{Panel, State};
use super::{convert, pages};
use crate::channel::{Command, RuleChange};
use crate::config::{AccountChoice, DialRule, MOST_REPLACEMENTS, MOST_RULES, RuleError, RuleFault, RuleField};

/// What a person is doing with the dial plan.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// What the list is searched for.
    search: String,
    /// The rule that is being made or changed.
    draft: Option<Draft>,
    /// The part that is being typed.
    typing: Typing,
}

/// A part that is typed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Typing {
    #[default]
    Nothing,
    Search,
    Name,
    Prefix,
    /// Which number, counted from 0.
    Number(usize),
}

impl Typing {
    fn of(line: &ui::RuleLine) -> Self {
        match line.part {
            ui::RulePart::None => Self::Nothing,
            ui::RulePart::Search => Self::Search,
            ui::RulePart::Name => Self::Name,
            ui::RulePart::Prefix => Self::Prefix,
            ui::RulePart::Number => Self::Number(usize::try_from(line.place - 1).unwrap_or(0)),
        }
    }

    fn part(self) -> ui::RulePart {
        match self {
            Self::Nothing => ui::RulePart::None,
            Self::Search => ui::RulePart::Search,
            Self::Name => ui::RulePart::Name,
            Self::Prefix => ui::RulePart::Prefix,
            Self::Number(_) => ui::RulePart::Number,
        }
    }
}

/// A rule on its way.
#[derive(Clone, Debug, Default)]
struct Draft {
    /// The prefix of the rule that it takes the place of.
    changes: Option<String>,
    name: String,
    prefix: String,
    numbers: [String; MOST_REPLACEMENTS],
    account: AccountChoice,
    /// Save was pressed: what is missing is said too.
    tried: bool,
}

impl Draft {
    fn of(rule: &DialRule) -> Self {
        let mut draft = Self {
            changes: Some(rule.prefix.clone()),
            name: rule.name.clone(),
            prefix: rule.prefix.clone(),
            account: rule.account,
            ..Self::default()
        };
        for (number, replacement) in draft.numbers.iter_mut().zip(&rule.replace) {
            number.clone_from(replacement);
        }
        draft
    }

    fn rule(&self) -> DialRule {
        DialRule {
            name: self.name.clone(),
            prefix: self.prefix.clone(),
            replace: self.numbers.to_vec(),
            account: self.account,
            ..DialRule::default()
        }
    }

    fn value(&self, typing: Typing) -> &str {
        match typing {
            Typing::Name => &self.name,
            Typing::Prefix => &self.prefix,
            Typing::Number(at) => self.numbers.get(at).map_or("", String::as_str),
            Typing::Nothing | Typing::Search => "",
        }
    }

    fn set(&mut self, typing: Typing, text: &str) {
        let part = match typing {
            Typing::Name => &mut self.name,
            Typing::Prefix => &mut self.prefix,
            Typing::Number(at) => match self.numbers.get_mut(at) {
                Some(number) => number,
                None => return,
            },
            Typing::Nothing | Typing::Search => return,
        };
        text.trim().clone_into(part);
    }

    /// The line of a part, with what is wrong with it.
    fn line(&self, typing: Typing, faults: &[RuleError]) -> ui::RuleLine {
        let filled: Vec<usize> = (0..MOST_REPLACEMENTS).filter(|at| !self.numbers[*at].trim().is_empty()).collect();
        let is_here = |error: &&RuleError| match error.field {
            RuleField::Name => typing == Typing::Name,
            RuleField::Prefix => typing == Typing::Prefix,
            // Faults count the numbers without the empty ones.
            RuleField::Replace(at) => typing == Typing::Number(filled.get(at).copied().unwrap_or(0)),
            RuleField::Account => false,
        };
        let line = ui::RuleLine {
            part: typing.part(),
            place: if let Typing::Number(at) = typing { i32::try_from(at).unwrap_or(0) + 1 } else { 0 },
            // As the keys of the pad show it.
            value: match typing {
                Typing::Prefix => self.prefix.replace('*', "✳").into(),
                _ => self.value(typing).into(),
            },
            ..Default::default()
        };
        match faults.iter().find(is_here) {
            // Nothing typed yet is no mistake before Save is pressed.
            Some(error) if self.tried || !is_missing(&error.fault) => with_fault(line, &error.fault),
            Some(_) | None => line,
        }
    }

    /// Name, prefix, the numbers that there are, and room for one more.
    fn lines(&self, faults: &[RuleError]) -> Vec<ui::RuleLine> {
        let last = self.numbers.iter().rposition(|number| !number.is_empty()).map_or(0, |at| at + 1);
        let numbers = (0..=last.min(MOST_REPLACEMENTS - 1)).map(Typing::Number);
        [Typing::Name, Typing::Prefix].into_iter().chain(numbers).map(|typing| self.line(typing, faults)).collect()
    }
}

fn is_missing(fault: &RuleFault) -> bool {
    matches!(fault, RuleFault::NoPrefix | RuleFault::NoReplacement)
}

fn with_fault(line: ui::RuleLine, fault: &RuleFault) -> ui::RuleLine {
    use ui::RuleFault as F;
    let of = |fault, value: &str| ui::RuleLine { fault, fault_value: value.into(), ..line.clone() };
    let limited = |fault, limit: usize| {
        let limit = i32::try_from(limit).unwrap_or(i32::MAX);
        ui::RuleLine { fault, limit, ..line.clone() }
    };
    match fault {
        RuleFault::TooLong { limit, .. } => limited(F::TooLong, *limit),
        RuleFault::Character(bad) => of(F::BadCharacter, &bad.to_string()),
        RuleFault::NoPrefix => of(F::NoPrefix, ""),
        RuleFault::Taken(prefix) => of(F::Taken, prefix),
        RuleFault::NoReplacement => of(F::NoNumber, ""),
        RuleFault::Undialable { error, .. } => {
            let meaning = convert::dial_error(error);
            ui::RuleLine { fault: F::NotDialable, meaning, ..line }
        }
        RuleFault::Twice(number) => of(F::Twice, number),
        RuleFault::Itself(prefix) => of(F::Itself, prefix),
        RuleFault::TooMany => limited(F::TooMany, MOST_RULES),
        RuleFault::TooManyReplacements(_) => limited(F::TooLong, MOST_REPLACEMENTS),
        // Of files and tables alone.
        RuleFault::TooManyColumns { .. } | RuleFault::Kind | RuleFault::NoAccount(_) | RuleFault::NoSuchRule(_) => line,
    }
}

/// Joins the list and the sheet.
pub(super) fn connect(window: &ui::AppWindow, panel: &Rc<Panel>) {
    let adapter = window.global::<ui::DialPlanAdapter>();
    let here = panel.clone();
    adapter.on_add(move || turn(&here, |state| state.rules.draft = Some(Draft::default())));
    let here = panel.clone();
    adapter.on_change(move |prefix| {
        turn(&here, |state| state.rules.draft = state.config.dial_plan.get(&prefix).map(Draft::of));
    });
    let here = panel.clone();
    adapter.on_enter(move |line| {
        // What was typed begins with what stands there.
        if let Some(window) = here.window.upgrade() {
            window.global::<ui::DialPlanAdapter>().set_draft(line.value.clone());
        }
        turn(&here, |state| state.rules.typing = Typing::of(&line));
    });
    let here = panel.clone();
    adapter.on_entered(move |text| turn(&here, |state| entered(state, &text)));
    let here = panel.clone();
    adapter.on_leave(move || turn(&here, |state| state.rules.typing = Typing::Nothing));
    let here = panel.clone();
    adapter.on_choose_account(move |choice| {
        turn(&here, |state| {
            if let Some(draft) = &mut state.rules.draft {
                draft.account = convert::account_chosen(choice);
            }
        });
    });
    let here = panel.clone();
    adapter.on_save(move || {
        let mut change = None;
        turn(&here, |state| change = save(state));
        if let Some(change) = change {
            here.send(Command::Rules(change));
        }
    });
    let here = panel.clone();
    adapter.on_remove(move || {
        let mut changes = None;
        turn(&here, |state| changes = state.rules.draft.take().and_then(|draft| draft.changes));
        if let Some(prefix) = changes {
            here.send(Command::Rules(RuleChange::Remove(prefix)));
        }
    });
    let here = panel.clone();
    adapter.on_close(move || turn(&here, |state| state.rules.draft = None));
}

/// A part was typed: it is taken over, and what is wrong with it is said under it.
fn entered(state: &mut State, text: &str) {
    let typing = std::mem::take(&mut state.rules.typing);
    if typing == Typing::Search {
        text.trim().clone_into(&mut state.rules.search);
    } else if let Some(draft) = &mut state.rules.draft {
        draft.set(typing, text);
    }
}

/// What saving the rule on the sheet asks for; nothing while there is something wrong with it.
fn save(state: &mut State) -> Option<RuleChange> {
    let faults = faults(state);
    let draft = state.rules.draft.as_mut()?;
    draft.tried = true;
    if !faults.is_empty() {
        return None;
    }
    let draft = state.rules.draft.take()?;
    let rule = draft.rule();
    Some(match draft.changes {
        Some(prefix) => RuleChange::Change { prefix, rule },
        None => RuleChange::Add(rule),
    })
}

fn faults(state: &State) -> Vec<RuleError> {
    match &state.rules.draft {
        Some(draft) => state.config.dial_plan.faults(draft.changes.as_deref(), &draft.rule()),
        None => Vec::new(),
    }
}

/// Puts away what lies over the page; false if nothing does.
pub(super) fn back(panel: &Rc<Panel>) -> bool {
    let (types, open) = {
        let state = panel.state.borrow();
        (state.rules.typing != Typing::Nothing, state.rules.draft.is_some())
    };
    if types {
        turn(panel, |state| state.rules.typing = Typing::Nothing);
    } else if open {
        turn(panel, |state| state.rules.draft = None);
    }
    types || open
}

/// Another group of settings was opened: what lies over this one goes.
pub(super) fn leave(state: &mut State) {
    state.rules = Page::default();
}

fn turn(panel: &Rc<Panel>, change: impl FnOnce(&mut State)) {
    panel.touched();
    change(&mut panel.state.borrow_mut());
    if let Some(window) = panel.window.upgrade() {
        apply(&window, &panel.state.borrow());
    }
}

/// The list, the sheet, and what is being typed.
pub(super) fn apply(window: &ui::AppWindow, state: &State) {
    let adapter = window.global::<ui::DialPlanAdapter>();
    // Nobody sees the list while another group is open.
    let rows = if state.group == ui::SettingsGroup::Book { found(state) } else { Vec::new() };
    pages::replace(&adapter.get_rows(), rows.into_iter(), |rows| adapter.set_rows(rows));
    adapter.set_search(state.rules.search.as_str().into());
    let faults = faults(state);
    let page = &state.rules;
    adapter.set_open(page.draft.is_some());
    let lines = page.draft.as_ref().map(|draft| draft.lines(&faults)).unwrap_or_default();
    pages::replace(&adapter.get_lines(), lines.into_iter(), |lines| adapter.set_lines(lines));
    let changed = page.draft.as_ref().and_then(|draft| draft.changes.clone()).unwrap_or_default();
    adapter.set_changed_prefix(changed.replace('*', "✳").into());
    let account = page.draft.as_ref().map(|draft| draft.account).unwrap_or_default();
    adapter.set_account(match account {
        AccountChoice::Auto => ui::AccountChoice::Auto,
        AccountChoice::Account1 => ui::AccountChoice::Account1,
        AccountChoice::Account2 => ui::AccountChoice::Account2,
    });
    let typed = match &page.draft {
        Some(draft) if page.typing != Typing::Search => draft.line(page.typing, &faults),
        _ if page.typing == Typing::Search => ui::RuleLine { part: ui::RulePart::Search, ..Default::default() },
        _ => ui::RuleLine::default(),
    };
    if adapter.get_typed_line() != typed {
        adapter.set_typed_line(typed);
    }
}

/// The rules that match what is searched for: whose prefix begins so, or in whose name or numbers it stands.
fn found(state: &State) -> Vec<ui::RuleRow> {
    let wanted = state.rules.search.replace('✳', "*").to_lowercase();
    let has_it = |text: &str| text.replace('✳', "*").to_lowercase().contains(&wanted);
    let matches = |rule: &&DialRule| {
        rule.prefix.starts_with(&wanted) || has_it(&rule.name) || rule.replace.iter().any(|number| has_it(number))
    };
    state.config.dial_plan.rules().filter(matches).map(row).collect()
}

fn row(rule: &DialRule) -> ui::RuleRow {
    ui::RuleRow {
        prefix: rule.prefix.replace('*', "✳").into(),
        name: rule.name.as_str().into(),
        numbers: rule.replace.join(", ").into(),
        count: i32::try_from(rule.replace.len()).unwrap_or(i32::MAX),
        account: match rule.account {
            AccountChoice::Auto => 0,
            AccountChoice::Account1 => 1,
            AccountChoice::Account2 => 2,
        },
    }
}

/// A page on which something is typed or wrong, for pictures.
#[cfg(test)]
pub(super) fn in_the_middle(name: &str, prefix: &str, numbers: &[&str], typing: bool) -> Page {
    let mut draft = Draft { name: name.to_owned(), prefix: prefix.to_owned(), tried: true, ..Draft::default() };
    for (number, text) in draft.numbers.iter_mut().zip(numbers) {
        (*text).clone_into(number);
    }
    let typing = if typing { Typing::Prefix } else { Typing::Nothing };
    Page { search: String::new(), draft: Some(draft), typing }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use super::*;
    use crate::config::{Config, DialPlan};
    use crate::ui::shots;

    fn state(count: usize) -> State {
        let plan = (0..count).fold(String::new(), |mut table, at| {
            table.push_str(&format!("Flat {at},7{at},10{at},20{at},,,,auto\n"));
            table
        });
        let (dial_plan, import) = DialPlan::default().imported(&plan);
        assert_eq!(import.added, count);
        let config = Arc::new(Config { dial_plan, ..Config::default() });
        State { config, group: ui::SettingsGroup::Book, ..State::default() }
    }

    #[test]
    fn the_list_is_searched_by_prefix_name_and_number() {
        let mut state = state(30);
        let mut found_for = |search: &str| {
            state.rules.search = search.to_owned();
            found(&state).iter().map(|row| row.prefix.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(found_for("").len(), 30);
        assert_eq!(found_for("729"), ["729"]);
        assert_eq!(found_for("flat 12"), ["712"]);
        assert_eq!(found_for("2017"), ["717"]);
        assert!(found_for("nobody").is_empty());
    }

    #[test]
    fn a_fault_stands_under_its_own_line_and_what_is_missing_only_after_save() {
        let mut state = state(1);
        state.rules.draft = Some(Draft::default());
        let lines = |state: &State| {
            let faults = faults(state);
            state.rules.draft.as_ref().expect("a draft").lines(&faults)
        };
        assert_eq!(lines(&state).len(), 3, "name, prefix, one number");
        assert!(lines(&state).iter().all(|line| line.fault == ui::RuleFault::None));
        assert_eq!(save(&mut state), None);
        let said: Vec<_> = lines(&state).iter().map(|line| line.fault).collect();
        assert_eq!(said, [ui::RuleFault::None, ui::RuleFault::NoPrefix, ui::RuleFault::NoNumber]);

        let mut type_in = |typing, text: &str| {
            state.rules.typing = typing;
            entered(&mut state, text);
            lines(&state)
        };
        type_in(Typing::Prefix, " 70 ");
        type_in(Typing::Number(1), "300.1.1.1");
        let said: Vec<_> = type_in(Typing::Number(0), "55").iter().map(|line| line.fault).collect();
        use ui::RuleFault as F;
        assert_eq!(said, [F::None, F::Taken, F::None, F::NotDialable, F::None]);
        type_in(Typing::Prefix, "✳5");
        type_in(Typing::Number(1), "192✳168✳1✳20");
        let change = save(&mut state).expect("nothing is wrong any more");
        let RuleChange::Add(rule) = change else { panic!("{change:?}") };
        let rule = rule.checked().expect("a good rule");
        assert_eq!((rule.prefix.as_str(), rule.replace.len()), ("*5", 2));
        assert!(state.rules.draft.is_none(), "the sheet is closed");
    }

    #[test]
    fn a_rule_is_changed_in_its_place() {
        let mut state = state(2);
        state.rules.draft = state.config.dial_plan.get("71").map(Draft::of);
        state.rules.typing = Typing::Name;
        entered(&mut state, "Roof");
        let Some(RuleChange::Change { prefix, rule }) = save(&mut state) else { panic!("a change") };
        assert_eq!((prefix.as_str(), rule.name.as_str(), rule.replace[0].as_str()), ("71", "Roof", "101"));
    }

    #[test]
    fn ten_thousand_rules_are_a_list_of_those_in_sight() {
        let window = shots::window(1024, 600);
        window.global::<ui::Nav>().set_page(ui::Page::Settings);
        let state = state(MOST_RULES);
        window.global::<ui::SettingsAdapter>().set_group(ui::SettingsGroup::Book);
        let before = Instant::now();
        apply(&window, &state);
        window.window().take_snapshot().expect("a picture");
        let items = i_slint_backend_testing::ElementHandle::find_by_element_type_name(&window, "RuleItem").count();
        assert!((1..30).contains(&items), "{items} rows exist in {:?}", before.elapsed());
    }
}
