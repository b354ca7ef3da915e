//! What can stand in `security.pin`: nothing, the digits of a PIN, or what is kept in their place.

/// Digits of a PIN.
const DIGITS: std::ops::RangeInclusive<usize> = 4..=12;
/// How a hash by Argon2id begins as a PHC string, and how many parts it has: nothing, the algorithm, the version, the
/// parameters, the salt and the hash.
const HASHED: &str = "$argon2id$v=19$";
const PARTS: usize = 6;

/// Whether this is a PIN as somebody types it: 4–12 digits.
pub fn is_pin(text: &str) -> bool {
    DIGITS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Says what is wrong, without a word of it.
pub(super) fn check(text: &str) -> Result<(), String> {
    let hashed = || {
        text.starts_with(HASHED)
            && text.split('$').count() == PARTS
            && text.split('$').skip(1).all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_graphic()))
    };
    if text.is_empty() || is_pin(text) || hashed() {
        return Ok(());
    }
    Err("a PIN has 4–12 digits".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_digits_or_what_they_were_hashed_to() {
        for good in ["", "1234", "123456789012", "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in
            ["123", "1234567890123", "12a4", "１２３４", "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA", "$argon2i$v=19$a$b$c"]
        {
            assert_eq!(check(bad), Err("a PIN has 4–12 digits".to_owned()), "{bad}");
        }
    }
}
