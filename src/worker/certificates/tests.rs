//! Tests of the files: what is taken in, as what, under which name, and what is refused with which words.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustls::pki_types::PrivateKeyDer;
use tempfile::TempDir;

use super::contents::LARGEST;
use super::testing::{Authority, Issued, NEW_YEAR, pkcs1, put, rsa_key, sec1, wanted, wanted_for_uri};
use super::*;
use crate::channel::CertificateProblem;
use crate::channel::CertificateRole::{self, Authority as Root, Client, Key};
use crate::config::{Account, Config, FileFault};
use crate::worker::testing::on_runtime;

/// A stick, the panel's folder, and an authority.
struct Rig {
    root: TempDir,
    authority: Authority,
}

impl Rig {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a temporary directory");
        fs::create_dir(root.path().join("stick")).expect("it can be made");
        Self { root, authority: Authority::new("the authority") }
    }

    fn stick(&self) -> PathBuf {
        self.root.path().join("stick")
    }

    fn folder(&self) -> PathBuf {
        self.root.path().join("data/certificates")
    }

    fn ours(&self) -> Issued {
        self.authority.issue(&wanted("the panel", &["panel.test"]))
    }

    /// Puts this on the stick and imports it.
    fn import(
        &self,
        name: &str,
        text: impl AsRef<[u8]>,
        role: CertificateRole,
    ) -> Result<Imported, CertificateProblem> {
        self.import_beside(name, text, role, None)
    }

    fn import_beside(
        &self,
        name: &str,
        text: impl AsRef<[u8]>,
        role: CertificateRole,
        other: Option<&str>,
    ) -> Result<Imported, CertificateProblem> {
        put(&self.stick(), name, text);
        let other = other.map(|name| self.folder().join(name));
        import(&self.folder(), &self.stick().join(name), role, other.as_deref())
    }

    /// What the refusal of this says, without the name of the file.
    fn refused(&self, text: impl AsRef<[u8]>, role: CertificateRole) -> String {
        let words = self.import("x.pem", text, role).expect_err("it is refused").to_string();
        let before = format!("{} ({}): ", self.stick().join("x.pem").display(), role.label());
        words.strip_prefix(&before).unwrap_or_else(|| panic!("{words} names file and role")).to_owned()
    }

    fn held(&self) -> Vec<String> {
        list(&self.folder()).into_iter().map(|file| file.name).collect()
    }
}

fn named(name: &str) -> Result<Imported, CertificateProblem> {
    Ok(Imported { name: name.into(), has_key: false })
}

#[test]
fn each_role_takes_its_own_and_the_owner_alone_may_read_it() {
    let rig = Rig::new();
    let ours = rig.ours();
    let key = pem_of_key(&ours.key_der());
    assert_eq!(rig.import("ca.crt", rig.authority.pem(), Root), named("ca.pem"));
    assert_eq!(rig.import("door.crt", ours.pem(), Client), named("door.pem"));
    assert_eq!(rig.import_beside("door.key", &key, Key, Some("door.pem")), named("door.key"));
    assert_eq!(rig.held(), ["ca.pem", "door.key", "door.pem"]);
    assert_eq!(fs::read_to_string(rig.folder().join("door.key")).expect("it is there"), key);
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&rig.folder()), 0o700);
    for name in rig.held() {
        assert_eq!(mode(&rig.folder().join(&name)), 0o600, "{name}");
    }
}

#[test]
fn a_folder_that_others_could_read_is_closed() {
    let rig = Rig::new();
    fs::create_dir_all(rig.folder()).expect("it can be made");
    fs::set_permissions(rig.folder(), fs::Permissions::from_mode(0o755)).expect("it is ours");
    rig.import("ca.pem", rig.authority.pem(), Root).expect("it is right");
    assert_eq!(fs::metadata(rig.folder()).expect("it is there").permissions().mode() & 0o777, 0o700);
}

#[test]
fn der_becomes_pem() {
    let rig = Rig::new();
    let ours = rig.ours();
    assert_eq!(rig.import("ca.der", rig.authority.der(), Root), named("ca.pem"));
    assert_eq!(rig.import("door.cer", &ours.chain[0], Client), named("door.pem"));
    assert_eq!(fs::read_to_string(rig.folder().join("door.pem")).expect("it is there"), ours.pem());
    let rsa = rsa_key();
    for (name, key) in [("a", ours.key_der()), ("b", sec1(&ours.key)), ("c", pkcs1(&rsa))] {
        assert_eq!(rig.import(name, key.secret_der(), Key), named(&format!("{name}.key")));
        let held = Contents::read(&rig.folder().join(format!("{name}.key"))).expect("it is right");
        assert_eq!(held.keys, [key]);
    }
}

#[test]
fn a_text_with_a_mark_or_of_two_bytes_for_each_letter_is_read() {
    let rig = Rig::new();
    let ours = rig.ours();
    let text = format!("ü, a remark\n{}{}", ours.pem(), pem_of_key(&ours.key_der()));
    let wide = |bytes: fn(u16) -> [u8; 2]| ["\u{feff}", &text].concat().encode_utf16().flat_map(bytes).collect();
    let forms: [Vec<u8>; 3] =
        [["\u{feff}", &text].concat().into_bytes(), wide(u16::to_le_bytes), wide(u16::to_be_bytes)];
    for (form, bytes) in forms.into_iter().enumerate() {
        let read = Contents::parse(&bytes).unwrap_or_else(|fault| panic!("form {form}: {fault:?}"));
        assert_eq!((&read.certificates[..], &read.keys[..]), (&ours.chain[..1], &[ours.key_der()][..]), "form {form}");
        // Half a letter at the end is none.
        assert_eq!(Contents::parse(&bytes[..3]).err(), Some(CertificateFault::Nothing), "form {form}");
    }
}

#[test]
fn files_that_were_joined_are_read_to_the_end() {
    let rig = Rig::new();
    let (first, second) = (rig.authority.pem(), rig.ours().pem());
    let indented = second.replace('\n', "\n    ");
    for joined in [
        format!("\u{feff}{first}\u{feff}{second}"),
        format!("{}{second}", first.trim_end()),
        format!("{first}    {indented}"),
    ] {
        assert_eq!(Contents::parse(joined.as_bytes()).map(|read| read.certificates.len()).ok(), Some(2), "{joined}");
    }
}

#[test]
fn only_what_the_role_needs_is_taken() {
    let rig = Rig::new();
    let ours = rig.ours();
    let both = pem_of_key(&ours.key_der()) + "a remark\n" + &ours.pem() + &rig.authority.pem();
    let read = |name: &str| Contents::read(&rig.folder().join(name)).expect("it is right");
    assert_eq!(rig.import("all.pem", &both, Root), named("all.pem"));
    assert_eq!((read("all.pem").certificates.len(), read("all.pem").keys.len()), (2, 0));
    let imported = rig.import("all.pem", &both, Client).expect("it is right");
    assert_eq!(imported, Imported { name: "all-2.pem".into(), has_key: true });
    assert_eq!((read("all-2.pem").certificates.len(), read("all-2.pem").keys.len()), (2, 1));
    assert_eq!(rig.import("all.pem", &both, Key), named("all.key"));
    assert_eq!((read("all.key").certificates.len(), read("all.key").keys.len()), (0, 1));
}

#[test]
fn a_name_is_kept_and_made_harmless_and_never_taken_from_another() {
    let rig = Rig::new();
    let (first, second) = (rig.ours(), rig.ours());
    assert_eq!(rig.import("door.pem", first.pem(), Client), named("door.pem"));
    assert_eq!(rig.import("door.pem", first.pem(), Client), named("door.pem"), "it is there already");
    assert_eq!(rig.import("door.pem", second.pem(), Client), named("door-2.pem"));
    assert_eq!(fs::read_to_string(rig.folder().join("door.pem")).expect("it is there"), first.pem());
    assert_eq!(rig.import("..pem", first.pem(), Client), named("certificate.pem"));
    assert_eq!(rig.import(".-a b'\"$ü.pem", first.pem(), Client), named("a-b----.pem"));
    let long = rig.import(&format!("{}.pem", "n".repeat(200)), first.pem(), Client).expect("it is right");
    assert_eq!(long.name, format!("{}.pem", "n".repeat(48)));
    symlink(rig.root.path().join("elsewhere"), rig.folder().join("away.pem")).expect("it can be made");
    assert_eq!(rig.import("away.pem", first.pem(), Client), named("away-2.pem"));
    assert!(!rig.root.path().join("elsewhere").exists(), "nothing is written through a link");
}

#[test]
fn what_is_no_certificate_or_key_is_said_with_file_and_role() {
    let rig = Rig::new();
    let ours = rig.ours();
    let key = pem_of_key(&ours.key_der());
    for role in CertificateRole::ALL {
        assert_eq!(rig.refused("hello", role), "there is neither a certificate nor a key in it (PEM or DER)");
        assert_eq!(rig.refused("", role), "there is neither a certificate nor a key in it (PEM or DER)");
        let request = "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n";
        assert_eq!(rig.refused(request, role), "there is neither a certificate nor a key in it (PEM or DER)");
        let cut = &ours.pem()[..ours.pem().len() / 2];
        assert_eq!(rig.refused(cut, role), "the PEM in it is damaged");
    }
    assert_eq!(rig.refused(&key, Root), "there is a key in it, and no certificate");
    assert_eq!(rig.refused(&key, Client), "there is a key in it, and no certificate");
    assert_eq!(rig.refused(ours.pem(), Key), "there is a certificate in it, and no key");
    assert_eq!(rig.refused(key.clone() + &key, Key), "there are 2 keys in it, one is needed");
    let damaged = "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n";
    assert_eq!(rig.refused(ours.pem() + damaged, Root), "certificate 2 in it is damaged");
    let unknown = pem_of_key(&PrivateKeyDer::Pkcs8(vec![0x30, 3, 2, 1, 0].into()));
    assert_eq!(
        rig.refused(unknown, Key),
        "the key in it is of no kind that is known here: RSA from 2048 bits, P-256, P-384, Ed25519"
    );
    for locked in ["-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n", {
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n"
    }] {
        assert_eq!(rig.refused(locked, Key), "the key in it is locked with a password: unlock it first");
    }
    assert!(rig.held().is_empty(), "nothing was kept of all that");
}

#[test]
fn a_key_and_a_certificate_have_to_fit() {
    let rig = Rig::new();
    let (ours, other) = (rig.ours(), rig.ours());
    let key = |issued: &Issued| pem_of_key(&issued.key_der());
    rig.import("door.pem", ours.pem(), Client).expect("nothing to fit yet");
    let words =
        rig.import_beside("a.key", key(&other), Key, Some("door.pem")).expect_err("it does not fit").to_string();
    assert!(
        words.ends_with("it does not fit the certificate in door.pem: change the Client Certificate first"),
        "{words}"
    );
    rig.import_beside("a.key", key(&ours), Key, Some("door.pem")).expect("it fits");
    let words =
        rig.import_beside("new.pem", other.pem(), Client, Some("a.key")).expect_err("it does not fit").to_string();
    assert!(
        words.ends_with("it does not fit the key in a.key: empty the Client Key first, or take a file with both"),
        "{words}"
    );
    let renewed = rig
        .authority
        .issue_for(&wanted("the panel", &[]), rcgen::KeyPair::try_from(ours.key.serialized_der()).expect("it is one"));
    rig.import_beside("renewed.pem", renewed.pem(), Client, Some("a.key")).expect("the same key");
    let both = rig.import_beside("both.pem", other.pem() + &key(&other), Client, Some("a.key"));
    assert!(both.expect("it brings its own").has_key);
    let words = rig.import("mixed.pem", other.pem() + &key(&ours), Client).expect_err("it does not fit").to_string();
    assert!(words.ends_with("the key in it does not fit its first certificate"), "{words}");
    let words =
        rig.import_beside("b.key", key(&ours), Key, Some("gone.pem")).expect_err("it cannot be told").to_string();
    assert!(words.ends_with("gone.pem, which it has to fit: there is no such file or folder"), "{words}");
}

#[test]
fn no_link_no_folder_no_pipe_and_nothing_huge_is_read() {
    let rig = Rig::new();
    let ours = rig.ours();
    put(rig.root.path(), "secret.pem", ours.pem());
    let at = |name: &str| rig.stick().join(name);
    let refused = |name: &str| import(&rig.folder(), &at(name), Client, None).expect_err("it is refused").to_string();
    symlink(rig.root.path().join("secret.pem"), at("link.pem")).expect("it can be made");
    assert!(refused("link.pem").ends_with("it is a link to another place"));
    fs::create_dir(at("folder.pem")).expect("it can be made");
    assert!(refused("folder.pem").ends_with("it is no file"));
    let made = std::process::Command::new("mkfifo").arg(at("pipe.pem")).status().expect("coreutils are there");
    assert!(made.success());
    assert!(refused("pipe.pem").ends_with("it is no file"), "and nobody waits for it");
    assert!(refused("none.pem").ends_with("there is no such file or folder"));
    let mut huge = ours.pem().into_bytes();
    huge.resize(LARGEST as usize + 1, b'\n');
    put(&rig.stick(), "huge.pem", &huge);
    assert!(refused("huge.pem").ends_with("it is larger than 256 KiB"));
    huge.pop();
    rig.import("large.pem", &huge, Client).expect("this is the limit");
}

#[test]
fn the_folder_does_not_grow_without_end() {
    let rig = Rig::new();
    rig.import("first.pem", rig.authority.pem(), Root).expect("there is room");
    for number in 1..MOST_FILES {
        put(&rig.folder(), &format!("{number}.pem"), "x");
    }
    let words = rig.import("last.pem", rig.ours().pem(), Client).expect_err("it is full").to_string();
    assert!(words.contains("holds 64 files already"), "{words}");
    assert_eq!(rig.import("first.pem", rig.authority.pem(), Root), named("first.pem"), "what is there is there");
}

#[test]
fn a_folder_that_cannot_be_written_is_said_so() {
    let rig = Rig::new();
    put(rig.root.path(), "data", "a file where the folder should be");
    let words = rig.import("ca.pem", rig.authority.pem(), Root).expect_err("it cannot be kept").to_string();
    assert!(words.contains("data/certificates cannot be written"), "{words}");
}

#[test]
fn the_list_tells_whose_it_is_and_until_when() {
    let rig = Rig::new();
    assert!(list(&rig.folder()).is_empty(), "there is no folder yet");
    let ours = rig.ours();
    rig.import("door.pem", ours.pem() + &pem_of_key(&ours.key_der()), Client).expect("it is right");
    rig.import("key.pem", pem_of_key(&ours.key_der()), Key).expect("it is right");
    put(&rig.folder(), "broken.pem", "x");
    let files = list(&rig.folder());
    let [broken, door, key] = files.as_slice() else { panic!("{files:?}") };
    assert!(broken.problem.as_ref().is_some_and(|problem| problem.contains("neither a certificate nor a key")));
    let facts = door.certificate.as_ref().expect("there is one");
    assert_eq!((facts.subject.as_str(), facts.found().as_str(), door.has_key), ("the panel", "panel.test", true));
    let expires = SystemTime::UNIX_EPOCH + Duration::from_secs(NEW_YEAR);
    assert_eq!((facts.expires(), expiry(&rig.folder().join("door.pem"))), (expires, Ok(expires)));
    assert_eq!((key.certificate.is_none(), key.has_key, &key.problem), (true, true, &None));
    assert_eq!(expiry(&rig.folder().join("key.key")), Err(CertificateFault::NoCertificate));
}

#[test]
fn whose_a_certificate_is_can_always_be_said() {
    let subject = |issued: &Issued| Facts::of(&issued.chain[0]).expect("it is one").subject;
    let authority = Authority::new("the authority");
    let mut nameless = wanted("", &["192.0.2.1"]);
    nameless.distinguished_name = rcgen::DistinguishedName::new();
    assert_eq!(subject(&authority.issue(&nameless)), "192.0.2.1");
    nameless.subject_alt_names.clear();
    nameless.distinguished_name.push(rcgen::DnType::OrganizationName, "The House");
    assert_eq!(subject(&authority.issue(&nameless)), "O=The House");
    assert_eq!(
        subject(&authority.issue(&wanted(&format!("a\n{}", "b".repeat(100)), &[]))),
        format!("a{}", "b".repeat(63))
    );
    assert_eq!(
        Facts::of(&authority.issue(&wanted_for_uri("sip:pbx.test")).chain[0]).expect("it is one").found(),
        "pbx.test"
    );
}

#[test]
fn sticks_are_looked_through_within_bounds() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let at = |name: &str| root.path().join(name);
    for folder in ["media/anna/STICK/certs/deep/er", "media/.hidden", "mnt"] {
        fs::create_dir_all(at(folder)).expect("it can be made");
    }
    let found = ["media/anna/STICK/a.pem", "media/anna/STICK/certs/b.CRT", "media/d.key", "mnt/c.cer", "mnt/e.der"];
    let left = ["media/anna/STICK/certs/deep/f.pem", "media/.hidden/g.pem", "mnt/.h.pem", "mnt/i.txt", "mnt/pem"];
    for file in found.iter().chain(&left) {
        put(root.path(), file, "x");
    }
    put(root.path(), "mnt/empty.pem", "");
    put(root.path(), "mnt/huge.pem", vec![b'x'; LARGEST as usize + 1]);
    symlink(at("mnt/c.cer"), at("mnt/link.pem")).expect("it can be made");
    symlink(at("media/anna"), at("mnt/anna")).expect("it can be made");
    let roots = [at("media"), at("run/media"), at("mnt"), at("mnt")];
    assert_eq!(candidates(&roots), found.map(at));
    for number in 0..100 {
        put(root.path(), &format!("mnt/{number}.pem"), "x");
    }
    assert_eq!(candidates(&[at("mnt")]).len(), 64);
}

#[test]
fn the_desk_answers_whoever_waits_and_does_not_collect_threads() {
    let rig = Rig::new();
    let ours = rig.ours();
    put(&rig.stick(), "door.pem", ours.pem());
    let (sender, mut done) = tokio::sync::mpsc::unbounded_channel();
    let places = Places { folder: rig.folder(), sticks: vec![rig.stick()] };
    let mut desk = Desk::new(places, sender);
    let config = Config::default();
    on_runtime(async {
        let (reply, _waiting) = tokio::sync::oneshot::channel();
        let file = rig.stick().join("door.pem");
        desk.import(&config, Account::Two, Client, file.clone(), Some(reply)).expect("it begins");
        let Some(Done::Imported { account, role, result, waits }) = done.recv().await else {
            panic!("it was imported")
        };
        assert_eq!((account, role, result), (Account::Two, Client, named("door.pem")));
        assert!(waits.is_some());
        desk.settle();
        let config = config.set("account2.tls.certificate", "door.pem").expect("a file");
        desk.look_at_expiry(&config).expect("it begins");
        let Some(Done::Expiries(at)) = done.recv().await else { panic!("it was looked") };
        assert_eq!(at, [None, Some(SystemTime::UNIX_EPOCH + Duration::from_secs(NEW_YEAR))]);
        desk.settle();
        put(&rig.stick(), "other.key", pem_of_key(&rig.ours().key_der()));
        desk.import(&config, Account::Two, Key, rig.stick().join("other.key"), None).expect("it begins");
        let Some(Done::Imported { result, .. }) = done.recv().await else { panic!("it was tried") };
        assert!(result.is_err_and(|problem| problem.to_string().contains("does not fit the certificate in door.pem")));
        desk.settle();
        for _ in 0..4 {
            desk.look().expect("it begins");
        }
        assert_eq!(desk.look(), Err(FileFault::NotDone.into()));
        for _ in 0..4 {
            let Some(Done::Candidates(found)) = done.recv().await else { panic!("it was looked") };
            assert_eq!(found, [file.clone(), rig.stick().join("other.key")]);
            desk.settle();
        }
        desk.look().expect("there is room again");
    });
}
