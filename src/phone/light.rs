//! The light of the screen: when it sleeps, how bright it is, and when it is night.
//!
//! ```text
//!            a touch, a call, an urgent notice
//!          ┌───────────────────────────────────┐
//!          ▼                                   │
//!        Awake ──── sleep_after without ──▶ Asleep
//!    by day: brightness, or what            level 0
//!      the light sensor says
//!    at night: night.brightness,
//!      with a call slowly up to brightness
//! ```
//! The clock on the screen comes up while it is awake; that is the screen's own matter. Whether it is night follows from the
//! calendar alone: it is night when the next end of the night comes before its next beginning. Clocks are set, so the wall
//! clock is looked at every half minute at least.

use std::time::{Duration, Instant, SystemTime};

use super::dnd::Calendar;
use super::{Now, Phone};
use crate::channel::{Done, Event, LightView, Refusal};
use crate::config::{Config, NightMode, TimeOfDay};

/// How long a clock that was set goes unnoticed.
const GLANCE: Duration = Duration::from_secs(30);

/// How long a bell at night takes to make the screen as bright as by day, and in which steps.
const FADE: Duration = Duration::from_secs(3);
const STEP: Duration = Duration::from_millis(150);

/// In this light and less the screen is the least bright, and in that light and more the brightest; lux, of a dark hall and of
/// a bright one at noon. Eyes go by the logarithm of what comes between.
const DARK: f32 = 1.0;
const BRIGHT: f32 = 1000.0;

/// A smaller change of the light, in percent of the back-light, is not followed: a cloud is no reason to flicker.
const NOTICEABLE: u8 = 4;

/// Whether the screen can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It can; since when nobody has touched it and nobody has called.
    Awake { since: Instant },
    /// It is dark.
    Asleep,
}

/// What is known of the night.
#[derive(Clone, Debug, Default)]
struct Night {
    /// From when to when, and where, as the settings had it when the clock was looked at.
    schedule: Option<(TimeOfDay, TimeOfDay, String)>,
    /// Whether it is.
    now: bool,
    /// When to look at the clock again.
    look: Option<Instant>,
}

impl Night {
    /// Looks at the clock, if that is due or the schedule has changed.
    fn look(&mut self, now: Now, config: &Config, calendar: &dyn Calendar) {
        let schedule = match config.night_mode {
            NightMode::Off => None,
            NightMode::Schedule => Some((config.night_from, config.night_to, config.time_zone.clone())),
        };
        if schedule == self.schedule && self.look.is_none_or(|look| look > now.instant) {
            return;
        }
        let turns = schedule.as_ref().and_then(|(from, to, zone)| {
            let next = |time| calendar.next(zone, time, now.wall);
            next(*from).zip(next(*to))
        });
        let left = |until: SystemTime| until.duration_since(now.wall).unwrap_or_default();
        *self = Self {
            schedule,
            now: turns.is_some_and(|(begins, ends)| ends < begins),
            look: turns.map(|(begins, ends)| now.instant + left(begins.min(ends)).min(GLANCE)),
        };
    }
}

/// The light of the screen.
#[derive(Debug)]
pub(super) struct Light {
    /// Whether the screen is the panel's own, which sleeps unless it is told not to.
    own_screen: bool,
    state: State,
    /// Since when there has been a call.
    engaged: Option<Instant>,
    night: Night,
    /// The light that falls on the panel, in lux, where it has a sensor that works.
    ambient: Option<f32>,
    /// The brightness that follows from it.
    followed: Option<u8>,
    /// Somebody should look at once.
    urgent: bool,
    /// When this was last brought up to date.
    seen: Instant,
    told: Option<LightView>,
}

impl Light {
    /// A screen that has just been switched on.
    pub fn new(now: Instant, own_screen: bool) -> Self {
        Self {
            own_screen,
            state: State::Awake { since: now },
            engaged: None,
            night: Night::default(),
            ambient: None,
            followed: None,
            urgent: false,
            seen: now,
            told: None,
        }
    }

    /// Somebody should look at it, as soon as the phone is called the next time: that is due at once.
    pub fn call_up(&mut self) {
        self.urgent = true;
    }

    fn wake(&mut self, now: Instant) {
        self.state = State::Awake { since: now };
    }

    /// When it goes dark.
    fn sleep_due(&self, config: &Config) -> Option<Instant> {
        let sleeps = config.sleep_after_s > 0 && (self.own_screen || config.sleep_in_window);
        match self.state {
            State::Awake { since } if sleeps && self.engaged.is_none() => {
                Some(since + Duration::from_secs(config.sleep_after_s.into()))
            }
            State::Awake { .. } | State::Asleep => None,
        }
    }

    /// When a bell at night is a step brighter.
    fn step_due(&self) -> Option<Instant> {
        let began = self.engaged.filter(|_| self.night.now)?;
        let steps = self.seen.duration_since(began).as_millis() / STEP.as_millis();
        let next = STEP * u32::try_from(steps + 1).unwrap_or(u32::MAX);
        (next <= FADE).then(|| began + next)
    }

    /// Brings it in line with the time, the calls and the settings.
    fn advance(&mut self, now: Instant, engaged: bool, config: &Config) {
        self.seen = now;
        let was_engaged = self.engaged.is_some();
        let urgent = std::mem::take(&mut self.urgent);
        self.engaged = engaged.then(|| self.engaged.unwrap_or(now));
        if engaged || was_engaged || urgent {
            self.wake(now);
        } else if self.sleep_due(config).is_some_and(|at| at <= now) {
            self.state = State::Asleep;
        }
        self.followed = self.ambient.filter(|_| config.auto_brightness).map(|lux| {
            let (least, most) = (config.least_brightness.min(config.brightness), config.brightness);
            let wanted = brightness(lux, least, most);
            let near = |before: &u8| before.abs_diff(wanted) < NOTICEABLE && wanted != least && wanted != most;
            self.followed.filter(near).unwrap_or(wanted)
        });
    }

    /// How bright the back-light is.
    fn level(&self, now: Instant, config: &Config) -> u8 {
        let by_day = self.followed.unwrap_or(config.brightness);
        match (self.state, self.engaged) {
            (State::Asleep, _) => 0,
            (State::Awake { .. }, _) if !self.night.now => by_day,
            (State::Awake { .. }, None) => config.night_brightness,
            (State::Awake { .. }, Some(began)) => {
                let (from, to) = (config.night_brightness, config.brightness.max(config.night_brightness));
                let share = now.duration_since(began).as_secs_f32() / FADE.as_secs_f32();
                between(from, to, share)
            }
        }
    }

    fn view(&self, now: Instant, config: &Config) -> LightView {
        let asleep = self.state == State::Asleep;
        LightView { asleep, night: self.night.now, backlight: self.level(now, config) }
    }
}

/// The brightness in light of so many lux.
fn brightness(lux: f32, least: u8, most: u8) -> u8 {
    // Whatever is no number counts as dark.
    between(least, most, (lux.max(DARK) / DARK).log10() / (BRIGHT / DARK).log10())
}

/// As much of the way as `share` says, which may be more than all of it.
fn between(from: u8, to: u8, share: f32) -> u8 {
    let way = f32::from(to) - f32::from(from);
    (f32::from(from) + way * share.clamp(0.0, 1.0)).round() as u8
}

impl Phone {
    /// The light of the screen.
    pub fn light(&self) -> LightView {
        self.light.told.unwrap_or_default()
    }

    /// So much light falls on the panel, in lux; `None` when that is not known any longer.
    pub fn handle_ambient(&mut self, now: Now, lux: Option<f32>) {
        self.light.ambient = lux;
        self.settle(now);
    }

    /// Somebody is at the screen.
    pub(super) fn wake(&mut self, now: Now) -> Done {
        self.light.wake(now.instant);
        Done::Ok
    }

    /// The screen is to sleep. Not while there is a call, which would wake it.
    pub(super) fn sleep(&mut self) -> Result<Done, Refusal> {
        if let Some(call) = self.calls.values().next() {
            return Err(Refusal::WrongState(call.state()));
        }
        self.light.state = State::Asleep;
        Ok(Done::Ok)
    }

    /// When the light is looked at again.
    pub(super) fn light_timeout(&self) -> Option<Instant> {
        let light = &self.light;
        let at_once = light.urgent.then_some(light.seen);
        [at_once, light.night.look, light.sleep_due(&self.config), light.step_due()].into_iter().flatten().min()
    }

    /// Brings the light in line with everything else, and tells it when it has changed.
    pub(super) fn tend_light(&mut self, now: Now) {
        self.light.night.look(now, &self.config, &*self.calendar);
        self.light.advance(now.instant, !self.calls.is_empty(), &self.config);
        let view = self.light.view(now.instant, &self.config);
        if self.light.told.replace(view) != Some(view) {
            self.tell(Event::Light(view));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brightness_goes_by_the_logarithm_of_the_light() {
        let at = |lux| brightness(lux, 20, 80);
        assert_eq!([0.0, 1.0, 10.0, 100.0, 1000.0, 50_000.0].map(at), [20, 20, 40, 60, 80, 80]);
        assert_eq!([f32::NAN, -1.0, f32::INFINITY].map(at), [20, 20, 80]);
        assert_eq!(brightness(30.0, 70, 70), 70);
    }

    #[test]
    fn a_small_change_of_the_light_is_not_followed_and_a_large_one_is() {
        let config = Config::default().set("display.auto_brightness", "on").expect("a switch");
        let now = Instant::now();
        let mut light = Light::new(now, true);
        let mut at = |lux| {
            light.ambient = lux;
            light.advance(now, false, &config);
            light.level(now, &config)
        };
        assert_eq!(at(None), 80, "without a sensor as it is set");
        assert_eq!(at(Some(10.0)), 40);
        assert_eq!(at(Some(11.0)), 40, "a cloud");
        assert_eq!(at(Some(20.0)), 46);
        assert_eq!(at(Some(2000.0)), 80);
        assert_eq!(at(Some(0.0)), 20);
        assert_eq!(at(None), 80, "the sensor has gone");
    }

    #[test]
    fn a_window_on_a_desk_sleeps_only_where_that_is_wanted() {
        let now = Instant::now();
        let later = now + Duration::from_secs(121);
        let sleeps = |own_screen, config: &Config| {
            let mut light = Light::new(now, own_screen);
            light.advance(later, false, config);
            light.view(later, config).asleep
        };
        let plain = Config::default();
        assert_eq!([true, false].map(|own| sleeps(own, &plain)), [true, false]);
        let wanted = plain.set("display.sleep_in_window", "on").expect("a switch");
        assert_eq!([true, false].map(|own| sleeps(own, &wanted)), [true, true]);
    }
}
