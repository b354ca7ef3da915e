//! Screens of other kinds: without a driver, the framebuffer that the kernel finds; and glass that hangs on its side.

use super::day::{SETTINGS, expect_shown};
use super::machine::{Glass, Machine, Plan};

/// Goes to the dial page and types, by fingers on the glass.
fn expect_fingers_felt(machine: &mut Machine) {
    machine.wait_for_screen("home");
    expect_shown(machine);
    machine.touch_until("Dial", |status| status["screen"] == "dial");
    let empty = machine.meant();
    for key in ["1", "2", "7"] {
        machine.touch(key);
    }
    expect_shown(machine);
    assert!(machine.meant().unlike(&empty, 30) > 0.001, "nothing was typed");
    machine.touch_until("Back", |status| status["screen"] == "home");
}

#[test]
fn without_a_driver_the_framebuffer_of_the_boot_is_drawn_on() {
    let mut machine = Machine::start(Plan { glass: Glass::Framebuffer, ..Plan::plain(SETTINGS) });
    expect_fingers_felt(&mut machine);
    assert!(!machine.shell.run("ls /dev").contains("dri"), "there is no DRM");
}

#[test]
fn on_glass_that_hangs_on_its_side_picture_and_fingers_are_turned() {
    let settings = format!("{SETTINGS}rotation = 90\n");
    let mut machine = Machine::start(Plan { turned: true, ..Plan::plain(&settings) });
    expect_fingers_felt(&mut machine);
    assert_eq!(machine.photograph().size(), (600, 1024));
}
