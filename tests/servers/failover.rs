//! Outbound proxies: everything goes through the main one, its backup takes over within five seconds and gives back.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::real_panel::Panel;
use crate::rigs::Transport;
use crate::rigs::accounts::{AccountSettings, account, wait_for_account, wait_until_registered, within};
use crate::rigs::baresip::{Account, Baresip, Role};
use crate::rigs::kamailio::{Kamailio, Setup};

const FLAT: (&str, &str) = ("101", "fl4T-1");
const DOOR: (&str, &str) = ("201", "d00R-2");
/// How long a person may wait for a call through the backup, and a registration.
const TAKES_OVER: Duration = Duration::from_secs(5);

/// A registrar with two proxies before it, and the door at the registrar.
struct House {
    registrar: Kamailio,
    main: Kamailio,
    backup: Kamailio,
    door: Baresip,
    panel: Panel,
}

impl House {
    /// The panel is registered through the main proxy.
    fn build(transport: Transport) -> Self {
        let registrar = Kamailio::start(&Setup::registrar(&[FLAT, DOOR]));
        let [main, backup] = [(); 2].map(|()| Kamailio::start(&Setup::proxy(&registrar)));
        let host = registrar.host_port(Transport::Udp);
        let door = Baresip::start_registered(Role::DOOR, Transport::Udp, &Account::new(&host, DOOR.0, DOOR.1));
        registrar.wait_for_bindings(DOOR.0, |bindings| bindings.len() == 1);
        let settings = AccountSettings::new(1, FLAT.0, FLAT.1, &registrar.host_port(transport), transport);
        let settings = settings.through(&main.host_port(transport), Some(&backup.host_port(transport)));
        let panel = Panel::start(&settings.to_string());
        let account = wait_until_registered(&panel, 1);
        assert_eq!(account["proxy"], "main", "{account}");
        assert_eq!(account["via"], format!("{transport}:{}", main.host_port(transport)));
        let bindings = registrar.bindings(FLAT.0);
        assert!(bindings[0].path.contains(&main.port.to_string()), "{bindings:?}");
        Self { registrar, main, backup, door, panel }
    }

    /// Calls the door; comes back when it has answered.
    fn call(&mut self) {
        let dialled = self.panel.ask(&json!({"do": "dial", "text": DOOR.0, "account": 1}));
        assert_eq!(dialled["ok"], true, "{dialled}");
        within(TAKES_OVER, "the call is answered", || {
            (self.panel.status()["calls"][0]["state"] == "confirmed").then_some(())
        });
        self.door.event("CALL_ESTABLISHED");
    }

    fn hang_up(&mut self) {
        assert_eq!(self.panel.ask(&json!({"do": "end"}))["ok"], true);
        self.door.closed();
    }

    fn is_registered_through(&self, proxy: &str, limit: Duration) {
        let port = if proxy == "main" { self.main.port } else { self.backup.port };
        within(limit, &format!("the panel registers through {proxy}"), || {
            let now = account(&self.panel, 1);
            let bound = || self.registrar.bindings(FLAT.0).iter().any(|one| one.path.contains(&port.to_string()));
            (now["state"] == "registered" && now["proxy"] == proxy && bound()).then_some(())
        });
    }
}

/// The next call through the backup, and the registration.
fn backup_takes_over(transport: Transport, silent: bool) {
    let mut house = House::build(transport);
    if silent {
        house.main.pause()
    } else {
        house.main.kill()
    }
    house.call();
    house.hang_up();
    assert!(house.backup.count("INVITE") >= 1);
    house.is_registered_through("backup", TAKES_OVER);
    // The door finds the panel through it.
    let host = house.registrar.host_port(Transport::Udp);
    house.door.order("dial", &format!("sip:{}@{host}", FLAT.0));
    house.panel.wait("the panel rings", |status| {
        status["calls"]
            .as_array()
            .is_some_and(|calls| calls.iter().any(|call| call["state"] == "ringing" || call["state"] == "early"))
    });
}

#[test]
fn the_backup_takes_over_from_a_dead_main_proxy_by_udp() {
    backup_takes_over(Transport::Udp, false);
}

#[test]
fn the_backup_takes_over_from_a_dead_main_proxy_by_tcp() {
    backup_takes_over(Transport::Tcp, false);
}

#[test]
fn the_backup_takes_over_from_a_silent_main_proxy_by_udp() {
    backup_takes_over(Transport::Udp, true);
}

#[test]
fn the_backup_takes_over_from_a_silent_main_proxy_by_tcp() {
    backup_takes_over(Transport::Tcp, true);
}

#[test]
fn a_main_proxy_that_is_busy_is_passed_by_and_one_that_refuses_is_not() {
    let mut house = House::build(Transport::Udp);
    house.main.refuse("INVITE", "404 Not Found", None);
    let mut events = house.panel.connect();
    events.ask(&json!({"do": "events"}));
    let dialled = house.panel.ask(&json!({"do": "dial", "text": DOOR.0, "account": 1}));
    assert_eq!(dialled["ok"], true, "{dialled}");
    let ended =
        std::iter::repeat_with(|| events.line()).find(|line| line["call"]["state"] == "ended" || line.is_null());
    let reason = ended.as_ref().and_then(|event| event["call"]["end_reason"].as_str());
    assert_eq!(reason, Some("not found there"), "{ended:?}");
    assert_eq!(house.backup.count("INVITE"), 0, "404 is an answer");
    house.main.refuse("INVITE", "503 Service Unavailable", None);
    house.call();
    house.hang_up();
    assert!(house.backup.count("INVITE") >= 1);
}

#[test]
fn a_registration_that_the_main_proxy_refuses_with_503_goes_through_the_backup() {
    let registrar = Kamailio::start(&Setup::registrar(&[FLAT]));
    let [main, backup] = [(); 2].map(|()| Kamailio::start(&Setup::proxy(&registrar)));
    main.refuse("REGISTER", "503 Service Unavailable", None);
    let host = |kamailio: &Kamailio| kamailio.host_port(Transport::Udp);
    let settings = AccountSettings::new(1, FLAT.0, FLAT.1, &host(&registrar), Transport::Udp);
    let panel = Panel::start(&settings.through(&host(&main), Some(&host(&backup))).to_string());
    within(TAKES_OVER, "the panel registers through the backup", || {
        let now = account(&panel, 1);
        (now["state"] == "registered" && now["proxy"] == "backup").then_some(())
    });
}

#[test]
fn a_wrong_password_is_not_tried_at_the_backup() {
    let registrar = Kamailio::start(&Setup::registrar(&[FLAT]));
    let [main, backup] = [(); 2].map(|()| Kamailio::start(&Setup::proxy(&registrar)));
    let host = |kamailio: &Kamailio| kamailio.host_port(Transport::Udp);
    let settings = AccountSettings::new(1, FLAT.0, "wr0ng", &host(&registrar), Transport::Udp);
    let panel = Panel::start(&settings.through(&host(&main), Some(&host(&backup))).to_string());
    wait_for_account(&panel, 1, "has failed", |account| account["state"] == "failed");
    assert_eq!(backup.count("REGISTER"), 0);
}

/// It takes over a minute: the main proxy must have answered for 60 s.
#[test]
fn the_main_proxy_gets_everything_back_after_a_minute_and_a_call_is_not_moved() {
    let mut house = House::build(Transport::Udp);
    house.main.kill();
    house.call();
    house.hang_up();
    house.is_registered_through("backup", TAKES_OVER);
    house.main.start_again();
    let begun = Instant::now();
    // baresip has no more than a minute to say; then it hangs up.
    std::thread::sleep(Duration::from_secs(35));
    house.call();
    house.is_registered_through("main", Duration::from_secs(60));
    assert!(begun.elapsed() >= Duration::from_secs(58), "only after {:?}", begun.elapsed());
    let backups = house.backup.count("BYE");
    house.hang_up();
    assert_eq!(house.backup.count("BYE"), backups + 1, "the call ends by the way it took");
    assert_eq!(house.main.count("BYE"), 0);
    house.call();
    assert!(house.main.count("INVITE") >= 1);
}
