//! The table of TCP connections of SIP: opened by us or by others, each read and written by two small tasks.
//!
//! ```text
//! peer ─▶ reader task ─▶ one bounded channel ─▶ the worker's loop
//! peer ◀─ writer task ◀─ bounded queue       ◀─ Table::send
//! ```
//! A silent, trickling or deaf peer costs its own tasks and nobody else's time: the number of connections, of those from one
//! address, the bytes queued, and the time to connect, to write and to be silent are all limited.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::sip::FlowId;

/// What the table allows.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections in all; one more closes the one that was silent for longest.
    pub connections: usize,
    /// Connections that one address may have opened to us; one more is closed at once.
    pub from_one_address: usize,
    /// Messages that may wait to be written to one peer.
    pub queue: usize,
    /// For the connection to be made.
    pub connect: Duration,
    /// For one message to be written.
    pub write: Duration,
    /// Silence on a connection that never made us say anything.
    pub silent: Duration,
    /// Silence on any other; longer than a call may last.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 32,
            from_one_address: 8,
            queue: 64,
            connect: Duration::from_secs(5),
            write: Duration::from_secs(10),
            silent: Duration::from_secs(30),
            idle: Duration::from_secs(3600),
        }
    }
}

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

/// One connection of the table.
#[derive(Debug)]
struct Flow {
    /// Where we can be reached from there: with a connection of ours that is the port that we listen on.
    local: SocketAddr,
    remote: SocketAddr,
    theirs: bool,
    queue: mpsc::Sender<Vec<u8>>,
    task: Option<JoinHandle<()>>,
    last: Instant,
    /// Whether we have said anything on it.
    spoken: bool,
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
    next: u64,
    limits: Limits,
    events: mpsc::Sender<FlowEvent>,
}

impl Table {
    /// An empty table that reports to this channel, which the owner reads; its bound holds back fast peers.
    pub fn new(limits: Limits, events: mpsc::Sender<FlowEvent>) -> Self {
        Self { flows: HashMap::new(), next: 1, limits, events }
    }

    /// Takes in a connection that somebody opened. Gives the flow that had to go for it, if any.
    ///
    /// # Errors
    /// Why it was closed instead, in words.
    pub fn accept(&mut self, now: Instant, stream: TcpStream, remote: SocketAddr) -> Result<Option<FlowId>, String> {
        let same = |flow: &&Flow| flow.theirs && flow.remote.ip() == remote.ip();
        if self.flows.values().filter(same).count() >= self.limits.from_one_address {
            return Err(format!("{} connections from {} are open already", self.limits.from_one_address, remote.ip()));
        }
        let local = stream.local_addr().map_err(|error| error.to_string())?;
        prepare(&stream);
        let gone = self.make_room();
        let (limits, events) = (self.limits, self.events.clone());
        self.add(now, local, remote, true, move |flow, queue| run(flow, stream, queue, events, limits));
        Ok(gone)
    }

    /// The connection that leads there, if there is one.
    pub fn find(&self, remote: SocketAddr) -> Option<FlowId> {
        self.flows.iter().find(|(_, flow)| flow.remote == remote).map(|(id, _)| *id)
    }

    /// Opens a connection; what is sent on it before it stands waits. `local` is where we can be reached from there. Gives
    /// the flow that had to go for it, too.
    pub fn connect(&mut self, now: Instant, local: SocketAddr, remote: SocketAddr) -> (FlowId, Option<FlowId>) {
        let gone = self.make_room();
        let (limits, events) = (self.limits, self.events.clone());
        let id = self.add(now, local, remote, false, move |flow, queue| async move {
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
        (id, gone)
    }

    /// Whether this connection is open or being opened.
    pub fn contains(&self, flow: FlowId) -> bool {
        self.flows.contains_key(&flow)
    }

    /// Where we can be reached from there, and where it leads.
    pub fn ends(&self, flow: FlowId) -> Option<(SocketAddr, SocketAddr)> {
        self.flows.get(&flow).map(|flow| (flow.local, flow.remote))
    }

    /// Queues a message. `Err` if the connection is not there, or its peer does not read: then it is closed.
    pub fn send(&mut self, now: Instant, id: FlowId, bytes: Vec<u8>) -> Result<(), String> {
        let flow = self.flows.get_mut(&id).ok_or("the connection is gone")?;
        flow.last = now;
        flow.spoken = true;
        if flow.queue.try_send(bytes).is_ok() {
            return Ok(());
        }
        self.flows.remove(&id);
        Err("the other side does not read".into())
    }

    /// Notes what a connection reported, before the loop acts on it.
    pub fn note(&mut self, now: Instant, event: &FlowEvent) {
        match event {
            FlowEvent::Connected { .. } => {}
            FlowEvent::Bytes { flow, .. } => {
                if let Some(flow) = self.flows.get_mut(flow) {
                    flow.last = now;
                }
            }
            FlowEvent::Closed { flow, .. } => self.close(*flow),
        }
    }

    /// Closes a connection; what was queued may be lost.
    pub fn close(&mut self, flow: FlowId) {
        self.flows.remove(&flow);
    }

    /// When the next connection will have been silent for too long.
    pub fn deadline(&self) -> Option<Instant> {
        self.flows.values().map(|flow| self.end_of(flow)).min()
    }

    /// Closes those that were silent for too long and names them.
    pub fn close_silent(&mut self, now: Instant) -> Vec<FlowId> {
        let silent: Vec<FlowId> =
            self.flows.iter().filter(|(_, flow)| self.end_of(flow) <= now).map(|(id, _)| *id).collect();
        for id in &silent {
            self.flows.remove(id);
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

    fn end_of(&self, flow: &Flow) -> Instant {
        flow.last + if flow.spoken { self.limits.idle } else { self.limits.silent }
    }

    /// Closes the connection that was silent for longest when the table is full.
    fn make_room(&mut self) -> Option<FlowId> {
        if self.flows.len() < self.limits.connections {
            return None;
        }
        let oldest = self.flows.iter().min_by_key(|(_, flow)| (flow.spoken, flow.last)).map(|(id, _)| *id)?;
        self.flows.remove(&oldest);
        Some(oldest)
    }

    fn add<F, W>(&mut self, now: Instant, local: SocketAddr, remote: SocketAddr, theirs: bool, work: W) -> FlowId
    where
        F: Future<Output = ()> + Send + 'static,
        W: FnOnce(FlowId, mpsc::Receiver<Vec<u8>>) -> F,
    {
        let id = FlowId(self.next);
        self.next += 1;
        let (queue, waiting) = mpsc::channel(self.limits.queue);
        let task = Some(tokio::spawn(work(id, waiting)));
        self.flows.insert(id, Flow { local, remote, theirs, queue, task, last: now, spoken: false });
        id
    }

    /// How many connections an address has here.
    #[cfg(test)]
    fn from(&self, address: std::net::IpAddr) -> usize {
        self.flows.values().filter(|flow| flow.remote.ip() == address).count()
    }
}

/// Small messages leave at once, and a peer that lost its power is found within a minute or two.
fn prepare(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let keepalive =
        TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(15)).with_retries(4);
    let _ = SockRef::from(stream).set_tcp_keepalive(&keepalive);
}

/// Reads and writes until either side ends it.
async fn run(
    flow: FlowId,
    stream: TcpStream,
    queue: mpsc::Receiver<Vec<u8>>,
    events: mpsc::Sender<FlowEvent>,
    limits: Limits,
) {
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

async fn write(mut writer: OwnedWriteHalf, mut queue: mpsc::Receiver<Vec<u8>>, limit: Duration) -> String {
    while let Some(bytes) = queue.recv().await {
        match tokio::time::timeout(limit, writer.write_all(&bytes)).await {
            Ok(Ok(())) => {}
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
