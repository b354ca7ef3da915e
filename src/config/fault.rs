//! What can be wrong with our files, and with the devices that the settings name: facts, so that the screen can say them in its
//! own words. `Display` is the English sentence for logs and `ctl`.

use std::io;
use std::path::PathBuf;

/// Why a file cannot be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    /// The disk, or what this user may fill of it, is full.
    #[error("there is no room left on the disk")]
    NoRoom,
    /// The disk can be read and not written.
    #[error("the disk is read-only")]
    ReadOnly,
    /// The rights of file or folder forbid it.
    #[error("this program is not allowed to")]
    NotAllowed,
    /// It is not there, or the folder that it should be in is not.
    #[error("there is no such file or folder")]
    Missing,
    /// Another program holds it.
    #[error("another program uses it")]
    Busy,
    /// More than this many bytes.
    #[error("it is larger than {}", size(*.0))]
    TooLarge(u64),
    /// There are so many damaged files beside it that no other is put there.
    #[error("there are {0} damaged files already")]
    TooManyKept(usize),
    /// It is a folder, or something else that is no file.
    #[error("it is no file")]
    NoFile,
    /// A link that would lead elsewhere, where none is followed.
    #[error("it is a link to another place")]
    Link,
    /// It is not text in UTF-8.
    #[error("it is not text in UTF-8")]
    NotText,
    /// The thread that writes has ended.
    #[error("the thread that writes files is gone")]
    WriterGone,
    /// So many files are being read or written that one of them must be stuck.
    #[error("other files are not done yet: is a stick or disk broken?")]
    NotDone,
    /// Anything else, in the words of the system.
    #[error("{0}")]
    System(String),
}

/// A number of bytes as people say it.
pub fn size(bytes: u64) -> String {
    match bytes {
        0 => "0 bytes".to_owned(),
        _ if bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20),
        _ if bytes.is_multiple_of(1 << 10) => format!("{} KiB", bytes >> 10),
        _ => format!("{bytes} bytes"),
    }
}

impl From<io::Error> for FileFault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoRoom,
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            io::ErrorKind::PermissionDenied => Self::NotAllowed,
            io::ErrorKind::NotFound => Self::Missing,
            io::ErrorKind::ResourceBusy | io::ErrorKind::ExecutableFileBusy => Self::Busy,
            _ => Self::System(error.to_string()),
        }
    }
}

impl FileFault {
    /// The same of this file.
    pub fn of(self, file: impl Into<PathBuf>) -> FileError {
        FileError { file: file.into(), fault: self }
    }
}

/// A file that cannot be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {fault}", .file.display())]
pub struct FileError {
    /// The file.
    pub file: PathBuf,
    /// Why.
    pub fault: FileFault,
}

/// Why a microphone or a loudspeaker is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceFault {
    /// The system has no such device at all.
    #[error("there is none")]
    None,
    /// It has others, and none of this name.
    #[error("there is none named {0}")]
    NotNamed(String),
    /// It is there and cannot do what is needed of it.
    #[error("{0} cannot be used")]
    Unusable(String),
    /// It vanished.
    #[error("it has gone")]
    Gone,
    /// Access is not allowed.
    #[error("access to it was denied")]
    Denied,
    /// Another program has it for itself.
    #[error("another program uses it")]
    Busy,
    /// It is open and does not run.
    #[error("it does not run")]
    Stalled,
    /// The sound system gives no answer.
    #[error("the sound system does not answer")]
    NoAnswer,
    /// A file in its place cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file in its place is no WAV file, or one without sound.
    #[error("{} is no WAV file that can be used", .0.display())]
    NotWav(PathBuf),
    /// Anything else, in the words of the system.
    #[error("{0}")]
    System(String),
}

/// One thing that is wrong in a settings file. Values are shortened, and those of secrets left out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The file is there and cannot be read; the defaults are in force.
    #[error("{} cannot be read: {}", .0.file.display(), .0.fault)]
    Unreadable(FileError),
    /// It is not text.
    #[error("the file holds bytes that are not UTF-8")]
    NotUtf8,
    /// A damaged file is about to be overwritten, because no copy could be made.
    #[error("the damaged file cannot be kept aside: {0}")]
    NotKept(FileFault),
    /// A line that is not TOML and does not count.
    #[error("line {line}: '{text}': {parser}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What stands in it.
        text: String,
        /// What the parser expected.
        parser: String,
    },
    /// Too much of the file is not TOML.
    #[error("nothing else in the file can be read")]
    Rest,
    /// A value that its setting does not take; the default is in force.
    #[error("{key}: {problem}")]
    Value {
        /// The setting.
        key: String,
        /// What stands in the file.
        given: String,
        /// The English sentence, with the limit.
        problem: String,
    },
    /// A value that is good in itself and does not go together with another one; the default is in force.
    #[error("{key}: {problem}")]
    Contradiction {
        /// The setting.
        key: String,
        /// The English sentence.
        problem: String,
    },
    /// A key that this version does not know.
    #[error("{0}: there is no such setting; it is kept as it is")]
    Unknown(String),
    /// `contact` is something else than a list of tables.
    #[error("contact: is not a list of [[contact]] tables; it is kept as it is")]
    NoContacts,
    /// Something among the contacts is no table.
    #[error("contact: {0} is not a table; it is kept as it is")]
    NoContact(String),
    /// A contact without a name.
    #[error("contact: name is missing")]
    Nameless,
    /// A value of a contact, or of its door, that cannot be read and does not count.
    #[error("contact '{name}'{}: {key} = {given} is not {wanted}", if *.door { " door" } else { "" })]
    Contact {
        /// The contact.
        name: String,
        /// Whether it stands in `[contact.door]`.
        door: bool,
        /// The key.
        key: String,
        /// What stands in the file.
        given: String,
        /// What could stand there, in English.
        wanted: String,
    },
    /// `dial_rule` is something else than a list of tables.
    #[error("dial_rule: is not a list of [[dial_rule]] tables; it is kept as it is")]
    NoRules,
    /// Something among the dial rules is no table.
    #[error("dial_rule: {0} is not a table; it is kept as it is")]
    NoRule(String),
    /// More dial rules than can be in force.
    #[error("dial_rule: there are more than {0} rules; the others are kept as they are")]
    TooManyRules(usize),
    /// A dial rule that is not in force, because of one value.
    #[error("dial rule '{rule}': {key} = {given} — {problem}")]
    Rule {
        /// Its name, or its prefix.
        rule: String,
        /// The key.
        key: String,
        /// What stands in the file.
        given: String,
        /// The English sentence, with the limit.
        problem: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_can_do_something_about_has_a_name() {
        let fault = |errno: i32| FileFault::from(io::Error::from_raw_os_error(errno));
        assert_eq!(fault(libc::ENOSPC), FileFault::NoRoom);
        assert_eq!(fault(libc::EDQUOT), FileFault::NoRoom);
        assert_eq!(fault(libc::EROFS), FileFault::ReadOnly);
        assert_eq!(fault(libc::EACCES), FileFault::NotAllowed);
        assert_eq!(fault(libc::ENOENT), FileFault::Missing);
        assert_eq!(fault(libc::EBUSY), FileFault::Busy);
        let other = fault(libc::EIO).of("/data/calls.jsonl").to_string();
        assert!(other.starts_with("/data/calls.jsonl: ") && other.contains("os error 5"), "{other}");
    }
}
