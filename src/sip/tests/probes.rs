//! Probes: whether anybody is there at all.

use std::time::Duration;

use crate::sip::message::{Method, Uri};
use crate::sip::path::{Path, Transport};
use crate::sip::registration::ProbeEvent;
use crate::sip::testing::demand::PASSWORD;
use crate::sip::testing::{ACCOUNT, CALLER, Demand, World, credentials, ms};

const PATIENCE: Duration = Duration::from_secs(2);

fn probe(world: &mut World, transport: Transport) {
    let way = Path { transport, ..world.order(0).way };
    let (now, uri) = (world.now, Uri::parse("sip:home.example").expect("a URI"));
    world.at(CALLER).probe(now, way, uri, Some(ACCOUNT), PATIENCE);
}

fn told(world: &mut World) -> Vec<ProbeEvent> {
    world.run(ms(0));
    std::mem::take(&mut world.phones[CALLER].probes)
}

#[test]
fn any_answer_is_a_sign_of_life() {
    for status in [200, 404, 503] {
        let mut world = World::new(1, 0.0);
        world.add_registrar().refuses = Some((status, Vec::new()));
        probe(&mut world, Transport::Udp);
        world.run(ms(100));
        assert_eq!(told(&mut world), [ProbeEvent::Alive { status }]);
        let (_, options) = &world.registrars[0].heard[0];
        assert_eq!((options.method(), options.uri().to_string()), (&Method::Options, "sip:home.example".to_owned()));
        world.run(ms(60_000));
        assert_eq!(told(&mut world), []);
        world.assert_empty();
    }
}

#[test]
fn a_challenge_is_a_sign_of_life_and_not_answered() {
    let mut world = World::new(1, 0.0);
    world.at(CALLER).set_credentials(ACCOUNT, Some(credentials(PASSWORD)));
    world.add_registrar().gate.demands = vec![Demand::new("home", true)];
    probe(&mut world, Transport::Udp);
    world.run(ms(10_000));
    assert_eq!(told(&mut world), [ProbeEvent::Alive { status: 407 }]);
    assert_eq!(world.count(CALLER, "OPTIONS"), 1);
    // What is known after it goes with the next one.
    let order = world.order(0);
    let registration = world.register(order);
    world.run(ms(100));
    probe(&mut world, Transport::Udp);
    world.run(ms(100));
    assert_eq!(told(&mut world), [ProbeEvent::Alive { status: 200 }]);
    let now = world.now;
    world.at(CALLER).forget(now, registration);
}

#[test]
fn silence_is_told_after_a_while_and_the_question_is_not_repeated_any_longer() {
    let mut world = World::new(1, 0.0);
    world.add_registrar().silent = true;
    probe(&mut world, Transport::Udp);
    world.run(ms(1_999));
    assert_eq!(told(&mut world), []);
    world.run(ms(2));
    assert_eq!(told(&mut world), [ProbeEvent::TimedOut]);
    let sent = world.count(CALLER, "OPTIONS");
    world.run(ms(60_000));
    assert_eq!(world.count(CALLER, "OPTIONS"), sent);
    world.assert_empty();
}

#[test]
fn a_network_that_does_not_deliver_is_told() {
    let mut world = World::new(1, 0.0);
    world.add_registrar();
    world.refuse_connections();
    probe(&mut world, Transport::Tcp);
    world.run(ms(100));
    assert_eq!(told(&mut world), [ProbeEvent::TransportError]);
    world.assert_empty();
}
