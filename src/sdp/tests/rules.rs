//! The rules of RFC 3264 8 for what changes in the middle of a call, and what is made of answers that break them.

use super::changes::{ANSWER, text, version};
use super::*;

fn offer(negotiation: &mut Negotiation, body: &str) -> (String, Negotiated) {
    let (bytes, negotiated) = negotiation.handle_offer(body.as_bytes(), WISH).expect("an offer");
    (text(bytes), negotiated)
}

/// The names and ports of the media lines.
fn places(text: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("m="));
    lines.map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect()
}

const SOUND: &str = "v=0\r\no=- 5 5 IN IP4 10.0.0.9\r\nc=IN IP4 10.0.0.9\r\nm=audio 6000 RTP/AVP 0 101\r\n";
const PICTURE: &str = "m=video 6002 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n";

#[test]
fn a_picture_comes_and_goes_in_its_place() {
    let mut negotiation = negotiation();
    let (first, negotiated) = offer(&mut negotiation, SOUND);
    assert_eq!((places(&first), negotiated.video), (vec!["audio 4000".to_owned()], None));
    let both = format!("{SOUND}{PICTURE}");
    let (added, negotiated) = offer(&mut negotiation, &both);
    assert_eq!(places(&added), ["audio 4000", "video 4002"]);
    assert_eq!(negotiated.video.expect("a picture").remote, address("10.0.0.9:6002"));
    let (removed, negotiated) = offer(&mut negotiation, &both.replace("video 6002", "video 0"));
    assert_eq!((places(&removed), negotiated.video), (vec!["audio 4000".to_owned(), "video 0".to_owned()], None));
    assert!(negotiated.audio.is_some());
    // We repeat the empty place, and it can be filled again.
    assert_eq!(places(&text(negotiation.create_offer(WISH))), ["audio 4000", "video 0"]);
    assert!(offer(&mut negotiation, &both).1.video.is_some());
    // A place left out altogether is against the rule: that is refused, and the call goes on as it was.
    assert_eq!(negotiation.handle_offer(SOUND.as_bytes(), WISH), Err(SdpError::LinesMissing { has: 1, least: 2 }));
    assert_eq!(places(&text(negotiation.create_offer(WISH))), ["audio 4000", "video 4002"]);
}

#[test]
fn our_camera_finds_a_place() {
    let wish = Wish { audio: Direction::SendRecv, video: Direction::SendRecv };
    let mut negotiation = negotiation();
    offer(&mut negotiation, SOUND);
    assert_eq!(places(&text(negotiation.create_offer(WISH))), ["audio 4000"], "not for the sake of receiving");
    let added = text(negotiation.create_offer(wish));
    assert_eq!(places(&added), ["audio 4000", "video 4002"]);
    let answer = format!("{SOUND}{PICTURE}");
    assert!(negotiation.handle_answer(answer.as_bytes()).expect("an answer").video.is_some());
    // In the place of one that was rejected, not behind it.
    let mut negotiation = super::negotiation();
    let before = SOUND.replace("m=audio", "m=video 0 RTP/AVP 31\r\nm=audio") + "m=application 9 UDP/BFCP *\r\n";
    offer(&mut negotiation, &before);
    assert_eq!(places(&text(negotiation.create_offer(wish))), ["video 4002", "audio 4000", "application 0"]);
    // And if they do not want it, it stays rejected.
    let answer = SOUND.replace("m=audio", "m=video 0 RTP/AVP 96\r\nm=audio");
    assert_eq!(negotiation.handle_answer(answer.as_bytes()).expect("an answer").video, None);
    assert_eq!(places(&text(negotiation.create_offer(WISH))), ["video 0", "audio 4000", "application 0"]);
}

#[test]
fn all_switched_off_is_a_change_within_a_call_and_none_before() {
    let off = SOUND.replace("audio 6000", "audio 0");
    assert!(negotiation().handle_offer(off.as_bytes(), WISH).is_err());
    let mut negotiation = negotiation();
    offer(&mut negotiation, SOUND);
    let (answer, negotiated) = offer(&mut negotiation, &off);
    assert_eq!((places(&answer), negotiated), (vec!["audio 0".to_owned()], Negotiated::default()));
    assert!(offer(&mut negotiation, SOUND).1.audio.is_some());
    // The same in an answer; our next offer asks for sound again.
    negotiation.create_offer(WISH);
    assert_eq!(negotiation.handle_answer(off.as_bytes()), Ok(Negotiated::default()));
    assert_eq!(places(&text(negotiation.create_offer(WISH))), ["audio 4000"]);
}

#[test]
fn of_several_lines_one_of_each_kind_is_taken_and_none_moves() {
    let body = "v=0\r\nc=IN IP4 10.0.0.9\r\nm=audio 6000 RTP/SAVP 0\r\nm=image 6010 udptl t38\r\n\
m=audio 6002/2 RTP/AVP 18\r\nm=audio 6004 RTP/AVP 0\r\nm=video 6006 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\n\
m=audio 6008 RTP/AVP 8\r\nm=video 6012 RTP/AVP 34\r\nm=text 6014 RTP/AVP 98\r\nm=video 6016 RTP/AVPF 97\r\n\
a=rtpmap:97 VP8/90000\r\nm=message 2855 TCP/MSRP *\r\n";
    let mut negotiation = negotiation();
    let (answer, negotiated) = offer(&mut negotiation, body);
    let expected = [
        "audio 0",
        "image 0",
        "audio 0",
        "audio 4000",
        "video 0",
        "audio 0",
        "video 0",
        "text 0",
        "video 4002",
        "message 0",
    ];
    assert_eq!(places(&answer), expected);
    assert_eq!(negotiated.audio.expect("sound").remote.port(), 6004);
    assert_eq!(negotiated.video.expect("a picture").remote.port(), 6016);
    assert_eq!(section(&answer, 0), ["m=audio 0 RTP/SAVP 0"]);
    assert_eq!(section(&answer, 9), ["m=message 0 TCP/MSRP *"]);
    assert_eq!(places(&text(negotiation.create_offer(WISH))), expected);
}

#[test]
fn a_new_address_a_new_port_and_a_new_codec_are_followed() {
    let mut negotiation = negotiation();
    offer(&mut negotiation, SOUND);
    for (from, to, remote) in [
        ("audio 6000", "audio 6100", "10.0.0.9:6100"),
        ("c=IN IP4 10.0.0.9", "c=IN IP4 10.0.0.10", "10.0.0.10:6000"),
        // The version does not always grow, and may jump: what is said counts.
        ("o=- 5 5", "o=- 5 99999999999", "10.0.0.9:6000"),
        ("o=- 5 5", "o=- 5 1", "10.0.0.9:6000"),
    ] {
        assert_eq!(offer(&mut negotiation, &SOUND.replace(from, to)).1.audio.expect("sound").remote, address(remote));
    }
    let audio = offer(&mut negotiation, &SOUND.replace("AVP 0", "AVP 8")).1.audio.expect("sound");
    assert_eq!((audio.codec, audio.send_pt), (AudioCodec::Pcma, 8));
}

#[test]
fn the_same_again_is_answered_the_same() {
    let mut negotiation = negotiation();
    let first = offer(&mut negotiation, bodies::LINPHONE);
    assert_eq!(offer(&mut negotiation, bodies::LINPHONE), first);
}

#[test]
fn numbers_that_change_their_meaning_mean_what_was_said_last() {
    let with = |map: &str| format!("v=0\r\nc=IN IP4 10.0.0.9\r\nm=audio 6000 RTP/AVP 96 97 98\r\n{map}");
    let mut negotiation = negotiation();
    let first = with("a=rtpmap:96 opus/48000/2\r\na=rtpmap:97 telephone-event/48000\r\na=rtpmap:98 speex/8000\r\n");
    let audio = offer(&mut negotiation, &first).1.audio.expect("sound");
    assert_eq!((audio.send_pt, audio.dtmf_send_pt), (96, Some(97)));
    let swapped = with("a=rtpmap:97 opus/48000/2\r\na=rtpmap:98 telephone-event/48000\r\na=rtpmap:96 speex/8000\r\n");
    let audio = offer(&mut negotiation, &swapped).1.audio.expect("sound");
    assert_eq!((audio.send_pt, audio.recv_pts, audio.dtmf_recv_pts), (97, vec![(97, AudioCodec::Opus)], vec![98]));
    // Our own offer uses each number for one thing.
    let ours = text(negotiation.create_offer(WISH));
    assert_eq!(section(&ours, 0)[0], "m=audio 4000 RTP/AVP 97 9 0 8 101 98");
    assert!(section(&ours, 0).contains(&"a=rtpmap:98 telephone-event/48000"), "{ours}");
    // 107 and 101, our favourites, are theirs for something else.
    let taken = with("a=rtpmap:96 PCMU/8000\r\na=rtpmap:97 speex/8000\r\n").replace(" 98", " 107 101")
        + "a=rtpmap:107 iLBC/8000\r\na=rtpmap:101 AMR/8000\r\n";
    let mut negotiation = super::negotiation();
    offer(&mut negotiation, &taken);
    let ours = text(negotiation.create_offer(WISH));
    assert_eq!(section(&ours, 0)[0], "m=audio 4000 RTP/AVP 96 98 9 8 99 102");
    assert!(section(&ours, 0).contains(&"a=rtpmap:98 opus/48000/2"), "{ours}");
}

#[test]
fn a_device_without_fragments_is_understood_whichever_way_it_says_so() {
    let single = |negotiation: &mut Negotiation, answer: &str| {
        negotiation.create_offer(WISH);
        let video = negotiation.handle_answer(answer.as_bytes()).expect("an answer").video.expect("a picture");
        (video.send_pt, video.packetization_mode)
    };
    let picks = ANSWER.replace("RTP/AVP 96", "RTP/AVP 98").replace("rtpmap:96", "rtpmap:98");
    let picks = picks.replace("fmtp:96", "fmtp:98").replace("mode=1", "mode=0");
    let mut negotiation = negotiation();
    assert_eq!(single(&mut negotiation, &picks), (98, 0));
    // And so it is said first from then on.
    assert_eq!(section(&text(negotiation.create_offer(WISH)), 1)[0], "m=video 4002 RTP/AVP 98 96 97");
    let insists = ANSWER.replace("packetization-mode=1", "packetization-mode=0");
    assert_eq!(single(&mut super::negotiation(), &insists), (96, 0));
    assert_eq!(single(&mut super::negotiation(), ANSWER), (96, 1));
    // In another format it means nothing.
    let other = ANSWER.replace("H264/90000", "VP8/90000").replace("packetization-mode=1", "packetization-mode=255");
    assert_eq!(single(&mut super::negotiation(), &other).1, 0);
    // In its own offer: its profile and its mode come back as they are (RFC 6184 8.2.2), and nothing is made up.
    for (fmtp, answered) in [
        ("a=fmtp:96 profile-level-id=420014\r\n", Some("a=fmtp:96 profile-level-id=420014")),
        (
            "a=fmtp:96 packetization-mode=0; profile-level-id=640028\r\n",
            Some("a=fmtp:96 profile-level-id=640028;packetization-mode=0"),
        ),
        ("a=fmtp:96 profile-level-id=nonsense\r\n", None),
        ("", None),
    ] {
        let body = format!("{SOUND}m=video 6002 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n{fmtp}");
        let (answer, negotiated) = offer(&mut super::negotiation(), &body);
        assert_eq!(negotiated.video.expect("a picture").packetization_mode, 0);
        assert_eq!(section(&answer, 1).into_iter().find(|line| line.starts_with("a=fmtp")), answered);
    }
}

#[test]
fn an_answer_that_breaks_the_rules_costs_no_call() {
    let take = |answer: &str| {
        let mut negotiation = negotiation();
        negotiation.create_offer(WISH);
        negotiation.handle_answer(answer.as_bytes()).expect("an answer")
    };
    // Its lines in another order, or more than there were.
    let (head, rest) = ANSWER.split_at(ANSWER.find("m=audio").expect("it is there"));
    let (audio, video) = rest.split_at(rest.find("m=video").expect("it is there"));
    assert_eq!(take(&format!("{head}{video}{audio}m=audio 7000 RTP/AVP 0\r\n")), take(ANSWER));
    // Formats that nobody offered.
    let audio = take(&ANSWER.replace("AVP 8 101", "AVP 18 119 8 101")).audio.expect("sound");
    assert_eq!(audio.codec, AudioCodec::Pcma);
    // Our numbers for other things than ours.
    let turned = "v=0\r\nc=IN IP4 10.0.0.9\r\nm=audio 6000 RTP/AVP 0 107 101\r\na=rtpmap:107 telephone-event/8000\r\n\
a=rtpmap:101 opus/48000/2\r\nm=video 6002 RTP/AVP 97 96\r\na=rtpmap:97 H264/90000\r\na=rtpmap:96 VP8/90000\r\n";
    let negotiated = take(turned);
    let audio = negotiated.audio.expect("sound");
    assert_eq!((audio.codec, audio.dtmf_send_pt, audio.dtmf_recv_pts), (AudioCodec::Pcmu, Some(107), vec![102, 107]));
    assert!(audio.recv_pts.contains(&(101, AudioCodec::Opus)) && audio.recv_pts.iter().all(|(pt, _)| *pt != 107));
    let video = negotiated.video.expect("a picture");
    assert_eq!(video.recv_pts, [(97, VideoCodec::H264), (98, VideoCodec::H264), (96, VideoCodec::Vp8)]);
    // A direction that was not to be had: we offer to receive, it wants to receive too.
    let video = take(&ANSWER.replace("a=sendonly", "a=recvonly")).video.expect("a picture");
    assert_eq!(video.direction, Direction::Inactive);
    // Only the picture.
    let only = take(&ANSWER.replace("audio 6000", "audio 0"));
    assert!(only.audio.is_none() && only.video.is_some());
}

#[test]
fn keys_on_no_clock_at_all_are_none() {
    let body = format!("{SOUND}a=rtpmap:101 telephone-event/0\r\n");
    let (_, negotiated) = offer(&mut negotiation(), &body);
    let sound = negotiated.audio.expect("sound");
    assert_eq!((sound.dtmf_send_pt, sound.dtmf_recv_pts.len(), sound.dtmf_clock), (None, 0, 8_000));
}

#[test]
fn feedback_is_that_of_the_format_in_use() {
    let with = |lines: &str| {
        let body = format!("{SOUND}{PICTURE}{lines}");
        let (answer, negotiated) = offer(&mut negotiation(), &body);
        let said = section(&answer, 1).iter().filter(|line| line.starts_with("a=rtcp-fb")).count();
        let feedback = negotiated.video.expect("a picture").feedback;
        assert_eq!(said, usize::from(feedback.pli) + usize::from(feedback.fir));
        (feedback.pli, feedback.fir)
    };
    assert_eq!(with(""), (false, false));
    assert_eq!(with("a=rtcp-fb:* nack pli\r\n"), (true, false));
    assert_eq!(with("a=rtcp-fb:96  NACK  PLI\r\na=rtcp-fb:96 ccm fir\r\n"), (true, true));
    assert_eq!(with("a=rtcp-fb:97 nack pli\r\na=rtcp-fb:* ccm tmmbr\r\na=rtcp-fb:96 nack\r\n"), (false, false));
    assert_eq!(with("a=rtcp-fb:300 nack pli\r\na=rtcp-fb:\r\na=rtcp-fb:*\r\n"), (false, false));
}

#[test]
fn our_version_grows_by_one_with_each_thing_that_we_say_anew() {
    let mut negotiation = negotiation();
    let mut last = version(&text(negotiation.create_offer(WISH)));
    negotiation.handle_answer(ANSWER.as_bytes()).expect("an answer");
    for turn in 0..20 {
        let wish = if turn % 2 == 0 { Wish { audio: Direction::SendOnly, ..WISH } } else { WISH };
        let said = version(&text(negotiation.create_offer(wish)));
        assert_eq!(said, last + 1);
        assert_eq!(version(&text(negotiation.create_offer(wish))), said, "said again");
        last = said;
    }
}
