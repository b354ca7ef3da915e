//! How long a call waits for any sign of life before it is to be tried elsewhere.

use std::time::Duration;

use super::answer;
use crate::sip::message::{Method, Request};
use crate::sip::path::Transport;
use crate::sip::session::{EndCause, SessionEvent, SessionHandle};
use crate::sip::testing::demand::PASSWORD;
use crate::sip::testing::{ACCOUNT, Bench, credentials, invite, ms};
use crate::sip::timing::TimerReason;

const PATIENCE: Duration = Duration::from_secs(4);

fn called(transport: Transport) -> (Bench, SessionHandle, Request) {
    let mut bench = Bench::new();
    bench.path.transport = transport;
    bench.endpoint.set_credentials(ACCOUNT, Some(credentials(PASSWORD)));
    let (now, path) = (bench.now, bench.path);
    let mut order = invite(path, Some("offer"));
    (order.patience, order.account) = (PATIENCE, Some(ACCOUNT));
    let session = bench.endpoint.invite(now, order);
    let request = bench.request();
    (bench, session, request)
}

fn timed_out(bench: &mut Bench) -> bool {
    matches!(bench.endpoint.poll_event(), Some(SessionEvent::Ended { why: EndCause::TimedOut, .. }))
}

#[test]
fn a_call_of_which_nothing_is_heard_ends_and_is_not_repeated() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let (mut bench, _, _) = called(transport);
        bench.run(PATIENCE - ms(1));
        assert!(bench.endpoint.poll_event().is_none());
        assert_eq!(bench.endpoint.poll_timeout().map(|(_, why)| why), Some(TimerReason::InviteUnheard));
        bench.lines();
        bench.run(ms(1));
        assert!(timed_out(&mut bench));
        bench.run(ms(60_000));
        assert!(bench.is_quiet(), "neither repeated nor cancelled, nothing told");
        assert_eq!((bench.endpoint.busy_sessions(), bench.endpoint.transactions()), (0, 0));
        assert!(bench.endpoint.poll_timeout().is_none());
    }
}

#[test]
fn whoever_hears_of_it_late_is_told_that_it_is_given_up() {
    let (mut bench, _, request) = called(Transport::Udp);
    bench.run(PATIENCE);
    assert!(timed_out(&mut bench));
    bench.lines();
    bench.run(ms(3_000));
    bench.deliver_bytes(&answer(&request, 180, "late", &[]));
    assert_eq!(bench.request().cseq(), (request.cseq().0, Method::Cancel));

    let (mut bench, _, request) = called(Transport::Udp);
    bench.run(PATIENCE);
    assert!(timed_out(&mut bench));
    bench.lines();
    bench.deliver_bytes(&answer(&request, 200, "late", &[]));
    assert_eq!(bench.lines().iter().filter_map(|line| line.split(' ').next()).collect::<Vec<_>>(), ["ACK", "BYE"]);

    let (mut bench, _, request) = called(Transport::Udp);
    bench.run(PATIENCE);
    assert!(timed_out(&mut bench));
    bench.lines();
    let demand = [("Proxy-Authenticate", "Digest realm=\"a\", nonce=\"1\"")];
    bench.deliver_bytes(&answer(&request, 407, "late", &demand));
    assert_eq!(bench.request().cseq().1, Method::Ack);
    assert!(bench.is_quiet());
    bench.run(ms(60_000));
    assert_eq!((bench.endpoint.busy_sessions(), bench.endpoint.transactions()), (0, 0));
}

#[test]
fn once_anything_is_heard_the_callee_has_all_the_time() {
    let (mut bench, _, request) = called(Transport::Udp);
    bench.run(PATIENCE - ms(1));
    bench.deliver_bytes(&answer(&request, 100, "", &[]));
    bench.run(ms(120_000));
    assert!(bench.endpoint.poll_event().is_none());
}

#[test]
fn a_challenge_makes_the_patience_begin_anew() {
    let (mut bench, _, request) = called(Transport::Udp);
    bench.run(ms(3_000));
    let demand = [("Proxy-Authenticate", "Digest realm=\"a\", nonce=\"1\"")];
    bench.deliver_bytes(&answer(&request, 407, "gate", &demand));
    bench.run(ms(3_000));
    assert!(bench.endpoint.poll_event().is_none());
    bench.run(ms(1_000));
    assert!(timed_out(&mut bench));
}
