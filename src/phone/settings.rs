//! Settings in force: a change is checked, redoes what it must, and is saved. Also the Direct IP Port, the one setting
//! that the system can refuse.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::call::{Call, Stage};
use super::output::{MediaOrder, Output};
use super::{Now, Phone, dnd};
use crate::channel::{DirectIpView, Done, Event, NoticeKind, PortFault, Refusal, RuleChange};
use crate::config::{Account, Config, DndMode, FileError, Part};
use crate::sip::GIVE_UP;

/// A port that another program has is tried again after this long.
const PORT_RETRY: Duration = Duration::from_secs(5);

/// How listening for direct calls stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Listening {
    on: Vec<String>,
    error: Option<PortFault>,
    /// The port that devices are called from meanwhile.
    stand_in: Option<u16>,
    /// When the port that was not to be had is tried again.
    retry_at: Option<Instant>,
}

impl Listening {
    /// Why no call can be made: nothing at all is open.
    pub fn closed(&self) -> Option<&PortFault> {
        self.error.as_ref().filter(|_| self.on.is_empty())
    }

    /// True when anything is open.
    pub fn is_open(&self) -> bool {
        !self.on.is_empty()
    }

    /// When the port is tried again.
    pub fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }

    /// As the screen sees it.
    pub fn view(&self, config: &Config, address: Option<IpAddr>) -> DirectIpView {
        DirectIpView {
            address,
            enabled: config.direct_ip_enabled,
            port: config.direct_ip_port,
            listening: self.on.clone(),
            error: self.error.clone(),
        }
    }
}

/// Settings on their way to the disk: one at a time, and of those that wait only the newest.
#[derive(Clone, Debug, Default)]
pub(super) struct Saving {
    out: bool,
    next: Option<Arc<Config>>,
}

impl Saving {
    /// Whether something is on its way.
    pub fn is_waiting(&self) -> bool {
        self.out
    }
}

impl Phone {
    /// These sockets of the last [`Output::Listen`] are bound (`udp:0.0.0.0:5060` …), and the system refused others. Where UDP
    /// is among those, devices are called from the port `stand_in`.
    pub fn handle_listening(&mut self, now: Now, on: Vec<String>, fault: Option<PortFault>, stand_in: Option<u16>) {
        let port = self.config.direct_ip_port;
        let in_part = !on.is_empty();
        match &fault {
            None => self.notices_without_port(),
            // Said once, and not again each time that it is tried.
            Some(_) if self.listening.error == fault && self.listening.on.is_empty() != in_part => {}
            Some(reason) => {
                self.notices_without_port();
                self.notice(NoticeKind::PortTaken { port, reason: reason.clone(), in_part });
            }
        }
        let retry_at = fault.is_some().then(|| now.instant + PORT_RETRY);
        self.listening = Listening { on, error: fault, stand_in, retry_at };
        self.tell(Event::DirectIp(self.direct_ip()));
        self.settle(now);
    }

    /// The settings of the last [`Output::SaveSettings`] are durable, or cannot be saved. They are shown only now.
    pub fn handle_settings_saved(&mut self, now: Now, result: Result<(), FileError>) {
        self.saving.out = false;
        self.clear_notices(|kind| matches!(kind, NoticeKind::SettingsNotSaved(_)));
        if let Err(problem) = result {
            self.notice(NoticeKind::SettingsNotSaved(problem));
        }
        match self.saving.next.take() {
            Some(config) => self.save(config),
            None => self.tell(Event::Settings(self.config.clone())),
        }
        self.settle(now);
    }

    /// The change of the oldest unreported [`Output::SaveLog`] is durable, or cannot be saved. It is shown only now.
    pub fn handle_log_saved(&mut self, now: Now, result: Result<(), FileError>) {
        let gone = self.log.settled();
        self.drop_pictures(gone);
        self.clear_notices(|kind| matches!(kind, NoticeKind::LogNotSaved(_)));
        if let Err(problem) = result {
            self.notice(NoticeKind::LogNotSaved(problem));
        }
        self.tell(Event::Log(self.log.shown()));
        self.settle(now);
    }

    /// The settings in force are durable although they could not be saved at first.
    pub fn handle_settings_saved_at_last(&mut self, now: Now) {
        self.clear_notices(|kind| matches!(kind, NoticeKind::SettingsNotSaved(_)));
        self.settle(now);
    }

    /// The whole call log is durable although some of it could not be saved at first.
    pub fn handle_log_saved_at_last(&mut self, now: Now) {
        self.clear_notices(|kind| matches!(kind, NoticeKind::LogNotSaved(_)));
        self.settle(now);
    }

    /// Changes one setting.
    pub(super) fn set(&mut self, now: Now, key: &str, value: &str) -> Result<Done, Refusal> {
        let config = dnd::settled(self.config.set(key, value)?);
        if config != *self.config {
            self.apply(now, Arc::new(config));
        }
        Ok(Done::Ok)
    }

    /// Changes the dial plan.
    pub(super) fn change_rules(&mut self, now: Now, change: RuleChange) -> Result<Done, Refusal> {
        let plan = &self.config.dial_plan;
        let (plan, done) = match change {
            RuleChange::Add(rule) => (plan.with(rule)?, Done::Ok),
            RuleChange::Change { prefix, rule } => (plan.changed(&prefix, rule)?, Done::Ok),
            RuleChange::Remove(prefix) => (plan.without(&prefix)?, Done::Ok),
            RuleChange::Import(table) => {
                let (plan, import) = plan.imported(&table);
                (plan, Done::Rules(import))
            }
            // The file is the worker's, which sends what stands in it.
            RuleChange::ImportFile(_) => return Ok(Done::Ok),
        };
        if plan != self.config.dial_plan {
            let config = Config { dial_plan: plan, ..(*self.config).clone() };
            self.apply(now, Arc::new(config));
        }
        Ok(done)
    }

    /// Puts checked settings in force and has them saved.
    pub(super) fn apply(&mut self, now: Now, config: Arc<Config>) {
        let before = std::mem::replace(&mut self.config, config.clone());
        if before.direct_ip_port != config.direct_ip_port {
            self.listening = Listening::default();
            self.notices_without_port();
            self.listen();
        } else if before.redoes(&config, Part::Listening) {
            if self.listening.error.is_some() {
                self.listen();
            }
            self.tell(Event::DirectIp(self.direct_ip()));
        }
        for account in Account::ALL {
            self.change_account(now, &before, account);
        }
        if before.contacts != config.contacts {
            self.introduce_contacts();
        }
        if before.redoes(&config, Part::Sound) || before.redoes(&config, Part::Video) {
            self.order(MediaOrder::Configure(config.clone()));
        }
        self.change_dnd(now, &before);
        self.change_auto_answer(&before);
        if before.call_log_picture_days != config.call_log_picture_days {
            self.keep_pictures(now);
        }
        // What a call shows and wishes may follow from the settings (its door, pictures on or off).
        let handles: Vec<_> = self.calls.keys().copied().collect();
        for handle in handles {
            self.touch(handle);
            self.renegotiate(now, handle);
        }
        self.save(config);
    }

    fn save(&mut self, config: Arc<Config>) {
        if self.saving.out {
            self.saving.next = Some(config);
        } else {
            self.saving.out = true;
            self.outputs.push_back(Output::SaveSettings(config));
        }
    }

    /// Tries again to have the port, when that is due: whoever had it may have left.
    pub(super) fn retry_port(&mut self, now: Now) {
        if self.listening.retry_at.take_if(|at| *at <= now.instant).is_some() {
            self.listen();
        }
    }

    /// The port of ours that devices are called from.
    pub(super) fn direct_port(&self) -> u16 {
        self.listening.stand_in.unwrap_or(self.config.direct_ip_port)
    }

    /// Asks for the sockets of the port in force; those of former ports live as long as calls that use them.
    pub(super) fn listen(&mut self) {
        let port = self.config.direct_ip_port;
        let used = self.calls.values().flat_map(Call::direct_ports);
        let keep: BTreeSet<u16> = used.chain(self.former_ports.iter().map(|(port, _)| *port)).collect();
        self.outputs.push_back(Output::Listen { port, keep: keep.into_iter().collect() });
        self.tell(Event::DirectIp(self.direct_ip()));
    }

    /// A call that used `port` is over. A former port that no call uses any longer stays until its last request was answered,
    /// or is sure not to be.
    pub(super) fn release_port(&mut self, now: Now, port: u16) {
        let used = self.calls.values().flat_map(Call::ports).any(|used| used == port);
        if port != self.config.direct_ip_port && !self.accounts.has_port(port) && !used {
            self.former_ports.retain(|(former, _)| *former != port);
            self.former_ports.push((port, now.instant + GIVE_UP));
        }
    }

    /// When a former port is closed.
    pub(super) fn former_ports_until(&self) -> Option<Instant> {
        self.former_ports.iter().map(|(_, until)| *until).min()
    }

    /// Closes former ports by which nothing is said any more.
    pub(super) fn leave_former_ports(&mut self, now: Now) {
        let open = self.former_ports.len();
        self.former_ports.retain(|(_, until)| *until > now.instant);
        // Where the port in force cannot be had, that is tried again in its own time.
        if self.former_ports.len() < open && self.listening.error.is_none() {
            self.listen();
        }
    }

    /// Nobody is listened to who would not be, had the settings been these when it began to ring.
    fn change_auto_answer(&mut self, before: &Config) {
        let config = &self.config;
        let others = before.auto_answer_only != config.auto_answer_only;
        if others || !config.auto_answer_enabled || config.dnd_mode != DndMode::Off {
            for call in self.calls.values_mut() {
                if let Stage::Incoming(incoming) = &mut call.stage {
                    incoming.answer_at = None;
                }
            }
        }
    }

    fn notices_without_port(&mut self) {
        self.clear_notices(|kind| matches!(kind, NoticeKind::PortTaken { .. }));
    }
}
