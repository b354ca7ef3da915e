//! Offers and answers with what devices write.

mod agreement;
mod bodies;
mod changes;
mod mutation;
mod rules;

use std::net::Ipv4Addr;

use super::*;

pub(super) const WISH: Wish = Wish { audio: Direction::SendRecv, video: Direction::RecvOnly };

pub(super) fn local() -> Local {
    Local { address: Ipv4Addr::new(192, 168, 35, 1).into(), audio_port: 4000, video_port: 4002 }
}

pub(super) fn negotiation() -> Negotiation {
    let capabilities = Capabilities { audio: AudioCodec::ALL.to_vec(), video: VideoCodec::ALL.to_vec() };
    Negotiation::new(77, capabilities, local())
}

/// The answer as text, and what was agreed.
pub(super) fn answer(offer: &str) -> (String, Negotiated) {
    let (bytes, negotiated) = negotiation().handle_offer(offer.as_bytes(), WISH).expect("the offer is fine");
    (String::from_utf8(bytes).expect("we write UTF-8"), negotiated)
}

/// The lines of one medium of a description.
pub(super) fn section(text: &str, index: usize) -> Vec<&str> {
    let mut sections: Vec<Vec<&str>> = Vec::new();
    for line in text.lines() {
        if line.starts_with("m=") {
            sections.push(Vec::new());
        }
        if let Some(section) = sections.last_mut() {
            section.push(line);
        }
    }
    sections.swap_remove(index)
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

#[test]
fn the_first_offer_has_all_we_can() {
    let offer = negotiation().create_offer(WISH);
    let text = String::from_utf8(offer).expect("we write UTF-8");
    assert!(
        text.starts_with("v=0\r\no=- 77 1 IN IP4 192.168.35.1\r\ns=-\r\nc=IN IP4 192.168.35.1\r\nt=0 0\r\n"),
        "{text}"
    );
    assert_eq!(
        section(&text, 0),
        [
            "m=audio 4000 RTP/AVP 107 9 0 8 101 102",
            "a=rtpmap:107 opus/48000/2",
            "a=fmtp:107 useinbandfec=1",
            "a=rtpmap:9 G722/8000",
            "a=rtpmap:0 PCMU/8000",
            "a=rtpmap:8 PCMA/8000",
            "a=rtpmap:101 telephone-event/8000",
            "a=fmtp:101 0-15",
            "a=rtpmap:102 telephone-event/48000",
            "a=fmtp:102 0-15",
            "a=ptime:20",
            "a=rtcp-mux",
            "a=sendrecv",
        ]
    );
    assert_eq!(
        section(&text, 1),
        [
            "m=video 4002 RTP/AVP 96 98 97",
            "a=rtpmap:96 H264/90000",
            "a=fmtp:96 profile-level-id=42e01f;packetization-mode=1",
            "a=rtpmap:98 H264/90000",
            "a=fmtp:98 profile-level-id=42e01f;packetization-mode=0",
            "a=rtpmap:97 VP8/90000",
            "a=rtcp-fb:* nack pli",
            "a=rtcp-fb:* ccm fir",
            "a=rtcp-mux",
            "a=recvonly",
        ]
    );
}

#[test]
fn without_a_decoder_no_picture_is_offered_or_taken() {
    let capabilities = Capabilities { audio: vec![AudioCodec::Pcma], video: Vec::new() };
    let mut negotiation = Negotiation::new(1, capabilities, local());
    let offer = String::from_utf8(negotiation.create_offer(WISH)).expect("we write UTF-8");
    assert!(!offer.contains("m=video"), "{offer}");
    assert!(offer.contains("m=audio 4000 RTP/AVP 8 101\r\n"), "{offer}");
    let (bytes, negotiated) = negotiation.handle_offer(bodies::AKUVOX.as_bytes(), WISH).expect("sound is in common");
    let text = String::from_utf8(bytes).expect("we write UTF-8");
    assert_eq!(section(&text, 1), ["m=video 0 RTP/AVP 104 103"]);
    assert_eq!(negotiated.video, None);
}

#[test]
fn a_soft_phone_gets_opus_under_its_own_number() {
    let (text, negotiated) = answer(bodies::BARESIP);
    assert_eq!(
        section(&text, 0),
        [
            "m=audio 4000 RTP/AVP 96 101",
            "a=rtpmap:96 opus/48000/2",
            "a=fmtp:96 useinbandfec=1",
            "a=rtpmap:101 telephone-event/8000",
            "a=fmtp:101 0-15",
            "a=ptime:20",
            "a=sendrecv",
        ]
    );
    let audio = negotiated.audio.expect("sound");
    assert_eq!((audio.codec, audio.send_pt), (AudioCodec::Opus, 96));
    assert_eq!(audio.recv_pts[0], (96, AudioCodec::Opus));
    assert_eq!(audio.remote, address("192.168.1.20:16384"));
    assert_eq!(audio.remote_rtcp, address("192.168.1.20:16385"));
    // There are keys at 8 kHz only; they go with Opus all the same.
    assert_eq!((audio.dtmf_send_pt, audio.dtmf_clock), (Some(101), 8_000));

    let video = negotiated.video.expect("a picture");
    assert_eq!((video.codec, video.send_pt, video.packetization_mode), (VideoCodec::H264, 97, 0));
    assert_eq!(video.direction, Direction::RecvOnly);
    assert_eq!(video.bandwidth_kbps, Some(1024));
    assert_eq!(video.feedback, Feedback { pli: true, fir: false });
    let lines = section(&text, 1);
    assert!(lines.contains(&"a=fmtp:97 profile-level-id=42801f;packetization-mode=0"), "{lines:?}");
    assert!(lines.contains(&"a=rtcp-fb:* nack pli") && !lines.contains(&"a=rtcp-fb:* ccm fir"), "{lines:?}");
}

#[test]
fn feedback_clock_of_keys_and_shared_port_follow_the_offer() {
    let (text, negotiated) = answer(bodies::LINPHONE);
    let audio = negotiated.audio.expect("sound");
    assert_eq!((audio.dtmf_send_pt, audio.dtmf_clock), (Some(101), 48_000));
    assert_eq!(audio.dtmf_recv_pts, [101, 99, 100]);
    assert!(audio.rtcp_mux);
    assert_eq!(audio.remote_rtcp, audio.remote);
    assert!(section(&text, 0).contains(&"m=audio 4000 RTP/AVPF 96 101"), "{text}");
    assert!(section(&text, 0).contains(&"a=rtcp-mux"), "{text}");
    // H.264 comes first with us, although VP8 does with them.
    let video = negotiated.video.expect("a picture");
    assert_eq!((video.codec, video.send_pt), (VideoCodec::H264, 97));
    assert_eq!(video.feedback, Feedback { pli: false, fir: true });
    assert_eq!(video.recv_pts, [(97, VideoCodec::H264), (96, VideoCodec::Vp8)]);
}

#[test]
fn keys_go_with_the_clock_of_the_sound() {
    let capabilities = Capabilities { audio: vec![AudioCodec::Pcma], video: Vec::new() };
    let mut negotiation = Negotiation::new(1, capabilities, local());
    let (_, negotiated) = negotiation.handle_offer(bodies::LINPHONE.as_bytes(), WISH).expect("the offer is fine");
    let audio = negotiated.audio.expect("sound");
    assert_eq!((audio.dtmf_send_pt, audio.dtmf_clock), (Some(100), 8_000));
    let audio = answer(&bodies::FREESWITCH.replace("103 101 13", "101 103 13")).1.audio.expect("sound");
    assert_eq!((audio.dtmf_send_pt, audio.dtmf_clock), (Some(103), 48_000));
}

#[test]
fn of_two_profiles_the_one_that_we_can_send_is_taken() {
    let (text, negotiated) = answer(bodies::AKUVOX);
    let video = negotiated.video.expect("a picture");
    assert_eq!((video.send_pt, video.profile_level_id.as_deref()), (103, Some("42E01F")));
    assert_eq!(video.direction, Direction::RecvOnly);
    assert_eq!(video.remote_rtcp, address("192.168.35.123:12003"));
    assert!(section(&text, 1).contains(&"m=video 4002 RTP/AVP 103"), "{text}");
    assert_eq!(negotiated.audio.expect("sound").codec, AudioCodec::Pcmu);
}

#[test]
fn parameter_sets_come_out_whole() {
    let only_high = bodies::AKUVOX.replace("104 103", "104");
    let video = answer(&only_high).1.video.expect("a picture");
    assert_eq!(video.sprop.as_deref(), Some("Z2QAH6zZQFAFuwEQAAADABAAAAMDyPGDGWA=,aOvjyyLA"));
    assert_eq!(video.profile_level_id.as_deref(), Some("64001F"));
    // They go into the caps of a pipeline: anything but base64 is left out.
    let forged = only_high.replace("aOvjyyLA", "aOv\\\" ! fakesink");
    assert_eq!(answer(&forged).1.video.expect("a picture").sprop, None);
}

#[test]
fn a_terse_door_station_is_understood() {
    let (text, negotiated) = answer(bodies::TERSE);
    let audio = negotiated.audio.expect("sound");
    assert_eq!((audio.codec, audio.remote), (AudioCodec::Pcmu, address("10.1.1.5:5004")));
    assert_eq!(audio.dtmf_send_pt, Some(101));
    let video = negotiated.video.expect("a picture");
    assert_eq!((video.remote, video.direction), (address("10.1.1.6:5006"), Direction::RecvOnly));
    // No profile was named, so none is answered.
    assert!(section(&text, 1).contains(&"a=fmtp:99 packetization-mode=1"), "{text}");
}

#[test]
fn fragments_are_preferred_and_bytes_that_are_no_text_do_no_harm() {
    let mut body = bodies::TWO_N.as_bytes().to_vec();
    let name = bodies::TWO_N.find("Helios").expect("it is there");
    body[name] = 0xe9;
    let (_, negotiated) = negotiation().handle_offer(&body, WISH).expect("the offer is fine");
    let video = negotiated.video.expect("a picture");
    assert_eq!((video.send_pt, video.packetization_mode, video.bandwidth_kbps), (108, 1, Some(1024)));
    assert_eq!(negotiated.audio.expect("sound").codec, AudioCodec::G722);
}

#[test]
fn lines_that_we_do_not_take_are_repeated_no_longer_than_is_sensible() {
    let mut body = b"v=0\r\nc=IN IP4 10.0.0.9\r\nm=audio 6000 RTP/AVP 0\r\nm=video 6002 RTP/AVP 31".to_vec();
    // Each of these bytes is three when it is written as text.
    (0..20_000).for_each(|_| body.extend(b" \xff"));
    body.extend(b"\r\nm=");
    body.extend([b'x'; 10_000]);
    body.extend(b" 9 y 31\r\n");
    let (bytes, _) = negotiation().handle_offer(&body, WISH).expect("the sound is fine");
    assert!(bytes.len() < 1000, "{} bytes", bytes.len());
    let text = String::from_utf8(bytes).expect("we write text");
    assert_eq!(section(&text, 1), ["m=video 0 RTP/AVP 31"]);
    assert_eq!(section(&text, 2), [format!("m={} 0 y 31", "x".repeat(64))]);
}

#[test]
fn lines_that_we_do_not_take_stay_in_their_place() {
    let (text, negotiated) = answer(bodies::ASTERISK);
    assert_eq!(negotiated.video, None);
    assert_eq!(section(&text, 1), ["m=video 0 RTP/AVP 31 34"]);

    let (text, negotiated) = answer(bodies::FREESWITCH);
    assert_eq!(section(&text, 0), ["m=image 0 udptl t38"]);
    assert_eq!(section(&text, 1)[0], "m=audio 4000 RTP/AVP 102 103");
    assert_eq!(section(&text, 2), ["m=application 0 UDP/DTLS/SCTP webrtc-datachannel"]);
    // 30 ms is not a length that Opus has.
    assert_eq!(negotiated.audio.expect("sound").ptime_ms, 20);
}

#[test]
fn packet_lengths_are_what_the_other_side_takes() {
    let with = |attributes: &str| {
        let body = format!("v=0\r\nc=IN IP4 10.0.0.1\r\nm=audio 5004 RTP/AVP 0\r\n{attributes}");
        answer(&body).1.audio.expect("sound").ptime_ms
    };
    assert_eq!(with(""), 20);
    assert_eq!(with("a=ptime:30\r\n"), 30);
    assert_eq!(with("a=ptime:40\r\na=maxptime:20\r\n"), 20);
    assert_eq!(with("a=ptime:500\r\n"), 60);
    assert_eq!(with("a=ptime:0\r\n"), 20);
    assert_eq!(with("a=ptime:1\r\n"), 10);
    assert_eq!(with("a=ptime:4294967296\r\n"), 20);
}

#[test]
fn rtcp_goes_where_it_is_wanted() {
    let with = |attribute: &str| {
        let body = format!("v=0\r\nc=IN IP4 10.0.0.1\r\nm=audio 5004 RTP/AVP 0\r\n{attribute}\r\n");
        answer(&body).1.audio.expect("sound").remote_rtcp
    };
    assert_eq!(with("a=rtcp:6000"), address("10.0.0.1:6000"));
    assert_eq!(with("a=rtcp:6000 IN IP4 10.0.0.2"), address("10.0.0.2:6000"));
    assert_eq!(with("a=rtcp:nonsense"), address("10.0.0.1:5005"));
    assert_eq!(with("a=RTCP-MUX"), address("10.0.0.1:5004"));
}

#[test]
fn six_is_an_address_too() {
    let body =
        "v=0\r\no=- 1 1 IN IP6 2001:db8::5\r\ns=-\r\nc=IN IP6 2001:db8::5\r\nt=0 0\r\nm=audio 5004 RTP/AVP 0\r\n";
    assert_eq!(answer(body).1.audio.expect("sound").remote, address("[2001:db8::5]:5004"));
}

#[test]
fn a_name_or_a_group_is_no_place_to_send_to() {
    for place in ["door.example", "239.1.1.1/127", "ff02::1"] {
        let body = format!("v=0\r\nc=IN IP4 {place}\r\nm=audio 5004 RTP/AVP 0\r\n");
        let audio = answer(&body).1.audio.expect("sound");
        assert!(audio.remote.ip().is_unspecified(), "{place}");
        assert_eq!(audio.direction, Direction::SendRecv, "{place}");
    }
}

#[test]
fn a_name_is_where_the_signalling_comes_from() {
    let with = |place: &str| {
        let body = format!("v=0\r\nc=IN IP4 {place}\r\nm=audio 5004 RTP/AVP 0\r\na=rtcp:6000 IN IP4 door.example\r\n");
        let mut negotiation = negotiation();
        negotiation.set_peer([10, 0, 0, 7].into());
        let audio = negotiation.handle_offer(body.as_bytes(), WISH).expect("an offer").1.audio.expect("sound");
        (audio.remote, audio.remote_rtcp)
    };
    assert_eq!(with("door.example"), (address("10.0.0.7:5004"), address("10.0.0.7:6000")));
    assert_eq!(with("10.0.0.9"), (address("10.0.0.9:5004"), address("10.0.0.7:6000")));
    assert_eq!(with("0.0.0.0").0, address("0.0.0.0:5004"), "that is said on purpose");
    assert_eq!(with("239.1.1.1/127").0, address("0.0.0.0:5004"));
}

#[test]
fn interleaved_or_encrypted_pictures_are_rejected() {
    let (text, _) = answer(&bodies::TERSE.replace("packetization-mode=1", "packetization-mode=2"));
    assert_eq!(section(&text, 1), ["m=video 0 RTP/AVP 99"]);
    let (text, _) = answer(&bodies::TERSE.replace("video 5006 RTP/AVP", "video 5006 RTP/SAVP"));
    assert_eq!(section(&text, 1), ["m=video 0 RTP/SAVP 99"]);
}

#[test]
fn errors_say_what_is_wrong() {
    let offer = |body: &str| negotiation().handle_offer(body.as_bytes(), WISH).expect_err("it cannot be used");
    let error = offer("v=0\r\nc=IN IP4 10.0.0.1\r\nm=audio 5004 RTP/AVP 18 3\r\na=rtpmap:18 G729/8000\r\n");
    assert_eq!(error.status(), 488);
    assert_eq!(error.to_string(), "no sound or picture format in common: the other side has audio RTP/AVP G729, 3");
    assert_eq!(offer("v=0\r\nm=audio 0 RTP/AVP 0\r\n").status(), 488);
    assert_eq!(offer("v=0\r\ns=-\r\n"), SdpError::NoMedia);
    for malformed in ["", "\0\0", "hello", "v=0\r\nm=audio 70000 RTP/AVP 0\r\n", "v=0\r\nm=audio\r\n"] {
        let error = offer(malformed);
        assert!(matches!(error, SdpError::Malformed(_)), "{malformed:?}: {error}");
        assert_eq!(error.status(), 400);
    }
    assert!(matches!(negotiation().handle_answer(bodies::BARESIP.as_bytes()), Err(SdpError::NoOffer)));
}

#[test]
fn size_is_bounded() {
    let offer = |body: &str| negotiation().handle_offer(body.as_bytes(), WISH).map(|(_, negotiated)| negotiated);
    let lines = |count: usize| format!("v=0\r\nc=IN IP4 10.0.0.1\r\n{}", "m=audio 5004 RTP/AVP 0\r\n".repeat(count));
    assert!(offer(&lines(MAX_MEDIA)).is_ok());
    assert_eq!(offer(&lines(MAX_MEDIA + 1)), Err(SdpError::TooManyMedia));
    let long = format!("{}a=x:{}\r\n", lines(1), "y".repeat(MAX_BYTES));
    assert!(matches!(offer(&long), Err(SdpError::TooLong(_))));
    let attributes = |count: usize| format!("{}{}", lines(1), "a=x\r\n".repeat(count));
    assert!(offer(&attributes(MAX_ATTRIBUTES)).is_ok());
    assert_eq!(offer(&attributes(MAX_ATTRIBUTES + 1)), Err(SdpError::TooManyAttributes));
}

#[test]
fn a_format_is_read_by_name_and_clock() {
    let codec = |rtpmap: &str| {
        let body = format!("v=0\r\nc=IN IP4 10.0.0.1\r\nm=audio 5004 RTP/AVP 120\r\na=rtpmap:120 {rtpmap}\r\n");
        let negotiated = negotiation().handle_offer(body.as_bytes(), WISH);
        negotiated.ok().and_then(|(_, negotiated)| negotiated.audio).map(|audio| audio.codec)
    };
    assert_eq!(codec("OPUS/48000/2"), Some(AudioCodec::Opus));
    assert_eq!(codec("opus/48000"), Some(AudioCodec::Opus));
    assert_eq!(codec("G722/16000"), Some(AudioCodec::G722));
    assert_eq!(codec("pcmu/8000/1"), Some(AudioCodec::Pcmu));
    assert_eq!(codec("PCMU/16000"), None);
    assert_eq!(codec("opus"), None);
}

#[test]
fn directions_are_read_and_turned() {
    for direction in [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive] {
        assert_eq!(Direction::from_name(&direction.name().to_uppercase()), Some(direction));
        assert_eq!(direction.reversed().reversed(), direction);
        assert_eq!(Direction::of(direction.sends(), direction.receives()), direction);
    }
    assert_eq!(Direction::SendOnly.reversed(), Direction::RecvOnly);
    assert_eq!(Direction::from_name("sideways"), None);
}
