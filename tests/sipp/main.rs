//! The panel against SIPp, which does what no honest telephone does: lost and doubled messages, early and late ones, some
//! that were never meant to be answered. Needs the package sip-tester.

#[path = "../panel/mod.rs"]
mod real_panel;

mod called;
mod calling;
mod loss;
mod midcall;
mod reliable;
mod resident;
mod scenario;
mod sipp;
mod streams;
mod timers;
