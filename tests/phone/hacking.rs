//! Prevent SIP Hacking: contacts that may call ring, by number and source, and nobody else gets as much as an answer.

use std::net::IpAddr;

use vestibule::channel::{CallResult, CallState, Command, DndMode, DndTerm, EndReason};
use vestibule::sip::FlowId;

use crate::common::lies::{BOOK, DIRECT, Lie, Met, SERVER, THROUGH, last_line, met, registered};
use crate::common::{House, OTHER, PANEL, PBX, ms, outside, s};

#[test]
fn whatever_a_stranger_begins_is_dropped_without_a_word() {
    let methods = [
        "INVITE",
        "OPTIONS",
        "REGISTER",
        "SUBSCRIBE",
        "MESSAGE",
        "NOTIFY",
        "PUBLISH",
        "REFER",
        "INFO",
        "BYE",
        "CANCEL",
        "UPDATE",
        "PRACK",
        "FROBNICATE",
    ];
    let mut all: Vec<(&str, Vec<u8>)> = methods.map(|method| (method, Lie::new(method).bytes())).into();
    let with = |lie: Lie| String::from_utf8(lie.bytes()).expect("text");
    let inside = Lie { to: "<sip:10.0.0.1>;tag=x".into(), ..Lie::new("INVITE") };
    let tel = Lie { uri: "tel:101".into(), ..Lie::new("INVITE") };
    let malformed = [
        ("inside no dialog", with(inside)),
        ("tel", with(tel)),
        ("Require", with(Lie::new("INVITE").line("Require: magic"))),
        ("session timer too short", with(Lie::new("INVITE").line("Session-Expires: 10"))),
        ("version", with(Lie::new("INVITE")).replace("SIP/2.0\r\nVia", "SIP/7.0\r\nVia")),
        ("CSeq", with(Lie::new("INVITE")).replace("CSeq: 1 INVITE", "CSeq: 1 BYE")),
        ("length", with(Lie::new("INVITE")).replace("Content-Length: ", "Content-Length: 9")),
        ("body", with(Lie::new("INVITE")).replace("application/sdp", "text/plain")),
    ];
    all.extend(malformed.map(|(name, text)| (name, text.into_bytes())));
    for (name, bytes) in all {
        for protected in [false, true] {
            let settings: &[_] = if protected { &[DIRECT] } else { &[] };
            let mut house = House::knowing(settings, BOOK);
            for source in [outside(1), IpAddr::from([10, 0, 0, 2])] {
                house.inject(source, bytes.clone());
            }
            // Long enough for every repetition of an answer.
            house.run(s(40));
            assert_eq!(house.count(PANEL, "") == 0, protected, "{name}: {:?}", house.sent);
            let load = house.panels[PANEL].phone.load();
            assert!(!protected || (load.sessions, load.transactions) == (0, 0), "{name}: {load:?}");
        }
    }
}

#[test]
fn by_tcp_the_connection_is_closed_and_nothing_said() {
    let pings = [
        "\r\n\r\n".to_owned(),
        "OPTIONS sip:10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP x;branch=z9hG4bK1\r\n\r\n".to_owned(),
    ];
    let requests = ["INVITE", "OPTIONS", "REGISTER"]
        .map(|method| String::from_utf8(Lie::new(method).bytes()).expect("text").replace("SIP/2.0/UDP", "SIP/2.0/TCP"));
    for text in pings.into_iter().chain(requests) {
        for protected in [false, true] {
            let settings: &[_] = if protected { &[DIRECT] } else { &[] };
            let mut house = House::knowing(settings, BOOK);
            house.inject_at(5060, outside(1), Some(FlowId(9000)), text.clone().into_bytes());
            house.run(ms(20));
            assert_eq!(house.panel().closed.contains(&FlowId(9000)), protected, "{text}");
            assert_eq!(house.count(PANEL, "") == 0, protected, "{text}: {:?}", house.sent);
        }
    }
}

/// Each forgery of a direct call, from an address that is no contact's.
#[test]
fn a_direct_call_is_what_its_packets_come_from_and_not_what_it_says() {
    let door = "<sip:door@10.0.0.3>";
    let forgeries = [
        ("From with a contact's address", Lie::call(door)),
        ("From with a contact's number", Lie::call("<sip:102@10.0.0.4>")),
        ("a contact's name", Lie::call("\"Front door\" <sip:100@198.18.0.1>")),
        ("a contact's address as the name", Lie::call("\"10.0.0.3\" <sip:100@198.18.0.1>")),
        ("tel", Lie::call("<tel:102>")),
        ("Via from a contact", Lie { via: "10.0.0.3:5060".into(), ..Lie::call(door) }),
        ("received", Lie { via: "10.0.0.3:5060;received=10.0.0.3".into(), ..Lie::call(door) }),
        ("maddr", Lie { via: "198.18.0.1:5060;maddr=10.0.0.3".into(), ..Lie::call(door) }),
        ("asserted", Lie::call(door).line("P-Asserted-Identity: <sip:door@10.0.0.3>")),
        ("remote party", Lie::call(door).line("Remote-Party-ID: <sip:door@10.0.0.3>;screen=yes")),
        ("a second Via", Lie::call(door).line("Via: SIP/2.0/UDP 10.0.0.3:5060;branch=z9hG4bKdoor")),
        ("mapped", Lie::call("<sip:door@[::ffff:10.0.0.3]>")),
        ("the account's name", Lie { uri: "sip:101@10.0.0.1".into(), ..Lie::call(door) }),
    ];
    for (name, lie) in &forgeries {
        let known = ("known, but may not", IpAddr::from([10, 0, 0, 2]), EndReason::MayNotCall);
        for (source, address, reason) in [("a stranger", outside(1), EndReason::UnknownSource), known] {
            let mut house = House::knowing(&[DIRECT], BOOK);
            assert_eq!(met(&mut house, 5060, address, lie), Met::Silence, "{name}, {source}");
            let (result, why, attempts, _) = last_line(&mut house);
            let expected = (CallResult::Blocked, Some(reason), 1);
            assert_eq!((result, why, attempts), expected, "{name}, {source}");
            let mut house = House::knowing(&[], BOOK);
            assert_eq!(met(&mut house, 5060, address, lie), Met::Rings, "{name}, {source}: without the setting");
        }
    }
    // From the door's own address, whatever it calls itself; also where the socket gives it as an address of IPv6.
    for from in [door, "<sip:102@10.0.0.4>", "<sip:somebody@elsewhere.test>", "\"Visitor\" <sip:1@10.0.0.9>"] {
        for address in ["10.0.0.3", "::ffff:10.0.0.3"] {
            let mut house = House::knowing(&[DIRECT], BOOK);
            let source: IpAddr = address.parse().expect("an address");
            assert_eq!(met(&mut house, 5060, source, &Lie::call(from)), Met::Rings, "{from} from {address}");
            assert_eq!(house.call(PANEL).name, "Front door", "{from}");
        }
    }
    // Who is blocked is told so, though it may call.
    let mut house = House::knowing(&[DIRECT, ("phone.call.return_code_when_refused", "480")], BOOK);
    assert_eq!(met(&mut house, 5060, IpAddr::from([10, 0, 0, 6]), &Lie::call("<sip:x@10.0.0.6>")), Met::Answer(480));
    assert_eq!(last_line(&mut house).1, Some(EndReason::BlockedContact));
}

/// Each forgery of a call through the account, at the account's port.
#[test]
fn through_an_account_source_and_number_are_matched() {
    let anna = "<sip:102@10.0.0.4>";
    let stranger = outside(1);
    let door = IpAddr::from([10, 0, 0, 3]);
    let rows = [
        // The number of a contact from elsewhere.
        ("from a stranger", stranger, Lie::call(anna), Met::Silence),
        ("from the other server", IpAddr::from([10, 0, 0, 5]), Lie::call(anna), Met::Silence),
        ("from the door", door, Lie::call(anna), Met::Silence),
        ("from the door as itself", door, Lie::call("<sip:door@10.0.0.3>"), Met::Silence),
        ("Via", stranger, Lie { via: "10.0.0.4:5060;received=10.0.0.4".into(), ..Lie::call(anna) }, Met::Silence),
        ("OPTIONS", stranger, Lie::new("OPTIONS"), Met::Silence),
        (
            "called by its contact",
            stranger,
            Lie { uri: "sip:101@10.0.0.1:7000".into(), ..Lie::call(anna) },
            Met::Silence,
        ),
        // From the server.
        ("Anna", SERVER, Lie::call(anna), Met::Rings),
        ("OPTIONS of the server", SERVER, Lie::new("OPTIONS"), Met::Answer(200)),
        ("with a port", SERVER, Lie::call("<sip:102@10.0.0.4:5060>"), Met::Rings),
        ("with a name", SERVER, Lie::call("\"Anna\" <sip:102@10.0.0.4;user=phone>"), Met::Rings),
        ("another number", SERVER, Lie::call("<sip:103@10.0.0.4>"), Met::Answer(403)),
        ("one that is known and may not", SERVER, Lie::call("<sip:104@10.0.0.4>"), Met::Answer(403)),
        ("one that may and is blocked", SERVER, Lie::call("<sip:105@10.0.0.4>"), Met::Answer(486)),
        ("an emergency that may not", SERVER, Lie::call("<sip:106@10.0.0.4>"), Met::Answer(403)),
        ("the number as a name", SERVER, Lie::call("\"102\" <sip:103@10.0.0.4>"), Met::Answer(403)),
        (
            "asserted",
            SERVER,
            Lie::call("<sip:103@10.0.0.4>").line("P-Asserted-Identity: <sip:102@10.0.0.4>"),
            Met::Answer(403),
        ),
        (
            "remote party",
            SERVER,
            Lie::call("<sip:103@10.0.0.4>").line("Remote-Party-ID: <sip:102@10.0.0.4>"),
            Met::Answer(403),
        ),
        ("escaped", SERVER, Lie::call("<sip:%31%30%32@10.0.0.4>"), Met::Answer(403)),
        ("one digit escaped", SERVER, Lie::call("<sip:10%32@10.0.0.4>"), Met::Answer(403)),
        ("escaped end", SERVER, Lie::call("<sip:102%00@10.0.0.4>"), Met::Answer(403)),
        ("tel, local", SERVER, Lie::call("<tel:102;phone-context=10.0.0.4>"), Met::Answer(403)),
        ("tel, global", SERVER, Lie::call("<tel:+4930123>"), Met::Rings),
        ("phone-context", SERVER, Lie::call("<sip:102;phone-context=evil.test@10.0.0.4>"), Met::Answer(403)),
        ("global", SERVER, Lie::call("<sip:+4930123@10.0.0.4;user=phone>"), Met::Rings),
        ("without its plus", SERVER, Lie::call("<sip:4930123@10.0.0.4>"), Met::Answer(403)),
        ("with hyphens", SERVER, Lie::call("<sip:1-0-2@10.0.0.4>"), Met::Answer(403)),
        ("of another domain", SERVER, Lie::call("<sip:102@evil.test>"), Met::Answer(403)),
        ("of the other server", SERVER, Lie::call("<sip:102@10.0.0.5>"), Met::Answer(403)),
        ("a contact of another domain", SERVER, Lie::call("<sip:anna@Elsewhere.TEST>"), Met::Rings),
        ("in another case", SERVER, Lie::call("<sip:ANNA@elsewhere.test>"), Met::Answer(403)),
        ("an address as host", SERVER, Lie::call("<sip:door@10.0.0.3>"), Met::Answer(403)),
        ("an address as number", SERVER, Lie::call("<sip:10.0.0.3@10.0.0.4>"), Met::Answer(403)),
        ("nobody", SERVER, Lie::call("<sip:10.0.0.4>"), Met::Answer(403)),
        ("anonymous", SERVER, Lie::call("\"Anonymous\" <sip:anonymous@anonymous.invalid>"), Met::Answer(403)),
        (
            "Anna in To",
            SERVER,
            Lie { to: "<sip:102@10.0.0.4>".into(), ..Lie::call("<sip:103@10.0.0.4>") },
            Met::Answer(403),
        ),
    ];
    for (name, source, lie, expected) in rows {
        let rings = expected == Met::Rings;
        let silent = expected == Met::Silence;
        let call = lie.method == "INVITE";
        let mut house = registered(&[THROUGH]);
        let port = house.panel().port();
        assert_eq!(met(&mut house, port, source, &lie), expected, "{name}");
        if call && !rings {
            let (result, why, ..) = last_line(&mut house);
            assert_eq!(result, CallResult::Blocked, "{name}");
            assert_eq!(why == Some(EndReason::UnknownSource), silent, "{name}: {why:?}");
        }
        if rings {
            let name = house.call(PANEL).name;
            assert_eq!(name, "Anna");
        }
        let mut house = registered(&[]);
        let port = house.panel().port();
        let without = met(&mut house, port, source, &lie);
        assert!(without == Met::Rings || !call || name.contains("blocked"), "{name}: {without:?} without the setting");
    }
}

#[test]
fn the_account_is_not_got_round_by_the_direct_port() {
    let anna = |uri: &str, to: &str| Lie { uri: uri.into(), to: to.into(), ..Lie::call("<sip:102@10.0.0.4>") };
    let rows = [
        ("its contact", anna("sip:101@10.0.0.1", "<sip:101@10.0.0.4>"), Met::Silence),
        ("escaped", anna("sip:1%301@10.0.0.1", "<sip:10.0.0.1>"), Met::Silence),
        ("in To only", anna("sip:10.0.0.1", "<sip:101@10.0.0.4>"), Met::Silence),
        ("as tel in To", anna("sip:10.0.0.1", "<tel:101;phone-context=x>"), Met::Silence),
        ("nobody's", anna("sip:10.0.0.1", "<sip:10.0.0.1>"), Met::Rings),
    ];
    for (name, lie, expected) in rows {
        for source in [outside(1), SERVER] {
            let mut house = registered(&[THROUGH]);
            assert_eq!(met(&mut house, 5060, source, &lie), expected, "{name}");
        }
        let mut house = registered(&[THROUGH]);
        let door = IpAddr::from([10, 0, 0, 3]);
        assert_eq!(met(&mut house, 5060, door, &lie), Met::Rings, "{name}: a contact calls whom it likes");
    }
    // The port that the account has left is nobody's for a while.
    let mut house = registered(&[THROUGH]);
    let left = house.panel().port();
    house.set("account1.basic.display_name", "Flat");
    house.set("account1.basic.registration_period", "600");
    assert_ne!(house.panel().listens_for_accounts.last(), Some(&left), "it has another");
    assert_eq!(met(&mut house, left, SERVER, &Lie::call("<sip:102@10.0.0.4>")), Met::Silence);
}

#[test]
fn each_switch_guards_its_own_entrance() {
    let call = Lie::call("<sip:103@10.0.0.4>");
    for (setting, direct, through) in [(DIRECT, Met::Silence, Met::Rings), (THROUGH, Met::Rings, Met::Silence)] {
        let mut house = registered(&[setting]);
        let port = house.panel().port();
        assert_eq!(met(&mut house, 5060, outside(1), &call), direct);
        let mut house = registered(&[setting]);
        assert_eq!(met(&mut house, port, outside(1), &call), through);
        // It takes effect at once.
        let mut house = registered(&[]);
        house.set(setting.0, "on");
        let at = if setting == DIRECT { 5060 } else { port };
        assert_eq!(met(&mut house, at, outside(1), &call), Met::Silence);
        house.set(setting.0, "off");
        assert_eq!(met(&mut house, at, outside(1), &call.clone().number(2)), Met::Rings);
    }
}

#[test]
fn a_contact_rings_through_the_server_and_directly_and_what_follows_is_heard() {
    let mut house = registered(&[THROUGH, DIRECT]);
    let now = house.now;
    house.pbx(PBX).ring(now, "101");
    house.run(ms(20));
    let call = house.call(PANEL);
    assert_eq!((call.name.as_str(), call.account), ("Anna", 1));
    house.must(PANEL, Command::Answer(None));
    house.run(ms(20));
    assert_eq!(house.call(PANEL).state, CallState::Confirmed);
    let now = house.now;
    house.pbx(PBX).phone.end(now, 0);
    house.run(ms(20));
    assert_eq!(house.panel().last_view().end_reason, Some(EndReason::Remote));

    house.connect_door();
    assert_eq!(house.call(PANEL).name, "Front door");
    let now = house.now;
    house.door.end(now, 0);
    house.run(ms(20));
    assert!(house.panels[PANEL].phone.calls().is_empty());
    assert!(house.panel().log().iter().all(|line| line.result == CallResult::Answered));
}

#[test]
fn a_call_with_somebody_who_may_not_call_goes_on_and_can_be_made() {
    // The other panel is no contact that may call: it is called, holds, resumes and hangs up.
    let mut house = House::knowing(&[DIRECT], BOOK);
    // The other panel is not in the way of this one.
    house.must(OTHER, Command::Set { key: DIRECT.0.into(), value: "off".into() });
    house.connect_panels();
    house.must(OTHER, Command::Hold(None));
    house.run(ms(50));
    assert!(house.call(PANEL).held_by_remote);
    house.must(OTHER, Command::Resume(None));
    house.run(ms(50));
    assert!(!house.call(PANEL).held_by_remote);
    let answers = house.count(PANEL, "SIP/2.0 200");
    house.must(OTHER, Command::End(None));
    house.run(ms(50));
    assert_eq!(house.panel().last_view().end_reason, Some(EndReason::Remote));
    assert_eq!(house.count(PANEL, "SIP/2.0 200"), answers + 1, "the BYE is answered");
    // But not answered when it begins something.
    house.press(OTHER, Command::Dial { text: "10.0.0.1".into(), account: Default::default() }).expect("dialled");
    house.run(s(1));
    assert!(house.panels[PANEL].phone.calls().is_empty());
    let (result, why, attempts, name) = last_line(&mut house);
    assert_eq!((result, why, attempts), (CallResult::Blocked, Some(EndReason::MayNotCall), 1), "repetitions are one");
    assert_eq!(name, "Berta", "its address is known");
}

#[test]
fn switched_on_while_somebody_rings_or_speaks_it_leaves_the_call_alone() {
    let mut house = House::new(&[]);
    house.bell();
    house.set(DIRECT.0, "on");
    house.must(PANEL, Command::Answer(None));
    house.run(ms(20));
    assert_eq!(house.call(PANEL).state, CallState::Confirmed);
    let now = house.now;
    house.door.end(now, 0);
    house.run(ms(20));
    assert!(house.panels[PANEL].phone.calls().is_empty());
    assert_eq!(house.panel().log()[0].result, CallResult::Answered);
    // A caller that gives up is answered, too.
    house.set(DIRECT.0, "off");
    house.bell();
    house.set(DIRECT.0, "on");
    let now = house.now;
    house.door.end(now, 0);
    house.run(ms(20));
    assert_eq!(house.panel().log()[0].result, CallResult::Missed);
    house.door.heard.clear();
    house.bell();
    house.run(s(2));
    assert!(house.door.heard.is_empty(), "a new call of it is met with silence: {:?}", house.door.heard);
}

#[test]
fn the_whitelist_is_asked_before_do_not_disturb() {
    let dnd = ("phone.dnd.return_code", "480");
    let mut house = registered(&[THROUGH, dnd]);
    house.must(PANEL, Command::Dnd(DndMode::Reject, DndTerm::Open));
    let port = house.panel().port();
    for (number, from, expected) in [(1, "103", 403), (2, "106", 403), (3, "102", 480)] {
        let call = Lie::call(&format!("<sip:{from}@10.0.0.4>")).number(number);
        assert_eq!(met(&mut house, port, SERVER, &call), Met::Answer(expected), "{from}");
    }
    let results: Vec<CallResult> = house.panel().log().iter().map(|line| line.result).collect();
    assert_eq!(results, [CallResult::Dnd, CallResult::Blocked, CallResult::Blocked]);
}
