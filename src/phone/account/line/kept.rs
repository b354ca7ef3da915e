//! In force: asked for again in time, checked, and gone back from when a better place answers.

use std::time::{Duration, Instant};

use super::{Line, Registered, Socket, Stage};
use crate::channel::ProxyInUse;
use crate::phone::account::desk::Desk;
use crate::phone::account::hops::{Place, Stop};
use crate::phone::account::recall::Recall;
use crate::sip::{Path, ProbeHandle, Transport};

impl Line {
    pub fn is_in_force(&self) -> bool {
        matches!(self.stage, Stage::Registered(_))
    }

    pub(super) fn registered(
        &mut self,
        desk: &mut Desk<'_>,
        stop: Stop,
        way: Path,
        expires: Duration,
        service_route: &[String],
    ) {
        self.retry.reset();
        self.fault = None;
        (self.lapses_at, self.lapsed) = (None, None);
        self.knocks = false;
        self.scouts.end(desk);
        if stop.place == Place::default() {
            self.recall = Recall::default();
        }
        if let Some(hops) = &mut self.hops {
            hops.clear(&stop);
        }
        let by_proxy = stop.proxy != ProxyInUse::None;
        self.service.hear(desk, self.account, service_route, way, by_proxy);
        let check_at = self.next_check(desk, way);
        let expires_at = desk.now + expires;
        let since = match &self.stage {
            Stage::Registered(before) if before.way == way => before.since,
            _ => desk.now,
        };
        self.stage = Stage::Registered(Registered { stop, way, since, expires_at, check_at });
        self.tend_registered(desk);
    }

    /// By UDP nothing else tells that the server has forgotten us.
    pub(super) fn next_check(&self, desk: &mut Desk<'_>, way: Path) -> Option<Instant> {
        let interval = self.config.check_interval_s;
        (way.transport == Transport::Udp && interval > 0)
            .then(|| desk.now + desk.jittered(Duration::from_secs(interval.into())))
    }

    /// Names are looked up again in their time, and a better stop than the one in use is watched.
    pub(super) fn tend_registered(&mut self, desk: &mut Desk<'_>) {
        let (Stage::Registered(registered), Some(hops)) = (&self.stage, &mut self.hops) else { return };
        hops.refresh(desk.now, &registered.stop);
        if !hops.lists(&registered.stop) {
            return self.begin(desk);
        }
        if registered.stop.place == Place::default() {
            return;
        }
        let Socket::Open(port) = self.socket else { return };
        let preferred = hops.preferred(desk.now);
        if let Some((stop, way)) = self.recall.tend(desk, self.account, &self.config, preferred, port) {
            // It has answered for long enough: back to it.
            hops.clear(&stop);
            self.lapse(desk.now);
            self.service.end(desk);
            self.ask(desk, stop, way);
        }
    }

    /// What came of a probe, if it is this line's.
    pub fn handle_probe(&mut self, desk: &mut Desk<'_>, probe: ProbeHandle, alive: bool) {
        let known = self.recall.handle_probe(desk, probe, alive);
        if known {
            self.tend_registered(desk);
        } else if !self.service.handle_probe(desk, self.account, probe, alive) {
            self.scouts.handle_probe(desk, probe, alive);
            self.follow_scouts(desk);
        }
    }
}
