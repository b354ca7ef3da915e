//! The resolver against name servers that are played here, with files of its own.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Mutex;
use std::time::Instant;

use hickory_resolver::proto::op::{Message, Query, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME, SRV};
use hickory_resolver::proto::rr::{RData, Record as Wire, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::worker::testing::on_runtime;

/// How a name server that is played answers: `None` is silence.
type Manner = fn(&Message, Message) -> Option<Message>;

/// A name server on the loopback, by UDP and TCP on one port.
struct Played {
    address: SocketAddr,
    /// What it was asked.
    asked: Arc<Mutex<Vec<Query>>>,
    _tasks: JoinSet<()>,
}

impl Played {
    async fn new(manner: Manner) -> Self {
        Self::slow(Duration::ZERO, manner).await
    }

    /// One that takes so long for an answer by UDP.
    async fn slow(delay: Duration, manner: Manner) -> Self {
        let (udp, tcp) = loop {
            let tcp = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            if let Ok(udp) = UdpSocket::bind(tcp.local_addr().expect("it is bound")).await {
                break (udp, tcp);
            }
        };
        let address = udp.local_addr().expect("it is bound");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        let log = asked.clone();
        tasks.spawn(async move {
            let mut buffer = [0; 2000];
            while let Ok((length, from)) = udp.recv_from(&mut buffer).await {
                if let Some(response) = respond(&buffer[..length], manner, &log) {
                    // A short one, as before EDNS.
                    let bytes = if response.len() > 512 { cut(&response) } else { response };
                    tokio::time::sleep(delay).await;
                    let _ = udp.send_to(&bytes, from).await;
                }
            }
        });
        let log = asked.clone();
        tasks.spawn(async move {
            while let Ok((mut stream, _)) = tcp.accept().await {
                let Ok(length) = stream.read_u16().await else { continue };
                let mut request = vec![0; usize::from(length)];
                let read = stream.read_exact(&mut request).await;
                let Some(response) = read.ok().and_then(|_| respond(&request, manner, &log)) else { continue };
                let _ = stream.write_u16(response.len() as u16).await;
                let _ = stream.write_all(&response).await;
            }
        });
        Self { address, asked, _tasks: tasks }
    }

    fn count(&self) -> usize {
        self.asked.lock().expect("nobody panics with it").len()
    }
}

fn respond(request: &[u8], manner: Manner, log: &Mutex<Vec<Query>>) -> Option<Vec<u8>> {
    let request = Message::from_vec(request).expect("the resolver writes well");
    log.lock().expect("nobody panics with it").push(request.queries[0].clone());
    let mut response = request.clone().into_response();
    response.edns = None;
    manner(&request, response).map(|response| response.to_vec().expect("it can be written"))
}

/// The same without its answers and with the bit that says so.
fn cut(response: &[u8]) -> Vec<u8> {
    Message::from_vec(response).expect("it was written here").truncate().to_vec().expect("it can be written")
}

fn name(text: &str) -> Name {
    Name::from_ascii(text).expect("a name")
}

fn with(mut response: Message, records: impl IntoIterator<Item = (&'static str, u32, RData)>) -> Option<Message> {
    response.add_answers(records.into_iter().map(|(owner, ttl, data)| Wire::from_rdata(name(owner), ttl, data)));
    Some(response)
}

fn refusal(mut response: Message, code: ResponseCode) -> Option<Message> {
    response.metadata.response_code = code;
    Some(response)
}

fn v4(last: u8) -> RData {
    RData::A(A(Ipv4Addr::new(192, 0, 2, last)))
}

fn alias(to: &str) -> RData {
    RData::CNAME(CNAME(name(to)))
}

/// Every name has the address 192.0.2.1.
fn willing(request: &Message, response: Message) -> Option<Message> {
    match request.queries[0].query_type() {
        RecordType::A => {
            let owner = request.queries[0].name().clone();
            let mut response = response;
            response.add_answer(Wire::from_rdata(owner, 60, v4(1)));
            Some(response)
        }
        _ => Some(response),
    }
}

/// There is nothing of any name.
fn ignorant(_: &Message, response: Message) -> Option<Message> {
    refusal(response, ResponseCode::NXDomain)
}

fn silent(_: &Message, _: Message) -> Option<Message> {
    None
}

fn unwilling(_: &Message, response: Message) -> Option<Message> {
    refusal(response, ResponseCode::Refused)
}

fn broken(_: &Message, response: Message) -> Option<Message> {
    refusal(response, ResponseCode::ServFail)
}

/// A resolver with files of its own, and its replies.
struct Asking {
    resolver: Resolver,
    replies: UnboundedReceiver<Reply>,
    directory: tempfile::TempDir,
    next: u64,
}

impl Asking {
    fn new(name_servers: &[&Played]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |name: &str| directory.path().join(name);
        let (replies_in, replies) = unbounded_channel();
        let addresses: Vec<SocketAddr> = name_servers.iter().map(|server| server.address).collect();
        let files = Files { resolv_conf: at("resolv.conf"), hosts: at("hosts") };
        let resolver = Resolver::with_files(&addresses, replies_in, files);
        Self { resolver, replies, directory, next: 0 }
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.directory.path().join(file), text).expect("it is written");
    }

    async fn ask(&mut self, kind: RecordKind, name: &str) -> Result<Answer, DnsFault> {
        self.next += 1;
        let question = Question { name: name.to_owned(), kind };
        self.resolver.ask(self.next, question.clone());
        let reply = self.replies.recv().await.expect("each question gets a reply");
        assert_eq!((reply.ticket, reply.question), (self.next, question));
        reply.answer
    }

    async fn addresses(&mut self, kind: RecordKind, name: &str) -> Vec<String> {
        let records = self.ask(kind, name).await.map(|answer| answer.records).unwrap_or_default();
        let address = |record: &Record| match record {
            Record::Address(address) => address.to_string(),
            other => panic!("{other:?} was not asked for"),
        };
        records.iter().map(address).collect()
    }
}

#[test]
fn records_come_with_their_own_time() {
    let manner: Manner = |request, response| match request.queries[0].query_type() {
        RecordType::A => {
            with(response, [("pbx.test.", 77, v4(1)), ("PBX.test.", 33, v4(2)), ("other.test.", 1, v4(3))])
        }
        RecordType::AAAA => with(response, [("pbx.test.", 9, RData::AAAA(AAAA(Ipv6Addr::LOCALHOST)))]),
        RecordType::SRV => {
            let srv = |target| RData::SRV(SRV::new(1, 2, 3, name(target)));
            let dotted = Name::from_labels([&b"a.b"[..], b"test"]).expect("labels may hold dots");
            let odd = RData::SRV(SRV::new(1, 2, 3, dotted));
            let records = [srv("A.PBX.test."), srv("."), odd].map(|data| ("_sip._udp.pbx.test.", 3_000_000_000, data));
            with(response, records)
        }
        _ => Some(response),
    };
    on_runtime(async {
        let server = Played::new(manner).await;
        let mut asking = Asking::new(&[&server]);
        let answer = asking.ask(RecordKind::A, "pbx.test").await.expect("there are some");
        let address = |last| Record::Address(IpAddr::from([192, 0, 2, last]));
        assert_eq!(answer, Answer { records: vec![address(1), address(2)], ttl: Duration::from_secs(33) });
        let answer = asking.ask(RecordKind::Aaaa, "pbx.test").await.expect("there is one");
        assert_eq!(answer.ttl, Duration::from_secs(9));
        let answer = asking.ask(RecordKind::Srv, "_sip._udp.pbx.test").await.expect("there are some");
        let srv = |target: &str| Record::Srv { priority: 1, weight: 2, port: 3, target: target.to_owned() };
        let expected = [srv("a.pbx.test"), srv("."), srv("a\\.b.test")];
        assert_eq!((&answer.records[..], answer.ttl), (&expected[..], Duration::ZERO));
        assert_eq!(asking.ask(RecordKind::Naptr, "pbx.test").await, Err(DnsFault::NotFound));
        assert_eq!(server.count(), 4, "nothing is asked twice");
        asking.ask(RecordKind::A, "pbx.test").await.expect("there are some");
        assert_eq!(server.count(), 5, "nothing is remembered");
    });
}

#[test]
fn aliases_are_followed_within_one_message_and_by_further_ones() {
    let manner: Manner = |request, response| {
        let (asked, kind) = (request.queries[0].name().to_ascii(), request.queries[0].query_type());
        match (asked.as_str(), kind) {
            ("one.test.", RecordType::A) => with(
                response,
                [
                    ("one.test.", 50, alias("two.test.")),
                    ("two.test.", 20, alias("three.test.")),
                    ("three.test.", 90, v4(3)),
                ],
            ),
            ("far.test.", RecordType::A) => with(response, [("far.test.", 10, alias("one.test."))]),
            ("_sip._udp.customer.test.", RecordType::SRV) => {
                let srv = RData::SRV(SRV::new(1, 1, 5060, name("a.provider.test.")));
                let owner = "_sip._udp.provider.test.";
                with(response, [("_sip._udp.customer.test.", 60, alias(owner)), (owner, 600, srv)])
            }
            ("round.test.", _) => {
                with(response, [("round.test.", 5, alias("about.test.")), ("about.test.", 5, alias("round.test."))])
            }
            ("again.test.", _) => with(response, [("again.test.", 5, alias("again.test."))]),
            (asked, _) if asked.starts_with('n') => {
                let next = format!("n{asked}");
                let mut response = response;
                response.add_answer(Wire::from_rdata(name(asked), 60, alias(&next)));
                Some(response)
            }
            _ => ignorant(request, response),
        }
    };
    on_runtime(async {
        let server = Played::new(manner).await;
        let mut asking = Asking::new(&[&server]);
        let answer = asking.ask(RecordKind::A, "one.test").await.expect("there is one");
        assert_eq!(answer.ttl, Duration::from_secs(20), "the shortest of the way");
        let answer = asking.ask(RecordKind::A, "far.test").await.expect("there is one");
        assert_eq!(answer.ttl, Duration::from_secs(10));
        let answer = asking.ask(RecordKind::Srv, "_sip._udp.customer.test").await.expect("there is one");
        assert_eq!((answer.records.len(), answer.ttl), (1, Duration::from_secs(60)));
        let before = server.count();
        for endless in ["round.test", "again.test", "n.test"] {
            assert_eq!(asking.ask(RecordKind::A, endless).await, Err(DnsFault::NotFound), "{endless}");
        }
        assert!(server.count() - before <= 10, "{}", server.count() - before);
    });
}

#[test]
fn nothing_there_and_nothing_said_are_two_things() {
    on_runtime(async {
        for (manner, expected) in [
            (ignorant as Manner, DnsFault::NotFound),
            (|_, response| Some(response), DnsFault::NotFound),
            (unwilling, DnsFault::NoAnswer),
            (broken, DnsFault::NoAnswer),
        ] {
            let server = Played::new(manner).await;
            let began = Instant::now();
            assert_eq!(Asking::new(&[&server]).ask(RecordKind::Naptr, "pbx.test").await, Err(expected));
            assert!(began.elapsed() < LIMIT / 2, "it is said at once");
        }
    });
}

#[test]
fn a_silent_name_server_costs_its_question_the_limit_and_no_other_question_anything() {
    on_runtime(async {
        let (server, other) = (Played::new(silent).await, Played::new(willing).await);
        let mut asking = Asking::new(&[&server]);
        let began = Instant::now();
        asking.resolver.ask(1, Question { name: "pbx.test".into(), kind: RecordKind::A });
        asking.resolver.set_name_servers(&[other.address]);
        asking.resolver.ask(2, Question { name: "pbx.test".into(), kind: RecordKind::A });
        let first = asking.replies.recv().await.expect("a reply");
        assert!(first.ticket == 2 && first.answer.is_ok() && began.elapsed() < LIMIT / 2);
        let second = asking.replies.recv().await.expect("a reply");
        assert_eq!((second.ticket, second.answer), (1, Err(DnsFault::NoAnswer)));
        assert!((LIMIT * 9 / 10..LIMIT * 3 / 2).contains(&began.elapsed()), "{:?}", began.elapsed());
        assert!(server.count() >= 3, "a lost datagram is sent again");
    });
}

#[test]
fn a_late_answer_is_an_answer() {
    on_runtime(async {
        let server = Played::slow(Duration::from_millis(2_500), willing).await;
        assert_eq!(Asking::new(&[&server]).addresses(RecordKind::A, "pbx.test").await, ["192.0.2.1"]);
    });
}

#[test]
fn several_silent_name_servers_cost_no_more_than_one() {
    on_runtime(async {
        let servers = [Played::new(silent).await, Played::new(silent).await, Played::new(silent).await];
        let began = Instant::now();
        let answer = Asking::new(&servers.each_ref()).ask(RecordKind::A, "pbx.test").await;
        assert_eq!(answer, Err(DnsFault::NoAnswer));
        assert!(began.elapsed() < LIMIT + servers::PATIENCE * 2, "{:?}", began.elapsed());
        assert!(servers.iter().all(|server| server.count() > 0), "all are asked");
    });
}

#[test]
fn the_next_name_server_stands_in_for_one_that_is_silent_or_refuses() {
    on_runtime(async {
        let other = Played::new(willing).await;
        for manner in [unwilling as Manner, broken] {
            let first = Played::new(manner).await;
            let mut asking = Asking::new(&[&first, &other]);
            let mut shortest = LIMIT;
            for _ in 0..5 {
                let began = Instant::now();
                assert_eq!(asking.addresses(RecordKind::A, "pbx.test").await, ["192.0.2.1"]);
                shortest = shortest.min(began.elapsed());
            }
            assert!(shortest < servers::PATIENCE, "at once: {shortest:?}");
            assert_eq!(first.count(), 5, "a refusal is no reason to stand behind");
        }
        let first = Played::new(silent).await;
        let mut asking = Asking::new(&[&first, &other]);
        let began = Instant::now();
        assert_eq!(asking.addresses(RecordKind::A, "pbx.test").await, ["192.0.2.1"]);
        assert!(began.elapsed() >= servers::PATIENCE, "{:?}", began.elapsed());
        let before = first.count();
        for _ in 0..5 {
            assert_eq!(asking.addresses(RecordKind::A, "pbx.test").await, ["192.0.2.1"]);
        }
        assert_eq!(first.count(), before, "it is waited for once");
    });
}

#[test]
fn name_servers_are_believed_in_their_order() {
    on_runtime(async {
        let (first, other) = (Played::new(ignorant).await, Played::new(willing).await);
        let mut asking = Asking::new(&[&first, &other]);
        assert_eq!(asking.ask(RecordKind::A, "pbx.test").await, Err(DnsFault::NotFound));
        assert_eq!(other.count(), 0, "what the first one knows stays with it");
    });
}

#[test]
fn an_old_name_server_is_asked_without_extensions() {
    let manner: Manner = |request, response| match request.edns {
        Some(_) => refusal(response, ResponseCode::FormErr),
        None => willing(request, response),
    };
    on_runtime(async {
        let server = Played::new(manner).await;
        assert_eq!(Asking::new(&[&server]).addresses(RecordKind::A, "pbx.test").await, ["192.0.2.1"]);
        assert_eq!(server.count(), 2);
    });
}

#[test]
fn what_is_too_long_for_a_datagram_comes_by_tcp() {
    let manner: Manner = |request, mut response| {
        let owner = request.queries[0].name().clone();
        response.add_answers((0..200).map(|last| Wire::from_rdata(owner.clone(), 60, v4(last))));
        Some(response)
    };
    on_runtime(async {
        let server = Played::new(manner).await;
        assert_eq!(Asking::new(&[&server]).addresses(RecordKind::A, "pbx.test").await.len(), 200);
    });
}

#[test]
fn a_host_without_a_domain_is_looked_for_in_those_of_the_system() {
    on_runtime(async {
        let server = Played::new(ignorant).await;
        let mut asking = Asking::new(&[&server]);
        asking.write("resolv.conf", "search flat.test. house.test\n");
        for (kind, short) in [(RecordKind::A, "pbx"), (RecordKind::Srv, "_sip._udp.pbx"), (RecordKind::A, "pbx.test")] {
            assert_eq!(asking.ask(kind, short).await, Err(DnsFault::NotFound));
        }
        let asked = server.asked.lock().expect("nobody panics with it");
        let names: Vec<String> = asked.iter().map(|query| query.name().to_ascii()).collect();
        let expected = [
            "pbx.flat.test.",
            "pbx.house.test.",
            "pbx.",
            "_sip._udp.pbx.flat.test.",
            "_sip._udp.pbx.house.test.",
            "_sip._udp.pbx.",
            "pbx.test.",
        ];
        assert_eq!(names, expected);
    });
}

#[test]
fn the_hosts_file_comes_first_and_is_read_anew() {
    on_runtime(async {
        let server = Played::new(willing).await;
        let mut asking = Asking::new(&[&server]);
        assert_eq!(asking.addresses(RecordKind::A, "pbx.test").await, ["192.0.2.1"]);
        asking.write(
            "hosts",
            "10.0.0.1 PBX.test. pbx # the exchange\nnonsense\n\n10.0.0.2\tother.test pbx.test\n::1 v6.test\n",
        );
        assert_eq!(asking.addresses(RecordKind::A, "pbx.test").await, ["10.0.0.1", "10.0.0.2"]);
        assert_eq!(asking.addresses(RecordKind::A, "pbx").await, ["10.0.0.1"]);
        assert_eq!(asking.ask(RecordKind::Aaaa, "pbx.test").await, Err(DnsFault::NotFound));
        assert_eq!(asking.addresses(RecordKind::Aaaa, "v6.test").await, ["::1"]);
        assert_eq!(asking.addresses(RecordKind::A, "localhost").await, ["127.0.0.1"]);
        assert_eq!(asking.addresses(RecordKind::Aaaa, "pbx.localhost").await, ["::1"]);
        assert_eq!(server.count(), 1, "nobody else was asked");
        assert_eq!(asking.ask(RecordKind::Srv, "pbx.test").await, Err(DnsFault::NotFound));
        assert_eq!(server.count(), 2, "the file knows addresses alone");
        asking.write("hosts", "");
        assert_eq!(asking.addresses(RecordKind::A, "pbx.test").await, ["192.0.2.1"]);
    });
}

#[test]
fn the_name_servers_of_the_system_are_read_leniently() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("resolv.conf");
    let here: SocketAddr = "127.0.0.1:53".parse().expect("an address");
    let read = |text: &str| {
        fs::write(&path, text).expect("it is written");
        system::read(&path)
    };
    let found = read(
        "# made by hand\nnameserver fe80::1%eth0\nnameserver\nnameserver 192.0.2.53 # the router\noptions ndots:99 rotate\n\
         nameserver 2001:db8::53\n\u{0}\nsearch a.test\nsearch b.test. . -- c.test ; d.test\nnameserver 10.0.0.1\nnameserver 10.0.0.2\n",
    );
    let expected: Vec<SocketAddr> =
        ["192.0.2.53:53", "[2001:db8::53]:53", "10.0.0.1:53"].map(|text| text.parse().expect("an address")).into();
    assert_eq!(found.name_servers, expected);
    assert_eq!(found.search, ["b.test", "--", "c.test"]);
    for text in ["", "nameserver fe80::1%eth0\n", "nameserver x\n"] {
        assert_eq!(read(text).name_servers, [here], "{text:?}");
    }
    assert_eq!(system::read(&directory.path().join("nowhere")).name_servers, [here]);
    fs::write(&path, [0xFF; 3000]).expect("it is written");
    assert_eq!(system::read(&path).name_servers, [here]);
}

#[test]
fn name_servers_that_the_system_learns_of_later_are_asked() {
    on_runtime(async {
        let mut asking = Asking::new(&[]);
        for address in ["192.0.2.53", "192.0.2.54"] {
            asking.write("resolv.conf", &format!("nameserver {address}\n"));
            asking.resolver.ask(1, Question { name: "localhost".into(), kind: RecordKind::A });
            assert_eq!(words(asking.resolver.servers.addresses()), format!("{address}:53"));
        }
    });
}

#[test]
fn a_flood_of_questions_is_bounded() {
    on_runtime(async {
        let server = Played::new(silent).await;
        let mut asking = Asking::new(&[&server]);
        let count = MAX_OPEN as u64 + 20;
        for ticket in 0..count {
            asking.resolver.ask(ticket, Question { name: format!("h{ticket}.test"), kind: RecordKind::A });
        }
        assert_eq!(asking.resolver.tasks.len(), MAX_OPEN);
        let mut tickets = Vec::new();
        for _ in 0..count {
            let reply = asking.replies.recv().await.expect("each question gets a reply");
            assert_eq!(reply.answer, Err(DnsFault::NoAnswer));
            tickets.push(reply.ticket);
        }
        assert!(
            tickets[..20].iter().all(|ticket| *ticket >= MAX_OPEN as u64),
            "those that were too many hear it at once"
        );
        tickets.sort_unstable();
        assert!(tickets.iter().copied().eq(0..count));
        asking.resolver.ask(0, Question { name: "localhost".into(), kind: RecordKind::A });
        assert_eq!(asking.resolver.tasks.len(), 1, "there is room again");
    });
}
