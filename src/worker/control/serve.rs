//! The connections of the control socket: lines in, answers and events out.
//!
//! Each connection is a small task of its own that asks the worker's loop one thing at a time. All is bounded: the number of
//! connections, the length of a line, the time an answer or a reader may take, and the events that wait for a slow reader.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, broadcast, mpsc, oneshot};

use super::protocol::{self, Do, LINE_LIMIT};

/// Connections at one time; one more is told so and closed.
pub const CONNECTIONS: usize = 16;
/// Events that may wait for one slow reader before it is dropped.
pub const EVENTS_WAITING: usize = 256;
/// How long the worker, or the screen behind it, may take for an answer.
const ANSWER_TIME: Duration = Duration::from_secs(20);
/// How long a reader may leave what was written to it.
const WRITE_TIME: Duration = Duration::from_secs(5);

/// What came of a request: the `result`, or the `error` in words.
pub type Outcome = Result<Value, String>;

/// One request on its way to the worker's loop.
#[derive(Debug)]
pub struct Call {
    /// What is asked for; never [`Do::Events`].
    pub what: Do,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Outcome>,
}

/// What every connection shares.
#[derive(Clone, Debug)]
struct Desk {
    calls: mpsc::Sender<Call>,
    events: broadcast::Sender<Arc<str>>,
    write_time: Duration,
}

/// Accepts connections until the task is dropped.
pub async fn serve(listener: UnixListener, calls: mpsc::Sender<Call>, events: broadcast::Sender<Arc<str>>) {
    serve_desk(listener, Desk { calls, events, write_time: WRITE_TIME }).await;
}

async fn serve_desk(listener: UnixListener, desk: Desk) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, most likely: waiting lets others be closed first.
                tracing::warn!("control socket: {error}");
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
        };
        let desk = desk.clone();
        match places.clone().try_acquire_owned() {
            Ok(place) => {
                tokio::spawn(async move {
                    let _place = place;
                    connection(stream, desk).await;
                });
            }
            Err(_) => refuse(&stream),
        }
    }
}

/// Says without waiting that there is no place; the line fits the empty buffer of a new connection.
fn refuse(stream: &UnixStream) {
    let words = format!("too many connections: {CONNECTIONS} are open");
    let _ = stream.try_write(protocol::answer(&Value::Null, &Err(words)).as_bytes());
}

async fn connection(stream: UnixStream, desk: Desk) {
    let (reader, writer) = stream.into_split();
    let mut writer = Writer { half: writer, limit: desk.write_time };
    let mut lines = Lines::new(reader);
    while let Some(line) = lines.next().await {
        let (id, outcome) = match line {
            Line::TooLong => (Value::Null, Err(format!("the line is over {} KiB long", LINE_LIMIT / 1024))),
            Line::Whole(line) if line.iter().all(u8::is_ascii_whitespace) => continue,
            Line::Whole(line) => match protocol::parse(&line) {
                Err(bad) => (bad.id, Err(bad.error)),
                Ok(request) if request.what == Do::Events => {
                    // Subscribed before the answer goes out: what happens after the answer is in the stream.
                    let events = desk.events.subscribe();
                    if writer.write(&protocol::answer(&request.id, &Ok(json!({})))).await {
                        stream_events(events, lines, writer).await;
                    }
                    return;
                }
                Ok(request) => (request.id, ask(&desk, request.what).await),
            },
        };
        if !writer.write(&protocol::answer(&id, &outcome)).await {
            return;
        }
    }
}

/// Puts one request to the worker's loop and waits for its answer.
async fn ask(desk: &Desk, what: Do) -> Outcome {
    let (reply, answer) = oneshot::channel();
    if desk.calls.send(Call { what, reply }).await.is_err() {
        return Err("the panel is leaving".into());
    }
    match tokio::time::timeout(ANSWER_TIME, answer).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err("the panel is leaving".into()),
        Err(_) => Err(format!("no answer within {} s", ANSWER_TIME.as_secs())),
    }
}

/// Writes events until the reader leaves, stops reading, or falls too far behind.
async fn stream_events(mut events: broadcast::Receiver<Arc<str>>, mut lines: Lines, mut writer: Writer) {
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Ok(line) => {
                    if !writer.write(&line).await {
                        return;
                    }
                }
                Err(_) => return,
            },
            line = lines.next() => {
                // Nothing is asked on a stream any longer; only its end counts.
                if line.is_none() {
                    return;
                }
            }
        }
    }
}

/// The writing half of a connection.
struct Writer {
    half: OwnedWriteHalf,
    limit: Duration,
}

impl Writer {
    /// Writes all of it in the time allowed; false means that the connection is of no use any longer.
    async fn write(&mut self, text: &str) -> bool {
        matches!(tokio::time::timeout(self.limit, self.half.write_all(text.as_bytes())).await, Ok(Ok(())))
    }
}

/// One line of a connection.
#[derive(Debug, PartialEq)]
enum Line {
    /// Without its line end.
    Whole(Vec<u8>),
    /// Over the limit; its bytes were thrown away.
    TooLong,
}

/// Cuts a connection into lines and never holds more than one line of the longest kind.
struct Lines {
    reader: OwnedReadHalf,
    splitter: Splitter,
}

impl Lines {
    fn new(reader: OwnedReadHalf) -> Self {
        Self { reader, splitter: Splitter::default() }
    }

    /// The next line; a last one without line end counts. May be dropped while it waits without losing anything.
    async fn next(&mut self) -> Option<Line> {
        loop {
            if let Some(line) = self.splitter.next() {
                return Some(line);
            }
            if self.splitter.ended {
                return None;
            }
            let mut chunk = [0; 4096];
            match self.reader.read(&mut chunk).await {
                Ok(0) | Err(_) => self.splitter.end(),
                Ok(count) => self.splitter.push(&chunk[..count]),
            }
        }
    }
}

/// The part of [`Lines`] without a socket.
#[derive(Debug, Default)]
struct Splitter {
    bytes: Vec<u8>,
    /// How many bytes at the front are known to hold no line end.
    seen: usize,
    /// The rest of a line over the limit is being thrown away.
    skipping: bool,
    ended: bool,
}

impl Splitter {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn end(&mut self) {
        self.ended = true;
        if !self.bytes.is_empty() {
            self.bytes.push(b'\n');
        }
    }

    fn next(&mut self) -> Option<Line> {
        let found = self.bytes[self.seen..].iter().position(|byte| *byte == b'\n').map(|at| at + self.seen);
        match found {
            Some(at) => {
                let mut line: Vec<u8> = self.bytes.drain(..=at).collect();
                line.pop();
                self.seen = 0;
                let too_long = std::mem::take(&mut self.skipping) || line.len() > LINE_LIMIT;
                Some(if too_long { Line::TooLong } else { Line::Whole(line) })
            }
            None => {
                if self.skipping || self.bytes.len() > LINE_LIMIT {
                    self.bytes.clear();
                    self.skipping = true;
                }
                self.seen = self.bytes.len();
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
