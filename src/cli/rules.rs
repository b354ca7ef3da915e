//! What `ctl rules` prints and writes.

use std::io::Write;
use std::path::Path;

use serde_json::Value;

use super::Failure;
use super::args::RulesVerb;
use crate::config::{AccountChoice, DialPlan, DialRule, write_atomically};

/// Prints what the panel says, or writes it where it is to go.
pub(super) fn print(verb: &RulesVerb, result: &Value) -> Result<(), Failure> {
    match verb {
        RulesVerb::Add { .. } | RulesVerb::Remove { .. } => Ok(()),
        RulesVerb::List { json: true } => {
            say(&serde_json::to_string_pretty(&result["rules"]).map_err(Failure::at_run_time)?);
            Ok(())
        }
        RulesVerb::List { json: false } => {
            plan(result)?.rules().for_each(|rule| say(&line(rule)));
            Ok(())
        }
        RulesVerb::Export { file } => export(file, result),
        RulesVerb::Import { .. } => imported(result),
    }
}

fn say(line: &str) {
    // A closed pipe is no failure of the panel.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// One rule as somebody reads it.
fn line(rule: &DialRule) -> String {
    let mut line = format!("{} → {}", rule.prefix, rule.replace.join(", "));
    if rule.account != AccountChoice::Auto {
        line.push_str(&format!("  account {}", rule.account));
    }
    if !rule.name.is_empty() {
        line.push_str(&format!("  ({})", rule.name));
    }
    line
}

/// The rules that the panel named.
fn plan(result: &Value) -> Result<DialPlan, Failure> {
    let rules = result["rules"].as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let rule = |rule: &Value| {
        let replace = rule["replace"].as_array().map(Vec::as_slice).unwrap_or_default();
        DialRule {
            name: text(&rule["name"]),
            prefix: text(&rule["prefix"]),
            replace: replace.iter().map(text).collect(),
            account: rule["account"].as_str().and_then(AccountChoice::from_word).unwrap_or_default(),
            ..DialRule::default()
        }
    };
    DialPlan::of(rules.iter().map(rule)).map_err(Failure::at_run_time)
}

fn export(file: &Path, result: &Value) -> Result<(), Failure> {
    let table = plan(result)?.to_csv();
    let place = std::path::absolute(file).map_err(Failure::wrong_use)?;
    write_atomically(&place, table.as_bytes())
        .map_err(|error| Failure::at_run_time(format!("{}: {error}", file.display())))
}

/// What came in; with bad lines it is a failure, although the good ones are in force.
fn imported(result: &Value) -> Result<(), Failure> {
    let count = |key: &str| result[key].as_u64().unwrap_or_default();
    say(&format!("{} added, {} changed, {} as they were", count("added"), count("changed"), count("same")));
    let bad = result["bad"].as_array().map(Vec::as_slice).unwrap_or_default();
    for row in bad {
        say(&format!("line {}: {}", row["line"], row["reason"].as_str().unwrap_or_default()));
    }
    match count("refused") {
        0 => Ok(()),
        1 => Err(Failure::at_run_time("1 line was not taken over")),
        refused => Err(Failure::at_run_time(format!("{refused} lines were not taken over"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rules_are_written_as_somebody_reads_them() {
        let result = json!({"rules": [
            {"name": "Neighbours", "prefix": "9", "replace": ["101", "102"], "account": "2"},
            {"name": "", "prefix": "*8", "replace": ["192.168.1.20"], "account": "auto"},
        ]});
        let lines: Vec<String> = plan(&result).expect("good rules").rules().map(line).collect();
        assert_eq!(lines, ["*8 → 192.168.1.20", "9 → 101, 102  account 2  (Neighbours)"]);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("rules.csv");
        export(&file, &result).expect("written");
        let table = std::fs::read_to_string(&file).expect("is there");
        assert_eq!(table.lines().count(), 3, "{table}");
    }

    #[test]
    fn bad_lines_are_a_failure_that_counts_them() {
        let result = json!({"added": 2, "changed": 0, "same": 0, "refused": 1, "bad": [{"line": 3, "reason": "x"}]});
        assert_eq!(imported(&result), Err(Failure { code: 1, words: "1 line was not taken over".into() }));
        assert_eq!(imported(&json!({"added": 2, "refused": 0, "bad": []})), Ok(()));
    }
}
