//! Files with dial rules: read in a thread of their own, because disks and sticks can be slow, then taken over by the phone.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use tokio::sync::mpsc::UnboundedSender;

use super::Loop;
use super::asked::Reply;
use crate::channel::{Command, Refusal, RuleChange};
use crate::config::{FileError, FileFault};
use crate::worker::media::now;

/// The largest file that is read, in bytes; ten thousand full rules have room in it.
const LARGEST: u64 = 4 << 20;

/// The most files that are being read at a time.
const MOST_AT_WORK: usize = 2;

/// A file was read, or cannot be.
pub(super) struct Read {
    text: Result<String, FileError>,
    waits: Option<Reply>,
}

/// Gives files out to be read.
pub(super) struct Desk {
    at_work: usize,
    done: UnboundedSender<Read>,
}

impl Desk {
    /// Nothing to do yet; what was read is told on `done`.
    pub(super) fn new(done: UnboundedSender<Read>) -> Self {
        Self { at_work: 0, done }
    }
}

impl Loop {
    /// Has a file of rules read; `waits` is who asked on the control socket.
    pub(super) fn import_rules(&mut self, file: PathBuf, waits: Option<Reply>) {
        if self.rules.at_work >= MOST_AT_WORK {
            let fault = FileFault::System("other files are still being read: is a stick broken?".to_owned());
            return self.refuse_rules(fault.of(file), waits);
        }
        // Whoever waits goes along, and comes back if there is no thread.
        let (hand, taken) = std::sync::mpsc::channel();
        let (done, path) = (self.rules.done.clone(), file.clone());
        let begun = std::thread::Builder::new().name("rules".into()).spawn(move || {
            let text = read(&path).map_err(|fault| fault.of(path));
            if let Ok(waits) = taken.recv() {
                // The loop may have left.
                let _ = done.send(Read { text, waits });
            }
        });
        match begun {
            Ok(_) => {
                self.rules.at_work += 1;
                let _ = hand.send(waits);
            }
            Err(error) => self.refuse_rules(FileFault::from(error).of(file), waits),
        }
    }

    /// A file was read.
    pub(super) fn rules_read(&mut self, read: Read) {
        self.rules.at_work = self.rules.at_work.saturating_sub(1);
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

    fn refuse_rules(&mut self, error: FileError, waits: Option<Reply>) {
        match waits {
            // Who asked may have gone.
            Some(reply) => drop(reply.send(Err(error.to_string()))),
            None => self.phone.refuse(Refusal::RuleFile(error)),
        }
    }
}

fn read(path: &Path) -> Result<String, FileFault> {
    let file = std::fs::metadata(path)?;
    if !file.is_file() {
        return Err(FileFault::NoFile);
    }
    let mut bytes = Vec::new();
    let count = std::fs::File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if count as u64 > LARGEST {
        return Err(FileFault::TooLarge(LARGEST));
    }
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
        assert!(matches!(read(&path), Err(FileFault::System(_))));
        std::fs::write(&path, b"T\xfcr,9,101\n").expect("written");
        assert_eq!(read(&path), Err(FileFault::NotText));
        std::fs::File::create(&path).and_then(|file| file.set_len(LARGEST + 1)).expect("made");
        assert_eq!(read(&path), Err(FileFault::TooLarge(LARGEST)));
        std::fs::write(&path, "Tür,9,101\n").expect("written");
        assert_eq!(read(&path).as_deref(), Ok("Tür,9,101\n"));
    }
}
