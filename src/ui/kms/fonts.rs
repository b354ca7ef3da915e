//! Whether fontconfig finds a font that can be drawn. Slint's text panics where it finds none, even with a typeface of its own.
//!
//! fontconfig's settings are read as far as they name folders: `<dir>` and `<include>`. Everything else in them only
//! chooses among the fonts that are there. The first font that is whole ends the search.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use read_fonts::types::Tag;
use read_fonts::{FontRef, ReadError};

use super::Places;
use super::found::names;
use crate::config::{FileError, FileFault};

/// Settings that include each other deeper than this are not followed.
const DEEPEST_INCLUDE: u32 = 5;
/// Folders of fonts deeper than this are not looked through.
const DEEPEST_FOLDER: u32 = 8;
/// How the files of fonts end that can be drawn: OpenType, alone or in a collection.
const ENDINGS: &[&str] = &["ttf", "otf", "ttc", "otc"];
/// Where the tables of a font lie stands in its first bytes, nearly always.
const BEGINNING: u64 = 64 << 10;
/// Without these tables no font can be drawn (OpenType, "required tables").
const REQUIRED: [&[u8; 4]; 5] = [b"cmap", b"head", b"hhea", b"hmtx", b"maxp"];

/// Why there is no font that can be drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lack {
    /// fontconfig has no settings.
    Settings,
    /// None lies in the folders that they name.
    Font,
    /// None of those that lie there can be opened; this is one of them.
    Closed(FileError),
    /// None of those that lie there is whole; this is one of them.
    Damaged(PathBuf),
}

/// The first font that fontconfig would find and that can be drawn.
///
/// # Errors
/// What is missing, or the first font that should be there and cannot be used.
pub(super) fn first(places: &Places) -> Result<PathBuf, Lack> {
    let lack = if places.fonts.is_file() { Lack::Font } else { Lack::Settings };
    let mut search = Search { places, lack };
    search.settings(&places.fonts, 0).ok_or(search.lack)
}

struct Search<'a> {
    places: &'a Places,
    /// What is said if nothing is found.
    lack: Lack,
}

impl Search<'_> {
    /// Looks into the folders that this file of settings names, then into those of the files that it includes.
    fn settings(&mut self, file: &Path, depth: u32) -> Option<PathBuf> {
        let text = without_comments(&String::from_utf8_lossy(&fs::read(file).ok()?));
        let places = self.places;
        let beside = file.parent().unwrap_or(Path::new("/"));
        for (attributes, named) in elements(&text, "dir") {
            let base = if attributes.contains("xdg") { places.data_home.as_deref() } else { Some(beside) };
            let Some(folder) = path(places, base, named) else { continue };
            if let Some(font) = self.folder(&folder, 0) {
                return Some(font);
            }
        }
        if depth == DEEPEST_INCLUDE {
            return None;
        }
        elements(&text, "include").into_iter().find_map(|(attributes, named)| {
            let base = if attributes.contains("xdg") { places.config_home.as_deref() } else { Some(beside) };
            let included = path(places, base, named)?;
            if !included.is_dir() {
                return self.settings(&included, depth + 1);
            }
            // Of a folder those count that begin with a digit, in their order.
            let counts = |name: &String| name.starts_with(|c: char| c.is_ascii_digit()) && name.ends_with(".conf");
            let files = names(&included).into_iter().filter(counts);
            files.map(|name| included.join(name)).find_map(|file| self.settings(&file, depth + 1))
        })
    }

    /// The first font in a folder and what is below it.
    fn folder(&mut self, folder: &Path, depth: u32) -> Option<PathBuf> {
        names(folder).iter().find_map(|name| {
            let path = folder.join(name);
            if path.is_dir() {
                return if depth < DEEPEST_FOLDER { self.folder(&path, depth + 1) } else { None };
            }
            let is_named_so = path
                .extension()
                .and_then(|ending| ending.to_str())
                .is_some_and(|ending| ENDINGS.contains(&ending.to_ascii_lowercase().as_str()));
            let lack = match is_whole(&path) {
                Ok(true) => return Some(path),
                Ok(false) => Lack::Damaged(path),
                Err(error) => Lack::Closed(FileFault::from(error).of(path)),
            };
            // Beside fonts there are lists of them, and kinds of font that are not drawn.
            if is_named_so && self.lack == Lack::Font {
                self.lack = lack;
            }
            None
        })
    }
}

/// Whether a file is a font all of whose tables are there.
fn is_whole(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut bytes = Vec::new();
    file.by_ref().take(BEGINNING).read_to_end(&mut bytes)?;
    if has_tables(&bytes, length).is_err() && bytes.starts_with(b"ttcf") {
        // A large collection may say it anywhere.
        file.read_to_end(&mut bytes)?;
    }
    Ok(has_tables(&bytes, length).unwrap_or(false))
}

/// Whether the tables that the beginning of a font names are within its `length` and are those that it needs.
fn has_tables(beginning: &[u8], length: u64) -> Result<bool, ReadError> {
    let font = FontRef::from_index(beginning, 0)?;
    let tables = font.table_directory().table_records();
    let is_there = |tag: &[u8; 4]| tables.iter().any(|table| table.tag() == Tag::new(tag));
    let is_within = tables.iter().all(|table| u64::from(table.offset()) + u64::from(table.length()) <= length);
    Ok(is_within && REQUIRED.iter().all(|tag| is_there(tag)))
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::super::testing::{put, put_font};
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
        put_font(root.path(), "usr/share/fonts/truetype/inter/Inter.ttf");
        assert_eq!(first(&places), Err(Lack::Settings), "nobody names the folder");
        put(root.path(), "etc/fonts/fonts.conf", &settings(&[&fonts]));
        assert_eq!(first(&places), Ok(fonts.join("truetype/inter/Inter.ttf")));
        fs::remove_dir_all(&fonts).expect("there");
        put(root.path(), "usr/share/fonts/README.gz", "");
        put(root.path(), "usr/share/fonts/fixed.pcf", "\u{1}fcp");
        assert_eq!(first(&places), Err(Lack::Font));
    }

    #[test]
    fn a_font_that_is_cut_off_or_garbage_or_leads_nowhere_is_none_and_is_named() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let places = Places::below(root.path());
        let folder = root.path().join("fonts");
        let file = folder.join("B.ttf");
        put(root.path(), "etc/fonts/fonts.conf", &settings(&[&folder]));
        put_font(root.path(), "fonts/B.ttf");
        let whole = fs::read(&file).expect("there");
        for length in [0, 3, 11, 40, whole.len() - 1] {
            fs::write(&file, &whole[..length]).expect("written");
            assert_eq!(first(&places), Err(Lack::Damaged(file.clone())), "{length} bytes");
        }
        fs::write(&file, "a letter to somebody").expect("written");
        assert_eq!(first(&places), Err(Lack::Damaged(file.clone())));
        symlink(folder.join("nowhere"), folder.join("A.otf")).expect("a link");
        assert_eq!(first(&places), Err(Lack::Closed(FileFault::Missing.of(folder.join("A.otf")))));
        put_font(root.path(), "fonts/C");
        assert_eq!(first(&places), Ok(folder.join("C")), "whatever it is called");
    }

    #[test]
    fn a_collection_says_anywhere_where_its_fonts_begin() {
        let root = tempfile::tempdir().expect("a temporary directory");
        put_font(root.path(), "A.ttf");
        let font = fs::read(root.path().join("A.ttf")).expect("there");
        let file = root.path().join("A.ttc");
        for begin in [16_u32, 2 * BEGINNING as u32] {
            let header = [&b"ttcf\0\x01\0\0\0\0\0\x01"[..], &begin.to_be_bytes()].concat();
            let mut bytes = header;
            bytes.resize(begin as usize, 0);
            bytes.extend(&font);
            fs::write(&file, &bytes).expect("written");
            assert!(is_whole(&file).expect("it can be read"), "from {begin}");
        }
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
        assert_eq!(first(&places), Err(Lack::Font));
        put_font(root.path(), "home/data/fonts/A.OTF");
        put(root.path(), "etc/fonts/conf.d/10-home.conf", "<dir prefix=\"xdg\">fonts</dir>");
        assert_eq!(first(&places), Ok(home.join("data/fonts/A.OTF")));
        put_font(root.path(), "home/.fonts/B.ttc");
        put(root.path(), "etc/fonts/conf.d/05-home.conf", "<dir>~/.fonts</dir>");
        assert_eq!(first(&places), Ok(home.join(".fonts/B.ttc")));
    }

    #[test]
    fn settings_that_include_themselves_come_to_an_end() {
        let root = tempfile::tempdir().expect("a temporary directory");
        put(root.path(), "etc/fonts/fonts.conf", "<include>fonts.conf</include>");
        assert_eq!(first(&Places::below(root.path())), Err(Lack::Font));
    }
}
