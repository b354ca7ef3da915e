//! What stands in a file of certificates and keys: PEM or DER.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use data_encoding::BASE64;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::{PemObject, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::SigningKey;

use super::facts::Facts;
use crate::channel::CertificateFault;
use crate::worker::sticks::{self, Links};

/// The largest file that is read, in bytes: all authorities of a system are in less.
pub(super) const LARGEST: u64 = 256 * 1024;

/// The certificates and keys of a file, in its order.
#[derive(Debug, Default)]
pub struct Contents {
    /// The certificates.
    pub certificates: Vec<CertificateDer<'static>>,
    /// The private keys.
    pub keys: Vec<PrivateKeyDer<'static>>,
    /// Whether there is a key that only a password opens.
    is_locked: bool,
}

impl Contents {
    /// Reads a file that a setting names.
    ///
    /// # Errors
    /// What is wrong.
    pub fn read(path: &Path) -> Result<Self, CertificateFault> {
        Self::parse(&bytes(path, Links::Followed)?)
    }

    /// Understands the bytes of a file.
    ///
    /// # Errors
    /// What is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, CertificateFault> {
        let text = plain(bytes);
        let contents = if contains(&text, b"-----BEGIN ") {
            Self::of_pem(&text)?
        } else {
            Self::of_der(bytes).unwrap_or_default()
        };
        if contents.certificates.is_empty() && contents.keys.is_empty() && !contents.is_locked {
            return Err(CertificateFault::Nothing);
        }
        Ok(contents)
    }

    fn of_pem(bytes: &[u8]) -> Result<Self, CertificateFault> {
        let is_locked =
            contains(bytes, b"-----BEGIN ENCRYPTED PRIVATE KEY-----") || contains(bytes, b"Proc-Type: 4,ENCRYPTED");
        let mut contents = Self { is_locked, ..Self::default() };
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(&in_lines(bytes)) {
            match section {
                Ok((SectionKind::Certificate, der)) => contents.certificates.push(der.into()),
                Ok((SectionKind::PrivateKey, der)) => contents.keys.push(PrivateKeyDer::Pkcs8(der.into())),
                Ok((SectionKind::EcPrivateKey, der)) => contents.keys.push(PrivateKeyDer::Sec1(der.into())),
                Ok((SectionKind::RsaPrivateKey, der)) => contents.keys.push(PrivateKeyDer::Pkcs1(der.into())),
                Ok(_) => {}
                // A key of the old form with a password has headers where others have only base64.
                Err(_) if is_locked => break,
                Err(_) => return Err(CertificateFault::DamagedPem),
            }
        }
        Ok(contents)
    }

    fn of_der(bytes: &[u8]) -> Option<Self> {
        if Facts::of(bytes).is_ok() {
            return Some(Self { certificates: vec![bytes.to_vec().into()], ..Self::default() });
        }
        let key = PrivateKeyDer::try_from(bytes.to_vec()).ok()?;
        Some(Self { keys: vec![key], ..Self::default() })
    }

    /// The certificates, each whole; there is at least one.
    ///
    /// # Errors
    /// What is wrong.
    pub fn whole_certificates(&self) -> Result<&[CertificateDer<'static>], CertificateFault> {
        if self.certificates.is_empty() {
            return Err(CertificateFault::NoCertificate);
        }
        for (place, certificate) in self.certificates.iter().enumerate() {
            Facts::of(certificate).map_err(|_| CertificateFault::Damaged(place + 1))?;
        }
        Ok(&self.certificates)
    }

    /// The one private key, ready to sign.
    ///
    /// # Errors
    /// What is wrong.
    pub fn key(&self) -> Result<(&PrivateKeyDer<'static>, Arc<dyn SigningKey>), CertificateFault> {
        let key = match self.keys.as_slice() {
            [key] => key,
            [] if self.is_locked => return Err(CertificateFault::Locked),
            [] => return Err(CertificateFault::NoKey),
            keys => return Err(CertificateFault::ManyKeys(keys.len())),
        };
        let signing = default_provider()
            .key_provider
            .load_private_key(key.clone_key())
            .map_err(|_| CertificateFault::UnknownKey)?;
        Ok((key, signing))
    }
}

/// One byte for each letter where the mark before a text says that there are two (UTF-16): what is no letter of PEM may be
/// anything. A certificate in DER begins with no such mark.
fn plain(bytes: &[u8]) -> Cow<'_, [u8]> {
    let (letters, unit): (_, fn([u8; 2]) -> u16) = match bytes {
        [0xFF, 0xFE, letters @ ..] => (letters, u16::from_le_bytes),
        [0xFE, 0xFF, letters @ ..] => (letters, u16::from_be_bytes),
        _ => return Cow::Borrowed(bytes),
    };
    let letters = letters.as_chunks().0.iter().map(|pair| u8::try_from(unit(*pair)).unwrap_or(b'?'));
    Cow::Owned(letters.collect())
}

/// Each boundary of PEM on a line of its own (RFC 7468 3), as it is not where files were joined that have no end of line, or
/// each a mark before it, or where the text is indented.
fn in_lines(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text).replace('\u{FEFF}', "").replace("-----BEGIN ", "\n-----BEGIN ");
    text.lines().map(str::trim).collect::<Vec<_>>().join("\n").into_bytes()
}

/// Whether this key is that of the certificate; a key that does not tell is believed.
pub fn fits(key: &dyn SigningKey, certificate: &CertificateDer<'_>) -> bool {
    match (key.public_key(), Facts::of(certificate)) {
        (Some(public), Ok(facts)) => public.as_ref() == facts.public_key,
        (None, Ok(_)) => true,
        (_, Err(_)) => false,
    }
}

/// The text of a certificate.
pub(super) fn pem_of_certificate(certificate: &CertificateDer<'_>) -> String {
    pem("CERTIFICATE", certificate)
}

/// The text of a key, in the form that it has.
pub(in super::super) fn pem_of_key(key: &PrivateKeyDer<'_>) -> String {
    let label = match key {
        PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
        PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
        _ => "PRIVATE KEY",
    };
    pem(label, key.secret_der())
}

/// RFC 7468: 64 characters a line.
fn pem(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in der.chunks(48) {
        text.push_str(&BASE64.encode(line));
        text.push('\n');
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

/// All bytes of a file of bounded size.
///
/// # Errors
/// Why it cannot be read.
pub(super) fn bytes(path: &Path, links: Links) -> Result<Vec<u8>, CertificateFault> {
    Ok(sticks::bytes(path, links, LARGEST)?)
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
