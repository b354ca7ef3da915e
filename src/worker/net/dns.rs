//! Name servers: a task for each question, so that a slow or dead one holds up nobody.
//!
//! ```text
//!  the loop ─ask─▶ task ─▶ /etc/hosts ─▶ a name server ┬─▶ Reply ─▶ the loop
//!                             refused, or silent for a moment ─▶ the next one as well
//! ```
//! What is to be asked, and what the answers are good for, is decided in [`crate::sip::locate`]. Nothing is remembered here,
//! so that the times in the answers are those of the name servers. The system's files are read for each question: a network
//! that comes later, and a line that is added to `/etc/hosts`, are seen.

mod answer;
mod servers;
mod system;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::proto::rr::Name;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;

use self::servers::Servers;
use crate::sip::locate::{Answer, DnsFault, Question, Record, RecordKind};

/// Most questions at the same time; whatever goes beyond gets no answer.
pub const MAX_OPEN: usize = 64;
/// No question takes longer.
pub const LIMIT: Duration = Duration::from_secs(4);

/// How long an entry of the hosts file holds.
const HOSTS_TTL: Duration = Duration::from_secs(60);

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// As it was given with the question.
    pub ticket: u64,
    /// What was asked.
    pub question: Question,
    /// What was said.
    pub answer: Result<Answer, DnsFault>,
}

/// Asks for the loop. Its questions end with it.
#[derive(Debug)]
pub struct Resolver {
    /// The name servers that are set; the system's where there are none.
    given: Vec<SocketAddr>,
    files: Files,
    servers: Arc<Servers>,
    tasks: JoinSet<()>,
    replies: UnboundedSender<Reply>,
}

/// Where the system says what it knows.
#[derive(Debug, Clone)]
struct Files {
    resolv_conf: PathBuf,
    hosts: PathBuf,
}

impl Resolver {
    /// One that asks these name servers, in this order, or where there are none those of the system, and reports to this
    /// channel. Each question gets one reply.
    pub fn new(name_servers: &[SocketAddr], replies: UnboundedSender<Reply>) -> Self {
        let files = Files { resolv_conf: "/etc/resolv.conf".into(), hosts: "/etc/hosts".into() };
        Self::with_files(name_servers, replies, files)
    }

    fn with_files(name_servers: &[SocketAddr], replies: UnboundedSender<Reply>, files: Files) -> Self {
        let servers = Arc::new(Servers::default());
        Self { given: name_servers.to_vec(), files, servers, tasks: JoinSet::new(), replies }
    }

    /// Asks these from now on, or those of the system where there are none. What is open already is answered by those
    /// before.
    pub fn set_name_servers(&mut self, name_servers: &[SocketAddr]) {
        self.given = name_servers.to_vec();
    }

    /// Asks. To be called on the worker's runtime.
    pub fn ask(&mut self, ticket: u64, question: Question) {
        while self.tasks.try_join_next().is_some() {}
        if self.tasks.len() >= MAX_OPEN {
            tracing::debug!("{question}: too many questions are open");
            // Nobody there to hear it means that the worker is leaving.
            let _ = self.replies.send(Reply { ticket, question, answer: Err(DnsFault::NoAnswer) });
            return;
        }
        let (answer, replies) = (self.answer(question.clone()), self.replies.clone());
        self.tasks.spawn(async move {
            let answer = answer.await;
            let _ = replies.send(Reply { ticket, question, answer });
        });
    }

    /// The answer to a question, for whoever waits for it himself; it is asked as soon as it is waited for.
    pub fn answer(&mut self, question: Question) -> impl Future<Output = Result<Answer, DnsFault>> + Send + use<> {
        let system = system::read(&self.files.resolv_conf);
        let addresses = if self.given.is_empty() { system.name_servers } else { self.given.clone() };
        if self.servers.addresses() != addresses {
            tracing::info!("name servers: {}", words(&addresses));
            self.servers = Arc::new(Servers::new(addresses));
        }
        let (servers, hosts) = (self.servers.clone(), self.files.hosts.clone());
        async move {
            let answer = match at_home(&hosts, &question) {
                Some(answer) => answer,
                None => {
                    let said = tokio::time::timeout(LIMIT, abroad(&servers, &system.search, &question)).await;
                    said.unwrap_or(Err(DnsFault::NoAnswer))
                }
            };
            match &answer {
                Ok(answer) => tracing::debug!("{question}: {:?} for {:?}", answer.records, answer.ttl),
                Err(fault) => tracing::debug!("{question}: {fault:?}"),
            }
            answer
        }
    }
}

/// What this machine knows by itself: a name that the hosts file has, in whichever family, is asked of nobody else, nor is
/// localhost (RFC 6761 6.3).
fn at_home(hosts: &std::path::Path, question: &Question) -> Option<Result<Answer, DnsFault>> {
    if !matches!(question.kind, RecordKind::A | RecordKind::Aaaa) {
        return None;
    }
    let mut addresses = system::hosts(hosts, &question.name);
    if addresses.is_empty() && question.name.rsplit('.').next() == Some("localhost") {
        addresses = vec![std::net::Ipv4Addr::LOCALHOST.into(), std::net::Ipv6Addr::LOCALHOST.into()];
    }
    if addresses.is_empty() {
        return None;
    }
    addresses.retain(|address| address.is_ipv4() == (question.kind == RecordKind::A));
    if addresses.is_empty() {
        return Some(Err(DnsFault::NotFound));
    }
    let records = addresses.into_iter().map(Record::Address).collect();
    Some(Ok(Answer { records, ttl: HOSTS_TTL }))
}

/// What the name servers know.
async fn abroad(servers: &Arc<Servers>, search: &[String], question: &Question) -> Result<Answer, DnsFault> {
    for name in names(&question.name, search) {
        match answer::follow(servers, name, question.kind).await {
            Err(DnsFault::NotFound) => {}
            said => return said,
        }
    }
    Err(DnsFault::NotFound)
}

/// The names to ask for. A host without a domain may be meant in those that the system searches; any other name is whole.
fn names(name: &str, search: &[String]) -> Vec<Name> {
    let is_short = name.split('.').filter(|label| !label.starts_with('_')).count() == 1;
    let searched = search.iter().filter(|_| is_short).map(|domain| format!("{name}.{domain}"));
    let whole = |name: String| {
        let mut name = Name::from_ascii(name).ok()?;
        name.set_fqdn(true);
        Some(name)
    };
    searched.chain([name.to_owned()]).filter_map(whole).collect()
}

fn words(addresses: &[SocketAddr]) -> String {
    addresses.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
