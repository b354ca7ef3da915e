//! Descriptions in the style of what is found in the field. The words are ours, the habits are theirs.

/// A small soft phone: everything written out, CRLF, its own numbers, sound only.
pub const BARESIP: &str = "v=0\r\no=- 3417 1127 IN IP4 192.168.1.20\r\ns=-\r\nc=IN IP4 192.168.1.20\r\nt=0 0\r\n\
a=tool:baresip 3.16\r\nm=audio 16384 RTP/AVP 96 9 0 8 101\r\na=rtpmap:96 opus/48000/2\r\n\
a=fmtp:96 stereo=1;sprop-stereo=1;maxaveragebitrate=28000\r\na=rtpmap:9 G722/8000\r\na=rtpmap:0 PCMU/8000\r\n\
a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=rtcp:16385\r\na=sendrecv\r\n\
a=label:1\r\na=rtcp-rsize\r\na=ssrc:2419 cname:sip:door@192.168.1.20\r\na=ptime:20\r\n\
m=video 16386 RTP/AVP 97\r\nb=AS:1024\r\na=rtpmap:97 H264/90000\r\n\
a=fmtp:97 packetization-mode=0;profile-level-id=42801f\r\na=rtcp:16387\r\na=framerate:30.00\r\na=sendrecv\r\n\
a=rtcp-fb:* nack pli\r\na=label:2\r\n";

/// A large soft phone: two telephone-events, AVPF, feedback for each format, session-wide attributes.
pub const LINPHONE: &str = "v=0\r\no=visitor 1837 3342 IN IP4 10.0.0.7\r\ns=Talk\r\nc=IN IP4 10.0.0.7\r\nt=0 0\r\n\
a=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics\r\na=record:off\r\n\
m=audio 7078 RTP/AVPF 96 97 98 0 8 18 101 99 100\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\n\
a=rtpmap:97 speex/16000\r\na=fmtp:97 vbr=on\r\na=rtpmap:98 speex/8000\r\na=fmtp:98 vbr=on\r\n\
a=fmtp:18 annexb=yes\r\na=rtpmap:101 telephone-event/48000\r\na=rtpmap:99 telephone-event/16000\r\n\
a=rtpmap:100 telephone-event/8000\r\na=rtcp:7079\r\na=rtcp-fb:* trr-int 5000\r\na=rtcp-mux\r\n\
m=video 9078 RTP/AVPF 96 97\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 H264/90000\r\n\
a=fmtp:97 profile-level-id=42801F;packetization-mode=1\r\na=rtcp-fb:* trr-int 1000\r\n\
a=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 ccm fir\r\na=rtcp-fb:97 ccm fir\r\na=rtcp-mux\r\n";

/// A door station: picture one way, several H.264 profiles, parameter sets, no `a=rtcp`, spaces in the parameters.
pub const AKUVOX: &str = "v=0\r\no=1001 20880 20880 IN IP4 192.168.35.123\r\ns=A conversation\r\n\
c=IN IP4 192.168.35.123\r\nt=0 0\r\nm=audio 12000 RTP/AVP 0 8 18 101\r\na=rtpmap:0 PCMU/8000\r\n\
a=rtpmap:8 PCMA/8000\r\na=rtpmap:18 G729/8000\r\na=fmtp:18 annexb=no\r\na=rtpmap:101 telephone-event/8000\r\n\
a=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\nm=video 12002 RTP/AVP 104 103\r\nb=AS:2048\r\n\
a=rtpmap:104 H264/90000\r\na=fmtp:104 profile-level-id=64001F; packetization-mode=1; \
sprop-parameter-sets=Z2QAH6zZQFAFuwEQAAADABAAAAMDyPGDGWA=,aOvjyyLA\r\na=rtpmap:103 H264/90000\r\n\
a=fmtp:103 profile-level-id=42E01F; packetization-mode=1\r\na=sendonly\r\n";

/// A door station: LF only, no `s=` and no `t=`, an address for each medium, static types without `a=rtpmap`.
pub const TERSE: &str = "v=0\no=- 1 1 IN IP4 10.1.1.5\nm=audio 5004 RTP/AVP 8 0 101\nc=IN IP4 10.1.1.5\n\
a=fmtp:101 0-15\nm=video 5006 RTP/AVP 99\nc=IN IP4 10.1.1.6\na=rtpmap:99 h264/90000\na=fmtp:99 packetization-mode=1\n\
a=SendOnly\n";

/// A door station: long session names with bytes that are not UTF-8 are added by the test; here high ports and TIAS.
pub const TWO_N: &str = "v=0\r\no=- 1599556223 1 IN IP4 192.168.22.40\r\ns=Helios IP\r\nc=IN IP4 192.168.22.40\r\n\
b=AS:1088\r\nt=0 0\r\nm=audio 5182 RTP/AVP 9 0 8 101\r\na=rtpmap:9 G722/8000\r\na=rtpmap:0 PCMU/8000\r\n\
a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=sendrecv\r\n\
m=video 5184 RTP/AVP 123 108\r\nb=TIAS:1024000\r\na=rtpmap:123 H264/90000\r\n\
a=fmtp:123 profile-level-id=42801E;packetization-mode=0\r\na=rtpmap:108 H264/90000\r\n\
a=fmtp:108 profile-level-id=42801E;packetization-mode=1\r\na=sendonly\r\n";

/// An exchange: its own numbers, `maxptime`, a picture line without anything that we know.
pub const ASTERISK: &str = "v=0\r\no=- 841531290 841531290 IN IP4 172.16.0.1\r\ns=Asterisk\r\nc=IN IP4 172.16.0.1\r\n\
t=0 0\r\nm=audio 18442 RTP/AVP 107 9 8 0 101\r\na=rtpmap:107 opus/48000/2\r\na=fmtp:107 useinbandfec=1\r\n\
a=rtpmap:9 G722/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n\
a=fmtp:101 0-16\r\na=ptime:20\r\na=maxptime:60\r\na=sendrecv\r\nm=video 18444 RTP/AVP 31 34\r\n\
a=rtpmap:31 H261/90000\r\na=rtpmap:34 H263/90000\r\na=sendrecv\r\n";

/// Another exchange: comfort noise, a fax line and a data channel between the media.
pub const FREESWITCH: &str = "v=0\r\no=FreeSWITCH 1700000000 1700000001 IN IP4 198.51.100.9\r\ns=FreeSWITCH\r\n\
c=IN IP4 198.51.100.9\r\nt=0 0\r\nm=image 30000 udptl t38\r\na=T38FaxVersion:0\r\n\
m=audio 30002 RTP/AVP 102 8 0 103 101 13\r\na=rtpmap:102 opus/48000/2\r\na=fmtp:102 useinbandfec=1; stereo=0\r\n\
a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:103 telephone-event/48000\r\na=fmtp:103 0-15\r\n\
a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=rtpmap:13 CN/8000\r\na=ptime:30\r\n\
m=application 30006 UDP/DTLS/SCTP webrtc-datachannel\r\n";

/// All of them.
pub const ALL: [&str; 7] = [BARESIP, LINPHONE, AKUVOX, TERSE, TWO_N, ASTERISK, FREESWITCH];
