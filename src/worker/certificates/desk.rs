//! The work with certificates that waits for disks, each piece in a thread of its own beside the loop.

use std::path::PathBuf;
use std::time::SystemTime;

use tokio::sync::mpsc::UnboundedSender;

use super::{Imported, Listed, Places, candidates, expiry, import, list};
use crate::channel::{CertificateFault, CertificateProblem, CertificateRole};
use crate::config::{Account, Config};
use crate::worker::errands::{Errands, Waits};

/// The most pieces of work at a time.
const MOST_AT_WORK: usize = 4;

/// What a thread has done.
#[derive(Debug)]
pub enum Done {
    /// Of [`Desk::import`].
    Imported {
        /// Whose.
        account: Account,
        /// As what.
        role: CertificateRole,
        /// The file in the folder, or what is wrong.
        result: Result<Imported, CertificateProblem>,
        /// Who waits for it.
        waits: Waits,
    },
    /// Of [`Desk::look`]: what could be imported.
    Candidates(Vec<PathBuf>),
    /// Of [`Desk::list`]: what was imported.
    Listed(Vec<Listed>, Waits),
    /// Of [`Desk::look_at_expiry`]: when the client certificates run out, Account 1 first; none where there is none that can be
    /// read.
    Expiries([Option<SystemTime>; 2]),
}

/// Gives work out.
#[derive(Debug)]
pub struct Desk {
    places: Places,
    errands: Errands<Done>,
}

impl Desk {
    /// Nothing to do yet; what is done is told on `done`, and each of it to [`Desk::settle`].
    pub fn new(places: Places, done: UnboundedSender<Done>) -> Self {
        Self { places, errands: Errands::new("certificates", MOST_AT_WORK, done) }
    }

    /// The panel's own folder.
    pub fn folder(&self) -> &std::path::Path {
        &self.places.folder
    }

    /// Takes a file into the folder for this account as it is set.
    ///
    /// # Errors
    /// Why nothing is done, with whoever waits.
    pub fn import(
        &mut self,
        config: &Config,
        account: Account,
        role: CertificateRole,
        file: PathBuf,
        waits: Waits,
    ) -> Result<(), (CertificateFault, Waits)> {
        let set = config.account(account);
        let other = match role {
            CertificateRole::Authority => "",
            CertificateRole::Client => &set.tls_key,
            CertificateRole::Key => &set.tls_certificate,
        };
        let other = (!other.is_empty()).then(|| self.places.folder.join(other));
        let folder = self.places.folder.clone();
        self.work(waits, move |waits| {
            let result = import(&folder, &file, role, other.as_deref());
            Done::Imported { account, role, result, waits }
        })
    }

    /// Looks for files on sticks.
    ///
    /// # Errors
    /// Why nothing is done.
    pub fn look(&mut self) -> Result<(), CertificateFault> {
        let sticks = self.places.sticks.clone();
        self.work(None, move |_| Done::Candidates(candidates(&sticks))).map_err(|(problem, _)| problem)
    }

    /// Looks what is in the folder.
    ///
    /// # Errors
    /// Why nothing is done, with whoever waits.
    pub fn list(&mut self, waits: Waits) -> Result<(), (CertificateFault, Waits)> {
        let folder = self.places.folder.clone();
        self.work(waits, move |waits| Done::Listed(list(&folder), waits))
    }

    /// Looks when the client certificates of both accounts run out.
    ///
    /// # Errors
    /// Why nothing is done.
    pub fn look_at_expiry(&mut self, config: &Config) -> Result<(), CertificateFault> {
        let files = Account::ALL.map(|account| {
            let certificate = &config.account(account).tls_certificate;
            (!certificate.is_empty()).then(|| self.places.folder.join(certificate))
        });
        let look = |file: Option<PathBuf>| {
            let file = file?;
            match expiry(&file) {
                Ok(at) => Some(at),
                Err(problem) => {
                    tracing::warn!("{}: {problem}", file.display());
                    None
                }
            }
        };
        self.work(None, move |_| Done::Expiries(files.map(look))).map_err(|(problem, _)| problem)
    }

    /// One piece of work is done.
    pub fn settle(&mut self) {
        self.errands.settle();
    }

    fn work(
        &mut self,
        waits: Waits,
        work: impl FnOnce(Waits) -> Done + Send + 'static,
    ) -> Result<(), (CertificateFault, Waits)> {
        self.errands.begin(waits, work).map_err(|(why, waits)| (why.into(), waits))
    }
}
