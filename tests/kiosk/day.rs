//! A day of a panel, from power-on: somebody is called, somebody rings, the program is killed.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::machine::{BARE, HOST, Machine, PANEL, PATIENCE, Plan, Usage, WIRE};
use crate::real_panel::poll;
use crate::rigs::Transport;
use crate::rigs::baresip::{Baresip, Network, Role};
use crate::rigs::flat::Photograph;
use crate::rigs::pulse::Pulse;
use crate::rigs::wav;

pub const SETTINGS: &str = "[audio]\nvolume = 100\ncodecs = [\"pcmu\"]\n[video]\ncamera = \"v4l2:/dev/video0\"\n\
    [display]\nlanguage = \"en\"\nidle_after = 0\n";
/// Its pictures are few and small: the machine's processor is emulated.
const HOSTS: Network<'static> =
    Network { interface: WIRE, address: HOST, settings: "video_size 320x240\nvideo_fps 5\n" };
/// What may differ between what the panel means to show and what is on the glass: the minute may have passed.
const TRIFLE: f64 = 0.005;
/// Pictures over which it is measured what one costs.
const PICTURES: u64 = 25;
/// The beginning of a WAV file, and samples a second of what is in those of the device.
const HEADER: usize = 44;
const TELEPHONE: usize = 8_000;
/// What the panel may cost at rest, as a share of what a bare window does.
const MOST: f64 = 1.5;
/// How often each of them is started: what an emulated processor needs differs from one time to the next.
const STARTS: usize = 3;
/// How long the panel is looked at while nothing happens; a clock shows its seconds in the window beside it.
const REST: Duration = Duration::from_secs(10);
/// After the end of the program the panel is on the screen again within this, on a machine as fast as the host.
const BACK: Duration = Duration::from_secs(2);

/// What is on the glass is what the panel means to show, and not black.
pub fn expect_shown(machine: &mut Machine) {
    expect_picture(machine, Machine::meant);
}

/// What is on the glass is this picture, and not black.
pub fn expect_picture(machine: &mut Machine, meant: impl Fn(&mut Machine) -> Photograph) {
    let begun = Instant::now();
    loop {
        let (glass, meant) = (machine.photograph(), meant(machine));
        let (width, height) = glass.size();
        let points = (0..width).step_by(5).flat_map(|x| (0..height).step_by(5).map(move |y| (x, y)));
        let colours: std::collections::HashSet<_> = points.map(|(x, y)| glass.at(x, y)).collect();
        let unlike = glass.unlike(&meant, 0);
        if unlike < TRIFLE && colours.len() > 2 {
            return;
        }
        assert!(
            begun.elapsed() < PATIENCE,
            "the glass differs from what is meant: {unlike}, {} colours",
            colours.len()
        );
    }
}

fn call(status: &Value) -> &Value {
    &status["calls"][0]
}

fn is_over(status: &Value) -> bool {
    status["calls"].as_array().is_some_and(|calls| calls.iter().all(|call| call["state"] == "ended"))
}

/// The colours of vivid's bars: white, yellow, cyan, green, magenta, red, blue, black at 75 % or 100 %.
fn shows_bars(picture: &Photograph) -> bool {
    let (width, height) = picture.size();
    let bar = |eighth: usize| picture.at(width * (2 * eighth + 1) / 16, height * 3 / 4);
    let high = |value: u8| value > 130;
    let wanted = [[1, 1, 1], [1, 1, 0], [0, 1, 1], [0, 1, 0], [1, 0, 1], [1, 0, 0], [0, 0, 1], [0, 0, 0]];
    (0..8).all(|eighth| bar(eighth).map(|value| u8::from(high(value))) == wanted[eighth])
}

#[test]
fn from_power_on_it_calls_is_called_and_comes_back_after_a_kill() {
    let pulse = Pulse::start(|file| wav::RESIDENT.write(file, 48_000));
    let mut machine = Machine::start(Plan { sound: pulse.audiodev(), has_bare: true, ..Plan::plain(SETTINGS) });
    let mut device = Baresip::start_on(HOSTS, Role { answers: false, ..Role::NAMELESS }, Transport::Udp);

    // Nobody has touched anything.
    machine.wait_for_screen("home");
    let power_on = machine.begun.elapsed();
    expect_shown(&mut machine);
    machine.keep("home");
    machine.wait_until_up();
    let first_frame = machine.between("ExecMainStart", "ActiveEnter");
    eprintln!(
        "home {:.1} s after power-on; first frame {:.2} s after the program's start, its files on the disk, on a machine \
         {:.1} times slower than the host",
        power_on.as_secs_f64(),
        first_frame.as_secs_f64(),
        machine.slowness(),
    );

    call_the_host(&mut machine, &mut device, &pulse);

    let mut door = Baresip::start_on(HOSTS, Role::DOOR, Transport::Udp);
    ring(&mut machine, &mut door, &pulse);

    kill(&mut machine);
    expect_shown(&mut machine);

    look_it_over(&mut machine);

    compare(&mut machine);
}

/// `vestibule doctor` looks at the panel that runs there, whoever asks: the panel's user finds nothing wrong, and root sees what
/// is wrong with its settings.
fn look_it_over(machine: &mut Machine) {
    let report = |out: &str| -> Value { serde_json::from_str(out).unwrap_or_else(|error| panic!("{error}: {out}")) };
    let (status, out) = machine.shell.attempt("runuser -u vestibule -- vestibule doctor --json 2>/dev/null");
    let well = report(&out);
    assert_eq!((status, &well["problems"]), (0, &json!(0)), "{well:#}");
    let says = |check: &str, what: &str| {
        let checks = well["checks"].as_array().expect("a list");
        checks.iter().any(|it| it["check"] == check && it["what"].as_str().is_some_and(|said| said.contains(what)))
    };
    for (check, what) in [
        ("settings", "/var/lib/vestibule/config.toml"),
        ("panel", "/run/vestibule/control.sock and shows home"),
        ("port", "udp:[::]:5060, tcp:[::]:5060"),
        ("screen", "DRM /dev/dri/card0"),
        ("camera", "/dev/video0"),
    ] {
        assert!(says(check, what), "{check}: {what} in {well:#}");
    }
    machine.shell.run("vestibule settings set board.relay.chip /dev/gpiochip9");
    let (status, out) = machine.shell.attempt("vestibule doctor --json 2>/dev/null");
    let ill = report(&out);
    assert_eq!((status, &ill["problems"]), (1, &json!(1)), "{ill:#}");
    assert!(ill.to_string().contains("/dev/gpiochip9: there is no such file or folder"), "{ill:#}");
    machine.shell.run("vestibule settings set board.relay.chip ''");
}

/// Types the host's address on the glass, calls it, hears it, is heard and seen there, hangs up.
fn call_the_host(machine: &mut Machine, device: &mut Baresip, pulse: &Pulse) {
    machine.touch_until("Dial", |status| status["screen"] == "dial");
    let entry = format!("{}✳{}", HOST.replace('.', "✳"), device.port);
    for key in entry.chars() {
        machine.touch(&key.to_string());
    }
    machine.touch_until("Call", |status| status["screen"] == "calling" || call(status)["state"] == "confirmed");
    device.event("CALL_INCOMING");
    machine.wait("it rings there", |status| call(status)["state"] == "ringing");
    let so_far = pulse.so_far();
    device.order("accept", "");
    machine.wait("the call is answered", |status| call(status)["state"] == "confirmed");
    wav::RESIDENT.expect_heard("what the device hears", PATIENCE, || wav::growing(&device.heard()?, HEADER, TELEPHONE));
    wav::VISITOR.expect_heard("what the loudspeaker plays", PATIENCE, || pulse.heard_since(so_far));
    machine.touch("Own camera");
    machine.wait("its camera is sent", |status| {
        call(status)["video"]["direction"].as_str().is_some_and(|direction| direction.contains("send"))
    });
    let seen = device.seen();
    assert!(shows_bars(&seen), "the device sees something else than the bars of the camera: {:?}", seen.size());
    machine.touch_until("End", is_over);
    device.closed();
}

/// The screen is dark when somebody rings: it wakes, who is there is seen before the answer, answered, let in, and leaves.
fn ring(machine: &mut Machine, door: &mut Baresip, pulse: &Pulse) {
    machine.ask(&json!({"do": "sleep"})).expect("it can sleep");
    let is_dark = |glass: &Photograph| {
        let (width, height) = glass.size();
        (0..width).step_by(7).all(|x| (0..height).step_by(7).all(|y| glass.at(x, y) == [0; 3]))
    };
    assert!(poll(|| is_dark(&machine.photograph()).then_some(())).is_some(), "the sleeping screen is not dark");
    door.order("dial", &format!("sip:panel@{PANEL}:5060"));
    machine.wait("the visitor is seen", |status| {
        status["screen"] == "ringing" && call(status)["video"]["frames"].as_u64() > Some(0)
    });
    expect_visitor(machine);
    machine.keep("visitor");
    let so_far = pulse.so_far();
    machine.touch_until("Answer", |status| call(status)["state"] == "confirmed");
    machine.touch_until("Unlock", |status| call(status)["unlock"] == "opened");
    let frames = |status: &Value| call(status)["video"]["frames"].as_u64().unwrap_or(0);
    let (used, shown) = (machine.usage(), frames(&machine.status()));
    wav::VISITOR.expect_heard("what the loudspeaker plays", PATIENCE, || pulse.heard_since(so_far));
    machine.wait("the picture goes on", |status| frames(status) >= shown + PICTURES);
    let (now, frames) = (machine.usage(), frames(&machine.status()) - shown);
    let each = (now.processor - used.processor).as_secs_f64() * 1e3 / frames as f64;
    eprintln!("in a call with a picture: {} MB, {each:.1} ms of the machine's processor a frame", now.memory / 1024);
    door.order("hangup", "");
    machine.wait("the visitor has gone", is_over);
}

/// The camera of the door shows red, green and blue bars; all three are on the glass.
fn expect_visitor(machine: &mut Machine) {
    let seen = poll(|| {
        let glass = machine.photograph();
        let (width, height) = glass.size();
        let strong = |channel: usize| {
            let is = |x: usize| {
                let colour = glass.at(x, height / 2);
                (0..3).all(|other| if other == channel { colour[other] > 150 } else { colour[other] < 100 })
            };
            (0..width).filter(|x| is(*x)).count() > width / 20
        };
        (0..3).all(strong).then_some(())
    });
    assert!(seen.is_some(), "the visitor's picture is not on the glass");
}

/// The program is killed; systemd brings it back, and what was in the call log is there.
fn kill(machine: &mut Machine) {
    let log = machine.shell.run("vestibule ctl log");
    let slow = machine.slowness();
    machine.shell.run("kill -KILL $(systemctl show -P MainPID vestibule)");
    machine.shell.run("until [ \"$(systemctl show -P NRestarts vestibule)\" = 1 ]; do sleep 0.1; done");
    machine.wait_until_up();
    assert_eq!(machine.status()["screen"], "home");
    let time = machine.between("ActiveExit", "ActiveEnter");
    eprintln!("on the screen again after {time:?}, on a machine {slow:.1} times slower than the host");
    assert!(time < BACK.mul_f64(slow.max(1.0)), "{time:?} on a machine {slow:.1} times slower");
    assert_eq!(machine.shell.run("vestibule ctl log"), log, "the call log is whole");
}

/// A program that has the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Panel,
    /// A window of Slint alone.
    Bare,
}

impl Shown {
    const BOTH: [Self; 2] = [Self::Panel, Self::Bare];

    fn name(self) -> &'static str {
        match self {
            Self::Panel => "the panel",
            Self::Bare => "a bare window",
        }
    }

    /// Starts it in the panel's unit; from its start to its first frame.
    fn start(self, machine: &mut Machine) -> Duration {
        let unit = match self {
            Self::Panel => String::new(),
            Self::Bare => format!("[Service]\\nExecStart=\\nExecStart={BARE}\\n"),
        };
        machine.shell.run(&format!(
            "mkdir -p /run/systemd/system/vestibule.service.d; \
             printf '{unit}' >/run/systemd/system/vestibule.service.d/shown.conf; \
             systemctl daemon-reload; systemctl restart vestibule"
        ));
        machine.between("ExecMainStart", "ActiveEnter")
    }
}

/// What a program costs that rests.
#[derive(Clone, Copy, Debug)]
struct Cost {
    usage: Usage,
    /// Of the processor while the screen rests for [`REST`].
    processor: Duration,
}

fn cost(machine: &mut Machine) -> Cost {
    let before = machine.usage();
    machine.shell.run(&format!("sleep {}", REST.as_secs()));
    let after = machine.usage();
    Cost { usage: after, processor: after.processor - before.processor }
}

/// Until the panel has drawn the next minute, and given back what that needed.
fn past_the_minute(machine: &mut Machine) {
    let second: u64 = machine.shell.run("date +%S").parse().expect("a number");
    for _ in second..65 {
        machine.shell.run("sleep 1");
    }
}

/// The panel beside a window of Slint alone, in the same unit. Their files are in memory already.
fn compare(machine: &mut Machine) {
    let mut first_frames = [Vec::new(), Vec::new()];
    for _ in 0..STARTS {
        for (program, times) in Shown::BOTH.into_iter().zip(&mut first_frames) {
            times.push(program.start(machine));
            // What it does besides is done.
            machine.shell.run("sleep 3");
        }
    }
    let bare = cost(machine);
    Shown::Panel.start(machine);
    past_the_minute(machine);
    let panel = cost(machine);
    for ((program, cost), times) in Shown::BOTH.into_iter().zip([panel, bare]).zip(&mut first_frames) {
        times.sort();
        eprintln!(
            "{}: first frame {:.2} s after its start ({times:.2?}), {} MB, of which {} are its own, {} ms of the processor in {} s of rest",
            program.name(),
            times[STARTS / 2].as_secs_f64(),
            cost.usage.memory / 1024,
            cost.usage.own / 1024,
            cost.processor.as_millis(),
            REST.as_secs()
        );
    }
    assert!(panel.processor.as_secs_f64() <= MOST * bare.processor.as_secs_f64(), "the panel does too much at rest");
    // What is not optimised is larger.
    if std::env::var("VESTIBULE_PROFILE").as_deref() != Ok("dev") {
        assert!(panel.usage.memory as f64 <= MOST * bare.usage.memory as f64, "the panel holds too much at rest");
    }
}
