//! The views of the contract as the JSON of the control socket: the answer to `status`, and the parts that events share with it.

use std::time::{Instant, SystemTime};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::channel::{
    AccountTestView, AudioView, CallDirection, CallView, DirectIpView, DndServerState, DndServerView, DoorKeyView,
    LightView, LogEntry, Notice, PinView, RegistrationView, Screen, StreamQuality, TestStep, VideoView, WiredDoorView,
};
use crate::config::{Config, DialRule, RuleImport, moment_text};
use crate::sdp::VideoCodec;
use crate::worker::certificates::Listed;

/// All that `status` tells.
#[derive(Clone, Debug)]
pub struct State<'a> {
    /// What the screen last said that it shows.
    pub screen: Screen,
    /// The light of the screen.
    pub light: LightView,
    /// The door that is wired to this panel.
    pub door: WiredDoorView,
    /// The settings, for those of do not disturb.
    pub dnd: &'a Config,
    /// What the servers of the accounts say to it.
    pub dnd_servers: &'a [DndServerView],
    /// Direct IP calls.
    pub direct_ip: &'a DirectIpView,
    /// The accounts, in order.
    pub accounts: &'a [RegistrationView],
    /// The calls that are not yet forgotten.
    pub calls: &'a [CallView],
    /// The keys of the doors outside any call.
    pub doors: &'a [DoorKeyView],
    /// Missed calls that nobody has looked at.
    pub missed: usize,
    /// What the resident or the installer should know.
    pub notices: &'a [Notice],
    /// The installer's PIN.
    pub pin: &'a PinView,
    /// Which pictures can be shown; `None` until that is known.
    pub shows: Option<&'a [VideoCodec]>,
}

/// The answer to `status`.
pub fn status(now: Instant, state: &State<'_>) -> Value {
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "screen": state.screen.name(),
        "light": light(&state.light),
        "door": wired_door(&state.door),
        "dnd": state.dnd.dnd_mode.word(),
        "dnd_until": state.dnd.dnd_until.map(moment_text),
        "dnd_accounts": state.dnd.dnd_accounts.words().collect::<Vec<_>>(),
        "dnd_servers": dnd_servers(state.dnd_servers),
        "direct_ip": direct_ip(state.direct_ip),
        "accounts": state.accounts.iter().map(|view| account(now, view)).collect::<Vec<_>>(),
        "calls": state.calls.iter().map(|view| call(now, view)).collect::<Vec<_>>(),
        "doors": state.doors.iter().map(door_key).collect::<Vec<_>>(),
        "missed": state.missed,
        "notices": notices(state.notices),
        "pin": pin(now, state.pin),
        "shows": state.shows.map(|codecs| codecs.iter().map(|codec| codec.name()).collect::<Vec<_>>()),
    })
}

/// The light of the screen; `backlight` in percent, 0 while it sleeps.
pub fn light(view: &LightView) -> Value {
    json!({"asleep": view.asleep, "night": view.night, "backlight": view.backlight})
}

/// What the servers of the accounts say to do not disturb: `none`, `calling`, `done` or `failed`, the last with a reason.
pub fn dnd_servers(views: &[DndServerView]) -> Value {
    let one = |view: &DndServerView| {
        let (reason, again) = match view.state {
            DndServerState::Failed { fault, again } => (Some(fault.to_string()), again),
            _ => (None, false),
        };
        json!({
            "account": view.account,
            "on": view.on,
            "code": view.code,
            "state": view.state.name(),
            "reason": reason,
            "again": again,
        })
    };
    views.iter().map(one).collect()
}

/// Direct IP calls.
pub fn direct_ip(view: &DirectIpView) -> Value {
    json!({
        "enabled": view.enabled,
        "port": view.port,
        "address": view.address,
        "listening": view.listening,
        "error": view.error.as_ref().map(ToString::to_string),
    })
}

/// One account.
pub fn account(now: Instant, view: &RegistrationView) -> Value {
    json!({
        "account": view.account,
        "label": view.label,
        "state": view.state.name(),
        "reason": view.fault.as_ref().map(|fault| fault.to_string()),
        "expires_in_s": view.expires_at.map(|at| seconds_until(now, at)),
        "next_try_s": view.next_try_at.map(|at| seconds_until(now, at)),
        "server": view.server,
        "via": view.via,
        "proxy": view.proxy.name(),
        "certificate_expires": view.certificate_expires.map(date),
    })
}

/// An imported file, and the settings that name it.
pub fn certificate(file: &Listed, used_by: &[String]) -> Value {
    let facts = file.certificate.as_ref();
    json!({
        "file": file.name,
        "subject": facts.map(|facts| &facts.subject),
        "for": facts.map(|facts| facts.identities.iter().map(ToString::to_string).collect::<Vec<_>>()),
        "expires": facts.map(|facts| date(facts.expires())),
        "key": file.has_key,
        "used_by": used_by,
        "problem": file.problem,
    })
}

/// How a trial of an account goes: `outcome` is null until it is over, then `ok` or what is wrong.
pub fn account_test(view: &AccountTestView) -> Value {
    json!({
        "account": view.account,
        "step": match view.step {
            TestStep::Finding => "finding",
            TestStep::Connecting => "connecting",
            TestStep::Asking => "asking",
        },
        "outcome": view.outcome.as_ref().map(|outcome| match outcome {
            Ok(()) => "ok".to_owned(),
            Err(fault) => fault.to_string(),
        }),
    })
}

/// The installer's PIN: whether there is one, whether the pages behind it are open, and how the last entry went.
pub fn pin(now: Instant, view: &PinView) -> Value {
    json!({
        "set": view.set,
        "open": view.open,
        "tries_left": view.tries_left,
        "locked_s": view.locked_until.map(|at| seconds_until(now, at)),
        "answer": view.answer.name(),
    })
}

/// One call; `since_ms` counts from its beginning, `answered_ms` from its answer.
pub fn call(now: Instant, view: &CallView) -> Value {
    json!({
        "call": view.call.0,
        "direction": match view.direction {
            CallDirection::In => "in",
            CallDirection::Out => "out",
        },
        "state": view.state.name(),
        "account": view.account,
        "remote": view.remote,
        "name": view.name,
        "legs": view.legs,
        "since_ms": milliseconds(now, view.began),
        "answered_ms": view.answered.map(|at| milliseconds(now, at)),
        "end_reason": view.end_reason.map(|reason| reason.to_string()),
        "held_by_remote": view.held_by_remote,
        "silent": view.silent,
        "muted": view.muted,
        "camera": view.camera,
        "can_unlock": view.can_unlock,
        "unlock": view.unlock.name(),
        "unlock_reason": view.unlock.fault().map(ToString::to_string),
        "open": view.open,
        "session_timer": view.session_timer.map(|timer| {
            json!({"expires_s": timer.expires_s, "refresher": if timer.by_us { "us" } else { "them" }})
        }),
        "audio": view.audio.as_ref().map(audio),
        "video": view.video.as_ref().map(video),
    })
}

/// The door that is wired to this panel; `open` is null where no contact says so.
pub fn wired_door(view: &WiredDoorView) -> Value {
    json!({"open": view.open})
}

/// The Unlock key of a door outside any call: `idle`, `sending`, `opened` or `failed`, the last with a reason.
pub fn door_key(view: &DoorKeyView) -> Value {
    json!({
        "name": view.name,
        "can_unlock": view.can_unlock,
        "unlock": view.unlock.name(),
        "unlock_reason": view.unlock.fault().map(ToString::to_string),
    })
}

/// One rule of the dial plan.
pub fn rule(rule: &DialRule) -> Value {
    json!({"name": rule.name, "prefix": rule.prefix, "replace": rule.replace, "account": rule.account.word()})
}

/// What came of a table of dial rules.
pub fn rule_import(import: &RuleImport) -> Value {
    let bad: Vec<Value> = import.bad.iter().map(|bad| json!({"line": bad.line, "reason": bad.reason})).collect();
    json!({
        "added": import.added,
        "changed": import.changed,
        "same": import.same,
        "refused": import.refused,
        "bad": bad,
    })
}

/// The list of notices, each with the number that dismisses it.
pub fn notices(list: &[Notice]) -> Value {
    list.iter().map(|notice| json!({"notice": notice.id, "text": notice.kind.to_string()})).collect()
}

fn audio(view: &AudioView) -> Value {
    json!({
        "codec": view.codec,
        "direction": view.direction,
        "packets_in": view.packets_in,
        "lost": view.lost,
        "concealed_ms": view.concealed_ms,
        "jitter_ms": tenths(view.jitter_ms),
        "buffer_ms": view.buffer_ms,
        "packets_out": view.packets_out,
        "round_trip_ms": view.round_trip_ms.map(tenths),
        "srtp": view.srtp,
    })
}

fn video(view: &VideoView) -> Value {
    json!({
        "codec": view.codec,
        "direction": view.direction,
        "width": view.width,
        "height": view.height,
        "packets_in": view.packets_in,
        "lost": view.lost,
        "jitter_ms": tenths(view.jitter_ms),
        "frames": view.frames,
        "fps": tenths(view.fps),
        "first_frame_ms": view.first_frame_ms,
        "keyframe_requests": view.keyframe_requests,
        "stalled": view.stalled,
    })
}

/// One line of the call log.
pub fn log_entry(entry: &LogEntry) -> Value {
    let stream = |quality: &StreamQuality| {
        json!({
            "codec": quality.codec,
            "packets": quality.packets,
            "lost": quality.lost,
            "loss_percent": tenths(quality.loss()),
            "jitter_ms": tenths(quality.jitter_ms),
        })
    };
    json!({
        "at": date(entry.at),
        "direction": if entry.outgoing { "out" } else { "in" },
        "remote": entry.remote,
        "name": entry.name,
        "account": entry.account,
        "result": entry.result,
        "reason": entry.why.map(|why| why.to_string()),
        "duration_s": entry.duration.as_secs(),
        "unlocked": entry.unlocked,
        "unseen": entry.unseen,
        "attempts": entry.attempts,
        "picture": entry.picture.as_ref().map(|picture| picture.file.as_str()),
        "audio": entry.quality.audio.as_ref().map(stream),
        "video": entry.quality.video.as_ref().map(stream),
    })
}

/// `2026-12-31T23:59:59Z`; nothing for a time that no calendar has.
fn date(at: SystemTime) -> Option<String> {
    Timestamp::try_from(at).ok().map(|at| at.to_string())
}

fn seconds_until(now: Instant, then: Instant) -> u64 {
    then.saturating_duration_since(now).as_secs()
}

fn milliseconds(now: Instant, then: Instant) -> u64 {
    u64::try_from(now.saturating_duration_since(then).as_millis()).unwrap_or(u64::MAX)
}

/// One digit behind the point: 1.2, not 1.2000000476837158.
fn tenths(value: f32) -> f64 {
    (f64::from(value) * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::{
        CallState, CodeFault, EndReason, RegistrationState, SessionTimerView, UnlockFault, UnlockState,
    };
    use std::time::Duration;

    fn ringing(now: Instant) -> CallView {
        CallView { began: now - Duration::from_millis(8123), ..CallView::of_visitor("Front door") }
    }

    /// Every field of the contract's example is there, under its name and of its kind.
    #[test]
    fn the_status_has_the_shape_of_the_contract() {
        let now = Instant::now() + Duration::from_secs(60);
        let mut call = ringing(now);
        call.state = CallState::Confirmed;
        call.audio = Some(AudioView {
            codec: "opus",
            direction: "sendrecv",
            packets_in: 410,
            jitter_ms: 1.2,
            packets_out: 409,
            buffer_ms: 24,
            ..AudioView::default()
        });
        call.video = Some(VideoView {
            codec: "H264",
            direction: "recvonly",
            width: 640,
            height: 480,
            packets_in: 1300,
            frames: 212,
            fps: 25.0,
            first_frame_ms: Some(96),
            keyframe_requests: 1,
            ..VideoView::default()
        });
        let direct_ip = DirectIpView {
            enabled: true,
            port: 5060,
            address: Some(std::net::Ipv4Addr::LOCALHOST.into()),
            listening: vec!["udp:0.0.0.0:5060".into(), "tcp:0.0.0.0:5060".into()],
            error: None,
        };
        let accounts = [1, 2].map(|account| RegistrationView {
            account,
            state: RegistrationState::Disabled,
            ..RegistrationView::default()
        });
        let failed = DndServerState::Failed { fault: CodeFault::NotRegistered, again: true };
        let servers = [DndServerState::None, failed].map(|state| DndServerView { state, ..DndServerView::default() });
        let state = State {
            screen: Screen::InCall,
            door: WiredDoorView { open: Some(true) },
            light: LightView { asleep: false, night: true, backlight: 80 },
            dnd: &Config::default(),
            dnd_servers: &servers,
            direct_ip: &direct_ip,
            accounts: &accounts,
            calls: &[call],
            doors: &[DoorKeyView {
                name: "Gate".into(),
                can_unlock: true,
                unlock: UnlockState::Failed(UnlockFault::UnknownAddress(404)),
            }],
            missed: 0,
            notices: &[],
            pin: &PinView::default(),
            shows: Some(&[VideoCodec::H264, VideoCodec::Vp8]),
        };
        let given = status(now, &state);
        let expected = json!({
            "version": env!("CARGO_PKG_VERSION"), "screen": "in_call", "dnd": "off", "missed": 0,
            "shows": ["H264", "VP8"], "dnd_until": null, "dnd_accounts": ["1", "2", "ip"],
            "dnd_servers": [{"state": "none", "reason": null}, {"state": "failed", "reason": "not registered", "again": true}],
            "direct_ip": {"enabled": true, "port": 5060, "listening": ["udp:0.0.0.0:5060", "tcp:0.0.0.0:5060"],
                "error": null},
            "calls": [{"call": 1, "direction": "in", "state": "confirmed", "account": 0, "remote": "sip:door@127.0.0.1",
                "name": "Front door", "since_ms": 8123, "end_reason": null,
                "audio": {"codec": "opus", "direction": "sendrecv", "packets_in": 410, "lost": 0, "concealed_ms": 0,
                    "jitter_ms": 1.2, "buffer_ms": 24, "packets_out": 409, "srtp": false},
                "video": {"codec": "H264", "direction": "recvonly", "width": 640, "height": 480, "frames": 212,
                    "fps": 25.0, "first_frame_ms": 96, "keyframe_requests": 1}}],
            "accounts": [{"account": 1, "state": "disabled"}, {"account": 2}],
            "door": {"open": true},
            "light": {"asleep": false, "night": true, "backlight": 80},
        });
        assert_contains(&given, &expected, "status");
        for field in ["reason", "expires_in_s", "next_try_s", "server", "via", "proxy"] {
            assert!(given["accounts"][0].get(field).is_some(), "accounts lack {field}");
        }
        assert!(given["calls"][0].get("session_timer").is_some());
    }

    #[test]
    fn a_session_timer_tells_who_refreshes() {
        let now = Instant::now() + Duration::from_secs(60);
        for (by_us, refresher) in [(true, "us"), (false, "them")] {
            let view = CallView { session_timer: Some(SessionTimerView { expires_s: 1800, by_us }), ..ringing(now) };
            assert_eq!(call(now, &view)["session_timer"], json!({"expires_s": 1800, "refresher": refresher}));
        }
    }

    #[test]
    fn an_ended_call_tells_why_in_words() {
        let now = Instant::now() + Duration::from_secs(60);
        let mut view = ringing(now);
        view.state = CallState::Ended;
        view.end_reason = Some(EndReason::Busy);
        let given = call(now, &view);
        assert_eq!(given["state"], "ended");
        assert_eq!(given["end_reason"], "busy");
        assert_eq!(given["audio"], Value::Null);
    }

    /// That `given` has all that `expected` has; it may have more.
    fn assert_contains(given: &Value, expected: &Value, place: &str) {
        match (given, expected) {
            (Value::Object(given), Value::Object(expected)) => {
                for (name, value) in expected {
                    let found = given.get(name).unwrap_or_else(|| panic!("{place} lacks {name}"));
                    assert_contains(found, value, &format!("{place}.{name}"));
                }
            }
            (Value::Array(given), Value::Array(expected)) => {
                assert_eq!(given.len(), expected.len(), "{place}");
                for (given, expected) in given.iter().zip(expected) {
                    assert_contains(given, expected, place);
                }
            }
            _ => assert_eq!(given, expected, "{place}"),
        }
    }
}
