//! Every word of the screens is there in every language, with the same values in it, and no language has words that no
//! screen shows.

#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What a translation goes by: the context (the component, unless another is given) and the English words.
type Key = (String, String);

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn slint_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(slint_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "slint") {
            found.push(path);
        }
    }
    found
}

/// The pieces of a screen's text that matter here.
#[derive(Debug, PartialEq)]
enum Piece {
    Word(String),
    Text(String),
    Sign(char),
}

/// Takes a text apart; comments are left out, strings stay as they are written.
fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '/' if rest.peek() == Some(&'/') => while rest.next_if(|c| *c != '\n').is_some() {},
            '"' => {
                let mut string = String::new();
                while let Some(c) = rest.next() {
                    match c {
                        '"' => break,
                        '\\' => string.extend([Some(c), rest.next()].into_iter().flatten()),
                        c => string.push(c),
                    }
                }
                pieces.push(Piece::Text(string));
            }
            c if c.is_alphanumeric() || c == '_' || c == '@' => {
                let mut word = String::from(c);
                while let Some(c) = rest.next_if(|c| c.is_alphanumeric() || matches!(c, '_' | '-')) {
                    word.push(c);
                }
                pieces.push(Piece::Word(word));
            }
            c if c.is_whitespace() => {}
            c => pieces.push(Piece::Sign(c)),
        }
    }
    pieces
}

/// All words of the screens that are translated; for those that count something also the plural.
fn shown() -> BTreeMap<Key, Option<String>> {
    let mut shown = BTreeMap::new();
    for file in slint_files(&root().join("ui")) {
        let pieces = pieces(&fs::read_to_string(&file).unwrap());
        let mut component = String::new();
        for (at, window) in pieces.windows(2).enumerate() {
            match window {
                [Piece::Word(kind), Piece::Word(name)] if kind == "component" || kind == "global" => {
                    component.clone_from(name);
                }
                [Piece::Word(tr), Piece::Sign('(')] if tr == "@tr" => {
                    let (key, plural) = translated(&pieces[at + 2..], &component);
                    shown.insert(key, plural);
                }
                _ => {}
            }
        }
    }
    shown
}

/// What stands in `@tr(…`: perhaps a context and `=>`, the words, perhaps `|` and the words for many.
fn translated(pieces: &[Piece], component: &str) -> (Key, Option<String>) {
    let text = |at: usize| match pieces.get(at) {
        Some(Piece::Text(text)) => text.clone(),
        other => panic!("{component}: {other:?} in the place of words"),
    };
    let has_context = pieces[1..3] == [Piece::Sign('='), Piece::Sign('>')];
    let (context, at) = if has_context { (text(0), 3) } else { (component.to_owned(), 0) };
    let plural = (pieces.get(at + 1) == Some(&Piece::Sign('|'))).then(|| text(at + 2));
    ((context, text(at)), plural)
}

/// The entries of a language: for each the translations, one for each number that it tells apart.
fn entries(file: &Path) -> BTreeMap<Key, Vec<String>> {
    let text = fs::read_to_string(file).unwrap();
    let mut entries = BTreeMap::new();
    for block in text.split("\n\n") {
        let of = |field: &str| {
            block.lines().find_map(|line| {
                line.strip_prefix(field)?.trim_start().strip_prefix('"')?.strip_suffix('"').map(str::to_owned)
            })
        };
        let Some(context) = of("msgctxt ") else { continue };
        let strings = ["msgstr ", "msgstr[0] ", "msgstr[1] "].into_iter().filter_map(of).collect();
        let before = entries.insert((context, of("msgid ").unwrap()), strings);
        assert_eq!(before, None, "twice in {}:\n{block}", file.display());
    }
    entries
}

/// The places for values in a text: `{}`, `{0}`, `{n}`.
fn values(text: &str) -> BTreeSet<&str> {
    text.match_indices('{').filter_map(|(at, _)| text[at..].split_inclusive('}').next()).collect()
}

#[test]
fn every_language_has_every_word_and_none_that_is_not_shown() {
    let shown = shown();
    assert!(shown.len() > 300, "only {} texts were found", shown.len());
    let mut wrong = Vec::new();
    for language in fs::read_dir(root().join("lang")).unwrap() {
        let language = language.unwrap();
        let name = language.file_name().into_string().unwrap();
        let entries = entries(&language.path().join("LC_MESSAGES/vestibule.po"));
        for (key, plural) in &shown {
            let Some(strings) = entries.get(key) else {
                wrong.push(format!("{name} lacks {key:?}"));
                continue;
            };
            let numbers = if plural.is_some() { 2 } else { 1 };
            if strings.len() != numbers || strings.iter().any(String::is_empty) {
                wrong.push(format!("{name} has no words for {key:?}"));
            }
            for string in strings {
                if values(string) != values(&key.1) {
                    wrong.push(format!("{name} has other values in '{string}' than in {key:?}"));
                }
            }
        }
        wrong.extend(
            entries.keys().filter(|key| !shown.contains_key(*key)).map(|key| format!("{name}: {key:?} is not shown")),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_screen_is_taken_apart_into_its_words() {
    let screen = r#"component A { // @tr("not this")
        text: @tr("one \"two\""); b: @tr("ctx" => "{}", x); c: @tr("{n} x" | "{n} xs" % n); }"#;
    let pieces = pieces(screen);
    let at = |nth: usize| {
        pieces.iter().enumerate().filter(|(_, piece)| **piece == Piece::Word("@tr".into())).nth(nth).unwrap().0
    };
    assert_eq!(translated(&pieces[at(0) + 2..], "A"), (("A".into(), r#"one \"two\""#.into()), None));
    assert_eq!(translated(&pieces[at(1) + 2..], "A"), (("ctx".into(), "{}".into()), None));
    assert_eq!(translated(&pieces[at(2) + 2..], "A"), (("A".into(), "{n} x".into()), Some("{n} xs".into())));
}
