//! Rules in the settings file. A rule with anything wrong in it is not in force, because half of one would call somebody that
//! nobody meant; it is said what is wrong, and the rule stays in the file.

use toml::{Table, Value};

use super::{DialPlan, DialRule, MOST_RULES, RuleError, RuleFault, RuleField};
use crate::config::choices::AccountChoice;
use crate::config::setting::echo;
use crate::config::{Problem, contacts};

impl DialPlan {
    /// Reads what `dial_rule` is in the file. What cannot be read is said in `problems` and kept in `rest`.
    pub(in crate::config) fn read(value: Value, problems: &mut Vec<Problem>, rest: &mut Vec<Value>) -> Self {
        let mut plan = Self::default();
        let items = match value {
            Value::Array(items) => items,
            other => {
                problems.push(Problem::NoRules);
                rest.push(other);
                return plan;
            }
        };
        let mut is_full = false;
        for item in items {
            let Value::Table(table) = item else {
                problems.push(Problem::NoRule(echo(&item.to_string())));
                rest.push(item);
                continue;
            };
            if is_full {
                rest.push(Value::Table(table));
                continue;
            }
            if let Err(error) = read(&table).and_then(|rule| plan.insert(rule)) {
                // Said once, and not for each that is too many.
                is_full = error.fault == RuleFault::TooMany;
                problems.push(problem(&table, &error));
                rest.push(Value::Table(table));
            }
        }
        plan
    }

    /// The rules as they stand in the file.
    pub(in crate::config) fn write(&self) -> impl Iterator<Item = Value> {
        self.rules().map(|rule| Value::Table(rule.write()))
    }
}

fn read(table: &Table) -> Result<DialRule, RuleError> {
    let mut rest = table.clone();
    let mut take = |key: &str| rest.remove(key);
    let text = |value: Option<Value>, field: RuleField| match value {
        None => Ok(String::new()),
        Some(value) => contacts::word(&value).ok_or_else(|| RuleFault::Kind.of(field)),
    };
    let name = text(take("name"), RuleField::Name)?;
    let prefix = text(take("prefix"), RuleField::Prefix)?;
    let replace = match take("replace") {
        None => Vec::new(),
        Some(value) => contacts::numbers(&value).ok_or_else(|| RuleFault::Kind.of(RuleField::Replace(0)))?,
    };
    let account = match take("account") {
        None => AccountChoice::Auto,
        Some(value) => contacts::word(&value)
            .and_then(|word| AccountChoice::from_word(&word))
            .ok_or_else(|| RuleFault::NoAccount(echo(&value.to_string())).of(RuleField::Account))?,
    };
    DialRule { name, prefix, replace, account, rest }.checked()
}

fn problem(table: &Table, error: &RuleError) -> Problem {
    if error.fault == RuleFault::TooMany {
        return Problem::TooManyRules(MOST_RULES);
    }
    let said = |key: &str| table.get(key).and_then(contacts::word).filter(|word| !word.trim().is_empty());
    let key = error.field.word();
    Problem::Rule {
        rule: echo(&said("name").or_else(|| said("prefix")).unwrap_or_default()),
        key: key.to_owned(),
        given: table.get(key).map(|value| echo(&value.to_string())).unwrap_or_default(),
        problem: error.fault.to_string(),
    }
}

impl DialRule {
    fn write(&self) -> Table {
        let mut table = self.rest.clone();
        if !self.name.is_empty() {
            table.insert("name".to_owned(), self.name.clone().into());
        }
        table.insert("prefix".to_owned(), self.prefix.clone().into());
        table.insert("replace".to_owned(), self.replace.clone().into());
        if self.account != AccountChoice::Auto {
            table.insert("account".to_owned(), self.account.word().into());
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Rest, read as read_file, write as write_file};

    fn problems(text: &str) -> Vec<String> {
        read_file(text).problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_rule_survives_the_file_with_what_this_version_does_not_know() {
        let text = "[[dial_rule]]\nname = \"Neighbours\"\nprefix = \"9\"\nreplace = [\"101\", 102, \"192✳168✳1✳20\"]\naccount = 2\ncolour = \"red\"\n\
                    [[dial_rule]]\nprefix = 8\nreplace = \"103\"\n";
        let loaded = read_file(text);
        assert_eq!(problems(text), Vec::<String>::new());
        let rule = loaded.config.dial_plan.get("9").expect("is there");
        assert_eq!((rule.name.as_str(), rule.account), ("Neighbours", AccountChoice::Account2));
        assert_eq!(rule.replace, ["101", "102", "192✳168✳1✳20"]);
        assert_eq!(loaded.config.dial_plan.get("8").map(|rule| rule.replace.clone()), Some(vec!["103".to_owned()]));
        let written = write_file(&loaded.config, &loaded.rest);
        assert!(written.contains("colour = \"red\""), "{written}");
        assert_eq!(read_file(&written).config, loaded.config);
        assert_eq!(write_file(&Config::default(), &Rest::default()), "");
    }

    #[test]
    fn a_rule_that_is_not_good_is_named_and_kept_and_not_in_force() {
        let rule = |lines: &str| format!("[[dial_rule]]\n{lines}");
        for (lines, said) in [
            ("name = \"A\"\nreplace = [\"1\"]\n", "dial rule 'A': prefix =  — it is missing: 1–32 of 0–9, *, #, +"),
            ("prefix = \"x\"\nreplace = [\"1\"]\n", "dial rule 'x': prefix = \"x\" — 'x' cannot stand in it"),
            ("prefix = \"9\"\n", "dial rule '9': replace =  — there must be 1–5 numbers"),
            ("prefix = \"9\"\nreplace = 1.5\n", "dial rule '9': replace = 1.5 — it is of no kind that can stand there"),
            (
                "prefix = \"9\"\nreplace = [\"1\"]\naccount = 3\n",
                "dial rule '9': account = 3 — '3' is not one of auto, 1, 2",
            ),
        ] {
            let text = rule(lines);
            let loaded = read_file(&text);
            assert_eq!(problems(&text), [said]);
            assert!(loaded.config.dial_plan.is_empty());
            let again = read_file(&write_file(&loaded.config, &loaded.rest));
            assert_eq!((again.rest, again.problems), (loaded.rest, loaded.problems), "{lines}");
        }
        assert_eq!(
            problems("dial_rule = 7\n"),
            ["dial_rule: is not a list of [[dial_rule]] tables; it is kept as it is"]
        );
        assert_eq!(problems("dial_rule = [7]\n"), ["dial_rule: 7 is not a table; it is kept as it is"]);
    }

    #[test]
    fn of_two_rules_with_one_prefix_the_first_is_in_force() {
        let text = "[[dial_rule]]\nprefix = \"9\"\nreplace = [\"1\"]\n[[dial_rule]]\nname = \"B\"\nprefix = \"9\"\nreplace = [\"2\"]\n";
        let loaded = read_file(text);
        assert_eq!(problems(text), ["dial rule 'B': prefix = \"9\" — 9 has a rule already"]);
        assert_eq!(loaded.config.dial_plan.get("9").map(|rule| rule.replace.clone()), Some(vec!["1".to_owned()]));
        assert!(write_file(&loaded.config, &loaded.rest).contains("\"B\""));
    }

    #[test]
    fn what_is_too_many_is_said_once_and_kept() {
        let text: String =
            (0..MOST_RULES + 3).map(|n| format!("[[dial_rule]]\nprefix = \"7{n}\"\nreplace = [\"1\"]\n")).collect();
        let loaded = read_file(&text);
        assert_eq!(loaded.config.dial_plan.len(), MOST_RULES);
        let said: Vec<_> = loaded.problems.iter().map(ToString::to_string).collect();
        assert_eq!(said, ["dial_rule: there are more than 10000 rules; the others are kept as they are"]);
        assert!(write_file(&loaded.config, &loaded.rest).contains("\"710002\""));
    }
}
