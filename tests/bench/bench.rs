//! `./dev bench`: the panel beside Debian's baresip, in one run, on loopback.
//!
//! Options: `--runs N` (5), `--only GROUP` (start, idle, signalling, picture, g711, opus, video, loop, flood, core;
//! several times; accounts, which takes five minutes a run, is measured only by name),
//! `--binary FILE` (another build of the panel). What is measured and aimed at stands in `table`, how in `measures`.

#[path = "../panel/mod.rs"]
mod real_panel;
#[path = "../rigs/mod.rs"]
mod rigs;

mod accounts;
mod clips;
mod flood;
mod measures;
mod net;
mod phones;
mod rtp;
mod sip;
mod speed;
mod table;
mod usage;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use clips::Clips;
use measures::Subject;
use phones::{Baresip, Panel, Phone};
use rtp::Format;
use sip::Caller;
use table::{Figures, ROWS, Whose};

/// The panel as this build made it.
const PANEL: &str = env!("CARGO_BIN_EXE_vestibule");

/// The group that is no part of the table: the core's own benches.
const CORE: &str = "core";

struct Options {
    runs: u32,
    groups: Vec<&'static str>,
    /// Whether `--only` chose the groups.
    chosen: bool,
    binary: PathBuf,
}

impl Options {
    fn read() -> Result<Self, String> {
        let mut all: Vec<&str> = ROWS.iter().map(|row| row.group).collect();
        all.dedup();
        all.push(CORE);
        let mut options = Self { runs: 5, groups: Vec::new(), chosen: true, binary: PathBuf::from(PANEL) };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            match word.as_str() {
                // What cargo adds by itself.
                "--bench" => {}
                "--runs" => options.runs = value()?.parse().map_err(|_| "--runs needs a number".to_owned())?,
                "--only" => {
                    let wanted = value()?;
                    let group = all.iter().find(|group| **group == wanted);
                    options.groups.push(group.ok_or_else(|| format!("--only: one of {}", all.join(", ")))?);
                }
                "--binary" => options.binary = value()?.into(),
                _ => return Err(format!("'{word}' is none of --runs N, --only GROUP, --binary FILE")),
            }
        }
        if options.groups.is_empty() {
            options.groups = all.into_iter().filter(|group| *group != accounts::GROUP).collect();
            options.chosen = false;
        }
        Ok(options)
    }

    fn wants(&self, group: &str) -> bool {
        self.groups.contains(&group)
    }
}

fn main() -> ExitCode {
    let options = match Options::read() {
        Ok(options) => options,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    match bench(&options) {
        // A missed aim is a figure, not a failure: the table says it.
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn bench(options: &Options) -> Result<(), String> {
    if options.groups != [CORE] {
        phones(options)?;
    }
    if options.wants(CORE) { speed::print() } else { Ok(()) }
}

/// The panel and baresip in turn, and their table.
fn phones(options: &Options) -> Result<(), String> {
    let begun = Instant::now();
    let clips = Clips::make()?;
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    let homes = [directory.path().join("panel"), directory.path().join("baresip")];
    for home in &homes {
        std::fs::create_dir(home).map_err(|error| error.to_string())?;
    }
    warm_up(&options.binary, &homes[0])?;
    println!("panel: {}; {}", options.binary.display(), version(&options.binary));
    println!("baresip: {}", version(Path::new("baresip")));
    println!("{} runs; pictures by {}; load average before {}", options.runs, clips.encoder, usage::load_average());
    let mut figures = Figures::default();
    for number in 1..=options.runs {
        eprintln!("run {number} of {}, {} s", options.runs, begun.elapsed().as_secs());
        run(options, number, &homes, &clips, &mut figures)?;
    }
    println!("load average after {}; {} s in all\n", usage::load_average(), begun.elapsed().as_secs());
    figures.print(&options.groups);
    Ok(())
}

/// The first start looks through all plug-ins and keeps what it found; it is not measured.
fn warm_up(binary: &Path, home: &Path) -> Result<(), String> {
    let panel = Panel::start(binary, home)?;
    panel.shows(&["home", "idle"])?;
    let registry = home.join("data/gstreamer-registry.bin");
    let begun = Instant::now();
    while !registry.exists() && begun.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(Duration::from_millis(500));
    Ok(())
}

fn version(binary: &Path) -> String {
    let asked = Command::new(binary).arg(if binary == Path::new("baresip") { "-h" } else { "--version" }).output();
    let text = asked.map(|output| [output.stdout, output.stderr].concat()).unwrap_or_default();
    String::from_utf8_lossy(&text).lines().next().unwrap_or("unknown").to_owned()
}

/// Everything once.
fn run(
    options: &Options,
    number: u32,
    homes: &[PathBuf; 2],
    clips: &Clips,
    figures: &mut Figures,
) -> Result<(), String> {
    if options.wants(accounts::GROUP) {
        accounts::measure(&options.binary, &homes[0], figures);
    }
    if options.groups == [accounts::GROUP] {
        return Ok(());
    }
    let baresip = Baresip::start(&homes[1])?;
    let ready = Caller::new()?.until_ready(baresip.address(), Duration::from_secs(10))?;
    figures.add(table::START_READY, Whose::Baresip, (ready - baresip.begun).as_secs_f64() * 1e3);

    let panel = Panel::start(&options.binary, &homes[0])?;
    let ready = Caller::new()?.until_ready(panel.address(), Duration::from_secs(10))?;
    figures.add(table::START_READY, Whose::Panel, (ready - panel.begun).as_secs_f64() * 1e3);
    let home = panel.shows(&["home"])?;
    figures.add(table::START_HOME, Whose::Panel, (home - panel.begun).as_secs_f64() * 1e3);

    if options.groups == ["start"] {
        return Ok(());
    }
    measures::back_to_clock(&panel)?;
    std::thread::sleep(Duration::from_secs(1));
    let subjects = [
        Subject { whose: Whose::Panel, phone: &panel, screen: Some(&panel) },
        Subject { whose: Whose::Baresip, phone: &baresip, screen: None },
    ];
    if options.wants("idle") {
        let result = measures::idle(&subjects, figures);
        figures.note("idle", result);
    }
    for subject in &subjects {
        calls(options, number, subject, clips, figures);
    }
    Ok(())
}

/// All that is measured by calling.
fn calls(options: &Options, number: u32, subject: &Subject<'_>, clips: &Clips, figures: &mut Figures) {
    let mut measure = |group: &str, take: &dyn Fn(&mut Figures) -> Result<(), String>| {
        if options.wants(group) {
            let result = take(figures);
            figures.note(&format!("{:?}, {group}", subject.whose), result);
        }
    };
    measure("signalling", &|figures| measures::ringing(subject, figures));
    measure("signalling", &|figures| measures::answering(subject, figures));
    if let Some(panel) = subject.screen {
        measure("picture", &|figures| measures::first_picture(subject, panel, clips, figures));
    }
    measure("g711", &|figures| measures::sound(subject, Format::Pcmu, table::CPU_PCMU, clips, figures));
    measure("opus", &|figures| measures::sound(subject, Format::Opus, table::CPU_OPUS, clips, figures));
    measure("video", &|figures| measures::pictures(subject, clips, figures));
    measure("loop", &|figures| measures::loop_delay(subject, clips, figures));
    // Over a minute for each phone: once is enough, unless more is asked for.
    if number == 1 || options.chosen {
        measure("flood", &|figures| flood::flood(subject, clips, figures));
    }
}
