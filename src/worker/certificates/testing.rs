//! Certificates made on the spot.

use std::path::Path;

use data_encoding::HEXUPPER;
use rcgen::{
    CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, Issuer, KeyPair, SanType, date_time_ymd,
};
use ring::digest::{SHA256, digest};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The day on which most tests happen, 15 June 2026, in seconds since 1970.
pub(crate) const TODAY: u64 = 1_781_481_600;
/// The last second in which the certificates hold: the first of 2027.
pub(crate) const NEW_YEAR: u64 = 1_798_761_600;

/// Somebody who signs certificates.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate, those above it, and its key.
pub(crate) struct Issued {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: KeyPair,
}

impl Authority {
    /// One that nobody is above.
    pub fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("the system has random bytes");
        Self(CertifiedIssuer::self_signed(of_authority(name), key).expect("it can sign itself"))
    }

    /// One below this one.
    pub fn below(&self, name: &str) -> Self {
        let key = KeyPair::generate().expect("the system has random bytes");
        Self(CertifiedIssuer::signed_by(of_authority(name), key, self.signer()).expect("it can sign"))
    }

    /// A certificate with a new key.
    pub fn issue(&self, wanted: &CertificateParams) -> Issued {
        self.issue_for(wanted, KeyPair::generate().expect("the system has random bytes"))
    }

    /// A certificate for this key.
    pub fn issue_for(&self, wanted: &CertificateParams, key: KeyPair) -> Issued {
        let certificate = wanted.signed_by(&key, self.signer()).expect("it can sign");
        Issued { chain: vec![certificate.into()], key }
    }

    pub fn der(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    fn signer(&self) -> &Issuer<'static, KeyPair> {
        &self.0
    }
}

impl Issued {
    /// One that signs itself.
    pub fn by_itself(wanted: &CertificateParams) -> Self {
        let key = KeyPair::generate().expect("the system has random bytes");
        let certificate = wanted.self_signed(&key).expect("it can sign");
        Self { chain: vec![certificate.into()], key }
    }

    /// The certificates as text.
    pub fn pem(&self) -> String {
        self.chain.iter().map(super::contents::pem_of_certificate).collect()
    }

    /// The key, PKCS#8.
    pub fn key_der(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(self.key.serialize_der().into())
    }

    /// As people write it: `AB:CD:…`.
    pub fn fingerprint(&self) -> String {
        let digest = digest(&SHA256, &self.chain[0]);
        digest.as_ref().iter().map(|byte| HEXUPPER.encode(&[*byte])).collect::<Vec<_>>().join(":")
    }
}

/// What a certificate for these names and addresses says; it holds in 2026.
pub(crate) fn wanted(subject: &str, names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut wanted = CertificateParams::new(names).expect("the names are right");
    wanted.distinguished_name = DistinguishedName::new();
    wanted.distinguished_name.push(DnType::CommonName, subject);
    wanted.not_before = date_time_ymd(2026, 1, 1);
    wanted.not_after = date_time_ymd(2027, 1, 1);
    wanted
}

/// What a certificate with this URI says.
pub(crate) fn wanted_for_uri(uri: &str) -> CertificateParams {
    let mut wanted = wanted("a domain", &[]);
    wanted.subject_alt_names = vec![SanType::URI(uri.try_into().expect("it is ASCII"))];
    wanted
}

/// The key of a file in `tests/data/tls` that cannot be made on the spot.
pub(crate) fn rsa_key() -> KeyPair {
    KeyPair::from_pem(include_str!("../../../tests/data/tls/rsa.pem")).expect("it is a key")
}

/// The PKCS#1 form of [`rsa_key`], which its PKCS#8 form wraps.
pub(crate) fn pkcs1(key: &KeyPair) -> PrivateKeyDer<'static> {
    // Its header: a SEQUENCE with a length of three bytes, the version, the algorithm, an OCTET STRING.
    PrivateKeyDer::Pkcs1(key.serialized_der()[26..].to_vec().into())
}

/// The SEC1 form of a P-256 key, which its PKCS#8 form wraps.
pub(crate) fn sec1(key: &KeyPair) -> PrivateKeyDer<'static> {
    // Its header: a SEQUENCE with a length of two bytes, the version, the algorithm, an OCTET STRING.
    PrivateKeyDer::Sec1(key.serialized_der()[29..].to_vec().into())
}

/// Writes a file of the folder.
pub(crate) fn put(folder: &Path, name: &str, text: impl AsRef<[u8]>) {
    std::fs::write(folder.join(name), text).expect("the folder can be written");
}

fn of_authority(name: &str) -> CertificateParams {
    let mut wanted = wanted(name, &[]);
    wanted.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    wanted
}
