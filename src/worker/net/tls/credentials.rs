//! What each account trusts and shows: read beside the loop when it is first needed, and kept until the settings change.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{OnceCell, oneshot};

use super::names::Names;
use super::{Client, client};
use crate::channel::{CertificateFault, TlsFault};
use crate::config::{Account, AccountConfig, FileFault};

/// The settings that TLS depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    pub verify: bool,
    /// By which rules a certificate bears a name.
    pub names: Names,
    /// Files of authorities beside those of the system.
    pub ca: Vec<String>,
    pub certificate: String,
    pub key: String,
    pub fingerprint: String,
}

impl Settings {
    /// Those of this account.
    pub fn of(config: &AccountConfig) -> Self {
        Self {
            verify: config.tls_verify,
            names: Names::Sip,
            ca: file(&config.tls_ca).collect(),
            certificate: config.tls_certificate.clone(),
            key: config.tls_key.clone(),
            fingerprint: config.tls_fingerprint.clone(),
        }
    }

    /// Those of doors that are asked by HTTPS: whom an account trusts for its server may be asked to vouch for a door. Their
    /// certificates are checked whatever the accounts do.
    pub fn of_doors(accounts: &[AccountConfig; 2]) -> Self {
        let ca = accounts.iter().flat_map(|account| file(&account.tls_ca)).collect();
        Self { verify: true, names: Names::Web, ca, ..Self::default() }
    }
}

fn file(name: &str) -> impl Iterator<Item = String> + use<> {
    (!name.is_empty()).then(|| name.to_owned()).into_iter()
}

/// Whom an account trusts and who we are to them.
#[derive(Clone, Debug)]
pub struct Credentials {
    settings: Settings,
    folder: PathBuf,
    /// Once it has been read; what cannot be read is tried again with the next connection.
    client: Arc<OnceCell<Client>>,
}

/// The credentials of both accounts, and for the doors.
#[derive(Debug)]
pub struct Keyring {
    folder: PathBuf,
    held: [Option<Credentials>; 2],
    for_doors: Option<Credentials>,
}

impl Keyring {
    /// Nothing is read yet; `folder` is where the files lie that the settings name.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), held: [None, None], for_doors: None }
    }

    /// Those of an account as it is set.
    pub fn of(&mut self, account: Account, config: &AccountConfig) -> Credentials {
        current(&mut self.held[account.index()], Settings::of(config), &self.folder)
    }

    /// Those for doors that are asked by HTTPS, as the accounts are set.
    pub fn of_doors(&mut self, accounts: &[AccountConfig; 2]) -> Credentials {
        current(&mut self.for_doors, Settings::of_doors(accounts), &self.folder)
    }

    /// Reads all files anew with the next connections: they may have been changed by others.
    pub fn forget(&mut self) {
        self.held = [None, None];
        self.for_doors = None;
    }
}

/// What is held, if it is of these settings; else new ones, which are held from then on.
fn current(held: &mut Option<Credentials>, settings: Settings, folder: &Path) -> Credentials {
    match held {
        Some(held) if held.settings == settings => held.clone(),
        held => held.insert(Credentials::new(settings, folder.to_owned())).clone(),
    }
}

impl Credentials {
    fn new(settings: Settings, folder: PathBuf) -> Self {
        Self { settings, folder, client: Arc::default() }
    }

    /// Reads the files, unless that was done before; in a thread, for disks can be slow.
    ///
    /// # Errors
    /// [`TlsFault::OurFile`].
    pub(in crate::worker) async fn client(&self) -> Result<&Client, TlsFault> {
        self.client.get_or_try_init(|| read(self.settings.clone(), self.folder.clone())).await
    }
}

async fn read(settings: Settings, folder: PathBuf) -> Result<Client, TlsFault> {
    let (tell, told) = oneshot::channel();
    let work = move || {
        // Whoever wanted it may have given up.
        let _ = tell.send(client(&settings, &folder));
    };
    match std::thread::Builder::new().name("credentials".into()).spawn(work) {
        Ok(_) => told.await.unwrap_or_else(|gone| {
            let fault = CertificateFault::from(FileFault::System(gone.to_string()));
            Err(TlsFault::OurFile(fault.into()))
        }),
        Err(error) => Err(TlsFault::OurFile(CertificateFault::from(FileFault::from(error)).into())),
    }
}

#[cfg(test)]
impl Credentials {
    /// These, read already.
    pub(super) fn read(client: Client) -> Self {
        Self {
            settings: Settings::default(),
            folder: PathBuf::new(),
            client: Arc::new(OnceCell::new_with(Some(client))),
        }
    }
}
