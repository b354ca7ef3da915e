//! Web addresses that open doors, and what doors answer: where they send to, how they ask for a password. Three lines an input.

use vestibule::config::{WebAddress, without_password};
use vestibule::sip::digest::answer_lone;
use vestibule::sip::{Credentials, Password};

use crate::fuzz;
use crate::mutator::Mutator;

const WORDS: &[&[u8]] = &[
    b"http://",
    b"https://",
    b"://",
    b"//",
    b"/",
    b"?",
    b"#",
    b"@",
    b":",
    b":80",
    b"[::1]",
    b"[",
    b"]",
    b"%41",
    b"%",
    b"%zz",
    b"..",
    b"a:b@",
    b"door.example",
    b"127.0.0.1",
    "ü".as_bytes(),
    "•••".as_bytes(),
    b"\n",
    b" ",
    b"Digest realm=\"x\", nonce=\"1\"",
    b", algorithm=SHA-256",
    b", qop=\"auth\"",
    b"stale=true",
    b"\"",
    b"\\",
    b"\0",
];

/// True if the first line is a web address.
fn check(input: &[u8]) -> bool {
    let text = String::from_utf8_lossy(input);
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (address, location, challenge) = (line(), line(), line());
    let shown = without_password(address);
    assert_eq!(without_password(&shown), shown, "{address}");

    let Some(url) = WebAddress::parse(address) else { return false };
    assert!(url.target.starts_with('/') && url.target.bytes().all(|byte| byte.is_ascii_graphic()), "{url:?}");
    let scheme = if url.https { "https" } else { "http" };
    let again = WebAddress::parse(&format!("{scheme}://{}{}", url.authority(), url.target));
    assert_eq!(again, Some(WebAddress { login: None, ..url.clone() }), "{address}");
    if let Some(to) = url.moved(location) {
        assert!(to.host == url.host && to.login == url.login && (to.https || !url.https), "{address} to {location}");
    }
    let (name, password) = url.login.map_or_else(Default::default, |login| (login.name, login.password));
    let credentials = Credentials { name, password: Password::new(password.reveal()) };
    if let Some(answer) = answer_lone(&credentials, [challenge], "GET", &url.target, "0a4f113b") {
        assert!(answer.header.starts_with("Digest username="), "{}", answer.header);
    }
    true
}

#[test]
fn web() {
    let seeds = [
        "http://admin:s3cret@192.168.1.20/open?door=1\n/moved\nDigest realm=\"door\", nonce=\"1\", qop=\"auth\"",
        "https://door.example:8443/a/b\nhttps://door.example/c\nBasic realm=\"x\", Digest realm=\"x\", nonce=\"2\"",
        "http://[fe80::1]/\n?x=y\nDigest realm=\"\\\"\", nonce=\"3\", algorithm=SHA-256-sess, stale=true",
    ];
    let seeds = seeds.iter().map(|seed| seed.as_bytes().to_vec()).collect();
    fuzz("web", 5_000, 1 << 20, Mutator::new(seeds, WORDS, |_| ()), check);
}
