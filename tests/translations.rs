//! Every word of the screens is there in every language, with the same values in it, and no language has words that no
//! screen shows.

#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use vestibule::config;

/// What a translation goes by: the context (the component, unless another is given) and the English words.
type Key = (String, String);

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|extension| extension == ending) {
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
    for file in files(&root().join("ui"), "slint") {
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

/// A language: how many forms of a word it has for numbers, and for each text its translations, one for each form.
struct Catalogue {
    forms: usize,
    entries: BTreeMap<Key, Vec<String>>,
}

/// The value of a field of an entry, as it is written.
fn field(block: &str, name: &str) -> Option<String> {
    let line = block.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim_start().strip_prefix('"')?.strip_suffix('"').map(str::to_owned)
}

fn catalogue(file: &Path) -> Catalogue {
    let text = fs::read_to_string(file).unwrap();
    let (_, forms) = text.split_once("nplurals=").unwrap();
    let forms = forms.split(';').next().unwrap().parse().unwrap();
    let mut entries = BTreeMap::new();
    for block in text.split("\n\n") {
        let Some(context) = field(block, "msgctxt ") else { continue };
        let of_forms = (0..forms).map(|form| format!("msgstr[{form}] "));
        let strings = std::iter::once("msgstr ".to_owned()).chain(of_forms).filter_map(|name| field(block, &name));
        let before = entries.insert((context, field(block, "msgid ").unwrap()), strings.collect());
        assert_eq!(before, None, "twice in {}:\n{block}", file.display());
    }
    Catalogue { forms, entries }
}

/// All languages by their names.
fn catalogues() -> BTreeMap<String, Catalogue> {
    let folders = fs::read_dir(root().join("lang")).unwrap().map(Result::unwrap);
    let of = |folder: fs::DirEntry| {
        let file = folder.path().join("LC_MESSAGES/screens.po");
        (folder.file_name().into_string().unwrap(), catalogue(&file))
    };
    folders.map(of).collect()
}

/// The places for values in a text: `{}`, `{0}`, `{n}`.
fn values(text: &str) -> BTreeSet<&str> {
    text.match_indices('{').filter_map(|(at, _)| text[at..].split_inclusive('}').next()).collect()
}

/// How often a value without a number of its own stands in a text.
fn unnumbered(text: &str) -> usize {
    text.matches("{}").count()
}

/// Texts that say the same in English and in these languages.
const SAME: &[(&str, &[&str])] = &[
    (
        "de",
        &[
            "April",
            "Audio",
            "August",
            "Auto",
            "Inter",
            "Jitter",
            "Monitor",
            "Name",
            "November",
            "PIN",
            "Port",
            "SIP INFO",
            "September",
            "Status",
            "Version",
            "Video",
        ],
    ),
    (
        "fr",
        &[
            "Audio", "Auto", "Contact", "Contacts", "Inter", "Licence", "Port", "SIP INFO", "Silence", "Version",
            "Volume",
        ],
    ),
    ("es", &["Audio", "Auto", "Inter", "Jitter", "Monitor", "PIN", "SIP INFO"]),
    ("zh", &["PIN", "SIP INFO"]),
];

/// Whether a text has words at all: the names of days around a comma are put in by others.
fn has_words(text: &str) -> bool {
    let outside = text.split('{').map(|part| part.split_once('}').map_or(part, |(_, outside)| outside));
    let units = ["s", "ms", "min"];
    outside
        .flat_map(|part| part.split(|c: char| !c.is_alphabetic()))
        .any(|word| !word.is_empty() && !units.contains(&word))
}

/// An entry as it is written into a catalogue, with its translations left open.
fn entry((context, english): &Key, plural: Option<&str>, forms: usize) -> String {
    let open = match plural {
        None => "msgstr \"\"".to_owned(),
        Some(plural) => {
            let forms: Vec<_> = (0..forms).map(|form| format!("msgstr[{form}] \"\"")).collect();
            format!("msgid_plural \"{plural}\"\n{}", forms.join("\n"))
        }
    };
    format!("msgctxt \"{context}\"\nmsgid \"{english}\"\n{open}\n")
}

#[test]
fn the_five_languages_are_there() {
    let offered: BTreeSet<String> = config::Language::WORDS.iter().map(|word| (*word).to_owned()).collect();
    let spoken: BTreeSet<String> = catalogues().into_keys().chain(["auto".to_owned(), "en".to_owned()]).collect();
    assert_eq!(offered, spoken, "what Settings > Display offers is what there is");
    assert_eq!(spoken.len(), 6);
}

/// What is missing is printed as the entries that have to be filled in: see CONTRIBUTING.md.
#[test]
fn every_language_has_every_word_and_none_that_is_not_shown() {
    let shown = shown();
    assert!(shown.len() > 300, "only {} texts were found", shown.len());
    let mut wrong = Vec::new();
    for (name, Catalogue { forms, entries }) in catalogues() {
        let same = SAME.iter().find(|(of, _)| *of == name).map_or(&[][..], |(_, same)| *same);
        for (key, plural) in &shown {
            let Some(strings) = entries.get(key) else {
                wrong.push(format!("lang/{name} lacks\n{}", entry(key, plural.as_deref(), forms)));
                continue;
            };
            let numbers = if plural.is_some() { forms } else { 1 };
            if strings.len() != numbers || strings.iter().any(String::is_empty) {
                wrong.push(format!("lang/{name} has no words for {key:?}"));
            }
            for string in strings {
                if values(string) != values(&key.1) || unnumbered(string) != unnumbered(&key.1) {
                    wrong.push(format!("lang/{name} has other values in '{string}' than in {key:?}"));
                }
                if *string == key.1 && has_words(string) && !same.contains(&string.as_str()) {
                    wrong.push(format!("lang/{name} says '{string}' as English does"));
                }
            }
        }
        let unshown = entries.keys().filter(|key| !shown.contains_key(*key));
        wrong.extend(unshown.map(|key| format!("lang/{name}: {key:?} is not shown")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Rust passes facts: a sentence that it made would be English in every language.
#[test]
fn no_sentence_for_the_screen_is_made_in_rust() {
    // For logs, for whoever reads the code, and for scripts.
    const NOT_SHOWN: [&str; 8] =
        ["tracing::", "expect(", "unreachable!", "#[error", "Err(", "ok_or", "map_err", "{label}'"];
    let mut wrong = Vec::new();
    for file in files(&root().join("src/ui"), "rs") {
        let is_test = file.components().any(|part| part.as_os_str() == "shots");
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        for (number, line) in code.lines().enumerate().filter(|_| !is_test) {
            let line = line.trim();
            if line.starts_with("//") || NOT_SHOWN.iter().any(|sign| line.contains(sign)) {
                continue;
            }
            let mut texts = line.split('"').skip(1).step_by(2);
            let is_sentence = |text: &str| {
                text.split(' ').filter(|word| word.len() > 1 && word.chars().all(char::is_alphabetic)).count() > 1
            };
            if let Some(sentence) = texts.find(|text| is_sentence(text)) {
                wrong.push(format!("{}:{}: “{sentence}”", file.display(), number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "these belong into ui/words.slint:\n{}", wrong.join("\n"));
}

/// The typefaces of the packages that a panel has: Inter, and the one for Chinese.
#[test]
fn there_is_a_glyph_for_every_character() {
    for (name, Catalogue { entries, .. }) in catalogues() {
        let family = &entries[&("typeface".to_owned(), "Inter".to_owned())][0];
        let characters: BTreeSet<char> = entries.values().flatten().flat_map(|text| text.chars()).collect();
        let drawn = characters.iter().filter(|c| !c.is_control() && !DRAWN.contains(c));
        let codes: Vec<String> = drawn.map(|c| format!("{:x}", u32::from(*c))).collect();
        assert!(codes.len() > 40, "{name}: {codes:?}");
        if !has_glyphs(family, &codes.join(" ")) {
            let missing: Vec<_> = codes.iter().filter(|code| !has_glyphs(family, code)).collect();
            panic!("{name}: {family} has no glyphs for {missing:?}; are the packages of ./dev installed?");
        }
        assert!(!has_glyphs(family, "41 378"), "nobody has a glyph for what Unicode leaves open");
    }
}

/// Whether one font of the family has all these characters, in hexadecimal with spaces between.
fn has_glyphs(family: &str, codes: &str) -> bool {
    let pattern = format!("{family}:charset={codes}");
    let output = std::process::Command::new("fc-list").args([pattern.as_str(), "family"]).output();
    !output.expect("fontconfig is there: ./dev installs it").stdout.is_empty()
}

/// Drawn as pictures of our own, or looked for in another typeface as in English.
const DRAWN: [char; 1] = ['✳'];

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
