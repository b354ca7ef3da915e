//! How soon the panel and baresip are registered, and how soon again when a server, a proxy or a connection goes: at
//! Debian's kamailio, found by Debian's dnsmasq. Both wait at the same servers at the same time.
//!
//! A registration counts when kamailio has taken it, at the time that kamailio writes down. Both ask for 60 s by UDP, so
//! that neither sleeps through what happens, and for ten minutes where a connection tells them.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use serde_json::json;

use crate::phones::Panel;
use crate::rigs::Transport;
use crate::rigs::accounts::AccountSettings;
use crate::rigs::baresip::{Account, Baresip, Role};
use crate::rigs::certificates::Authority;
use crate::rigs::dnsmasq::{Dnsmasq, Zone};
use crate::rigs::kamailio::{Kamailio, ServerTls, Setup};
use crate::rigs::relay::Relay;
use crate::table::{self, Figures, Whose};

/// How this group is called; it is measured only when it is asked for by name, for it takes minutes.
pub const GROUP: &str = "accounts";
/// The panel, baresip, and a door that is called.
const FLAT: (&str, &str) = ("101", "fl4T-1");
const PEER: (&str, &str) = ("102", "p33R-2");
const DOOR: (&str, &str) = ("201", "d00R-3");
/// For how long the registrar is gone.
const GONE: Duration = Duration::from_secs(100);
/// Who is not registered after this long is not registered again at all.
const NEVER: Duration = Duration::from_secs(150);
/// Seconds of a registration by UDP.
const PERIOD: u32 = 60;
/// The device that baresip plays.
const ROLE: Role = Role { camera: false, ..Role::DOOR };

/// One measure: started in this place, its figures noted there.
type Measure = fn(&Place<'_>, &mut Figures) -> Result<(), String>;

/// Everything once. A rig that does not come up panics, which spoils this figure and no other.
pub fn measure(binary: &Path, home: &Path, figures: &mut Figures) {
    let measures: [(&str, Measure); 6] = [
        ("start", start),
        ("registrar gone", registrar_gone),
        ("main proxy killed", main_proxy_killed),
        ("first SRV target killed", first_target_killed),
        ("TCP cut", |place, figures| cut(place, figures, Transport::Tcp)),
        ("TLS cut", |place, figures| cut(place, figures, Transport::Tls)),
    ];
    for (what, measure) in measures {
        let begun = Instant::now();
        let place = Place { binary, home };
        let measured = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| measure(&place, figures)));
        figures.note(what, measured.unwrap_or_else(|_| Err("a rig did not come up, see above".into())));
        eprintln!("  {what}: {} s", begun.elapsed().as_secs());
    }
}

/// Where the panel is started from.
struct Place<'a> {
    binary: &'a Path,
    home: &'a Path,
}

impl Place<'_> {
    fn panel(&self, account: &AccountSettings, more: &str) -> Result<Panel, String> {
        Panel::start_with(self.binary, self.home, &format!("{account}{more}"))
    }
}

fn subscribers() -> Setup {
    Setup::registrar(&[FLAT, PEER, DOOR])
}

fn settings(registrar: &str, transport: Transport) -> AccountSettings {
    AccountSettings::new(1, FLAT.0, FLAT.1, registrar, transport)
}

fn peer(registrar: &str, period: u32) -> Account<'_> {
    Account { period, ..Account::new(registrar, PEER.0, PEER.1) }
}

/// From a moment to the first registration after it, in seconds; for ever, if there is none.
fn until_saved(kamailio: &Kamailio, name: &str, from: SystemTime) -> f64 {
    let mut begun = None;
    loop {
        if let Some(at) = kamailio.saved_since(name, from) {
            return at.duration_since(from).unwrap_or_default().as_secs_f64();
        }
        if begun.get_or_insert_with(Instant::now).elapsed() > NEVER {
            return f64::INFINITY;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The same for both, who are registered at the same registrar.
fn both_until_saved(row: &'static str, kamailio: &Kamailio, from: SystemTime, figures: &mut Figures) {
    figures.add(row, Whose::Panel, until_saved(kamailio, FLAT.0, from));
    figures.add(row, Whose::Baresip, until_saved(kamailio, PEER.0, from));
}

/// Waits until both are registered for the first time.
fn both_registered(kamailio: &Kamailio) -> Result<(), String> {
    let registered = |name: &str| until_saved(kamailio, name, SystemTime::UNIX_EPOCH).is_finite();
    if registered(FLAT.0) && registered(PEER.0) { Ok(()) } else { Err("they do not register".into()) }
}

/// One after the other, so that neither waits for the other's start.
fn start(place: &Place<'_>, figures: &mut Figures) -> Result<(), String> {
    let kamailio = Kamailio::start(&subscribers());
    let registrar = kamailio.host_port(Transport::Udp);
    let begun = SystemTime::now();
    let panel = place.panel(&settings(&registrar, Transport::Udp), "")?;
    figures.add(table::REGISTERED, Whose::Panel, until_saved(&kamailio, FLAT.0, begun) * 1e3);
    drop(panel);
    let baresip = Baresip::start_registered(ROLE, Transport::Udp, &peer(&registrar, PERIOD));
    figures.add(table::REGISTERED, Whose::Baresip, until_saved(&kamailio, PEER.0, baresip.begun) * 1e3);
    Ok(())
}

fn registrar_gone(place: &Place<'_>, figures: &mut Figures) -> Result<(), String> {
    let mut kamailio = Kamailio::start(&subscribers());
    let registrar = kamailio.host_port(Transport::Udp);
    let account = settings(&registrar, Transport::Udp).with("basic.registration_period", PERIOD);
    let _panel = place.panel(&account, "")?;
    let _baresip = Baresip::start_registered(ROLE, Transport::Udp, &peer(&registrar, PERIOD));
    both_registered(&kamailio)?;
    kamailio.kill();
    std::thread::sleep(GONE);
    kamailio.start_again();
    both_until_saved(table::GONE, &kamailio, SystemTime::now(), figures);
    Ok(())
}

/// The panel alone: baresip 1.0 has no backup.
fn main_proxy_killed(place: &Place<'_>, figures: &mut Figures) -> Result<(), String> {
    let registrar = Kamailio::start(&subscribers());
    let [mut main, backup] = [(); 2].map(|()| Kamailio::start(&Setup::proxy(&registrar)));
    let host = registrar.host_port(Transport::Udp);
    let mut door = Baresip::start_registered(ROLE, Transport::Udp, &Account::new(&host, DOOR.0, DOOR.1));
    registrar.wait_for_bindings(DOOR.0, |bindings| bindings.len() == 1);
    let through = |proxy: &Kamailio| proxy.host_port(Transport::Udp);
    let account = settings(&host, Transport::Udp).through(&through(&main), Some(&through(&backup)));
    let panel = place.panel(&account, "")?;
    registrar.wait_for_bindings(FLAT.0, |bindings| bindings.len() == 1);
    main.kill();
    let (killed, dialled) = (SystemTime::now(), Instant::now());
    panel.ask(&json!({"do": "dial", "text": DOOR.0, "account": 1}))?;
    let answered = panel.call_is("confirmed")?;
    figures.add(table::PROXY_CALL, Whose::Panel, (answered - dialled).as_secs_f64());
    figures.add(table::PROXY_REGISTERED, Whose::Panel, until_saved(&registrar, FLAT.0, killed));
    door.event("CALL_ESTABLISHED");
    Ok(())
}

/// By TCP, where both learn by the connection that the target has gone.
fn first_target_killed(place: &Place<'_>, figures: &mut Figures) -> Result<(), String> {
    let (mut first, second) = (Kamailio::start(&subscribers()), Kamailio::start(&subscribers()));
    let zone = Zone::new(600)
        .srv("_sip._tcp.pbx.test", "a.pbx.test", first.port, 10, 0)
        .srv("_sip._tcp.pbx.test", "b.pbx.test", second.port, 20, 0)
        .host("a.pbx.test", &["127.0.0.1"])
        .host("b.pbx.test", &["127.0.0.1"]);
    let dns = Dnsmasq::start(&zone);
    let name_server = dns.address.to_string();
    let account = settings("pbx.test:5060", Transport::Tcp).with("basic.transport", "dns-srv");
    let account = account.with("basic.srv_over", "tcp").with("basic.registration_period", PERIOD);
    let _panel = place.panel(&account, &format!("[network]\ndns_servers = [\"{name_server}\"]\n"))?;
    let account = Account { name_server: Some(&name_server), ..peer("pbx.test", PERIOD) };
    let _baresip = Baresip::start_registered(ROLE, Transport::Tcp, &account);
    both_registered(&first)?;
    first.kill();
    both_until_saved(table::SRV, &second, SystemTime::now(), figures);
    Ok(())
}

/// Each behind a relay of its own.
fn cut(place: &Place<'_>, figures: &mut Figures, transport: Transport) -> Result<(), String> {
    let authority = Authority::new();
    let pair = authority.server(&["IP:127.0.0.1"]);
    let tls = ServerTls { pair, authority: authority.certificate(), wants_certificates: false };
    let kamailio = Kamailio::start(&Setup { tls: Some(tls), ..subscribers() });
    let (port, row) = match transport {
        Transport::Tls => (kamailio.tls_port, table::CUT_TLS),
        _ => (kamailio.port, table::CUT_TCP),
    };
    let relays = [Relay::to(port), Relay::to(port)];
    let [flat, other] = [0, 1].map(|number: usize| format!("127.0.0.1:{}", relays[number].port));
    let account = settings(&flat, transport).with("tls.ca", authority.certificate().display().to_string());
    let _panel = place.panel(&account, "")?;
    let _baresip = Baresip::start_registered(ROLE, transport, &peer(&other, PERIOD));
    both_registered(&kamailio)?;
    let from = SystemTime::now();
    relays.iter().for_each(Relay::cut);
    both_until_saved(row, &kamailio, from, figures);
    Ok(())
}
