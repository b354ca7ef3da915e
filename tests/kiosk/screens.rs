//! Screens of other kinds: without a driver, the framebuffer that the kernel finds; and glass that hangs on its side.

use super::day::{SETTINGS, expect_picture, expect_shown};
use super::machine::{Glass, Machine, Plan};

/// What is typed on the dial page by fingers on the glass.
const TYPED: [&str; 3] = ["1", "2", "7"];

fn type_on_the_glass(machine: &mut Machine) {
    machine.touch_until("Dial", |status| status["screen"] == "dial");
    for key in TYPED {
        machine.touch(key);
    }
}

#[test]
fn without_a_driver_the_framebuffer_of_the_boot_is_drawn_on() {
    let mut machine = Machine::start(Plan { glass: Glass::Framebuffer, ..Plan::plain(SETTINGS) });
    machine.wait_for_screen("home");
    expect_shown(&mut machine);
    assert!(!machine.shell.run("ls /dev").contains("dri"), "there is no DRM");
    type_on_the_glass(&mut machine);
    let typed = machine.meant();
    expect_shown(&mut machine);
    machine.keep("framebuffer");
    for _ in TYPED {
        machine.touch("Delete");
    }
    assert!(machine.meant().unlike(&typed, 30) > 0.001, "nothing was typed");
    machine.touch_until("Back", |status| status["screen"] == "home");
}

/// Another panel on the machine, drawn upright into memory and pressed by `ctl`: a panel on its side cannot photograph itself.
const UPRIGHT: &str = "set -e; mkdir -p /run/upright; cd /run/upright; \
    grep -v rotation /var/lib/vestibule/config.toml >config.toml; printf '[phone.direct_ip]\\nport = 5070\\n' >>config.toml; \
    vestibule run --screen offscreen --size 600x1024 --config config.toml --data . --socket control.sock >log 2>&1 & \
    until vestibule ctl --socket control.sock status 2>/dev/null | grep -q '\"screen\": \"home\"'; do sleep 0.2; done; \
    for label in Dial 1 2 7; do vestibule ctl --socket control.sock press $label; done; \
    vestibule ctl --socket control.sock screenshot screen.png";

#[test]
fn on_glass_that_hangs_on_its_side_picture_and_fingers_are_turned() {
    let settings = format!("{SETTINGS}rotation = 90\n");
    let mut machine = Machine::start(Plan { turned: true, ..Plan::plain(&settings) });
    machine.wait_for_screen("home");
    type_on_the_glass(&mut machine);
    machine.shell.run(&format!("({UPRIGHT})"));
    let upright = machine.fetch("/run/upright/screen.png");
    assert_eq!(upright.size(), (600, 1024));
    expect_picture(&mut machine, |_| upright.clone());
    machine.keep("on_its_side");
    machine.touch_until("Back", |status| status["screen"] == "home");
}
