//! The accounts: registered at their servers, each through a list of places that is walked when one fails; which of them
//! places a call, and whose a call that comes in is.
//!
//! ```text
//!  settings ─▶ line (one for each account) ─▶ REGISTER, Connect, Resolve, OpenPort
//!               ├─ hops: proxies or registrar, found by RFC 3263, what failed lately passed over
//!               ├─ recall: the way back to the first of them
//!               ├─ service: where calls begin, when the registrar names another place; edges: which of several is there
//!               ├─ scouts: all of them asked side by side, while none works
//!               └─ binding: the account in the words of SIP
//! ```

mod binding;
mod desk;
mod edges;
mod hops;
mod line;
mod recall;
mod scouts;
mod service;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

pub(super) use self::binding::key;
use self::desk::{Answered, Desk};
pub(super) use self::line::PATIENCE;
use self::line::{Line, Purpose};
use super::call::Call;
use super::{FlowFault, Now, Output, Phone};
use crate::channel::{AccountFault, AccountTestView, Done, Event, Refusal, RegistrationView};
use crate::config::{Account, AccountChoice, AccountConfig, Config};
use crate::sip::locate::{Answer, DnsFault, Question};
use crate::sip::{EndCause, FlowId, NameAddr, Path, ProbeEvent, SessionHandle, Transport, Uri};

/// A socket that is needed no longer stays so long, for what is on its way.
const LINGER: Duration = Duration::from_secs(10);

/// Both accounts, and what they share.
#[derive(Debug)]
pub(super) struct Accounts {
    lines: [Line; 2],
    trials: Vec<Line>,
    /// How many connections were opened.
    flows: u64,
    /// Names this panel to its registrars.
    instance: String,
    /// Questions that are out.
    asked: BTreeSet<Question>,
    /// Sockets that are to be closed.
    closing: Vec<(u16, Instant)>,
    told: [RegistrationView; 2],
}

/// The way of a call through an account.
#[derive(Clone, Debug)]
pub(super) struct Passage {
    pub way: Path,
    pub from: NameAddr,
    pub contact: Uri,
    pub routes: Vec<String>,
    pub account: Account,
    /// How long to wait for a sign of life.
    pub patience: Duration,
}

impl Accounts {
    /// Two accounts that are off. `instance` is the URN of this panel.
    pub fn new(instance: String) -> Self {
        let lines = Account::ALL.map(|account| Line::new(account, Purpose::Service));
        let told = Account::ALL.map(|account| RegistrationView { account: account.number(), ..Default::default() });
        Self { lines, trials: Vec::new(), flows: 0, instance, asked: BTreeSet::new(), closing: Vec::new(), told }
    }

    /// Notes a question; true when it is not out already.
    pub fn ask(&mut self, question: &Question) -> bool {
        self.asked.insert(question.clone())
    }

    pub(super) fn line(&self, account: Account) -> &Line {
        &self.lines[account.index()]
    }

    /// Both, and those that are only tried.
    pub fn all(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().chain(&self.trials)
    }

    /// How both stand.
    pub fn views(&self) -> [RegistrationView; 2] {
        Account::ALL.map(|account| self.line(account).view())
    }

    /// Whose message this is; none for what came to the Direct IP Port.
    pub fn owner(&self, path: Path) -> Option<Account> {
        self.lines.iter().find(|line| line.owns(path)).map(Line::account)
    }

    /// Whether what came this way is from the server, or a proxy, of the account whose it is. By its port anybody can come.
    pub fn is_from_server(&self, path: Path) -> bool {
        let address = path.remote.ip().to_canonical();
        self.lines.iter().filter(|line| line.owns(path)).any(|line| {
            let by_connection = path.flow.is_some_and(|flow| line.uses_flow(flow));
            by_connection || line.origins().any(|(_, origin)| origin.to_canonical() == address)
        })
    }

    /// True for the port of an account, also of one that it has left lately.
    pub fn has_port(&self, port: u16) -> bool {
        self.all().any(|line| line.port() == Some(port)) || self.closing.iter().any(|(closing, _)| *closing == port)
    }

    /// Ports that accounts have left, and that are still open.
    pub fn left_ports(&self) -> impl Iterator<Item = u16> {
        self.closing.iter().map(|(port, _)| *port)
    }

    /// True when an account goes by this connection.
    pub fn uses_flow(&self, flow: FlowId) -> bool {
        self.all().any(|line| line.uses_flow(flow))
    }

    /// Where the servers of the accounts are.
    pub fn remotes(&self) -> impl Iterator<Item = std::net::IpAddr> {
        self.lines.iter().flat_map(Line::ways).map(|way| way.remote.ip())
    }

    /// When something is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let lines = self.all().filter_map(Line::poll_timeout);
        lines.chain(self.closing.iter().map(|(_, at)| *at)).min()
    }
}

impl Phone {
    /// Puts the settings of all accounts in force.
    pub(super) fn start_accounts(&mut self, now: Now) {
        for account in Account::ALL {
            self.start_account(now, account);
        }
    }

    fn start_account(&mut self, now: Now, account: Account) {
        let config = self.config.account(account).clone();
        self.at_line(now, account, |line, desk| line.start(desk, &config));
    }

    /// An account's settings have changed.
    pub(super) fn change_account(&mut self, now: Now, before: &Config, account: Account) {
        let (before, after) = (before.account(account), self.config.account(account).clone());
        if *before == after {
            return;
        }
        if is_only_relabelled(before, &after) {
            self.at_line(now, account, |line, desk| line.relabel(desk, &after));
        } else {
            self.start_account(now, account);
        }
    }

    /// Takes all registrations back.
    pub(super) fn stop_accounts(&mut self, now: Now) {
        for account in Account::ALL {
            self.at_line(now, account, |line, desk| line.stop(desk));
        }
        self.accounts.trials.clear();
    }

    /// True when a registrar has one of ours to take back.
    pub(super) fn has_registrations(&self) -> bool {
        self.accounts.lines.iter().any(Line::is_registered)
    }

    /// Tries an account as it is set.
    pub(super) fn test_account(&mut self, now: Now, account: Account) -> Done {
        let config = self.config.account(account).clone();
        self.at_trials(now, |line, desk| {
            if line.account() == account {
                line.stop(desk);
            }
        });
        self.accounts.trials.retain(|line| line.account() != account);
        self.accounts.trials.push(Line::new(account, Purpose::Trial));
        self.at_trials(now, |line, desk| {
            if line.account() == account {
                line.start(desk, &config);
            }
        });
        Done::Ok
    }

    /// A file of certificates of this account was changed, and no setting with it.
    pub fn handle_certificate_file(&mut self, now: Now, account: Account) {
        self.at_line(now, account, Line::hear_of_certificate);
        self.settle(now);
    }

    /// The socket that an account asked for is open at this port, or the system refuses.
    pub fn handle_port(&mut self, now: Now, account: Account, trial: bool, port: Option<u16>) {
        self.at_lines(now, |line, desk| {
            if line.account() == account && line.is_trial() == trial {
                line.handle_port(desk, port);
            }
        });
        self.settle(now);
    }

    /// A name server says this, or nothing.
    pub fn handle_resolved(&mut self, now: Now, question: &Question, result: &Result<Answer, DnsFault>) {
        self.accounts.asked.remove(question);
        let answered = Answered { question, result };
        self.at_lines(now, |line, desk| line.handle_answer(desk, &answered));
        self.named_hear(now, question, result);
        self.settle(now);
    }

    /// A connection of [`Output::Connect`] stands; `path` has its flow and its real ends.
    pub fn handle_connected(&mut self, now: Now, path: Path) {
        self.at_lines(now, |line, desk| line.handle_connected(desk, path));
        self.settle(now);
    }

    /// The addresses of this machine or its routes have changed.
    pub fn handle_network(&mut self, now: Now) {
        self.at_lines(now, |line, desk| line.handle_network(desk));
        self.tell(Event::DirectIp(self.direct_ip()));
        self.settle(now);
    }

    /// A connection is about to be gone, for this reason.
    pub(super) fn lines_hear_why(&mut self, flow: FlowId, fault: &FlowFault) {
        let Accounts { lines, trials, .. } = &mut self.accounts;
        lines.iter_mut().chain(trials).for_each(|line| line.hear_why(flow, fault));
    }

    /// A connection has gone, or never came about.
    pub(super) fn lines_lose_flow(&mut self, now: Now, flow: FlowId, fault: &FlowFault) {
        self.at_lines(now, |line, desk| line.handle_flow_gone(desk, flow, fault));
    }

    /// Fires what is due.
    pub(super) fn tend_accounts(&mut self, now: Now) {
        self.at_lines(now, |line, desk| line.handle_timeout(desk));
        let calls = &self.calls;
        let (over, waiting): (Vec<_>, Vec<_>) = self.accounts.closing.drain(..).partition(|(port, at)| {
            *at <= now.instant && calls.values().flat_map(Call::ports).all(|used| used != *port)
        });
        self.accounts.closing = waiting;
        for (_, at) in &mut self.accounts.closing {
            // Looked at again when the call may be over.
            if *at <= now.instant {
                *at = now.instant + LINGER;
            }
        }
        self.outputs.extend(over.into_iter().map(|(port, _)| Output::ClosePort(port)));
    }

    /// Passes on what the user agent says of registrations, asks what names lead to, and shows what has changed.
    pub(super) fn settle_accounts(&mut self, now: Now) {
        while let Some((handle, event)) = self.endpoint.poll_registration() {
            let mut known = false;
            self.at_lines(now, |line, desk| known |= line.handle_registration(desk, handle, &event));
            // One that was taken back, or could not be.
            if !known {
                self.endpoint.forget(now.instant, handle);
            }
        }
        while let Some((probe, event)) = self.endpoint.poll_probe() {
            let alive = matches!(event, ProbeEvent::Alive { .. });
            self.at_lines(now, |line, desk| line.handle_probe(desk, probe, alive));
        }
        let accounts = &mut self.accounts;
        for line in accounts.lines.iter_mut().chain(&mut accounts.trials) {
            while let Some(question) = line.poll_question() {
                if accounts.asked.insert(question.clone()) {
                    self.outputs.push_back(Output::Resolve(question));
                }
            }
        }
        self.place_waiting_calls(now);
        self.ask_for_named();
        self.tell_accounts();
    }

    pub(super) fn tell_accounts(&mut self) {
        let views = self.registrations();
        let mut moved = false;
        for (index, view) in views.into_iter().enumerate() {
            if self.accounts.told[index] != view {
                moved |= self.accounts.told[index].via != view.via;
                self.accounts.told[index] = view.clone();
                self.tell(Event::Registration(view));
            }
        }
        if moved {
            self.introduce_contacts();
        }
    }

    /// Tells how a trial goes, when that has changed.
    fn tell_trials(&mut self, before: &[AccountTestView]) {
        let views: Vec<AccountTestView> = self.accounts.trials.iter().map(Line::trial).collect();
        for view in views.iter().filter(|view| !before.contains(view)) {
            self.outputs.push_back(Output::Event(Event::AccountTest(view.clone())));
        }
        self.accounts.trials.retain(|line| line.trial().outcome.is_none());
    }

    fn at_line(&mut self, now: Now, account: Account, act: impl FnOnce(&mut Line, &mut Desk<'_>)) {
        let mut act = Some(act);
        self.at_lines(now, |line, desk| {
            if line.account() == account
                && !line.is_trial()
                && let Some(act) = act.take()
            {
                act(line, desk);
            }
        });
    }

    fn at_trials(&mut self, now: Now, mut act: impl FnMut(&mut Line, &mut Desk<'_>)) {
        self.at_lines(now, |line, desk| {
            if line.is_trial() {
                act(line, desk);
            }
        });
    }

    fn at_lines(&mut self, now: Now, mut act: impl FnMut(&mut Line, &mut Desk<'_>)) {
        let before: Vec<AccountTestView> = self.accounts.trials.iter().map(Line::trial).collect();
        let Accounts { lines, trials, flows, instance, closing, .. } = &mut self.accounts;
        let mut desk = Desk {
            now: now.instant,
            wall: now.wall,
            endpoint: &mut self.endpoint,
            routes: &*self.routes,
            random: &mut self.random,
            outputs: &mut self.outputs,
            flows,
            closing,
            instance,
        };
        for line in lines.iter_mut().chain(&mut *trials) {
            act(line, &mut desk);
        }
        for trial in trials.iter_mut().filter(|trial| trial.trial().outcome == Some(Ok(()))) {
            let line = &mut lines[trial.account().index()];
            if let Some(fault) = line.hear_of_trial(&mut desk, trial.config()) {
                trial.doubt(fault);
            }
        }
        self.tell_trials(&before);
    }

    /// Which account places a call for which this choice was made, and whether it was named.
    ///
    /// # Errors
    /// When none is registered, or the one that was named is not.
    pub(super) fn choose_account(&self, choice: AccountChoice) -> Result<(Account, bool), Refusal> {
        let registered = |account: Account| self.accounts.line(account).is_registered();
        let named = match choice {
            AccountChoice::Auto => {
                let ready = |account: &Account| registered(*account) && !self.accounts.line(*account).pauses();
                let account = Account::ALL.into_iter().find(ready);
                let account = account.or_else(|| Account::ALL.into_iter().find(|account| registered(*account)));
                return account.map(|account| (account, false)).ok_or(Refusal::NoAccount);
            }
            AccountChoice::Account1 => Account::One,
            AccountChoice::Account2 => Account::Two,
        };
        if registered(named) {
            return Ok((named, true));
        }
        Err(Refusal::NotRegistered { account: named, other_is: registered(named.other()) })
    }

    /// Which account places a call that may only go by TLS (RFC 3261 26.2.2): the one that was named, else the one at whose
    /// domain this host is, else the first.
    ///
    /// # Errors
    /// When that is not registered by TLS.
    pub(super) fn choose_tls_account(&self, choice: AccountChoice, host: &str) -> Result<Account, Refusal> {
        let by_tls = |account: &Account| self.accounts.line(*account).is_registered_by_tls();
        match choice {
            AccountChoice::Auto => {
                let at_home = self.account_at(host).filter(by_tls);
                at_home.or_else(|| Account::ALL.into_iter().find(by_tls)).ok_or(Refusal::NotByTls(None))
            }
            AccountChoice::Account1 | AccountChoice::Account2 => {
                let (account, _) = self.choose_account(choice)?;
                Some(account).filter(by_tls).ok_or(Refusal::NotByTls(Some(account)))
            }
        }
    }

    /// True when some account can place calls.
    pub(super) fn has_account(&self) -> bool {
        Account::ALL.into_iter().any(|account| self.is_registered(account))
    }

    /// The account whose domain this host is.
    pub(super) fn account_at(&self, host: &str) -> Option<Account> {
        let host = host.trim_end_matches('.');
        let has_it = |account: &Account| {
            let line = self.accounts.line(*account);
            line.is_registered() && line.config().server.trim_end_matches('.').eq_ignore_ascii_case(host)
        };
        Account::ALL.into_iter().find(has_it)
    }

    /// `sip:NUMBER@DOMAIN` of an account.
    pub(super) fn uri_through(&self, account: Account, number: &str) -> Uri {
        binding::uri_of(self.accounts.line(account).config(), Some(number))
    }

    /// The way of a call to `to` through an account, if there is one now; to a `sips:` URI only by TLS, and such a call is
    /// answered to a `sips:` Contact (RFC 3261 8.1.1.8).
    pub(super) fn passage(&self, account: Account, to: &Uri) -> Option<Passage> {
        let line = self.accounts.line(account);
        let way = line.way_of_calls().filter(|way| way.transport == Transport::Tls || !to.is_sips())?;
        let contact = binding::contact_of(line.config(), way);
        Some(Passage {
            way,
            from: binding::aor(line.config()),
            contact: if to.is_sips() { contact.into_sips() } else { contact },
            routes: line.routes(),
            account,
            patience: line.patience(way),
        })
    }

    /// A call found the way of an account dead.
    pub(super) fn passage_failed(&mut self, now: Now, account: Account, way: Path, fault: AccountFault) {
        self.at_line(now, account, |line, desk| line.way_failed(desk, way, fault));
    }

    /// True when a way of this account is being looked for, and may be there in a moment: so long as it counts as registered,
    /// and no longer. Unless it was named, nobody waits through a pause while the other account is there.
    pub(super) fn seeks_passage(&self, account: Account, named: bool) -> bool {
        let line = self.accounts.line(account);
        let seeks = line.seeks_way() && line.is_registered();
        line.seeks_service() || seeks && (named || !line.pauses() || !self.is_registered(account.other()))
    }

    /// True when the place at which the calls of this account begin is being looked for, and known in a moment.
    pub(super) fn seeks_service(&self, account: Account) -> bool {
        self.accounts.line(account).seeks_service()
    }

    /// How many places a call that goes this way now could try behind it.
    pub(super) fn places_behind(&self, now: Now, account: Account, way: Path) -> usize {
        self.accounts.line(account).places_behind(now.instant, way)
    }

    /// True when there is another place to try behind the one in use.
    pub(super) fn has_other_way(&self, account: Account) -> bool {
        self.accounts.line(account).has_more()
    }

    /// True when this account is registered at this moment, and it is known where its calls go.
    pub(super) fn is_in_force(&self, account: Account) -> bool {
        let line = self.accounts.line(account);
        line.is_in_force() && line.way_of_calls().is_some()
    }

    /// True when calls may be made through this account.
    pub(super) fn is_registered(&self, account: Account) -> bool {
        self.accounts.line(account).is_registered()
    }

    /// The way by which an account is registered.
    pub(super) fn registered_way(&self, account: Account) -> Option<Path> {
        self.accounts.line(account).way().filter(|_| self.is_registered(account))
    }

    /// The credentials of an account answer what is asked in this session.
    pub(super) fn assign(&mut self, session: SessionHandle, account: Account) {
        self.endpoint.assign(session, binding::key(account));
    }
}

/// What is wrong with the way by which an INVITE went, if its end says that the way is dead or its server busy.
pub(super) fn fault_of_way(why: &EndCause, way: Path) -> Option<AccountFault> {
    match why {
        EndCause::Rejected(503, _) => Some(AccountFault::ServerBusy(503)),
        EndCause::TransportError if way.transport == Transport::Udp => Some(AccountFault::NobodyListens(way.remote)),
        EndCause::TransportError => Some(AccountFault::ConnectionLost(way.remote)),
        EndCause::TimedOut => Some(AccountFault::NoAnswer(way.remote)),
        _ => None,
    }
}

/// Whether nothing differs that a server would see.
fn is_only_relabelled(before: &AccountConfig, after: &AccountConfig) -> bool {
    let like_before = AccountConfig {
        display_label: before.display_label.clone(),
        display_name: before.display_name.clone(),
        retry_interval_s: before.retry_interval_s,
        check_interval_s: before.check_interval_s,
        session_timer_active: before.session_timer_active,
        session_timer_expires_s: before.session_timer_expires_s,
        session_timer_refresher: before.session_timer_refresher,
        prevent_sip_hacking: before.prevent_sip_hacking,
        ..after.clone()
    };
    like_before == *before
}
