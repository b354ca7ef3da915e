//! Bytes to text and back without loss.
//!
//! SIP text is UTF-8, and devices send Latin-1 all the same. A byte that is not UTF-8 is carried as one character of
//! U+10FF80 to U+10FFFF (the byte plus 0x10FF00), the last of a private plane that nothing displays, and becomes that
//! byte again when the text is written. Text that really holds such a character is carried byte by byte, so the
//! mapping is reversible for every input. Only bytes of 0x80 and above are carried so: no control character, quote or
//! separator can hide in one.

use std::borrow::Cow;

const CARRIED_BASE: u32 = 0x10_FF00;

/// The first byte, in UTF-8, of every character that carries a byte, and of few others.
const CARRIER: u8 = 0xF4;

/// Text of `bytes`, with each byte that is not UTF-8 carried as one private character.
pub fn from_bytes(bytes: &[u8]) -> Cow<'_, str> {
    if (bytes.is_ascii() || !has_carrier(bytes))
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if carried(character).is_some() {
                text.extend(character.encode_utf8(&mut [0; 4]).bytes().filter_map(carry));
            } else {
                text.push(character);
            }
        }
        text.extend(chunk.invalid().iter().copied().filter_map(carry));
    }
    Cow::Owned(text)
}

/// The bytes that [`from_bytes`] made `text` of; plain UTF-8 for any other text.
pub fn to_bytes(text: &str) -> Cow<'_, [u8]> {
    if !has_carrier(text.as_bytes()) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        match carried(character) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Cow::Owned(bytes)
}

/// [`to_bytes`] of a text that is not needed afterwards.
pub fn into_bytes(text: String) -> Vec<u8> {
    if has_carrier(text.as_bytes()) { to_bytes(&text).into_owned() } else { text.into_bytes() }
}

/// `text` for a person to read: carried bytes and control characters become U+FFFD.
pub fn legible(text: &str) -> Cow<'_, str> {
    let strange = |character: char| carried(character).is_some() || character.is_control();
    if text.contains(strange) { Cow::Owned(text.replace(strange, "\u{FFFD}")) } else { Cow::Borrowed(text) }
}

/// Whether a character may be there that carries a byte. Without a way out in between, so that many bytes are looked at in
/// one step.
fn has_carrier(bytes: &[u8]) -> bool {
    bytes.iter().fold(false, |found, byte| found | (*byte == CARRIER))
}

/// The character that carries `byte`; none for ASCII, which is always UTF-8.
fn carry(byte: u8) -> Option<char> {
    (byte >= 0x80).then(|| char::from_u32(CARRIED_BASE + u32::from(byte))).flatten()
}

/// The byte that `character` carries.
fn carried(character: char) -> Option<u8> {
    let byte = u8::try_from(u32::from(character).checked_sub(CARRIED_BASE)?).ok()?;
    (byte >= 0x80).then_some(byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(*to_bytes(&from_bytes(&all)), all);
        let latin_1 = b"K\xFCche";
        assert_eq!(*to_bytes(&from_bytes(latin_1)), *latin_1);
        assert_eq!(from_bytes("Küche".as_bytes()), "Küche");
    }

    #[test]
    fn a_real_private_character_is_not_mistaken_for_a_carried_byte() {
        let forged = "a\u{10FF8D}b\u{10FFFF}".as_bytes();
        assert_eq!(*to_bytes(&from_bytes(forged)), *forged);
    }

    #[test]
    fn a_person_sees_a_replacement_character() {
        assert_eq!(legible(&from_bytes(b"K\xFCche")), "K\u{FFFD}che");
        assert_eq!(legible("a\u{0}\r\nb"), "a\u{FFFD}\u{FFFD}\u{FFFD}b");
        assert!(matches!(legible("Küche"), Cow::Borrowed("Küche")));
    }
}
