//! A call with sound and picture while somebody else floods the phone, and a visitor who rings in the midst of it.
//!
//! Three addresses of loopback take part: 127.0.0.1 talks, 127.0.0.2 floods, 127.0.0.3 visits. What counts is the sound
//! that comes back from the phone, each 20 ms a packet: how long nothing came, with the flood and, right before, without. A
//! thread that only sleeps tells how late the machine itself is at that moment, which is no phone's fault.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::clips::Clips;
use crate::measures::{Subject, between, talk};
use crate::net::Inbox;
use crate::phones::Panel;
use crate::rtp::{self, Format, Media, Playing};
use crate::sip::{self, Caller};
use crate::table::{self, Figures};
use crate::usage;

/// Who floods.
const FLOODER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// Who wants to be let in.
const VISITOR: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);
/// From one new INVITE to the next, and from one garbage datagram to the next: 200 a second.
const STEP: Duration = Duration::from_millis(5);
/// How long the flood lasts, and the quiet before it that it is compared with.
const WINDOW: Duration = Duration::from_secs(30);
/// When the visitor rings in it: as soon as it has taken what lines it gets, in its midst, and near its end.
const VISITS: [Duration; 3] = [Duration::from_millis(50), Duration::from_secs(15), Duration::from_secs(25)];
/// What a call takes until its sound is even, and a phone until it has seen to the end of a flood.
const SETTLE: Duration = Duration::from_secs(2);
/// How long the thread sleeps that measures the machine.
const NAP: Duration = Duration::from_millis(20);
/// The largest garbage datagram, in bytes.
const GARBAGE: u64 = 1200;

/// Everything about one phone.
pub fn flood(subject: &Subject<'_>, clips: &Clips, figures: &mut Figures) -> Result<(), String> {
    let (mut caller, media) = (Caller::new()?, Media::new()?);
    let heard = Inbox::new(&media.audio.rtp)?;
    let talk = talk(&mut caller, subject, &media, Format::Pcmu, clips, true)?;
    let to = talk.remote.video.ok_or("the phone refused the pictures")?;
    let showing = rtp::show(&media, to, clips.pictures.clone(), 0, |_| ())?;
    let user = subject.phone.answer_by_itself(false)?;
    std::thread::sleep(SETTLE);

    let shown = pictures(subject)?;
    let (alone, ()) = gaps(&heard, || std::thread::sleep(WINDOW))?;
    figures.add(table::GAP_ALONE, subject.whose, alone.longest);
    figures.add(table::GAP_ALONE_OWN, subject.whose, alone.own);
    let shown_alone = pictures(subject)? - shown;

    let (before, _) = usage::memory(subject.phone.pid())?;
    let shown = pictures(subject)?;
    let flooding = pour(subject.phone.address(), user)?;
    let (flooded, visited) = gaps(&heard, || {
        let begun = Instant::now();
        let mut visited = Ok(());
        for at in VISITS {
            std::thread::sleep(at.saturating_sub(begun.elapsed()));
            visited = visited.and(visit(subject, user, table::VISITOR, table::VISITOR_SHOWN, figures));
        }
        std::thread::sleep(WINDOW.saturating_sub(begun.elapsed()));
        visited
    })?;
    drop(flooding);
    figures.add(table::GAP_FLOOD, subject.whose, flooded.longest);
    figures.add(table::GAP_FLOOD_OWN, subject.whose, flooded.own);
    let (after, _) = usage::memory(subject.phone.pid())?;
    figures.add(table::FLOOD_RSS, subject.whose, after - before);
    let shown_flooded = pictures(subject)? - shown;
    figures.note(&format!("{:?}, visitor under flood", subject.whose), visited);

    std::thread::sleep(SETTLE);
    let visited = visit(subject, user, table::VISITOR_AFTER, table::VISITOR_AFTER_SHOWN, figures);
    figures.note(&format!("{:?}, visitor after the flood", subject.whose), visited);
    drop(showing);
    talk.call.bye()?;
    if shown_flooded < shown_alone * 0.95 {
        return Err(format!("{shown_alone} pictures were shown without the flood, {shown_flooded} under it"));
    }
    Ok(())
}

/// Pictures of the call that were shown until now, where the phone can be asked.
fn pictures(subject: &Subject<'_>) -> Result<f64, String> {
    let status = subject.screen.map(Panel::status).transpose()?.unwrap_or_default();
    Ok(status["calls"][0]["video"]["frames"].as_f64().unwrap_or(0.0))
}

/// The longest times without a packet, in milliseconds.
struct Gaps {
    longest: f64,
    /// Less what the machine was late by in the same moment.
    own: f64,
}

/// Watches the sound that comes back while `meanwhile` lasts. Before the first packet and after the last is a gap, too.
fn gaps<T>(heard: &Inbox, meanwhile: impl FnOnce() -> T) -> Result<(Gaps, T), String> {
    heard.drain().for_each(drop);
    let begun = Instant::now();
    let sleeper = Sleeper::start();
    let result = meanwhile();
    let ended = Instant::now();
    let late = sleeper.wake()?;
    let came = heard.drain().filter(|packet| rtp::payload(&packet.bytes, Format::Pcmu).is_some());
    let mut moments: Vec<Instant> = std::iter::once(begun).chain(came.map(|packet| packet.at)).collect();
    moments.push(ended);
    let mut gaps = Gaps { longest: 0.0, own: 0.0 };
    for gap in moments.windows(2) {
        let (from, to) = (gap[0], gap[1]);
        let shared = |(due, woke): &(Instant, Instant)| between((*due).max(from), (*woke).min(to));
        let machine = late.iter().map(shared).fold(0.0, f64::max);
        gaps.longest = gaps.longest.max(between(from, to));
        gaps.own = gaps.own.max(between(from, to) - machine);
    }
    Ok((gaps, result))
}

/// A thread that only sleeps.
struct Sleeper {
    leave: Arc<AtomicBool>,
    thread: JoinHandle<Vec<(Instant, Instant)>>,
}

impl Sleeper {
    fn start() -> Self {
        let leave = Arc::new(AtomicBool::new(false));
        let left = leave.clone();
        let thread = std::thread::spawn(move || {
            let mut naps = Vec::new();
            while !left.load(Ordering::Relaxed) {
                let due = Instant::now() + NAP;
                std::thread::sleep(NAP);
                naps.push((due, Instant::now()));
            }
            naps
        });
        Self { leave, thread }
    }

    /// For each nap, when it should have ended and when it did.
    fn wake(self) -> Result<Vec<(Instant, Instant)>, String> {
        self.leave.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| "the sleeper has panicked".to_owned())
    }
}

/// A flood that goes on until this is dropped.
struct Flooding {
    _calls: Playing,
    _garbage: Playing,
    /// Where its calls want their sound and pictures.
    _media: Media,
}

/// Sends new calls and garbage. Nobody reads the answers.
fn pour(phone: SocketAddr, user: &'static str) -> Result<Flooding, String> {
    let media = Media::new()?;
    let bind = || UdpSocket::bind((FLOODER, 0)).map_err(|error| error.to_string());
    let (callers, garbage) = (bind()?, bind()?);
    let local = callers.local_addr().map_err(|error| error.to_string())?;
    let sdp = sip::offer(&media, Format::Pcmu, true);
    let calls = rtp::paced(STEP, move |number| {
        let (text, _) = sip::invitation(local, phone, user, number, &sdp);
        // A phone that has fallen is seen by the call.
        let _ = callers.send_to(text.as_bytes(), phone);
    });
    let mut seed = 0x5EED_u64;
    let noise = rtp::paced(STEP, move |_| {
        let length = 1 + random(&mut seed) % GARBAGE;
        let bytes: Vec<u8> = (0..length).map(|_| random(&mut seed) as u8).collect();
        // As above.
        let _ = garbage.send_to(&bytes, phone);
    });
    Ok(Flooding { _calls: calls, _garbage: noise, _media: media })
}

/// Marsaglia's xorshift.
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state >> 16
}

/// The visitor rings and gives up again. `heard` is the time until it hears that it rings, `shown` until the panel's screen
/// is told of it; for ever, if that never happens.
fn visit(
    subject: &Subject<'_>,
    user: &str,
    heard: &'static str,
    shown: &'static str,
    figures: &mut Figures,
) -> Result<(), String> {
    let (mut visitor, media) = (Caller::at(VISITOR)?, Media::new()?);
    if let Some(panel) = subject.screen {
        panel.forget();
    }
    let mut call = visitor.invite(subject.phone.address(), user, &media, Format::Pcmu, true)?;
    let rings = call.answer(|status| (180..190).contains(&status));
    let told = subject.screen.map(|panel| panel.rings_for(&VISITOR.to_string()));
    let span = |at: Option<Instant>| at.map_or(f64::INFINITY, |at| between(call.invited, at));
    figures.add(heard, subject.whose, span(rings.as_ref().ok().map(|answer| answer.at)));
    if let Some(told) = &told {
        figures.add(shown, subject.whose, span(told.as_ref().ok().copied()));
    }
    rings?;
    call.cancel()?;
    told.transpose().map(drop)
}
