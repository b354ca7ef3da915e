//! The dial plan: `[[dial_rule]]` in the file.
//!
//! A rule replaces the beginning of a number that is dialled. The longest prefix that fits wins. What follows the prefix is
//! put behind each replacement that is a number (9 → 0301, dialled 9-12: 030112). Addresses, SIP URIs and names are whole as
//! they are: when something follows the prefix they are left out, and a rule that has nothing else fits its bare prefix
//! alone. So 9 → 192.168.1.20 is a short number that does not stand in the way of 911.
//!
//! Replacements are dialled as they are and not looked up again: no rule leads to another one, so there are no circles, and
//! a rule may replace its prefix by itself to send it through an account. One that would do nothing at all is refused.

mod file;
mod table;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use toml::Table;

use super::choices::AccountChoice;
use super::setting::echo;
use crate::dial::{self, DialError, DialTarget};

pub use self::table::{BadRow, RuleImport};

/// The most rules.
pub const MOST_RULES: usize = 10_000;
/// The most numbers that one rule calls at the same time.
pub const MOST_REPLACEMENTS: usize = 5;
/// The longest prefix, in characters.
pub const LONGEST_PREFIX: usize = 32;
/// The longest name of a rule, in characters.
pub const LONGEST_NAME: usize = 64;

/// One rule.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DialRule {
    /// Shown instead of the number; may be empty.
    pub name: String,
    /// What a number that is dialled begins with: `0–9`, `*`, `#`, `+`.
    pub prefix: String,
    /// Numbers, IP addresses, SIP URIs that are called instead, all at the same time.
    pub replace: Vec<String>,
    /// Through which account they are called; one that is named is used and no other.
    pub account: AccountChoice,
    /// What this version does not know; written back as it was.
    pub rest: Table,
}

/// The part of a rule that an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleField {
    /// `name`.
    Name,
    /// `prefix`.
    Prefix,
    /// `replace`: which one, counted from 0; the first one where all are meant.
    Replace(usize),
    /// `account`.
    Account,
}

impl RuleField {
    /// The word in the file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Prefix => "prefix",
            Self::Replace(_) => "replace",
            Self::Account => "account",
        }
    }
}

/// Why a rule is refused. `Display` is the English sentence with field, value and limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    /// What it is about.
    pub field: RuleField,
    /// What is wrong with it.
    pub fault: RuleFault,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field.word(), self.fault)
    }
}

impl std::error::Error for RuleError {}

/// What is wrong with a part of a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleFault {
    /// More than [`LONGEST_NAME`] or [`LONGEST_PREFIX`] characters.
    #[error("{length} characters are too many, the limit is {limit}")]
    TooLong {
        /// How many there are.
        length: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A character that cannot stand there.
    #[error("'{}' cannot stand in it", .0.escape_debug())]
    Character(char),
    /// No prefix.
    #[error("it is missing: 1–{LONGEST_PREFIX} of 0–9, *, #, +")]
    NoPrefix,
    /// Another rule has this prefix.
    #[error("{0} has a rule already")]
    Taken(String),
    /// No number at all.
    #[error("there must be 1–{MOST_REPLACEMENTS} numbers")]
    NoReplacement,
    /// More than [`MOST_REPLACEMENTS`].
    #[error("{0} numbers are too many: 1–{MOST_REPLACEMENTS}")]
    TooManyReplacements(usize),
    /// Nothing that can be dialled.
    #[error("'{given}' is nothing that can be dialled: {error}")]
    Undialable {
        /// As given, shortened.
        given: String,
        /// Why not.
        error: DialError,
    },
    /// The same one twice.
    #[error("{0} stands there twice")]
    Twice(String),
    /// The rule would do nothing.
    #[error("{0} would replace itself: give another number, or an account to send it through")]
    Itself(String),
    /// A row of a table has more columns than there are titles.
    #[error("{given} columns are too many, the limit is {limit}")]
    TooManyColumns {
        /// How many there are.
        given: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A value of another kind than can stand there.
    #[error("it is of no kind that can stand there")]
    Kind,
    /// None of the three.
    #[error("'{0}' is not one of auto, 1, 2")]
    NoAccount(String),
    /// More than [`MOST_RULES`].
    #[error("there are {MOST_RULES} rules, which is the limit")]
    TooMany,
    /// There is no such rule to change or take away.
    #[error("no rule has the prefix '{0}'")]
    NoSuchRule(String),
}

impl RuleFault {
    fn of(self, field: RuleField) -> RuleError {
        RuleError { field, fault: self }
    }
}

impl DialRule {
    /// The rule as it is kept: without blanks around its parts, with plain stars in the prefix.
    ///
    /// # Errors
    /// The first part that cannot be so.
    pub fn checked(self) -> Result<Self, RuleError> {
        let rule = self.tidied();
        match rule.faults().into_iter().next() {
            Some(error) => Err(error),
            None => Ok(rule),
        }
    }

    fn tidied(mut self) -> Self {
        self.name = self.name.trim().to_owned();
        self.prefix = plain_prefix(&self.prefix);
        self.replace.iter_mut().for_each(|number| *number = number.trim().to_owned());
        self.replace.retain(|number| !number.is_empty());
        self
    }

    /// All that is wrong with it by itself, in the order of its parts; one fault of each part.
    fn faults(&self) -> Vec<RuleError> {
        let name = check_name(&self.name).err().map(|fault| fault.of(RuleField::Name));
        let prefix = check_prefix(&self.prefix).err().map(|fault| fault.of(RuleField::Prefix));
        let mut faults: Vec<RuleError> = name.into_iter().chain(prefix).collect();
        let count = self.replace.len();
        if count == 0 {
            faults.push(RuleFault::NoReplacement.of(RuleField::Replace(0)));
        } else if count > MOST_REPLACEMENTS {
            faults.push(RuleFault::TooManyReplacements(count).of(RuleField::Replace(MOST_REPLACEMENTS)));
        } else {
            faults.extend(self.faults_of_replacements());
        }
        faults
    }

    fn faults_of_replacements(&self) -> Vec<RuleError> {
        let (mut targets, mut faults) = (Vec::new(), Vec::new());
        for (at, number) in self.replace.iter().enumerate() {
            match dial::parse(number) {
                Err(error) => {
                    faults.push(RuleFault::Undialable { given: echo(number), error }.of(RuleField::Replace(at)));
                }
                Ok(target) if targets.contains(&target) => {
                    faults.push(RuleFault::Twice(echo(number)).of(RuleField::Replace(at)));
                }
                Ok(target) => targets.push(target),
            }
        }
        let is_idle = self.account == AccountChoice::Auto && targets == [DialTarget::Number(self.prefix.clone())];
        if is_idle && faults.is_empty() {
            faults.push(RuleFault::Itself(self.prefix.clone()).of(RuleField::Replace(0)));
        }
        faults
    }

    /// What is called when `rest` follows the prefix; empty when this rule does not fit.
    fn replacements(&self, rest: &str) -> Vec<String> {
        if rest.is_empty() {
            return self.replace.clone();
        }
        self.replace.iter().filter_map(|number| Some(format!("{}{rest}", continued(number)?))).collect()
    }
}

/// The replacement as a number behind which more digits can stand.
fn continued(number: &str) -> Option<String> {
    match dial::parse(number) {
        Ok(DialTarget::Number(number)) if !number.contains(|c: char| c.is_ascii_alphabetic()) => Some(number),
        _ => None,
    }
}

fn check_name(name: &str) -> Result<(), RuleFault> {
    within(name, LONGEST_NAME)?;
    match name.chars().find(|c| c.is_control()) {
        Some(bad) => Err(RuleFault::Character(bad)),
        None => Ok(()),
    }
}

fn within(text: &str, limit: usize) -> Result<(), RuleFault> {
    let length = text.chars().count();
    if length > limit { Err(RuleFault::TooLong { length, limit }) } else { Ok(()) }
}

/// A prefix as somebody wrote it, as it is kept.
fn plain_prefix(prefix: &str) -> String {
    prefix.trim().replace('✳', "*")
}

fn check_prefix(prefix: &str) -> Result<(), RuleFault> {
    if prefix.is_empty() {
        return Err(RuleFault::NoPrefix);
    }
    if let Some(bad) = prefix.chars().find(|c| !c.is_ascii_digit() && !matches!(c, '*' | '#' | '+')) {
        return Err(RuleFault::Character(bad));
    }
    within(prefix, LONGEST_PREFIX)
}

/// What a number is replaced by.
#[derive(Clone, Debug, PartialEq)]
pub struct Route<'a> {
    /// The rule that says so.
    pub rule: &'a DialRule,
    /// What is called, 1 to [`MOST_REPLACEMENTS`], each as it could be typed.
    pub numbers: Vec<String>,
}

/// All rules, by prefix. A copy costs nothing until one of the two is changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DialPlan {
    rules: Arc<BTreeMap<String, DialRule>>,
}

impl DialPlan {
    /// The rules, in the order of their prefixes.
    pub fn rules(&self) -> impl Iterator<Item = &DialRule> {
        self.rules.values()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The rule with this prefix.
    pub fn get(&self, prefix: &str) -> Option<&DialRule> {
        self.rules.get(&plain_prefix(prefix))
    }

    /// What `number` (as [`dial::parse`] gives it, with plain stars) is replaced by.
    pub fn find(&self, number: &str) -> Option<Route<'_>> {
        beginnings(number).find_map(|(prefix, rest)| {
            let rule = self.rules.get(prefix)?;
            let numbers = rule.replacements(rest);
            (!numbers.is_empty()).then_some(Route { rule, numbers })
        })
    }

    /// All that stands against taking in this rule, in the place of the one of `prefix` if there is one: at most one fault of
    /// each part. Its replacements are counted without the empty ones.
    pub fn faults(&self, prefix: Option<&str>, rule: &DialRule) -> Vec<RuleError> {
        let rule = rule.clone().tidied();
        let mut faults = rule.faults();
        let before = prefix.map(plain_prefix);
        if before.as_ref() != Some(&rule.prefix) && self.rules.contains_key(&rule.prefix) {
            faults.push(RuleFault::Taken(rule.prefix).of(RuleField::Prefix));
        } else if before.is_none() && self.rules.len() >= MOST_RULES {
            faults.push(RuleFault::TooMany.of(RuleField::Prefix));
        }
        faults
    }

    /// The plan with one rule more.
    ///
    /// # Errors
    /// When the rule is not good, its prefix has one, or there are too many; the plan is as it was.
    pub fn with(&self, rule: DialRule) -> Result<Self, RuleError> {
        let rule = rule.checked()?;
        let mut plan = self.clone();
        plan.insert(rule)?;
        Ok(plan)
    }

    /// The plan with the rule of `prefix` changed to this one; what the file holds besides is kept.
    ///
    /// # Errors
    /// When there is none to change, the new one is not good, or its prefix belongs to another; the plan is as it was.
    pub fn changed(&self, prefix: &str, rule: DialRule) -> Result<Self, RuleError> {
        let mut plan = self.without(prefix)?;
        let rest = self.get(prefix).map(|old| old.rest.clone()).unwrap_or_default();
        plan.insert(DialRule { rest, ..rule.checked()? })?;
        Ok(plan)
    }

    /// The plan without the rule of `prefix`.
    ///
    /// # Errors
    /// When there is none.
    pub fn without(&self, prefix: &str) -> Result<Self, RuleError> {
        let prefix = plain_prefix(prefix);
        if !self.rules.contains_key(&prefix) {
            return Err(RuleFault::NoSuchRule(echo(&prefix)).of(RuleField::Prefix));
        }
        let mut plan = self.clone();
        Arc::make_mut(&mut plan.rules).remove(&prefix);
        Ok(plan)
    }

    /// The plan of these rules.
    ///
    /// # Errors
    /// The first that cannot be in it.
    pub fn of(rules: impl IntoIterator<Item = DialRule>) -> Result<Self, RuleError> {
        let mut plan = Self::default();
        rules.into_iter().try_for_each(|rule| plan.insert(rule.checked()?))?;
        Ok(plan)
    }

    /// Takes in a rule that is good in itself.
    fn insert(&mut self, rule: DialRule) -> Result<(), RuleError> {
        if self.rules.contains_key(&rule.prefix) {
            return Err(RuleFault::Taken(rule.prefix).of(RuleField::Prefix));
        }
        if self.rules.len() >= MOST_RULES {
            return Err(RuleFault::TooMany.of(RuleField::Prefix));
        }
        Arc::make_mut(&mut self.rules).insert(rule.prefix.clone(), rule);
        Ok(())
    }
}

/// Each beginning of a number that can be a prefix, the longest first, with what follows it: what a search looks at, however
/// many rules there are.
fn beginnings(number: &str) -> impl Iterator<Item = (&str, &str)> {
    (1..=number.len().min(LONGEST_PREFIX)).rev().filter_map(|end| number.split_at_checked(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(prefix: &str, replace: &[&str]) -> DialRule {
        DialRule {
            prefix: prefix.to_owned(),
            replace: replace.iter().map(|number| (*number).to_owned()).collect(),
            ..DialRule::default()
        }
    }

    fn plan(rules: &[(&str, &[&str])]) -> DialPlan {
        rules
            .iter()
            .fold(DialPlan::default(), |plan, (prefix, replace)| plan.with(rule(prefix, replace)).expect(prefix))
    }

    fn found(plan: &DialPlan, number: &str) -> Option<(String, Vec<String>)> {
        plan.find(number).map(|route| (route.rule.prefix.clone(), route.numbers))
    }

    fn error(rule: DialRule) -> String {
        rule.checked().expect_err("is refused").to_string()
    }

    #[test]
    fn the_longest_prefix_wins_and_what_follows_goes_behind_numbers() {
        let plan = plan(&[("9", &["0301", "0302"]), ("91", &["077"]), ("*5", &["101"]), ("+49", &["0"])]);
        let numbers = |all: &[&str]| all.iter().map(|number| (*number).to_owned()).collect::<Vec<_>>();
        assert_eq!(found(&plan, "9"), Some(("9".to_owned(), numbers(&["0301", "0302"]))));
        assert_eq!(found(&plan, "9255"), Some(("9".to_owned(), numbers(&["0301255", "0302255"]))));
        assert_eq!(found(&plan, "912"), Some(("91".to_owned(), numbers(&["0772"]))));
        assert_eq!(found(&plan, "*5#"), Some(("*5".to_owned(), numbers(&["101#"]))));
        assert_eq!(found(&plan, "+4930"), Some(("+49".to_owned(), numbers(&["030"]))));
        assert_eq!(found(&plan, "8"), None);
        assert_eq!(found(&plan, ""), None);
        assert_eq!(found(&plan, "réception"), None);
    }

    #[test]
    fn behind_an_address_a_uri_or_a_name_nothing_can_follow() {
        let plan =
            plan(&[("9", &["192.168.1.20", "sip:anna@pbx.test", "reception"]), ("91", &["101", "192.168.1.21"])]);
        assert_eq!(found(&plan, "9").map(|(_, numbers)| numbers.len()), Some(3));
        assert_eq!(found(&plan, "92"), None, "a number of its own");
        assert_eq!(found(&plan, "91").map(|(_, numbers)| numbers.len()), Some(2));
        assert_eq!(found(&plan, "912"), Some(("91".to_owned(), vec!["1012".to_owned()])), "the address is left out");
    }

    #[test]
    fn nothing_is_looked_up_twice() {
        let plan = plan(&[("1", &["2"]), ("2", &["1"]), ("3", &["3", "31"])]);
        assert_eq!(found(&plan, "1"), Some(("1".to_owned(), vec!["2".to_owned()])));
        assert_eq!(found(&plan, "2"), Some(("2".to_owned(), vec!["1".to_owned()])));
        assert_eq!(found(&plan, "3").map(|(_, numbers)| numbers), Some(vec!["3".to_owned(), "31".to_owned()]));
        let itself = error(rule("9", &["9"]));
        assert_eq!(itself, "replace: 9 would replace itself: give another number, or an account to send it through");
        let through = DialRule { account: AccountChoice::Account2, ..rule("9", &["9"]) };
        assert!(through.checked().is_ok());
    }

    #[test]
    fn an_error_names_field_value_and_limit() {
        let named = |name: &str| DialRule { name: name.to_owned(), ..rule("9", &["1"]) };
        assert_eq!(error(named(&"x".repeat(65))), "name: 65 characters are too many, the limit is 64");
        assert_eq!(error(named("a\u{7}b")), "name: '\\u{7}' cannot stand in it");
        assert_eq!(error(rule(" ", &["1"])), "prefix: it is missing: 1–32 of 0–9, *, #, +");
        assert_eq!(error(rule("9a", &["1"])), "prefix: 'a' cannot stand in it");
        assert_eq!(error(rule(&"9".repeat(33), &["1"])), "prefix: 33 characters are too many, the limit is 32");
        assert_eq!(error(rule("9", &["", " "])), "replace: there must be 1–5 numbers");
        assert_eq!(error(rule("9", &["1", "2", "3", "4", "5", "6"])), "replace: 6 numbers are too many: 1–5");
        assert_eq!(
            error(rule("9", &["101", "300.1.1.1"])),
            "replace: '300.1.1.1' is nothing that can be dialled: not a valid address: 300 is over 255"
        );
        assert_eq!(error(rule("9", &["192.168.1.2", "192✳168✳1✳2"])), "replace: 192✳168✳1✳2 stands there twice");
        let taken = plan(&[("*9", &["1"])]).with(rule("✳9", &["2"])).expect_err("is refused");
        assert_eq!(taken.to_string(), "prefix: *9 has a rule already");
    }

    #[test]
    fn all_that_is_wrong_with_a_rule_is_told_at_once() {
        let plan = plan(&[("9", &["1"])]);
        let wrong = DialRule { name: "x".repeat(65), ..rule("9", &["1", "", "300.1.1.1", "1"]) };
        let fields: Vec<RuleField> = plan.faults(None, &wrong).iter().map(|error| error.field).collect();
        assert_eq!(fields, [RuleField::Name, RuleField::Replace(1), RuleField::Replace(2), RuleField::Prefix]);
        assert_eq!(plan.faults(Some("9"), &rule("9", &["2"])), [], "it may stay where it is");
        assert_eq!(plan.faults(None, &rule("8", &["2"])), []);
    }

    #[test]
    fn a_rule_is_changed_and_taken_away_by_its_prefix() {
        let before = plan(&[("9", &["1"]), ("8", &["1"])]);
        let after = before.changed("9", rule("7", &["2"])).expect("is good");
        assert_eq!(after.rules().map(|rule| rule.prefix.as_str()).collect::<Vec<_>>(), ["7", "8"]);
        assert_eq!(
            before.changed("9", rule("8", &["2"])).map_err(|error| error.to_string()).err().as_deref(),
            Some("prefix: 8 has a rule already")
        );
        assert_eq!(
            before.without("5").map_err(|error| error.to_string()).err().as_deref(),
            Some("prefix: no rule has the prefix '5'")
        );
        assert_eq!(before.without("9").expect("is there").len(), 1);
        assert_eq!(before.len(), 2, "the old one is as it was");
    }

    #[test]
    fn ten_thousand_rules_cost_no_more_looks_than_one() {
        let full = (0..MOST_RULES).fold(DialPlan::default(), |mut plan, number| {
            plan.insert(rule(&format!("7{number}"), &["101"])).expect("there is room");
            plan
        });
        assert_eq!(full.len(), MOST_RULES);
        let more = full.with(rule("8", &["1"])).expect_err("is refused");
        assert_eq!(more.to_string(), "prefix: there are 10000 rules, which is the limit");
        assert!(full.changed("79999", rule("8", &["1"])).is_ok(), "one of them may still be changed");
        assert_eq!(found(&full, "799995"), Some(("79999".to_owned(), vec!["1015".to_owned()])));
        for number in ["8", "799995", &"7".repeat(256)] {
            let looks = beginnings(number).count();
            assert_eq!(looks, number.len().min(LONGEST_PREFIX), "{number}");
        }
    }
}
