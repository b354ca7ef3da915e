//! The table of the connections of SIP, plain or by TLS: opened by us or by others, each read and written by a task of its own.
//!
//! ```text
//! peer ─▶ read  ─▶ one bounded channel ─▶ the worker's loop
//! peer ◀─ write ◀─ bounded queue       ◀─ Table::send
//! ```
//! A silent, trickling or deaf peer costs its own task and nobody else's time: the number of connections, of those from one
//! address, the bytes queued, and the time to connect, to agree on TLS, to write and to be silent are all limited. Who has to
//! go is decided in `roster`; a message that trickles is the endpoint's matter. What one connection does is in `flow`.

mod flow;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use self::flow::{Flow, prepare};
pub use super::roster::Limits;
use super::roster::{Entry, Roster};
use super::tls::Credentials;
use crate::phone::FlowFault;
use crate::sip::{FlowId, Path, Transport};

/// What a connection reports to the loop.
#[derive(Debug)]
pub enum FlowEvent {
    /// It stands; by TLS that means that the other side has shown who it is.
    Connected {
        /// Which one.
        flow: FlowId,
        /// Our end of it.
        local: SocketAddr,
    },
    /// Bytes came.
    Bytes {
        /// Which one.
        flow: FlowId,
        /// Never empty.
        bytes: Vec<u8>,
    },
    /// It is gone, or never came about.
    Closed {
        /// Which one.
        flow: FlowId,
        /// Why.
        why: FlowFault,
    },
}

impl FlowEvent {
    /// Which connection it is about.
    pub fn flow(&self) -> FlowId {
        match self {
            Self::Connected { flow, .. } | Self::Bytes { flow, .. } | Self::Closed { flow, .. } => *flow,
        }
    }
}

/// A connection to be opened.
#[derive(Debug)]
pub struct Connect {
    /// The name that the caller gives it, from `FlowId(1 << 63)` up and never used before. Such a connection is the caller's
    /// alone: [`Table::find`] does not tell it, and its local end is its own. Without a name the table draws one.
    pub flow: Option<FlowId>,
    /// Where we can be reached from there; until the connection stands, for one with a name.
    pub local: SocketAddr,
    /// Where it leads.
    pub remote: SocketAddr,
    /// By TLS: what that needs, and the name that the other side has to show.
    pub tls: Option<(Credentials, ServerName<'static>)>,
}

/// The table's end of one connection.
#[derive(Debug)]
struct Held {
    queue: mpsc::Sender<Vec<u8>>,
    /// Bytes in the queue.
    queued: Arc<AtomicUsize>,
    /// Ends it at once, whatever waits in the queue.
    end: Option<mpsc::Sender<()>>,
    task: Option<JoinHandle<()>>,
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            // The task may have ended by itself.
            let _ = end.try_send(());
        }
    }
}

/// All connections.
#[derive(Debug)]
pub struct Table {
    flows: HashMap<FlowId, Held>,
    roster: Roster,
    next: u64,
    events: mpsc::Sender<FlowEvent>,
}

impl Table {
    /// An empty table that reports to this channel, which the owner reads; its bound holds back fast peers.
    pub fn new(limits: Limits, events: mpsc::Sender<FlowEvent>) -> Self {
        Self { flows: HashMap::new(), roster: Roster::new(limits), next: 1, events }
    }

    /// Takes in a connection that somebody opened. Gives the flow that had to go for it, if any; `in_call` tells which ones
    /// may not.
    ///
    /// # Errors
    /// Why it was closed instead, in words.
    pub fn accept(
        &mut self,
        now: Instant,
        stream: TcpStream,
        remote: SocketAddr,
        in_call: &dyn Fn(FlowId) -> bool,
    ) -> Result<Option<FlowId>, String> {
        let local = stream.local_addr().map_err(|error| error.to_string())?;
        let gone = self.roster.place(Some(remote.ip()), in_call)?;
        self.close_one(gone);
        prepare(&stream);
        let entry =
            Entry { transport: Transport::Tcp, local, remote, reserved: false, theirs: true, last: now, spoken: false };
        self.add(None, entry, move |flow| flow.accepted(stream));
        Ok(gone)
    }

    /// The connection that leads there and was not opened under a name of its own, if there is one.
    pub fn find(&self, remote: SocketAddr) -> Option<FlowId> {
        self.roster.find(remote)
    }

    /// Opens a connection; what is sent on it before it stands waits. Gives the flow that had to go for it, too.
    ///
    /// # Errors
    /// Why none can be opened, in words.
    pub fn connect(
        &mut self,
        now: Instant,
        wanted: Connect,
        in_call: &dyn Fn(FlowId) -> bool,
    ) -> Result<(FlowId, Option<FlowId>), String> {
        let Connect { flow, local, remote, tls } = wanted;
        let gone = self.roster.place(None, in_call)?;
        self.close_one(gone);
        let transport = if tls.is_some() { Transport::Tls } else { Transport::Tcp };
        let entry =
            Entry { transport, local, remote, reserved: flow.is_some(), theirs: false, last: now, spoken: false };
        let id = match tls {
            None => self.add(flow, entry, move |flow| flow.connect(remote)),
            Some((ours, name)) => self.add(flow, entry, move |flow| flow.connect_tls(remote, ours, name)),
        };
        Ok((id, gone))
    }

    /// Whether this connection is open or being opened.
    pub fn contains(&self, flow: FlowId) -> bool {
        self.flows.contains_key(&flow)
    }

    /// How it goes, where we can be reached from there, and where it leads.
    pub fn path(&self, flow: FlowId) -> Option<Path> {
        let entry = self.roster.get(flow)?;
        Some(Path { transport: entry.transport, local: entry.local, remote: entry.remote, flow: Some(flow) })
    }

    /// Queues a message. `Err` if the connection is not there, or its peer does not read: then it is closed.
    pub fn send(&mut self, now: Instant, id: FlowId, bytes: Vec<u8>) -> Result<(), String> {
        let flow = self.flows.get(&id).ok_or("the connection is gone")?;
        let waiting = flow.queued.fetch_add(bytes.len(), Ordering::Relaxed) + bytes.len();
        if waiting <= self.roster.limits.queued_bytes && flow.queue.try_send(bytes).is_ok() {
            self.roster.spoke(now, id);
            return Ok(());
        }
        self.close(id);
        Err("the other side does not read".into())
    }

    /// Notes what a connection reported, before the loop acts on it.
    pub fn note(&mut self, now: Instant, event: &FlowEvent) {
        match event {
            FlowEvent::Connected { flow, local } => self.roster.stands(*flow, *local),
            FlowEvent::Bytes { flow, .. } => self.roster.heard(now, *flow),
            FlowEvent::Closed { flow, .. } => self.close(*flow),
        }
    }

    /// Closes a connection; what was queued may be lost. By TLS the other side is told so, in the time that it gives us.
    pub fn close(&mut self, flow: FlowId) {
        self.flows.remove(&flow);
        self.roster.remove(flow);
    }

    /// When the next connection will have been silent for too long.
    pub fn deadline(&self) -> Option<Instant> {
        self.roster.deadline()
    }

    /// Closes those that were silent for too long and names them; not those that `in_call` tells.
    pub fn close_silent(&mut self, now: Instant, in_call: &dyn Fn(FlowId) -> bool) -> Vec<FlowId> {
        let silent = self.roster.silent(now, in_call);
        for flow in &silent {
            self.close(*flow);
        }
        silent
    }

    /// Writes what still waits, then closes all; takes no longer than `limit`.
    pub async fn finish(mut self, limit: Duration) {
        let tasks: Vec<JoinHandle<()>> = self
            .flows
            .drain()
            .filter_map(|(_, mut held)| {
                // The queue ends with what is held, and the writer behind the last message in it.
                held.end.take();
                held.task.take()
            })
            .collect();
        let all = async {
            for task in tasks {
                let _ = task.await;
            }
        };
        let _ = tokio::time::timeout(limit, all).await;
    }

    fn close_one(&mut self, flow: Option<FlowId>) {
        if let Some(flow) = flow {
            self.close(flow);
        }
    }

    fn add<F, W>(&mut self, name: Option<FlowId>, entry: Entry, work: W) -> FlowId
    where
        F: Future<Output = ()> + Send + 'static,
        W: FnOnce(Flow) -> F,
    {
        let id = name.unwrap_or_else(|| {
            let drawn = FlowId(self.next);
            self.next += 1;
            drawn
        });
        let (queue, waiting) = mpsc::channel(self.roster.limits.queue);
        let queued = Arc::new(AtomicUsize::new(0));
        let (end, ended) = mpsc::channel(1);
        let flow = Flow {
            id,
            waiting,
            queued: queued.clone(),
            ended,
            events: self.events.clone(),
            limits: self.roster.limits,
        };
        let task = Some(tokio::spawn(work(flow)));
        self.flows.insert(id, Held { queue, queued, end: Some(end), task });
        self.roster.add(id, entry);
        id
    }
}

#[cfg(test)]
mod tests;
