//! Packets of sound and pictures, made beforehand and sent in real time.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::net::Inbox;

/// How long one packet of sound is.
pub const PACKET: Duration = Duration::from_millis(20);
/// How far apart pictures are: 25 a second.
pub const PICTURE: Duration = Duration::from_millis(40);

/// A format of sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Pcmu,
    Opus,
}

impl Format {
    pub fn payload_type(self) -> u8 {
        match self {
            Self::Pcmu => 0,
            Self::Opus => 96,
        }
    }

    /// As SDP names it.
    pub fn map(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU/8000",
            Self::Opus => "opus/48000/2",
        }
    }

    /// Steps of the RTP clock in a packet.
    fn step(self) -> u32 {
        match self {
            Self::Pcmu => 160,
            Self::Opus => 960,
        }
    }
}

/// One direction's socket with the port above it for RTCP.
pub struct Pair {
    pub rtp: UdpSocket,
    pub rtcp: UdpSocket,
}

impl Pair {
    fn new() -> Result<Self, String> {
        for _ in 0..100 {
            let rtp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| error.to_string())?;
            let port = rtp.local_addr().map_err(|error| error.to_string())?.port();
            if port.is_multiple_of(2)
                && let Ok(rtcp) = UdpSocket::bind((Ipv4Addr::LOCALHOST, port + 1))
            {
                return Ok(Self { rtp, rtcp });
            }
        }
        Err("no two neighbouring ports are free".into())
    }

    pub fn port(&self) -> u16 {
        self.rtp.local_addr().map_or(0, |address| address.port())
    }
}

/// The caller's sockets for one call.
pub struct Media {
    pub audio: Pair,
    pub video: Pair,
}

impl Media {
    pub fn new() -> Result<Self, String> {
        Ok(Self { audio: Pair::new()?, video: Pair::new()? })
    }
}

/// A sender at work; it ends with this.
pub struct Playing {
    leave: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    _rtcp: Option<Inbox>,
}

impl Drop for Playing {
    fn drop(&mut self) {
        self.leave.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A sender that panicked has said so itself.
            let _ = thread.join();
        }
    }
}

/// Calls `send` with 0, 1, 2 … each `step`, until the result is dropped. Late calls are made up for.
pub fn paced(step: Duration, mut send: impl FnMut(u32) + Send + 'static) -> Playing {
    let leave = Arc::new(AtomicBool::new(false));
    let left = leave.clone();
    let thread = std::thread::spawn(move || {
        let begun = Instant::now();
        for number in 0.. {
            std::thread::sleep((step * number).saturating_sub(begun.elapsed()));
            if left.load(Ordering::Relaxed) {
                return;
            }
            send(number);
        }
    });
    Playing { leave, thread: Some(thread), _rtcp: None }
}

/// Sends one payload each 20 ms, over and over; `sent` hears of each packet right after it has left.
pub fn play(
    media: &Media,
    to: SocketAddr,
    format: Format,
    payloads: Arc<Vec<Vec<u8>>>,
    mut sent: impl FnMut(u32, Instant) + Send + 'static,
) -> Result<Playing, String> {
    let socket = media.audio.rtp.try_clone().map_err(|error| error.to_string())?;
    Ok(paced(PACKET, move |number| {
        let payload = &payloads[number as usize % payloads.len()];
        let time = number.wrapping_mul(format.step());
        let bytes = packet(format.payload_type(), number == 0, number as u16, time, 0xA0D10, payload);
        // A phone that has left cannot be sent to; the measurement sees that by itself.
        let _ = socket.send_to(&bytes, to);
        sent(number, Instant::now());
    }))
}

/// The packets of one picture: payloads; the last one bears the marker.
pub type Picture = Vec<Vec<u8>>;

/// Sends 25 pictures a second from `first` on, over and over, and begins again with the key frame in front when one is
/// asked for by RTCP. `sent` hears of the first packet.
pub fn show(
    media: &Media,
    to: SocketAddr,
    pictures: Arc<Vec<Picture>>,
    first: usize,
    mut sent: impl FnMut(Instant) + Send + 'static,
) -> Result<Playing, String> {
    let socket = media.video.rtp.try_clone().map_err(|error| error.to_string())?;
    let wanted = Arc::new(AtomicBool::new(false));
    let asked = wanted.clone();
    let rtcp = Inbox::with(&media.video.rtcp, move |packet| {
        if asks_for_key_frame(&packet.bytes) {
            asked.store(true, Ordering::Relaxed);
        }
    })?;
    let (mut at, mut sequence) = (first, 0_u16);
    let mut showing = paced(PICTURE, move |number| {
        if wanted.swap(false, Ordering::Relaxed) {
            at = 0;
        }
        let picture = &pictures[at % pictures.len()];
        at += 1;
        for (index, payload) in picture.iter().enumerate() {
            let last = index + 1 == picture.len();
            let bytes = packet(97, last, sequence, number.wrapping_mul(3600), 0x51DE0, payload);
            sequence = sequence.wrapping_add(1);
            if number == 0 && index == 0 {
                sent(Instant::now());
            }
            // As above.
            let _ = socket.send_to(&bytes, to);
        }
    });
    showing._rtcp = Some(rtcp);
    Ok(showing)
}

fn packet(payload_type: u8, marker: bool, sequence: u16, time: u32, source: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x80, payload_type | if marker { 0x80 } else { 0 }];
    bytes.extend(sequence.to_be_bytes());
    bytes.extend(time.to_be_bytes());
    bytes.extend(source.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// PLI or FIR (RFC 4585, 5104), or the older FIR of RFC 2032, anywhere in a compound packet.
fn asks_for_key_frame(mut bytes: &[u8]) -> bool {
    while let [first, kind, high, low, ..] = *bytes {
        if kind == 192 || (kind == 206 && matches!(first & 0x1F, 1 | 4)) {
            return true;
        }
        let length = 4 * (usize::from(u16::from_be_bytes([high, low])) + 1);
        let Some(rest) = bytes.get(length..) else { return false };
        bytes = rest;
    }
    false
}

/// What follows the RTP header, if this is a packet of that format.
pub fn payload(bytes: &[u8], format: Format) -> Option<&[u8]> {
    let sources = usize::from(bytes.first()? & 0x0F) * 4;
    let right = bytes[0] & 0xC0 == 0x80 && bytes.get(1)? & 0x7F == format.payload_type();
    bytes.get(12 + sources..).filter(|_| right)
}
