use crate::rtp::payload::{is_h264, is_vp8, plain};

#[test]
fn whole_units_aggregates_and_fragments_of_h264_pass() {
    for payload in [
        &[0x65][..],
        &[0x67, 0x42, 0, 0x1f],
        &[0x18, 0, 1, 0x67],
        &[0x78, 0, 2, 0x67, 0x42, 0, 1, 0x68],
        &[0x7c, 0x85, 1],
        &[0x7c, 0x05, 1, 2, 3],
        &[0x5c, 0x41, 9],
        // Begin and end at once.
        &[0x7c, 0xc5, 1],
    ] {
        assert!(is_h264(payload), "{payload:02x?}");
    }
}

#[test]
fn what_is_cut_short_or_of_another_mode_is_no_h264() {
    for payload in [
        &[][..],
        // Units that are not used, or damaged on the way.
        &[0x00, 1, 2, 3],
        &[0xe5, 1, 2, 3],
        // A fragment without its header, and one without a piece.
        &[0x7c],
        &[0x7c, 0x85],
        // A fragment of an aggregate, and of nothing.
        &[0x7c, 0x98, 1, 2],
        &[0x7c, 0x80, 1, 2],
        // Aggregates: of nothing, cut in a length, too long, too short, of an empty unit, of an aggregate, of a damaged unit.
        &[0x18],
        &[0x18, 0],
        &[0x18, 0, 9, 0x67, 1],
        &[0x18, 0, 1, 0x67, 0x42],
        &[0x18, 0, 1, 0x67, 0, 0],
        &[0x18, 0, 0, 0, 1, 0x67],
        &[0x18, 0, 3, 0x18, 0, 0],
        &[0x18, 0, 1, 0xe7],
        // STAP-B, MTAP16, MTAP24, FU-B, and the two that are reserved.
        &[0x79, 0, 0, 0, 1, 0x67],
        &[0x7a, 0, 0, 0, 5, 0, 0, 0, 0x67, 1],
        &[0x7b, 0, 0, 0, 6, 0, 0, 0, 0, 0x67, 1],
        &[0x7d, 0x85, 0, 0, 1, 2],
        &[0x7e, 1, 2],
        &[0x7f, 1, 2],
    ] {
        assert!(!is_h264(payload), "{payload:02x?}");
    }
}

#[test]
fn a_vp8_descriptor_has_all_that_it_announces_and_a_picture_behind_it() {
    let whole = [
        &[0x10, 1][..],
        &[0x90, 0x80, 0x11, 1],
        &[0x90, 0x80, 0x91, 0x11, 1],
        &[0x90, 0xc0, 0x11, 7, 1],
        &[0x90, 0xf0, 0x91, 0x11, 7, 0x20, 1],
        &[0x90, 0x10, 0x01, 1],
        &[0x90, 0, 1],
    ];
    for payload in whole {
        assert!(is_vp8(payload), "{payload:02x?}");
        for length in 0..payload.len() {
            assert!(!is_vp8(&payload[..length]), "{payload:02x?} cut to {length}");
        }
    }
}

#[test]
fn a_plain_packet_has_neither_sources_nor_extension_nor_padding() {
    let bare = [0x80, 0xe0, 0, 7, 0, 0, 0, 9, 0, 0, 0, 99, 0x65, 1, 2];
    assert_eq!(plain(&bare).as_deref(), Some(&bare[..]));
    let mut full = vec![0xb1, 0xe0, 0, 7, 0, 0, 0, 9, 0, 0, 0, 99];
    full.extend([0, 0, 0, 1]);
    full.extend([0xbe, 0xde, 0, 1, 0x10, 1, 0, 0]);
    full.extend([0x65, 1, 2]);
    full.extend([0, 0, 3]);
    assert_eq!(plain(&full).as_deref(), Some(&bare[..]));
}

#[test]
fn a_packet_that_claims_more_than_it_has_is_none() {
    let header = [0xe0, 0, 7, 0, 0, 0, 9, 0, 0, 0, 99];
    let packet = |first: u8, rest: &[u8]| plain(&[&[first][..], &header, rest].concat());
    assert_eq!(packet(0x80, &[]), None, "nothing in it");
    assert_eq!(packet(0x81, &[0, 0, 1]), None, "the source is cut");
    assert_eq!(packet(0x90, &[0xbe, 0xde, 0, 9, 1, 2, 3, 4, 0x65]), None, "the extension is longer than the packet");
    assert_eq!(packet(0xa0, &[0x65, 9]), None, "more padding than there is payload");
    assert_eq!(packet(0xa0, &[0x65, 0]), None, "no padding although it is announced");
    assert_eq!(packet(0xa0, &[0, 2]), None, "nothing but padding");
    assert_eq!(packet(0x40, &[0x65, 0]), None, "version 1");
    assert_eq!(plain(&[]), None);
}
