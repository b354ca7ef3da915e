//! The panel and real servers, on loopback: registrars, proxies and name servers of Debian, by every transport, well and
//! ill. What they are started with lies in `tests/rigs`, which is tried here by itself first.

#[path = "../panel/mod.rs"]
mod real_panel;
#[path = "../rigs/mod.rs"]
mod rigs;

mod calls;
mod certificates;
mod connections;
mod dnd;
mod dnsmasq;
mod failover;
mod failures;
mod groups;
mod hacking;
mod registration;
mod secrets;
mod session_timers;
mod srv;
mod themselves;
