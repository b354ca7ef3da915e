//! Session descriptions as offers and as answers, first and later ones: an answer, an agreement that can be used, or an
//! error.

use std::net::SocketAddr;
use std::time::{Instant, SystemTime};

use rand::RngExt;
use vestibule::media::agreed;
use vestibule::rtp::{RtpSession, SessionConfig, StreamConfig};
use vestibule::sdp::{AudioCodec, Capabilities, Direction, Local, Negotiated, Negotiation, SdpError, VideoCodec, Wish};

use crate::mutator::Mutator;
use crate::{fuzz, random_of, seeds};

const WORDS: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r",
    b"=",
    b":",
    b"/",
    b";",
    b",",
    b" ",
    b"*",
    b"\0",
    b"\xFF",
    b"m=audio 5004 RTP/AVP 0\r\n",
    b"m=video 0 RTP/AVPF 96\r\n",
    b"m=",
    b"a=",
    b"c=IN IP4 0.0.0.0\r\n",
    b"c=IN IP6 ::1\r\n",
    b"c=IN IP4 224.2.1.1/127/3\r\n",
    b"c=IN IP4 door.example\r\n",
    b"a=sendonly\r\n",
    b"a=inactive\r\n",
    b"a=rtcp-mux\r\n",
    b"a=rtcp:9 IN IP4 10.0.0.9\r\n",
    b"a=rtpmap:",
    b"a=fmtp:",
    b"opus/48000/2",
    b"telephone-event/8000",
    b"H264/90000",
    b"G722/16000",
    b"packetization-mode=1",
    b"profile-level-id=42e01f",
    b"sprop-parameter-sets=Z0IAKek=,aM4xUg==",
    b"a=ptime:",
    b"a=maxptime:",
    b"b=AS:",
    b"b=TIAS:",
    b"a=rtcp-fb:* nack pli",
    b"a=rtcp-fb:97 ccm fir",
    b"RTP/SAVP",
    b"RTP/AVPF",
    b"0-16",
];

fn negotiation() -> Negotiation {
    let capabilities = Capabilities { audio: AudioCodec::ALL.to_vec(), video: VideoCodec::ALL.to_vec() };
    let mut negotiation = Negotiation::new(
        77,
        capabilities,
        Local { address: [192, 168, 35, 1].into(), audio_port: 4000, video_port: 4002 },
    );
    negotiation.set_peer([10, 0, 0, 9].into());
    negotiation
}

/// How many lines of this kind a description of ours has, and how many of them are not rejected.
fn media(ours: &[u8]) -> (usize, usize) {
    let text = std::str::from_utf8(ours).expect("we write UTF-8");
    assert!(text.starts_with("v=0\r\no=- 77 ") && text.ends_with("\r\n"), "{text}");
    assert!(ours.len() < 64 * 1024, "what we write can be read");
    let lines = text.split_inclusive("\r\n").inspect(|line| {
        let line = line.strip_suffix("\r\n").expect("every line ends so");
        assert!(line.as_bytes().get(1) == Some(&b'=') && !line.contains(['\r', '\n', '\0']), "{text}");
    });
    let media: Vec<&str> = lines.filter(|line| line.starts_with("m=")).collect();
    (media.len(), media.iter().filter(|line| line.split(' ').nth(1) != Some("0")).count())
}

fn assert_place(remote: SocketAddr, remote_rtcp: SocketAddr) {
    assert!(remote.port() != 0 && remote_rtcp.port() != 0, "{remote} {remote_rtcp}");
    assert!(!remote.ip().is_multicast(), "{remote}");
}

fn assert_types<C: PartialEq>(sent: (u8, C), received: &[(u8, C)], keys: &[u8]) {
    assert!(sent.0 < 128 && received.iter().all(|(pt, _)| *pt < 128) && keys.iter().all(|pt| *pt < 128));
    assert!(received.iter().all(|(pt, _)| !keys.contains(pt)), "one number has one meaning");
    assert!(received.first().is_some_and(|(_, codec)| *codec == sent.1), "the codec that is expected comes first");
}

/// What was agreed upon serves a stream.
fn assert_usable(agreed: &Negotiated) {
    if let Some(audio) = &agreed.audio {
        assert_place(audio.remote, audio.remote_rtcp);
        assert_types((audio.send_pt, audio.codec), &audio.recv_pts, &audio.dtmf_recv_pts);
        assert!((10..=60).contains(&audio.ptime_ms) && audio.dtmf_clock > 0, "{audio:?}");
        stream(agreed::audio(audio), audio.send_pt);
    }
    if let Some(video) = &agreed.video {
        assert_place(video.remote, video.remote_rtcp);
        assert_types((video.send_pt, video.codec), &video.recv_pts, &[]);
        assert!(video.packetization_mode <= 1);
        let id = video.profile_level_id.as_deref().unwrap_or("42e01f");
        assert!(id.len() == 6 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        let sprop = video.sprop.as_deref().unwrap_or_default();
        assert!(sprop.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=,".contains(&byte)), "{sprop}");
        stream(agreed::video(video), video.send_pt);
    }
}

fn stream(stream: StreamConfig, payload_type: u8) {
    let remote = stream.remote;
    let now = Instant::now();
    let mut session = RtpSession::new(SessionConfig {
        instant: now,
        wall: SystemTime::UNIX_EPOCH,
        seed: [7; 32],
        cname: "panel".into(),
        stream,
    });
    assert_eq!(session.send(now, payload_type, 160, true, b"sound"), !remote.ip().is_unspecified());
    session.send_dtmf(now, '5', std::time::Duration::from_millis(100));
    session.bye(now);
}

fn assert_refused(error: &SdpError) {
    assert!([400, 413, 488].contains(&error.status()) && error.to_string().len() < 70_000, "{error}");
}

/// True if it can be used: half of the inputs are offers, half are answers and then offers within the call.
fn check(input: &[u8]) -> bool {
    let mut random = random_of(input);
    let directions = [Direction::SendRecv, Direction::RecvOnly, Direction::SendOnly, Direction::Inactive];
    let wish = Wish { audio: directions[random.random_range(0..4)], video: directions[random.random_range(0..4)] };
    let used = if random.random() { check_offer(input, wish) } else { check_answer(input, wish) };
    used.map_err(|error| assert_refused(&error)).is_ok()
}

fn check_offer(input: &[u8], wish: Wish) -> Result<(), SdpError> {
    let mut called = negotiation();
    let (answer, agreed) = called.handle_offer(input, wish)?;
    assert_usable(&agreed);
    let (lines, live) = media(&answer);
    assert_eq!(live, usize::from(agreed.audio.is_some()) + usize::from(agreed.video.is_some()));
    // As the parser of the offer counts them.
    if let Ok(offer) = sdp_types::Session::parse(input) {
        assert_eq!(lines, offer.medias.len(), "as many lines as the offer");
    }
    match negotiation().handle_offer(&answer, wish) {
        Ok((further, _)) => assert_eq!(media(&further).0, lines),
        Err(error) => assert!(matches!(error, SdpError::NoCommonCodec(_)), "{error}: an answer can be read"),
    }
    media(&called.create_offer(wish));
    Ok(())
}

fn check_answer(input: &[u8], wish: Wish) -> Result<(), SdpError> {
    let mut caller = negotiation();
    media(&caller.create_offer(wish));
    assert_usable(&caller.handle_answer(input)?);
    let (answer, agreed) = caller.handle_offer(input, wish)?;
    assert_usable(&agreed);
    media(&answer);
    media(&caller.create_offer(wish));
    Ok(())
}

#[test]
fn sdp() {
    fuzz("sdp", 5_000, 8 << 20, Mutator::new(seeds("corpus/sdp"), WORDS, |_| ()), check);
}
