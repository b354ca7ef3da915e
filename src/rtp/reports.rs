//! RTCP on the wire: writing and reading of compound packets.

use std::time::{Duration, SystemTime};

use rtcp_types::prelude::*;
use rtcp_types::{
    Bye, Compound, Fir, Packet, PayloadFeedback, Pli, ReceiverReport, ReportBlock, ReportBlockBuilder, Sdes, SdesChunk,
    SdesItem, SenderReport,
};

/// Seconds from 1900 to 1970.
const NTP_OFFSET: u64 = 2_208_988_800;
/// Most packets of one compound that are read.
const MAX_PACKETS: usize = 64;

/// A time as NTP writes it: seconds since 1900 and their 2^-32 parts (RFC 3550 4).
pub(super) fn ntp(wall: SystemTime) -> u64 {
    let since = wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let seconds = since.as_secs().wrapping_add(NTP_OFFSET) & 0xffff_ffff;
    (seconds << 32) | ((u64::from(since.subsec_nanos()) << 32) / 1_000_000_000)
}

/// The middle 32 bits: 1/65536 s.
pub(super) fn ntp_middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

/// A delay in 1/65536 s; the field holds at most 18 hours (RFC 3550 6.4.1).
pub(super) fn delay(time: Duration) -> u32 {
    u32::try_from(time.as_micros() * 65_536 / 1_000_000).unwrap_or(u32::MAX)
}

/// What we say of ourselves.
pub(super) struct Sent {
    pub ntp: u64,
    pub rtp_timestamp: u32,
    pub packets: u32,
    pub bytes: u32,
}

/// What we say of the other side.
pub(super) struct Heard {
    pub ssrc: u32,
    pub fraction_lost: u8,
    pub lost: i64,
    pub highest: u32,
    pub jitter: u32,
    pub last_report: u32,
    pub since_last_report: u32,
}

/// What is added to a report.
pub(super) enum Extra {
    None,
    Pli { media: u32 },
    Fir { media: u32, sequence: u8 },
    Bye,
}

/// Writes a compound packet: a sender report if we sent, else a receiver report; our name; and what is added
/// (RFC 3550 6.1).
pub(super) fn write(ssrc: u32, cname: &str, sent: Option<Sent>, heard: Option<Heard>, extra: Extra) -> Vec<u8> {
    let block = heard.map(block);
    let mut compound = match sent {
        Some(sent) => {
            let report = SenderReport::builder(ssrc)
                .ntp_timestamp(sent.ntp)
                .rtp_timestamp(sent.rtp_timestamp)
                .packet_count(sent.packets)
                .octet_count(sent.bytes);
            Compound::builder().add_packet(match block {
                Some(block) => report.add_report_block(block),
                None => report,
            })
        }
        None => {
            let report = ReceiverReport::builder(ssrc);
            Compound::builder().add_packet(match block {
                Some(block) => report.add_report_block(block),
                None => report,
            })
        }
    };
    let name = SdesItem::builder(SdesItem::CNAME, cname);
    compound = compound.add_packet(Sdes::builder().add_chunk(SdesChunk::builder(ssrc).add_item(name)));
    let feedback =
        |builder: rtcp_types::PayloadFeedbackBuilder<'static>, media| builder.sender_ssrc(ssrc).media_ssrc(media);
    compound = match extra {
        Extra::None => compound,
        Extra::Pli { media } => compound.add_packet(feedback(PayloadFeedback::builder_owned(Pli::builder()), media)),
        // The media source of a full intra request is zero; it stands in the entry (RFC 5104 4.3.1.2).
        Extra::Fir { media, sequence } => {
            let entry = Fir::builder().add_ssrc(media, sequence);
            compound.add_packet(feedback(PayloadFeedback::builder_owned(entry), 0))
        }
        Extra::Bye => compound.add_packet(Bye::builder().add_source(ssrc)),
    };
    let size = compound.calculate_size().expect("one report block, one short name and no padding have a size");
    let mut bytes = vec![0; size];
    compound.write_into(&mut bytes).expect("the buffer has the size that was asked for");
    bytes
}

fn block(heard: Heard) -> ReportBlockBuilder {
    // 24 bits with a sign (RFC 3550 6.4.1).
    let lost = heard.lost.clamp(-0x80_0000, 0x7f_ffff) as u32 & 0xff_ffff;
    ReportBlock::builder(heard.ssrc)
        .fraction_lost(heard.fraction_lost)
        .cumulative_lost(lost)
        .extended_sequence_number(heard.highest)
        .interarrival_jitter(heard.jitter)
        .last_sender_report_timestamp(heard.last_report)
        .delay_since_last_sender_report_timestamp(heard.since_last_report)
}

/// Something that a compound packet says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// A sender report: whose, and the middle of its NTP time.
    Report { ssrc: u32, ntp_middle: u32 },
    /// Of one of our sources.
    Block { ssrc: u32, fraction_lost: u8, last_report: u32, since_last_report: u32 },
    /// Asks for a key frame.
    Keyframe,
    /// A source has left.
    Bye { ssrc: u32 },
}

/// Reads a compound packet, or a single one (RFC 5506). A packet in it that cannot be read is left out, the rest is not.
///
/// `None` if it is not RTCP.
pub(super) fn read(bytes: &[u8]) -> Option<Vec<Said>> {
    let mut said = Vec::new();
    let mut rest = bytes;
    let mut whole = false;
    for _ in 0..MAX_PACKETS {
        let [first, _, high, low, ..] = *rest else { break };
        let length = 4 * (usize::from(u16::from_be_bytes([high, low])) + 1);
        if first >> 6 != 2 || rest.len() < length {
            break;
        }
        let (packet, after) = rest.split_at(length);
        rest = after;
        whole = true;
        if let Ok(packet) = Packet::parse(packet) {
            take(&packet, &mut said);
        }
    }
    whole.then_some(said)
}

fn take(packet: &Packet<'_>, said: &mut Vec<Said>) {
    let block = |block: ReportBlock<'_>| Said::Block {
        ssrc: block.ssrc(),
        fraction_lost: block.fraction_lost(),
        last_report: block.last_sender_report_timestamp(),
        since_last_report: block.delay_since_last_sender_report_timestamp(),
    };
    match packet {
        Packet::Sr(report) => {
            said.push(Said::Report { ssrc: report.ssrc(), ntp_middle: ntp_middle(report.ntp_timestamp()) });
            said.extend(report.report_blocks().map(block));
        }
        Packet::Rr(report) => said.extend(report.report_blocks().map(block)),
        Packet::Bye(bye) => said.extend(bye.ssrcs().map(|ssrc| Said::Bye { ssrc })),
        // The format is enough: devices fill in the sources wrongly, and there is but one picture to ask for.
        Packet::PayloadFeedback(feedback)
            if [<Pli<'_> as FciParser<'_>>::FCI_FORMAT, <Fir<'_> as FciParser<'_>>::FCI_FORMAT]
                .contains(&feedback.count()) =>
        {
            said.push(Said::Keyframe);
        }
        _ => {}
    }
}
