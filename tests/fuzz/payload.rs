//! Payloads of pictures: whatever passes the gate before the depayloaders is whole, however it was made.
//!
//! An input is a packet, which is read as either codec.

use vestibule::rtp::payload::{HEADER, is_h264, is_vp8, plain};

use crate::fuzz;
use crate::mutator::Mutator;

const WORDS: &[&[u8]] = &[
    b"\0",
    b"\0\0",
    b"\0\x01",
    b"\xFF\xFF",
    b"\x18\0\x01\x67",
    b"\0\x02\x68\xCE",
    b"\x7C\x85",
    b"\x7C\x05",
    b"\x7C\x45",
    b"\x7C",
    b"\x7D\x85\0\0",
    b"\x79\0\0",
    b"\x65",
    b"\x10",
    b"\x90\x80",
    b"\x90\xF0\x80",
    b"\x90\x20",
    b"\xBE\xDE\0\x01",
];

/// Packets of each kind, for both codecs.
fn packets() -> Vec<Vec<u8>> {
    let payloads: &[&[u8]] = &[
        b"\x65\x88\x84\0\x10\xFF",
        b"\x67\x42\0\x1F\x8C\x8D\x40\x50\x1E\xD0",
        b"\x18\0\x04\x67\x42\0\x1F\0\x04\x68\xCE\x3C\x80",
        b"\x7C\x85\x88\x84\0\x10\xFF\x12\x34",
        b"\x7C\x45\x88\x84\0\x10",
        b"\x10\x30\x01\0\x9D\x01\x2A\x80\x02\xE0\x01",
        b"\x90\x80\x11\x31\x01\0",
        b"\x90\xF0\x91\x11\x07\x20\x31\x01\0",
    ];
    let plain = payloads.iter().map(|payload| packet(0x80, b"", payload));
    let extended = payloads.iter().map(|payload| packet(0x90, b"\xBE\xDE\0\x01\x10\x01\0\0", payload));
    plain.chain(extended).chain([packet(0xA0, b"", b"\x65\x88\x84\0\0\x02")]).collect()
}

fn packet(first: u8, before: &[u8], payload: &[u8]) -> Vec<u8> {
    [&[first, 0xE0, 0, 7, 0, 0, 0, 9, 0, 0, 0, 99][..], before, payload].concat()
}

/// True if one of the codecs takes it.
fn check(input: &[u8]) -> bool {
    let Some(plain) = plain(input) else { return false };
    assert!(plain.len() > HEADER && plain.len() <= input.len() && plain[0] == 0x80);
    assert_eq!(plain[1..HEADER], input[1..HEADER]);
    let payload = &plain[HEADER..];
    let (h264, vp8) = (is_h264(payload), is_vp8(payload));
    if h264 {
        check_h264(payload);
    }
    if vp8 {
        check_vp8(payload);
    }
    h264 || vp8
}

fn check_h264(payload: &[u8]) {
    let units: Vec<&[u8]> = match payload[0] & 0x1F {
        24 => {
            let (mut units, mut at) = (Vec::new(), 1);
            while at < payload.len() {
                let length = usize::from(payload[at]) << 8 | usize::from(payload[at + 1]);
                units.push(&payload[at + 2..at + 2 + length]);
                at += 2 + length;
            }
            assert_eq!(at, payload.len(), "the lengths add up");
            assert!(!units.is_empty());
            units
        }
        28 => {
            assert!(payload.len() >= 3, "a piece has its header and a byte");
            vec![&payload[1..]]
        }
        _ => vec![payload],
    };
    for unit in units {
        assert!((1..=23).contains(&(unit[0] & 0x1F)), "{:02x?}", unit);
    }
    assert!(payload[0] < 0x80);
}

fn check_vp8(payload: &[u8]) {
    let mut descriptor = payload.iter();
    let mut next = || descriptor.next().expect("it is whole");
    if next() & 0x80 != 0 {
        let extensions = next();
        if extensions & 0x80 != 0 && next() & 0x80 != 0 {
            next();
        }
        if extensions & 0x40 != 0 {
            next();
        }
        if extensions & 0x30 != 0 {
            next();
        }
    }
    assert!(descriptor.next().is_some(), "something of the picture is left");
}

#[test]
fn payload() {
    fuzz("payload", 50_000, 1 << 20, Mutator::new(packets(), WORDS, |_| ()), check);
}
