//! Takes a file from somewhere else into the panel's own folder, once it is known to be what it should be.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use super::MOST_FILES;
use super::contents::{self, Contents, fits, pem_of_certificate, pem_of_key};
use crate::channel::{CertificateFault, CertificateProblem, CertificateRole};
use crate::config::{FileFault, write_atomically};
use crate::worker::sticks::Links;

/// The longest name that a file keeps, in characters, without its ending.
const LONGEST_STEM: usize = 48;

/// What came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The name of the file in the folder, for the setting.
    pub name: String,
    /// Whether the file of a client certificate holds its key as well: then no other is needed.
    pub has_key: bool,
}

/// Copies what `role` needs of `source` into the folder, as PEM. `other` is the file that a certificate or a key has to fit: the
/// key in force for a certificate, the certificate in force for a key.
///
/// # Errors
/// Which file, as what, and what is wrong; the folder is as it was.
pub fn import(
    folder: &Path,
    source: &Path,
    role: CertificateRole,
    other: Option<&Path>,
) -> Result<Imported, CertificateProblem> {
    let outcome = contents::bytes(source, Links::Refused)
        .and_then(|bytes| Contents::parse(&bytes))
        .and_then(|contents| taken(&contents, role, other))
        .and_then(|(text, has_key)| {
            let name = place(folder, source, role, &text)?;
            Ok(Imported { name, has_key })
        });
    outcome.map_err(|fault| CertificateProblem { file: Some((source.to_owned(), role)), fault })
}

/// The text to be kept, and whether there is a key in it beside a certificate.
fn taken(contents: &Contents, role: CertificateRole, other: Option<&Path>) -> Result<(String, bool), CertificateFault> {
    let certificates = || -> Result<String, CertificateFault> {
        Ok(contents.whole_certificates()?.iter().map(pem_of_certificate).collect())
    };
    match role {
        CertificateRole::Authority => Ok((certificates()?, false)),
        CertificateRole::Client if contents.keys.is_empty() => {
            let text = certificates()?;
            if let Some(key) = other {
                let (_, signing) = Contents::read(key)
                    .and_then(|held| held.key().map(|(key, signing)| (key.clone_key(), signing)))
                    .map_err(|fault| of_other(key, fault))?;
                if !contents.certificates.first().is_some_and(|first| fits(signing.as_ref(), first)) {
                    return Err(CertificateFault::OtherKey(name_of(key)));
                }
            }
            Ok((text, false))
        }
        CertificateRole::Client => {
            let text = certificates()?;
            let (key, signing) = contents.key()?;
            if !contents.certificates.first().is_some_and(|first| fits(signing.as_ref(), first)) {
                return Err(CertificateFault::NoPair);
            }
            Ok((text + &pem_of_key(key), true))
        }
        CertificateRole::Key => {
            let (key, signing) = contents.key()?;
            if let Some(certificate) = other {
                let held = Contents::read(certificate).map_err(|fault| of_other(certificate, fault))?;
                if !held.certificates.first().is_some_and(|first| fits(signing.as_ref(), first)) {
                    return Err(CertificateFault::OtherCertificate(name_of(certificate)));
                }
            }
            Ok((pem_of_key(key), false))
        }
    }
}

/// Puts the text into the folder under a name like that of its source, beside what has that name already.
fn place(folder: &Path, source: &Path, role: CertificateRole, text: &str) -> Result<String, CertificateFault> {
    let failed = |error: io::Error| CertificateFault::Folder(FileFault::from(error).of(folder));
    prepare(folder).map_err(failed)?;
    let stem = stem(source);
    let ending = if role == CertificateRole::Key { "key" } else { "pem" };
    for turn in 1..=MOST_FILES {
        let name = if turn == 1 { format!("{stem}.{ending}") } else { format!("{stem}-{turn}.{ending}") };
        let path = folder.join(&name);
        match fs::symlink_metadata(&path) {
            Ok(kind) => {
                if kind.is_file() && fs::read(&path).is_ok_and(|held| held == text.as_bytes()) {
                    return Ok(name);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let held = fs::read_dir(folder).map_err(failed)?.count();
                if held >= MOST_FILES {
                    return Err(CertificateFault::FolderFull { folder: folder.to_owned(), held });
                }
                write_atomically(&path, text.as_bytes()).map_err(failed)?;
                return Ok(name);
            }
            Err(error) => return Err(failed(error)),
        }
    }
    Err(CertificateFault::SameName(folder.to_owned()))
}

/// The folder, for the owner alone, whatever it was before.
fn prepare(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    if fs::metadata(folder)?.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// The name of the source without its ending, with nothing in it that a shell or a settings file would stumble over.
fn stem(source: &Path) -> String {
    let stem = source.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let plain: String = stem
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '-' })
        .take(LONGEST_STEM)
        .collect();
    match plain.trim_start_matches(['.', '-']) {
        "" => "certificate".to_owned(),
        plain => plain.to_owned(),
    }
}

fn of_other(path: &Path, fault: CertificateFault) -> CertificateFault {
    CertificateFault::Other { file: name_of(path), fault: Box::new(fault) }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
