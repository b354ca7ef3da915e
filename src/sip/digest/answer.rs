//! What is said to a challenge: the value of an Authorization or Proxy-Authorization header (RFC 7616 3.4).

use super::Credentials;
use super::challenge::{Challenge, Protection};
use crate::sip::message::Request;
use crate::sip::wire::scan;

/// What one answer is made of beside name, password and challenge.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    /// The method of the request.
    pub(super) method: &'a str,
    /// The request URI, byte for byte as in the request line.
    pub(super) uri: &'a str,
    /// The body of the request.
    pub(super) body: &'a [u8],
    /// How often the nonce has been answered, this time included.
    pub(super) count: u32,
    /// Our own nonce.
    pub(super) cnonce: &'a str,
}

/// The hash of name, realm and password, and in a session of its first nonce and cnonce (3.4.2, `H(A1)`).
pub(super) fn secret(credentials: &Credentials, challenge: &Challenge, cnonce: &str) -> String {
    let hash = challenge.algorithm.hash;
    let (name, password) = (&credentials.name, credentials.password.reveal());
    let plain = hash.hex(format!("{name}:{}:{password}", challenge.realm).as_bytes());
    if !challenge.algorithm.session {
        return plain;
    }
    hash.hex(format!("{plain}:{}:{cnonce}", challenge.nonce).as_bytes())
}

/// The whole header value. `secret` is [`secret`]'s.
pub(super) fn header(credentials: &Credentials, challenge: &Challenge, secret: &str, asked: Asked<'_>) -> String {
    let Challenge { realm, nonce, opaque, .. } = challenge;
    let Asked { uri, count, cnonce, .. } = asked;
    let name = if challenge.userhash {
        // 3.4.4.
        challenge.algorithm.hash.hex(format!("{}:{realm}", credentials.name).as_bytes())
    } else {
        credentials.name.clone()
    };
    let response = response(challenge, secret, asked);
    let name = scan::quote(&name);
    let mut value =
        format!("Digest username={name}, realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", response=\"{response}\"");
    let mut add = |text: &str| value.push_str(text);
    if let Some(algorithm) = &challenge.algorithm_name {
        add(&format!(", algorithm={algorithm}"));
    }
    if challenge.protection != Protection::Plain || challenge.algorithm.session {
        add(&format!(", cnonce=\"{cnonce}\""));
    }
    if let Some(opaque) = opaque {
        add(&format!(", opaque=\"{opaque}\""));
    }
    if let Some(qop) = qop(challenge.protection) {
        add(&format!(", qop={qop}, nc={count:08x}"));
    }
    if challenge.userhash {
        add(", userhash=true");
    }
    value
}

/// The response parameter (3.4.1, 3.4.3; without qop as in RFC 2069).
pub(super) fn response(challenge: &Challenge, secret: &str, asked: Asked<'_>) -> String {
    let Asked { method, uri, body, count, cnonce } = asked;
    let (hash, nonce) = (challenge.algorithm.hash, &challenge.nonce);
    let request = match challenge.protection {
        Protection::AuthInt => hash.hex(format!("{method}:{uri}:{}", hash.hex(body)).as_bytes()),
        Protection::Auth | Protection::Plain => hash.hex(format!("{method}:{uri}").as_bytes()),
    };
    match qop(challenge.protection) {
        Some(qop) => hash.hex(format!("{secret}:{nonce}:{count:08x}:{cnonce}:{qop}:{request}").as_bytes()),
        None => hash.hex(format!("{secret}:{nonce}:{request}").as_bytes()),
    }
}

/// What a request has to say.
pub(super) fn asked<'a>(request: &'a Request, uri: &'a str, count: u32, cnonce: &'a str) -> Asked<'a> {
    Asked { method: request.method().as_str(), uri, body: request.body(), count, cnonce }
}

fn qop(protection: Protection) -> Option<&'static str> {
    match protection {
        Protection::Plain => None,
        Protection::Auth => Some("auth"),
        Protection::AuthInt => Some("auth-int"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Password;
    use super::*;

    fn answer(name: &str, password: &str, challenge: &str, asked: Asked<'_>) -> String {
        let credentials = Credentials { name: name.to_owned(), password: Password::new(password) };
        let challenge = Challenge::read_all(challenge).remove(0);
        let secret = secret(&credentials, &challenge, asked.cnonce);
        header(&credentials, &challenge, &secret, asked)
    }

    fn response_in(header: &str) -> &str {
        super::super::challenge::parameter(header, "response").unwrap()
    }

    #[test]
    fn the_example_of_rfc_2617_3_5() {
        let challenge = r#"Digest realm="testrealm@host.com", qop="auth,auth-int",
            nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41""#;
        let asked = Asked { method: "GET", uri: "/dir/index.html", body: b"", count: 1, cnonce: "0a4f113b" };
        assert_eq!(
            answer("Mufasa", "Circle Of Life", challenge, asked),
            r#"Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", "#
                .to_owned()
                + r#"uri="/dir/index.html", response="6629fae49393a05397450978507c4ef1", cnonce="0a4f113b", "#
                + r#"opaque="5ccc069c403ebaf9f0171e9517f40e41", qop=auth, nc=00000001"#
        );
    }

    #[test]
    fn the_examples_of_rfc_7616_3_9_1() {
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        let asked = Asked { method: "GET", uri: "/dir/index.html", body: b"", count: 1, cnonce };
        for (algorithm, response) in [
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ] {
            let challenge = format!(
                "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, \
                 nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
            );
            let answer = answer("Mufasa", "Circle of Life", &challenge, asked);
            assert_eq!(response_in(&answer), response);
            assert!(answer.contains(&format!(", algorithm={algorithm}, ")), "{answer}");
        }
    }

    /// With the values of erratum 4897: those of the text come from a truncated SHA-512.
    #[test]
    fn the_example_of_rfc_7616_3_9_2() {
        let challenge = r#"Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256, charset=UTF-8, userhash=true,
            nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", opaque="HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS""#;
        let cnonce = "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v";
        let asked = Asked { method: "GET", uri: "/doe.json", body: b"", count: 1, cnonce };
        let answer = answer("J\u{e4}s\u{f8}n Doe", "Secret, or not?", challenge, asked);
        assert_eq!(response_in(&answer), "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5");
        assert!(
            answer.contains(r#"username="793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b""#),
            "{answer}"
        );
        assert!(answer.ends_with(", userhash=true"), "{answer}");
    }

    /// Computed by Python's hashlib from the formulas of RFC 7616 3.4.
    #[test]
    fn every_algorithm_with_every_protection() {
        for (algorithm, qop, response) in [
            ("MD5", "auth-int", "14e867a30bb9551594e35766e56bfe3c"),
            ("MD5", "", "f9b47bc292718fa90b9e4863823f9dd6"),
            ("MD5-sess", "auth", "d02fd17826dc086c2fb8a83a57e67319"),
            ("MD5-sess", "auth-int", "017b07532cb2bfbf2d6a095079cd2b51"),
            ("MD5-sess", "", "43fbbc8bf48f5881b9ee2d8e3f4a4fa1"),
            ("SHA-256", "auth", "93fc49031aa6aa5d3a2e85405d8addf31dc812910c1d6a786596b3659b0c752b"),
            ("SHA-256", "auth-int", "d0f263862abe06eee5cdd9a7925dc874e04d531c0d7439ba227f4811819bb26d"),
            ("SHA-256", "", "240fe3cab6cd301ee97e402614e1848fb1929cf2536ab5bd59fe71d68f2c013e"),
            ("SHA-256-sess", "auth", "926802962f378358ea401133f7d399b8599aea5a4d50c407418056ba9461b212"),
            ("SHA-256-sess", "auth-int", "36f4915bc0a285a321778c0e4ce18a27fec70a4b808d0903d5c5c335d8db7552"),
            ("SHA-512-256", "auth-int", "36037efc984ed625f26dd7a51206a0a38555ba17572fc67c57ec697e933c41b0"),
            ("SHA-512-256-sess", "auth", "28112b562311304b571d769f8d9edfbe661c03b4a6321439e7cfcccf5c042ea5"),
            ("SHA-512-256-sess", "auth-int", "6328dfadc8582f7b8e1a95eb92fbdbb6bf902466cda401bdd6d671884596c48f"),
        ] {
            let qop = if qop.is_empty() { String::new() } else { format!(", qop=\"{qop}\"") };
            let challenge =
                format!("Digest realm=\"vestibule.example\", nonce=\"abc/+=123\", algorithm={algorithm}{qop}");
            let uri = "sip:vestibule.example;transport=tcp";
            let asked = Asked { method: "REGISTER", uri, body: b"v=0\r\n", count: 10, cnonce: "0a4f113b" };
            let answer = answer("501", "s3cr:et", &challenge, asked);
            assert_eq!(response_in(&answer), response, "{algorithm} {qop}");
            assert_eq!(answer.contains("nc=0000000a"), !qop.is_empty(), "{answer}");
            assert_eq!(answer.contains("cnonce"), !qop.is_empty() || algorithm.ends_with("sess"), "{answer}");
        }
    }

    #[test]
    fn a_name_with_quotes_is_quoted() {
        let asked = Asked { method: "REGISTER", uri: "sip:h", body: b"", count: 1, cnonce: "c" };
        let answer = answer("a\"b\\", "p", "Digest realm=\"r\", nonce=\"n\"", asked);
        assert!(answer.starts_with(r#"Digest username="a\"b\\", realm="r""#), "{answer}");
    }
}
