//! The rigs without the panel: what they do here, they do; what fails elsewhere is then the panel's.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::real_panel::poll;
use crate::rigs::Transport;
use crate::rigs::baresip::{Account, Baresip, Role};
use crate::rigs::certificates::{Authority, KeyForm, Pair, Validity};
use crate::rigs::digest::Challenge;
use crate::rigs::kamailio::{Kamailio, ServerTls, Setup};
use crate::rigs::relay::Relay;
use crate::rigs::scripted::{Answer, Scripted};
use crate::rigs::wav;

const SUBSCRIBERS: [(&str, &str); 2] = [("anna", "an9Aa"), ("ben", "be8Nn")];

fn tls(authority: &Authority) -> ServerTls {
    let pair = authority.server(&["IP:127.0.0.1"]);
    ServerTls { pair, authority: authority.certificate(), wants_certificates: false }
}

/// Two telephones register at one registrar, call and hear each other through it.
fn call(transport: Transport, setup: &Setup) {
    let kamailio = Kamailio::start(setup);
    let registrar = kamailio.host_port(transport);
    let telephone = |(name, password): (&str, &str)| {
        let account = Account::new(&registrar, name, password);
        let telephone = Baresip::start_registered(Role { camera: false, ..Role::DOOR }, transport, &account);
        kamailio.wait_for_bindings(name, |bindings| bindings.len() == 1);
        telephone
    };
    let (mut anna, mut ben) = (telephone(SUBSCRIBERS[0]), telephone(SUBSCRIBERS[1]));
    anna.order("dial", &format!("sip:ben@{registrar}{}", transport.parameter()));
    anna.event("CALL_ESTABLISHED");
    ben.event("CALL_ESTABLISHED");
    // Four seconds: the comparison looks at two. The file can be read once the call is over.
    let talked = poll(|| (ben.heard()?.metadata().ok()?.len() > 4 * 16_000).then_some(()));
    assert!(talked.is_some(), "ben hears nothing:\n{}", ben.log());
    ben.order("hangup", "");
    wav::VISITOR.expect_in("what ben heard", || ben.heard());
    anna.closed();
    assert!(kamailio.count("INVITE") >= 2, "the first INVITE is challenged");
}

#[test]
fn two_telephones_call_each_other_by_udp() {
    call(Transport::Udp, &Setup::registrar(&SUBSCRIBERS));
}

#[test]
fn two_telephones_call_each_other_by_tcp() {
    call(Transport::Tcp, &Setup::registrar(&SUBSCRIBERS));
}

#[test]
fn two_telephones_call_each_other_by_tls() {
    let authority = Authority::new();
    call(Transport::Tls, &Setup { tls: Some(tls(&authority)), ..Setup::registrar(&SUBSCRIBERS) });
}

#[test]
fn a_proxy_in_between_carries_registrations_and_calls_both_ways() {
    let kamailio = Kamailio::start(&Setup::registrar(&SUBSCRIBERS));
    let proxy = Kamailio::start(&Setup::proxy(&kamailio));
    let (registrar, outbound) = (kamailio.host_port(Transport::Udp), proxy.host_port(Transport::Udp));
    let telephone = |(name, password): (&str, &str), transport| {
        let account = Account { outbound: Some(&outbound), ..Account::new(&registrar, name, password) };
        let telephone = Baresip::start_registered(Role { camera: false, ..Role::DOOR }, transport, &account);
        let bindings = kamailio.wait_for_bindings(name, |bindings| bindings.len() == 1);
        assert!(bindings[0].path.contains(&outbound), "{bindings:?}");
        telephone
    };
    let mut anna = telephone(SUBSCRIBERS[0], Transport::Tcp);
    let mut ben = telephone(SUBSCRIBERS[1], Transport::Udp);
    anna.order("dial", &format!("sip:ben@{registrar}"));
    anna.event("CALL_ESTABLISHED");
    ben.event("CALL_ESTABLISHED");
    anna.order("hangup", "");
    ben.closed();
    ben.order("dial", &format!("sip:anna@{registrar}"));
    anna.event("CALL_ESTABLISHED");
    ben.event("CALL_ESTABLISHED");
    anna.order("hangup", "");
    ben.closed();
    assert!(proxy.count("INVITE") >= 4 && proxy.count("BYE") >= 2);
}

#[test]
fn by_tls_kamailio_turns_away_who_has_no_certificate_where_it_wants_one() {
    let authority = Authority::new();
    let wanting = ServerTls { wants_certificates: true, ..tls(&authority) };
    let kamailio = Kamailio::start(&Setup { tls: Some(wanting), ..Setup::registrar(&SUBSCRIBERS) });
    let greet = |client: &[&str]| {
        let target = kamailio.host_port(Transport::Tls);
        let mut command = Command::new("openssl");
        command.args(["s_client", "-connect", &target, "-verify_return_error", "-CAfile"]);
        let mut child = command
            .arg(authority.certificate())
            .args(client)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl starts");
        // By TLS 1.3 a client learns that it is turned away when it reads.
        let mut words = child.stdin.take().expect("a pipe");
        words.write_all(options(target.as_str(), "TLS").as_bytes()).expect("it is written");
        let mut out = child.stdout.take().expect("a pipe");
        let (mut heard, mut some) = (String::new(), [0; 1000]);
        while !heard.contains("SIP/2.0 200")
            && let Ok(length @ 1..) = out.read(&mut some)
        {
            heard.push_str(&String::from_utf8_lossy(&some[..length]));
        }
        // It may have left already.
        let _ = child.kill();
        let _ = child.wait();
        heard
    };
    assert!(!greet(&[]).contains("SIP/2.0 200"));
    for form in [KeyForm::Pkcs8, KeyForm::Sec1, KeyForm::Pkcs1] {
        let client = authority.client("panel", form, Validity::days(5));
        let (certificate, key) = (client.certificate.to_string_lossy(), client.key.to_string_lossy());
        let heard = greet(&["-cert", &certificate, "-key", &key]);
        assert!(heard.contains("SIP/2.0 200"), "{form:?}: {heard}\n{}", kamailio.log());
        let begins = std::fs::read_to_string(&client.key).expect("a key");
        let words = match form {
            KeyForm::Pkcs8 => "-----BEGIN PRIVATE KEY-----",
            KeyForm::Sec1 => "-----BEGIN EC PRIVATE KEY-----",
            KeyForm::Pkcs1 => "-----BEGIN RSA PRIVATE KEY-----",
        };
        assert!(begins.starts_with(words), "{begins}");
    }
}

/// Why openssl refuses a certificate for a host; empty if it does not.
fn verdict(authority: &Authority, pair: &Pair, host: &str) -> String {
    let kind = if host.parse::<std::net::IpAddr>().is_ok() { "-verify_ip" } else { "-verify_hostname" };
    let output = Command::new("openssl")
        .args(["verify", kind, host, "-CAfile"])
        .args([authority.certificate(), pair.certificate.clone()])
        .output()
        .expect("openssl starts");
    if output.status.success() { String::new() } else { String::from_utf8_lossy(&output.stderr).into_owned() }
}

#[test]
fn certificates_are_good_or_bad_in_the_way_that_is_asked() {
    let authority = Authority::new();
    let good = authority.server(&["DNS:pbx.test", "IP:127.0.0.1"]);
    for host in ["pbx.test", "127.0.0.1"] {
        assert_eq!(verdict(&authority, &good, host), "");
    }
    let stranger = Authority::new();
    let bad = [
        (good.clone(), "other.test", "hostname mismatch"),
        (good, "127.0.0.2", "IP address mismatch"),
        (authority.server_valid(&["DNS:pbx.test"], Validity::expired()), "pbx.test", "has expired"),
        (authority.server_valid(&["DNS:pbx.test"], Validity::not_yet()), "pbx.test", "not yet valid"),
        (authority.self_signed(&["DNS:pbx.test"]), "pbx.test", "self-signed certificate"),
        (stranger.server(&["DNS:pbx.test"]), "pbx.test", "unable to get local issuer"),
    ];
    for (pair, host, words) in bad {
        let verdict = verdict(&authority, &pair, host);
        assert!(verdict.contains(words), "{words} is not in {verdict}");
    }
}

/// A question that needs no proof, from nobody in particular.
fn options(target: &str, over: &str) -> String {
    format!(
        "OPTIONS sip:{target} SIP/2.0\r\nVia: SIP/2.0/{over} 127.0.0.1:9;branch=z9hG4bKo;rport\r\nMax-Forwards: 70\r\n\
         From: <sip:x@127.0.0.1>;tag=o\r\nTo: <sip:{target}>\r\nCall-ID: o\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
}

#[test]
fn paused_it_accepts_connections_and_says_nothing() {
    let kamailio = Kamailio::start(&Setup { ipv6: true, ..Setup::registrar(&[]) });
    let greet = |host: &str| {
        let target = format!("{host}:{}", kamailio.port);
        let mut connection = TcpStream::connect(&target).expect("it accepts");
        connection.set_read_timeout(Some(Duration::from_millis(500))).expect("a time-out can be set");
        connection.write_all(options(&target, "TCP").as_bytes()).expect("it takes what comes");
        let mut some = [0; 1000];
        connection.read(&mut some).map(|length| String::from_utf8_lossy(&some[..length]).into_owned())
    };
    for host in ["127.0.0.1", "[::1]"] {
        assert!(greet(host).expect("an answer").contains("SIP/2.0 200"));
    }
    kamailio.pause();
    assert!(greet("127.0.0.1").is_err());
    kamailio.resume();
    assert!(greet("127.0.0.1").expect("an answer").contains("SIP/2.0 200"));
}

/// Sends a REGISTER without a proof, and gives the first line of the answer, or nothing if none comes in time.
fn ask(kamailio: &Kamailio, number: u32) -> Option<String> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    socket.set_read_timeout(Some(Duration::from_millis(500))).expect("a time-out can be set");
    let local = socket.local_addr().expect("it is bound");
    let request = format!(
        "REGISTER sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK{number};rport\r\nMax-Forwards: 70\r\n\
         From: <sip:anna@127.0.0.1>;tag=a\r\nTo: <sip:anna@127.0.0.1>\r\nCall-ID: {number}@{local}\r\n\
         CSeq: {number} REGISTER\r\nContact: <sip:anna@{local}>\r\nContent-Length: 0\r\n\r\n"
    );
    socket.send_to(request.as_bytes(), ("127.0.0.1", kamailio.port)).expect("it is sent");
    let mut some = [0; 4096];
    let length = socket.recv(&mut some).ok()?;
    Some(String::from_utf8_lossy(&some[..length]).into_owned())
}

#[test]
fn kamailio_goes_away_comes_back_and_answers_as_it_is_told() {
    let mut kamailio = Kamailio::start(&Setup { algorithm: "SHA-256", ..Setup::registrar(&SUBSCRIBERS) });
    let says = |kamailio: &Kamailio, number: u32, words: &[&str]| {
        let answer = ask(kamailio, number).unwrap_or_default();
        assert!(words.iter().all(|word| answer.contains(word)), "{words:?} is not in {answer}");
    };
    says(&kamailio, 1, &["401 Unauthorized", "algorithm=SHA-256", "realm=\"vestibule.test\""]);
    kamailio.refuse("REGISTER", "503 Service Unavailable", Some("Retry-After: 9"));
    says(&kamailio, 2, &["503 Service Unavailable", "Retry-After: 9"]);
    kamailio.refuse("REGISTER", "302 Moved Temporarily", Some("Contact: <sip:127.0.0.1:9>"));
    says(&kamailio, 3, &["302 Moved Temporarily", "Contact: <sip:127.0.0.1:9>"]);
    kamailio.serve("REGISTER");
    kamailio.set_realm("elsewhere.test", "vestibule.test");
    says(&kamailio, 4, &["401 Unauthorized", "realm=\"elsewhere.test\""]);
    assert_eq!(kamailio.count("REGISTER"), 4);

    kamailio.pause();
    assert_eq!(ask(&kamailio, 5), None);
    kamailio.resume();
    says(&kamailio, 6, &["401"]);
    kamailio.kill();
    assert_eq!(ask(&kamailio, 7), None);
    kamailio.start_again();
    says(&kamailio, 8, &["401", "realm=\"vestibule.test\""]);
    assert_eq!(kamailio.count("REGISTER"), 1);
}

#[test]
fn a_registration_that_is_too_short_is_told_what_would_do_and_a_long_one_is_shortened() {
    let kamailio = Kamailio::start(&Setup { min_expires: 120, max_expires: 300, ..Setup::registrar(&SUBSCRIBERS) });
    let registrar = kamailio.host_port(Transport::Udp);
    let (name, password) = SUBSCRIBERS[0];
    let brief = Account { period: 60, ..Account::new(&registrar, name, password) };
    let telephone = Baresip::start_registered(Role::DOOR, Transport::Udp, &brief);
    kamailio.wait_for_bindings(name, |bindings| bindings.iter().any(|one| (90..=120).contains(&one.expires_s)));
    assert_eq!(kamailio.count("REGISTER"), 3, "a challenge, 423, and what is asked for after it");
    drop(telephone);
    let long = Account { period: 3000, ..brief };
    let _telephone = Baresip::start_registered(Role::DOOR, Transport::Udp, &long);
    kamailio.wait_for_bindings(name, |bindings| bindings.iter().any(|one| (200..=300).contains(&one.expires_s)));
}

#[test]
fn a_scripted_server_hears_answers_and_checks_what_a_telephone_proves() {
    let challenge = Challenge::new("MD5");
    let (name, password) = SUBSCRIBERS[0];
    let mut verdicts = Vec::new();
    let (tell, told) = std::sync::mpsc::channel();
    let scripted = Scripted::start(move |request| {
        if request.header("Authorization").is_none() {
            return Some(challenge.answer());
        }
        tell.send(challenge.check(request, name, password).map(|proof| proof.count())).expect("the test listens");
        Some(Answer::registered(request, 40))
    });
    for transport in [Transport::Udp, Transport::Tcp] {
        let registrar = scripted.host_port();
        let account = Account::new(&registrar, name, password);
        let mut telephone = Baresip::start_registered(Role::DOOR, transport, &account);
        telephone.event("REGISTER_OK");
        verdicts.push(told.recv().expect("it was checked"));
    }
    assert_eq!(verdicts, [Ok(1), Ok(1)]);
    let heard = scripted.heard("REGISTER");
    assert_eq!(heard.iter().filter(|request| request.over == Transport::Tcp).count(), 2);
    assert_eq!(heard[0].expires(), Some(600));
}

#[test]
fn a_relay_writes_down_cuts_and_runs_dry() {
    let scripted = Scripted::start(|_| Some(Answer::new(200, "OK")));
    let relay = Relay::to(scripted.port);
    let ask = |stream: &mut TcpStream| {
        stream.set_read_timeout(Some(Duration::from_millis(500))).expect("a time-out can be set");
        stream.write_all(options("127.0.0.1", "TCP").as_bytes())?;
        let mut some = [0; 1000];
        stream.read(&mut some)
    };
    let mut first = TcpStream::connect(("127.0.0.1", relay.port)).expect("it listens");
    assert!(ask(&mut first).is_ok_and(|length| length > 0));
    let recorded = String::from_utf8(relay.recorded()).expect("text");
    assert!(recorded.contains("OPTIONS sip:127.0.0.1 SIP/2.0") && recorded.contains("SIP/2.0 200 OK"), "{recorded}");
    relay.cut();
    let left = ask(&mut first);
    assert!(
        matches!(&left, Ok(0)) || left.as_ref().is_err_and(|error| error.kind() != ErrorKind::WouldBlock),
        "{left:?}"
    );

    let mut second = TcpStream::connect(("127.0.0.1", relay.port)).expect("it still listens");
    assert!(ask(&mut second).is_ok_and(|length| length > 0));
    relay.run_dry(true);
    assert_eq!(ask(&mut second).expect_err("nothing comes").kind(), ErrorKind::WouldBlock);
    assert_eq!((relay.accepted(), scripted.heard("OPTIONS").len()), (2, 2));
}
