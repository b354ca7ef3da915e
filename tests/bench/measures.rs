//! How each figure is taken.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::clips::{Clips, MIDWAY, PULSE_EVERY, PULSE_HEARD, loudness};
use crate::net::Inbox;
use crate::phones::{Panel, Phone};
use crate::rtp::{self, Format, Media, PACKET, Playing};
use crate::sip::{Call, Caller, Remote};
use crate::table::{self, Figures, Whose};
use crate::usage;

/// Calls of each kind in one run, for the figures of signalling.
const CALLS: u32 = 4;
/// How long a call settles before its load is measured, and for how long that is done.
const SETTLE: Duration = Duration::from_secs(1);
const WINDOW: Duration = Duration::from_secs(4);
/// The same for nothing at all.
const IDLE_WINDOW: Duration = Duration::from_secs(20);
/// How long pulses are sent.
const PULSES: Duration = Duration::from_secs(4);
/// No phone holds sound back for longer.
const LONGEST_DELAY: Duration = Duration::from_millis(320);

/// A phone and its name in the table.
pub struct Subject<'a> {
    pub whose: Whose,
    pub phone: &'a dyn Phone,
    /// The same, if it has a screen that can be asked.
    pub screen: Option<&'a Panel>,
}

/// Milliseconds from one moment to a later one; less than nothing if it was earlier.
pub fn between(from: Instant, to: Instant) -> f64 {
    let span = |from: Instant, to: Instant| to.saturating_duration_since(from).as_secs_f64() * 1e3;
    span(from, to) - span(to, from)
}

/// INVITE → 180 and, for the panel, → ringing screen drawn.
pub fn ringing(subject: &Subject<'_>, figures: &mut Figures) -> Result<(), String> {
    let user = subject.phone.answer_by_itself(false)?;
    let mut caller = Caller::new()?;
    for _ in 0..CALLS {
        if let Some(panel) = subject.screen {
            back_to_clock(panel)?;
        }
        let media = Media::new()?;
        let mut call = caller.invite(subject.phone.address(), user, &media, Format::Pcmu, true)?;
        let answer = call.answer(|status| (180..190).contains(&status))?;
        figures.add(table::RINGING, subject.whose, between(call.invited, answer.at));
        if let Some(panel) = subject.screen {
            let drawn = panel.shows(&["ringing"])?;
            figures.add(table::RINGING_SCREEN, subject.whose, between(call.invited, drawn));
        } else {
            std::thread::sleep(Duration::from_millis(100));
        }
        call.cancel()?;
    }
    Ok(())
}

/// Waits until the clock shows, as it mostly does when the bell rings.
pub fn back_to_clock(panel: &Panel) -> Result<(), String> {
    if panel.page()? != "idle" {
        panel.shows(&["idle"])?;
    }
    panel.forget();
    Ok(())
}

/// INVITE → 200 and 200 → first RTP.
pub fn answering(subject: &Subject<'_>, figures: &mut Figures) -> Result<(), String> {
    let user = subject.phone.answer_by_itself(true)?;
    let mut caller = Caller::new()?;
    for _ in 0..CALLS {
        let media = Media::new()?;
        let sound = Inbox::new(&media.audio.rtp)?;
        let mut call = caller.invite(subject.phone.address(), user, &media, Format::Pcmu, true)?;
        let answer = call.answer(|status| status == 200)?;
        figures.add(table::ANSWERED, subject.whose, between(call.invited, answer.at));
        let remote = call.confirm(&answer)?;
        // A phone whose microphone hears its loudspeaker may need something to say.
        let silence = vec![vec![0xFF; 160]];
        let playing = rtp::play(&media, remote.audio, Format::Pcmu, silence.into(), |_, _| ())?;
        let first = sound.next(Duration::from_secs(2)).map_err(|_| "no RTP came within 2 s")?;
        figures.add(table::FIRST_RTP, subject.whose, between(answer.at, first.at));
        std::thread::sleep(Duration::from_millis(100));
        drop(playing);
        call.bye()?;
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// A call that was answered and is spoken to.
pub struct Talk<'a> {
    pub call: Call<'a>,
    pub remote: Remote,
    _sound: Playing,
}

/// Calls, is answered, and speaks.
pub fn talk<'a>(
    caller: &'a mut Caller,
    subject: &Subject<'_>,
    media: &Media,
    format: Format,
    clips: &Clips,
    video: bool,
) -> Result<Talk<'a>, String> {
    let user = subject.phone.answer_by_itself(true)?;
    let mut call = caller.invite(subject.phone.address(), user, media, format, video)?;
    let answer = call.answer(|status| status == 200)?;
    let remote = call.confirm(&answer)?;
    let payloads = match format {
        Format::Pcmu => clips.pcmu.clone(),
        Format::Opus => clips.opus.clone(),
    };
    let sound = rtp::play(media, remote.audio, format, payloads, |_, _| ())?;
    Ok(Talk { call, remote, _sound: sound })
}

/// The load of a call with sound alone.
pub fn sound(
    subject: &Subject<'_>,
    format: Format,
    name: &'static str,
    clips: &Clips,
    figures: &mut Figures,
) -> Result<(), String> {
    let (mut caller, media) = (Caller::new()?, Media::new()?);
    let heard = Inbox::new(&media.audio.rtp)?;
    let talk = talk(&mut caller, subject, &media, format, clips, false)?;
    std::thread::sleep(SETTLE);
    heard.drain().for_each(drop);
    let load = usage::watch(&[subject.phone.pid()], WINDOW)?;
    let came = heard.drain().filter(|packet| rtp::payload(&packet.bytes, format).is_some()).count();
    talk.call.bye()?;
    let expected = (WINDOW.as_millis() / PACKET.as_millis()) as usize;
    if came < expected * 9 / 10 {
        return Err(format!("of {expected} packets only {came} came back"));
    }
    figures.add(name, subject.whose, load[0].cpu);
    Ok(())
}

/// The load of a call with G.711 and pictures.
pub fn pictures(subject: &Subject<'_>, clips: &Clips, figures: &mut Figures) -> Result<(), String> {
    let (mut caller, media) = (Caller::new()?, Media::new()?);
    let talk = talk(&mut caller, subject, &media, Format::Pcmu, clips, true)?;
    let to = talk.remote.video.ok_or("the phone refused the pictures")?;
    let showing = rtp::show(&media, to, clips.pictures.clone(), 0, |_| ())?;
    std::thread::sleep(SETTLE);
    let load = usage::watch(&[subject.phone.pid()], WINDOW)?;
    let (rss, pss) = usage::memory(subject.phone.pid())?;
    let status = subject.screen.map(Panel::status).transpose()?;
    drop(showing);
    talk.call.bye()?;
    if let Some(status) = status {
        let frames = status["calls"][0]["video"]["frames"].as_u64().unwrap_or(0);
        let expected = ((SETTLE + WINDOW).as_millis() / rtp::PICTURE.as_millis()) as u64;
        if frames < expected * 8 / 10 {
            return Err(format!("of {expected} pictures only {frames} were shown"));
        }
    }
    figures.add(table::CPU_VIDEO, subject.whose, load[0].cpu);
    figures.add(table::VIDEO_RSS, subject.whose, rss);
    figures.add(table::VIDEO_PSS, subject.whose, pss);
    Ok(())
}

/// First packet of a stream that was joined in its midst → first picture, as the panel's log says it.
pub fn first_picture(subject: &Subject<'_>, panel: &Panel, clips: &Clips, figures: &mut Figures) -> Result<(), String> {
    let (mut caller, media) = (Caller::new()?, Media::new()?);
    let talk = talk(&mut caller, subject, &media, Format::Pcmu, clips, true)?;
    let to = talk.remote.video.ok_or("the panel refused the pictures")?;
    std::thread::sleep(Duration::from_millis(200));
    panel.forget();
    let (sender, first) = mpsc::channel();
    let sent = move |at| {
        // Nobody waits for it if the phone has left.
        let _ = sender.send(at);
    };
    let showing = rtp::show(&media, to, clips.pictures.clone(), MIDWAY, sent)?;
    let shown = panel.says("first picture after")?;
    let first = first.recv().map_err(|_| "nothing was sent")?;
    figures.add(table::FIRST_PICTURE, subject.whose, between(first, shown));
    drop(showing);
    talk.call.bye()
}

/// Load and memory of phones that do nothing, all in the same window.
pub fn idle(subjects: &[Subject<'_>], figures: &mut Figures) -> Result<(), String> {
    let pids: Vec<u32> = subjects.iter().map(|subject| subject.phone.pid()).collect();
    let loads = usage::watch(&pids, IDLE_WINDOW)?;
    for (subject, load) in subjects.iter().zip(loads) {
        let (rss, pss) = usage::memory(subject.phone.pid())?;
        figures.add(table::IDLE_CPU, subject.whose, load.cpu);
        figures.add(table::IDLE_WAKEUPS, subject.whose, load.wakeups);
        figures.add(table::IDLE_RSS, subject.whose, rss);
        figures.add(table::IDLE_PSS, subject.whose, pss);
    }
    Ok(())
}

/// How long a pulse takes through the phone's loudspeaker and microphone: from the moment at which its first sample left,
/// to the moment at which that sample came back, each by the arrival of its packet and its place in it.
pub fn loop_delay(subject: &Subject<'_>, clips: &Clips, figures: &mut Figures) -> Result<(), String> {
    let user = subject.phone.answer_by_itself(true)?;
    let (mut caller, media) = (Caller::new()?, Media::new()?);
    let heard = Inbox::new(&media.audio.rtp)?;
    let mut call = caller.invite(subject.phone.address(), user, &media, Format::Pcmu, false)?;
    let answer = call.answer(|status| status == 200)?;
    let remote = call.confirm(&answer)?;
    let (sender, pulses) = mpsc::channel();
    let sent = move |number: u32, at| {
        if number.is_multiple_of(PULSE_EVERY) {
            // Nobody listens any longer at the very end.
            let _ = sender.send(at);
        }
    };
    let playing = rtp::play(&media, remote.audio, Format::Pcmu, clips.pulses.clone(), sent)?;
    std::thread::sleep(PULSES);
    drop(playing);
    call.bye()?;

    let mut onsets: Vec<Instant> = Vec::new();
    for packet in heard.drain() {
        let Some(samples) = rtp::payload(&packet.bytes, Format::Pcmu) else { continue };
        let Some(place) = samples.iter().position(|byte| loudness(*byte) > PULSE_HEARD) else { continue };
        let onset = packet.at + Duration::from_micros(place as u64 * 125);
        // The rest of the same pulse may be in the next packet.
        if onsets.last().is_none_or(|last| onset.saturating_duration_since(*last) > 2 * PACKET) {
            onsets.push(onset);
        }
    }
    let mut delays = Vec::new();
    // The first pulses meet a phone that still sizes its buffers.
    for pulse in pulses.try_iter().skip(2) {
        let back = onsets.iter().find(|onset| **onset >= pulse && onset.duration_since(pulse) < LONGEST_DELAY);
        delays.extend(back.map(|onset| between(pulse, *onset)));
    }
    if delays.len() < 5 {
        return Err(format!("only {} pulses came back", delays.len()));
    }
    delays.sort_by(f64::total_cmp);
    figures.add(table::LOOP_DELAY, subject.whose, delays[delays.len() / 2]);
    Ok(())
}
