//! The other side of a digest challenge (RFC 7616, RFC 8760), computed by openssl and by nothing of the panel's.

use std::io::Write;
use std::process::{Command, Stdio};

use super::scripted::{Answer, Request};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Challenge {
    /// 407 instead of 401.
    pub proxy: bool,
    pub realm: &'static str,
    pub nonce: String,
    /// `MD5`, `SHA-256-sess` …; with nothing it is not said, which means MD5.
    pub algorithm: Option<&'static str>,
    /// `auth`, `auth-int`, `auth,auth-int`; with nothing the proof is the old one of RFC 2069.
    pub qop: Option<&'static str>,
    pub opaque: Option<&'static str>,
    /// The nonce was good and is too old.
    pub stale: bool,
}

impl Challenge {
    /// For a password, by this algorithm.
    pub fn new(algorithm: &'static str) -> Self {
        Self {
            proxy: false,
            realm: "scripted.test",
            nonce: "f84f1cec41e6cbe5aea9c8e88d359".into(),
            algorithm: Some(algorithm),
            qop: Some("auth"),
            opaque: Some("5ccc069c403ebaf9f0171e9517f40e41"),
            stale: false,
        }
    }

    /// 401 or 407 with this challenge alone.
    pub fn answer(&self) -> Answer {
        let (status, phrase) = if self.proxy { (407, "Proxy Authentication Required") } else { (401, "Unauthorized") };
        Answer::new(status, phrase).with(self.header())
    }

    /// The header.
    pub fn header(&self) -> String {
        let name = if self.proxy { "Proxy-Authenticate" } else { "WWW-Authenticate" };
        let mut text = format!("{name}: Digest realm=\"{}\", nonce=\"{}\"", self.realm, self.nonce);
        if let Some(opaque) = self.opaque {
            text.push_str(&format!(", opaque=\"{opaque}\""));
        }
        if self.stale {
            text.push_str(", stale=TRUE");
        }
        if let Some(algorithm) = self.algorithm {
            text.push_str(&format!(", algorithm={algorithm}"));
        }
        if let Some(qop) = self.qop {
            text.push_str(&format!(", qop=\"{qop}\""));
        }
        text
    }

    /// The parameters of the proof that a request brings for this realm, if it does.
    pub fn proof(&self, request: &Request) -> Option<Proof> {
        let name = if self.proxy { "Proxy-Authorization" } else { "Authorization" };
        let proofs = request.headers(name).filter_map(|value| value.strip_prefix("Digest ")).map(Proof::read);
        proofs.into_iter().find(|proof| proof.get("realm") == Some(self.realm))
    }

    /// What is wrong with the proof that a request brings, if anything.
    pub fn check(&self, request: &Request, name: &str, password: &str) -> Result<Proof, String> {
        let proof = self.proof(request).ok_or("no proof for this realm")?;
        let expect = |key: &str, value: &str| match proof.get(key) {
            Some(given) if given == value => Ok(()),
            given => Err(format!("{key} is {given:?} instead of {value}")),
        };
        expect("username", name)?;
        expect("nonce", &self.nonce)?;
        expect("uri", &request.uri)?;
        if let Some(opaque) = self.opaque {
            expect("opaque", opaque)?;
        }
        // MD5 goes without saying (RFC 7616 3.4).
        if let Some(algorithm) = self.algorithm.filter(|name| *name != "MD5" || proof.get("algorithm").is_some()) {
            expect("algorithm", algorithm)?;
        }
        let qop = match (self.qop, proof.get("qop")) {
            (None, None) => None,
            (Some(offered), Some(chosen)) if offered.split(',').any(|one| one.trim() == chosen) => Some(chosen),
            (offered, chosen) => return Err(format!("qop is {chosen:?} of {offered:?}")),
        };
        if qop.is_some() && !proof.get("nc").is_some_and(|nc| nc.len() == 8 && u32::from_str_radix(nc, 16).is_ok()) {
            return Err(format!("nc is {:?}, not eight digits", proof.get("nc")));
        }
        let right = self.response(request, &proof, password, qop);
        expect("response", &right)?;
        Ok(proof)
    }

    /// RFC 7616 3.4.1 to 3.4.3.
    fn response(&self, request: &Request, proof: &Proof, password: &str, qop: Option<&str>) -> String {
        let algorithm = self.algorithm.unwrap_or("MD5");
        let (hash, session) = algorithm.strip_suffix("-sess").map_or((algorithm, false), |hash| (hash, true));
        let h = |text: &[u8]| hashed(hash, text);
        let get = |key: &str| proof.get(key).unwrap_or_default();
        let mut one = h(format!("{}:{}:{password}", get("username"), self.realm).as_bytes());
        if session {
            one = h(format!("{one}:{}:{}", self.nonce, get("cnonce")).as_bytes());
        }
        let mut two = format!("{}:{}", request.method, request.uri);
        if qop == Some("auth-int") {
            two = format!("{two}:{}", h(&request.body));
        }
        let two = h(two.as_bytes());
        match qop {
            Some(qop) => h(format!("{one}:{}:{}:{}:{qop}:{two}", self.nonce, get("nc"), get("cnonce")).as_bytes()),
            None => h(format!("{one}:{}:{two}", self.nonce).as_bytes()),
        }
    }
}

/// The parameters of a proof.
#[derive(Clone, Debug)]
pub struct Proof(Vec<(String, String)>);

impl Proof {
    /// A comma inside quotes separates nothing.
    fn read(text: &str) -> Self {
        let mut quoted = false;
        let separates = |c: char| {
            quoted ^= c == '"';
            c == ',' && !quoted
        };
        let pairs = text.split(separates).filter_map(|pair| pair.split_once('='));
        Self(pairs.map(|(key, value)| (key.trim().to_owned(), value.trim().trim_matches('"').to_owned())).collect())
    }

    /// One of them.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(is, _)| is.eq_ignore_ascii_case(key)).map(|(_, value)| value.as_str())
    }

    /// How often this nonce was used.
    pub fn count(&self) -> u32 {
        self.get("nc").and_then(|nc| u32::from_str_radix(nc, 16).ok()).unwrap_or(0)
    }
}

fn hashed(algorithm: &str, text: &[u8]) -> String {
    let option = match algorithm {
        "MD5" => "-md5",
        "SHA-256" => "-sha256",
        "SHA-512-256" => "-sha512-256",
        other => panic!("{other} is no algorithm of RFC 8760"),
    };
    let mut openssl = Command::new("openssl")
        .args(["dgst", "-r", option])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("openssl starts");
    openssl.stdin.take().expect("a pipe").write_all(text).expect("it takes the text");
    let output = openssl.wait_with_output().expect("it ends");
    let printed = String::from_utf8(output.stdout).expect("digits");
    printed.split(' ').next().unwrap_or_default().to_owned()
}

/// The example of RFC 7616 3.9.1, whose texts are of HTTP.
#[test]
fn the_proofs_of_the_rfc_are_found_right_and_others_wrong() {
    for (algorithm, response) in [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ] {
        let challenge = Challenge {
            realm: "http-auth@example.org",
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v".into(),
            opaque: Some("FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"),
            ..Challenge::new(algorithm)
        };
        let proof = format!(
            "Authorization: Digest username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", \
             algorithm={algorithm}, nonce=\"{}\", nc=00000001, cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", \
             qop=auth, response=\"{response}\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"",
            challenge.nonce
        );
        let request = super::scripted::request(&format!("GET /dir/index.html HTTP/1.1\r\n{proof}\r\n\r\n"));
        assert_eq!(challenge.check(&request, "Mufasa", "Circle of Life").map(|proof| proof.count()), Ok(1));
        let wrong = challenge.check(&request, "Mufasa", "Circle of life").expect_err("another password");
        assert!(wrong.starts_with("response is"), "{wrong}");
    }
}
