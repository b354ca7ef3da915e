//! Certificates and the files that they come in: what they say is bounded and fit to be shown, or they are refused.

use std::time::SystemTime;

use vestibule::worker::certificates::{Contents, Facts};

use crate::mutator::Mutator;
use crate::{fuzz, seeds};

const WORDS: &[&[u8]] = &[
    b"-----BEGIN CERTIFICATE-----\n",
    b"-----END CERTIFICATE-----\n",
    b"-----BEGIN PRIVATE KEY-----\n",
    b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n",
    b"\x30\x80",
    b"\x30\x84\xFF\xFF\xFF\xFF",
    b"\x82\x08pbx.test",
    b"\x86\x0Csip:pbx.test",
    b"\x86\x05sip:[",
    b"\x87\x04\xC0\x00\x02\x01",
    b"\x87\x03\xC0\x00\x02",
    b"\x17\x0D700101000000Z",
    b"\x18\x0F99991231235959Z",
    b"\x18\x0F00000101000000Z",
    b"\x06\x03\x55\x1D\x11",
    b"\x0C\x00",
    b"\xA3\x00",
    b"\0",
    b"\xFF",
];

/// True if there is a certificate in it.
fn check(input: &[u8]) -> bool {
    match Contents::parse(input) {
        Err(problem) => assert!(problem.to_string().chars().count() < 200, "{problem}"),
        Ok(contents) => {
            let _ = contents.key();
            if let Ok(certificates) = contents.whole_certificates() {
                certificates.iter().for_each(|certificate| assert_shown(&Facts::of(certificate).expect("it is whole")));
                return true;
            }
        }
    }
    false
}

/// What somebody else wrote is fit for the screen and the log.
fn assert_shown(facts: &Facts) {
    let shown = [facts.subject.clone(), facts.found()];
    assert!(shown.iter().all(|text| !text.contains(char::is_control) && text.chars().count() <= 220), "{shown:?}");
    assert!(facts.expires() >= SystemTime::UNIX_EPOCH || facts.not_after < 0);
}

#[test]
fn certificate() {
    fuzz("certificate", 5_000, 8 << 20, Mutator::new(seeds("corpus/certificates"), WORDS, |_| ()), check);
}
