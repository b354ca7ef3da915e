//! The PIN as it is kept: Argon2id (RFC 9106) as a PHC string.

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};

/// Memory for one hash, in KiB, and passes over it: what OWASP asks of Argon2id at the least, and what a core of a weak
/// panel does in half a second.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Bytes of salt (RFC 9106 3.1 recommends 16).
const SALT: usize = 16;

/// What a hash that came from elsewhere may cost at most: memory in KiB, passes, lanes.
const DEAREST: (u32, u32, u32) = (64 * 1024, 10, 4);

/// The PHC string of a PIN, with a salt of its own.
///
/// # Errors
/// In words, when the system gives no random bytes.
pub(super) fn hash(pin: &str) -> Result<String, String> {
    let mut salt = [0; SALT];
    getrandom::fill(&mut salt).map_err(|error| format!("no random bytes: {error}"))?;
    let salt = SaltString::encode_b64(&salt).map_err(|error| error.to_string())?;
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| error.to_string())?;
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon.hash_password(pin.as_bytes(), &salt).map(|hash| hash.to_string()).map_err(|error| error.to_string())
}

/// Whether `pin` is the one that was hashed to `phc`. What is no hash, or one that would cost too much, fits nothing.
pub(super) fn fits(pin: &str, phc: &str) -> bool {
    let Ok(hash) = PasswordHash::new(phc) else { return false };
    let Ok(params) = Params::try_from(&hash) else { return false };
    let (memory, passes, lanes) = DEAREST;
    if params.m_cost() > memory || params.t_cost() > passes || params.p_cost() > lanes {
        tracing::warn!("security.pin: a hash that costs more than {memory} KiB, {passes} passes, {lanes} lanes");
        return false;
    }
    // The parameters are those of the hash.
    Argon2::default().verify_password(pin.as_bytes(), &hash).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_fits_its_own_hash_and_no_other() {
        let phc = hash("4711").expect("random bytes");
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(fits("4711", &phc));
        assert!(!fits("4712", &phc));
        assert_ne!(hash("4711").expect("random bytes"), phc, "each has a salt of its own");
    }

    #[test]
    fn what_is_no_hash_or_too_dear_a_one_fits_nothing() {
        let phc = hash("4711").expect("random bytes");
        for bad in ["", "4711", "$argon2id$", &phc[..40], &phc.replace("m=19456", "m=4194304")] {
            assert!(!fits("4711", bad), "{bad}");
        }
    }
}
