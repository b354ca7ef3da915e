//! The smallest pieces of the grammar (RFC 3261 25.1): tokens, white space, quoted strings, splitting outside quotes.

use std::borrow::Cow;
use std::ops::Range;

use super::Malformed;

/// Which bytes may stand in a token.
const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~');
        byte += 1;
    }
    table
};

/// How many bytes at the beginning of `text` are such. Only ASCII is, or all that is not.
#[inline]
pub(in crate::sip) fn count(text: &str, is_such: impl Fn(u8) -> bool) -> usize {
    text.bytes().position(|byte| !is_such(byte)).unwrap_or(text.len())
}

/// Whether `text` is a token: at least one character, none of them a separator.
#[inline]
pub(in crate::sip) fn is_token(text: &str) -> bool {
    is_token_bytes(text.as_bytes())
}

/// [`is_token`] of bytes.
#[inline]
pub(in crate::sip) fn is_token_bytes(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| TOKEN[usize::from(*byte)])
}

/// How many bytes of white space `text` begins with.
#[inline]
pub(in crate::sip) fn spaces(text: &str) -> usize {
    count(text, is_space_byte)
}

/// Whether `character` is white space within a line.
pub(in crate::sip) fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t')
}

/// [`is_space`] of a byte.
#[inline]
fn is_space_byte(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Where in `bytes` all is but the white space around it.
#[inline]
pub(in crate::sip) fn trimmed(bytes: &[u8]) -> Range<usize> {
    let start = bytes.iter().position(|byte| !is_space_byte(*byte)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|byte| !is_space_byte(*byte)).map_or(start, |last| last + 1);
    start..end
}

/// `text` without the white space around it.
#[inline]
pub(in crate::sip) fn trim(text: &str) -> &str {
    &text[trimmed(text.as_bytes())]
}

/// The position of the first `wanted`. Eight bytes are looked at in one step.
pub(in crate::sip) fn find(bytes: &[u8], wanted: u8) -> Option<usize> {
    const LOWEST: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGHEST: u64 = u64::from_ne_bytes([0x80; 8]);
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        // Zero where the byte is, and taking one from a zero sets its highest bit: in the first of them for certain.
        let differs = u64::from_le_bytes(*word) ^ u64::from_ne_bytes([wanted; 8]);
        let found = differs.wrapping_sub(LOWEST) & !differs & HIGHEST;
        if found != 0 {
            return Some(8 * index + found.trailing_zeros() as usize / 8);
        }
    }
    rest.iter().position(|byte| *byte == wanted).map(|at| 8 * words.len() + at)
}

/// The position of the first byte that is such together with the one behind it.
#[inline]
pub(in crate::sip) fn find_pair(bytes: &[u8], is_such: impl Fn(u8, u8) -> bool) -> Option<usize> {
    const STEP: usize = 64;
    let mut at = 0;
    // Without a way out within a step, so that many bytes are looked at together.
    while let Some(step) = bytes[at..].first_chunk::<{ STEP + 1 }>()
        && !step[..STEP].iter().zip(&step[1..]).fold(false, |found, (one, next)| found | is_such(*one, *next))
    {
        at += STEP;
    }
    bytes[at..].windows(2).position(|pair| is_such(pair[0], pair[1])).map(|found| at + found)
}

/// What is before and what is behind the first `separator`, which is ASCII.
#[inline]
pub(in crate::sip) fn split_once(text: &str, separator: u8) -> Option<(&str, &str)> {
    let at = find(text.as_bytes(), separator)?;
    Some((&text[..at], &text[at + 1..]))
}

/// What is before and what is behind the first white space.
#[inline]
pub(in crate::sip) fn split_at_space(text: &str) -> Option<(&str, &str)> {
    let at = text.bytes().position(is_space_byte)?;
    Some((&text[..at], &text[at + 1..]))
}

/// The position of the first `wanted` that is in neither a quoted string nor angle brackets. An open quote or bracket
/// runs to the end of the text. `wanted` is ASCII.
pub(in crate::sip) fn find_outside(text: &str, wanted: u8) -> Option<usize> {
    let bytes = text.as_bytes();
    // Most often there is none, or nothing before it that could enclose it.
    let first = find(bytes, wanted)?;
    if !bytes[..first].iter().any(|byte| matches!(byte, b'"' | b'<')) {
        return Some(first);
    }
    let mut at = 0;
    while let Some(opening) = bytes[at..].iter().position(|byte| *byte == wanted || matches!(byte, b'"' | b'<')) {
        at += opening;
        at += match bytes[at] {
            byte if byte == wanted => return Some(at),
            b'"' => quoted_len(&text[at..]).ok()?,
            _ => find(&bytes[at..], b'>')? + 1,
        };
    }
    None
}

/// The pieces of `text` between `separator`s that are in neither a quoted string nor angle brackets, trimmed.
#[inline]
pub(in crate::sip) fn split_outside(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let here = rest?;
        match find_outside(here, separator) {
            Some(at) => {
                rest = Some(&here[at + 1..]);
                Some(trim(&here[..at]))
            }
            None => {
                rest = None;
                Some(trim(here))
            }
        }
    })
}

/// The first element of a comma list, trimmed.
pub(in crate::sip) fn first_of_list(text: &str) -> &str {
    split_outside(text, b',').next().unwrap_or_default()
}

/// How far it is to what follows the first element of a comma list; to the end when nothing does.
pub(in crate::sip) fn behind_first(text: &str) -> usize {
    find_outside(text, b',').map_or(text.len(), |at| at + 1 + spaces(&text[at + 1..]))
}

/// The length in bytes, quotes included, of the quoted string that `text` begins with.
pub(in crate::sip) fn quoted_len(text: &str) -> Result<usize, Malformed> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Ok(at + 1),
            _ => {}
        }
    }
    Err(Malformed("unbalanced quotes"))
}

/// What a quoted string says, or the text itself when it is not quoted.
pub(in crate::sip) fn unquote(text: &str) -> Cow<'_, str> {
    let Some(inner) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return Cow::Borrowed(text);
    };
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut plain = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => plain.extend(characters.next()),
            other => plain.push(other),
        }
    }
    Cow::Owned(plain)
}

/// `text` as a quoted string, with quotes and backslashes escaped.
pub(in crate::sip) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('"');
    quoted
}

/// A number of digits only: no sign, no spaces.
pub(in crate::sip) fn digits<T: std::str::FromStr>(text: &str) -> Option<T> {
    let only_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    only_digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_only_outside_quotes_and_brackets() {
        let text = r#""a, \", b" <sip:x,y@h> ,c,"d,"#;
        assert_eq!(split_outside(text, b',').collect::<Vec<_>>(), [r#""a, \", b" <sip:x,y@h>"#, "c", "\"d,"]);
        assert_eq!(split_outside("", b',').collect::<Vec<_>>(), [""]);
    }

    #[test]
    fn a_byte_is_found_wherever_it_stands() {
        for len in 0..40 {
            assert_eq!(find(&vec![b'a'; len], b'b'), None);
            // Bytes beside it that a borrow or a carry could take for it.
            for others in [b'a', 0, b'b' - 1, b'b' + 1, b'b' | 0x80, 0xFF] {
                for at in 0..len {
                    let mut bytes = vec![others; len];
                    bytes[at] = b'b';
                    bytes[len - 1] = b'b';
                    assert_eq!(find(&bytes, b'b'), Some(at), "{others} {at} of {len}");
                }
            }
        }
    }

    #[test]
    fn quoting_and_unquoting_agree() {
        let odd = "a\"b\\c\u{7}";
        assert_eq!(unquote(&quote(odd)), odd);
        assert_eq!(unquote("plain"), "plain");
        assert_eq!(unquote(r#""plain""#), "plain");
        assert_eq!(quoted_len(r#""a\"b" rest"#), Ok(6));
        assert!(quoted_len(r#""a\""#).is_err());
    }

    #[test]
    fn digits_have_no_sign() {
        assert_eq!(digits::<u16>("05060"), Some(5060));
        assert_eq!(digits::<u16>("+5060"), None);
        assert_eq!(digits::<u16>("99999"), None);
        assert_eq!(digits::<u16>(""), None);
    }
}
