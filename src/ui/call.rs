//! Twin of the pages of a call: ringing, calling out, in call.

mod others;

use std::rc::Rc;
use std::time::{Duration, Instant};

use screens as ui;
use slint::{ComponentHandle, Image};

use super::gallery::Whose;
use super::panel::{Panel, State};
use super::state::rings_here;
use super::{convert, unlock};
use crate::channel::{AudioView, CallDirection, CallHandle, CallState, CallView, Command, NoticeKind};

/// Touches are ignored for this long after a call came up by itself: nobody hangs up on a visitor by accident.
pub(super) const DEAF: Duration = Duration::from_millis(400);

/// A picture that was agreed upon is awaited for so many seconds; then it is said that none comes.
const PICTURE_AWAITED_S: i32 = 8;

/// Joins the keys of a call.
pub(super) fn connect(window: &ui::AppWindow, panel: &Rc<Panel>) {
    let adapter = window.global::<ui::CallAdapter>();
    /// One key that becomes one command about the call in front.
    macro_rules! key {
        ($on:ident, $command:expr) => {
            let here = panel.clone();
            adapter.$on(move || {
                if let Some(call) = touch(&here) {
                    let command: fn(Option<CallHandle>) -> Command = $command;
                    here.send(command(Some(call)));
                }
            });
        };
    }
    key!(on_answer, Command::Answer);
    key!(on_decline, Command::Decline);
    key!(on_unlock, Command::Unlock);
    key!(on_end, Command::End);
    key!(on_hold, Command::Hold);
    key!(on_resume, Command::Resume);
    let here = panel.clone();
    adapter.on_silence(move || {
        if touch(&here).is_some() {
            // Whoever wants it quiet does not mean one bell of two.
            let ringing: Vec<_> =
                here.state.borrow().calls.values().filter(|call| rings_here(call)).map(|call| call.call).collect();
            for call in ringing {
                here.send(Command::Silence(Some(call)));
            }
        }
    });
    let here = panel.clone();
    adapter.on_set_muted(move |muted| here.send(Command::Mute(muted)));
    let here = panel.clone();
    adapter.on_set_camera(move |on| here.send(Command::SendCamera(on)));
    let here = panel.clone();
    adapter.on_set_volume(move |volume| here.send(Command::Volume(u8::try_from(volume.clamp(0, 100)).unwrap_or(100))));
    let here = panel.clone();
    adapter.on_send_key(move |key| {
        here.send(Command::Dtmf(key.to_string()));
        here.change(|state| state.sent_keys.push_str(&key));
    });
    let here = panel.clone();
    adapter.on_call_again(move || {
        let again = here.state.borrow().ended.as_ref().map(|call| call.remote.clone());
        let (text, account) = {
            let state = here.state.borrow();
            (state.dialled.clone().or(again), state.account)
        };
        if let Some(text) = text {
            here.send(Command::Dial { text, account });
        }
    });
    let here = panel.clone();
    adapter.on_close(move || here.change(|state| state.ended = None));
    connect_second(&adapter, panel);
    others::connect(&adapter, panel);
}

/// The banner of a second caller, and the way back to a call on hold.
fn connect_second(adapter: &ui::CallAdapter, panel: &Rc<Panel>) {
    let second = |panel: &Panel| panel.state.borrow().second().map(|call| call.call);
    let here = panel.clone();
    adapter.on_answer_and_hold(move || here.send(Command::Answer(second(&here))));
    let here = panel.clone();
    adapter.on_answer_and_end(move || {
        let (front, second) = {
            let state = here.state.borrow();
            (state.front().map(|call| call.call), state.second().map(|call| call.call))
        };
        if second.is_some() {
            here.send(Command::End(front));
            here.send(Command::Answer(second));
        }
    });
    let here = panel.clone();
    adapter.on_decline_second(move || here.send(Command::Decline(second(&here))));
    let here = panel.clone();
    adapter.on_swap(move || {
        let waiting = here.state.borrow().waiting().map(|call| call.call);
        here.send(Command::Resume(waiting));
    });
}

/// A key of the call in front was touched: which call that is, unless it has only just come up.
fn touch(panel: &Rc<Panel>) -> Option<CallHandle> {
    panel.touched();
    if panel.came_up.running() {
        tracing::debug!("touched within {} ms after the call came up: ignored", DEAF.as_millis());
        return None;
    }
    panel.state.borrow().front().map(|call| call.call)
}

/// The call in front, the second one, the one that waits.
pub(super) fn apply(window: &ui::AppWindow, state: &State) {
    let adapter = window.global::<ui::CallAdapter>();
    adapter.set_volume(i32::from(state.config.audio_volume));
    adapter.set_has_camera(state.config.video_camera != "none");
    adapter.set_no_sound(state.notices.iter().any(|notice| matches!(notice.kind, NoticeKind::Sound(_))));
    adapter.set_sent_keys(state.sent_keys.as_str().into());
    let Some(front) = state.front() else {
        adapter.set_keypad_open(false);
        adapter.set_details_open(false);
        adapter.set_has_second(false);
        adapter.set_has_waiting(false);
        others::apply(&adapter, state);
        return;
    };
    if front.state == CallState::Ended {
        adapter.set_keypad_open(false);
        adapter.set_details_open(false);
    }
    adapter.set_shown(number(front.call));
    let live = state.live == Some(front.call);
    let mut shown = call_data(front);
    shown.silent = shown.silent && state.calls.values().filter(|call| rings_here(call)).all(|call| call.silent);
    if live {
        shown.has_picture = true;
    } else if let Some(old) = state.pictures.get(&Whose::of_call(&state.config, front)) {
        shown.has_picture = true;
        shown.picture_is_old = true;
        shown.picture_at = convert::moment(old.at);
        if adapter.get_picture() != old.picture {
            adapter.set_picture(old.picture.clone());
        }
    }
    let overdue = seconds(front, Instant::now()) >= PICTURE_AWAITED_S;
    shown.picture_awaited = front.video.as_ref().is_some_and(|video| !video.stalled) && !live && !overdue;
    shown.video_stalled |= front.video.is_some() && !live && overdue;
    if adapter.get_call() != shown {
        adapter.set_call(shown);
    }
    let now = Instant::now();
    adapter.set_seconds(seconds(front, now));
    adapter.set_quality(quality_of(front));
    adapter.set_figures(figures(front));
    adapter.set_has_second(state.second().is_some());
    if let Some(second) = state.second() {
        let shown = call_data(second);
        if adapter.get_second() != shown {
            adapter.set_second(shown);
        }
        adapter.set_second_seconds(seconds(second, now));
        adapter.set_second_shown(number(second.call));
    }
    others::apply(&adapter, state);
    adapter.set_has_waiting(state.waiting().is_some());
    adapter.set_waiting_name(state.waiting().map(|call| call.name.as_str()).unwrap_or_default().into());
}

/// A call as the pages name it.
fn number(call: CallHandle) -> i32 {
    i32::try_from(call.0).unwrap_or(i32::MAX)
}

/// The newest picture of the call in front.
pub(super) fn apply_picture(window: &ui::AppWindow, picture: Image) {
    window.global::<ui::CallAdapter>().set_picture(picture);
}

fn call_data(call: &CallView) -> ui::CallData {
    let now = Instant::now();
    let unlock = unlock::shown(&call.unlock, now).as_contact_says(call.open);
    let (end_reason, end_code) = convert::end_reason(call.end_reason);
    ui::CallData {
        call: number(call.call),
        incoming: call.direction == CallDirection::In,
        phase: convert::phase(call.state),
        account: i32::from(call.account),
        legs: i32::try_from(call.legs).unwrap_or(i32::MAX),
        name: call.name.as_str().into(),
        initial: convert::initial(&call.name).into(),
        longest_word: call
            .name
            .split_whitespace()
            .map(|word| word.chars().count())
            .max()
            .and_then(|n| i32::try_from(n).ok())
            .unwrap_or(0),
        remote: remote_line(call).into(),
        door: call.can_unlock,
        silent: call.silent,
        muted: call.muted,
        camera: call.camera,
        can_unlock: call.can_unlock,
        unlock: unlock.state,
        unlock_seconds: unlock.seconds,
        unlock_fault: unlock.fault,
        unlock_code: unlock.code,
        held_by_remote: call.held_by_remote,
        end_reason,
        end_code,
        video_stalled: call.video.as_ref().is_some_and(|video| video.stalled),
        ..Default::default()
    }
}

/// Whole seconds of ringing, then of talking.
fn seconds(call: &CallView, now: Instant) -> i32 {
    let since = call.answered.unwrap_or(call.began);
    i32::try_from(now.saturating_duration_since(since).as_secs()).unwrap_or(i32::MAX)
}

fn figures(call: &CallView) -> ui::CallFigures {
    let mut figures = ui::CallFigures::default();
    if let Some(audio) = &call.audio {
        figures.audio_codec = audio.codec.into();
        figures.loss = loss(audio);
        figures.jitter_ms = audio.jitter_ms.round() as i32;
        figures.delay_ms = audio.buffer_ms as i32 + audio.round_trip_ms.map_or(0, |trip| (trip / 2.0).round() as i32);
    }
    if let Some(video) = &call.video {
        figures.video_codec = video.codec.into();
        figures.video_width = i32::try_from(video.width).unwrap_or(0);
        figures.video_height = i32::try_from(video.height).unwrap_or(0);
        figures.video_fps = video.fps.round() as i32;
    }
    figures
}

/// Percent of the packets that never came.
fn loss(audio: &AudioView) -> f32 {
    let total = audio.packets_in + audio.lost;
    if total == 0 { 0.0 } else { audio.lost as f32 * 100.0 / total as f32 }
}

/// The address under the name, where it says more than the name does.
fn remote_line(call: &CallView) -> String {
    let short = convert::short(&call.remote);
    if short == call.name { String::new() } else { short }
}

fn quality_of(call: &CallView) -> i32 {
    call.audio.as_ref().map_or(0, |audio| quality(audio.packets_in, loss(audio), audio.jitter_ms))
}

/// Three bars: by loss and jitter, as one hears them.
pub(super) fn quality(packets: u64, loss: f32, jitter_ms: f32) -> i32 {
    match (packets, loss, jitter_ms) {
        (0, _, _) => 0,
        (_, loss, jitter) if loss < 2.0 && jitter < 40.0 => 3,
        (_, loss, jitter) if loss < 8.0 && jitter < 100.0 => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quality_follows_loss_and_jitter() {
        assert_eq!(quality(0, 0.0, 0.0), 0);
        assert_eq!(quality(100, 0.5, 4.0), 3);
        assert_eq!(quality(100, 5.0, 4.0), 2);
        assert_eq!(quality(100, 0.0, 150.0), 1);
    }
}
