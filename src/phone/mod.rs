//! What a *panel* does with calls, sans-IO: who may ring, what is answered and when, the door, hold, the call log,
//! the tones, the settings in force.
//!
//! Nothing here knows a clock, a thread, a socket or a random source. The worker calls one `handle_*` for one thing that
//! happened, then drains [`Phone::poll_output`] until it is empty, then waits until [`Phone::poll_timeout`] at the
//! latest and calls [`Phone::handle_timeout`].
//!
//! ```text
//!  datagrams, streams ─▶ ┌───────┐ ─▶ Transmit, CloseFlow, Listen
//!  commands           ─▶ │ Phone │ ─▶ Event (views for the screen)
//!  media events       ─▶ │  sip  │ ─▶ MediaOrder, AskDoor
//!  saved / not saved  ─▶ │  sdp  │ ─▶ SaveSettings, SaveLog, DropPictures
//!  time               ─▶ └───────┘ ─▶ Finished
//! ```
//!
//! * `admission`: who may ring; `dnd`: do not disturb, its end and its codes; `protection`, `whitelist`: Prevent SIP Hacking; `blocked`: who was not let in; `flood`: whose bell gives way to whose; `incoming`, `outgoing`: the two ways into a call; `hold`: changes of a call's media
//! * `dialled`: what an entry comes to; `named`: devices by their name; `group`: several called at the same time
//! * `unlock`, `keys`: the door and the keypad; `wired`: the door whose contact hangs on this panel; `ring`: tones, and which call is on the screen
//! * `finish`: how calls end, and leaving; `media`: what the engines report; `timers`: everything that waits
//! * `visitors`: whose picture is kept, and for how long
//! * `light`: when the screen sleeps, how bright it is, and the night
//! * `settings`: a change and what it redoes, `book`: the same of the address book; `log`, `notices`: what is remembered and what is said
//!
//! **Order with the disk.** A call-log line joins the screen's list only after the worker reported it durable
//! ([`Phone::handle_log_saved`]), a setting is shown as changed only after [`Phone::handle_settings_saved`].

mod account;
mod admission;
mod blocked;
mod book;
mod call;
mod certificates;
mod commands;
mod dialled;
mod dnd;
mod finish;
mod flood;
mod group;
mod hold;
mod incoming;
mod keys;
mod light;
mod log;
mod media;
mod named;
mod notices;
mod outgoing;
mod output;
mod protection;
mod question;
mod reason;
mod remote;
mod ring;
mod settings;
mod timers;
mod unfinished;
mod unlock;
mod visitors;
mod whitelist;
mod wired;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

pub use self::dnd::Calendar;
pub use self::flood::Load;
pub use self::log::KEPT as LOG_KEPT;
pub use self::output::{Connect, DoorRequest, FlowFault, LogChange, MediaEvent, MediaOrder, MediaPorts, Output, Tone};
pub use self::unfinished::{LastWord, Unfinished};

use self::account::Accounts;
use self::blocked::Blocked;
use self::call::Call;
use self::dnd::Dnd;
use self::light::Light;
use self::log::CallLog;
use self::notices::Notices;
use self::ring::Sounding;
use self::settings::{Listening, Saving};
use self::unfinished::LastWords;
use self::unlock::Doors;
use self::visitors::Visitors;
use crate::channel::{
    CallHandle, CallState, CallView, DirectIpView, Event, LogEntry, Notice, NoticeKind, RegistrationView, Screen,
    SessionTimerView, WiredDoorView,
};
use crate::config::Config;
use crate::sdp;
use crate::sip::{Bucket, Endpoint, EndpointConfig, FlowId, Guests, Path, SessionEvent, SessionHandle};

/// How many calls there can be at once, of which one is spoken in.
pub const LINES: usize = 4;

/// How many pairs of RTP ports a phone makes use of: two for each line, so that what is still on its way to a call that is
/// over reaches none that has just begun, and one for the code that is called on the server of each account.
pub const PORTS: usize = 2 * LINES + dnd::CALLS;

/// Somewhere outside the house (RFC 5737), to ask the routing table which address others know us by.
const OUTSIDE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// The two clocks, read by the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// For everything that waits.
    pub instant: Instant,
    /// For the call log.
    pub wall: SystemTime,
}

/// The routing table of the system: asked, never waited for.
pub trait Routes: Send {
    /// Our own address on the way to `remote`; `None` when no way leads there.
    fn local_for(&self, remote: IpAddr) -> Option<IpAddr>;
}

/// What a phone begins with.
pub struct Start {
    /// The settings in force.
    pub config: Arc<Config>,
    /// From the system's random source; the same seed and the same inputs give the same outputs.
    pub seed: [u8; 32],
    /// The call log as loaded, oldest first.
    pub log: Vec<LogEntry>,
    /// The calls that were not over when the run before died.
    pub unfinished: Vec<Unfinished>,
    /// What the media engines can do; the settings may narrow it.
    pub capabilities: sdp::Capabilities,
    /// RTP ports that are bound; more than [`PORTS`] are not used. The first [`LINES`] are those of the lines, the next those of
    /// the codes, and with the rest the lines take turns.
    pub ports: Vec<MediaPorts>,
    /// The routing table.
    pub routes: Box<dyn Routes>,
    /// The clocks of the place.
    pub calendar: Box<dyn Calendar>,
    /// Whether there is a screen of the panel's own, which sleeps when nobody is there; a window on a desk does not.
    pub own_screen: bool,
    /// Names this panel to its registrars, the same at each start: `urn:uuid:…` (RFC 5626 4.1).
    pub instance: String,
}

/// The panel's behaviour.
///
/// `handle_*`: something arrived. `poll_*`: what must go out; drain [`Phone::poll_output`] after each `handle_*`. The
/// rest are getters for `status`.
pub struct Phone {
    config: Arc<Config>,
    endpoint: Endpoint,
    random: StdRng,
    routes: Box<dyn Routes>,
    calendar: Box<dyn Calendar>,
    capabilities: sdp::Capabilities,
    ports: Vec<MediaPorts>,
    code_ports: Vec<MediaPorts>,
    dnd: Dnd,
    accounts: Accounts,
    calls: BTreeMap<CallHandle, Call>,
    sessions: HashMap<SessionHandle, CallHandle>,
    last_handle: u32,
    current: Option<CallHandle>,
    sounding: Sounding,
    listening: Listening,
    /// Ports that were the Direct IP Port, and until when they stay for what their last call still has to say.
    former_ports: Vec<(u16, Instant)>,
    saving: Saving,
    log: CallLog,
    last_words: LastWords,
    lines_for_strangers: Bucket,
    blocked: Blocked,
    visitors: Visitors,
    doors: Doors,
    /// Where contacts call from that may call, or are turned away by name.
    allowed: Guests,
    notices: Notices,
    /// When the client certificates of the accounts run out.
    certificates: [Option<SystemTime>; 2],
    screen: Screen,
    light: Light,
    wired: WiredDoorView,
    leaving: finish::Leaving,
    changed: BTreeSet<CallHandle>,
    outputs: VecDeque<Output>,
}

impl Phone {
    /// A phone without calls. The first outputs tell the screen how things stand and ask for the sockets.
    pub fn new(now: Now, start: Start) -> Self {
        let mut random = StdRng::from_seed(start.seed);
        let endpoint = Endpoint::new(endpoint_config(), random.random());
        let mut ports = start.ports;
        ports.truncate(PORTS);
        let mut code_ports = ports.split_off(ports.len().min(LINES));
        ports.extend(code_ports.split_off(code_ports.len().min(dnd::CALLS)));
        let mut phone = Self {
            config: start.config,
            endpoint,
            random,
            routes: start.routes,
            calendar: start.calendar,
            capabilities: start.capabilities,
            ports,
            code_ports,
            dnd: Dnd::default(),
            accounts: Accounts::new(start.instance),
            calls: BTreeMap::new(),
            sessions: HashMap::new(),
            last_handle: 0,
            current: None,
            sounding: Sounding::default(),
            listening: Listening::default(),
            former_ports: Vec::new(),
            saving: Saving::default(),
            log: CallLog::new(start.log),
            last_words: LastWords::default(),
            lines_for_strangers: Bucket::full(now.instant),
            blocked: Blocked::new(now.instant),
            visitors: Visitors::default(),
            doors: Doors::default(),
            allowed: Guests::default(),
            notices: Notices::default(),
            certificates: [None; 2],
            screen: Screen::default(),
            light: Light::new(now.instant, start.own_screen),
            wired: WiredDoorView::default(),
            leaving: finish::Leaving::default(),
            changed: BTreeSet::new(),
            outputs: VecDeque::new(),
        };
        phone.introduce_contacts();
        phone.start_accounts(now);
        phone.start_dnd(now);
        phone.tell(Event::Settings(phone.config.clone()));
        phone.listen();
        for registration in phone.registrations() {
            phone.tell(Event::Registration(registration));
        }
        phone.tell(Event::Log(phone.log.shown()));
        phone.order(MediaOrder::Configure(phone.config.clone()));
        phone.keep_pictures(now);
        phone.inherit(now, start.unfinished);
        phone.settle(now);
        phone
    }

    /// A datagram came.
    pub fn handle_datagram(&mut self, now: Now, path: Path, bytes: &[u8]) {
        self.endpoint.handle_datagram(now.instant, path, bytes);
        self.settle(now);
    }

    /// Bytes came on a TCP connection.
    pub fn handle_stream(&mut self, now: Now, path: Path, bytes: &[u8]) {
        self.endpoint.handle_stream(now.instant, path, bytes);
        self.settle(now);
    }

    /// A connection has gone, or never came about.
    pub fn handle_flow_gone(&mut self, now: Now, flow: FlowId, fault: &FlowFault) {
        self.lines_hear_why(flow, fault);
        self.endpoint.handle_flow_closed(now.instant, flow);
        self.settle(now);
        self.lines_lose_flow(now, flow, fault);
        self.settle(now);
    }

    /// Whether a call or an account goes by this connection: then it stays open, however quiet it is.
    pub fn uses_flow(&self, flow: FlowId) -> bool {
        self.endpoint.uses_flow(flow) || self.accounts.uses_flow(flow)
    }

    /// A transmit could not be delivered.
    pub fn handle_transport_error(&mut self, now: Now, path: Path) {
        self.endpoint.handle_transport_error(now.instant, path);
        self.settle(now);
    }

    /// It is known now what the media engines can do: for the calls from here on, and for those that ring.
    pub fn set_capabilities(&mut self, now: Now, capabilities: sdp::Capabilities) {
        self.capabilities = capabilities;
        self.show_visitors(now);
        self.settle(now);
    }

    /// What the start of the program found.
    pub fn notice(&mut self, kind: NoticeKind) {
        let urgent = notices::is_urgent(&kind);
        let changed = self.notices.add(kind);
        if changed && urgent {
            self.light.call_up();
        }
        self.tell_notices(changed);
    }

    /// The notices for which `gone` holds are no longer true.
    pub fn clear_notices(&mut self, gone: impl Fn(&NoticeKind) -> bool) {
        let changed = self.notices.clear(gone);
        self.tell_notices(changed);
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The calls as they are now.
    pub fn calls(&self) -> Vec<CallView> {
        self.calls.values().map(|call| self.view(call)).collect()
    }

    fn view(&self, call: &Call) -> CallView {
        let timer = self.endpoint.running_timer(call.session);
        CallView {
            open: self.says_open(call),
            session_timer: timer.map(|timer| SessionTimerView { expires_s: timer.expires, by_us: timer.we_refresh }),
            ..call.view(&self.config, None)
        }
    }

    /// The settings in force.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// Where direct calls are listened for.
    pub fn direct_ip(&self) -> DirectIpView {
        self.listening.view(&self.config, self.routes.local_for(OUTSIDE))
    }

    /// The accounts.
    pub fn registrations(&self) -> [RegistrationView; 2] {
        let mut views = self.accounts.views();
        for view in &mut views {
            view.certificate_expires = self.certificates[usize::from(view.account - 1)];
        }
        views
    }

    /// The call log, newest first, as far as it is on disk.
    pub fn log(&self) -> Arc<[LogEntry]> {
        self.log.shown()
    }

    /// How many missed calls nobody has looked at.
    pub fn missed(&self) -> usize {
        self.log.missed()
    }

    /// The notices.
    pub fn notices(&self) -> Arc<[Notice]> {
        self.notices.all()
    }

    /// The call on the screen.
    pub fn current(&self) -> Option<CallHandle> {
        self.current
    }

    /// The page that the screen reported, or the one that a call brings up where there is no screen to report it.
    pub fn screen(&self) -> Screen {
        match self.current.and_then(|handle| self.calls.get(&handle)) {
            None => self.screen,
            Some(call) => match call.state() {
                _ if call.rings_here() => Screen::Ringing,
                CallState::Confirmed | CallState::Held => Screen::InCall,
                _ => Screen::Calling,
            },
        }
    }

    /// Passes on what happened in SIP, brings tones, pictures and views in line with it, and puts out what follows.
    fn settle(&mut self, now: Now) {
        while let Some(event) = self.endpoint.poll_event() {
            self.on_session_event(now, event);
        }
        while let Some(question) = self.endpoint.poll_question() {
            self.on_question(now, &question);
        }
        while let Some(flood) = self.endpoint.poll_flood() {
            self.on_flood(now, flood);
        }
        while let Some(call) = self.endpoint.poll_shut_out() {
            self.on_shut_out(now, call);
        }
        self.settle_accounts(now);
        self.settle_codes(now);
        self.keep_gate();
        self.say_last_words(now);
        while let Some(transmit) = self.endpoint.poll_transmit() {
            self.outputs.push_back(Output::Transmit(transmit));
        }
        while let Some(flow) = self.endpoint.poll_close() {
            self.outputs.push_back(Output::CloseFlow(flow));
        }
        self.sound(now);
        if !self.changed.is_empty() || self.calls.len() != self.last_words.noted() {
            self.note_unfinished(now);
        }
        for handle in std::mem::take(&mut self.changed) {
            if let Some(call) = self.calls.get(&handle) {
                let view = self.view(call);
                self.tell(Event::Call(Box::new(view)));
            }
        }
        // After the calls: what is there to be seen is there before it can be seen.
        self.tend_light(now);
        self.finish_leaving(now);
    }

    fn on_session_event(&mut self, now: Now, event: SessionEvent) {
        if let SessionEvent::Incoming { session, path, request } = event {
            self.on_incoming(now, session, path, *request);
            return;
        }
        if self.on_code_event(now, &event) {
            return;
        }
        // A session that was ended here has no call any more; what it still says concerns nobody.
        let Some(handle) = self.sessions.get(&event.session()).copied() else { return };
        self.bring_forward(handle, event.session());
        match event {
            SessionEvent::Incoming { .. } => {}
            SessionEvent::Progress { status, body, .. } => self.on_progress(now, handle, status, body),
            SessionEvent::Answered { body, .. } => self.on_answered(now, handle, body),
            SessionEvent::Confirmed { body, .. } => self.on_confirmed(now, handle, body),
            SessionEvent::Offer { body, .. } => self.on_offer(now, handle, body),
            SessionEvent::OfferAnswered { result, .. } => self.on_offer_answered(now, handle, result),
            SessionEvent::RefreshDue { .. } => self.offer_change(now, handle),
            SessionEvent::Info { body, .. } => self.on_info(handle, body),
            SessionEvent::InfoAnswered { info, result, .. } => self.on_info_answered(now, handle, info, result),
            SessionEvent::Ended { why, .. } => self.on_ended(now, handle, &why),
        }
    }

    fn tell(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    fn tell_notices(&mut self, changed: bool) {
        if changed {
            self.tell(Event::Notices(self.notices.all()));
        }
    }

    fn order(&mut self, order: MediaOrder) {
        self.outputs.push_back(Output::Media(order));
    }

    /// The view of this call has changed.
    fn touch(&mut self, handle: CallHandle) {
        self.changed.insert(handle);
    }

    fn next_handle(&mut self) -> CallHandle {
        self.last_handle += 1;
        CallHandle(self.last_handle)
    }

    /// RTP ports that no call uses; `None` when all lines are busy.
    fn free_ports(&self) -> Option<MediaPorts> {
        self.ports.iter().copied().find(|ports| self.calls.values().all(|call| call.media.ports != *ports))
    }

    /// A call has left them: they are the last to be taken again.
    fn give_back_ports(&mut self, left: MediaPorts) {
        if let Some(place) = self.ports.iter().position(|ports| *ports == left) {
            self.ports[place..].rotate_left(1);
        }
    }

    /// The negotiation of a new call with `peer`, which is reached from `local`.
    fn negotiation(&mut self, local: IpAddr, peer: IpAddr, ports: MediaPorts) -> sdp::Negotiation {
        let pictures = self.config.video_receive || self.has_camera();
        let capabilities = sdp::Capabilities {
            audio: self.audio_codecs(),
            video: if pictures { self.capabilities.video.clone() } else { Vec::new() },
        };
        let local = sdp::Local { address: local, audio_port: ports.audio, video_port: ports.video };
        let mut negotiation = sdp::Negotiation::new(self.random.random(), capabilities, local);
        negotiation.set_peer(peer);
        negotiation
    }

    /// The sound formats of the settings, as far as the engines know them, the preferred first.
    fn audio_codecs(&self) -> Vec<sdp::AudioCodec> {
        let known = |name: &String| {
            self.capabilities.audio.iter().copied().find(|codec| codec.name().eq_ignore_ascii_case(name))
        };
        self.config.audio_codecs.iter().filter_map(known).collect()
    }

    fn has_camera(&self) -> bool {
        self.config.video_camera != "none"
    }
}

fn endpoint_config() -> EndpointConfig {
    EndpointConfig { user_agent: concat!("Vestibule/", env!("CARGO_PKG_VERSION")).to_owned() }
}
