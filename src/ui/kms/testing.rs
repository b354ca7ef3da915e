//! A machine made of files.

use std::fs;
use std::path::Path;

/// Writes a file with its folders.
pub(super) fn put(root: &Path, file: &str, text: &str) {
    let path = root.join(file);
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    fs::write(path, text).expect("written");
}

/// A card with one connector.
pub(super) fn put_card(root: &Path, number: u32, connector: &str, status: &str) {
    put(root, &format!("dev/dri/card{number}"), "");
    put(root, &format!("sys/class/drm/card{number}/dev"), "226:0");
    put(root, &format!("sys/class/drm/card{number}-{connector}/status"), &format!("{status}\n"));
}

/// A framebuffer.
pub(super) fn put_framebuffer(root: &Path, number: u32, bits: u32) {
    put(root, &format!("dev/fb{number}"), "");
    put(root, &format!("sys/class/graphics/fb{number}/bits_per_pixel"), &format!("{bits}\n"));
}
