//! The simulated door station: what a person does there and what it shows.

use std::time::Instant;

/// What a person does at the simulated door station.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DoorCommand {
    /// Press the bell button.
    Bell,
    /// Give up, or end the call.
    HangUp,
    /// Play this fault from the next call on.
    Fault(DoorFault),
    /// Leave.
    Quit,
}

/// A fault that the simulated door station plays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DoorFault {
    /// Everything works.
    #[default]
    None,
    /// It takes two seconds to answer anything.
    AnswersLate,
    /// It has no camera.
    NoVideo,
    /// Every tenth packet that it sends is lost.
    PacketLoss,
    /// It hangs up three seconds after the panel has answered.
    HangsUp,
}

/// What the simulated door station is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DoorPhase {
    /// Nothing.
    #[default]
    Idle,
    /// Its bell was pressed, the panel has not answered yet.
    Ringing,
    /// In a call.
    Talking,
}

/// The simulated door station, whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DoorView {
    /// What it is doing.
    pub phase: DoorPhase,
    /// Until when the door stands open, if it does.
    pub open_until: Option<Instant>,
    /// The fault it plays.
    pub fault: DoorFault,
    /// Why the last call ended or did not come about; empty when there is nothing to say.
    pub note: String,
    /// RTP packets of speech that came from the panel in this call.
    pub heard: u64,
    /// How loud the loudest of them was, in decibels of full scale; `None` before the first.
    pub loudness: Option<f32>,
}
