//! The audio thread: takes orders, keeps the 10 ms beat, moves sound both ways.
//!
//! With no call and no tone it closes the devices and waits for an order with no timer running.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::FRAME;
use super::call::Call;
use super::capture::CaptureProcessor;
use super::devices::supervisor::{Report, Supervisor};
use super::devices::{Null, Sink, Source};
use super::mix::{self, Ramp};
use super::tones::{KeyPlayer, TonePlayer};
use super::types::{AudioEvent, AudioPacket, AudioPlan, AudioSettings, AudioStats, DeviceState, Tone};
use crate::config::DeviceFault;
use crate::media::CallKey;

/// The beat.
const TICK: Duration = Duration::from_millis(10);
/// A thread that was kept from running for longer than this does not make up for it.
const STALL: Duration = Duration::from_millis(200);
/// Frames that are read or written at one beat at most.
const MOST_FRAMES: usize = 20;
/// Beats between two looks at what need not be seen every 10 ms.
const RARELY: u64 = 10;
/// Devices stay open for so many beats after the last sound: the next key is pressed soon.
const LINGER: u32 = 100;

/// What the engine is told.
pub(super) enum Order {
    Configure(AudioSettings),
    StartCall(CallKey, AudioPlan),
    StopCall(CallKey),
    Play(Option<Tone>),
    Key(char),
    Mute(bool),
    Quit,
}

/// What others may look at while the engine runs.
#[derive(Default)]
pub(super) struct Shared {
    stats: Mutex<HashMap<CallKey, AudioStats>>,
}

impl Shared {
    pub(super) fn stats(&self, call: CallKey) -> Option<AudioStats> {
        let stats = self.stats.lock().unwrap_or_else(PoisonError::into_inner);
        stats.get(&call).copied()
    }
}

/// One of the two devices.
struct Device<End: ?Sized> {
    end: Box<End>,
    /// The name asked for; `None` while it should be closed.
    wanted: Option<String>,
    /// Number of the order that asked.
    number: u64,
    state: DeviceState,
}

/// Everything the audio thread owns.
pub(super) struct Engine {
    settings: AudioSettings,
    processor: Box<dyn CaptureProcessor>,
    events: Box<dyn Fn(AudioEvent) + Send>,
    packets: rtrb::Consumer<(CallKey, AudioPacket)>,
    shared: Arc<Shared>,
    supervisor: Supervisor,
    input: Device<dyn Source>,
    output: Device<dyn Sink>,
    calls: Vec<Call>,
    tone: Option<TonePlayer>,
    /// Fades in a tone that begins and out one that ends.
    tone_ramp: Ramp,
    key: Option<KeyPlayer>,
    speech: Ramp,
    ring: Ramp,
    microphone: Ramp,
    linger: u32,
    beats: u64,
}

impl Engine {
    pub(super) fn new(
        settings: AudioSettings,
        processor: Box<dyn CaptureProcessor>,
        events: Box<dyn Fn(AudioEvent) + Send>,
        packets: rtrb::Consumer<(CallKey, AudioPacket)>,
        shared: Arc<Shared>,
    ) -> std::io::Result<Self> {
        let speech = Ramp::new(mix::gain(settings.volume));
        let ring = Ramp::new(mix::gain(settings.ring_volume));
        Ok(Self {
            settings,
            processor,
            events,
            packets,
            shared,
            supervisor: Supervisor::start()?,
            input: Device { end: Box::new(Null), wanted: None, number: 0, state: DeviceState::Closed },
            output: Device { end: Box::new(Null), wanted: None, number: 0, state: DeviceState::Closed },
            calls: Vec::new(),
            tone: None,
            tone_ramp: Ramp::new(1.0),
            key: None,
            speech,
            ring,
            microphone: Ramp::new(1.0),
            linger: 0,
            beats: 0,
        })
    }

    /// Runs until told to quit, or until nobody can tell it anything any more.
    pub(super) fn run(mut self, orders: &Receiver<Order>) {
        while self.rest(orders) && self.work(orders) {}
    }

    /// Sleeps until there is something to do; false to quit.
    fn rest(&mut self, orders: &Receiver<Order>) -> bool {
        while !self.busy() {
            self.shared_stats();
            match orders.recv() {
                Ok(order) => {
                    if !self.obey(order) {
                        return false;
                    }
                }
                Err(_) => return false,
            }
        }
        true
    }

    /// Keeps the beat until there is nothing to do; false to quit.
    fn work(&mut self, orders: &Receiver<Order>) -> bool {
        // What came while nothing listened is of no call that is now.
        while self.packets.pop().is_ok() {}
        let mut next = Instant::now();
        loop {
            loop {
                let wait = next.saturating_duration_since(Instant::now());
                let order = if wait.is_zero() {
                    orders.try_recv().ok()
                } else {
                    match orders.recv_timeout(wait) {
                        Ok(order) => Some(order),
                        Err(RecvTimeoutError::Timeout) => None,
                        Err(RecvTimeoutError::Disconnected) => return false,
                    }
                };
                let Some(order) = order else {
                    break;
                };
                if !self.obey(order) {
                    return false;
                }
            }
            if !self.busy() {
                if self.linger == 0 {
                    break;
                }
                self.linger -= 1;
            } else {
                self.linger = LINGER;
            }
            let now = Instant::now();
            if now.saturating_duration_since(next) > STALL {
                next = now;
            }
            let mut due = 0;
            while next <= now {
                next += TICK;
                due += 1;
            }
            self.beat(next - TICK, now, due);
        }
        self.want(None, None);
        self.tell_devices();
        true
    }

    /// Whether a call is up or something sounds.
    fn busy(&self) -> bool {
        !self.calls.is_empty() || self.tone.is_some() || self.key.is_some()
    }

    // ---- orders

    /// Does as told; false to quit.
    fn obey(&mut self, order: Order) -> bool {
        let now = Instant::now();
        match order {
            Order::Configure(settings) => {
                self.speech.set(mix::gain(settings.volume));
                self.ring.set(mix::gain(settings.ring_volume));
                self.settings = settings;
                self.choose_devices();
            }
            Order::StartCall(key, plan) => {
                match self.calls.iter_mut().find(|call| call.key() == key) {
                    Some(call) => call.replace(plan, now),
                    None => self.calls.push(Call::new(key, plan, now)),
                }
                self.choose_devices();
                self.shared_stats();
            }
            Order::StopCall(key) => {
                self.calls.retain(|call| call.key() != key);
                self.choose_devices();
                self.shared_stats();
            }
            Order::Play(tone) => self.play(tone),
            Order::Key(key) => {
                if self.settings.key_tones {
                    self.key = KeyPlayer::new(key).or(self.key.take());
                    self.choose_devices();
                }
            }
            Order::Mute(on) => self.microphone.set(if on { 0.0 } else { 1.0 }),
            Order::Quit => return false,
        }
        true
    }

    fn play(&mut self, tone: Option<Tone>) {
        match tone {
            Some(tone) if self.tone.as_ref().is_some_and(|player| player.tone() == tone) => {
                self.tone_ramp.set(1.0);
            }
            Some(tone) => {
                self.tone = Some(TonePlayer::new(tone, self.settings.ringtone));
                self.tone_ramp = Ramp::new(1.0);
            }
            // The last frame fades; then the player goes.
            None => self.tone_ramp.set(0.0),
        }
        self.choose_devices();
    }

    // ---- devices

    /// Asks for the devices that the present state needs.
    fn choose_devices(&mut self) {
        let busy = self.busy();
        let announced = self.tone.as_ref().is_some_and(|player| matches!(player.tone(), Tone::Ring | Tone::Ringback));
        let listens = !self.calls.is_empty() || announced;
        // What is open stays open until the engine rests.
        let input = (listens || self.input.wanted.is_some()).then(|| self.settings.input.clone());
        let output = (busy || self.output.wanted.is_some()).then(|| self.settings.output.clone());
        self.want(input, output);
    }

    fn want(&mut self, input: Option<String>, output: Option<String>) {
        let (new_input, new_output) = (input != self.input.wanted, output != self.output.wanted);
        if !new_input && !new_output {
            return;
        }
        // Old ends go first: a recording must be whole before it is continued.
        if new_input {
            self.input.end = Box::new(Null);
            self.input.state = DeviceState::Closed;
            self.processor.reset();
        }
        if new_output {
            self.output.end = Box::new(Null);
            self.output.state = DeviceState::Closed;
            self.processor.reset();
        }
        let number = self.supervisor.want(input.clone(), output.clone());
        if new_input {
            self.input.wanted = input;
            self.input.number = number;
        }
        if new_output {
            self.output.wanted = output;
            self.output.number = number;
        }
    }

    /// Takes what the supervisor opened, or heard of.
    fn hear_supervisor(&mut self) {
        let mut changed = false;
        while let Ok(report) = self.supervisor.reports.try_recv() {
            match report {
                Report::Input(number, end) if number == self.input.number => {
                    changed |= self.input.put(end, || Box::new(Null));
                }
                Report::Output(number, end) if number == self.output.number => {
                    changed |= self.output.put(end, || Box::new(Null));
                }
                // An answer to an older order.
                Report::Input(..) | Report::Output(..) => {}
            }
            self.processor.reset();
        }
        if changed {
            self.tell_devices();
        }
    }

    fn tell_devices(&self) {
        (self.events)(AudioEvent::Device { input: self.input.state.clone(), output: self.output.state.clone() });
    }

    // ---- the beat

    /// Moves sound. `on_time` is when the last of the `due` beats should have been, `now` when it is.
    fn beat(&mut self, on_time: Instant, now: Instant, due: usize) {
        self.beats += 1;
        self.hear_supervisor();
        while let Ok((key, packet)) = self.packets.pop() {
            if let Some(call) = self.calls.iter_mut().find(|call| call.key() == key) {
                call.push(packet);
            }
        }
        let frames = self.output.end.wants(due).min(MOST_FRAMES);
        for i in 0..frames {
            let when = if self.output.end.by_engine_clock() { on_time - TICK * (frames - 1 - i) as u32 } else { now };
            self.play_frame(when);
        }
        for _ in 0..self.input.end.ready(due).min(MOST_FRAMES) {
            self.capture_frame();
        }
        if self.beats.is_multiple_of(RARELY) {
            self.shared_stats();
            for call in &mut self.calls {
                if call.fell_silent(now) {
                    (self.events)(AudioEvent::RemoteSilent { call: call.key() });
                }
            }
        }
    }

    /// Mixes 10 ms and plays it.
    fn play_frame(&mut self, when: Instant) {
        let mut mixed = [0.0; FRAME];
        for call in &mut self.calls {
            call.play(when, &mut mixed);
        }
        let mut ringing = [0.0; FRAME];
        if let Some(player) = &mut self.tone {
            let mut sound = [0.0; FRAME];
            player.fill(&mut sound);
            self.tone_ramp.apply(&mut sound);
            match player.tone() {
                Tone::Ring => mix::add(&mut ringing, &sound),
                Tone::Ringback | Tone::Busy => mix::add(&mut mixed, &sound),
            }
            if self.tone_ramp.silent() {
                self.tone = None;
            }
        }
        if let Some(player) = &mut self.key {
            let mut sound = [0.0; FRAME];
            let more = player.fill(&mut sound);
            mix::add(&mut ringing, &sound);
            if !more {
                self.key = None;
            }
        }
        self.speech.apply(&mut mixed);
        self.ring.apply(&mut ringing);
        mix::add(&mut mixed, &ringing);
        for sample in &mut mixed {
            *sample = sample.clamp(-1.0, 1.0);
        }
        self.output.end.write(&mixed);
        self.input.end.played(&mixed);
        self.processor.played(&mixed);
    }

    /// Takes 10 ms from the microphone and hands it to the calls.
    fn capture_frame(&mut self) {
        let mut frame = [0.0; FRAME];
        self.input.end.read(&mut frame);
        // The loop is there to measure: what comes back must not be taken for an echo.
        if self.settings.input != "loop" {
            self.processor.captured(&mut frame);
        }
        self.microphone.apply(&mut frame);
        for call in &mut self.calls {
            call.capture(&frame, &self.events);
        }
    }

    fn shared_stats(&self) {
        let mut stats = self.shared.stats.lock().unwrap_or_else(PoisonError::into_inner);
        stats.retain(|key, _| self.calls.iter().any(|call| call.key() == *key));
        for call in &self.calls {
            stats.insert(call.key(), call.stats());
        }
    }
}

impl<End: ?Sized> Device<End> {
    /// Puts an opened device in place, or `silence` where it is missing; true when the state changed.
    fn put(&mut self, end: Result<Box<End>, DeviceFault>, silence: impl FnOnce() -> Box<End>) -> bool {
        let state = match end {
            Ok(end) => {
                self.end = end;
                DeviceState::Ok
            }
            Err(why) => {
                self.end = silence();
                DeviceState::Missing(why)
            }
        };
        let changed = state != self.state;
        self.state = state;
        changed
    }
}
