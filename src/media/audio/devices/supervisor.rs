//! Opens the devices that are wanted, watches them, and builds anew what broke.
//!
//! ```text
//!  audio thread ──Want──▶ audio-devices ──spawn──▶ opening (may block for seconds)
//!       ▲                      │  ▲ every 100 ms while a card is open  │
//!       └──────Report──────────┘  └───────────────Opened───────────────┘
//! ```
//!
//! With nothing wanted this thread sleeps without a timer.

use std::collections::HashSet;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::card::Card;
use super::{Opened, Sink, Source, open_input, open_output};
use crate::config::DeviceFault;

/// A card that calls for no sound for so long is taken for dead.
const SILENT: Duration = Duration::from_millis(500);
/// A card that was opened so lately may take its time: a sound system that starts a stream rearranges itself.
const STARTING: Duration = Duration::from_secs(3);
const SILENT_AT_START: Duration = Duration::from_secs(2);
/// How often cards are looked at.
const LOOK: Duration = Duration::from_millis(100);
/// An opening that takes longer is reported as missing; it may still succeed.
const SLOW: Duration = Duration::from_secs(3);
/// First and longest pause before another try.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long the end of this thread is waited for; a device that hangs must not keep the program alive.
const FAREWELL: Duration = Duration::from_millis(500);

/// What the audio thread is told. The number is that of the order it answers.
pub(in super::super) enum Report {
    /// A microphone is open, or not and why.
    Input(u64, Result<Box<dyn Source>, DeviceFault>),
    /// A loudspeaker is open, or not and why.
    Output(u64, Result<Box<dyn Sink>, DeviceFault>),
}

enum Order {
    Want { number: u64, input: Option<String>, output: Option<String> },
    InputOpened(u64, Result<Opened<dyn Source>, DeviceFault>),
    OutputOpened(u64, Result<Opened<dyn Sink>, DeviceFault>),
    Quit,
}

/// The audio thread's handle on the supervisor.
pub(in super::super) struct Supervisor {
    orders: Sender<Order>,
    pub(in super::super) reports: Receiver<Report>,
    ended: Receiver<()>,
    thread: Option<JoinHandle<()>>,
    number: u64,
}

impl Supervisor {
    pub(in super::super) fn start() -> std::io::Result<Self> {
        let (orders, inbox) = mpsc::channel();
        let (report, reports) = mpsc::channel();
        let (end, ended) = mpsc::channel();
        let worker = Worker {
            inbox,
            own: orders.clone(),
            report,
            input: Side::new(),
            output: Side::new(),
            recorded: HashSet::new(),
        };
        let thread = std::thread::Builder::new().name("audio-devices".to_owned()).spawn(move || {
            worker.run();
            drop(end);
        })?;
        Ok(Self { orders, reports, ended, thread: Some(thread), number: 0 })
    }

    /// Asks for these devices, by name, and no others. Returns the order's number, which reports bear.
    pub(in super::super) fn want(&mut self, input: Option<String>, output: Option<String>) -> u64 {
        self.number += 1;
        let order = Order::Want { number: self.number, input, output };
        // The supervisor only ends with this handle.
        let _ = self.orders.send(order);
        self.number
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        let _ = self.orders.send(Order::Quit);
        let ended = self.ended.recv_timeout(FAREWELL);
        if ended != Err(RecvTimeoutError::Timeout)
            && let Some(thread) = self.thread.take()
        {
            // A panic has already been printed by its hook.
            let _ = thread.join();
        }
    }
}

/// What is known of one direction.
struct Side {
    wanted: Option<String>,
    /// Number of the order that asked for it.
    number: u64,
    state: State,
    pause: Duration,
}

enum State {
    Closed,
    /// A thread is at it since then; whether the audio thread was told that it takes long.
    Opening(Instant, bool),
    /// Open since then, with the card if there is one, its callbacks when last looked, and when they last moved.
    Open {
        card: Option<Card>,
        since: Instant,
        callbacks: u64,
        moved: Instant,
    },
    /// To be tried again then.
    Waiting(Instant),
}

/// What looking at a side found.
enum Found {
    Nothing,
    Open,
    Trouble(DeviceFault),
}

impl Side {
    fn new() -> Self {
        Self { wanted: None, number: 0, state: State::Closed, pause: FIRST_PAUSE }
    }

    /// Takes a new wish; true when a device must be opened.
    fn want(&mut self, number: u64, wanted: Option<String>) -> bool {
        self.number = number;
        self.pause = FIRST_PAUSE;
        self.wanted = wanted;
        self.state = State::Closed;
        self.wanted.is_some()
    }

    /// Puts the result of an opening in place; hands back the end for the audio thread.
    fn opened<End: ?Sized>(&mut self, opened: Result<Opened<End>, DeviceFault>) -> Result<Box<End>, DeviceFault> {
        match opened {
            Ok(opened) => {
                self.pause = FIRST_PAUSE;
                let now = Instant::now();
                self.state = State::Open { card: opened.card, since: now, callbacks: 0, moved: now };
                Ok(opened.end)
            }
            Err(why) => {
                self.wait();
                Err(why)
            }
        }
    }

    fn wait(&mut self) {
        self.state = State::Waiting(Instant::now() + self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    fn look(&mut self, now: Instant) -> Found {
        match &mut self.state {
            State::Open { card: Some(card), since, callbacks, moved } => {
                let trouble = card.health.trouble();
                let seen = card.health.callbacks();
                if seen != *callbacks {
                    *callbacks = seen;
                    *moved = now;
                }
                let patience = if now.duration_since(*since) < STARTING { SILENT_AT_START } else { SILENT };
                let silent = now.duration_since(*moved) > patience;
                match trouble {
                    Some(why) => Found::Trouble(why),
                    None if silent => Found::Trouble(DeviceFault::Stalled),
                    None => Found::Nothing,
                }
            }
            State::Opening(since, told) if !*told && now.duration_since(*since) > SLOW => {
                *told = true;
                Found::Trouble(DeviceFault::NoAnswer)
            }
            State::Waiting(until) if now >= *until => Found::Open,
            _ => Found::Nothing,
        }
    }

    /// Whether this side must be looked at from time to time.
    fn restless(&self) -> bool {
        !matches!(self.state, State::Closed | State::Open { card: None, .. })
    }
}

struct Worker {
    inbox: Receiver<Order>,
    own: Sender<Order>,
    report: Sender<Report>,
    input: Side,
    output: Side,
    /// Recordings begun by this engine, to be continued and not begun anew.
    recorded: HashSet<String>,
}

impl Worker {
    fn run(mut self) {
        loop {
            let order = if self.input.restless() || self.output.restless() {
                match self.inbox.recv_timeout(LOOK) {
                    Ok(order) => Some(order),
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            } else {
                match self.inbox.recv() {
                    Ok(order) => Some(order),
                    Err(_) => return,
                }
            };
            match order {
                Some(Order::Quit) => return,
                Some(order) => self.handle(order),
                None => {}
            }
            self.look();
        }
    }

    fn handle(&mut self, order: Order) {
        match order {
            Order::Want { number, input, output } => {
                if self.input.wanted != input && self.input.want(number, input) {
                    self.open_input();
                }
                if self.output.wanted != output && self.output.want(number, output) {
                    self.open_output();
                }
            }
            // What was opened for an older wish is dropped, which closes it.
            Order::InputOpened(number, opened) => {
                if number == self.input.number {
                    let end = self.input.opened(opened);
                    let _ = self.report.send(Report::Input(number, end));
                }
            }
            Order::OutputOpened(number, opened) => {
                if number == self.output.number {
                    if opened.is_ok() {
                        self.recorded.extend(self.output.wanted.clone());
                    }
                    let end = self.output.opened(opened);
                    let _ = self.report.send(Report::Output(number, end));
                }
            }
            Order::Quit => {}
        }
    }

    fn look(&mut self) {
        let now = Instant::now();
        match self.input.look(now) {
            Found::Nothing => {}
            Found::Open => self.open_input(),
            Found::Trouble(why) => {
                if !matches!(self.input.state, State::Opening(..)) {
                    self.input.wait();
                }
                let _ = self.report.send(Report::Input(self.input.number, Err(why)));
            }
        }
        match self.output.look(now) {
            Found::Nothing => {}
            Found::Open => self.open_output(),
            Found::Trouble(why) => {
                if !matches!(self.output.state, State::Opening(..)) {
                    self.output.wait();
                }
                let _ = self.report.send(Report::Output(self.output.number, Err(why)));
            }
        }
    }

    fn open_input(&mut self) {
        let Some(name) = self.input.wanted.clone() else {
            return;
        };
        let (own, number) = (self.own.clone(), self.input.number);
        self.input.state = State::Opening(Instant::now(), false);
        spawn(
            self.own.clone(),
            move || {
                let _ = own.send(Order::InputOpened(number, open_input(&name)));
            },
            move |why| Order::InputOpened(number, Err(why)),
        );
    }

    fn open_output(&mut self) {
        let Some(name) = self.output.wanted.clone() else {
            return;
        };
        let (own, number) = (self.own.clone(), self.output.number);
        let again = self.recorded.contains(&name);
        self.output.state = State::Opening(Instant::now(), false);
        spawn(
            self.own.clone(),
            move || {
                let _ = own.send(Order::OutputOpened(number, open_output(&name, again)));
            },
            move |why| Order::OutputOpened(number, Err(why)),
        );
    }
}

/// Runs an opening beside the supervisor, which must never hang.
fn spawn(own: Sender<Order>, open: impl FnOnce() + Send + 'static, failed: impl FnOnce(DeviceFault) -> Order) {
    let thread = std::thread::Builder::new().name("audio-open".to_owned());
    if let Err(error) = thread.spawn(open) {
        let _ = own.send(failed(DeviceFault::System(error.to_string())));
    }
}
