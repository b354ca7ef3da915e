//! Rules as a table for spreadsheets: `name,prefix,replace1,…,replace5,account`.

use std::sync::Arc;

use super::{DialPlan, DialRule, MOST_REPLACEMENTS, RuleError, RuleFault, RuleField, plain_prefix};
use crate::config::choices::AccountChoice;
use crate::config::csv::{self, Record};
use crate::config::setting::echo;

/// The most bad rows that are listed; how many there are is counted on.
const MOST_LISTED: usize = 1000;

/// What came of a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleImport {
    /// How many rules are new.
    pub added: usize,
    /// How many took the place of the one with their prefix.
    pub changed: usize,
    /// How many were there already, just so.
    pub same: usize,
    /// How many rows were not taken over.
    pub refused: usize,
    /// The first of those.
    pub bad: Vec<BadRow>,
}

/// A row that was not taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// Its line, counted from 1.
    pub line: usize,
    /// Why, in English.
    pub reason: String,
}

impl RuleImport {
    fn refuse(&mut self, line: usize, reason: String) {
        self.refused += 1;
        if self.bad.len() < MOST_LISTED {
            self.bad.push(BadRow { line, reason });
        }
    }
}

/// Which column holds what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Name,
    Prefix,
    Replace,
    Account,
    Unknown,
}

impl Column {
    fn of(title: &str) -> Self {
        let title = title.trim().to_ascii_lowercase();
        match title.as_str() {
            "name" => Self::Name,
            "prefix" => Self::Prefix,
            "account" => Self::Account,
            _ if title.trim_end_matches(|c: char| c.is_ascii_digit()).trim() == "replace" => Self::Replace,
            _ => Self::Unknown,
        }
    }

    /// The columns of a table without titles.
    fn usual() -> Vec<Self> {
        let mut columns = vec![Self::Name, Self::Prefix];
        columns.extend([Self::Replace; MOST_REPLACEMENTS]);
        columns.push(Self::Account);
        columns
    }
}

impl DialPlan {
    /// The plan as a table with a line of titles.
    pub fn to_csv(&self) -> String {
        let mut table = String::new();
        let replacements = (1..=MOST_REPLACEMENTS).map(|at| format!("replace{at}"));
        let titles: Vec<String> = ["name", "prefix"]
            .map(str::to_owned)
            .into_iter()
            .chain(replacements)
            .chain(["account".to_owned()])
            .collect();
        csv::write(&mut table, titles.iter().map(String::as_str));
        for rule in self.rules() {
            let replacements = (0..MOST_REPLACEMENTS).map(|at| rule.replace.get(at).map_or("", String::as_str));
            let front = [rule.name.as_str(), rule.prefix.as_str()];
            csv::write(&mut table, front.into_iter().chain(replacements).chain([rule.account.word()]));
        }
        table
    }

    /// The plan with the rules of a table taken over; one with a prefix that has a rule takes its place. The good rows come
    /// in, the others are told by line and reason. The first line may hold titles: then the columns may stand in any order.
    pub fn imported(&self, text: &str) -> (Self, RuleImport) {
        let (mut plan, mut import) = (self.clone(), RuleImport::default());
        let mut columns: Option<Vec<Column>> = None;
        let mut seen = std::collections::BTreeMap::new();
        for record in csv::read(text) {
            let record = match record {
                Ok(record) => record,
                Err(bad) => {
                    import.refuse(bad.line, bad.fault.to_string());
                    continue;
                }
            };
            if columns.is_none() {
                let titles: Vec<Column> = record.fields.iter().map(|title| Column::of(title)).collect();
                if titles.contains(&Column::Prefix) {
                    for title in record.fields.iter().filter(|title| Column::of(title) == Column::Unknown) {
                        import.refuse(
                            record.line,
                            format!("there is no column '{}'; it is left out", echo(title.trim())),
                        );
                    }
                    columns = Some(titles);
                    continue;
                }
            }
            let columns = columns.get_or_insert_with(Column::usual);
            let taken = rule(columns, &record).and_then(|rule| {
                let rule = rule.checked()?;
                if let Some(line) = seen.insert(rule.prefix.clone(), record.line) {
                    seen.insert(rule.prefix.clone(), line);
                    return Err(RuleFault::Taken(format!("{}, in line {line},", rule.prefix)).of(RuleField::Prefix));
                }
                take_over(&mut plan, &mut import, rule)
            });
            if let Err(error) = taken {
                import.refuse(record.line, error.to_string());
            }
        }
        (plan, import)
    }
}

fn take_over(plan: &mut DialPlan, import: &mut RuleImport, rule: DialRule) -> Result<(), RuleError> {
    let is_same = |old: &DialRule| *old == DialRule { rest: old.rest.clone(), ..rule.clone() };
    match plan.get(&rule.prefix) {
        Some(old) if is_same(old) => import.same += 1,
        Some(old) => {
            let rest = old.rest.clone();
            Arc::make_mut(&mut plan.rules).insert(rule.prefix.clone(), DialRule { rest, ..rule });
            import.changed += 1;
        }
        None => {
            plan.insert(rule)?;
            import.added += 1;
        }
    }
    Ok(())
}

fn rule(columns: &[Column], record: &Record) -> Result<DialRule, RuleError> {
    let mut rule = DialRule::default();
    for (at, field) in record.fields.iter().enumerate() {
        let field = field.trim();
        match columns.get(at) {
            Some(Column::Name) => rule.name = field.to_owned(),
            Some(Column::Prefix) => rule.prefix = plain_prefix(field),
            Some(Column::Replace) => rule.replace.push(field.to_owned()),
            Some(Column::Account) if field.is_empty() => {}
            Some(Column::Account) => {
                rule.account = AccountChoice::from_word(&field.to_ascii_lowercase())
                    .ok_or_else(|| RuleFault::NoAccount(echo(field)).of(RuleField::Account))?;
            }
            Some(Column::Unknown) => {}
            None if field.is_empty() => {}
            None => {
                return Err(RuleFault::TooManyColumns { given: at + 1, limit: columns.len() }.of(RuleField::Replace(0)));
            }
        }
    }
    Ok(rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn import(plan: &DialPlan, text: &str) -> (DialPlan, RuleImport, Vec<String>) {
        let (plan, import) = plan.imported(text);
        let bad = import.bad.iter().map(|bad| format!("{}: {}", bad.line, bad.reason)).collect();
        (plan, import, bad)
    }

    #[test]
    fn what_is_exported_comes_in_again_just_so() {
        let (plan, _, bad) = import(
            &DialPlan::default(),
            "\"Neighbours, all\",9,101,102,192✳168✳1✳20,,,2\r\n,✳8,sip:anna@pbx.test;transport=tcp\r\n",
        );
        assert_eq!(bad, Vec::<String>::new());
        let table = plan.to_csv();
        assert_eq!(
            table,
            "name,prefix,replace1,replace2,replace3,replace4,replace5,account\r\n\
             ,*8,\"sip:anna@pbx.test;transport=tcp\",,,,,auto\r\n\
             \"Neighbours, all\",9,101,102,192✳168✳1✳20,,,2\r\n"
        );
        let (again, counted, bad) = import(&plan, &table);
        assert_eq!((again, bad), (plan.clone(), Vec::new()));
        assert_eq!((counted.added, counted.changed, counted.same), (0, 0, 2));
        assert_eq!(import(&DialPlan::default(), &table).0, plan);
    }

    #[test]
    fn the_good_lines_come_in_and_the_bad_ones_are_told_by_line_and_reason() {
        let (plan, counted, bad) = import(
            &DialPlan::default(),
            "Prefix;Replace 1;Replace 2;Account;Colour\n9;101;102;auto;red\n8;\"broken\n7;300.1.1.1\n6;101;;3\n5;101;;1\n\n9;103\n;1\n4;1;2;1;x;y\n",
        );
        assert_eq!(
            bad,
            [
                "1: there is no column 'Colour'; it is left out",
                "3: a quote is opened and not closed",
                "4: replace: '300.1.1.1' is nothing that can be dialled: not a valid address: 300 is over 255",
                "5: account: '3' is not one of auto, 1, 2",
                "8: prefix: 9, in line 2, has a rule already",
                "9: prefix: it is missing: 1–32 of 0–9, *, #, +",
                "10: replace: 6 columns are too many, the limit is 5",
            ]
        );
        assert_eq!(plan.rules().map(|rule| rule.prefix.as_str()).collect::<Vec<_>>(), ["5", "9"]);
        assert_eq!((counted.added, counted.refused), (2, 7));
    }

    #[test]
    fn a_rule_takes_the_place_of_the_one_with_its_prefix_and_keeps_what_it_does_not_know() {
        let old = DialRule {
            prefix: "9".to_owned(),
            replace: vec!["1".to_owned()],
            rest: "colour = \"red\"".parse().expect("test TOML"),
            ..DialRule::default()
        };
        let plan = DialPlan::default().with(old).expect("is good");
        let (plan, counted, _) = import(&plan, "Anna,9,2\n");
        assert_eq!((counted.added, counted.changed), (0, 1));
        let rule = plan.get("9").expect("is there");
        assert_eq!((rule.name.as_str(), rule.replace[0].as_str(), rule.rest.len()), ("Anna", "2", 1));
    }

    #[test]
    fn a_table_of_nothing_but_nonsense_is_bounded() {
        let (plan, counted, _) = import(&DialPlan::default(), &"x\"\n".repeat(5000));
        assert_eq!((plan.len(), counted.refused, counted.bad.len()), (0, 5000, MOST_LISTED));
    }
}
