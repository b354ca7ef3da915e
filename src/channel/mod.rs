//! The whole contract between the screen and the worker: [`Command`] goes down, [`Event`] comes up.
//!
//! Everything here is plain data: no socket, no Slint type, no callback. The worker sends whole small views, never
//! differences, and the screen shows what the worker reported, never what was tapped.

mod board;
mod call;
mod certificate;
mod command;
mod dnd;
mod door;
mod event;
mod fault;
mod light;
mod log;
mod picture;
mod pin;
mod reach;
mod unlock;

pub use self::board::{BoardDevice, BoardTrouble, WiredDoorView};
pub use self::call::{
    AudioView, CallDirection, CallHandle, CallState, CallView, EndReason, SessionTimerView, VideoView,
};
pub use self::certificate::{CertificateFault, CertificateProblem};
pub use self::command::{CertificateRole, Command, Done, Refusal, RuleChange, ScreenRequest, Spot};
pub use self::dnd::{CodeFault, DndServerState, DndServerView, DndTerm};
pub use self::door::{DoorCommand, DoorFault, DoorPhase, DoorView};
pub use self::event::{ContactsImported, Event, Notice, NoticeKind, Screen};
pub use self::fault::{PortFault, PortTrouble, SoundFault};
pub use self::light::LightView;
pub use self::log::{Allowed, CallQuality, CallResult, LogEntry, StreamQuality};
pub use self::picture::{Picture, PictureName, PictureSize, VisitorPicture};
pub use self::pin::{PinAnswer, PinView};
pub use self::reach::{
    AccountFault, AccountTestView, DirectIpView, ProxyInUse, RegistrationState, RegistrationView, TestStep, TlsFault,
};
pub use self::unlock::{DoorKeyView, UnlockFault, UnlockState};
pub use crate::config::{Account, AccountChoice, DndMode};
