//! The way from a name to a SIP server with a real name server, Debian's dnsmasq: the questions of
//! [`vestibule::sip::locate`] go through [`vestibule::worker::net::dns`] over the loopback.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use vestibule::sip::Transport;
use vestibule::sip::locate::{
    Destination, DnsFault, Families, LocateFault, Located, Locator, Question, RecordKind, Wish,
};
use vestibule::worker::net::dns::{LIMIT, Reply, Resolver};

use crate::rigs::dnsmasq::{Dnsmasq, Zone};

/// What the worker does for the phone: carries questions and answers.
struct Way {
    resolver: Resolver,
    replies: UnboundedReceiver<Reply>,
    dice: StdRng,
    /// What was asked, in order.
    asked: Vec<Question>,
}

const BOTH: Families = Families { v4: true, v6: true };
const V4: Families = Families { v4: true, v6: false };

impl Way {
    fn by(name_servers: &[SocketAddr]) -> Self {
        let (replies_in, replies) = unbounded_channel();
        let resolver = Resolver::new(name_servers, replies_in);
        Self { resolver, replies, dice: StdRng::seed_from_u64(1), asked: Vec::new() }
    }

    async fn find(&mut self, host: &str, wish: Wish, families: Families) -> Result<Located, LocateFault> {
        let mut locator = Locator::new(Destination { host: host.to_owned(), port: Some(5080), wish }, families);
        loop {
            while let Some(question) = locator.poll_question() {
                self.resolver.ask(self.asked.len() as u64, question.clone());
                self.asked.push(question);
            }
            if let Some(outcome) = locator.outcome() {
                return outcome;
            }
            let reply = self.replies.recv().await.expect("each question gets a reply");
            assert_eq!(self.asked[reply.ticket as usize], reply.question);
            locator.handle_answer(&reply.question, reply.answer, &mut self.dice);
        }
    }

    async fn targets(&mut self, host: &str, wish: Wish, families: Families) -> Vec<String> {
        let located = self.find(host, wish, families).await.unwrap_or_else(|fault| panic!("{host}: {fault}"));
        located.targets.iter().map(|target| format!("{}:{}", target.transport.name(), target.address)).collect()
    }
}

/// On a runtime like the worker's.
fn run(work: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let limit = Duration::from_secs(60);
    runtime.block_on(async { tokio::time::timeout(limit, work).await.expect("it comes in time") });
}

/// Three hosts and what they offer.
fn pbx() -> Zone {
    Zone::new(120)
        .naptr("pbx.test", 20, 10, "SIP+D2U", "_sip._udp.pbx.test")
        .naptr("pbx.test", 10, 20, "SIP+D2T", "_sip._tcp.pbx.test")
        .naptr("pbx.test", 10, 10, "SIPS+D2T", "_sips._tcp.pbx.test")
        .naptr("pbx.test", 5, 10, "SIP+D2S", "_sip._sctp.pbx.test")
        .srv("_sip._udp.pbx.test", "a.pbx.test", 5070, 1, 0)
        .srv("_sip._tcp.pbx.test", "b.pbx.test", 5072, 2, 0)
        .srv("_sip._tcp.pbx.test", "a.pbx.test", 5071, 1, 0)
        .srv("_sips._tcp.pbx.test", "c.pbx.test", 5073, 1, 0)
        .host("a.pbx.test", &["192.0.2.10"])
        .host("b.pbx.test", &["192.0.2.20", "2001:db8::20"])
        .host("c.pbx.test", &["2001:db8::30"])
}

#[test]
fn naptr_leads_to_srv_and_srv_to_addresses_in_order() {
    let server = Dnsmasq::start(&pbx());
    run(async {
        let mut way = Way::by(&[server.address]);
        let expected = [
            "tls:[2001:db8::30]:5073",
            "tcp:192.0.2.10:5071",
            "tcp:[2001:db8::20]:5072",
            "tcp:192.0.2.20:5072",
            "udp:192.0.2.10:5070",
        ];
        assert_eq!(way.targets("pbx.test", Wish::Auto, BOTH).await, expected);
        let kinds: Vec<RecordKind> = way.asked.iter().map(|question| question.kind).collect();
        assert_eq!(kinds[..4], [RecordKind::Naptr, RecordKind::Srv, RecordKind::Srv, RecordKind::Srv]);
        let v6 = Families { v4: false, v6: true };
        let over_tcp = Wish::Srv(Transport::Tcp);
        assert_eq!(way.targets("PBX.test.", over_tcp, v6).await, ["tcp:[2001:db8::20]:5072"]);
        assert_eq!(way.targets("b.pbx.test", Wish::Tls, V4).await, ["tls:192.0.2.20:5080"]);
        let udp = ["udp:[2001:db8::20]:5060", "udp:192.0.2.20:5060"];
        assert_eq!(way.targets("b.pbx.test", Wish::Auto, BOTH).await, udp, "a host that offers nothing by name");
    });
}

#[test]
fn weights_share_the_load() {
    let hosts = ["heavy.test", "light.test", "backup.test"];
    let zone = Zone::new(60)
        .srv("_sip._udp.pbx.test", hosts[0], 5060, 1, 80)
        .srv("_sip._udp.pbx.test", hosts[1], 5060, 1, 20)
        .srv("_sip._udp.pbx.test", hosts[2], 5060, 2, 100);
    let zone = (1..).zip(hosts).fold(zone, |zone, (last, host)| zone.host(host, &[&format!("192.0.2.{last}")]));
    let server = Dnsmasq::start(&zone);
    run(async {
        let mut way = Way::by(&[server.address]);
        let mut heavy = 0;
        const ROUNDS: u32 = 300;
        for _ in 0..ROUNDS {
            let targets = way.targets("pbx.test", Wish::Srv(Transport::Udp), V4).await;
            assert_eq!(targets[2], "udp:192.0.2.3:5060");
            heavy += u32::from(targets[0] == "udp:192.0.2.1:5060");
        }
        assert!((ROUNDS * 7 / 10..=ROUNDS * 9 / 10).contains(&heavy), "{heavy} of {ROUNDS}");
    });
}

#[test]
fn a_record_says_how_long_it_holds_and_is_never_remembered_for_longer() {
    let zone = |address: &str| {
        let zone = Zone::new(120).srv("_sip._udp.pbx.test", "a.pbx.test", 5070, 1, 0);
        zone.host_for("a.pbx.test", address, 7)
    };
    let mut server = Dnsmasq::start(&zone("192.0.2.1"));
    run(async {
        let mut way = Way::by(&[server.address]);
        for address in ["192.0.2.1", "192.0.2.2"] {
            server.replace(&zone(address));
            let located = way.find("pbx.test", Wish::Srv(Transport::Udp), V4).await.expect("it is there");
            assert_eq!(located.targets[0].address.to_string(), format!("{address}:5070"));
            assert_eq!(located.valid_for.as_secs(), 7, "the shortest of both");
        }
    });
}

#[test]
fn what_is_not_there_is_said_at_once() {
    let zone = pbx().no_srv("_sip._udp.closed.test").host("closed.test", &["192.0.2.1"]);
    let server = Dnsmasq::start(&zone);
    run(async {
        let mut way = Way::by(&[server.address]);
        let began = Instant::now();
        for wish in [Wish::Udp, Wish::Auto, Wish::Srv(Transport::Tls)] {
            assert_eq!(way.find("nobody.test", wish, BOTH).await, Err(LocateFault::NotFound));
        }
        assert_eq!(way.find("c.pbx.test", Wish::Udp, V4).await, Err(LocateFault::NotFound), "IPv6 alone");
        assert_eq!(way.find("closed.test", Wish::Auto, BOTH).await, Err(LocateFault::NotOffered));
        // It knows no other domain, and refuses.
        assert_eq!(way.find("pbx.example", Wish::Udp, V4).await, Err(LocateFault::NoAnswer));
        assert!(began.elapsed() < LIMIT, "{:?}", began.elapsed());
    });
}

#[test]
fn a_service_under_another_name_is_found() {
    let zone = pbx().alias("_sip._udp.customer.test", "_sip._udp.pbx.test").alias("customer.test", "b.pbx.test");
    let server = Dnsmasq::start(&zone);
    run(async {
        let mut way = Way::by(&[server.address]);
        assert_eq!(way.targets("customer.test", Wish::Auto, V4).await, ["udp:192.0.2.10:5070"]);
        assert_eq!(way.targets("customer.test", Wish::Tcp, V4).await, ["tcp:192.0.2.20:5080"]);
    });
}

#[test]
fn a_name_server_that_never_answers_is_told_within_3_s_and_holds_up_nobody() {
    let silent = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let silent = (silent.local_addr().expect("it is bound"), silent);
    let server = Dnsmasq::start(&pbx());
    run(async {
        let began = Instant::now();
        let dead = async {
            let fault = Way::by(&[silent.0]).find("a.pbx.test", Wish::Udp, V4).await;
            (fault, began.elapsed())
        };
        let alive = async {
            let mut way = Way::by(&[server.address]);
            for _ in 0..20 {
                assert_eq!(way.targets("pbx.test", Wish::Auto, BOTH).await.len(), 5);
            }
            began.elapsed()
        };
        let both = async {
            let targets = Way::by(&[silent.0, server.address]).targets("a.pbx.test", Wish::Udp, V4).await;
            (targets, began.elapsed())
        };
        let ((fault, told), through, (targets, stood_in)) = tokio::join!(dead, alive, both);
        assert_eq!(fault, Err(LocateFault::NoAnswer));
        assert!((LIMIT * 9 / 10..LIMIT * 3 / 2).contains(&told), "{told:?}");
        assert!(through < told, "the others were held up: {through:?}");
        assert_eq!(targets, ["udp:192.0.2.10:5080"]);
        assert!(stood_in < told, "the second name server stood in after {stood_in:?}");
    });
}

#[test]
fn a_name_server_that_goes_away_is_told_apart_from_a_name_that_does() {
    let mut server = Dnsmasq::start(&pbx());
    run(async {
        let mut way = Way::by(&[server.address]);
        assert!(way.find("a.pbx.test", Wish::Udp, V4).await.is_ok());
        let question = Question { name: "a.pbx.test".to_owned(), kind: RecordKind::A };
        server.end();
        way.resolver.ask(7, question.clone());
        let reply = way.replies.recv().await.expect("a reply");
        assert_eq!(reply, Reply { ticket: 7, question: question.clone(), answer: Err(DnsFault::NoAnswer) });
        server.replace(&Zone::new(60));
        way.resolver.ask(8, question);
        assert_eq!(way.replies.recv().await.expect("a reply").answer, Err(DnsFault::NotFound));
    });
}
