//! Whose packets are taken, and where ours go (symmetric RTP, RFC 4961).
//!
//! The address of the SDP is the truth as soon as anything valid came from it. Until then a device behind a translator,
//! or one that sends from another port than it receives on, is taken from where it shows itself:
//!
//! ```text
//!  waiting ── from the negotiated address ──────────────────────▶ negotiated (for good)
//!     │                                                               ▲
//!     ├─ from another port of that address, at any time ─▶ latched ───┘ when the negotiated one speaks after all
//!     └─ from anywhere, within the first second ─────────▶ latched until that address speaks; everyone else is a stranger
//! ```
//!
//! A new agreement with another address begins anew, and there the place before is the one that is not taken within the
//! first second: its packets are still on their way. An agreement with no address at all (`c=0.0.0.0`, RFC 3264 8.4) only
//! silences us; who is listened to stays as it was.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long anyone may be the other side.
const OPEN: Duration = Duration::from_secs(1);

/// The other side's whereabouts.
#[derive(Clone, Debug)]
pub(super) struct Latch {
    negotiated: SocketAddr,
    negotiated_rtcp: SocketAddr,
    rtcp_mux: bool,
    /// Nothing is to be sent: the agreement in force has no address.
    silent: bool,
    open_until: Instant,
    place: Place,
    /// Where the other side was before this agreement.
    former: Option<SocketAddr>,
    /// Where RTCP comes from, when RTP is latched to another address than negotiated.
    rtcp: Option<SocketAddr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Waiting,
    Negotiated,
    Latched(SocketAddr),
}

impl Latch {
    /// Waits for the other side at the negotiated address, from `now` on.
    pub fn new(now: Instant, negotiated: SocketAddr, negotiated_rtcp: SocketAddr, rtcp_mux: bool) -> Self {
        Self {
            negotiated,
            negotiated_rtcp,
            rtcp_mux,
            silent: false,
            open_until: now + OPEN,
            place: Place::Waiting,
            former: None,
            rtcp: None,
        }
    }

    /// Takes a new agreement over; the search begins anew only if the address is a new one. True if it does.
    pub fn update(
        &mut self,
        now: Instant,
        negotiated: SocketAddr,
        negotiated_rtcp: SocketAddr,
        rtcp_mux: bool,
    ) -> bool {
        self.silent = negotiated.ip().is_unspecified();
        if self.silent {
            return false;
        }
        if negotiated == self.negotiated {
            self.negotiated_rtcp = negotiated_rtcp;
            self.rtcp_mux = rtcp_mux;
            return false;
        }
        let former = match self.place {
            // It was still awaited at the place before, and may have begun to speak from there.
            Place::Waiting | Place::Negotiated => self.negotiated,
            Place::Latched(there) => there,
        };
        *self = Self { former: Some(former), ..Self::new(now, negotiated, negotiated_rtcp, rtcp_mux) };
        true
    }

    /// Whether a valid RTP packet from there is the other side's.
    pub fn takes(&mut self, now: Instant, from: SocketAddr) -> bool {
        if from == self.negotiated {
            self.place = Place::Negotiated;
            return true;
        }
        match self.place {
            // Whoever shows itself at the address that was agreed upon is the other side more surely than who came first.
            Place::Latched(there) if there.ip() != self.negotiated.ip() && from.ip() == self.negotiated.ip() => {
                let takes = self.former != Some(from) || now >= self.open_until;
                if takes {
                    self.place = Place::Latched(from);
                }
                takes
            }
            Place::Latched(there) => there == from,
            Place::Negotiated => false,
            Place::Waiting => {
                let open = now < self.open_until;
                let take = if open { self.former != Some(from) } else { from.ip() == self.negotiated.ip() };
                if take {
                    self.place = Place::Latched(from);
                }
                take
            }
        }
    }

    /// Whether the other side has shown itself, and there.
    pub fn is_at(&self, from: SocketAddr) -> bool {
        match self.place {
            Place::Waiting => false,
            Place::Negotiated => from == self.negotiated,
            Place::Latched(there) => from == there,
        }
    }

    /// Whether an RTCP packet from there is the other side's: the port does not matter, the address does.
    pub fn takes_rtcp(&mut self, from: SocketAddr) -> bool {
        let latched = matches!(self.place, Place::Latched(there) if there.ip() == from.ip());
        if latched && from.ip() != self.negotiated_rtcp.ip() {
            self.rtcp = Some(from);
        }
        latched || from.ip() == self.negotiated_rtcp.ip() || from.ip() == self.negotiated.ip()
    }

    /// Where RTP goes; `None` if that is not known, or nothing is to be sent.
    pub fn rtp_to(&self) -> Option<SocketAddr> {
        self.usable(match self.place {
            Place::Latched(there) => there,
            Place::Waiting | Place::Negotiated => self.negotiated,
        })
    }

    /// Where RTCP goes; `None` if that is not known, or nothing is to be sent.
    pub fn rtcp_to(&self) -> Option<SocketAddr> {
        if self.rtcp_mux {
            return self.rtp_to();
        }
        self.usable(match self.place {
            Place::Latched(there) if there.ip() != self.negotiated.ip() => {
                let neighbour = SocketAddr::new(there.ip(), there.port().saturating_add(1));
                self.rtcp.filter(|rtcp| rtcp.ip() == there.ip()).unwrap_or(neighbour)
            }
            Place::Latched(_) | Place::Waiting | Place::Negotiated => self.negotiated_rtcp,
        })
    }

    fn usable(&self, to: SocketAddr) -> Option<SocketAddr> {
        (!self.silent && !to.ip().is_unspecified() && !to.ip().is_multicast() && to.port() != 0).then_some(to)
    }
}
