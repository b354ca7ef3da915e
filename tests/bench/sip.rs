//! A caller made of raw sockets: writes an INVITE as text, reads the answers by hand, and knows when each packet came.
//!
//! It stands on nothing of the program under test, so that every phone is measured with the same ruler.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use crate::net::{Inbox, Packet};
use crate::rtp::{Format, Media};

/// How long an answer may take before the measurement is given up.
const PATIENCE: Duration = Duration::from_secs(5);

/// The caller's SIP socket.
pub struct Caller {
    socket: UdpSocket,
    local: SocketAddr,
    inbox: Inbox,
    calls: u32,
}

/// An answer, and when it came.
#[derive(Clone, Debug)]
pub struct Answer {
    pub at: Instant,
    text: String,
}

/// One call, from its INVITE on.
pub struct Call<'a> {
    caller: &'a Caller,
    phone: SocketAddr,
    uri: String,
    /// Via branch of the INVITE.
    branch: String,
    id: String,
    /// The To line of the last answer with a tag, or the one that was sent.
    to: String,
    /// When the INVITE went out.
    pub invited: Instant,
}

/// Where the phone wants its packets.
#[derive(Clone, Copy, Debug)]
pub struct Remote {
    pub audio: SocketAddr,
    pub video: Option<SocketAddr>,
}

impl Caller {
    /// A caller on loopback that answers every request in a call with 200.
    pub fn new() -> Result<Self, String> {
        Self::at(Ipv4Addr::LOCALHOST)
    }

    /// The same at another address of this machine.
    pub fn at(address: Ipv4Addr) -> Result<Self, String> {
        let socket = UdpSocket::bind((address, 0)).map_err(|error| error.to_string())?;
        let local = socket.local_addr().map_err(|error| error.to_string())?;
        let replier = socket.try_clone().map_err(|error| error.to_string())?;
        let inbox = Inbox::with(&socket, move |packet: &Packet| {
            if let Some(answer) = agreement(&packet.bytes) {
                // Lost answers are asked for again.
                let _ = replier.send_to(answer.as_bytes(), packet.from);
            }
        })?;
        Ok(Self { socket, local, inbox, calls: 0 })
    }

    /// Asks with OPTIONS, over and over, until there is any answer; when it came.
    pub fn until_ready(&mut self, phone: SocketAddr, patience: Duration) -> Result<Instant, String> {
        self.calls += 1;
        let begun = Instant::now();
        let mut round = 0;
        while begun.elapsed() < patience {
            round += 1;
            let (local, number) = (self.local, self.calls);
            let request = format!(
                "OPTIONS sip:bench@{phone} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bKo{number}x{round};rport\r\n\
                 Max-Forwards: 70\r\nFrom: <sip:caller@{local}>;tag=o{number}\r\nTo: <sip:bench@{phone}>\r\n\
                 Call-ID: o{number}x{round}@bench\r\nCSeq: 1 OPTIONS\r\nContact: <sip:caller@{local}>\r\n\
                 Content-Length: 0\r\n\r\n"
            );
            // Nobody listens yet: the next round asks again.
            let _ = self.socket.send_to(request.as_bytes(), phone);
            if let Ok(packet) = self.inbox.next(Duration::from_millis(2)) {
                return Ok(packet.at);
            }
        }
        Err(format!("no answer to OPTIONS within {} s", patience.as_secs()))
    }

    /// Sends an INVITE that offers one audio format, and H.264 if `video`.
    pub fn invite(
        &mut self,
        phone: SocketAddr,
        user: &str,
        media: &Media,
        format: Format,
        video: bool,
    ) -> Result<Call<'_>, String> {
        while self.inbox.next(Duration::ZERO).is_ok() {}
        self.calls += 1;
        let number = self.calls;
        let local = self.local;
        let (uri, branch) = (format!("sip:{user}@{phone}"), format!("z9hG4bKi{number}"));
        let to = format!("To: <{uri}>");
        let (text, id) = invitation(local, phone, user, number, &offer(media, format, video));
        let invited = Instant::now();
        self.socket.send_to(text.as_bytes(), phone).map_err(|error| error.to_string())?;
        Ok(Call { caller: self, phone, uri, branch, id, to, invited })
    }
}

impl Call<'_> {
    /// The first answer to the INVITE that is `wanted`.
    pub fn answer(&mut self, wanted: impl Fn(u16) -> bool) -> Result<Answer, String> {
        let answer = self.response("INVITE", wanted)?;
        if let Some(to) = header(&answer.text, "To") {
            self.to = format!("To: {to}");
        }
        Ok(answer)
    }

    /// Confirms a 200 and says where the phone wants its packets.
    pub fn confirm(&mut self, answer: &Answer) -> Result<Remote, String> {
        if let Some(contact) = header(&answer.text, "Contact") {
            self.uri = contact.split(['<', '>']).find(|part| part.starts_with("sip:")).unwrap_or(&self.uri).to_owned();
        }
        let branch = format!("{}a", self.branch);
        self.send("ACK", 1, &branch)?;
        remote(&answer.text).ok_or_else(|| format!("the answer has no address for sound:\n{}", answer.text))
    }

    /// Takes the call back before it was answered.
    pub fn cancel(mut self) -> Result<(), String> {
        let branch = self.branch.clone();
        let to = std::mem::replace(&mut self.to, format!("To: <{}>", self.uri));
        self.send("CANCEL", 1, &branch)?;
        self.to = to;
        self.answer(|status| status >= 300)?;
        self.send("ACK", 1, &branch)
    }

    /// Ends the call.
    pub fn bye(self) -> Result<(), String> {
        let branch = format!("{}b", self.branch);
        self.send("BYE", 2, &branch)?;
        self.response("BYE", |status| status >= 200).map(drop)
    }

    fn response(&self, method: &str, wanted: impl Fn(u16) -> bool) -> Result<Answer, String> {
        let begun = Instant::now();
        let mut heard = Vec::new();
        while let Some(left) = PATIENCE.checked_sub(begun.elapsed()) {
            let packet = match self.caller.inbox.next(left) {
                Ok(packet) => packet,
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return Err("the SIP socket is gone".into()),
            };
            let text = String::from_utf8_lossy(&packet.bytes).into_owned();
            let ours = header(&text, "Call-ID").is_some_and(|id| id == self.id)
                && header(&text, "CSeq").is_some_and(|cseq| cseq.ends_with(method));
            let Some(status) = status(&text).filter(|_| ours) else { continue };
            if wanted(status) {
                return Ok(Answer { at: packet.at, text });
            }
            if method == "INVITE" && status >= 300 {
                return Err(format!("the phone answered {status}"));
            }
            heard.push(status);
        }
        Err(format!("the {method} was not answered as it should be; heard {heard:?}"))
    }

    fn send(&self, method: &str, cseq: u32, branch: &str) -> Result<(), String> {
        let Self { uri, id, to, .. } = self;
        let local = self.caller.local;
        let number = self.caller.calls;
        let text = format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch={branch};rport\r\nMax-Forwards: 70\r\n\
             From: \"Front door\" <sip:door@{local}>;tag=i{number}\r\n{to}\r\nCall-ID: {id}\r\nCSeq: {cseq} {method}\r\n\
             Content-Length: 0\r\n\r\n"
        );
        self.caller.socket.send_to(text.as_bytes(), self.phone).map(drop).map_err(|error| error.to_string())
    }
}

/// The INVITE of a caller's call of this number, and its Call-ID.
pub fn invitation(local: SocketAddr, phone: SocketAddr, user: &str, number: u32, sdp: &str) -> (String, String) {
    let id = format!("i{number}-{}@bench", local.port());
    let text = format!(
        "INVITE sip:{user}@{phone} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bKi{number};rport\r\n\
         Max-Forwards: 70\r\nFrom: \"Front door\" <sip:door@{local}>;tag=i{number}\r\nTo: <sip:{user}@{phone}>\r\n\
         Call-ID: {id}\r\nCSeq: 1 INVITE\r\nContact: <sip:door@{local}>\r\n\
         Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, INFO\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n\
         {sdp}",
        sdp.len()
    );
    (text, id)
}

/// 200 to a request, except to ACK.
fn agreement(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    if text.starts_with("SIP/2.0") || text.starts_with("ACK ") {
        return None;
    }
    let mut answer = "SIP/2.0 200 OK\r\n".to_owned();
    for line in text.lines().take_while(|line| !line.is_empty()) {
        let name = line.split(':').next().unwrap_or_default().trim();
        if ["via", "from", "to", "call-id", "cseq"].iter().any(|copied| name.eq_ignore_ascii_case(copied)) {
            answer += line;
            answer += "\r\n";
        }
    }
    Some(answer + "Content-Length: 0\r\n\r\n")
}

fn status(text: &str) -> Option<u16> {
    text.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
}

fn header<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().take_while(|line| !line.is_empty()).find_map(|line| {
        let (this, value) = line.split_once(':')?;
        this.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// The description that a caller offers.
pub fn offer(media: &Media, format: Format, video: bool) -> String {
    let (audio_port, video_port) = (media.audio.port(), media.video.port());
    let (number, map) = (format.payload_type(), format.map());
    let mut sdp = format!(
        "v=0\r\no=bench 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
         m=audio {audio_port} RTP/AVP {number} 101\r\na=rtpmap:{number} {map}\r\na=rtpmap:101 telephone-event/8000\r\n\
         a=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
    );
    if video {
        sdp += &format!(
            "m=video {video_port} RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n\
             a=fmtp:97 profile-level-id=42c01f;packetization-mode=1\r\na=rtcp-fb:* nack pli\r\na=sendonly\r\n"
        );
    }
    sdp
}

fn remote(text: &str) -> Option<Remote> {
    let (_, body) = text.split_once("\r\n\r\n")?;
    let (mut host, mut audio, mut video) = (None, None, None);
    for line in body.lines() {
        let port =
            |rest: &str| rest.split(' ').next().and_then(|port| port.parse::<u16>().ok()).filter(|port| *port != 0);
        if let Some(address) = line.strip_prefix("c=IN IP4 ") {
            host = host.or(address.trim().parse::<Ipv4Addr>().ok());
        } else if let Some(rest) = line.strip_prefix("m=audio ") {
            audio = port(rest);
        } else if let Some(rest) = line.strip_prefix("m=video ") {
            video = port(rest);
        }
    }
    let host = host?;
    Some(Remote { audio: (host, audio?).into(), video: video.map(|port| (host, port).into()) })
}
