//! The loop: waits for whatever comes first, tells the phone, and does what the phone wants done.
//!
//! `outputs` carries out what the phone wants; `asked` answers the control socket; `board` is about back-light, relay and door
//! contact, `pin` about the installer's PIN, `certificates` about files of certificates, `contacts` and `rules` about those of
//! contacts and dial rules, `plugins` about those of GStreamer that are missing, `visitors` about kept pictures, `watchdog` about
//! what systemd is told.

mod asked;
mod board;
mod certificates;
mod contacts;
mod outputs;
mod pin;
mod plugins;
mod rules;
mod visitors;
mod watchdog;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::net::{TcpStream, UnixListener};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::{broadcast, oneshot};
use tokio::task::AbortHandle;

use self::asked::Asked;
use super::Options;
use super::board::{self as hardware, Board};
use super::calendar::SystemCalendar;
use super::certificates::{self as files_of_certificates, Desk, Places};
use super::contacts as files_of_contacts;
use super::control::{events, serve};
use super::errands::Errands;
use super::files::{self, Saved, Writer};
use super::machine;
use super::media::{Media, Packet, Report, now};
use super::net::direct::{Datagram, Direct, Heard};
use super::net::dns::{self, Resolver};
use super::net::routes::SystemRoutes;
use super::net::tcp::{FlowEvent, Limits, Table};
use super::net::tls::Keyring;
use super::net::watch::NetworkWatch;
use super::pin::{self as pins, Pin};
use super::report::Reporter;
use super::rest::Rest;
use super::trace::{Trace, Way};
use super::unfinished;
use super::visitors as kept_pictures;
use super::watchdog::{self as systemd, Pulse};
use super::web;
use crate::channel::{Command, Event, RuleChange};
use crate::frame::FrameSlot;
use crate::media::video::{self, VideoCapabilities};
use crate::phone::{FlowFault, PORTS, Phone, Routes, Start};
use crate::sdp::{AudioCodec, Capabilities, VideoCodec};
use crate::sip::{FlowId, Path, Transport};

/// The port of a name server that names none.
const DNS_PORT: u16 = 53;
/// The longest datagram.
const DATAGRAM: usize = 65_536;
/// What connections may have waiting for the loop.
const FLOW_EVENTS: usize = 64;
/// The first page goes before the video plug-ins, which take as much of the processor to load as all the rest of the start; a
/// page that takes longer is not waited for.
const FIRST_PAGE: Duration = Duration::from_secs(2);
/// From then on the first calls wait at most so long until it is known which pictures can be shown.
const PROBE_TIME: Duration = Duration::from_millis(1000);
/// Leaving takes no longer, whatever the phone still waits for.
const LEAVE_TIME: Duration = Duration::from_millis(1700);
/// For the last messages on connections.
const FLUSH_TIME: Duration = Duration::from_millis(200);

/// Turns that other tasks get before the runtime ends.
const LAST_TURNS: usize = 32;

/// The worker's ends of the channels.
pub(super) struct Channels {
    pub(super) commands: UnboundedReceiver<Command>,
    pub(super) events: UnboundedSender<Event>,
    pub(super) frames: FrameSlot,
}

/// Something that happened.
enum Input {
    Command(Option<Command>),
    Asked(serve::Call),
    Heard(Heard),
    Accepted(io::Result<(TcpStream, SocketAddr)>),
    Flow(FlowEvent),
    Resolved(dns::Reply),
    Network,
    Packet(Packet),
    Report(Report),
    Saved(Saved),
    Probed(VideoCapabilities),
    Pin(pins::Done),
    Certificates(files_of_certificates::Done),
    Rules(rules::Read),
    Contacts(files_of_contacts::Done),
    Visitor(kept_pictures::Done),
    Board(hardware::Report),
    Door(web::Answer),
    Signal(&'static str),
    Due,
}

/// All that the loop holds.
struct Loop {
    phone: Phone,
    media: Media,
    direct: Direct,
    table: Table,
    /// Ways of messages on connections that do not stand yet, for what is told when they fail.
    connecting: HashMap<FlowId, Vec<Path>>,
    resolver: Resolver,
    routes: SystemRoutes,
    writer: Writer,
    /// Settings on their way to the disk.
    saving: usize,
    pin: Pin,
    certificates: Desk,
    rules: Errands<rules::Read>,
    contact_files: files_of_contacts::Desk,
    kept_pictures: kept_pictures::Desk,
    /// Doors that are asked by HTTP.
    doors: web::Desk,
    /// What the connections of the accounts by TLS need.
    keyring: Keyring,
    /// The client certificates of which it is known when they run out.
    expiry_of: Option<[String; 2]>,
    /// When to look at them again.
    expiry_due: Option<Instant>,
    asked: Asked,
    events: UnboundedSender<Event>,
    stream: broadcast::Sender<Arc<str>>,
    trace: Option<Trace>,
    reporter: Reporter,
    pulse: Pulse,
    board: Board,
    /// Nothing is heard from the network before this, unless it is known which pictures can be shown.
    deaf_until: Option<Instant>,
    /// Which pictures can be shown, once that is known.
    shows: Option<Vec<VideoCodec>>,
    /// Dropped when it is to be found out.
    holds_probe: Option<std::sync::mpsc::Sender<()>>,
    rest: Rest,
    leave_by: Option<Instant>,
    finished: bool,
}

/// Runs until the phone has left.
pub(super) async fn run(options: Options, channels: Channels, seed: [u8; 32]) -> io::Result<()> {
    let Options { config, files, data, mut log, notices, control, trace, has_screen, own_screen } = options;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (saved_in, mut saved) = mpsc::unbounded_channel();
    let (pins_in, mut pins) = mpsc::unbounded_channel();
    let (certificates_in, mut certificates) = mpsc::unbounded_channel();
    let (rules_in, mut rules_read) = mpsc::unbounded_channel();
    let (contacts_in, mut contacts) = mpsc::unbounded_channel();
    let (pictures_in, mut pictures) = mpsc::unbounded_channel();
    let (board_in, mut board) = mpsc::unbounded_channel();
    let (doors_in, mut doors) = mpsc::unbounded_channel();
    let (flows_in, mut flows) = mpsc::channel(FLOW_EVENTS);
    let (calls_in, mut calls) = mpsc::channel(serve::CONNECTIONS);
    let (resolved_in, mut resolved) = mpsc::unbounded_channel();
    let mut network = NetworkWatch::start();
    let resolver = Resolver::new(&name_servers(&config.dns_servers), resolved_in);
    let (stream, _) = broadcast::channel(serve::EVENTS_WAITING);
    let (holds_probe, begin) = std::sync::mpsc::channel();
    let mut probed = probe(begin);

    kept_pictures::sweep(&data, &mut log);
    let writer = Writer::start(files, saved_in)?;
    let mut random = StdRng::from_seed(seed);
    let phone_seed = rand::RngExt::random(&mut random);
    let (media, ports, mut reports) = Media::start(&config, PORTS, channels.frames, random);
    let pin = Pin::load(now(), &data, &config.pin, pins_in);
    let start = Start {
        config: Arc::new(config),
        seed: phone_seed,
        log,
        unfinished: unfinished::left(&data),
        capabilities: capabilities(&VideoCapabilities::default()),
        ports,
        routes: Box::new(SystemRoutes),
        calendar: Box::new(SystemCalendar),
        own_screen,
        instance: files::instance(&data),
    };
    let places = Places::of(&data);
    let mut this = Loop {
        phone: Phone::new(now(), start),
        media,
        direct: Direct::default(),
        table: Table::new(Limits::default(), flows_in),
        connecting: HashMap::new(),
        resolver,
        routes: SystemRoutes,
        writer,
        saving: 0,
        pin,
        keyring: Keyring::new(&places.folder),
        certificates: Desk::new(places, certificates_in),
        rules: rules::errands(rules_in),
        contact_files: files_of_contacts::Desk::new(contacts_in),
        kept_pictures: kept_pictures::Desk::new(&data, pictures_in),
        doors: web::Desk::new(doors_in),
        expiry_of: None,
        expiry_due: None,
        asked: Asked::new(has_screen),
        events: channels.events,
        stream: stream.clone(),
        trace,
        reporter: Reporter::default(),
        pulse: Pulse::new(systemd::watched(), has_screen),
        board: Board::new(own_screen, board_in),
        deaf_until: Some(Instant::now() + if has_screen { FIRST_PAGE + PROBE_TIME } else { PROBE_TIME }),
        shows: None,
        holds_probe: has_screen.then_some(holds_probe),
        rest: Rest::default(),
        leave_by: None,
        finished: false,
    };
    let _served = match &control {
        Some(socket) => {
            let listener = UnixListener::from_std(socket.listener()?)?;
            Some(Task(tokio::spawn(serve::serve(listener, calls_in, stream)).abort_handle()))
        }
        None => None,
    };
    for kind in notices {
        this.phone.notice(kind);
    }
    this.begin_pin();

    let mut commands = channels.commands;
    let mut datagram = vec![0; DATAGRAM];
    let mut packet = vec![0; 2048];
    loop {
        this.drain();
        if this.finished {
            break;
        }
        let hears = this.deaf_until.is_none();
        let deadline = this.deadline();
        let input = tokio::select! {
            taken = this.media.receive(&mut packet) => Input::Packet(taken),
            Some(report) = reports.recv() => Input::Report(report),
            taken = this.direct.receive(&mut datagram, hears) => Input::Heard(taken),
            accepted = this.direct.accept(), if hears => Input::Accepted(accepted),
            Some(event) = flows.recv() => Input::Flow(event),
            Some(answer) = resolved.recv() => Input::Resolved(answer),
            () = network.changed() => Input::Network,
            command = commands.recv(), if this.leave_by.is_none() => Input::Command(command),
            Some(call) = calls.recv() => Input::Asked(call),
            Some(result) = saved.recv() => Input::Saved(result),
            Some(done) = pins.recv() => Input::Pin(done),
            Some(done) = certificates.recv() => Input::Certificates(done),
            Some(read) = rules_read.recv() => Input::Rules(read),
            Some(done) = contacts.recv() => Input::Contacts(done),
            Some(done) = pictures.recv() => Input::Visitor(done),
            Some(report) = board.recv() => Input::Board(report),
            Some(answer) = doors.recv() => Input::Door(answer),
            found = &mut probed, if this.shows.is_none() => Input::Probed(found.unwrap_or_default()),
            _ = terminate.recv() => Input::Signal("SIGTERM"),
            _ = interrupt.recv() => Input::Signal("SIGINT"),
            () = sleep_until(deadline) => Input::Due,
        };
        this.take(input, &datagram, &packet);
    }
    let Loop { table, media, .. } = this;
    table.finish(FLUSH_TIME).await;
    // The tasks of the control socket write the last answers and events.
    for _ in 0..LAST_TURNS {
        tokio::task::yield_now().await;
    }
    drop(media);
    tracing::info!("good bye");
    Ok(())
}

impl Loop {
    fn take(&mut self, input: Input, datagram: &[u8], packet: &[u8]) {
        let now = now();
        match input {
            Input::Packet(taken) => self.media.handle_packet(now.instant, taken, packet),
            Input::Report(report) => self.media.handle_report(now.instant, report),
            Input::Heard(Heard::Datagram(taken)) => self.hear(taken, &datagram[..taken.count]),
            Input::Heard(Heard::Undelivered { remote, port }) => self.undelivered(remote, port),
            Input::Accepted(Ok((stream, remote))) => self.accept(stream, remote),
            Input::Accepted(Err(error)) => tracing::warn!("a connection could not be accepted: {error}"),
            Input::Flow(event) => self.flow(event),
            Input::Resolved(reply) => self.phone.handle_resolved(now, &reply.question, &reply.answer),
            Input::Network => self.phone.handle_network(now),
            Input::Command(Some(command)) => self.command(command),
            Input::Command(None) => self.leave("the screen has left"),
            Input::Asked(call) => self.answer(call),
            Input::Saved(saved) => self.saved(saved),
            Input::Probed(found) => self.probed(&found),
            Input::Pin(done) => self.pin_done(done),
            Input::Certificates(done) => self.certificates_done(done),
            Input::Rules(read) => self.rules_read(read),
            Input::Contacts(done) => self.contacts_done(done),
            Input::Visitor(done) => self.picture_done(done),
            Input::Board(report) => self.board_reports(report),
            Input::Door(answer) => self.door_answered(answer),
            Input::Signal(name) => self.leave(name),
            Input::Due => self.due(),
        }
    }

    /// What somebody at the screen wants.
    fn command(&mut self, command: Command) {
        match command {
            Command::Answered { ask, outcome } => self.asked.answered(ask, outcome),
            Command::Here => self.screen_is_there(),
            Command::Quit => self.leave("it was told to"),
            Command::EnterPin(_) | Command::SetPin { .. } | Command::LockPin => self.pin_command(command),
            Command::ImportCertificate { .. } | Command::ListCertificateFiles => {
                self.certificate_command(command, None)
            }
            Command::Rules(RuleChange::ImportFile(file)) => self.import_rules(file, None),
            Command::ImportContacts(_) | Command::ExportContacts(_) | Command::ListContactFiles => {
                self.contact_command(command, None);
            }
            Command::ShowPicture { file, size } => self.kept_pictures.show(file, size),
            command => {
                if let Command::Shown(screen) = &command {
                    let _ = self.stream.send(events::screen(*screen));
                    self.is_up();
                }
                let Some((command, None)) = self.without_plain_pin(command, None) else { return };
                if let Err(refusal) = self.phone.handle_command(now(), command) {
                    self.phone.refuse(refusal);
                }
            }
        }
    }

    /// A datagram came at the Direct IP Port.
    fn hear(&mut self, taken: Datagram, bytes: &[u8]) {
        let Datagram { remote, port, .. } = taken;
        let Some(own) = self.routes.local_for(remote.ip()) else {
            tracing::debug!("a datagram from {remote}, where no route leads, is dropped");
            return;
        };
        let local = SocketAddr::new(own, port);
        if let Some(trace) = &mut self.trace
            && !bytes.iter().all(u8::is_ascii_whitespace)
        {
            trace.message(Way::In, "udp", local, remote, bytes);
        }
        let path = Path { transport: Transport::Udp, local, remote, flow: None };
        self.phone.handle_datagram(now(), path, bytes);
    }

    /// What we sent by datagram from this port of ours does not arrive there.
    fn undelivered(&mut self, remote: SocketAddr, port: u16) {
        tracing::debug!("nobody takes what is sent to {remote}");
        let own = self.routes.local_for(remote.ip()).unwrap_or(std::net::Ipv4Addr::UNSPECIFIED.into());
        let path = Path { transport: Transport::Udp, local: SocketAddr::new(own, port), remote, flow: None };
        self.phone.handle_transport_error(now(), path);
    }

    fn accept(&mut self, stream: TcpStream, remote: SocketAddr) {
        let now = now();
        match self.table.accept(now.instant, stream, remote, &|flow| self.phone.uses_flow(flow)) {
            Ok(None) => {}
            Ok(Some(gone)) => self.closed(gone, &closed_here()),
            Err(why) => tracing::debug!("a connection from {remote} is closed: {why}"),
        }
    }

    /// Something happened on a connection.
    fn flow(&mut self, event: FlowEvent) {
        let now = now();
        // What a connection said before it was closed here concerns nobody.
        let path = self.table.path(event.flow());
        self.table.note(now.instant, &event);
        match event {
            FlowEvent::Connected { flow, .. } => {
                self.connecting.remove(&flow);
                // Its own end is known only now.
                if let Some(path) = self.table.path(flow) {
                    self.phone.handle_connected(now, path);
                }
            }
            FlowEvent::Bytes { flow, bytes } => {
                let Some(path) = path else { return };
                if let Some(trace) = &mut self.trace {
                    trace.stream(flow, path.transport.name(), path.local, path.remote, &bytes);
                }
                self.phone.handle_stream(now, path, &bytes);
            }
            FlowEvent::Closed { flow, why } => {
                if let Some(path) = path {
                    tracing::debug!("the connection with {} is closed: {why}", path.remote);
                    self.closed(flow, &why);
                }
            }
        }
    }

    /// A connection is gone: what was to go over it is told.
    fn closed(&mut self, flow: FlowId, why: &FlowFault) {
        let now = now();
        if let Some(trace) = &mut self.trace {
            trace.closed(flow);
        }
        for path in self.connecting.remove(&flow).unwrap_or_default() {
            self.phone.handle_transport_error(now, path);
        }
        if let FlowFault::Tls(_) = why {
            // Whoever mends it may do so in the files.
            self.keyring.forget();
        }
        self.phone.handle_flow_gone(now, flow, why);
    }

    /// It is known which pictures can be shown.
    fn probed(&mut self, found: &VideoCapabilities) {
        self.deaf_until = None;
        self.shows = Some(found.decode.clone());
        self.rest.begin(now().instant);
        self.phone.set_capabilities(now(), capabilities(found));
        let has_camera = self.phone.config().video_camera != "none";
        for missing in &found.missing {
            tracing::warn!("{missing}");
        }
        if let Some(notice) = plugins::without(&found.missing, has_camera) {
            self.phone.notice(notice);
        }
    }

    /// Something is due.
    fn due(&mut self) {
        let now = now();
        if self.deaf_until.is_some_and(|until| until <= now.instant) {
            tracing::info!("it takes long to find out which pictures can be shown; until then calls have sound only");
            self.deaf_until = None;
        }
        if self.leave_by.is_some_and(|by| by <= now.instant) {
            self.finished = true;
        }
        if self.phone.poll_timeout().is_some_and(|at| at <= now.instant) {
            self.phone.handle_timeout(now);
        }
        if self.media.poll_timeout().is_some_and(|at| at <= now.instant) {
            self.media.handle_timeout(now.instant);
        }
        self.beat(now.instant);
        self.board.handle_timeout(now.instant);
        if self.expiry_due.is_some_and(|at| at <= now.instant) {
            self.look_at_expiry();
        }
        if self.rest.handle_timeout(now.instant, now.wall) && self.phone.calls().is_empty() {
            match machine::let_go_of_code() {
                Ok(bytes) => tracing::debug!(bytes, "at rest"),
                Err(error) => tracing::warn!("no code can be given back: {error}"),
            }
        }
        for flow in self.table.close_silent(now.instant, &|flow| self.phone.uses_flow(flow)) {
            self.closed(flow, &closed_here());
        }
    }

    /// When something will be due.
    fn deadline(&self) -> Option<Instant> {
        [
            self.phone.poll_timeout(),
            self.media.poll_timeout(),
            self.table.deadline(),
            self.expiry_due,
            self.pulse.poll_timeout(),
            self.board.poll_timeout(),
            self.deaf_until,
            self.rest.poll_timeout(),
            self.leave_by,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Ends the calls and leaves.
    fn leave(&mut self, why: &str) {
        if self.leave_by.is_some() {
            return;
        }
        tracing::info!("leaving: {why}");
        systemd::say_stopping();
        let now = now();
        self.leave_by = Some(now.instant + LEAVE_TIME);
        if let Err(refusal) = self.phone.handle_command(now, Command::Quit) {
            tracing::warn!("{refusal}");
        }
    }
}

/// The name servers of the settings, each with its port.
fn name_servers(texts: &[String]) -> Vec<SocketAddr> {
    let parse = |text: &String| match text.parse::<IpAddr>() {
        Ok(address) => Some(SocketAddr::new(address, DNS_PORT)),
        Err(_) => text.parse().ok(),
    };
    texts.iter().filter_map(parse).collect()
}

/// Why a connection is gone that nobody but us has ended.
fn closed_here() -> FlowFault {
    FlowFault::Ended("closed here".to_owned())
}

/// A task that ends with its owner.
struct Task(AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

/// Finds out, in a thread of its own and from `begin` on, which pictures can be shown and sent; then loads what the first ring
/// needs.
fn probe(begin: std::sync::mpsc::Receiver<()>) -> oneshot::Receiver<VideoCapabilities> {
    let (found, probed) = oneshot::channel();
    let work = move || {
        // Its sender goes when the screen is there, or the panel has none.
        let _ = begin.recv_timeout(FIRST_PAGE);
        let capabilities = video::probe();
        let decode = capabilities.decode.clone();
        // The worker may have left already.
        let _ = found.send(capabilities);
        video::warm_up(&decode);
    };
    if let Err(error) = std::thread::Builder::new().name("probe".into()).spawn(work) {
        tracing::error!("no thread to look for video plug-ins: {error}");
    }
    probed
}

fn capabilities(video: &VideoCapabilities) -> Capabilities {
    Capabilities {
        audio: vec![AudioCodec::Opus, AudioCodec::G722, AudioCodec::Pcma, AudioCodec::Pcmu],
        video: video.decode.clone(),
    }
}
