//! The only IO of SIP and RTP: one thread, one select loop, and the sockets, files and engines around it.
//!
//! ```text
//!  screen ──Command──▶ ┌────────────┐ ◀─▶ net: UDP, TCP, TLS, routes    (bytes)
//!         ◀──Event──── │ the loop   │ ◀─▶ media: RTP sockets, engines    (packets, orders)
//!  ctl ◀─▶ control ◀─▶ │ around the │ ──▶ files: settings, call log      (own thread)
//!  SIGTERM ──────────▶ │ phone      │ ──▶ trace, report                  (SIP as text, short log)
//!                      │            │ ◀─▶ pin                            (hashing, own thread)
//!                      │            │ ◀─▶ certificates                   (import, expiry, own threads)
//!                      │            │ ◀─▶ contacts                       (import, export, own threads)
//!                      │            │ ◀─▶ visitors                       (kept pictures, own threads)
//!                      │            │ ◀─▶ board                          (back-light, sensor, relay, door contact)
//!                      │            │ ──▶ watchdog                       (systemd: up, alive, leaving)
//!                      │            │ ──▶ rest, machine                  (code that nobody runs goes back to the system)
//!                      │            │ ◀─▶ web                            (doors that are opened by HTTP, own tasks)
//!                      └────────────┘
//! ```
//! The phone decides everything; the loop tells it what happened, drains what it wants done, and sleeps until something
//! happens or is due. A closed command channel means leave.

pub mod board;
mod calendar;
pub mod certificates;
pub mod contacts;
pub mod control;
mod errands;
pub mod files;
mod looping;
pub mod machine;
pub mod media;
pub mod net;
pub mod pin;
mod report;
mod rest;
mod sticks;
#[cfg(test)]
mod testing;
pub mod trace;
mod unfinished;
pub mod visitors;
mod watchdog;
pub mod web;

use std::path::PathBuf;
use std::thread::JoinHandle;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use self::control::socket::ControlSocket;
use self::files::Files;
use self::trace::Trace;
use crate::channel::{Command, Event, LogEntry, NoticeKind};
use crate::config::Config;
use crate::frame::FrameSlot;

/// What a worker begins with.
#[derive(Debug)]
pub struct Options {
    /// The settings in force.
    pub config: Config,
    /// Where settings and call log are written.
    pub files: Files,
    /// The data directory.
    pub data: PathBuf,
    /// The call log as loaded, oldest first.
    pub log: Vec<LogEntry>,
    /// What the start found.
    pub notices: Vec<NoticeKind>,
    /// The control socket; a panel may do without.
    pub control: Option<ControlSocket>,
    /// `--sip-trace`.
    pub trace: Option<Trace>,
    /// Whether there is a screen that can be asked.
    pub has_screen: bool,
    /// Whether that screen is the panel's own, and not a window on a desk.
    pub own_screen: bool,
}

/// The running worker.
#[derive(Debug)]
pub struct Worker {
    thread: JoinHandle<()>,
}

/// The screen's ends of the channels.
pub struct Ends {
    /// What is wanted; dropping it lets the worker leave.
    pub commands: UnboundedSender<Command>,
    /// What happens; it ends with [`Event::Bye`].
    pub events: UnboundedReceiver<Event>,
    /// The pictures.
    pub frames: FrameSlot,
}

impl Worker {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives no thread, no random numbers or no runtime.
    pub fn start(options: Options) -> std::io::Result<(Self, Ends)> {
        let (commands, to_do) = unbounded_channel();
        let (happened, events) = unbounded_channel();
        let frames = FrameSlot::new();
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(std::io::Error::other)?;
        // Made here, so that a failure is told at once.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let slot = frames.clone();
        let thread = std::thread::Builder::new().name("worker".into()).spawn(move || {
            let channels = looping::Channels { commands: to_do, events: happened, frames: slot };
            if let Err(error) = runtime.block_on(looping::run(options, channels, seed)) {
                tracing::error!("the worker cannot run: {error}");
            }
        })?;
        Ok((Self { thread }, Ends { commands, events, frames }))
    }

    /// Waits until the worker has left; false if it failed.
    pub fn join(self) -> bool {
        self.thread.join().is_ok()
    }
}
