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

/// The least that counts as a font: the tables without which there is none, with nothing in them.
pub(super) fn put_font(root: &Path, file: &str) {
    let tags: [&[u8; 4]; 5] = [b"cmap", b"head", b"hhea", b"hmtx", b"maxp"];
    let mut bytes = b"\0\x01\0\0\0\x05\0\x40\0\x02\0\x10".to_vec();
    let data = 12 + 16 * tags.len();
    for (place, tag) in tags.into_iter().enumerate() {
        let offset = u32::try_from(data + 4 * place).expect("small");
        bytes.extend([*tag, [0; 4], offset.to_be_bytes(), 4_u32.to_be_bytes()].concat());
    }
    bytes.resize(data + 4 * tags.len(), 0);
    put(root, file, "");
    fs::write(root.join(file), bytes).expect("written");
}
