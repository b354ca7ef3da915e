//! Checks a server's certificate: the fingerprint that is pinned, the chain up to somebody trusted, the name.

use std::fmt;
use std::sync::Arc;

use data_encoding::HEXLOWER_PERMISSIVE;
use ring::digest::{SHA256, digest};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme};

use super::names::Names;
use crate::channel::TlsFault;
use crate::worker::certificates::Facts;

/// The SHA-256 fingerprint of the only certificate that is accepted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Pin([u8; 32]);

impl Pin {
    /// Reads 64 hexadecimal digits, colons or not; `None` for an empty text.
    ///
    /// # Errors
    /// [`TlsFault::Fingerprint`] for anything else: nothing can have such a fingerprint.
    pub fn parse(text: &str) -> Result<Option<Self>, TlsFault> {
        if text.is_empty() {
            return Ok(None);
        }
        let digits: String = text.chars().filter(|c| *c != ':').collect();
        let bytes = HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).map_err(|_| TlsFault::Fingerprint)?;
        bytes.try_into().map(|bytes| Some(Self(bytes))).map_err(|_| TlsFault::Fingerprint)
    }

    fn is_of(self, certificate: &CertificateDer<'_>) -> bool {
        digest(&SHA256, certificate).as_ref() == self.0
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pin({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

/// Whom an account trusts.
#[derive(Debug)]
pub(super) struct Trust {
    /// The authorities.
    pub roots: RootCertStore,
    /// The certificates of the account's own file, each of which may also be the server's itself: who made one for one server
    /// gives it to the panel as it is.
    pub own: Vec<CertificateDer<'static>>,
}

/// The checks of one account. Without trust any certificate passes, but a pin still holds.
#[derive(Debug)]
pub(super) struct Verifier {
    trust: Option<Trust>,
    names: Names,
    pin: Option<Pin>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    /// The checks that `trust` and `pin` ask for.
    pub fn new(trust: Option<Trust>, names: Names, pin: Option<Pin>, algorithms: WebPkiSupportedAlgorithms) -> Self {
        Self { trust, names, pin, algorithms }
    }

    /// Whether nothing at all is checked: then there is nothing that a signature could prove.
    fn accepts_anything(&self) -> bool {
        self.trust.is_none() && self.pin.is_none()
    }

    fn chain(
        &self,
        trust: &Trust,
        leaf: &CertificateDer<'_>,
        facts: &Facts,
        between: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        if trust.own.iter().any(|own| own.as_ref() == leaf.as_ref()) {
            return in_time(facts, now);
        }
        let checked = ParsedCertificate::try_from(leaf).and_then(|parsed| {
            let algorithms = self.algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&parsed, &trust.roots, between, now, algorithms)
        });
        match checked {
            Err(Error::InvalidCertificate(error)) if is_untrusted(&error) => {
                let fault = if facts.is_self_issued { TlsFault::SelfSigned } else { TlsFault::UnknownAuthority };
                Err(failed(fault))
            }
            // A certificate of an authority that is nobody's but its own is refused for that by webpki, and not as unknown.
            Err(Error::InvalidCertificate(CertificateError::Other(_))) if facts.is_self_issued => {
                Err(failed(TlsFault::SelfSigned))
            }
            Err(_) if !facts.is_version_3 => {
                Err(failed(TlsFault::Handshake("the server's certificate is of an old kind, without names".to_owned())))
            }
            checked => checked,
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.pin.is_some_and(|pin| !pin.is_of(leaf)) {
            return Err(failed(TlsFault::Fingerprint));
        }
        if let Some(trust) = &self.trust {
            let facts = Facts::of(leaf).map_err(|_| Error::from(CertificateError::BadEncoding))?;
            self.chain(trust, leaf, &facts, between, now)?;
            if !self.names.bears(&facts, name) {
                let expected = name.to_str().into_owned();
                return Err(failed(TlsFault::WrongName { expected, found: facts.found() }));
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        signed: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if self.accepts_anything() {
            return Ok(HandshakeSignatureValid::assertion());
        }
        verify_tls12_signature(signed, leaf, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        signed: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if self.accepts_anything() {
            return Ok(HandshakeSignatureValid::assertion());
        }
        verify_tls13_signature(signed, leaf, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Whether nobody trusted has signed it: the issuer is unknown, or only bears a known name.
fn is_untrusted(error: &CertificateError) -> bool {
    matches!(error, CertificateError::UnknownIssuer | CertificateError::BadSignature)
}

fn in_time(facts: &Facts, now: UnixTime) -> Result<(), Error> {
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if now < facts.not_before {
        Err(CertificateError::NotValidYet.into())
    } else if now > facts.not_after {
        Err(CertificateError::Expired.into())
    } else {
        Ok(())
    }
}

/// A fault of ours on its way through rustls, which passes it on as it is.
fn failed(fault: TlsFault) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(fault))))
}
