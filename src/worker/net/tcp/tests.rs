//! Tests of the connection table with real connections on the loopback.

use super::*;
use crate::worker::testing::on_runtime;
use std::net::IpAddr;
use tokio::net::TcpListener;

/// A table, what it reports, and a listener beside it.
struct Rig {
    table: Table,
    events: mpsc::Receiver<FlowEvent>,
    listener: TcpListener,
}

impl Rig {
    async fn new(limits: Limits) -> Self {
        let (sender, events) = mpsc::channel(16);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        Self { table: Table::new(limits, sender), events, listener }
    }

    fn address(&self) -> SocketAddr {
        self.listener.local_addr().expect("it is bound")
    }

    /// A client of ours, and what the table did with it.
    async fn client(&mut self, now: Instant) -> (TcpStream, Result<Option<FlowId>, String>) {
        let client = TcpStream::connect(self.address()).await.expect("it listens");
        let (stream, remote) = self.listener.accept().await.expect("it comes");
        let taken = self.table.accept(now, stream, remote);
        (client, taken)
    }

    async fn event(&mut self) -> FlowEvent {
        let event = tokio::time::timeout(Duration::from_secs(10), self.events.recv()).await;
        let event = event.expect("it comes in time").expect("the table lives");
        self.table.note(Instant::now(), &event);
        event
    }
}

const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

#[test]
fn bytes_go_both_ways_and_the_end_is_reported() {
    on_runtime(async {
        let mut rig = Rig::new(Limits::default()).await;
        let (mut client, taken) = rig.client(Instant::now()).await;
        assert_eq!(taken, Ok(None));
        client.write_all(b"ping").await.expect("written");
        let FlowEvent::Bytes { flow, bytes } = rig.event().await else { panic!("bytes come first") };
        assert_eq!(bytes, b"ping");
        assert_eq!(rig.table.ends(flow).map(|ends| ends.0), Some(rig.address()));
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
        let (flow, _) = rig.table.connect(Instant::now(), remote, remote);
        rig.table.send(Instant::now(), flow, b"early".to_vec()).expect("it is being opened");
        assert_eq!(rig.table.find(remote), Some(flow));
        let (mut peer, _) = rig.listener.accept().await.expect("it comes");
        let mut bytes = [0; 5];
        peer.read_exact(&mut bytes).await.expect("it comes");
        assert_eq!(&bytes, b"early");
        assert!(matches!(rig.event().await, FlowEvent::Connected { flow: standing } if standing == flow));
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
        let (flow, _) = rig.table.connect(Instant::now(), nobody, nobody);
        assert!(matches!(rig.event().await, FlowEvent::Closed { flow: closed, .. } if closed == flow));
        assert!(!rig.table.contains(flow));
    });
}

#[test]
fn one_address_gets_no_more_than_its_share() {
    on_runtime(async {
        let mut rig = Rig::new(Limits { from_one_address: 3, ..Limits::default() }).await;
        let mut clients = Vec::new();
        for _ in 0..3 {
            clients.push(rig.client(Instant::now()).await);
        }
        let (mut fourth, taken) = rig.client(Instant::now()).await;
        assert!(taken.expect_err("one too many").contains("3 connections from 127.0.0.1"));
        assert_eq!(fourth.read(&mut [0; 1]).await.unwrap_or(0), 0, "it is closed at once");
        assert_eq!(rig.table.from(LOOPBACK), 3);
    });
}

#[test]
fn a_full_table_gives_up_who_was_silent_for_longest_and_never_made_us_speak() {
    on_runtime(async {
        let limits = Limits { connections: 3, from_one_address: 9, ..Limits::default() };
        let mut rig = Rig::new(limits).await;
        let start = Instant::now();
        let mut clients = Vec::new();
        for second in 0..3 {
            clients.push(rig.client(start + Duration::from_secs(second)).await.0);
        }
        rig.table.send(start, FlowId(1), b"x".to_vec()).expect("it is open");
        let (_fourth, taken) = rig.client(start + Duration::from_secs(9)).await;
        assert_eq!(taken, Ok(Some(FlowId(2))), "the first has spoken, the second is the oldest of the rest");
        assert_eq!(rig.table.from(LOOPBACK), 3);
    });
}

#[test]
fn the_silent_are_closed_in_time_and_those_that_spoke_later() {
    on_runtime(async {
        let mut rig = Rig::new(Limits::default()).await;
        let limits = Limits::default();
        let start = Instant::now();
        let _one = rig.client(start).await;
        let _two = rig.client(start).await;
        rig.table.send(start, FlowId(2), b"x".to_vec()).expect("it is open");
        assert_eq!(rig.table.deadline(), Some(start + limits.silent));
        assert!(rig.table.close_silent(start + limits.silent - Duration::from_millis(1)).is_empty());
        assert_eq!(rig.table.close_silent(start + limits.silent), [FlowId(1)]);
        assert_eq!(rig.table.deadline(), Some(start + limits.idle));
    });
}

#[test]
fn a_peer_that_does_not_read_is_given_up_and_its_queue_never_grows() {
    on_runtime(async {
        let mut rig = Rig::new(Limits { queue: 4, ..Limits::default() }).await;
        let (_client, taken) = rig.client(Instant::now()).await;
        assert_eq!(taken, Ok(None));
        let message = vec![b'x'; 1024 * 1024];
        let mut sent = 0;
        while rig.table.send(Instant::now(), FlowId(1), message.clone()).is_ok() {
            sent += 1;
            assert!(sent < 1000, "the queue grows without end");
            tokio::task::yield_now().await;
        }
        assert!(!rig.table.contains(FlowId(1)));
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
