//! The power is cut while settings are changed: what is on the disk is the old or the new, whole.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::machine::{Machine, Plan};
use crate::real_panel::vestibule;

const CUTS: u32 = 20;
/// The setting that is changed, in minutes: 1 at first, one more each time.
const KEY: &str = "phone.call.max_call_time";
const SETTINGS: &str = "[phone.call]\nmax_call_time = 1\n[audio]\ninput = \"null\"\noutput = \"null\"\n";
/// More changes than there is power for.
const CHANGES: u64 = 200;

#[test]
fn a_power_cut_leaves_the_old_or_the_new_settings() {
    let mut machine = Machine::start(Plan::plain(SETTINGS));
    machine.wait_for_screen("home");
    machine.freeze();
    let mut dice = Dice(0x5eed);
    let mut changed = 0;
    for cut in 0..CUTS {
        machine.thaw();
        let begun = Instant::now();
        for value in 2..CHANGES {
            machine.port.send(&json!({"do": "set", "key": KEY, "value": value.to_string()}));
        }
        assert_eq!(machine.port.answer().expect("there is power")["ok"], true);
        // Somewhere in the next two changes, however fast the machine is.
        let two_changes = u64::try_from(2 * begun.elapsed().as_millis()).expect("they take seconds");
        std::thread::sleep(Duration::from_millis(dice.throw() % two_changes.max(1)));
        machine.cut_power();
        let mut done = 2;
        while let Some(answer) = machine.port.answer() {
            assert_eq!(answer["ok"], true, "{answer}");
            done += 1;
        }
        let kept = kept(&machine.file("data.img"), &machine.file("kept.toml"));
        assert!(kept == done || kept == done + 1, "cut {cut}: {done} was done, {kept} is on the disk");
        changed += done - 1;
    }
    eprintln!("{CUTS} cuts, {changed} changes before them");

    // The last of these disks is started from, as after any power cut.
    let kept = kept(&machine.file("data.img"), &machine.file("kept.toml"));
    machine.power_on();
    machine.wait_for_screen("home");
    let value = machine.ask(&json!({"do": "get", "key": KEY})).expect("it has settings")["value"].take();
    assert_eq!(value, kept.to_string());
}

/// What is on the disk, after its journal was looked at as at any start; the panel has nothing to say against the file.
fn kept(disk: &Path, file: &Path) -> u64 {
    let checked = Command::new("e2fsck").args(["-p", "-f"]).arg(disk).output().expect("e2fsck is in e2fsprogs");
    // 1 is: put right.
    assert!(matches!(checked.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&checked.stdout));
    let dump = format!("dump config.toml {}", file.display());
    let out = Command::new("debugfs").args(["-R", &dump]).arg(disk).output().expect("debugfs is in e2fsprogs");
    assert!(out.status.success() && file.exists(), "{}", String::from_utf8_lossy(&out.stderr));
    let check = vestibule().args(["settings", "check"]).arg(file).output().expect("it runs");
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
    let value = vestibule().args(["settings", "get", KEY, "--config"]).arg(file).output().expect("it runs");
    let text = String::from_utf8_lossy(&value.stdout).into_owned();
    serde_json::from_str::<Value>(text.trim()).ok().and_then(|value| value.as_u64()).unwrap_or_else(|| panic!("{text}"))
}

/// The same throws each time.
struct Dice(u64);

impl Dice {
    fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }
}
