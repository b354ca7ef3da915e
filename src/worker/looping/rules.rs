//! Files with dial rules: read in a thread of their own, because disks and sticks can be slow, then taken over by the phone.

use std::path::{Path, PathBuf};

use tokio::sync::mpsc::UnboundedSender;

use super::Loop;
use crate::channel::{Command, Refusal, RuleChange};
use crate::config::{FileError, FileFault};
use crate::worker::errands::{Errands, Waits};
use crate::worker::media::now;
use crate::worker::sticks::{self, Links};

/// The largest file that is read, in bytes; ten thousand full rules have room in it.
const LARGEST: u64 = 4 << 20;

/// The most files that are being read at a time.
const MOST_AT_WORK: usize = 2;

/// A file was read, or cannot be.
pub(super) struct Read {
    text: Result<String, FileError>,
    waits: Waits,
}

/// Gives files out to be read.
pub(super) fn errands(done: UnboundedSender<Read>) -> Errands<Read> {
    Errands::new("rules", MOST_AT_WORK, done)
}

impl Loop {
    /// Has a file of rules read; `waits` is who asked on the control socket.
    pub(super) fn import_rules(&mut self, file: PathBuf, waits: Waits) {
        let path = file.clone();
        let begun =
            self.rules.begin(waits, move |waits| Read { text: read(&path).map_err(|fault| fault.of(path)), waits });
        if let Err((fault, waits)) = begun {
            self.refuse_rules(fault.of(file), waits);
        }
    }

    /// A file was read.
    pub(super) fn rules_read(&mut self, read: Read) {
        self.rules.settle();
        let Read { text, waits } = read;
        match (text.map(RuleChange::Import).map(Command::Rules), waits) {
            (Err(error), waits) => self.refuse_rules(error, waits),
            (Ok(command), Some(reply)) => self.carry_out(command, reply),
            (Ok(command), None) => {
                if let Err(refusal) = self.phone.handle_command(now(), command) {
                    self.phone.refuse(refusal);
                }
            }
        }
    }

    fn refuse_rules(&mut self, error: FileError, waits: Waits) {
        match waits {
            // Who asked may have gone.
            Some(reply) => drop(reply.send(Err(error.to_string()))),
            None => self.phone.refuse(Refusal::RuleFile(error)),
        }
    }
}

fn read(path: &Path) -> Result<String, FileFault> {
    let bytes = sticks::bytes(path, Links::Followed, LARGEST)?;
    String::from_utf8(bytes).map_err(|_| FileFault::NotText)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_table_is_said() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("rules.csv");
        assert_eq!(read(folder.path()), Err(FileFault::NoFile));
        assert_eq!(read(&path), Err(FileFault::Missing));
        std::fs::write(&path, b"T\xfcr,9,101\n").expect("written");
        assert_eq!(read(&path), Err(FileFault::NotText));
        std::fs::File::create(&path).and_then(|file| file.set_len(LARGEST + 1)).expect("made");
        assert_eq!(read(&path), Err(FileFault::TooLarge(LARGEST)));
        std::fs::write(&path, "Tür,9,101\n").expect("written");
        assert_eq!(read(&path).as_deref(), Ok("Tür,9,101\n"));
    }
}
