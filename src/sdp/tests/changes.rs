//! Answers to our offers, hold, resume, late and failed offers: what a call goes through after its first line.

use super::*;

/// The answer of a plain device to our first offer.
pub(super) const ANSWER: &str = "v=0\r\no=- 9 1 IN IP4 10.0.0.9\r\ns=-\r\nc=IN IP4 10.0.0.9\r\nt=0 0\r\n\
m=audio 6000 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\n\
m=video 6002 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 profile-level-id=42e01f;packetization-mode=1\r\n\
a=rtcp-fb:* nack pli\r\na=sendonly\r\n";

const HOLD: Wish = Wish { audio: Direction::SendOnly, video: Direction::Inactive };

pub(super) fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("we write UTF-8")
}

pub(super) fn version(text: &str) -> u64 {
    let origin = text.lines().find(|line| line.starts_with("o=")).expect("an origin");
    origin.split(' ').nth(2).and_then(|version| version.parse().ok()).expect("a version")
}

#[test]
fn an_answer_settles_what_is_sent_and_heard() {
    let mut negotiation = negotiation();
    negotiation.create_offer(WISH);
    let negotiated = negotiation.handle_answer(ANSWER.as_bytes()).expect("an answer");
    let audio = negotiated.audio.expect("sound");
    assert_eq!((audio.codec, audio.send_pt), (AudioCodec::Pcma, 8));
    // Everything that was offered may arrive, what was answered above all.
    assert_eq!(audio.recv_pts[0], (8, AudioCodec::Pcma));
    assert_eq!(audio.recv_pts.len(), 4);
    assert_eq!((audio.dtmf_send_pt, audio.dtmf_recv_pts), (Some(101), vec![101, 102]));
    let video = negotiated.video.expect("a picture");
    assert_eq!(video.direction, Direction::RecvOnly);
    assert_eq!(video.recv_pts, [(96, VideoCodec::H264), (98, VideoCodec::H264), (97, VideoCodec::Vp8)]);
}

#[test]
fn the_first_format_of_an_answer_is_the_one() {
    let mut negotiation = negotiation();
    negotiation.create_offer(WISH);
    let answer = ANSWER.replace("RTP/AVP 8 101", "RTP/AVP 0 9 8 101");
    assert_eq!(
        negotiation.handle_answer(answer.as_bytes()).expect("an answer").audio.expect("sound").codec,
        AudioCodec::Pcmu
    );
}

#[test]
fn an_answer_may_use_its_own_numbers_or_none() {
    let mut negotiation = negotiation();
    negotiation.create_offer(WISH);
    // Its own number for Opus: sent under 120, heard under 107 and 120.
    let own = "v=0\r\nc=IN IP4 10.0.0.9\r\nm=audio 6000 RTP/AVP 120 121\r\na=rtpmap:120 opus/48000/2\r\n\
a=rtpmap:121 telephone-event/48000\r\nm=video 0 RTP/AVP 96\r\n";
    let audio = negotiation.handle_answer(own.as_bytes()).expect("an answer").audio.expect("sound");
    assert_eq!((audio.codec, audio.send_pt), (AudioCodec::Opus, 120));
    assert_eq!(audio.recv_pts[..2], [(107, AudioCodec::Opus), (120, AudioCodec::Opus)]);
    assert_eq!((audio.dtmf_send_pt, audio.dtmf_clock), (Some(121), 48_000));
    assert_eq!(audio.dtmf_recv_pts, [101, 102, 121]);
    // No rtpmap at all: our own numbers are meant.
    let bare = "v=0\r\nc=IN IP4 10.0.0.9\r\nm=audio 6000 RTP/AVP 107 102\r\nm=video 6002 RTP/AVP 97\r\n";
    let negotiated = negotiation.handle_answer(bare.as_bytes()).expect("an answer");
    let audio = negotiated.audio.expect("sound");
    assert_eq!((audio.codec, audio.dtmf_send_pt), (AudioCodec::Opus, Some(102)));
    assert_eq!(negotiated.video.expect("a picture").codec, VideoCodec::Vp8);
}

#[test]
fn a_line_left_out_or_switched_off_is_rejected() {
    for answer in [&ANSWER[..ANSWER.find("m=video").expect("it is there")], &ANSWER.replace("video 6002", "video 0")] {
        let mut negotiation = negotiation();
        negotiation.create_offer(WISH);
        let negotiated = negotiation.handle_answer(answer.as_bytes()).expect("an answer");
        assert_eq!(negotiated.video, None);
        assert!(negotiated.audio.is_some());
        // It stays in its place in what follows.
        let hold = text(negotiation.create_offer(HOLD));
        assert_eq!(section(&hold, 1), ["m=video 0 RTP/AVP 96 98 97"]);
    }
}

#[test]
fn an_answer_without_any_of_ours_fails_and_changes_nothing() {
    let mut negotiation = negotiation();
    negotiation.create_offer(WISH);
    let none = "v=0\r\nc=IN IP4 10.0.0.9\r\nm=audio 6000 RTP/AVP 18\r\nm=video 0 RTP/AVP 96\r\n";
    let error = negotiation.handle_answer(none.as_bytes()).expect_err("nothing in common");
    assert_eq!(error, SdpError::NoCommonCodec("audio RTP/AVP 18".into()));
    // The next answer to the same offer counts (a fork, or 183 and then 200).
    assert!(negotiation.handle_answer(ANSWER.as_bytes()).is_ok());
    assert!(negotiation.handle_answer(ANSWER.as_bytes()).is_ok());
}

/// RFC 3264 8: a line may be refused, and never goes away.
#[test]
fn an_offer_with_fewer_lines_than_before_is_refused_and_changes_nothing() {
    let sound = |text: &str| text[..text.find("m=video").expect("it is there")].to_owned();
    let missing = SdpError::LinesMissing { has: 1, least: 2 };
    // After an offer of theirs, after one of ours, and where the line was refused before.
    let mut theirs = negotiation();
    theirs.handle_offer(bodies::TWO_N.as_bytes(), WISH).expect("an offer");
    let mut ours = negotiation();
    ours.create_offer(WISH);
    ours.handle_answer(ANSWER.as_bytes()).expect("an answer");
    let mut refused = negotiation();
    refused.create_offer(WISH);
    refused.handle_answer(ANSWER.replace("video 6002", "video 0").as_bytes()).expect("an answer");
    for mut negotiation in [theirs, ours, refused] {
        let before = text(negotiation.create_offer(WISH));
        assert_eq!(negotiation.handle_offer(sound(ANSWER).as_bytes(), WISH), Err(missing.clone()));
        assert_eq!(text(negotiation.create_offer(WISH)), before);
        let off = ANSWER.replace("video 6002", "video 0");
        assert_eq!(negotiation.handle_offer(off.as_bytes(), WISH).expect("an offer").1.video, None);
    }
    assert_eq!((missing.status(), missing.warning().0), (488, 399));
}

#[test]
fn an_answer_has_the_lines_that_were_in_use() {
    let sound = &ANSWER[..ANSWER.find("m=video").expect("it is there")];
    let mut negotiation = negotiation();
    negotiation.create_offer(WISH);
    negotiation.handle_answer(ANSWER.as_bytes()).expect("an answer");
    negotiation.create_offer(HOLD);
    let missing = SdpError::LinesMissing { has: 1, least: 2 };
    assert_eq!(negotiation.handle_answer(sound.as_bytes()), Err(missing));
    assert!(negotiation.handle_answer(ANSWER.as_bytes()).is_ok());
    // A picture that was never taken may go on missing.
    let mut negotiation = super::negotiation();
    for _ in 0..2 {
        negotiation.create_offer(WISH);
        assert!(negotiation.handle_answer(sound.as_bytes()).expect("an answer").audio.is_some());
    }
    // In their offers too, for they have never named it.
    let (answer, _) = negotiation.handle_offer(sound.as_bytes(), WISH).expect("an offer");
    assert_eq!(text(answer).matches("m=").count(), 1);
}

#[test]
fn what_is_refused_says_what_there_is_not() {
    for (lines, code) in [
        ("m=audio 5 RTP/AVP 18\r\n", 305),
        ("m=audio 5 RTP/SAVP 0\r\n", 302),
        ("m=message 5 TCP/MSRP *\r\n", 304),
        ("m=audio 0 RTP/AVP 0\r\n", 304),
        ("m=message 5 TCP/MSRP *\r\nm=audio 5 RTP/SAVP 0\r\nm=video 5 RTP/AVP 34\r\n", 305),
        ("", 304),
    ] {
        let error = negotiation().handle_offer(format!("v=0\r\n{lines}").as_bytes(), WISH).expect_err(lines);
        assert_eq!((error.status(), error.warning().0), (488, code), "{lines}");
    }
    let error = negotiation().handle_offer(b"nonsense", WISH).expect_err("no description");
    assert_eq!((error.status(), error.warning().0), (400, 399));
}

#[test]
fn holding_and_resuming_keep_lines_numbers_and_identity() {
    let mut negotiation = negotiation();
    let first = text(negotiation.create_offer(WISH));
    negotiation.handle_answer(ANSWER.as_bytes()).expect("an answer");

    let hold = text(negotiation.create_offer(HOLD));
    assert_eq!(version(&hold), version(&first) + 1);
    let audio = section(&hold, 0);
    // The codec in use comes first, under the number that it always had.
    assert_eq!(audio[0], "m=audio 4000 RTP/AVP 8 107 9 0 101 102");
    assert!(audio.contains(&"a=sendonly"), "{hold}");
    assert!(section(&hold, 1).contains(&"a=inactive"), "{hold}");
    let held = ANSWER.replace("a=ptime:20", "a=recvonly").replace("a=sendonly", "a=inactive");
    let negotiated = negotiation.handle_answer(held.as_bytes()).expect("an answer");
    assert_eq!(negotiated.audio.expect("sound").direction, Direction::SendOnly);
    assert_eq!(negotiated.video.expect("a picture").direction, Direction::Inactive);

    let resume = text(negotiation.create_offer(WISH));
    assert_eq!(version(&resume), version(&hold) + 1);
    let negotiated = negotiation.handle_answer(ANSWER.as_bytes()).expect("an answer");
    assert_eq!(negotiated.audio.expect("sound").direction, Direction::SendRecv);
}

#[test]
fn the_other_side_holds_by_direction_or_by_an_empty_address() {
    let mut negotiation = negotiation();
    negotiation.handle_offer(bodies::ASTERISK.as_bytes(), WISH).expect("an offer");
    let direction = |negotiation: &mut Negotiation, body: &str| {
        let (bytes, negotiated) = negotiation.handle_offer(body.as_bytes(), WISH).expect("an offer");
        let audio = negotiated.audio.expect("sound");
        let answered = section(&text(bytes), 0).last().map(|line| (*line).to_owned());
        assert_eq!(answered, Some(format!("a={}", audio.direction.name())));
        audio.direction
    };
    let with = |attribute: &str| bodies::ASTERISK.replacen("a=sendrecv", attribute, 1);
    assert_eq!(direction(&mut negotiation, &with("a=sendonly")), Direction::RecvOnly);
    assert_eq!(direction(&mut negotiation, &with("a=inactive")), Direction::Inactive);
    assert_eq!(direction(&mut negotiation, &with("a=sendrecv")), Direction::SendRecv);
    let empty = bodies::ASTERISK.replace("c=IN IP4 172.16.0.1", "c=IN IP4 0.0.0.0");
    assert_eq!(direction(&mut negotiation, &empty), Direction::RecvOnly);
    // Said once for all lines.
    let whole = with("a=x").replace("t=0 0\r\n", "t=0 0\r\na=inactive\r\n");
    assert_eq!(direction(&mut negotiation, &whole), Direction::Inactive);
}

#[test]
fn the_same_answer_keeps_its_version_and_a_new_one_gets_a_new_one() {
    let mut negotiation = negotiation();
    let mut answer = |body: &str, wish| text(negotiation.handle_offer(body.as_bytes(), wish).expect("an offer").0);
    let early = answer(bodies::AKUVOX, Wish { audio: Direction::Inactive, video: Direction::RecvOnly });
    assert_eq!(version(&early), 1);
    let last = answer(bodies::AKUVOX, WISH);
    assert_eq!(version(&last), 2);
    assert_eq!(answer(bodies::AKUVOX, WISH), last);
}

#[test]
fn our_offer_within_their_call_speaks_their_numbers() {
    let mut negotiation = negotiation();
    negotiation.handle_offer(bodies::FREESWITCH.as_bytes(), WISH).expect("an offer");
    let hold = text(negotiation.create_offer(HOLD));
    assert_eq!(section(&hold, 0), ["m=image 0 udptl t38"]);
    // 102 is Opus and 103 its keys there, whatever they are in a first offer of ours.
    assert_eq!(section(&hold, 1)[0], "m=audio 4000 RTP/AVP 102 9 0 8 101 103");
    assert_eq!(section(&hold, 2), ["m=application 0 UDP/DTLS/SCTP webrtc-datachannel"]);

    let mut negotiation = super::negotiation();
    negotiation.handle_offer(bodies::TWO_N.as_bytes(), WISH).expect("an offer");
    let hold = text(negotiation.create_offer(HOLD));
    let video = section(&hold, 1);
    assert_eq!(video[0], "m=video 4002 RTP/AVP 108 123 97");
    assert!(video.contains(&"a=fmtp:108 profile-level-id=42801E;packetization-mode=1"), "{hold}");
}

#[test]
fn a_failed_offer_leaves_the_agreement_as_it_was() {
    let mut negotiation = negotiation();
    negotiation.handle_offer(bodies::BARESIP.as_bytes(), WISH).expect("an offer");
    negotiation.create_offer(HOLD);
    // It is refused (491), and the other side offers: its answer-to-be is no answer to ours.
    negotiation.handle_offer(bodies::BARESIP.as_bytes(), WISH).expect("an offer");
    assert_eq!(negotiation.handle_answer(ANSWER.as_bytes()), Err(SdpError::NoOffer));
    // An offer that cannot be used changes nothing either.
    let before = text(negotiation.create_offer(WISH));
    assert!(negotiation.handle_offer(b"v=0\r\nm=audio 5 RTP/AVP 18\r\n", WISH).is_err());
    assert_eq!(text(negotiation.create_offer(WISH)), before);
}

#[test]
fn a_shared_port_stays_shared() {
    let mut negotiation = negotiation();
    negotiation.handle_offer(bodies::LINPHONE.as_bytes(), WISH).expect("an offer");
    let hold = text(negotiation.create_offer(HOLD));
    assert!(section(&hold, 0).contains(&"a=rtcp-mux") && section(&hold, 1).contains(&"a=rtcp-mux"), "{hold}");
    assert!(section(&hold, 0)[0].starts_with("m=audio 4000 RTP/AVPF 96 "), "{hold}");
}

#[test]
fn a_shared_port_is_offered_and_shared_only_if_the_answer_says_so() {
    let mut negotiation = negotiation();
    let offer = text(negotiation.create_offer(WISH));
    assert!(section(&offer, 0).contains(&"a=rtcp-mux") && section(&offer, 1).contains(&"a=rtcp-mux"), "{offer}");
    let audio = negotiation.handle_answer(ANSWER.as_bytes()).expect("an answer").audio.expect("sound");
    assert_eq!((audio.rtcp_mux, audio.remote_rtcp.port()), (false, 6001));
    // What was not agreed upon is not asked for again, and not believed when it comes unasked.
    assert!(!text(negotiation.create_offer(HOLD)).contains("rtcp-mux"));
    let shared = ANSWER.replace("a=ptime:20", "a=rtcp-mux");
    let audio = negotiation.handle_answer(shared.as_bytes()).expect("an answer").audio.expect("sound");
    assert_eq!((audio.rtcp_mux, audio.remote_rtcp.port()), (false, 6001));

    let mut negotiation = super::negotiation();
    negotiation.create_offer(WISH);
    let negotiated = negotiation.handle_answer(shared.as_bytes()).expect("an answer");
    let audio = negotiated.audio.expect("sound");
    assert_eq!((audio.rtcp_mux, audio.remote_rtcp.port()), (true, 6000));
    assert!(!negotiated.video.expect("a picture").rtcp_mux, "each line for itself");
    let hold = text(negotiation.create_offer(HOLD));
    assert!(section(&hold, 0).contains(&"a=rtcp-mux") && !section(&hold, 1).contains(&"a=rtcp-mux"), "{hold}");
}

#[test]
fn the_line_in_use_is_kept_when_another_of_its_kind_is_added() {
    let mut negotiation = negotiation();
    let first = "v=0\r\nc=IN IP4 10.0.0.1\r\nm=audio 0 RTP/AVP 0\r\nm=audio 5006 RTP/AVP 0\r\n";
    negotiation.handle_offer(first.as_bytes(), WISH).expect("an offer");
    let more = first.replace("audio 0 ", "audio 5004 ");
    let (bytes, negotiated) = negotiation.handle_offer(more.as_bytes(), WISH).expect("an offer");
    assert_eq!(negotiated.audio.expect("sound").remote.port(), 5006);
    assert_eq!(section(&text(bytes), 0), ["m=audio 0 RTP/AVP 0"]);
}
