//! What is measured, what is aimed at, and the table of both.

/// One line of the table.
pub struct Row {
    /// As `--only` knows the group that it belongs to.
    pub group: &'static str,
    pub name: &'static str,
    pub unit: &'static str,
    /// At most this much, for the panel.
    pub aim: Option<f64>,
    /// Of all values: the median (50), or the one that so many percent do not exceed.
    pub percentile: usize,
}

const fn row(group: &'static str, name: &'static str, unit: &'static str, aim: Option<f64>) -> Row {
    Row { group, name, unit, aim, percentile: 50 }
}

/// What a flood does, at its worst.
const fn worst(name: &'static str, unit: &'static str, aim: Option<f64>) -> Row {
    Row { group: "flood", name, unit, aim, percentile: 100 }
}

/// In the order in which they are printed.
pub static ROWS: &[Row] = &[
    row("start", START_READY, "ms", None),
    row("start", START_HOME, "ms", Some(400.0)),
    row("idle", IDLE_CPU, "%", Some(0.3)),
    row("idle", IDLE_WAKEUPS, "1/s", Some(10.0)),
    row("idle", IDLE_RSS, "MB", Some(45.0)),
    row("idle", IDLE_PSS, "MB", None),
    row("signalling", RINGING, "ms", Some(2.0)),
    Row { group: "signalling", name: RINGING_SCREEN, unit: "ms", aim: Some(100.0), percentile: 95 },
    row("signalling", ANSWERED, "ms", Some(3.0)),
    row("signalling", FIRST_RTP, "ms", Some(10.0)),
    row("picture", FIRST_PICTURE, "ms", Some(150.0)),
    row("g711", CPU_PCMU, "%", Some(2.5)),
    row("opus", CPU_OPUS, "%", Some(4.0)),
    row("video", CPU_VIDEO, "%", Some(9.0)),
    row("video", VIDEO_RSS, "MB", Some(110.0)),
    row("video", VIDEO_PSS, "MB", None),
    row("loop", LOOP_DELAY, "ms", Some(60.0)),
    worst(GAP_ALONE, "ms", None),
    worst(GAP_ALONE_OWN, "ms", None),
    worst(GAP_FLOOD, "ms", None),
    worst(GAP_FLOOD_OWN, "ms", Some(60.0)),
    worst(VISITOR, "ms", Some(300.0)),
    worst(VISITOR_SHOWN, "ms", Some(300.0)),
    worst(VISITOR_AFTER, "ms", Some(300.0)),
    worst(VISITOR_AFTER_SHOWN, "ms", Some(300.0)),
    worst(FLOOD_RSS, "MB", None),
    row("accounts", REGISTERED, "ms", Some(100.0)),
    row("accounts", GONE, "s", Some(5.0)),
    row("accounts", PROXY_CALL, "s", Some(5.0)),
    row("accounts", PROXY_REGISTERED, "s", Some(5.0)),
    row("accounts", SRV, "s", Some(5.0)),
    row("accounts", CUT_TCP, "s", Some(2.0)),
    row("accounts", CUT_TLS, "s", Some(2.0)),
];

pub const START_READY: &str = "start → answers OPTIONS";
pub const START_HOME: &str = "start → home screen drawn";
pub const IDLE_CPU: &str = "idle, clock showing: CPU";
pub const IDLE_WAKEUPS: &str = "idle, clock showing: wake-ups";
pub const IDLE_RSS: &str = "idle: RSS";
pub const IDLE_PSS: &str = "idle: PSS";
pub const RINGING: &str = "INVITE → 180";
pub const RINGING_SCREEN: &str = "INVITE → ringing screen drawn (p95)";
pub const ANSWERED: &str = "INVITE → 200 (auto answer)";
pub const FIRST_RTP: &str = "200 → first RTP";
pub const FIRST_PICTURE: &str = "first video packet mid-GOP → picture";
pub const CPU_PCMU: &str = "call, G.711: CPU";
pub const CPU_OPUS: &str = "call, Opus: CPU";
pub const CPU_VIDEO: &str = "call, G.711 + 640×480@25 H.264: CPU";
pub const VIDEO_RSS: &str = "the same call: RSS";
pub const VIDEO_PSS: &str = "the same call: PSS";
pub const LOOP_DELAY: &str = "loop delay, RTP in → RTP out";
pub const GAP_ALONE: &str = "call alone: longest gap in its sound";
pub const GAP_ALONE_OWN: &str = "call alone: less the machine's";
pub const GAP_FLOOD: &str = "call under flood: longest gap";
pub const GAP_FLOOD_OWN: &str = "call under flood: less the machine's";
pub const VISITOR: &str = "visitor under flood: INVITE → 180";
pub const VISITOR_SHOWN: &str = "visitor under flood: INVITE → screen";
pub const VISITOR_AFTER: &str = "visitor after flood: INVITE → 180";
pub const VISITOR_AFTER_SHOWN: &str = "visitor after flood: INVITE → screen";
pub const FLOOD_RSS: &str = "flood of 30 s: growth of RSS";

pub const REGISTERED: &str = "start → registered";
pub const GONE: &str = "registrar gone 100 s, back → registered";
pub const PROXY_CALL: &str = "main proxy killed → next call answered";
pub const PROXY_REGISTERED: &str = "main proxy killed → registered";
pub const SRV: &str = "first SRV target killed → registered";
pub const CUT_TCP: &str = "TCP connection cut → registered";
pub const CUT_TLS: &str = "TLS connection cut → registered";

/// Which phone a value is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    Panel,
    Baresip,
}

/// All values measured so far.
#[derive(Default)]
pub struct Figures {
    values: Vec<(&'static str, Whose, f64)>,
    failures: Vec<String>,
}

impl Figures {
    pub fn add(&mut self, name: &'static str, whose: Whose, value: f64) {
        self.values.push((name, whose, value));
    }

    /// Notes what could not be measured; the rest goes on.
    pub fn note(&mut self, what: &str, result: Result<(), String>) {
        if let Err(error) = result {
            eprintln!("{what}: {error}");
            self.failures.push(format!("{what}: {error}"));
        }
    }

    fn figure(&self, row: &Row, whose: Whose) -> Option<f64> {
        let of = |(name, who, value): &(&str, Whose, f64)| (*name == row.name && *who == whose).then_some(*value);
        let mut values: Vec<f64> = self.values.iter().filter_map(of).collect();
        values.sort_by(f64::total_cmp);
        match (values.len(), row.percentile) {
            (0, _) => None,
            (count, 50) => Some((values[(count - 1) / 2] + values[count / 2]) / 2.0),
            (count, percent) => Some(values[(count * percent).div_ceil(100) - 1]),
        }
    }

    /// Prints the table: the figures of both phones, their ratio, and how the panel stands to its aims.
    pub fn print(&self, groups: &[&str]) {
        println!("{:<43} {:>8} {:>8} {:>6} {:>7}", "", "panel", "baresip", "ratio", "aim");
        let (mut aims, mut met) = (0, 0);
        for row in ROWS.iter().filter(|row| groups.contains(&row.group)) {
            let (panel, baresip) = (self.figure(row, Whose::Panel), self.figure(row, Whose::Baresip));
            let ratio = panel
                .zip(baresip)
                .filter(|(_, baresip)| *baresip > 0.0 && baresip.is_finite())
                .map(|(panel, peer)| panel / peer);
            aims += usize::from(row.aim.is_some());
            let verdict = match (panel, row.aim) {
                (Some(panel), Some(aim)) if panel <= aim => {
                    met += 1;
                    "met".to_owned()
                }
                (Some(panel), Some(_)) if panel.is_infinite() => "missed".to_owned(),
                (Some(panel), Some(aim)) => format!("missed by {} {}", number(panel - aim), row.unit),
                (None, Some(_)) => "not measured".to_owned(),
                (_, None) => String::new(),
            };
            let show = |value: Option<f64>| value.map_or("–".to_owned(), number);
            let aim = row.aim.map_or(String::new(), |aim| format!("≤ {aim}"));
            let ratio = ratio.map_or("–".to_owned(), |ratio| format!("{ratio:.2}"));
            let name = format!("{}, {}", row.name, row.unit);
            let line = format!("{name:<43} {:>8} {:>8} {ratio:>6} {aim:>7}  {verdict}", show(panel), show(baresip));
            println!("{}", line.trim_end());
        }
        println!("{met} of {aims} aims met");
        for failure in &self.failures {
            println!("failed: {failure}");
        }
    }
}

fn number(value: f64) -> String {
    if value.is_infinite() {
        return "never".to_owned();
    }
    if value.abs() < 10.0 { format!("{value:.2}") } else { format!("{value:.1}") }
}
