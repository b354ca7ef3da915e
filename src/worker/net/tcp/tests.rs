//! Tests of the connection table with real connections on the loopback.

use super::*;
use crate::worker::testing::on_runtime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A plain connection that leads there.
fn to(remote: SocketAddr) -> Connect {
    Connect { flow: None, local: remote, remote, tls: None }
}

/// A table, what it reports, and a listener beside it.
struct Rig {
    table: Table,
    events: mpsc::Receiver<FlowEvent>,
    listener: TcpListener,
    /// By these go calls.
    in_call: Vec<FlowId>,
}

impl Rig {
    async fn new(limits: Limits) -> Self {
        let (sender, events) = mpsc::channel(16);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        Self { table: Table::new(limits, sender), events, listener, in_call: Vec::new() }
    }

    fn address(&self) -> SocketAddr {
        self.listener.local_addr().expect("it is bound")
    }

    /// A client of ours, and what the table did with it.
    async fn client(&mut self, now: Instant) -> (TcpStream, Result<Option<FlowId>, String>) {
        let client = TcpStream::connect(self.address()).await.expect("it listens");
        let (stream, remote) = self.listener.accept().await.expect("it comes");
        let taken = self.table.accept(now, stream, remote, &|flow| self.in_call.contains(&flow));
        (client, taken)
    }

    async fn event(&mut self) -> FlowEvent {
        let event = tokio::time::timeout(Duration::from_secs(10), self.events.recv()).await;
        let event = event.expect("it comes in time").expect("the table lives");
        self.table.note(Instant::now(), &event);
        event
    }
}

#[test]
fn bytes_go_both_ways_and_the_end_is_reported() {
    on_runtime(async {
        let mut rig = Rig::new(Limits::default()).await;
        let (mut client, taken) = rig.client(Instant::now()).await;
        assert_eq!(taken, Ok(None));
        client.write_all(b"ping").await.expect("written");
        let FlowEvent::Bytes { flow, bytes } = rig.event().await else { panic!("bytes come first") };
        assert_eq!(bytes, b"ping");
        assert_eq!(rig.table.path(flow).map(|path| path.local), Some(rig.address()));
        rig.table.send(Instant::now(), flow, b"pong".to_vec()).expect("it is open");
        let mut answer = [0; 4];
        client.read_exact(&mut answer).await.expect("it comes");
        assert_eq!(&answer, b"pong");
        drop(client);
        assert!(matches!(rig.event().await, FlowEvent::Closed { flow: closed, .. } if closed == flow));
        assert!(!rig.table.contains(flow));
    });
}

#[test]
fn an_outgoing_connection_carries_what_was_queued_before_it_stood_and_is_used_again() {
    on_runtime(async {
        let mut rig = Rig::new(Limits::default()).await;
        let remote = rig.address();
        let (flow, _) = rig.table.connect(Instant::now(), to(remote), &|_| false).expect("there is room");
        rig.table.send(Instant::now(), flow, b"early".to_vec()).expect("it is being opened");
        assert_eq!(rig.table.find(remote), Some(flow));
        let (mut peer, _) = rig.listener.accept().await.expect("it comes");
        let mut bytes = [0; 5];
        peer.read_exact(&mut bytes).await.expect("it comes");
        assert_eq!(&bytes, b"early");
        let FlowEvent::Connected { flow: standing, local } = rig.event().await else { panic!("it stands") };
        assert_eq!((standing, local), (flow, peer.peer_addr().expect("it is connected")));
        assert_eq!(rig.table.path(flow).map(|path| path.local), Some(remote), "others still reach us where we listen");
    });
}

#[test]
fn a_connection_under_a_name_of_its_own_has_its_own_end() {
    on_runtime(async {
        let mut rig = Rig::new(Limits::default()).await;
        let remote = rig.address();
        let name = FlowId(1 << 63 | 7);
        let wanted = Connect { flow: Some(name), ..to(remote) };
        assert_eq!(rig.table.connect(Instant::now(), wanted, &|_| false), Ok((name, None)));
        let (peer, _) = rig.listener.accept().await.expect("it comes");
        assert!(matches!(rig.event().await, FlowEvent::Connected { flow, .. } if flow == name));
        let path = Path {
            transport: Transport::Tcp,
            local: peer.peer_addr().expect("it is connected"),
            remote,
            flow: Some(name),
        };
        assert_eq!(rig.table.path(name), Some(path));
        assert_eq!(rig.table.find(remote), None, "it is nobody else's");
        let (drawn, _) = rig.table.connect(Instant::now(), to(remote), &|_| false).expect("there is room");
        assert_eq!((drawn, rig.table.find(remote)), (FlowId(1), Some(FlowId(1))));
    });
}

#[test]
fn a_refused_connection_is_reported() {
    on_runtime(async {
        let mut rig = Rig::new(Limits::default()).await;
        let nobody = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a listener");
            listener.local_addr().expect("it is bound")
        };
        let (flow, _) = rig.table.connect(Instant::now(), to(nobody), &|_| false).expect("there is room");
        let FlowEvent::Closed { flow: closed, why } = rig.event().await else { panic!("nobody is there") };
        assert_eq!((closed, why), (flow, FlowFault::Refused));
        assert!(!rig.table.contains(flow));
    });
}

#[test]
fn a_crowd_of_connections_costs_the_crowd_its_own_and_no_call() {
    on_runtime(async {
        let mut rig = Rig::new(Limits { connections: 8, from_one_address: 3, ..Limits::default() }).await;
        let (mut caller, _) = rig.client(Instant::now()).await;
        rig.in_call.push(FlowId(1));
        let mut crowd = Vec::new();
        for _ in 0..20 {
            let (client, taken) = rig.client(Instant::now()).await;
            assert!(taken.is_ok());
            crowd.push(client);
        }
        assert_eq!(rig.table.roster.len(), 3);
        for (number, client) in crowd.iter_mut().enumerate().take(18) {
            assert_eq!(client.read(&mut [0; 1]).await.unwrap_or(0), 0, "number {number} had to go");
        }
        rig.table.send(Instant::now(), FlowId(1), b"still here".to_vec()).expect("the call's stays");
        let mut bytes = [0; 10];
        caller.read_exact(&mut bytes).await.expect("it comes");
        assert_eq!(&bytes, b"still here");
        rig.in_call.extend([FlowId(20), FlowId(21)]);
        let (mut late, taken) = rig.client(Instant::now()).await;
        assert_eq!(taken, Err("calls go by 3 connections from 127.0.0.1 already".to_owned()));
        assert_eq!(late.read(&mut [0; 1]).await.unwrap_or(0), 0, "it is closed at once");
    });
}

#[test]
fn the_silent_are_closed_in_time_and_their_sockets_with_them() {
    on_runtime(async {
        let mut rig = Rig::new(Limits::default()).await;
        let limits = Limits::default();
        let start = Instant::now();
        let (mut one, _) = rig.client(start).await;
        let (_two, _) = rig.client(start).await;
        rig.table.send(start, FlowId(2), b"x".to_vec()).expect("it is open");
        assert_eq!(rig.table.deadline(), Some(start + limits.silent));
        assert!(rig.table.close_silent(start + limits.silent - Duration::from_millis(1), &|_| false).is_empty());
        assert_eq!(rig.table.close_silent(start + limits.silent, &|_| false), [FlowId(1)]);
        assert_eq!(one.read(&mut [0; 1]).await.unwrap_or(0), 0);
        assert_eq!(rig.table.deadline(), Some(start + limits.idle));
        assert!(rig.table.close_silent(start + limits.idle, &|flow| flow == FlowId(2)).is_empty(), "a call goes by it");
        assert_eq!(rig.table.close_silent(start + limits.idle * 2, &|_| false), [FlowId(2)]);
    });
}

#[test]
fn a_hundred_silent_and_one_that_pours_do_not_keep_another_waiting() {
    on_runtime(async {
        let mut rig = Rig::new(Limits { from_one_address: 200, ..Limits::default() }).await;
        let mut silent = Vec::new();
        for _ in 0..100 {
            silent.push(rig.client(Instant::now()).await.0);
        }
        let (mut pouring, _) = rig.client(Instant::now()).await;
        let pour = tokio::spawn(async move {
            let garbage = [b'x'; 4096];
            while pouring.write_all(&garbage).await.is_ok() {}
        });
        let (mut door, _) = rig.client(Instant::now()).await;
        let door_flow = FlowId(102);
        for round in 0..50 {
            door.write_all(b"bell").await.expect("written");
            let mut poured = 0;
            loop {
                match rig.event().await {
                    FlowEvent::Bytes { flow, bytes } if flow == door_flow => {
                        assert_eq!(bytes, b"bell");
                        break;
                    }
                    FlowEvent::Bytes { .. } => poured += 1,
                    other => panic!("round {round}: {other:?}"),
                }
                assert!(poured < 200, "round {round}: the door waits behind all that is poured");
            }
        }
        pour.abort();
    });
}

#[test]
fn a_peer_that_does_not_read_is_given_up_and_its_queue_never_grows() {
    on_runtime(async {
        for (limits, size) in [
            (Limits { queue: 4, queued_bytes: usize::MAX, ..Limits::default() }, 1024 * 1024),
            (Limits { queue: 10_000, ..Limits::default() }, 16 * 1024),
        ] {
            let mut rig = Rig::new(limits).await;
            let (_client, taken) = rig.client(Instant::now()).await;
            assert_eq!(taken, Ok(None));
            let message = vec![b'x'; size];
            let mut sent = 0;
            while rig.table.send(Instant::now(), FlowId(1), message.clone()).is_ok() {
                sent += 1;
                assert!(sent < 5000, "the queue grows without end");
                tokio::task::yield_now().await;
            }
            assert!(sent > 1);
            assert!(!rig.table.contains(FlowId(1)));
        }
    });
}

#[test]
fn what_waits_is_written_before_the_table_leaves() {
    on_runtime(async {
        let mut rig = Rig::new(Limits::default()).await;
        let (mut client, _) = rig.client(Instant::now()).await;
        for _ in 0..3 {
            rig.table.send(Instant::now(), FlowId(1), b"bye".to_vec()).expect("it is open");
        }
        rig.table.finish(Duration::from_secs(10)).await;
        let mut all = Vec::new();
        client.read_to_end(&mut all).await.expect("it ends");
        assert_eq!(all, b"byebyebye");
    });
}
