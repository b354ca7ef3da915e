//! The table of TCP connections of SIP: opened by us or by others, each read and written by two small tasks.
//!
//! ```text
//! peer ─▶ reader task ─▶ one bounded channel ─▶ the worker's loop
//! peer ◀─ writer task ◀─ bounded queue       ◀─ Table::send
//! ```
//! A silent, trickling or deaf peer costs its own tasks and nobody else's time: the number of connections, of those from one
//! address, the bytes queued, and the time to connect, to write and to be silent are all limited. Who has to go is decided in
//! `roster`; a message that trickles is the endpoint's matter.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub use super::roster::Limits;
use super::roster::{Entry, Roster};
use crate::sip::FlowId;

/// What a connection reports to the loop.
#[derive(Debug)]
pub enum FlowEvent {
    /// It stands.
    Connected {
        /// Which one.
        flow: FlowId,
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
        /// Why, in words.
        why: String,
    },
}

impl FlowEvent {
    /// Which connection it is about.
    pub fn flow(&self) -> FlowId {
        match self {
            Self::Connected { flow } | Self::Bytes { flow, .. } | Self::Closed { flow, .. } => *flow,
        }
    }
}

/// The working part of one connection.
#[derive(Debug)]
struct Flow {
    queue: mpsc::Sender<Vec<u8>>,
    /// Bytes in the queue.
    queued: Arc<AtomicUsize>,
    task: Option<JoinHandle<()>>,
}

impl Drop for Flow {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// All connections.
#[derive(Debug)]
pub struct Table {
    flows: HashMap<FlowId, Flow>,
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
        let (limits, events) = (self.roster.limits, self.events.clone());
        let entry = Entry { local, remote, theirs: true, last: now, spoken: false };
        self.add(entry, move |flow, queue| run(flow, stream, queue, events, limits));
        Ok(gone)
    }

    /// The connection that leads there, if there is one.
    pub fn find(&self, remote: SocketAddr) -> Option<FlowId> {
        self.roster.find(remote)
    }

    /// Opens a connection; what is sent on it before it stands waits. `local` is where we can be reached from there. Gives
    /// the flow that had to go for it, too.
    ///
    /// # Errors
    /// Why none can be opened, in words.
    pub fn connect(
        &mut self,
        now: Instant,
        local: SocketAddr,
        remote: SocketAddr,
        in_call: &dyn Fn(FlowId) -> bool,
    ) -> Result<(FlowId, Option<FlowId>), String> {
        let gone = self.roster.place(None, in_call)?;
        self.close_one(gone);
        let (limits, events) = (self.roster.limits, self.events.clone());
        let entry = Entry { local, remote, theirs: false, last: now, spoken: false };
        let id = self.add(entry, move |flow, queue| async move {
            let stream = match tokio::time::timeout(limits.connect, TcpStream::connect(remote)).await {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => return close(flow, &events, error.to_string()).await,
                Err(_) => return close(flow, &events, "no answer to the connection".into()).await,
            };
            prepare(&stream);
            // Nobody there to hear it means that nobody will read the connection either.
            let _ = events.send(FlowEvent::Connected { flow }).await;
            run(flow, stream, queue, events, limits).await;
        });
        Ok((id, gone))
    }

    /// Whether this connection is open or being opened.
    pub fn contains(&self, flow: FlowId) -> bool {
        self.flows.contains_key(&flow)
    }

    /// Where we can be reached from there, and where it leads.
    pub fn ends(&self, flow: FlowId) -> Option<(SocketAddr, SocketAddr)> {
        self.roster.get(flow).map(|entry| (entry.local, entry.remote))
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
            FlowEvent::Connected { .. } => {}
            FlowEvent::Bytes { flow, .. } => self.roster.heard(now, *flow),
            FlowEvent::Closed { flow, .. } => self.close(*flow),
        }
    }

    /// Closes a connection; what was queued may be lost.
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
            .filter_map(|(_, mut flow)| {
                // The queue ends with the flow, and the writer behind the last message in it.
                flow.task.take()
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

    fn add<F, W>(&mut self, entry: Entry, work: W) -> FlowId
    where
        F: Future<Output = ()> + Send + 'static,
        W: FnOnce(FlowId, Queue) -> F,
    {
        let id = FlowId(self.next);
        self.next += 1;
        let (queue, waiting) = mpsc::channel(self.roster.limits.queue);
        let queued = Arc::new(AtomicUsize::new(0));
        let task = Some(tokio::spawn(work(id, Queue { waiting, queued: queued.clone() })));
        self.flows.insert(id, Flow { queue, queued, task });
        self.roster.add(id, entry);
        id
    }
}

/// What waits to be written.
struct Queue {
    waiting: mpsc::Receiver<Vec<u8>>,
    queued: Arc<AtomicUsize>,
}

/// Small messages leave at once, and a peer that lost its power is found within a minute or two.
fn prepare(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let keepalive =
        TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(15)).with_retries(4);
    let _ = SockRef::from(stream).set_tcp_keepalive(&keepalive);
}

/// Reads and writes until either side ends it.
async fn run(flow: FlowId, stream: TcpStream, queue: Queue, events: mpsc::Sender<FlowEvent>, limits: Limits) {
    let (reader, writer) = stream.into_split();
    let why = tokio::select! {
        why = read(flow, reader, &events) => why,
        why = write(writer, queue, limits.write) => why,
    };
    close(flow, &events, why).await;
}

async fn read(flow: FlowId, mut reader: OwnedReadHalf, events: &mpsc::Sender<FlowEvent>) -> String {
    let mut chunk = [0; 4096];
    loop {
        match reader.read(&mut chunk).await {
            Ok(0) => return "closed by the other side".into(),
            Err(error) => return error.to_string(),
            Ok(count) => {
                let bytes = chunk[..count].to_vec();
                if events.send(FlowEvent::Bytes { flow, bytes }).await.is_err() {
                    return "the panel is leaving".into();
                }
            }
        }
    }
}

async fn write(mut writer: OwnedWriteHalf, mut queue: Queue, limit: Duration) -> String {
    while let Some(bytes) = queue.waiting.recv().await {
        match tokio::time::timeout(limit, writer.write_all(&bytes)).await {
            Ok(Ok(())) => drop(queue.queued.fetch_sub(bytes.len(), Ordering::Relaxed)),
            Ok(Err(error)) => return error.to_string(),
            Err(_) => return "the other side does not read".into(),
        }
    }
    "closed here".into()
}

async fn close(flow: FlowId, events: &mpsc::Sender<FlowEvent>, why: String) {
    let _ = events.send(FlowEvent::Closed { flow, why }).await;
}

#[cfg(test)]
mod tests;
