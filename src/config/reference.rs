//! The settings reference, `docs/settings.md`: made from the declarations, so that it says what the program does.

use std::fmt::Write;

use super::{Kind, SETTINGS, Setting};

const HEAD: &str = "\
# Settings

Every setting with its place on the screen, its key, what it takes and what holds without a file. The key is the same in
`config.toml`, for `vestibule settings` and for `vestibule ctl get` and `set`. Keys of an account are written once here:
they begin with `account1.` for Account 1 and with `account2.` for Account 2.

This file is written by `./dev docs`, from what the program itself declares.
";

/// The whole reference, in Markdown.
pub fn reference() -> String {
    let mut text = HEAD.to_owned();
    let mut path = "";
    for setting in SETTINGS.iter().filter(|setting| !setting.key.starts_with("account2.")) {
        if setting.path != path {
            path = setting.path;
            text.push_str(&format!("\n## {path}\n\n| Setting | Key | Takes | Default | |\n|---|---|---|---|---|\n"));
        }
        // Writing into a text cannot fail.
        let _ = writeln!(
            text,
            "| {} | `{}` | {} | {} | {} |",
            setting.label,
            key(setting),
            cell(&takes(setting)),
            default(setting),
            cell(setting.help)
        );
    }
    text
}

/// The key, with the number of the account left open.
fn key(setting: &Setting) -> String {
    match setting.key.strip_prefix("account1.") {
        Some(rest) => format!("accountN.{rest}"),
        None => setting.key.to_owned(),
    }
}

fn takes(setting: &Setting) -> String {
    match setting.kind {
        Kind::Number { .. } => format!("{}{}", setting.kind.range(), unit(setting)),
        kind => kind.range(),
    }
}

fn default(setting: &Setting) -> String {
    match setting.default {
        "" => "empty".to_owned(),
        default => format!("`{default}`{}", unit(setting)),
    }
}

fn unit(setting: &Setting) -> String {
    if setting.unit.is_empty() { String::new() } else { format!(" {}", setting.unit) }
}

/// A bar would end the cell, a star would slant what follows.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('*', "\\*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_in_docs_is_the_one_that_the_program_would_write() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/settings.md");
        let kept = std::fs::read_to_string(file).expect("docs/settings.md is there");
        assert!(kept == reference(), "docs/settings.md is out of date: `./dev docs` writes it anew");
    }

    #[test]
    fn both_accounts_have_the_same_settings() {
        let of = |account: &str| {
            let settings = SETTINGS.iter().filter_map(|setting| Some((setting.key.strip_prefix(account)?, setting)));
            settings
                .map(|(key, it)| {
                    format!("{key} {} {} {} {} {}", it.path, it.kind.name(), it.kind.range(), it.default, it.help)
                })
                .collect()
        };
        let (first, second): (Vec<String>, Vec<String>) = (of("account1."), of("account2."));
        assert!(!first.is_empty());
        assert_eq!(first, second, "the reference writes them down once");
    }

    #[test]
    fn every_setting_has_its_line() {
        let text = reference();
        for setting in SETTINGS.iter().filter(|setting| !setting.key.starts_with("account2.")) {
            assert_eq!(text.matches(&format!("| `{}` |", key(setting))).count(), 1, "{}", setting.key);
        }
        assert!(
            text.contains("| Session Expire | `accountN.session_timer.expires` | 90–7200 s | `1800` s |"),
            "{text}"
        );
    }
}
