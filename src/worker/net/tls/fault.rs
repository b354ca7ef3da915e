//! What went wrong with TLS, in the words of the panel.

use std::io;

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible};

use super::Ours;
use crate::channel::TlsFault;

/// The longest sentence of somebody else's that is repeated, in characters.
const LONGEST: usize = 120;

/// Why the handshake failed.
pub(in super::super) fn fault_of(error: &io::Error, ours: &Ours) -> TlsFault {
    match told(error) {
        Some(error) => of_rustls(error, ours),
        None if ours.was_asked_in_vain() => TlsFault::ClientCertificate,
        None if error.kind() == io::ErrorKind::UnexpectedEof => handshake("the other side closed the connection"),
        None => TlsFault::Handshake(error.to_string()),
    }
}

/// Why a connection ended that stood already, if that is a matter of TLS. By TLS 1.3 a server says only now that it does not
/// accept our certificate (RFC 8446 4.4.2.4).
pub(in super::super) fn farewell_of(error: &io::Error, ours: &Ours) -> Option<TlsFault> {
    told(error).map(|error| of_rustls(error, ours))
}

fn told(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

fn of_rustls(error: &Error, ours: &Ours) -> TlsFault {
    match error {
        Error::InvalidCertificate(error) => of_certificate(error),
        Error::AlertReceived(alert) => of_alert(*alert, ours),
        Error::InvalidMessage(
            InvalidMessage::InvalidContentType
            | InvalidMessage::UnknownProtocolVersion
            | InvalidMessage::MessageTooLarge
            | InvalidMessage::InvalidEmptyPayload,
        ) => handshake("the other side does not speak TLS"),
        Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13 | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => handshake("the server offers no version that is still safe, TLS 1.2 or 1.3"),
        error => TlsFault::Handshake(error.to_string().chars().take(LONGEST).collect()),
    }
}

fn of_certificate(error: &CertificateError) -> TlsFault {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => TlsFault::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => TlsFault::NotYetValid,
        CertificateError::UnknownIssuer => TlsFault::UnknownAuthority,
        CertificateError::BadEncoding => handshake("the server's certificate is damaged"),
        CertificateError::BadSignature => handshake("the server does not hold the key of its certificate"),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            handshake("the server's certificate is not one for servers")
        }
        CertificateError::Revoked => handshake("the server's certificate was revoked"),
        CertificateError::Other(other) => match other.0.downcast_ref::<TlsFault>() {
            Some(fault) => fault.clone(),
            None => unusable(&other.to_string()),
        },
        error => unusable(&error.to_string()),
    }
}

/// RFC 8446 6.2, RFC 5246 7.2.2.
fn of_alert(alert: AlertDescription, ours: &Ours) -> TlsFault {
    match alert {
        AlertDescription::NoCertificate
        | AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnknownCA
        | AlertDescription::AccessDenied
        | AlertDescription::CertificateRequired => TlsFault::ClientCertificate,
        // By TLS 1.2 this is what follows when a certificate is missing.
        AlertDescription::HandshakeFailure if ours.was_asked() => TlsFault::ClientCertificate,
        AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => {
            handshake("the server agrees to no cipher that is still safe")
        }
        AlertDescription::ProtocolVersion => {
            handshake("the server offers no version that is still safe, TLS 1.2 or 1.3")
        }
        AlertDescription::UnrecognisedName => handshake("the server does not know the name that it was asked for"),
        alert => TlsFault::Handshake(format!("the server refuses it: {alert:?}")),
    }
}

fn unusable(why: &str) -> TlsFault {
    TlsFault::Handshake(format!("the server's certificate cannot be used: {why}").chars().take(LONGEST).collect())
}

fn handshake(words: &str) -> TlsFault {
    TlsFault::Handshake(words.to_owned())
}
