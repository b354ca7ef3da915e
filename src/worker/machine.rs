//! What the kernel says about the machine beneath: whether its clock is set by others, how much room a disk has; and what it is
//! given back.

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

/// Lets go of all code that lies in files: the system has it again when it wants the room, and gives it again at the first
/// touch. How many bytes that were.
///
/// # Errors
/// When the system does not say what is mapped.
#[allow(unsafe_code)]
pub fn let_go_of_code() -> io::Result<u64> {
    let program = std::fs::read_link("/proc/self/exe")?;
    let maps = std::fs::read_to_string("/proc/self/smaps")?;
    let mut bytes = 0;
    for Mapping { start, length, resident } in unchanged(&maps, &program.to_string_lossy()) {
        // SAFETY: nobody may write there, and nothing of it was changed: each page is in the file as it is here, and comes
        // from there again when it is read.
        if unsafe { libc::madvise(start as *mut libc::c_void, length, libc::MADV_DONTNEED) } == 0 {
            bytes += resident;
        }
    }
    Ok(bytes)
}

/// A part of a file in memory.
#[derive(Debug, PartialEq, Eq)]
struct Mapping {
    start: usize,
    length: usize,
    /// What of it is in memory, in bytes.
    resident: u64,
}

/// The code of all files, and the beginning of the program, where its constants are, as far as it is what the files hold (proc(5),
/// smaps). What is relocated when it is loaded lies further behind.
fn unchanged(maps: &str, program: &str) -> Vec<Mapping> {
    let mut found = Vec::new();
    let mut last = None;
    for line in maps.lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some(first), Some(second)) = (words.next(), words.next()) else { continue };
        if let Some((start, end)) = first.split_once('-') {
            let is_first = words.next() == Some("00000000");
            let file = words.nth(2).unwrap_or_default();
            let is_wanted =
                (second == "r-xp" && file.starts_with('/')) || (second == "r--p" && is_first && file == program);
            let range = usize::from_str_radix(start, 16).ok().zip(usize::from_str_radix(end, 16).ok());
            last = range.filter(|_| is_wanted).map(|(start, end)| Mapping {
                start,
                length: end.saturating_sub(start),
                resident: 0,
            });
        } else if let Ok(kilobytes) = second.parse::<u64>() {
            match (first, &mut last) {
                ("Rss:", Some(mapping)) => mapping.resident = kilobytes * 1024,
                ("Anonymous:", Some(_)) if kilobytes == 0 => found.extend(last.take()),
                ("Anonymous:", _) => last = None,
                _ => {}
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_let_go_of_and_comes_back() {
        let resident = || {
            let status = std::fs::read_to_string("/proc/self/status").expect("there is /proc");
            let line = status.lines().find_map(|line| line.strip_prefix("RssFile:")).expect("it is there").to_owned();
            line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
        };
        let before = resident();
        let given = let_go_of_code().expect("there is /proc");
        assert!(given > 0 && resident() < before, "{given} of {before} bytes, then {}", resident());
        // Whoever reads this has its code again.
        assert!(let_go_of_code().expect("there is /proc") > 0);
    }

    #[test]
    fn what_may_have_changed_is_kept() {
        let maps = "\
            1000-3000 r--p 00000000 fe:00 1 /usr/bin/vestibule\nRss: 4 kB\nAnonymous: 0 kB\nVmFlags: rd\n\
            3000-5000 r-xp 00002000 fe:00 1 /usr/bin/vestibule\nRss: 8 kB\nAnonymous: 0 kB\n\
            d000-e000 r-xp 00003000 fe:00 1 /usr/bin/vestibule\nRss: 4 kB\nAnonymous: 4 kB\n\
            5000-6000 r--p 00004000 fe:00 1 /usr/bin/vestibule\nRss: 4 kB\nAnonymous: 0 kB\n\
            6000-7000 rw-p 00005000 fe:00 1 /usr/bin/vestibule\nRss: 4 kB\nAnonymous: 0 kB\n\
            7000-8000 r--p 00000000 fe:00 2 /usr/lib/libc.so.6\nRss: 4 kB\nAnonymous: 0 kB\n\
            8000-9000 r-xp 00001000 fe:00 2 /usr/lib/libc.so.6\nRss: 4 kB\nAnonymous: 0 kB\n\
            9000-a000 r-xp 00000000 00:00 0 [vdso]\nRss: 4 kB\nAnonymous: 0 kB\n\
            b000-c000 r-xp 00000000 00:00 0\nRss: 4 kB\nAnonymous: 0 kB\n";
        let mapping = |start, length, resident| Mapping { start, length, resident };
        let expected = [mapping(0x1000, 0x2000, 4096), mapping(0x3000, 0x2000, 8192), mapping(0x8000, 0x1000, 4096)];
        assert_eq!(unchanged(maps, "/usr/bin/vestibule"), expected);
    }

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
