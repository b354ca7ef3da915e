//! The hash functions of digest authentication and their strength (RFC 7616 3.3, RFC 8760 2.1).

use md5::Md5;
use sha2::{Digest, Sha256, Sha512_256};

/// A hash function; a later one is stronger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hash {
    /// What every server of RFC 2617 has.
    Md5,
    /// SHA2-256.
    Sha256,
    /// SHA2-512/256.
    Sha512_256,
}

impl Hash {
    /// The hash of these bytes, in lower-case hexadecimal digits.
    pub(super) fn hex(self, bytes: &[u8]) -> String {
        match self {
            Hash::Md5 => hex(&Md5::digest(bytes)),
            Hash::Sha256 => hex(&Sha256::digest(bytes)),
            Hash::Sha512_256 => hex(&Sha512_256::digest(bytes)),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;

    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A hash function, and whether it hashes name, realm and password once for a whole session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Algorithm {
    /// The function.
    pub(super) hash: Hash,
    /// The `-sess` form: nonce and cnonce of the first answer go into the hash of the password (RFC 7616 3.4.2).
    pub(super) session: bool,
}

impl Algorithm {
    /// What an `algorithm` parameter names; none for one that is unknown here. Without one it is MD5. Spellings without
    /// the first hyphen are met.
    pub(super) fn named(name: Option<&str>) -> Option<Self> {
        let name = name.unwrap_or("MD5").to_ascii_uppercase();
        let (name, session) = match name.strip_suffix("-SESS") {
            Some(name) => (name, true),
            None => (name.as_str(), false),
        };
        let hash = match name {
            "MD5" => Hash::Md5,
            "SHA-256" | "SHA256" => Hash::Sha256,
            "SHA-512-256" | "SHA512-256" | "SHA-512/256" => Hash::Sha512_256,
            _ => return None,
        };
        Some(Algorithm { hash, session })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_of_nothing() {
        assert_eq!(Hash::Md5.hex(b""), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(Hash::Sha256.hex(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(Hash::Sha512_256.hex(b""), "c672b8d1ef56ed28ab87c3622c5114069bdd3ad7b8f9737498d0c01ecef0967a");
    }

    #[test]
    fn names_in_any_case() {
        let sess = Algorithm { hash: Hash::Sha256, session: true };
        assert_eq!(Algorithm::named(Some("sha-256-Sess")), Some(sess));
        assert_eq!(Algorithm::named(None), Some(Algorithm { hash: Hash::Md5, session: false }));
        assert_eq!(Algorithm::named(Some("SHA-1")), None);
        assert!(Hash::Sha512_256 > Hash::Sha256 && Hash::Sha256 > Hash::Md5);
    }
}
