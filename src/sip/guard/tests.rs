//! The guard by itself: floods from one, from many and from everywhere, with somebody who means it among them.

use super::*;

const DOOR: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 3));
const VISITOR: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 200));

/// An attacker's address.
fn attacker(number: u32) -> IpAddr {
    IpAddr::from((0xc6_12_00_00 + number).to_be_bytes())
}

/// Lets `sources` addresses together send `rate` messages a second, each second one a new INVITE, for `seconds`; calls
/// `also` a hundred times a second. Gives how many messages and how many calls passed.
fn flood(
    guard: &mut Guard,
    start: Instant,
    (sources, rate, seconds): (u32, u32, u32),
    mut also: impl FnMut(&mut Guard, Instant),
) -> (u32, u32) {
    let (mut messages, mut calls) = (0, 0);
    let mut next = start;
    for count in 0..rate * seconds {
        let now = start + Duration::from_secs(1) * count / rate;
        let from = attacker(count % sources);
        if guard.admit_message(now, from, Standing::Stranger) {
            messages += 1;
            if (count / sources).is_multiple_of(2) && guard.admit_call(now, from, Standing::Stranger) {
                calls += 1;
            }
        }
        if next <= now {
            also(guard, now);
            next += Duration::from_millis(10);
        }
    }
    (messages, calls)
}

#[test]
fn one_source_gets_its_burst_and_is_then_shut() {
    let mut guard = Guard::new();
    let start = Instant::now();
    let (messages, calls) = flood(&mut guard, start, (1, 400, 30), |_, _| {});
    assert!(messages <= 80, "{messages} messages");
    assert_eq!(calls, CALLS.burst);
    let said: Vec<_> = std::iter::from_fn(|| guard.poll_flood()).collect();
    let source = Source::of(attacker(0));
    assert_eq!(said, [Flood::Began { source: Some(source) }, Flood::Shut { source }]);
    let end = start + Duration::from_secs(30);
    assert!(!guard.admit_message(end, attacker(0), Standing::Stranger), "it has not kept quiet");
    guard.handle_timeout(end + SHUT);
    assert!(matches!(guard.poll_flood(), Some(Flood::Ended { dropped, .. }) if dropped > 11_900));
    assert_eq!(guard.poll_timeout(), None);
    assert!(guard.admit_message(end + SHUT, attacker(0), Standing::Stranger), "it kept quiet and is heard again");
    assert!(guard.admit_call(end + SHUT, attacker(0), Standing::Stranger));
}

#[test]
fn a_visitor_is_heard_whole_whoever_floods() {
    for sources in [1, 2, 50, 300] {
        for rate in [400, 4000, 40_000] {
            let mut guard = Guard::new();
            let start = Instant::now();
            let mut rings = 0;
            flood(&mut guard, start, (sources, rate, 5), |guard, now| {
                // Every second a visitor from another address: INVITE, ACK and whatever else a call takes.
                let tick = now.duration_since(start).as_millis() / 10;
                let visitor = attacker(1_000_000 + (tick / 100) as u32);
                let place = tick % 100;
                if place < 20 {
                    assert!(guard.admit_message(now, visitor, Standing::Stranger), "{sources} at {rate}, tick {tick}");
                }
                if place == 0 {
                    assert!(guard.admit_call(now, visitor, Standing::Stranger), "{sources} at {rate}, tick {tick}");
                    assert_eq!(guard.calls_lately(now, visitor, Standing::Stranger), 1);
                    rings += 1;
                }
            });
            assert!(rings >= 5);
        }
    }
}

#[test]
fn the_known_are_heard_even_if_every_address_there_is_floods() {
    let mut guard = Guard::new();
    guard.set_known([DOOR]);
    let start = Instant::now();
    let mut heard = 0;
    flood(&mut guard, start, (100_000, 40_000, 5), |guard, now| {
        assert_eq!(guard.standing(DOOR), Standing::Known);
        assert!(guard.admit_message(now, DOOR, Standing::Known));
        heard += 1;
        assert!(guard.sources() <= MAX_SOURCES);
    });
    assert!(guard.admit_call(start + Duration::from_secs(5), DOOR, Standing::Known));
    assert!(heard >= 450);
    assert_eq!(guard.sources(), MAX_SOURCES);
}

#[test]
fn a_known_door_that_floods_is_limited_and_never_shut() {
    let mut guard = Guard::new();
    guard.set_known([DOOR]);
    let start = Instant::now();
    let (mut messages, mut calls) = (0, 0);
    for count in 0..10_000 {
        let now = start + Duration::from_millis(count);
        if guard.admit_message(now, DOOR, Standing::Known) {
            messages += 1;
            calls += u32::from(guard.admit_call(now, DOOR, Standing::Known));
        }
        if count == 5000 {
            assert!(guard.admit_message(now, VISITOR, Standing::Stranger));
        }
    }
    assert!((1250..=1320).contains(&messages), "{messages}");
    assert!((70..=90).contains(&calls), "{calls}");
    let shut = std::iter::from_fn(|| guard.poll_flood()).any(|flood| matches!(flood, Flood::Shut { .. }));
    assert!(!shut);
    guard.set_known([]);
    assert_eq!(guard.standing(DOOR), Standing::Stranger);
}

#[test]
fn whoever_becomes_known_owes_nothing_for_what_it_said_as_a_stranger() {
    let mut guard = Guard::new();
    let now = Instant::now();
    for _ in 0..CALLS.burst {
        assert!(guard.admit_call(now, VISITOR, Standing::Stranger));
    }
    for _ in 0..FIRM.burst {
        assert!(guard.admit_message(now, VISITOR, Standing::Stranger));
    }
    // Its call is answered: it gets all that a known one gets.
    for _ in 0..KNOWN.burst {
        assert!(guard.admit_message(now, VISITOR, Standing::Known));
    }
    for _ in 0..KNOWN_CALLS.burst {
        assert!(guard.admit_call(now, VISITOR, Standing::Known));
    }
}

#[test]
fn what_is_inside_a_call_passes_beyond_all_shares_and_not_without_end() {
    for standing in [Standing::Known, Standing::Stranger] {
        let mut guard = Guard::new();
        let now = Instant::now();
        while guard.admit_message(now, VISITOR, standing) {}
        let mut inside = 0;
        while guard.admit_message_or(now, VISITOR, standing, || true) {
            inside += 1;
        }
        assert_eq!(inside, INSIDE.burst);
        assert!(!guard.admit_message_or(now + Duration::from_millis(1), VISITOR, standing, || false));
        assert!(guard.admit_message_or(now + Duration::from_millis(20), VISITOR, standing, || true));
    }
}

#[test]
fn a_stranger_in_the_network_of_a_known_door_is_not_the_door() {
    let mut guard = Guard::new();
    let address = |text: &str| text.parse::<IpAddr>().expect("an address");
    guard.set_known([address("2001:db8::10")]);
    let now = Instant::now();
    let stranger = address("2001:db8::66");
    assert_eq!(guard.standing(stranger), Standing::Stranger);
    while guard.admit_message(now, stranger, Standing::Stranger) {}
    assert!(!guard.admit_message(now, address("2001:db8::67"), Standing::Stranger), "a /64 is one");
    assert!(guard.admit_message(now, address("2001:db8::10"), Standing::Known));
}

#[test]
fn a_quiet_source_is_forgotten_first() {
    let mut guard = Guard::new();
    let start = Instant::now();
    let late = start + Duration::from_secs(600);
    guard.admit_message(start, VISITOR, Standing::Stranger);
    while guard.admit_call(late, attacker(0), Standing::Stranger) {}
    for number in 1..2 * MAX_SOURCES as u32 {
        guard.admit_message(late + Duration::from_millis(5) * number, attacker(number), Standing::Stranger);
        guard.admit_message(late + Duration::from_millis(5) * number, attacker(0), Standing::Stranger);
    }
    assert_eq!(guard.sources(), MAX_SOURCES);
    assert!(guard.calls_lately(late, attacker(0), Standing::Stranger) > 1, "who is heard of is remembered");
    assert!(!guard.accounts.contains_key(&Source::of(VISITOR)));
}

#[test]
fn tables_keep_places_for_those_who_have_few_and_for_the_known() {
    let places = |standing, own, taken| has_place(standing, own, taken, 64);
    assert!(places(Standing::Stranger, 15, 40) && !places(Standing::Stranger, 16, 40));
    assert!(!places(Standing::Stranger, FEW + 1, 48) && places(Standing::Stranger, FEW, 55));
    assert!(!places(Standing::Stranger, 0, 56) && places(Standing::Known, 60, 63));
    assert!(!places(Standing::Known, 0, 64));
}
