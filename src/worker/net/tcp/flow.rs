//! One connection: made, agreed on by TLS where that is wanted, then read and written until either side ends it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustls::pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::super::roster::Limits;
use super::super::tls::{Credentials, Ours, farewell_of};
use super::FlowEvent;
use crate::channel::TlsFault;
use crate::phone::FlowFault;
use crate::sip::FlowId;

/// What is read at once, in bytes.
const CHUNK: usize = 4096;
/// For telling the other side that this is the end.
const FAREWELL: Duration = Duration::from_millis(500);
/// For the other side to read that this is the end.
const LINGER: Duration = Duration::from_millis(250);
/// The most that is read of whoever goes on speaking then, in bytes.
const READ_AWAY: usize = 1 << 20;
/// For finding, behind a write that failed, what the other side said about it.
const LAST_WORDS: Duration = Duration::from_millis(250);

/// The working part of one connection.
pub(super) struct Flow {
    pub id: FlowId,
    /// What is to be written.
    pub waiting: mpsc::Receiver<Vec<u8>>,
    /// Bytes of it.
    pub queued: Arc<AtomicUsize>,
    /// Comes when it is to end at once.
    pub ended: mpsc::Receiver<()>,
    pub events: mpsc::Sender<FlowEvent>,
    pub limits: Limits,
}

impl Flow {
    /// A connection that somebody opened.
    pub async fn accepted(self, stream: TcpStream) {
        self.run(stream, None).await;
    }

    /// A connection of ours.
    pub async fn connect(mut self, remote: SocketAddr) {
        let limit = self.limits.connect;
        if let Some((stream, local)) = self.made(limit, async { plain(remote).await.map_err(fault_of) }).await {
            self.stands(local).await;
            self.run(stream, None).await;
        }
    }

    /// A connection of ours by TLS.
    pub async fn connect_tls(mut self, remote: SocketAddr, ours: Credentials, name: ServerName<'static>) {
        let greeting = async {
            let client = ours.client().await.map_err(FlowFault::Tls)?;
            let (stream, local) = plain(remote).await.map_err(fault_of)?;
            let (stream, ours) = client.greet(name, stream).await.map_err(FlowFault::Tls)?;
            Ok(((stream, ours), local))
        };
        let limit = self.limits.connect_tls;
        if let Some(((stream, ours), local)) = self.made(limit, greeting).await {
            self.stands(local).await;
            self.run(stream, Some(&ours)).await;
        }
    }

    /// What comes of making a connection; nothing if it failed, which is told, or is not wanted any more.
    async fn made<T>(
        &mut self,
        limit: Duration,
        making: impl Future<Output = Result<(T, SocketAddr), FlowFault>>,
    ) -> Option<(T, SocketAddr)> {
        let made = tokio::select! {
            made = timeout(limit, making) => made.unwrap_or(Err(FlowFault::TimedOut)),
            Some(()) = self.ended.recv() => return None,
        };
        match made {
            Ok(made) => Some(made),
            Err(why) => {
                let _ = self.events.send(FlowEvent::Closed { flow: self.id, why }).await;
                None
            }
        }
    }

    /// Reads and writes until either side ends it. `ours` is our side of TLS.
    async fn run<S: AsyncRead + AsyncWrite>(self, stream: S, ours: Option<&Ours>) {
        let Self { id, mut waiting, queued, mut ended, events, limits } = self;
        let (mut reader, mut writer) = tokio::io::split(stream);
        let mut heard = false;
        let mut why = {
            let mut writing = std::pin::pin!(write(&mut writer, &mut waiting, &queued, limits.write));
            tokio::select! {
                why = read(id, &mut reader, &events, ours, &mut heard) => why,
                why = &mut writing => why,
                Some(()) = ended.recv() => {
                    // What was said before the end is heard: a refusal, and why.
                    let _ = timeout(FAREWELL, writing).await;
                    None
                }
            }
        };
        let is_ours = why.is_none();
        if let (Some(FlowFault::Ended(_)), Some(ours)) = (&why, ours) {
            // A write fails before the alert that tells why was read; and some servers close without any.
            let fault = match timeout(LAST_WORDS, last_words(&mut reader, ours)).await {
                Ok(Some(fault)) => Some(fault),
                _ => (!heard && ours.was_asked_in_vain()).then_some(TlsFault::ClientCertificate),
            };
            why = fault.map(FlowFault::Tls).or(why);
        }
        // Without a farewell the other side could not tell an end from a cut (RFC 8446 6.1).
        let _ = timeout(FAREWELL, writer.shutdown()).await;
        if is_ours {
            // What lies unread when the connection goes would take our last words with it (RFC 9293 3.10.4).
            let _ = timeout(LINGER, read_away(&mut reader)).await;
        }
        if let Some(why) = why {
            let _ = events.send(FlowEvent::Closed { flow: id, why }).await;
        }
    }

    async fn stands(&self, local: SocketAddr) {
        // Nobody there to hear it means that nobody will read the connection either.
        let _ = self.events.send(FlowEvent::Connected { flow: self.id, local }).await;
    }
}

/// Small messages leave at once, and a peer that lost its power is found within a minute or two.
pub(super) fn prepare(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let keepalive =
        TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(15)).with_retries(4);
    let _ = SockRef::from(stream).set_tcp_keepalive(&keepalive);
}

/// A connection, and our end of it.
async fn plain(remote: SocketAddr) -> io::Result<(TcpStream, SocketAddr)> {
    let stream = TcpStream::connect(remote).await?;
    prepare(&stream);
    let local = stream.local_addr()?;
    Ok((stream, local))
}

/// Passes on what comes until the other side ends it; nothing if nobody listens here any more.
async fn read(
    flow: FlowId,
    reader: &mut (impl AsyncRead + Unpin),
    events: &mpsc::Sender<FlowEvent>,
    ours: Option<&Ours>,
    heard: &mut bool,
) -> Option<FlowFault> {
    let mut chunk = [0; CHUNK];
    loop {
        match reader.read(&mut chunk).await {
            Ok(0) => return Some(FlowFault::Ended("closed by the other side".into())),
            Err(error) => return Some(broken(&error, ours)),
            Ok(count) => {
                *heard = true;
                let bytes = chunk[..count].to_vec();
                events.send(FlowEvent::Bytes { flow, bytes }).await.ok()?;
            }
        }
    }
}

/// Writes what waits until that fails; nothing if no more can come.
async fn write(
    writer: &mut (impl AsyncWrite + Unpin),
    waiting: &mut mpsc::Receiver<Vec<u8>>,
    queued: &AtomicUsize,
    limit: Duration,
) -> Option<FlowFault> {
    loop {
        let bytes = waiting.recv().await?;
        let written = async {
            writer.write_all(&bytes).await?;
            // TLS keeps a part back until it is told that no more comes.
            writer.flush().await
        };
        match timeout(limit, written).await {
            Ok(Ok(())) => drop(queued.fetch_sub(bytes.len(), Ordering::Relaxed)),
            Ok(Err(error)) => return Some(FlowFault::Ended(error.to_string())),
            Err(_) => return Some(FlowFault::Ended("the other side does not read".into())),
        }
    }
}

/// Reads on to the end without looking at what comes: the alert that stands there, if there is one.
async fn last_words(reader: &mut (impl AsyncRead + Unpin), ours: &Ours) -> Option<TlsFault> {
    let mut chunk = [0; CHUNK];
    loop {
        match reader.read(&mut chunk).await {
            Ok(0) => return None,
            Ok(_) => {}
            Err(error) => return farewell_of(&error, ours),
        }
    }
}

/// Reads on to the end, within limits, and looks at nothing.
async fn read_away(reader: &mut (impl AsyncRead + Unpin)) {
    let mut chunk = [0; CHUNK];
    let mut left = READ_AWAY;
    while let Ok(count @ 1..) = reader.read(&mut chunk).await
        && left > count
    {
        left -= count;
    }
}

/// Why a connection that stood does so no longer.
fn broken(error: &io::Error, ours: Option<&Ours>) -> FlowFault {
    match ours.and_then(|ours| farewell_of(error, ours)) {
        Some(fault) => FlowFault::Tls(fault),
        None if error.kind() == io::ErrorKind::UnexpectedEof => FlowFault::Ended("cut by the other side".into()),
        None => FlowFault::Ended(error.to_string()),
    }
}

/// Why a connection could not be made.
fn fault_of(error: io::Error) -> FlowFault {
    use io::ErrorKind as K;
    match error.kind() {
        K::ConnectionRefused => FlowFault::Refused,
        K::TimedOut => FlowFault::TimedOut,
        K::HostUnreachable | K::NetworkUnreachable | K::NetworkDown | K::AddrNotAvailable => FlowFault::NoRoute,
        _ => FlowFault::Ended(error.to_string()),
    }
}
