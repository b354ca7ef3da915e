//! Session timers (RFC 4028) through a real proxy, with a real telephone that knows none, and between two panels.

use serde_json::{Value, json};

use crate::real_panel::Panel;
use crate::rigs::Transport;
use crate::rigs::accounts::{AccountSettings, wait_until_registered};
use crate::rigs::baresip::{Account, Baresip, Role};
use crate::rigs::kamailio::{Kamailio, Setup};

const FLAT: (&str, &str) = ("101", "fl4T-1");
const OTHER: (&str, &str) = ("102", "fl4T-2");
const DOOR: (&str, &str) = ("201", "d00R-2");

/// A panel that is registered as this, and wishes for this interval and refresher.
fn panel(kamailio: &Kamailio, who: (&str, &str), expires: u32, refresher: &str) -> Panel {
    let account = AccountSettings::new(1, who.0, who.1, &kamailio.host_port(Transport::Udp), Transport::Udp)
        .with("session_timer.active", true)
        .with("session_timer.expires", expires)
        .with("session_timer.refresher", refresher);
    let panel = Panel::start(&account.to_string());
    wait_until_registered(&panel, 1);
    panel
}

fn dials(panel: &Panel, number: &str) {
    let dialled = panel.ask(&json!({"do": "dial", "text": number}));
    assert_eq!(dialled["ok"], true, "{dialled}");
}

/// The timer of the call, once it is answered.
fn timer(panel: &Panel) -> Value {
    panel.wait("the call is answered", |status| status["calls"][0]["state"] == "confirmed")["calls"][0]["session_timer"]
        .take()
}

/// The proxy wants 300 s at least and says so by 422; the call goes again with as much. Who knows no timers leaves the
/// refreshing to us.
#[test]
fn a_proxy_that_wants_longer_intervals_gets_them_and_a_telephone_without_timers_is_refreshed() {
    let kamailio = Kamailio::start(&Setup { min_se: 300, ..Setup::registrar(&[FLAT, DOOR]) });
    let registrar = kamailio.host_port(Transport::Udp);
    let mut door = Baresip::start_registered(Role::DOOR, Transport::Udp, &Account::new(&registrar, DOOR.0, DOOR.1));
    kamailio.wait_for_bindings(DOOR.0, |bindings| bindings.len() == 1);
    let panel = panel(&kamailio, FLAT, 90, "uac");
    let before = kamailio.count("INVITE");
    dials(&panel, DOOR.0);
    door.event("CALL_ESTABLISHED");
    assert_eq!(timer(&panel), json!({"expires_s": 300, "refresher": "us"}));
    // Challenged, too short, long enough.
    assert_eq!(kamailio.count("INVITE") - before, 3, "{}", kamailio.log());
}

/// Both ends know timers: each combination of who calls and who refreshes, as both tell it.
#[test]
fn two_panels_agree_on_who_refreshes() {
    for (refresher, calling, called) in [("uac", "us", "them"), ("uas", "them", "us")] {
        let kamailio = Kamailio::start(&Setup::registrar(&[FLAT, OTHER]));
        let caller = panel(&kamailio, FLAT, 120, refresher);
        let other = panel(&kamailio, OTHER, 1800, "uac");
        dials(&caller, OTHER.0);
        other.wait_for_call("ringing");
        assert!(other.ctl(&["answer"]).status.success());
        assert_eq!(timer(&caller), json!({"expires_s": 120, "refresher": calling}));
        assert_eq!(timer(&other), json!({"expires_s": 120, "refresher": called}));
    }
}
