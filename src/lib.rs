//! Vestibule: the touchscreen inside a flat that answers the door.
//!
//! A Slint screen and a background SIP/media worker that never see each other: *commands* go down one channel, *events*
//! (whole small views) come up another, camera frames go through a newest-wins slot beside them. Inside the worker a
//! **sans-IO core** decides everything, and thin IO carries it out.
//!
//! ```text
//!  finger ─▶ ui/*.slint ─▶ ui ──Command──▶ worker (one select loop) ──▶ phone ─▶ sip, sdp   (given `now`, bytes, a seed)
//!  eyes   ◀─ ui/*.slint ◀─ ui ◀──Event──── worker ◀──Output──────────── phone ◀─ …
//!                          ▲                 ├─ sockets: UDP, TCP, TLS, RTP through rtp, the control socket, files
//!                          └─ FrameSlot ◀────┴─ media: sound devices, codecs, GStreamer
//! ```
//!
//! # Rooms
//! | room | what it is for |
//! |---|---|
//! | `main.rs`, [`cli`] | arguments, logging, start the worker, run the screen, join; `ctl`, `settings` and `doctor`; the visit that plays itself |
//! | [`channel`] | [`channel::Command`] and [`channel::Event`]: the whole contract between screen and worker |
//! | [`dial`] | what is typed on the pad to what it calls; the ✳ rule |
//! | [`frame`] | the slot: the newest picture wins, one wake-up is pending |
//! | [`config`] | every setting declared once; the address book and the dial plan, with CSV and vCard; the file, stored atomically; the journal under the call log |
//! | [`sip`] | the RFC 3261 user agent core: guard against floods, gate against strangers, wire, four transaction machines, dialog, session, registration, digest, the way to a server (RFC 3263), endpoint |
//! | [`sdp`], [`rtp`] | offer and answer; packets, reports, telephone keys |
//! | [`phone`] | what a *panel* does with calls: accounts and their failover, admission, do not disturb and its codes, ringing, early media, several called at once, unlock, hold, floods, the call log, the light of the screen |
//! | [`media`] | devices and threads behind small traits, a fake beside each, a table of names |
//! | [`worker`] | the only IO of SIP and RTP: sockets, TLS, names, certificates, the PIN, kept pictures; doors that open by HTTP; the board (back-light, relay …), what systemd is told, and the control socket |
//! | [`ui`] | the only room that says slint; a Rust twin for each page with `connect` and `apply`; which screen there is, and what it lacks |
//! | [`simulator`] | the door station of the desktop simulator: a second small phone with a drawn camera and speech |
//!
//! The screens, `ui/*.slint`, are the crate `screens`, named by [`ui`] alone: they take longest to compile, and change least.
//!
//! Who may know whom is a table in `tests/architecture.rs`, which fails on an import that it does not allow. `sip`,
//! `sdp`, `rtp` and `phone` own no clock, thread, socket or random source.
//!
//! # Four walks
//! **Tap Call with 192✳168✳35✳123:** the dial page shows live what [`dial::parse`] makes of the entry →
//! `Command::Dial` → [`phone`] (policy, an offer for RTP ports bound at the start) → a session of [`sip`] → `Transmit` →
//! socket; `Event::Call` brings up the calling page. One message down, one up.
//!
//! **An INVITE comes in:** socket → [`sip`] (100 at once) → [`phone`] (admission, then 183 where a picture will come, else
//! 180) → outputs: transmit, start the picture, ring, `Event::Call`; frames go by the slot, and the screen says when the
//! ringing page was drawn.
//!
//! **An account registers:** settings → its list of places, looked up by [`sip`] (`Resolve` to the name server and back) →
//! `Connect` for TCP and TLS → REGISTER, challenged and answered inside [`sip`] → `Event::Registration`. A place that fails
//! is passed over, and a call that waits goes on by the next.
//!
//! **A setting changes:** the page checks it by its declaration in [`config`] → `Command::Set` → [`phone`] works out what
//! to redo, and shows it once the worker has it on disk.
//!
//! # Rules
//! `handle_*` takes what arrived, `poll_*` gives what must go out, all outputs are drained after each input. States are
//! enums that own their data. A value is parsed where it enters, and its error names field, value and limit. The screen
//! shows what the worker reported, never what was tapped. Nothing that comes from the network can panic or grow memory.

pub mod channel;
pub mod cli;
pub mod config;
pub mod dial;
pub mod frame;
pub mod media;
pub mod phone;
pub mod rtp;
pub mod sdp;
pub mod simulator;
pub mod sip;
pub mod ui;
pub mod worker;
