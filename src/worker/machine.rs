//! What the kernel says about the machine beneath: whether its clock is set by others, how much room a disk has.

use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A clock that could be this far off, in µs, is not kept right by anybody; systemd asks the same.
const UNKEPT: libc::c_long = 16_000_000;

/// Whether somebody (NTP) keeps the system's clock right.
///
/// # Errors
/// When the system does not say.
#[allow(unsafe_code)]
pub fn is_clock_kept() -> io::Result<bool> {
    // SAFETY: all of its fields are integers, for which zero is a value; `modes` 0 asks and changes nothing.
    let mut state: libc::timex = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: the structure is a whole one and lives during the call.
    let outcome = unsafe { libc::adjtimex(&raw mut state) };
    if outcome < 0 { Err(io::Error::last_os_error()) } else { Ok(state.maxerror < UNKEPT) }
}

/// The bytes that this user can still write on the disk of `folder`.
///
/// # Errors
/// When there is no such folder, or the system does not say.
#[allow(unsafe_code)]
pub fn free_space(folder: &Path) -> io::Result<u64> {
    let path = CString::new(folder.as_os_str().as_bytes()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    // SAFETY: all of its fields are integers, for which zero is a value.
    let mut disk: libc::statvfs = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: the path ends with a zero, and the structure is a whole one; both live during the call.
    let outcome = unsafe { libc::statvfs(path.as_ptr(), &raw mut disk) };
    if outcome != 0 {
        return Err(io::Error::last_os_error());
    }
    #[allow(clippy::useless_conversion, reason = "both have 32 bits on some machines")]
    Ok(u64::from(disk.f_bavail).saturating_mul(u64::from(disk.f_frsize)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_lies_on_a_disk_and_what_is_not_there_on_none() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        assert!(free_space(folder.path()).expect("a disk") > 0);
        let missing = free_space(&folder.path().join("missing")).map_err(|error| error.kind());
        assert_eq!(missing, Err(io::ErrorKind::NotFound));
        let odd = free_space(Path::new("a\0b")).map_err(|error| error.kind());
        assert_eq!(odd, Err(io::ErrorKind::InvalidInput));
    }

    #[test]
    fn the_clock_is_asked_and_left_alone() {
        // Whoever may not set the clock may ask.
        assert!(is_clock_kept().is_ok());
    }
}
