//! Calls by IP address between two panels, and every way in which one can fail.

use vestibule::channel::{CallDirection, CallResult, CallState, Command, EndReason, Refusal};
use vestibule::phone::Tone;

use crate::common::{DOOR, House, OTHER, PANEL, ms, s};

#[test]
fn a_call_from_the_dial_pad_to_the_other_panel_and_back_down() {
    let mut house = House::new(&[]);
    house.dial("10✳0✳0✳2").expect("dialled");
    assert_eq!(house.call(PANEL).state, CallState::Calling);
    house.run(ms(20));
    assert_eq!(house.call(PANEL).state, CallState::Ringing);
    assert_eq!(house.panel().tone(), Some(Tone::Ringback));
    let there = house.call(OTHER);
    assert_eq!((there.direction, there.state), (CallDirection::In, CallState::Ringing));
    assert_eq!((there.remote.as_str(), there.name.as_str()), ("sip:vestibule@10.0.0.1", "vestibule@10.0.0.1"));
    assert!(matches!(house.panels[OTHER].tone(), Some(Tone::Ring(_))));

    house.must(OTHER, Command::Answer(None));
    house.run(ms(20));
    for node in [PANEL, OTHER] {
        let call = house.call(node);
        assert_eq!(call.state, CallState::Confirmed);
        let audio = call.audio.expect("sound");
        assert_eq!((audio.codec, audio.direction), ("opus", "sendrecv"));
        assert_eq!(house.panels[node].media(call.call), Some((true, true, false)));
        assert_eq!(house.panels[node].tone(), None);
    }
    house.run(s(61));
    house.must(OTHER, Command::End(None));
    assert!(house.panels[OTHER].phone.calls().is_empty(), "over at once where End was pressed");
    house.run(ms(20));
    assert!(house.panels[PANEL].phone.calls().is_empty());
    assert_eq!(house.panel().last_view().end_reason, Some(EndReason::Remote));
    let line = &house.panel().log()[0];
    assert_eq!((line.result, line.outgoing, line.duration.as_secs()), (CallResult::Answered, true, 61));
}

#[test]
fn by_tcp_when_the_uri_says_so_and_back_the_same_way() {
    let mut house = House::new(&[]);
    house.dial("sip:anna@10.0.0.2;transport=tcp").expect("dialled");
    house.run(ms(20));
    house.must(OTHER, Command::Answer(None));
    house.run(ms(20));
    assert_eq!(house.call(PANEL).state, CallState::Confirmed);
    assert!(house.last(PANEL, "INVITE ").starts_with("INVITE sip:anna@10.0.0.2;transport=tcp SIP/2.0"));
    assert!(house.last(PANEL, "INVITE ").contains("SIP/2.0/TCP"));
    house.must(OTHER, Command::End(None));
    house.run(ms(20));
    assert!(house.panels[PANEL].phone.calls().is_empty());
}

#[test]
fn a_network_that_loses_a_third_only_delays() {
    for seed in 1..20 {
        let mut house = House::seeded(seed, &[], "");
        house.loss = 0.3;
        house.dial("10.0.0.2").expect("dialled");
        house.run(s(10));
        house.must(OTHER, Command::Answer(None));
        house.run(s(30));
        assert_eq!(house.call(PANEL).state, CallState::Confirmed, "seed {seed}");
        house.must(PANEL, Command::End(None));
        house.run(s(40));
        assert!(house.panels[OTHER].phone.calls().is_empty(), "seed {seed}");
    }
}

#[test]
fn end_works_in_every_state() {
    let mut house = House::new(&[]);
    house.off = vec![OTHER];
    house.dial("10.0.0.2").expect("dialled");
    house.must(PANEL, Command::End(None));
    assert!(house.panels[PANEL].phone.calls().is_empty());
    assert_eq!(house.panel().tone(), None, "no busy tone for what we ended");
    house.off.clear();
    house.run(s(40));

    house.dial("10.0.0.2").expect("dialled");
    house.run(ms(20));
    house.must(PANEL, Command::End(None));
    house.run(ms(20));
    assert!(house.panels[OTHER].phone.calls().is_empty());
    assert_eq!(house.panels[OTHER].last_view().end_reason, Some(EndReason::Missed));
    assert_eq!(house.press(PANEL, Command::End(None)), Err(Refusal::NoCall));
}

#[test]
fn every_refusal_has_its_words_and_a_busy_tone() {
    for (status, reason) in [
        (404, EndReason::NotFound),
        (480, EndReason::Unavailable),
        (486, EndReason::Busy),
        (488, EndReason::NoCommonCodec),
        (403, EndReason::Forbidden(403)),
        (302, EndReason::Failed(302)),
        (500, EndReason::Failed(500)),
        (600, EndReason::Busy),
        (603, EndReason::Refused),
    ] {
        let mut house = House::new(&[]);
        house.dial("10.0.0.3").expect("dialled");
        house.run(ms(10));
        house.door.end(house.now, status);
        house.run(ms(10));
        assert_eq!(house.panel().last_view().end_reason, Some(reason), "{status}");
        assert_eq!(house.panel().tone(), Some(Tone::Busy), "{status}");
        let line = house.panel().log()[0].clone();
        assert_eq!((line.result, line.why), (CallResult::Failed, Some(reason)), "{status}");
        house.run(s(4));
        assert_eq!(house.panel().tone(), None, "{status}");
    }
}

#[test]
fn nobody_there_and_nobody_answering_are_told_apart() {
    let mut house = House::new(&[("phone.call.max_dial_out_time", "20")]);
    house.dial("10.0.0.9").expect("dialled");
    house.run(ms(10));
    assert_eq!(house.panel().last_view().end_reason, Some(EndReason::Unreachable));

    house.off = vec![OTHER];
    house.dial("10.0.0.2").expect("dialled");
    house.run(s(21));
    assert_eq!(house.panel().last_view().end_reason, Some(EndReason::NoResponse));

    house.dial("10.0.0.3").expect("dialled");
    house.run(ms(10));
    house.door.alert(house.now, false);
    house.run(s(21));
    assert_eq!(house.panel().last_view().end_reason, Some(EndReason::NoAnswer));
    assert_eq!(house.count(PANEL, "CANCEL "), 1);
    assert_eq!(house.door.heard.last().map(String::as_str), Some("cancelled"));
}

#[test]
fn what_cannot_be_dialled_says_why_and_sends_nothing() {
    let mut house = House::new(&[]);
    let error = |house: &mut House, text: &str| house.dial(text).expect_err(text).to_string();
    assert_eq!(error(&mut house, "300✳1✳1✳1"), "not a valid address: 300 is over 255");
    assert_eq!(error(&mut house, "1✳2✳3"), "an address has four groups, this has 3");
    assert_eq!(error(&mut house, ""), "nothing was typed");
    assert_eq!(error(&mut house, "10✳0✳0✳2✳70000"), "70000 is not a port: 1–65535");
    assert_eq!(error(&mut house, "*78"), "no account is registered");
    assert_eq!(error(&mut house, "192.168.1.1"), "there is no route to 192.168.1.1");
    assert_eq!(error(&mut house, "10✳0✳0✳1"), "10.0.0.1 is this panel itself");
    assert_eq!(error(&mut house, "sip:me@10.0.0.1:5060"), "10.0.0.1 is this panel itself");
    house.must(PANEL, Command::Set { key: "phone.direct_ip.enabled".into(), value: "off".into() });
    assert_eq!(house.dial("10.0.0.2"), Err(Refusal::DirectIpOff));
    assert!(house.sent.is_empty());
}

#[test]
fn the_default_port_is_direct_ip_port_and_a_typed_port_counts() {
    let mut house = House::new(&[("phone.direct_ip.port", "5070")]);
    house.dial("10.0.0.2").expect("dialled");
    house.run(ms(20));
    assert!(house.last(PANEL, "INVITE ").starts_with("INVITE sip:10.0.0.2:5070 SIP/2.0"));
    assert_eq!(house.call(OTHER).remote, "sip:vestibule@10.0.0.1:5070");
    house.must(PANEL, Command::End(None));
    house.run(ms(20));
    house.dial("10✳0✳0✳3✳5060").expect("dialled");
    house.run(ms(20));
    assert!(house.last(PANEL, "INVITE ").starts_with("INVITE sip:10.0.0.3 SIP/2.0"));
    assert_eq!(house.door.heard.len(), 1);
}

/// Each with a Direct IP Port of the panel: the port at which the door hears is that of SIP.
#[test]
fn whoever_rang_is_reached_again_at_its_own_port() {
    for (ours, uri, number) in
        [("5060", "sip:door@10.0.0.3", "10.0.0.3"), ("5070", "sip:door@10.0.0.3:5060", "10.0.0.3:5060")]
    {
        let mut house = House::new(&[("phone.direct_ip.port", ours)]);
        house.door.rings_at = ours.parse().expect("a port");
        house.bell();
        house.must(PANEL, Command::Decline(None));
        house.run(s(40));
        let line = house.panel().log()[0].clone();
        assert_eq!(line.remote, uri, "Direct IP Port {ours}");
        let contact = line.as_contact(house.panel().phone.config()).expect("a contact");
        assert_eq!(contact.numbers, [number]);
        for entry in [line.remote.as_str(), number] {
            house.door.heard.clear();
            house.dial(entry).expect("dialled");
            house.run(ms(20));
            assert_eq!(house.door.heard.len(), 1, "Direct IP Port {ours}, {entry}");
            // What was called from here can be called again as well.
            assert_eq!(house.call(PANEL).remote.ends_with(":5060"), ours != "5060", "{}", house.call(PANEL).remote);
            house.must(PANEL, Command::End(None));
            house.run(s(40));
        }
        house.must(PANEL, Command::AddContact(Box::new(contact.clone())));
        house.bell();
        assert_eq!(house.call(PANEL).name, contact.name, "it is known by the number that it was given");
    }
}

#[test]
fn a_contact_is_called_by_its_name_and_shown_by_it() {
    let mut house = House::knowing(&[], "[[contact]]\nname = \"Front door\"\nnumbers = [\"10✳0✳0✳3\"]\n");
    house.dial("front door").expect("dialled");
    assert_eq!(house.call(PANEL).name, "Front door");
    house.must(PANEL, Command::End(None));
    house.run(s(40));
    house.bell();
    assert_eq!(house.call(PANEL).name, "Front door");
    assert_eq!(house.call(PANEL).remote, "sip:door@10.0.0.3");
}

#[test]
fn no_sound_in_common_is_488_and_said() {
    let mut house = House::new(&[]);
    let offer = "v=0\r\no=- 1 1 IN IP4 10.0.0.3\r\ns=-\r\nc=IN IP4 10.0.0.3\r\nt=0 0\r\nm=audio 30000 RTP/AVP 18\r\na=rtpmap:18 G729/8000\r\n";
    let now = house.now;
    house.door.ring_with(now, vestibule::sip::Transport::Udp, Some(offer.into()), "sip:door@10.0.0.3");
    house.run(ms(20));
    assert_eq!(house.door.heard, ["rejected 488"]);
    let line = house.panel().log()[0].clone();
    assert_eq!((line.result, line.why), (CallResult::Failed, Some(EndReason::NoCommonCodec)));

    // A visitor who can only be seen is better than none.
    let mut house = House::new(&[("audio.codecs", "opus")]);
    house.bell();
    let call = house.call(PANEL);
    assert!(call.audio.is_none() && call.video.is_some());
}

#[test]
fn a_late_offer_is_answered_in_the_ack() {
    let mut house = House::new(&[]);
    let now = house.now;
    house.door.ring_with(now, vestibule::sip::Transport::Tcp, None, "sip:door@10.0.0.3");
    house.run(ms(20));
    assert_eq!(house.call(PANEL).state, CallState::Ringing);
    house.must(PANEL, Command::Answer(None));
    assert!(house.call(PANEL).audio.is_none());
    house.run(ms(20));
    assert_eq!(house.count(PANEL, "SIP/2.0 200"), 1);
    assert!(house.last(PANEL, "SIP/2.0 200").contains("m=audio"));
    assert_eq!(house.count(DOOR, "INVITE "), 1);
}

#[test]
fn a_door_that_listens_for_tcp_alone_is_called_by_its_keys() {
    let mut house = House::new(&[]);
    house.door.refuses_udp = true;
    house.dial("10✳0✳0✳3").expect("dialled");
    house.run(ms(20));
    assert_eq!(house.count(PANEL, "INVITE "), 2);
    let invite = house.last(PANEL, "INVITE ").to_owned();
    assert!(invite.contains("SIP/2.0/TCP 10.0.0.1:5060"), "{invite}");
    assert!(invite.contains("Contact: <sip:vestibule@10.0.0.1;transport=tcp>"), "{invite}");
    assert_eq!(house.call(PANEL).state, CallState::Calling, "the screen sees one call that goes on");
    house.door.alert(house.now, false);
    house.run(ms(20));
    assert_eq!(house.call(PANEL).state, CallState::Ringing);
    house.door.accept(house.now);
    house.run(ms(20));
    assert_eq!(house.call(PANEL).state, CallState::Confirmed);
    house.must(PANEL, Command::End(None));
    house.run(ms(20));
    assert_eq!(house.door.heard.last().map(String::as_str), Some("bye"));
    assert_eq!(house.panel().log().len(), 1, "one call, one line");

    // The door's own end finds us, too.
    house.dial("10✳0✳0✳3").expect("dialled");
    house.run(ms(20));
    house.door.accept(house.now);
    house.run(ms(20));
    house.door.end(house.now, 0);
    house.run(ms(20));
    assert_eq!(house.panel().last_view().end_reason, Some(EndReason::Remote));
    house.run(s(40));
    assert_eq!(house.panels[PANEL].phone.calls().len(), 0);
}

#[test]
fn where_udp_and_tcp_are_refused_nobody_is_there() {
    let mut house = House::new(&[]);
    house.dial("10✳0✳0✳3✳5090").expect("dialled");
    house.run(ms(20));
    assert_eq!(house.panel().last_view().end_reason, Some(EndReason::Unreachable));
    assert_eq!(house.count(PANEL, "INVITE "), 2);
    assert_eq!(house.panel().log().len(), 1);

    // Ended between the two, nothing more is tried.
    let mut house = House::new(&[]);
    house.door.refuses_udp = true;
    house.dial("10✳0✳0✳3").expect("dialled");
    house.must(PANEL, Command::End(None));
    house.run(s(40));
    assert_eq!(house.count(PANEL, "INVITE "), 1);
    assert!(house.door.heard.is_empty());
}

#[test]
fn a_transport_that_is_named_is_the_only_one_tried() {
    let mut house = House::new(&[]);
    house.door.refuses_udp = true;
    house.dial("sip:10.0.0.3;transport=udp").expect("dialled");
    house.run(ms(20));
    assert_eq!(house.panel().last_view().end_reason, Some(EndReason::Unreachable));
    assert_eq!(house.count(PANEL, "INVITE "), 1);
    house.dial("sip:10.0.0.3:5090;transport=tcp").expect("dialled");
    house.run(ms(20));
    assert_eq!(house.panel().last_view().end_reason, Some(EndReason::Unreachable));
    assert_eq!(house.count(PANEL, "INVITE "), 2);
    assert!(house.door.heard.is_empty());
}
