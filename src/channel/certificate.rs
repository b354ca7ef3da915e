//! Why a file of certificates or keys cannot be used: facts, for the screen to say in its own words. `Display` is the
//! English phrase for logs and `ctl`.

use std::fmt;
use std::path::PathBuf;

use super::CertificateRole;
use crate::config::{FileError, FileFault};

/// A file that cannot be used, or be taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateProblem {
    /// Which file, and as what; nothing where it came to no file.
    pub file: Option<(PathBuf, CertificateRole)>,
    /// What is wrong.
    pub fault: CertificateFault,
}

impl fmt::Display for CertificateProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some((file, role)) => write!(f, "{} ({}): {}", file.display(), role.label(), self.fault),
            None => self.fault.fmt(f),
        }
    }
}

impl From<CertificateFault> for CertificateProblem {
    fn from(fault: CertificateFault) -> Self {
        Self { file: None, fault }
    }
}

/// What is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileFault),
    /// Something else than certificates and keys.
    #[error("there is neither a certificate nor a key in it (PEM or DER)")]
    Nothing,
    /// The text around them is not whole.
    #[error("the PEM in it is damaged")]
    DamagedPem,
    /// One certificate of it, counted from 1.
    #[error("certificate {0} in it is damaged")]
    Damaged(usize),
    /// Only a key.
    #[error("there is a key in it, and no certificate")]
    NoCertificate,
    /// Only a certificate.
    #[error("there is a certificate in it, and no key")]
    NoKey,
    /// So many keys that it is not clear which is meant.
    #[error("there are {0} keys in it, one is needed")]
    ManyKeys(usize),
    /// Nobody can be asked for a password.
    #[error("the key in it is locked with a password: unlock it first")]
    Locked,
    /// Nothing that we can sign with.
    #[error("the key in it is of no kind that is known here: RSA from 2048 bits, P-256, P-384, Ed25519")]
    UnknownKey,
    /// Certificate and key of one file are not a pair.
    #[error("the key in it does not fit its first certificate")]
    NoPair,
    /// The key that is set, in this file, is that of another certificate.
    #[error("it does not fit the key in {0}: empty the Client Key first, or take a file with both")]
    OtherKey(String),
    /// The certificate that is set, in this file, is that of another key.
    #[error("it does not fit the certificate in {0}: change the Client Certificate first")]
    OtherCertificate(String),
    /// The key that is set beside it, in this file, is that of another certificate.
    #[error("the key in {0} does not fit it")]
    KeyBeside(String),
    /// The file that it has to fit cannot be used itself.
    #[error("{file}, which it has to fit: {fault}")]
    Other {
        /// That file.
        file: String,
        /// What is wrong with it.
        fault: Box<CertificateFault>,
    },
    /// A certificate without its key, or a key without its certificate: that is not set.
    #[error("the {} that belongs to it is not set", .0.label())]
    Alone(CertificateRole),
    /// The panel's own folder takes nothing.
    #[error("{} cannot be written: {}", .0.file.display(), .0.fault)]
    Folder(FileError),
    /// The panel's own folder holds this many files, and no more.
    #[error("{} holds {held} files already: delete those not needed", .folder.display())]
    FolderFull {
        /// The folder.
        folder: PathBuf,
        /// How many are in it.
        held: usize,
    },
    /// Others of that name were there before.
    #[error("{} holds too many files of that name", .0.display())]
    SameName(PathBuf),
}
