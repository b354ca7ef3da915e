//! The panel's behaviour, seen from outside: two panels and a door on a simulated network, one file per behaviour.

#[path = "../common/mod.rs"]
mod common;

mod accounts;
mod auto_answer;
mod book;
mod certificates;
mod crash;
mod direct_call;
mod dnd;
mod dnd_codes;
mod dnd_ends;
mod early_media;
mod flood;
mod forked;
mod group;
mod hacking;
mod hacking_log;
mod hacking_places;
mod hold;
mod light;
mod limits;
mod media_agreement;
mod media_changes;
mod missed_and_log;
mod named;
mod places;
mod questions;
mod redirected;
mod reliable;
mod service_route;
mod settings_live;
mod source_changes;
mod stranger_rtp;
mod thousand_panels;
mod unlock;
mod visitors;
mod waiting_call;
mod wired;
