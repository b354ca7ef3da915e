//! What each account trusts and shows: read beside the loop when it is first needed, and kept until the settings change.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{OnceCell, oneshot};

use super::{Client, client};
use crate::channel::{CertificateFault, TlsFault};
use crate::config::{Account, AccountConfig, FileFault};

/// The settings of an account that TLS depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    pub verify: bool,
    pub ca: String,
    pub certificate: String,
    pub key: String,
    pub fingerprint: String,
}

impl Settings {
    /// Those of this account.
    pub fn of(config: &AccountConfig) -> Self {
        Self {
            verify: config.tls_verify,
            ca: config.tls_ca.clone(),
            certificate: config.tls_certificate.clone(),
            key: config.tls_key.clone(),
            fingerprint: config.tls_fingerprint.clone(),
        }
    }
}

/// Whom an account trusts and who we are to them.
#[derive(Clone, Debug)]
pub struct Credentials {
    settings: Settings,
    folder: PathBuf,
    /// Once it has been read; what cannot be read is tried again with the next connection.
    client: Arc<OnceCell<Client>>,
}

/// The credentials of both accounts.
#[derive(Debug)]
pub struct Keyring {
    folder: PathBuf,
    held: [Option<Credentials>; 2],
}

impl Keyring {
    /// Nothing is read yet; `folder` is where the files lie that the settings name.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), held: [None, None] }
    }

    /// Those of an account as it is set.
    pub fn of(&mut self, account: Account, config: &AccountConfig) -> Credentials {
        let settings = Settings::of(config);
        let held = &mut self.held[account.index()];
        if let Some(held) = held
            && held.settings == settings
        {
            return held.clone();
        }
        held.insert(Credentials::new(settings, self.folder.clone())).clone()
    }

    /// Reads all files anew with the next connections: they may have been changed by others.
    pub fn forget(&mut self) {
        self.held = [None, None];
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
    pub(in super::super) async fn client(&self) -> Result<&Client, TlsFault> {
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
