//! How fast the SIP core is by itself: `benches/sip.rs`, shortened to what goes below the table.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// What reading and writing an INVITE aims at, messages a second on one core.
const AIM: f64 = 500_000.0;
/// Few and short samples: some seconds in all.
const SHORT: [&str; 7] = ["--quiet", "--sample-size", "20", "--warm-up-time", "0.5", "--measurement-time", "2"];

/// One line: what was done, and how often a second.
struct Speed {
    name: String,
    per_second: f64,
}

/// Runs it and prints its lines.
pub fn print() -> Result<(), String> {
    let home = tempfile::tempdir().map_err(|error| error.to_string())?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(cargo);
    command.args(["bench", "--locked", "--quiet", "--bench", "sip", "--"]).args(SHORT);
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env("CRITERION_HOME", home.path());
    eprintln!("the core of SIP: some seconds, more if it has to be built");
    let ended = command.output().map_err(|error| error.to_string())?;
    if !ended.status.success() {
        return Err(format!("cargo bench --bench sip: {}\n{}", ended.status, String::from_utf8_lossy(&ended.stderr)));
    }
    let mut speeds = Vec::new();
    read(home.path(), &mut speeds)?;
    speeds.sort_by(|a, b| a.name.cmp(&b.name));
    println!("\n{:<92} {:>10}", "the core of SIP, on one core of the machine", "1/s");
    for Speed { name, per_second } in &speeds {
        println!("{name:<92} {per_second:>10.0}");
    }
    let ours =
        speeds.iter().find(|speed| speed.name.starts_with("read and write") && speed.name.ends_with("Vestibule"));
    let ours = ours.ok_or("reading and writing was not measured")?.per_second;
    let verdict = if ours >= AIM { "met".to_owned() } else { format!("missed by {:.0}", AIM - ours) };
    println!("read and write: aim ≥ {AIM}/s, {verdict}");
    Ok(())
}

/// All results that criterion has left below a directory.
fn read(directory: &Path, speeds: &mut Vec<Speed>) -> Result<(), String> {
    let entries = fs::read_dir(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    for entry in entries.flatten().filter(|entry| entry.path().is_dir()) {
        let results = entry.path().join("new");
        if results.is_dir() { speeds.push(speed(&results)?) } else { read(&entry.path(), speeds)? }
    }
    Ok(())
}

fn speed(results: &Path) -> Result<Speed, String> {
    let json = |name: &str| -> Result<Value, String> {
        let text = fs::read_to_string(results.join(name)).map_err(|error| format!("{name}: {error}"))?;
        serde_json::from_str(&text).map_err(|error| format!("{name}: {error}"))
    };
    let (benchmark, estimates) = (json("benchmark.json")?, json("estimates.json")?);
    let nanoseconds = estimates["median"]["point_estimate"].as_f64().ok_or("estimates.json has no median")?;
    let elements = benchmark["throughput"]["Elements"].as_f64().unwrap_or(1.0);
    let word = |key: &str| benchmark[key].as_str().unwrap_or("?").to_owned();
    let name = format!("{}: {}", word("group_id"), word("function_id"));
    Ok(Speed { name, per_second: elements * 1e9 / nanoseconds })
}
