//! A phone with everything around it that a worker would be: a disk that works or not, sockets, media engines.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use vestibule::channel::{CallHandle, CallView, Event, LogEntry, PictureName, PortFault, PortTrouble, UnlockFault};
use vestibule::config::{Config, FileError, FileFault, TimeOfDay};
use vestibule::phone::{
    Calendar, Connect, DoorRequest, FlowFault, LogChange, MediaEvent, MediaOrder, MediaPorts, Now, Output, Phone,
    Routes, Start, Unfinished,
};
use vestibule::sdp::{AudioCodec, Capabilities, VideoCodec};
use vestibule::sip::locate::{Answer, DnsFault, Question};
use vestibule::sip::{FlowId, Path, Transmit, Transport};

use super::house::Node;

/// How the disk behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disk {
    Works,
    Full,
    /// It answers only when asked to ([`Panel::let_disk_work`]).
    Slow,
}

/// The port to call from while another program has that of the settings.
const STAND_IN: u16 = 6999;

/// How long the media engine takes for one key.
const KEY_TIME: Duration = Duration::from_millis(200);

/// One panel.
pub struct Panel {
    pub phone: Phone,
    pub disk: Disk,
    /// Ports that other programs hold.
    pub taken: Vec<u16>,
    /// Ports of which only TCP is.
    pub taken_for_tcp: Vec<u16>,
    pub taken_for_udp: Vec<u16>,
    /// Whether keys that are ordered go out.
    pub sends_keys: bool,
    /// Whether the relay that is set is there.
    pub has_relay: bool,
    /// For how long it was switched on.
    pub pulses: Vec<Duration>,
    pub events: Vec<Event>,
    pub orders: Vec<MediaOrder>,
    pub saved_settings: Vec<Arc<Config>>,
    pub saved_log: Vec<LogEntry>,
    /// What another run would find.
    pub unfinished: Vec<Unfinished>,
    /// Pictures whose files were to be deleted.
    pub dropped: Vec<PictureName>,
    /// What was said about floods.
    pub floods: Vec<String>,
    pub finished: bool,
    /// The program has died: it does nothing any more.
    pub dead: bool,
    pub listens: Vec<u16>,
    /// Ports that accounts opened.
    pub listens_for_accounts: Vec<u16>,
    next_port: u16,
    /// What the name server knows; anything else it does not.
    pub names: BTreeMap<Question, Result<Answer, DnsFault>>,
    /// What it was asked.
    pub asked: Vec<Question>,
    /// Doors that were to be asked by HTTP.
    pub doors: Vec<DoorRequest>,
    /// Connections that were closed.
    pub closed: Vec<FlowId>,
    /// Connections that are to be opened; the house does.
    pub connects: Vec<Connect>,
    /// What is due back to the phone, and when.
    back: VecDeque<(Instant, MediaEvent)>,
    waiting: Vec<Waiting>,
}

enum Waiting {
    Settings(Arc<Config>),
    Log(LogChange),
}

/// What the program finds on the disk.
struct Left {
    config: Arc<Config>,
    log: Vec<LogEntry>,
    unfinished: Vec<Unfinished>,
}

struct Straight(IpAddr);

impl Routes for Straight {
    fn local_for(&self, remote: IpAddr) -> Option<IpAddr> {
        let routed = match remote {
            IpAddr::V4(remote) => remote.octets()[0] == 10,
            IpAddr::V6(_) => false,
        };
        routed.then_some(self.0)
    }
}

/// Here the clocks show UTC.
struct Greenwich;

impl Calendar for Greenwich {
    fn next(&self, _zone: &str, time: TimeOfDay, after: SystemTime) -> Option<SystemTime> {
        let day = Duration::from_secs(24 * 60 * 60);
        let into = Duration::from_secs((u64::from(time.hour) * 60 + u64::from(time.minute)) * 60);
        let days = after.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs() / day.as_secs();
        let today = SystemTime::UNIX_EPOCH + day * u32::try_from(days).ok()? + into;
        Some(if today > after { today } else { today + day })
    }
}

impl Panel {
    pub fn new(now: Now, address: IpAddr, seed: [u8; 32], settings: &[(&str, &str)], contacts: &str) -> Self {
        let book = vestibule::config::read(contacts);
        assert!(book.problems.is_empty(), "{:?}", book.problems);
        let config = settings.iter().fold(book.config, |config, (key, value)| config.set(key, value).expect(key));
        Self::with(now, address, seed, Left { config: Arc::new(config), log: Vec::new(), unfinished: Vec::new() })
    }

    /// The program of this panel dies without a word, and runs again with what is on the disk.
    pub fn again(&self, now: Now, address: IpAddr, seed: [u8; 32]) -> Self {
        let (log, unfinished) = (self.saved_log.clone(), self.unfinished.clone());
        let mut again = Self::with(now, address, seed, Left { config: self.phone.config().clone(), log, unfinished });
        again.saved_log.clone_from(&self.saved_log);
        // The system gives an account another port.
        again.next_port = self.next_port;
        again
    }

    fn with(now: Now, address: IpAddr, seed: [u8; 32], left: Left) -> Self {
        let start = Start {
            config: left.config,
            seed,
            log: left.log,
            unfinished: left.unfinished,
            capabilities: Capabilities {
                audio: vec![AudioCodec::Opus, AudioCodec::G722, AudioCodec::Pcmu, AudioCodec::Pcma],
                video: vec![VideoCodec::H264],
            },
            ports: (0..10).map(|line| MediaPorts { audio: 20_000 + line * 4, video: 20_002 + line * 4 }).collect(),
            routes: Box::new(Straight(address)),
            calendar: Box::new(Greenwich),
            own_screen: true,
            instance: "urn:uuid:00000000-0000-4000-8000-000000000001".to_owned(),
        };
        Self {
            phone: Phone::new(now, start),
            disk: Disk::Works,
            taken: Vec::new(),
            taken_for_tcp: Vec::new(),
            taken_for_udp: Vec::new(),
            sends_keys: true,
            has_relay: true,
            pulses: Vec::new(),
            events: Vec::new(),
            orders: Vec::new(),
            saved_settings: Vec::new(),
            saved_log: Vec::new(),
            unfinished: Vec::new(),
            dropped: Vec::new(),
            floods: Vec::new(),
            finished: false,
            dead: false,
            listens: Vec::new(),
            listens_for_accounts: Vec::new(),
            next_port: 7000,
            names: BTreeMap::new(),
            asked: Vec::new(),
            doors: Vec::new(),
            closed: Vec::new(),
            connects: Vec::new(),
            back: VecDeque::new(),
            waiting: Vec::new(),
        }
    }

    /// The port of its account.
    pub fn port(&self) -> u16 {
        self.listens_for_accounts.first().copied().unwrap_or(0)
    }

    /// What the slow disk was asked to do is done.
    pub fn let_disk_work(&mut self, now: Now) {
        for waiting in std::mem::take(&mut self.waiting) {
            match waiting {
                Waiting::Settings(config) => self.save_settings(now, config),
                Waiting::Log(change) => self.save_log(now, change),
            }
        }
    }

    /// The last view of a call that the screen got.
    pub fn last_view(&self) -> &CallView {
        let views = self.events.iter().rev().filter_map(|event| match event {
            Event::Call(view) => Some(&**view),
            _ => None,
        });
        views.into_iter().next().expect("a view of a call")
    }

    /// The notices that the screen got last, as sentences.
    pub fn notices(&self) -> Vec<String> {
        self.phone.notices().iter().map(|notice| notice.kind.to_string()).collect()
    }

    /// The call log, newest first: name, result, unseen.
    pub fn log(&self) -> Vec<LogEntry> {
        self.phone.log().to_vec()
    }

    /// The tone that sounds.
    pub fn tone(&self) -> Option<vestibule::phone::Tone> {
        let tones = self.orders.iter().rev().find_map(|order| match order {
            MediaOrder::Tone(tone) => Some(*tone),
            _ => None,
        });
        tones.flatten()
    }

    /// The call that is shown.
    pub fn shown(&self) -> Option<CallHandle> {
        let shown = self.orders.iter().rev().find_map(|order| match order {
            MediaOrder::Show(call) => Some(*call),
            _ => None,
        });
        shown.flatten()
    }

    /// The order in force for a call: microphone, loudspeaker, camera.
    pub fn media(&self, of: CallHandle) -> Option<(bool, bool, bool)> {
        self.orders.iter().rev().find_map(|order| match order {
            MediaOrder::Start { call, audio_send, audio_play, video_send, .. } if *call == of => {
                Some(Some((*audio_send, *audio_play, *video_send)))
            }
            MediaOrder::Stop { call } if *call == of => Some(None),
            _ => None,
        })?
    }

    fn take(&mut self, now: Now, output: Output) -> Option<Transmit> {
        assert!(!self.finished, "nothing follows Finished: {output:?}");
        match output {
            Output::Transmit(transmit) => return Some(transmit),
            Output::CloseFlow(flow) => self.closed.push(flow),
            Output::Listen { port, keep } => {
                self.listens.retain(|old| keep.contains(old));
                let fault = |transport| PortFault { transport, port, trouble: PortTrouble::Taken };
                let (by_udp, by_tcp) = (format!("udp:0.0.0.0:{port}"), format!("tcp:0.0.0.0:{port}"));
                let (on, fault, stand_in) = if self.taken.contains(&port) {
                    (Vec::new(), Some(fault("UDP")), None)
                } else if self.taken_for_tcp.contains(&port) {
                    (vec![by_udp], Some(fault("TCP")), None)
                } else if self.taken_for_udp.contains(&port) {
                    (vec![by_tcp], Some(fault("UDP")), Some(STAND_IN))
                } else {
                    (vec![by_udp, by_tcp], None, None)
                };
                if !on.is_empty() {
                    self.listens.push(port);
                }
                self.listens.extend(stand_in);
                self.phone.handle_listening(now, on, fault, stand_in);
            }
            Output::OpenPort { account, trial } => {
                let port = self.next_port;
                self.next_port += 1;
                self.listens_for_accounts.push(port);
                self.phone.handle_port(now, account, trial, Some(port));
            }
            Output::ClosePort(port) => self.listens_for_accounts.retain(|open| *open != port),
            Output::Resolve(question) => {
                let answer = self.names.get(&question).cloned().unwrap_or(Err(DnsFault::NotFound));
                self.asked.push(question.clone());
                self.phone.handle_resolved(now, &question, &answer);
            }
            Output::Connect(order) => self.connects.push(*order),
            Output::AskDoor(request) => self.doors.push(*request),
            Output::Media(order) => {
                if let MediaOrder::Dtmf { call, digits } = &order
                    && self.sends_keys
                {
                    let at = now.instant + KEY_TIME * digits.len() as u32;
                    self.back.push_back((at, MediaEvent::DtmfSent { call: *call }));
                }
                self.orders.push(order);
            }
            Output::PulseRelay { asked, time } => {
                self.pulses.push(time);
                let result = if self.has_relay { Ok(()) } else { Err(UnlockFault::Relay) };
                self.phone.handle_door_answer(now, asked, result);
            }
            Output::Event(event) => self.events.push(event),
            Output::SaveSettings(config) if self.disk == Disk::Slow => self.waiting.push(Waiting::Settings(config)),
            Output::SaveSettings(config) => self.save_settings(now, config),
            Output::SaveLog(change) if self.disk == Disk::Slow => self.waiting.push(Waiting::Log(change)),
            Output::SaveLog(change) => self.save_log(now, change),
            Output::NoteUnfinished(calls) => self.unfinished = calls,
            Output::DropPictures(names) => self.dropped.extend(names),
            Output::Flood(flood) => self.floods.push(flood.to_string()),
            Output::Finished => self.finished = true,
        }
        None
    }

    fn save_settings(&mut self, now: Now, config: Arc<Config>) {
        let result = self.result();
        if result.is_ok() {
            self.saved_settings.push(config);
        }
        self.phone.handle_settings_saved(now, result);
    }

    fn save_log(&mut self, now: Now, change: LogChange) {
        let result = self.result();
        match change {
            _ if result.is_err() => {}
            LogChange::Append(entry) => self.saved_log.push(*entry),
            LogChange::Replace(entries) => self.saved_log = entries,
        }
        self.phone.handle_log_saved(now, result);
    }

    fn result(&self) -> Result<(), FileError> {
        if self.disk == Disk::Full { Err(FileFault::NoRoom.of("disk")) } else { Ok(()) }
    }
}

impl Node for Panel {
    fn hears(&self, _transport: Transport, port: u16) -> bool {
        !self.finished && !self.dead && (self.listens.contains(&port) || self.listens_for_accounts.contains(&port))
    }

    fn handle_datagram(&mut self, now: Now, path: Path, bytes: &[u8]) {
        self.phone.handle_datagram(now, path, bytes);
    }

    fn handle_stream(&mut self, now: Now, path: Path, bytes: &[u8]) {
        self.phone.handle_stream(now, path, bytes);
    }

    fn handle_transport_error(&mut self, now: Now, path: Path) {
        self.phone.handle_transport_error(now, path);
    }

    fn handle_timeout(&mut self, now: Now) {
        while self.back.front().is_some_and(|(at, _)| *at <= now.instant) {
            if let Some((_, event)) = self.back.pop_front() {
                self.phone.handle_media(now, event);
            }
        }
        self.phone.handle_timeout(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        if self.finished || self.dead {
            return None;
        }
        self.phone.poll_timeout().into_iter().chain(self.back.front().map(|(at, _)| *at)).min()
    }

    fn connects(&mut self) -> Vec<Connect> {
        std::mem::take(&mut self.connects)
    }

    fn handle_connected(&mut self, now: Now, path: Path) {
        self.phone.handle_connected(now, path);
    }

    fn handle_flow_gone(&mut self, now: Now, flow: FlowId, fault: &FlowFault) {
        self.phone.handle_flow_gone(now, flow, fault);
    }

    fn drain(&mut self, now: Now) -> Vec<Transmit> {
        let mut transmits = Vec::new();
        if self.dead {
            return transmits;
        }
        while let Some(output) = self.phone.poll_output() {
            transmits.extend(self.take(now, output));
        }
        transmits
    }
}
