//! Certificates between the screen, the control socket, the settings and the threads that read files.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Loop;
use super::asked::Reply;
use crate::channel::{CertificateProblem, CertificateRole, Command, Event, Refusal};
use crate::config::{Account, Config};
use crate::worker::certificates::{Done, Listed};
use crate::worker::control::status;
use crate::worker::media::now;

/// How often it is looked when our own certificates run out.
const LOOK_AGAIN: Duration = Duration::from_secs(24 * 60 * 60);

impl Loop {
    /// Looks when our own certificates run out: at the start, each day, and when one is changed. What others may have changed
    /// on the disk is in force from then on.
    pub(super) fn look_at_expiry(&mut self) {
        self.keyring.forget();
        self.expiry_due = Some(Instant::now() + LOOK_AGAIN);
        if let Err(problem) = self.certificates.look_at_expiry(self.phone.config()) {
            tracing::warn!("certificates: {problem}");
        }
    }

    /// The settings in force may name another certificate.
    pub(super) fn settle_certificates(&mut self, config: &Config) {
        let set = Account::ALL.map(|account| config.account(account).tls_certificate.clone());
        if self.expiry_of.as_ref() != Some(&set) {
            self.expiry_of = Some(set);
            self.look_at_expiry();
        }
    }

    /// What somebody wants of certificates; `waits` is who asked on the control socket.
    pub(super) fn certificate_command(&mut self, command: Command, waits: Option<Reply>) {
        match command {
            Command::ImportCertificate { account, role, file } => {
                let begun = self.certificates.import(self.phone.config(), account, role, file, waits);
                if let Err((problem, waits)) = begun {
                    self.refuse_certificate(problem.into(), waits);
                }
            }
            _ => match self.certificates.look() {
                Ok(()) => answer(waits, Ok(json!({}))),
                Err(problem) => self.refuse_certificate(problem.into(), waits),
            },
        }
    }

    /// Lists the panel's own folder for who asked.
    pub(super) fn list_certificates(&mut self, reply: Reply) {
        if let Err((problem, waits)) = self.certificates.list(Some(reply)) {
            self.refuse_certificate(problem.into(), waits);
        }
    }

    /// A thread has done its work.
    pub(super) fn certificates_done(&mut self, done: Done) {
        self.certificates.settle();
        match done {
            Done::Imported { account, role, result: Ok(imported), waits } => {
                tracing::info!("{} of {account}: {}", role.label(), imported.name);
                let key = |role: CertificateRole| format!("account{}.{}", account.number(), role.key());
                let before = self.phone.config().clone();
                // The key that comes with a certificate takes the place of the one that is set.
                if imported.has_key {
                    self.set(key(CertificateRole::Key), String::new(), None);
                }
                self.set(key(role), imported.name, waits);
                // The same file again changes no setting, and yet whoever took it over waits for the settings.
                if *self.phone.config() == before {
                    self.keyring.forget();
                    self.phone.handle_certificate_file(now(), account);
                    self.tell(Event::Settings(before));
                }
            }
            Done::Imported { result: Err(problem), waits, .. } => self.refuse_certificate(problem, waits),
            Done::Candidates(found) => self.tell(Event::CertificateFiles(found)),
            Done::Listed(files, waits) => {
                let files: Vec<Value> = files.iter().map(|file| self.listed(file)).collect();
                answer(waits, Ok(json!({"folder": self.certificates.folder(), "files": files})));
            }
            Done::Expiries(at) => {
                for (account, at) in Account::ALL.into_iter().zip(at) {
                    self.phone.handle_certificate(now(), account, at);
                }
            }
        }
    }

    fn listed(&self, file: &Listed) -> Value {
        let config = self.phone.config();
        let used = Account::ALL
            .into_iter()
            .flat_map(|account| CertificateRole::ALL.map(|role| format!("account{}.{}", account.number(), role.key())));
        let used: Vec<String> = used.filter(|key| config.get(key).is_ok_and(|value| value == file.name)).collect();
        status::certificate(file, &used)
    }

    fn set(&mut self, key: String, value: String, waits: Option<Reply>) {
        let command = Command::Set { key, value };
        match waits {
            Some(reply) => self.carry_out(command, reply),
            None => {
                if let Err(refusal) = self.phone.handle_command(now(), command) {
                    self.phone.refuse(refusal);
                }
            }
        }
    }

    fn refuse_certificate(&mut self, problem: CertificateProblem, waits: Option<Reply>) {
        match waits {
            Some(_) => answer(waits, Err(problem.to_string())),
            None => self.phone.refuse(Refusal::Certificate(problem)),
        }
    }
}

fn answer(waits: Option<Reply>, outcome: Result<Value, String>) {
    if let Some(reply) = waits {
        // Who asked may have gone.
        let _ = reply.send(outcome);
    }
}
