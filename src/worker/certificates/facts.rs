//! What a certificate says about itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, SystemTime};

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Version;

/// The longest name that is repeated, in characters.
const LONGEST_NAME: usize = 64;

/// Whom a certificate is for, by its subjectAltName (RFC 5922 7.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A `dNSName`, or the host of a `sip:` URI without a user.
    Host(String),
    /// An `iPAddress`.
    Address(IpAddr),
}

/// The facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Whose it is, for people: the common name, else the first identity, else the whole subject.
    pub subject: String,
    /// Whether issuer and subject are the same.
    pub is_self_issued: bool,
    /// Of a form that has names at all (version 3).
    pub is_version_3: bool,
    /// From when it holds, in seconds since 1970.
    pub not_before: i64,
    /// Until when it holds, in seconds since 1970.
    pub not_after: i64,
    /// Whom it is for.
    pub identities: Vec<Identity>,
    /// The public key with its algorithm, in DER.
    pub public_key: Vec<u8>,
}

impl Facts {
    /// Reads them.
    ///
    /// # Errors
    /// That it is no certificate, in words that go on a sentence.
    pub fn of(der: &[u8]) -> Result<Self, String> {
        let damaged = || "is damaged".to_owned();
        let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| damaged())?;
        if !rest.is_empty() {
            return Err(damaged());
        }
        let identities = identities(&certificate);
        let common_name = certificate.subject().iter_common_name().find_map(|name| name.as_str().ok());
        let subject = match (common_name, identities.first()) {
            (Some(name), _) => clean(name),
            (None, Some(identity)) => identity.to_string(),
            (None, None) => clean(&certificate.subject().to_string()),
        };
        Ok(Self {
            subject,
            is_self_issued: certificate.issuer().as_raw() == certificate.subject().as_raw(),
            is_version_3: certificate.version() == X509Version::V3,
            not_before: certificate.validity().not_before.timestamp(),
            not_after: certificate.validity().not_after.timestamp(),
            identities,
            public_key: certificate.public_key().raw.to_vec(),
        })
    }

    /// When it runs out.
    pub fn expires(&self) -> SystemTime {
        let seconds = Duration::from_secs(self.not_after.unsigned_abs());
        let at = if self.not_after < 0 {
            SystemTime::UNIX_EPOCH.checked_sub(seconds)
        } else {
            SystemTime::UNIX_EPOCH.checked_add(seconds)
        };
        at.unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// The first identities, for people.
    pub fn found(&self) -> String {
        let mut names: Vec<String> = self.identities.iter().take(3).map(ToString::to_string).collect();
        match self.identities.len() {
            0 => return "nobody".to_owned(),
            1..=3 => {}
            _ => names.push("…".to_owned()),
        }
        names.join(", ")
    }
}

impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Host(name) => f.write_str(&clean(name)),
            Self::Address(address) => address.fmt(f),
        }
    }
}

fn identities(certificate: &X509Certificate<'_>) -> Vec<Identity> {
    // One that stands twice is none.
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
    names.value.general_names.iter().filter_map(identity).collect()
}

fn identity(name: &GeneralName<'_>) -> Option<Identity> {
    match name {
        GeneralName::DNSName(name) => Some(Identity::Host((*name).to_owned())),
        GeneralName::URI(uri) => host_of(uri).map(|host| match host.trim_matches(['[', ']']).parse() {
            Ok(address) => Identity::Address(address),
            Err(_) => Identity::Host(host.to_owned()),
        }),
        GeneralName::IPAddress(bytes) => {
            let address = match bytes.len() {
                4 => <[u8; 4]>::try_from(*bytes).ok().map(|four| Ipv4Addr::from(four).into()),
                _ => <[u8; 16]>::try_from(*bytes).ok().map(|sixteen| Ipv6Addr::from(sixteen).into()),
            };
            address.map(Identity::Address)
        }
        _ => None,
    }
}

/// The host of a URI that names a whole SIP domain (RFC 5922 7.1): `sip` as its scheme, no user, nothing behind the host.
fn host_of(uri: &str) -> Option<&str> {
    let (scheme, host) = uri.split_once(':')?;
    let plain = !host.is_empty() && !host.contains(['@', ';', '?', '/']);
    (scheme.eq_ignore_ascii_case("sip") && plain).then_some(host)
}

/// A name from somebody else, for people: without control characters and not too long.
fn clean(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect()
}
