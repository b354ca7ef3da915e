//! The sound engine: loudspeaker, microphone, codecs and the buffer between the network and the ear.
//!
//! ```text
//!  push ─▶ ring ─▶ jitter buffer ─▶ ×ratio ─┐
//!                  (decoder inside)         ├─▶ mix ─▶ volume ─┬─▶ speaker ring ─▶ device callback
//!                  ring, ringback, busy, key┘                  ▼ far-end reference
//!  event ◀─ encoder ◀─ ×ratio ◀─ mute ◀─ CaptureProcessor ◀─ microphone ring ◀─ device callback
//! ```
//!
//! One named thread, `audio`, does all of this every 10 ms while a call is up or a tone sounds, and sleeps without a
//! timer otherwise. Opening a device can block for seconds, so a second thread, `audio-devices`, opens, watches
//! and rebuilds them, and hands the ends of their rings over. Where a device is missing, silence paced by the timer
//! takes its place and calls go on.
//!
//! * `types`: what goes in and out
//! * `engine`: the audio thread; `call`: what it keeps for each call
//! * `jitter`: the buffer, with the sound of its time-line (`timeline`), the delay it aims at (`delay`), what fills gaps
//!   (`conceal`) and what changes the length (`stretch`); none of them owns a clock
//! * `codec`, `resample`, `tones`, `mix`, `capture`: one step of the picture each
//! * `voice`: speech without devices, for peers made of memory
//! * `devices`: the table of names, the fakes, the sound cards and their supervisor

mod call;
mod capture;
mod codec;
mod conceal;
mod delay;
mod devices;
mod engine;
mod jitter;
mod mix;
mod resample;
mod stretch;
#[cfg(test)]
mod tests;
mod timeline;
mod tones;
mod types;
mod voice;

use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

pub use capture::{CaptureProcessor, PassThrough};
pub use devices::{DeviceNames, DeviceRefused, check_input, check_output, find_input, find_output, list, system};
pub use types::{AudioEvent, AudioPacket, AudioPlan, AudioSettings, AudioStats, DeviceState, Ringtone, Tone};
pub use voice::{Ear, SILENCE_DBFS, Voice};

use crate::media::CallKey;
use engine::{Engine, Order, Shared};

/// Sample rate of devices and of everything that is mixed, in Hz.
pub const RATE: u32 = 48_000;
/// Samples of the 10 ms that are treated at a time.
pub const FRAME: usize = 480;
/// Packets that can wait for the audio thread; more are thrown away.
const PACKET_RING: usize = 512;

/// The running sound engine. Dropping it ends both threads and waits for them.
///
/// No method blocks: orders go through a channel, packets through a ring.
pub struct AudioEngine {
    orders: Sender<Order>,
    packets: Mutex<rtrb::Producer<(CallKey, AudioPacket)>>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl AudioEngine {
    /// Starts the engine with no device open. `events` is called from the audio thread and must not block.
    ///
    /// # Errors
    /// The system's error when it refuses a thread.
    pub fn start(settings: AudioSettings, events: impl Fn(AudioEvent) + Send + 'static) -> std::io::Result<Self> {
        Self::start_with(settings, Box::new(PassThrough), events)
    }

    /// As [`AudioEngine::start`], with something between the microphone and the codec.
    ///
    /// # Errors
    /// The system's error when it refuses a thread.
    pub fn start_with(
        settings: AudioSettings,
        processor: Box<dyn CaptureProcessor>,
        events: impl Fn(AudioEvent) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (orders, orders_in) = mpsc::channel();
        let (packets, packets_in) = rtrb::RingBuffer::new(PACKET_RING);
        let shared = Arc::new(Shared::default());
        let engine = Engine::new(settings, processor, Box::new(events), packets_in, shared.clone())?;
        let thread = std::thread::Builder::new().name("audio".to_owned()).spawn(move || engine.run(&orders_in))?;
        Ok(Self { orders, packets: Mutex::new(packets), shared, thread: Some(thread) })
    }

    /// Takes other settings: volumes at once and without a click, devices by opening the new and closing the old.
    pub fn configure(&self, settings: AudioSettings) {
        self.order(Order::Configure(settings));
    }

    /// Starts the sound of a call, or replaces its plan without a gap.
    pub fn start_call(&self, call: CallKey, plan: AudioPlan) {
        self.order(Order::StartCall(call, plan));
    }

    /// Ends the sound of a call. Unknown calls are passed over.
    pub fn stop_call(&self, call: CallKey) {
        self.order(Order::StopCall(call));
    }

    /// Hands in a packet. It is thrown away when its call has no plan or 512 packets wait already.
    pub fn push(&self, call: CallKey, packet: AudioPacket) {
        let mut ring = self.packets.lock().unwrap_or_else(PoisonError::into_inner);
        // A full ring means that the audio thread stands still: newer sound is no better off than older.
        let _ = ring.push((call, packet));
    }

    /// Sounds a tone until another takes its place; `None` for silence. A ring or ringback also opens the microphone's
    /// device, so that answering is instant; nothing of it is heard, sent or kept.
    pub fn play(&self, tone: Option<Tone>) {
        self.order(Order::Play(tone));
    }

    /// Sounds a keypad key (`0`–`9`, `*`, `#`, `A`–`D`) for a tenth of a second, if key tones are on.
    pub fn key_tone(&self, key: char) {
        self.order(Order::Key(key));
    }

    /// Sends silence in place of the microphone, in every call, until told otherwise.
    pub fn mute(&self, on: bool) {
        self.order(Order::Mute(on));
    }

    /// Figures of a call, at most 10 ms old; `None` when it has no plan.
    pub fn stats(&self, call: CallKey) -> Option<AudioStats> {
        self.shared.stats(call)
    }

    fn order(&self, order: Order) {
        // The thread only ends with this handle, so there is always somebody to take the order.
        let _ = self.orders.send(order);
    }
}

impl Drop for AudioEngine {
    fn drop(&mut self) {
        self.order(Order::Quit);
        if let Some(thread) = self.thread.take() {
            // A panic of the audio thread has already been printed by its hook.
            let _ = thread.join();
        }
    }
}
