//! What a packet of pictures must look like before a depayloader sees it: H.264 (RFC 6184) and VP8 (RFC 7741).
//!
//! Depayloaders trust lengths that a packet only claims; one that is a byte too short has crashed them. So only what is
//! whole passes, and everything else is as good as lost.

use rtp_types::RtpPacket;

/// Length of the header of a packet that [`plain`] gives, in bytes: nothing in it is optional.
pub const HEADER: usize = 12;

/// Packet types of H.264 (RFC 6184 5.2).
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// The packet with the bare header and its payload alone: no contributing sources, no header extension, no padding.
///
/// `None` if it is no RTP, if one of these is longer than the packet, or if nothing is left (RFC 3550 5.1, 5.3.1).
pub fn plain(packet: &[u8]) -> Option<Vec<u8>> {
    let parsed = RtpPacket::parse(packet).ok()?;
    let payload = parsed.payload();
    if payload.is_empty() {
        return None;
    }
    let mut plain = Vec::with_capacity(HEADER + payload.len());
    // Version 2, and none of the three.
    plain.push(0x80);
    plain.extend_from_slice(packet.get(1..HEADER)?);
    plain.extend_from_slice(payload);
    Some(plain)
}

/// Whether a payload is whole H.264 of the packetization modes 0 and 1 (RFC 6184 5.4): one NAL unit, an aggregate of whole
/// ones (STAP-A), or a piece of one (FU-A). The packets of the interleaved mode are never offered.
pub fn is_h264(payload: &[u8]) -> bool {
    match payload {
        [first, rest @ ..] if is_intact(*first) => match first & 0x1f {
            STAP_A => is_aggregate(rest),
            FU_A => is_fragment(rest),
            _ => is_unit(payload),
        },
        _ => false,
    }
}

/// Whether the forbidden bit is clear: set, it says that something on the way found the unit damaged (RFC 6184 1.3).
fn is_intact(first: u8) -> bool {
    first & 0x80 == 0
}

/// Whether this is a NAL unit as the codec makes them, at least its header.
fn is_unit(unit: &[u8]) -> bool {
    unit.first().is_some_and(|first| is_intact(*first) && is_unit_type(first & 0x1f))
}

/// 0 is not used, and what comes after 23 are packets and no units.
fn is_unit_type(kind: u8) -> bool {
    (1..STAP_A).contains(&kind)
}

/// One or more units, each behind its length in 16 bits, and nothing behind the last (RFC 6184 5.7.1).
fn is_aggregate(mut units: &[u8]) -> bool {
    let mut any = false;
    while let [high, low, rest @ ..] = units {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        match rest.split_at_checked(length) {
            Some((unit, behind)) if is_unit(unit) => units = behind,
            _ => return false,
        }
        any = true;
    }
    any && units.is_empty()
}

/// The FU header and at least a byte of the unit (RFC 6184 5.8). A unit that is begun and ended by one piece is against
/// the RFC and whole all the same.
fn is_fragment(rest: &[u8]) -> bool {
    matches!(rest, [header, _, ..] if is_unit_type(header & 0x1f))
}

/// Whether a payload is a whole VP8 descriptor with each extension that it announces, and at least a byte of the picture
/// (RFC 7741 4.2).
pub fn is_vp8(payload: &[u8]) -> bool {
    descriptor(payload).is_some_and(|length| payload.len() > length)
}

/// The length of a VP8 payload descriptor, in bytes.
fn descriptor(payload: &[u8]) -> Option<usize> {
    let extended = payload.first()? & 0x80 != 0;
    if !extended {
        return Some(1);
    }
    let extensions = payload.get(1)?;
    let mut length = 2;
    if extensions & 0x80 != 0 {
        // A picture's number, of 7 bits or 15.
        length += if payload.get(length)? & 0x80 != 0 { 2 } else { 1 };
    }
    // The index of the base layer.
    length += usize::from(extensions & 0x40 != 0);
    // Layer and key frame share a byte.
    length += usize::from(extensions & 0x30 != 0);
    Some(length)
}
