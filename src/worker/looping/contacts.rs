//! Contacts between the screen, the control socket, the phone and the threads that read and write files.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::Loop;
use super::asked::Reply;
use crate::channel::{Command, ContactsImported, Event, Refusal};
use crate::worker::contacts::Done;
use crate::worker::control::contacts;
use crate::worker::errands::Waits;
use crate::worker::media::now;

impl Loop {
    /// What somebody wants of files of contacts; `waits` is who asked on the control socket.
    pub(super) fn contact_command(&mut self, command: Command, waits: Option<Reply>) {
        let (file, begun) = match command {
            Command::ImportContacts(file) => (file.clone(), self.contact_files.read(file, waits)),
            Command::ExportContacts(file) => {
                let book = self.phone.config().contacts.clone();
                (file.clone(), self.contact_files.write(file, book, waits))
            }
            _ => (PathBuf::new(), self.contact_files.look().map_err(|fault| (fault, waits))),
        };
        if let Err((fault, waits)) = begun {
            self.refuse_contacts(Refusal::ContactFile { file, fault: fault.into() }, waits);
        }
    }

    /// The address book, for who asked.
    pub(super) fn list_contacts(&self) -> Value {
        json!({"contacts": self.phone.config().contacts.iter().map(contacts::json).collect::<Vec<_>>()})
    }

    /// A thread has done its work.
    pub(super) fn contacts_done(&mut self, done: Done) {
        self.contact_files.settle();
        match done {
            Done::Read { file, result: Ok(mut read), waits } => {
                match self.phone.merge_contacts(now(), &read.contacts) {
                    Err(refusal) => self.refuse_contacts(refusal, waits),
                    Ok((tally, bad)) => {
                        read.blame_all(bad);
                        let (bad, more_bad) = (read.bad, read.more_bad);
                        let imported = ContactsImported { file, tally, bad, more_bad };
                        tracing::info!("contacts of {}: {tally:?}", imported.file.display());
                        match waits {
                            // Told once it is on the disk.
                            Some(reply) => self.answer_saved(reply, contacts::imported(&imported)),
                            None => self.tell(Event::ContactsImported(imported)),
                        }
                    }
                }
            }
            Done::Written { file, result: Ok(count), waits } => match waits {
                Some(reply) => drop(reply.send(Ok(json!({"file": file.display().to_string(), "contacts": count})))),
                None => self.tell(Event::ContactsExported { file, count }),
            },
            Done::Read { file, result: Err(fault), waits } | Done::Written { file, result: Err(fault), waits } => {
                self.refuse_contacts(Refusal::ContactFile { file, fault }, waits);
            }
            Done::Found { files, folders } => self.tell(Event::ContactFiles { files, folders }),
        }
    }

    fn refuse_contacts(&mut self, refusal: Refusal, waits: Waits) {
        match waits {
            // Who asked may have gone.
            Some(reply) => drop(reply.send(Err(refusal.to_string()))),
            None => self.phone.refuse(refusal),
        }
    }
}
