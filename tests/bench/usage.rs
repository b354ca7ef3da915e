//! What a process uses of the machine, as the kernel counts it.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

/// The counters at one moment.
pub struct Usage {
    at: Instant,
    /// By thread: nanoseconds on a core, and how often it went to sleep of its own will.
    threads: BTreeMap<String, (u64, u64)>,
}

/// The difference of two moments.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Percent of one core.
    pub cpu: f64,
    /// Wake-ups a second.
    pub wakeups: f64,
}

impl Usage {
    pub fn of(pid: u32) -> Result<Self, String> {
        if !std::path::Path::new("/proc/self/schedstat").exists() {
            return Err("this kernel does not count the time of threads".into());
        }
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).map_err(|error| format!("process {pid}: {error}"))?;
        let mut threads = BTreeMap::new();
        for task in tasks.flatten() {
            let read = |name: &str| fs::read_to_string(task.path().join(name)).unwrap_or_default();
            // A finer clock than `stat`, which counts in steps of 10 ms.
            let on_core = read("schedstat").split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0);
            let slept = field(&read("status"), "voluntary_ctxt_switches:").unwrap_or(0);
            threads.insert(task.file_name().to_string_lossy().into_owned(), (on_core, slept));
        }
        Ok(Self { at: Instant::now(), threads })
    }

    /// What was used from `self` to `later`. Threads that ended meanwhile are not in it.
    fn until(&self, later: &Self) -> Load {
        let seconds = later.at.duration_since(self.at).as_secs_f64();
        let (mut on_core, mut slept) = (0, 0);
        for (thread, (core, sleeps)) in &later.threads {
            let (core_before, sleeps_before) = self.threads.get(thread).copied().unwrap_or_default();
            on_core += core.saturating_sub(core_before);
            slept += sleeps.saturating_sub(sleeps_before);
        }
        Load { cpu: on_core as f64 / 1e9 / seconds * 100.0, wakeups: slept as f64 / seconds }
    }
}

/// Watches several processes through the same window of time.
pub fn watch(pids: &[u32], window: Duration) -> Result<Vec<Load>, String> {
    let all = || pids.iter().map(|pid| Usage::of(*pid)).collect::<Result<Vec<_>, _>>();
    let before = all()?;
    std::thread::sleep(window);
    let after = all()?;
    Ok(before.iter().zip(&after).map(|(before, after)| before.until(after)).collect())
}

/// Resident and proportional set size in megabytes of 10⁶ bytes.
pub fn memory(pid: u32) -> Result<(f64, f64), String> {
    let file = format!("/proc/{pid}/smaps_rollup");
    let text = fs::read_to_string(&file).map_err(|error| format!("{file}: {error}"))?;
    let megabytes = |name: &str| field(&text, name).map(|kib| kib as f64 * 1024.0 / 1e6);
    megabytes("Rss:").zip(megabytes("Pss:")).ok_or_else(|| format!("{file} has no Rss and Pss"))
}

/// Load average of the last minute.
pub fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("?").to_owned()
}

fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
