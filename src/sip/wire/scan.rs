//! The smallest pieces of the grammar (RFC 3261 25.1): tokens, white space, quoted strings, splitting outside quotes.

use std::borrow::Cow;

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

/// Whether `text` is a token: at least one character, none of them a separator.
pub(in crate::sip) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| TOKEN[usize::from(byte)])
}

/// Whether `character` is white space within a line.
pub(in crate::sip) fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t')
}

/// `text` without the white space around it.
pub(in crate::sip) fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// The position of the first `wanted` that is in neither a quoted string nor angle brackets. An open quote or bracket
/// runs to the end of the text. `wanted` is ASCII.
pub(in crate::sip) fn find_outside(text: &str, wanted: u8) -> Option<usize> {
    let (mut quoted, mut escaped, mut bracketed) = (false, false, false);
    for (at, byte) in text.bytes().enumerate() {
        if quoted {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = false,
                _ => {}
            }
        } else if byte == wanted && !bracketed {
            return Some(at);
        } else {
            match byte {
                b'"' if !bracketed => quoted = true,
                b'<' => bracketed = true,
                b'>' => bracketed = false,
                _ => {}
            }
        }
    }
    None
}

/// The pieces of `text` between `separator`s that are in neither a quoted string nor angle brackets, trimmed.
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

/// What follows the first element of a comma list, trimmed; empty when nothing does.
pub(in crate::sip) fn rest_of_list(text: &str) -> &str {
    find_outside(text, b',').map_or("", |at| trim(&text[at + 1..]))
}

/// The length in bytes, quotes included, of the quoted string that `text` begins with.
pub(in crate::sip) fn quoted_len(text: &str) -> Result<usize, Malformed> {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Ok(at + 1),
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
