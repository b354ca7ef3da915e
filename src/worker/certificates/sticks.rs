//! Looks for files of certificates and keys where USB sticks are.

use std::fs;
use std::path::{Path, PathBuf};

use super::contents::LARGEST;

/// The most files that are told.
const MOST_FOUND: usize = 64;
/// The most entries that are looked at.
const MOST_SEEN: usize = 4096;
/// How deep it goes: `/media/USER/LABEL/FOLDER`.
const DEEPEST: usize = 3;
/// What the names of such files end with.
const ENDINGS: [&str; 5] = ["pem", "crt", "cer", "key", "der"];

/// The files below these folders that could be imported, by path. Links are not followed, hidden files are left out; a folder
/// that is not there, or may not be read, holds none. May wait for a slow stick.
pub fn candidates(roots: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut seen = 0;
    for root in roots {
        look(root, DEEPEST, &mut seen, &mut found);
    }
    found.sort();
    found.dedup();
    found
}

fn look(folder: &Path, deeper: usize, seen: &mut usize, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut folders = Vec::new();
    for entry in entries.flatten() {
        if *seen >= MOST_SEEN || found.len() >= MOST_FOUND {
            return;
        }
        *seen += 1;
        let path = entry.path();
        let Ok(kind) = entry.file_type() else { continue };
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if kind.is_dir() {
            folders.push(path);
        } else if kind.is_file() && has_ending(&path) && has_size(&entry) {
            found.push(path);
        }
    }
    if deeper > 0 {
        folders.sort();
        for folder in folders {
            look(&folder, deeper - 1, seen, found);
        }
    }
}

fn has_ending(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)))
}

fn has_size(entry: &fs::DirEntry) -> bool {
    entry.metadata().is_ok_and(|described| (1..=LARGEST).contains(&described.len()))
}
