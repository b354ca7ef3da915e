//! Tests of the control socket's connections, over a real socket and with a stand-in for the worker's loop.

use super::*;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream as StdStream;

/// A served socket whose loop answers each request with its own words, and what keeps it alive.
struct Served {
    directory: tempfile::TempDir,
    events: broadcast::Sender<Arc<str>>,
    thread: Option<std::thread::JoinHandle<()>>,
    leave: Option<oneshot::Sender<()>>,
}

impl Served {
    fn start() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("control.sock");
        let (events, _) = broadcast::channel(EVENTS_WAITING);
        let (leave, left) = oneshot::channel();
        let (ready, is_ready) = std::sync::mpsc::channel();
        let sender = events.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener = UnixListener::bind(path).expect("the place is free");
                let (calls, mut asked) = mpsc::channel::<Call>(4);
                let write_time = Duration::from_millis(100);
                tokio::spawn(serve_desk(listener, Desk { calls, events: sender, write_time }));
                ready.send(()).expect("the test waits");
                let answer = async {
                    while let Some(call) = asked.recv().await {
                        let _ = call.reply.send(Ok(json!(format!("{:?}", call.what))));
                    }
                };
                tokio::select! { () = answer => {}, _ = left => {} }
            });
        });
        is_ready.recv().expect("the server starts");
        Self { directory, events, thread: Some(thread), leave: Some(leave) }
    }

    fn connect(&self) -> (StdStream, BufReader<StdStream>) {
        let stream = StdStream::connect(self.directory.path().join("control.sock")).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a time-out can be set");
        let reader = BufReader::new(stream.try_clone().expect("a second handle"));
        (stream, reader)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.leave.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn read(reader: &mut impl BufRead) -> Value {
    let mut line = String::new();
    reader.read_line(&mut line).expect("an answer comes");
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

#[test]
fn a_connection_lives_on_after_what_is_not_json_and_after_a_line_too_long() {
    let served = Served::start();
    let (mut stream, mut reader) = served.connect();
    stream.write_all(b"nonsense\n").expect("written");
    assert_eq!(read(&mut reader)["ok"], false);
    stream.write_all(&vec![b'x'; LINE_LIMIT + 5000]).expect("written");
    stream.write_all(b"\n{\"id\":1,\"do\":\"status\"}\n").expect("written");
    assert!(read(&mut reader)["error"].as_str().expect("words").contains("64 KiB"));
    let answer = read(&mut reader);
    assert_eq!((answer["id"].clone(), answer["ok"].clone()), (json!(1), json!(true)));
    assert_eq!(answer["result"], "Status");
}

#[test]
fn several_lines_in_one_piece_and_one_line_in_several_are_the_same() {
    let served = Served::start();
    let (mut stream, mut reader) = served.connect();
    stream.write_all(b"{\"id\":1,\"do\":\"status\"}\r\n\n{\"id\":2,\"do\":\"back\"}\n{\"id\":3,").expect("written");
    assert_eq!(read(&mut reader)["id"], 1);
    assert_eq!(read(&mut reader)["id"], 2);
    stream.write_all(b"\"do\":\"status\"}\n").expect("written");
    assert_eq!(read(&mut reader)["id"], 3);
}

#[test]
fn one_connection_too_many_is_told_so() {
    let served = Served::start();
    let mut open: Vec<_> = (0..CONNECTIONS).map(|_| served.connect()).collect();
    for (stream, reader) in &mut open {
        stream.write_all(b"{\"do\":\"status\"}\n").expect("written");
        assert_eq!(read(reader)["ok"], true);
    }
    let (_, mut reader) = served.connect();
    assert!(read(&mut reader)["error"].as_str().expect("words").contains("too many connections"));
    let (_, mut rest) = served.connect();
    let mut line = String::new();
    rest.read_line(&mut line).expect("told");
    assert_eq!(rest.read_line(&mut line).expect("closed"), 0);
}

#[test]
fn events_are_streamed_and_a_reader_that_falls_behind_is_dropped() {
    let served = Served::start();
    let (mut stream, mut reader) = served.connect();
    stream.write_all(b"{\"id\":9,\"do\":\"events\"}\n").expect("written");
    assert_eq!(read(&mut reader), json!({"id": 9, "ok": true, "result": {}}));
    served.events.send("{\"event\":\"a\"}\n".into()).expect("somebody listens");
    assert_eq!(read(&mut reader)["event"], "a");

    // Nobody reads now: the socket's buffer fills, then the queue, then the connection goes.
    let big: Arc<str> = format!("\"{}\"\n", "x".repeat(16 * 1024)).into();
    let gave_up = std::time::Instant::now() + Duration::from_secs(30);
    while served.events.receiver_count() > 0 {
        let _ = served.events.send(big.clone());
        assert!(std::time::Instant::now() < gave_up, "the reader is never dropped");
        std::thread::yield_now();
    }
}
