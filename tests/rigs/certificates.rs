//! Certificates made on the spot by openssl: an authority, and what it signs or refuses to.

use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::{Span, Timestamp, ToSpan};

/// A certificate and its private key, both PEM.
#[derive(Clone, Debug)]
pub struct Pair {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// How a private key is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyForm {
    /// `PRIVATE KEY`, of an elliptic curve.
    Pkcs8,
    /// `EC PRIVATE KEY`.
    Sec1,
    /// `RSA PRIVATE KEY`.
    Pkcs1,
}

/// When a certificate is valid, from now.
#[derive(Clone, Copy, Debug)]
pub struct Validity {
    from: Span,
    to: Span,
}

impl Validity {
    /// Since yesterday, for so many days to come.
    pub fn days(days: i64) -> Self {
        Self { from: -24.hours(), to: (24 * days).hours() }
    }

    /// Until yesterday.
    pub fn expired() -> Self {
        Self { from: -480.hours(), to: -24.hours() }
    }

    /// From tomorrow, which is what a panel sees whose clock has stood still.
    pub fn not_yet() -> Self {
        Self { from: 24.hours(), to: 480.hours() }
    }
}

/// What `openssl ca` insists on having in a file.
const RULES: &str = "\
[ca]
default_ca = here
[here]
new_certs_dir = .
database = index
serial = serial
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
";

/// An authority in a directory of its own, which goes with it.
pub struct Authority {
    directory: tempfile::TempDir,
}

impl Authority {
    /// A new one.
    pub fn new() -> Self {
        let authority = Self { directory: tempfile::tempdir().expect("a temporary directory") };
        for (name, text) in [("rules", RULES), ("index", ""), ("serial", "01\n")] {
            authority.write(name, text);
        }
        let made = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=Authority \
                    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
                    -keyout authority.key -out authority.pem";
        authority.openssl(made);
        authority
    }

    /// Its own certificate, for those who trust it.
    pub fn certificate(&self) -> PathBuf {
        self.file("authority.pem")
    }

    /// For a server with these names (`DNS:pbx.test`, `IP:127.0.0.1`), valid for 90 days.
    pub fn server(&self, names: &[&str]) -> Pair {
        self.server_valid(names, Validity::days(90))
    }

    /// The same with another time.
    pub fn server_valid(&self, names: &[&str], validity: Validity) -> Pair {
        let extensions = format!("extendedKeyUsage=serverAuth\nsubjectAltName={}\n", names.join(","));
        self.sign("server", &extensions, KeyForm::Pkcs8, validity)
    }

    /// For a server, signed by itself.
    pub fn self_signed(&self, names: &[&str]) -> Pair {
        let pair = self.new_pair();
        let words = format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 90 -subj /CN=server \
             -addext basicConstraints=critical,CA:FALSE -addext subjectAltName={} -keyout {} -out {}",
            names.join(","),
            pair.key.display(),
            pair.certificate.display()
        );
        self.openssl(&words);
        pair
    }

    /// For a client.
    pub fn client(&self, name: &str, form: KeyForm, validity: Validity) -> Pair {
        self.sign(name, "extendedKeyUsage=clientAuth\n", form, validity)
    }

    fn sign(&self, name: &str, extensions: &str, form: KeyForm, validity: Validity) -> Pair {
        let pair = self.new_pair();
        let key = pair.key.display();
        match form {
            KeyForm::Pkcs8 => {
                self.openssl(&format!("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out {key}"));
            }
            KeyForm::Sec1 => self.openssl(&format!("ecparam -genkey -noout -name prime256v1 -out {key}")),
            KeyForm::Pkcs1 => self.openssl(&format!("genrsa -traditional -out {key} 2048")),
        }
        self.openssl(&format!("req -new -key {key} -subj /CN={name} -out request"));
        self.write("extensions", &format!("basicConstraints=critical,CA:FALSE\n{extensions}"));
        let at = |span: Span| (Timestamp::now() + span).strftime("%Y%m%d%H%M%SZ").to_string();
        let (from, to) = (at(validity.from), at(validity.to));
        self.openssl(&format!(
            "ca -batch -notext -config rules -cert authority.pem -keyfile authority.key -in request -extfile extensions \
             -startdate {from} -enddate {to} -out {}",
            pair.certificate.display()
        ));
        pair
    }

    /// Two files that there are not yet.
    fn new_pair(&self) -> Pair {
        let count = std::fs::read_dir(self.directory.path()).expect("it is there").count();
        Pair { certificate: self.file(&format!("{count}.pem")), key: self.file(&format!("{count}.key")) }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.file(name), text).expect("a file is written");
    }

    fn openssl(&self, words: &str) {
        openssl(self.directory.path(), words);
    }
}

impl Pair {
    /// The SHA-256 fingerprint, in hexadecimal with colons.
    pub fn fingerprint(&self) -> String {
        let words = format!("x509 -noout -fingerprint -sha256 -in {}", self.certificate.display());
        let printed = openssl(Path::new("/"), &words);
        printed.split('=').nth(1).expect("a fingerprint").trim().to_owned()
    }
}

/// Runs openssl in a directory; what it printed.
fn openssl(directory: &Path, words: &str) -> String {
    let mut command = Command::new("openssl");
    let output = command.current_dir(directory).args(words.split_whitespace()).output().expect("openssl starts");
    assert!(output.status.success(), "openssl {words}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
