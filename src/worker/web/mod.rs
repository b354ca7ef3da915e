//! Doors that are opened by HTTP: a task for each that is asked, so that one that does not answer holds up nothing else.
//!
//! ```text
//! the loop ─ask─▶ task ─▶ addresses ─▶ TCP, TLS ─▶ GET ┬─ 2xx ─▶ Answer ─▶ the loop; then the rest of the page
//!                              ▲                       ├─ 3xx to the same host: there, three times at most
//!                              └───────────────────────┴─ 401: once more with a digest (RFC 7616)
//! ```
//! A request is never repeated by itself: a door that has opened and does not say so is not opened twice. Neither password nor
//! path come into a log.

mod exchange;
mod request;

#[cfg(test)]
mod tests;

use std::future::Future;
use std::net::IpAddr;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;

use super::net::dns::Resolver;
use super::net::tls::Credentials;
use crate::channel::UnlockFault;
use crate::phone::DoorRequest;
use crate::sip::locate::{Answer as Found, DnsFault, Question, Record, RecordKind};

/// The most doors that are asked at the same time.
const MOST_AT_WORK: usize = 8;

/// How long a door may take for the rest of its page, once it has answered.
const REST_TIME: Duration = Duration::from_secs(2);

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// As it was given with the request.
    pub asked: u32,
    /// Whether the door opened.
    pub result: Result<(), UnlockFault>,
}

/// Asks doors for the loop. Its requests end with it.
#[derive(Debug)]
pub struct Desk {
    tasks: JoinSet<()>,
    answers: UnboundedSender<Answer>,
}

impl Desk {
    /// Nothing to do yet; each request gets one answer, on `answers`.
    pub fn new(answers: UnboundedSender<Answer>) -> Self {
        Self { tasks: JoinSet::new(), answers }
    }

    /// Asks a door. To be called on the worker's runtime.
    pub fn ask(&mut self, request: DoorRequest, resolver: &mut Resolver, credentials: Credentials) {
        while self.tasks.try_join_next().is_some() {}
        let (asked, answers) = (request.asked, self.answers.clone());
        // Nobody there to hear an answer means that the worker is leaving.
        if self.tasks.len() >= MOST_AT_WORK {
            let _ = answers.send(Answer { asked, result: Err(UnlockFault::TooMany) });
            return;
        }
        let addresses = addresses(&request.url.host, resolver);
        self.tasks.spawn(async move {
            let place = request.url.authority();
            let asking = async {
                let addresses = addresses.await?;
                request::Asking { url: request.url, addresses, credentials, cnonce: request.cnonce }.run().await
            };
            let answered = tokio::time::timeout(request.within, asking).await.unwrap_or(Err(UnlockFault::NoAnswer));
            match &answered {
                Ok(_) => tracing::debug!("the door at {place} opened"),
                Err(fault) => tracing::debug!("the door at {place} did not open: {fault}"),
            }
            match answered {
                Ok(rest) => {
                    let _ = answers.send(Answer { asked, result: Ok(()) });
                    // A door may do its work while it writes its page, and leave it when nobody reads.
                    let _ = tokio::time::timeout(REST_TIME, rest.drain()).await;
                }
                Err(fault) => drop(answers.send(Answer { asked, result: Err(fault) })),
            }
        });
    }
}

/// Where a host is: itself, or what the name servers say, IPv4 first.
fn addresses(
    host: &str,
    resolver: &mut Resolver,
) -> impl Future<Output = Result<Vec<IpAddr>, UnlockFault>> + Send + use<> {
    let itself = host.parse::<IpAddr>().ok();
    let question = |kind| Question { name: host.trim_end_matches('.').to_owned(), kind };
    let found = itself.is_none().then(|| [RecordKind::A, RecordKind::Aaaa].map(|kind| resolver.answer(question(kind))));
    async move {
        let Some([v4, v6]) = found else { return Ok(itself.into_iter().collect()) };
        let (v4, v6) = tokio::join!(v4, v6);
        let silent = [&v4, &v6].contains(&&Err(DnsFault::NoAnswer));
        let of = |found: Result<Found, DnsFault>| found.map(|found| found.records).unwrap_or_default();
        let addresses: Vec<IpAddr> = of(v4)
            .into_iter()
            .chain(of(v6))
            .filter_map(|record| if let Record::Address(address) = record { Some(address) } else { None })
            .collect();
        match addresses.is_empty() {
            false => Ok(addresses),
            true if silent => Err(UnlockFault::NoNameServer),
            true => Err(UnlockFault::HostNotFound),
        }
    }
}
