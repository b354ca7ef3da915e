//! What sound and picture agreed upon in SDP mean for their RTP sessions; `sdp` and `rtp` do not know each other.

use crate::rtp::StreamConfig;
use crate::sdp::{AudioStream, VideoCodec, VideoStream};

/// What an agreement about sound means for RTP.
pub fn audio(agreed: &AudioStream) -> StreamConfig {
    StreamConfig {
        clock_rate: agreed.codec.rtp_clock(),
        remote: agreed.remote,
        remote_rtcp: agreed.remote_rtcp,
        rtcp_mux: agreed.rtcp_mux,
        recv_pts: agreed.recv_pts.iter().map(|(pt, _)| *pt).collect(),
        dtmf_recv_pts: agreed.dtmf_recv_pts.clone(),
        dtmf_send_pt: agreed.dtmf_send_pt,
        dtmf_clock: agreed.dtmf_clock,
        pli: false,
        fir: false,
    }
}

/// What an agreement about pictures means for RTP.
pub fn video(agreed: &VideoStream) -> StreamConfig {
    StreamConfig {
        clock_rate: VideoCodec::RTP_CLOCK,
        remote: agreed.remote,
        remote_rtcp: agreed.remote_rtcp,
        rtcp_mux: agreed.rtcp_mux,
        recv_pts: agreed.recv_pts.iter().map(|(pt, _)| *pt).collect(),
        dtmf_recv_pts: Vec::new(),
        dtmf_send_pt: None,
        dtmf_clock: VideoCodec::RTP_CLOCK,
        pli: agreed.feedback.pli,
        fir: agreed.feedback.fir,
    }
}
