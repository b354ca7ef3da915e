//! How fast the SIP core is: messages read and written, beside rsip alone, and transactions from end to end.
//!
//! `cargo bench --bench sip`; criterion's `elem/s` are messages, or transactions, a second on one core. Measured is the time
//! that the thread had on a core, so that other programs do not count.

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use vestibule::sip::message::Message;
use vestibule::sip::session::End;
use vestibule::sip::wire::parse_datagram;
use vestibule::sip::{Body, Endpoint, EndpointConfig, GIVE_UP, Invite, NameAddr, Path, SessionEvent, Transport, Uri};

/// The time that this thread has had on a core.
struct CpuTime;

impl CpuTime {
    #[allow(unsafe_code, reason = "the standard library knows no such clock")]
    fn now() -> Duration {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `time` is there to be written to for the length of the call.
        let outcome = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
        assert_eq!(outcome, 0, "Linux has this clock");
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    }
}

impl Measurement for CpuTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        CpuTime::now()
    }

    fn end(&self, start: Duration) -> Duration {
        CpuTime::now() - start
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_nanos() as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

/// The description that a door station with a camera offers.
const SDP: &str = "v=0\r\no=gate 2890844526 2890844526 IN IP4 192.0.2.20\r\ns=-\r\nc=IN IP4 192.0.2.20\r\nt=0 0\r\n\
    m=audio 40000 RTP/AVP 9 8 0 101\r\na=rtpmap:9 G722/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n\
    a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=sendrecv\r\nm=video 40002 RTP/AVP 96\r\n\
    a=rtpmap:96 H264/90000\r\na=fmtp:96 profile-level-id=42e01f;packetization-mode=1\r\na=sendonly\r\n";

/// A typical INVITE of about 1 KiB.
fn invite() -> Vec<u8> {
    let length = SDP.len();
    let text = format!(
        "INVITE sip:flat7@192.0.2.70:5060 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.20:5060;rport;branch=z9hG4bKc8f1c06e2bd94a10\r\n\
         Max-Forwards: 70\r\n\
         From: \"Front gate\" <sip:gate@192.0.2.20>;tag=9b3ac41d07f25e68\r\n\
         To: <sip:flat7@192.0.2.70:5060>\r\n\
         Call-ID: 5d6c0f7a81b2e934@192.0.2.20\r\n\
         CSeq: 1 INVITE\r\n\
         Contact: <sip:gate@192.0.2.20:5060>\r\n\
         Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE\r\n\
         Supported: timer, 100rel\r\n\
         User-Agent: Gate 2.1\r\n\
         Content-Type: application/sdp\r\n\
         Content-Length: {length}\r\n\r\n{SDP}"
    );
    text.into_bytes()
}

fn messages(c: &mut Criterion<CpuTime>) {
    let bytes = invite();
    let mut group = c.benchmark_group(format!("read and write an INVITE of {} bytes", bytes.len()));
    group.throughput(Throughput::Elements(1));
    group.bench_function("Vestibule", |b| {
        b.iter(|| match parse_datagram(black_box(&bytes)) {
            Ok(Message::Request(request)) => request.to_bytes(),
            other => panic!("no request: {other:?}"),
        });
    });
    group.bench_function("Vestibule, reading alone", |b| b.iter(|| parse_datagram(black_box(&bytes))));
    group.bench_function("rsip", |b| {
        b.iter(|| match rsip::SipMessage::try_from(black_box(bytes.as_slice())) {
            Ok(message) => Vec::<u8>::from(message),
            Err(error) => panic!("no message: {error}"),
        });
    });
    group.bench_function("rsip, with the headers that every message has read", |b| {
        use rsip::prelude::{HeadersExt, ToTypedHeader};
        b.iter(|| {
            let message = rsip::SipMessage::try_from(black_box(bytes.as_slice())).expect("a message");
            let via = message.via_header().expect("a Via").typed().expect("a Via");
            let from = message.from_header().expect("a From").typed().expect("a From");
            let to = message.to_header().expect("a To").typed().expect("a To");
            let cseq = message.cseq_header().expect("a CSeq").typed().expect("a CSeq");
            black_box((via, from, to, cseq));
            Vec::<u8>::from(message)
        });
    });
    group.finish();
}

/// Two endpoints with nothing between them.
struct Pair {
    now: Instant,
    ends: [(Endpoint, SocketAddr); 2],
}

impl Pair {
    fn new() -> Self {
        let end = |host: u8| {
            let config = EndpointConfig { user_agent: "Vestibule".to_owned() };
            (Endpoint::new(config, [host; 32]), SocketAddr::from(([192, 0, 2, host], 5060)))
        };
        Pair { now: Instant::now(), ends: [end(1), end(2)] }
    }

    /// Carries everything across until nobody has more to say; gives what the called side was told last.
    fn exchange(&mut self) -> Option<SessionEvent> {
        let mut told = None;
        loop {
            let mut quiet = true;
            for from in [0, 1] {
                let remote = self.ends[from].1;
                while let Some(transmit) = self.ends[from].0.poll_transmit() {
                    let path = Path { local: transmit.path.remote, remote, ..transmit.path };
                    self.ends[1 - from].0.handle_datagram(self.now, path, &transmit.bytes);
                    quiet = false;
                }
            }
            while self.ends[0].0.poll_event().is_some() {}
            while let Some(event) = self.ends[1].0.poll_event() {
                told = Some(event);
            }
            if quiet {
                return told;
            }
        }
    }

    /// INVITE, 100, 180, 200, ACK, BYE, 200, and the timers behind them.
    fn call(&mut self) {
        let path = Path { transport: Transport::Udp, local: self.ends[0].1, remote: self.ends[1].1, flow: None };
        let address = |text: &str| Uri::parse(text).expect("a URI");
        let order = Invite {
            path,
            to: address("sip:flat7@192.0.2.2"),
            from: NameAddr::new(address("sip:gate@192.0.2.1")),
            contact: address("sip:gate@192.0.2.1:5060"),
            offer: Some(Body::sdp(SDP.into())),
            headers: Vec::new(),
            follow: 0,
            account: None,
            patience: GIVE_UP,
        };
        let ours = self.ends[0].0.invite(self.now, order);
        let Some(SessionEvent::Incoming { session: theirs, .. }) = self.exchange() else { panic!("it does not ring") };
        self.ends[1].0.ring(self.now, theirs, None);
        self.exchange();
        self.ends[1].0.accept(self.now, theirs, Body::sdp(SDP.into()));
        let Some(SessionEvent::Confirmed { .. }) = self.exchange() else { panic!("it is not confirmed") };
        self.ends[0].0.end(self.now, ours, End { code: 486 });
        let Some(SessionEvent::Ended { .. }) = self.exchange() else { panic!("it does not end") };
        self.now += Duration::from_secs(40);
        for (endpoint, _) in &mut self.ends {
            endpoint.handle_timeout(self.now);
            assert_eq!(endpoint.transactions(), 0, "a transaction is left");
        }
    }
}

fn transactions(c: &mut Criterion<CpuTime>) {
    let mut group = c.benchmark_group("two endpoints, INVITE/180/200/ACK/BYE/200");
    // Two transactions, each with a client's and a server's machine.
    group.throughput(Throughput::Elements(2));
    group.bench_function("transactions", |b| {
        let mut pair = Pair::new();
        b.iter(|| pair.call());
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime);
    targets = messages, transactions
}
criterion_main!(benches);
