//! The panel and real servers, on loopback: registrars, proxies and name servers of Debian.

mod dnsmasq;
#[path = "../panel/mod.rs"]
mod real_panel;
