//! Whether fontconfig finds a font. Slint's text panics where it finds none, even with a typeface of its own.
//!
//! fontconfig's settings are read as far as they name folders: `<dir>` and `<include>`. Everything else in them only
//! chooses among the fonts that are there.

use std::fs;
use std::path::{Path, PathBuf};

use super::Places;
use super::found::names;

/// Settings that include each other deeper than this are not followed.
const DEEPEST_INCLUDE: u32 = 5;
/// Folders of fonts deeper than this are not looked through.
const DEEPEST_FOLDER: u32 = 8;
/// How the files of fonts end, as fontconfig reads them; the last is what a packed one ends with.
const ENDINGS: &[&str] = &["ttf", "otf", "ttc", "otc", "pfb", "pfa", "pcf", "bdf", "woff", "woff2", "gz"];

/// The first font that fontconfig would find.
pub(super) fn first(places: &Places) -> Option<PathBuf> {
    let mut folders = Vec::new();
    collect(places, &places.fonts, 0, &mut folders);
    folders.iter().find_map(|folder| font_in(folder, 0))
}

/// Adds the folders that this file of settings names, and those that it includes.
fn collect(places: &Places, file: &Path, depth: u32, folders: &mut Vec<PathBuf>) {
    let Ok(bytes) = fs::read(file) else { return };
    let text = without_comments(&String::from_utf8_lossy(&bytes));
    let beside = file.parent().unwrap_or(Path::new("/"));
    for (attributes, named) in elements(&text, "dir") {
        let base = if attributes.contains("xdg") { places.data_home.as_deref() } else { Some(beside) };
        folders.extend(path(places, base, named));
    }
    if depth == DEEPEST_INCLUDE {
        return;
    }
    for (attributes, named) in elements(&text, "include") {
        let base = if attributes.contains("xdg") { places.config_home.as_deref() } else { Some(beside) };
        let Some(included) = path(places, base, named) else { continue };
        if !included.is_dir() {
            collect(places, &included, depth + 1, folders);
            continue;
        }
        // Of a folder those count that begin with a digit, in their order.
        let counts = |name: &String| name.starts_with(|c: char| c.is_ascii_digit()) && name.ends_with(".conf");
        for name in names(&included).iter().filter(|name| counts(name)) {
            collect(places, &included.join(name), depth + 1, folders);
        }
    }
}

/// The path that is meant, if its beginning is known.
fn path(places: &Places, base: Option<&Path>, named: &str) -> Option<PathBuf> {
    match named.strip_prefix('~') {
        Some(rest) => Some(places.home.as_ref()?.join(rest.trim_start_matches('/'))),
        // A whole path stands for itself.
        None => Some(base?.join(named)),
    }
}

fn without_comments(text: &str) -> String {
    let mut parts = text.split("<!--");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kept.push_str(part.split_once("-->").map_or("", |(_, behind)| behind));
    }
    kept
}

/// The elements of this name: their attributes, and the text in them.
fn elements<'a>(text: &'a str, name: &str) -> Vec<(&'a str, &'a str)> {
    let begin = format!("<{name}");
    let inside = text.split(begin.as_str()).skip(1).filter_map(|rest| {
        let (attributes, rest) = rest.split_once('>')?;
        // Else it is an element whose name only begins so, or one with nothing in it.
        let is_it = attributes.is_empty() || attributes.starts_with(char::is_whitespace);
        let (content, _) = rest.split_once("</")?;
        (is_it && !attributes.ends_with('/')).then_some((attributes, content.trim()))
    });
    inside.collect()
}

/// The first font in a folder and what is below it.
fn font_in(folder: &Path, depth: u32) -> Option<PathBuf> {
    names(folder).iter().find_map(|name| {
        let path = folder.join(name);
        if path.is_dir() {
            return if depth < DEEPEST_FOLDER { font_in(&path, depth + 1) } else { None };
        }
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        ENDINGS.contains(&ending.as_str()).then_some(path)
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::put;
    use super::*;

    /// Settings that name these folders of fonts.
    fn settings(folders: &[&Path]) -> String {
        let folders = folders.iter().map(|folder| format!("<dir>{}</dir>\n", folder.display()));
        format!("<?xml version=\"1.0\"?>\n<fontconfig>\n{}</fontconfig>\n", folders.collect::<String>())
    }

    #[test]
    fn without_settings_or_without_a_file_in_their_folders_there_is_no_font() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let places = Places::below(root.path());
        let fonts = root.path().join("usr/share/fonts");
        put(root.path(), "usr/share/fonts/truetype/inter/Inter.ttf", "");
        assert_eq!(first(&places), None, "nobody names the folder");
        put(root.path(), "etc/fonts/fonts.conf", &settings(&[&fonts]));
        assert_eq!(first(&places), Some(fonts.join("truetype/inter/Inter.ttf")));
        fs::remove_dir_all(&fonts).expect("there");
        put(root.path(), "usr/share/fonts/README.txt", "");
        assert_eq!(first(&places), None);
    }

    #[test]
    fn folders_come_from_included_settings_and_from_the_home_too() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let home = root.path().join("home");
        let places =
            Places { home: Some(home.clone()), data_home: Some(home.join("data")), ..Places::below(root.path()) };
        let main = "<!-- <dir>/usr</dir> --><include ignore_missing=\"yes\">conf.d</include><dirx>/usr</dirx>";
        put(root.path(), "etc/fonts/fonts.conf", main);
        put(root.path(), "etc/fonts/conf.d/README", "<dir>/usr</dir>");
        assert_eq!(first(&places), None);
        put(root.path(), "home/data/fonts/A.OTF", "");
        put(root.path(), "etc/fonts/conf.d/10-home.conf", "<dir prefix=\"xdg\">fonts</dir>");
        assert_eq!(first(&places), Some(home.join("data/fonts/A.OTF")));
        put(root.path(), "home/.fonts/B.ttc", "");
        put(root.path(), "etc/fonts/conf.d/05-home.conf", "<dir>~/.fonts</dir>");
        assert_eq!(first(&places), Some(home.join(".fonts/B.ttc")));
    }

    #[test]
    fn settings_that_include_themselves_come_to_an_end() {
        let root = tempfile::tempdir().expect("a temporary directory");
        put(root.path(), "etc/fonts/fonts.conf", "<include>fonts.conf</include>");
        assert_eq!(first(&Places::below(root.path())), None);
    }
}
