//! What an endpoint answers to each message of `tests/data/torture`: alone, twice, with the ACK and the CANCEL that share
//! its branch, and two on one branch. No panic, no ghost of a call, nothing kept.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path as FilePath;

use crate::sip::session::{End, SessionEvent, SessionHandle};
use crate::sip::testing::{Bench, ms};

/// The status that each file is answered with; none for what is met with silence. 100 means that it rings.
const ANSWERS: &[(&str, Option<u16>)] = &[
    // To has a tag, and we know of no such dialog.
    ("3.1.1.1-odd-spelling", Some(481)),
    ("3.1.1.2-wide-characters", Some(501)),
    ("3.1.1.3-escapes", Some(100)),
    ("3.1.1.4-escaped-nul", Some(405)),
    ("3.1.1.5-percent-method", Some(501)),
    ("3.1.1.6-no-space-before-bracket", Some(200)),
    ("3.1.1.7-long-values", Some(100)),
    ("3.1.1.8-bytes-behind", Some(405)),
    ("3.1.1.9-user-with-semicolon", Some(200)),
    ("3.1.1.10-unknown-transports", Some(200)),
    ("3.1.1.11-binary-part", Some(405)),
    ("3.1.1.12-wide-reason", None),
    ("3.1.1.13-no-reason", None),
    ("3.1.2.1-stray-separators", Some(400)),
    ("3.1.2.2-length-too-large", Some(400)),
    ("3.1.2.3-length-negative", Some(400)),
    ("3.1.2.4-number-too-large", Some(400)),
    ("3.1.2.5-number-too-large-in-response", None),
    ("3.1.2.6-quote-left-open", Some(400)),
    ("3.1.2.7-uri-in-brackets", Some(400)),
    ("3.1.2.8-space-in-uri", Some(400)),
    ("3.1.2.9-two-spaces", Some(400)),
    ("3.1.2.10-spaces-behind-request-line", Some(400)),
    ("3.1.2.11-headers-in-request-uri", Some(400)),
    // Nobody reads the date.
    ("3.1.2.12-date-of-another-zone", Some(100)),
    ("3.1.2.13-headers-in-bare-contact", Some(400)),
    // What was meant is plain.
    ("3.1.2.14-spaces-inside-brackets", Some(200)),
    ("3.1.2.15-comma-in-bare-name", Some(400)),
    ("3.1.2.16-other-version", Some(505)),
    ("3.1.2.17-other-method-in-cseq", Some(400)),
    ("3.1.2.18-unknown-method-and-other-in-cseq", Some(400)),
    ("3.1.2.19-status-too-large", None),
    ("3.2.1-branch-of-cookie-only", Some(200)),
    ("3.3.1-nothing-required", Some(400)),
    ("3.3.2-unknown-scheme", Some(416)),
    ("3.3.3-scheme-of-another-protocol", Some(416)),
    // We are no registrar.
    ("3.3.4-unknown-schemes-in-addresses", Some(405)),
    ("3.3.5-unknown-extensions", Some(420)),
    ("3.3.6-unknown-body", Some(415)),
    ("3.3.7-unknown-authorization", Some(405)),
    ("3.3.8-repeated-singles", Some(400)),
    ("3.3.9-two-lengths", Some(400)),
    ("3.3.10-broadcast-response", None),
    // It has arrived: only a proxy counts hops.
    ("3.3.11-no-hops-left", Some(200)),
    ("3.3.12-parameter-of-bare-contact", Some(405)),
    ("3.3.13-parameter-of-contact-uri", Some(405)),
    ("3.3.14-headers-in-contact-uri", Some(405)),
    ("3.3.15-answer-of-unknown-type", Some(406)),
    ("3.4.1-before-rfc-3261", Some(100)),
    ("field-bare-line-feeds", Some(100)),
    ("field-broken-ack", None),
    ("field-ipv6", Some(100)),
    ("field-latin-1", Some(100)),
    ("field-no-sip", None),
    ("field-no-via", None),
];

fn files() -> BTreeMap<String, Vec<u8>> {
    let folder = FilePath::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/torture");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap())).collect()
}

fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.path.remote = std::net::SocketAddr::from(([192, 0, 2, 20], 5060));
    bench
}

/// What a message was answered with.
fn statuses(bench: &mut Bench) -> Vec<u16> {
    let status = |line: String| line.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3)?.parse().ok());
    bench.lines().into_iter().map(|line| status(line.clone()).unwrap_or_else(|| panic!("no answer: {line}"))).collect()
}

/// The calls that came; any other event but an end would be a ghost's.
fn calls(bench: &mut Bench) -> Vec<SessionHandle> {
    let mut calls = Vec::new();
    while let Some(event) = bench.endpoint.poll_event() {
        match event {
            SessionEvent::Incoming { session, .. } => calls.push(session),
            SessionEvent::Ended { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    calls
}

/// The calls are declined, time goes by, and nothing is left.
fn end_and_forget(bench: &mut Bench, calls: &[SessionHandle], what: &str) {
    let now = bench.now;
    for call in calls {
        bench.endpoint.end(now, *call, End { code: 603 });
    }
    bench.run(ms(200_000));
    let left = (bench.endpoint.transactions(), bench.endpoint.busy_sessions(), bench.endpoint.poll_timeout());
    assert_eq!(left, (0, 0, None), "{what}");
}

/// The message with another method, wherever the request line and CSeq name it.
fn with_method(message: &[u8], method: &str) -> Vec<u8> {
    let end = message.iter().position(|byte| byte.is_ascii_whitespace()).unwrap_or(message.len());
    let own = &message[..end];
    let mut changed = method.as_bytes().to_vec();
    let mut rest = &message[end..];
    while let Some(at) = rest.windows(own.len() + 1).position(|window| window[0] == b' ' && &window[1..] == own) {
        changed.extend_from_slice(&rest[..=at]);
        changed.extend_from_slice(method.as_bytes());
        rest = &rest[at + 1 + own.len()..];
    }
    changed.extend_from_slice(rest);
    changed
}

/// The message with this branch in its first Via that has one.
fn with_branch(message: &[u8], branch: &[u8]) -> Vec<u8> {
    let Some(at) = message.windows(7).position(|window| window.eq_ignore_ascii_case(b"branch=")) else {
        return message.to_vec();
    };
    let rest = &message[at + 7..];
    let end = rest.iter().position(|byte| b";, \r\n".contains(byte)).unwrap_or(rest.len());
    [&message[..at + 7], branch, &rest[end..]].concat()
}

#[test]
fn each_is_answered_as_rfc_4475_asks_or_allows() {
    let files = files();
    assert_eq!(files.len(), ANSWERS.len(), "a file that nobody expects");
    for (name, answer) in ANSWERS {
        let mut bench = bench();
        bench.deliver_bytes(&files[*name]);
        assert_eq!(statuses(&mut bench), Vec::from_iter(*answer), "{name}");
        let calls = calls(&mut bench);
        assert_eq!(calls.len(), usize::from(*answer == Some(100)), "{name}");
        end_and_forget(&mut bench, &calls, name);
    }
}

#[test]
fn sent_twice_each_is_answered_alike_and_rings_once() {
    let files = files();
    for (name, answer) in ANSWERS {
        let mut bench = bench();
        for _ in 0..3 {
            bench.deliver_bytes(&files[*name]);
            assert_eq!(statuses(&mut bench), Vec::from_iter(*answer), "{name}");
        }
        let calls = calls(&mut bench);
        assert_eq!(calls.len(), usize::from(*answer == Some(100)), "{name}");
        end_and_forget(&mut bench, &calls, name);
    }
}

/// A CANCEL with all the faults of its INVITE is answered with the status of those, or takes back the call; an ACK is
/// never answered, and neither rings.
#[test]
fn an_ack_and_a_cancel_of_the_same_branch_ring_nobody() {
    let files = files();
    for (name, answer) in ANSWERS {
        let message = &files[*name];
        let (ack, cancel) = (with_method(message, "ACK"), with_method(message, "CANCEL"));
        for order in [[message, &ack, &cancel], [message, &cancel, &ack], [&ack, &cancel, message]] {
            let mut bench = bench();
            let mut rung = Vec::new();
            for sent in order.into_iter().chain(order) {
                bench.deliver_bytes(sent);
                let answers = statuses(&mut bench);
                assert!(sent != &ack || *message == ack || answers.is_empty(), "{name}: {answers:?}");
                rung.extend(calls(&mut bench));
            }
            assert_eq!(rung.len(), usize::from(*answer == Some(100)), "{name}");
            end_and_forget(&mut bench, &rung, name);
        }
    }
}

#[test]
fn two_on_one_branch_harm_neither() {
    let files = files();
    let shared = |name: &str| with_branch(&files[name], b"z9hG4bKshared");
    for (one, first) in ANSWERS {
        for (two, second) in ANSWERS {
            let what = format!("{one} and {two}");
            let mut bench = bench();
            let mut rung = Vec::new();
            for _ in 0..2 {
                for name in [one, two] {
                    bench.deliver_bytes(&shared(name));
                    assert!(statuses(&mut bench).len() <= 1, "{what}");
                    rung.extend(calls(&mut bench));
                }
            }
            let invites = usize::from(*first == Some(100)) + usize::from(*second == Some(100));
            assert!(rung.len() <= invites && (invites == 0 || !rung.is_empty()), "{what}: {} calls", rung.len());
            assert!(bench.endpoint.transactions() <= 2, "{what}");
            end_and_forget(&mut bench, &rung, &what);
        }
    }
}

/// All at once, in the order of their names and against it, from one sender.
#[test]
fn all_together_leave_nothing() {
    let files = files();
    let mut bench = bench();
    let mut rung = Vec::new();
    for message in files.values().chain(files.values().rev()).cycle().take(files.len() * 10) {
        bench.deliver_bytes(message);
        statuses(&mut bench);
        rung.extend(calls(&mut bench));
    }
    let expected = ANSWERS.iter().filter(|(_, answer)| *answer == Some(100)).count();
    assert!((1..=expected).contains(&rung.len()), "{} calls", rung.len());
    end_and_forget(&mut bench, &rung, "all together");
}
