//! The door station of the desktop simulator: a second small phone that speaks real SIP and RTP to the panel.
//!
//! ```text
//!  DoorCommand ─▶ thread "door": one select loop ─▶ DoorView
//!                  ├─ sip::Endpoint ── UDP ───────────────────────────▶ panel, port for direct calls
//!                  ├─ call: offer and answer, faults ─┬─ rtp: sound ◀── speech (a recording), ear (how loud the panel is)
//!                  │                                  └─ rtp: picture ◀─ media::video::Sender ◀─ camera (painted)
//!                  └─ lock: keys (RFC 4733, INFO) ─▶ the door opens
//! ```
//!
//! * `station`: the loop, its sockets and deadlines, what a person does at the door
//! * `call`: what is known of the one call; `stream`: one RTP stream of it
//! * `camera`, `scene`: the picture; `speech`: the visitor's words; `lock`: the code that opens
//! * `sockets`: five UDP sockets on loopback

mod call;
mod camera;
mod lock;
pub mod scene;
mod sockets;
mod speech;
mod station;
mod stream;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::thread::JoinHandle;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::channel::{DoorCommand, DoorView};
use crate::frame::FrameSlot;
use crate::sdp::VideoCodec;
use sockets::Sockets;
use station::Station;

/// How the door station is set up.
#[derive(Clone, Debug)]
pub struct DoorOptions {
    /// Where the panel listens for direct calls, on loopback.
    pub panel: SocketAddr,
    /// Which UDP port of 127.0.0.1 the door station would like for itself; another one is taken when it is not free.
    pub port: u16,
    /// The name that it calls by.
    pub name: String,
    /// The keys that open the door.
    pub code: String,
    /// What its camera can send, the best first.
    pub video: Vec<VideoCodec>,
    /// Whether the visitor can be heard before the panel has answered.
    pub early_sound: bool,
    /// Whether somebody looks at what the camera sees; else nothing is painted outside calls.
    pub preview: bool,
    /// Tags, branches, sequence numbers and which packets are lost come from this.
    pub seed: [u8; 32],
}

/// A running door station. Dropping it ends its call and waits for its thread.
pub struct DoorStation {
    commands: UnboundedSender<DoorCommand>,
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

impl DoorStation {
    /// Starts a door station. It reports to `views` whenever something has changed, and puts what its camera sees into
    /// `frames` if somebody looks.
    ///
    /// # Errors
    /// The system's error when it refuses a port or a thread.
    pub fn start(options: DoorOptions, views: UnboundedSender<DoorView>, frames: FrameSlot) -> io::Result<Self> {
        let (commands, orders) = unbounded_channel();
        let sockets = Sockets::bind(options.port)?;
        let address = sockets.sip_address();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let thread = std::thread::Builder::new().name("door".to_owned()).spawn(move || {
            runtime.block_on(async {
                match sockets.open() {
                    Ok(sockets) => Station::new(options, sockets, views, frames).run(orders).await,
                    Err(error) => tracing::error!("the simulated door station has no sockets: {error}"),
                }
            });
        })?;
        Ok(Self { commands, address, thread: Some(thread) })
    }

    /// Where it takes calls: `127.0.0.1` and its port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What a person does there.
    pub fn commands(&self) -> UnboundedSender<DoorCommand> {
        self.commands.clone()
    }
}

impl Drop for DoorStation {
    fn drop(&mut self) {
        // The thread may have left by another Quit already.
        let _ = self.commands.send(DoorCommand::Quit);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has already been printed by its hook.
            let _ = thread.join();
        }
    }
}
