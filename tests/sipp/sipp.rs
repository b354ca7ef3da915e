//! SIPp itself: its process, its files, and what it says when a scenario comes out differently.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::real_panel::{Panel, free_port, poll};
use crate::scenario::Scenario;

/// The longest scenario waits for the 60 s after which a call is ended that should be refreshed within 90 s.
const LIMIT: Duration = Duration::from_secs(90);

/// A running SIPp.
pub struct Sipp {
    child: Child,
    directory: tempfile::TempDir,
    /// Where it speaks SIP, on 127.0.0.1.
    pub port: u16,
}

impl Sipp {
    /// It calls the panel.
    pub fn calls(panel: &Panel, scenario: &Scenario) -> Self {
        Self::calls_with(panel, scenario, &["-m", "1"])
    }

    /// The same with options of its own.
    pub fn calls_with(panel: &Panel, scenario: &Scenario, options: &[&str]) -> Self {
        Self::start(scenario, &[&[&*format!("127.0.0.1:{}", panel.port)], options].concat())
    }

    /// It awaits one call. Comes back when it listens.
    pub fn awaits(scenario: &Scenario) -> Self {
        Self::awaits_with(scenario, &["-m", "1"])
    }

    /// The same with options of its own.
    pub fn awaits_with(scenario: &Scenario, options: &[&str]) -> Self {
        let sipp = Self::start(scenario, options);
        let listens = || taken_by_udp(sipp.port).then_some(());
        assert!(poll(listens).is_some(), "sipp does not listen:\n{}", sipp.errors());
        sipp
    }

    fn start(scenario: &Scenario, options: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let at = |name: &str| directory.path().join(name);
        std::fs::write(at("scenario.xml"), scenario.xml()).expect("the scenario is written");
        let port = free_port();
        let out = std::fs::File::create(at("out")).expect("a file");
        let error = out.try_clone().expect("a second handle");
        let limit = LIMIT.as_secs().to_string();
        let child = Command::new("sipp")
            .args(options)
            .args(["-sf".as_ref(), at("scenario.xml").as_os_str()])
            .args(["-i", "127.0.0.1", "-p", &port.to_string(), "-cid_str", "%u-%p-%s"])
            .args(["-nostdin", "-trace_err", "-error_file"])
            .arg(at("errors"))
            .args(["-trace_logs", "-log_file"])
            .arg(at("log"))
            .args(["-timeout", &limit, "-timeout_error"])
            .current_dir(directory.path())
            .env("TERM", "dumb")
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(error)
            .spawn()
            .expect("sipp starts: it is in Debian's package sip-tester");
        Self { child, directory, port }
    }

    /// Waits until the scenario is through, and fails unless every step of it came true.
    pub fn expect_success(mut self, panel: &Panel) {
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                break Some(status);
            }
            if begun.elapsed() > LIMIT + Duration::from_secs(10) {
                break None;
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        assert!(
            status.is_some_and(|status| status.success()),
            "sipp: {status:?}\n{}\nwhat the panel sent and got:\n{}",
            self.errors(),
            trace(panel)
        );
    }

    /// What went wrong, in its own words.
    fn errors(&self) -> String {
        let read = |name: &str| std::fs::read(self.directory.path().join(name)).unwrap_or_default();
        let (errors, out) = (read("errors"), read("out"));
        let out = String::from_utf8_lossy(&out);
        let shown = out.lines().rev().take(60).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n");
        format!("{}\n{shown}", String::from_utf8_lossy(&errors))
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        // It may have left already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// All SIP that the panel has sent and got so far.
pub fn trace(panel: &Panel) -> String {
    String::from_utf8_lossy(&std::fs::read(panel.file("sip.txt")).unwrap_or_default()).into_owned()
}

/// How many messages the panel has sent whose first line begins with `start` and whose CSeq ends with `cseq`.
pub fn sent(panel: &Panel, start: &str, cseq: &str) -> usize {
    let trace = trace(panel);
    // Before each message stands when it went, from where, to where, and how long it is.
    let mut lines = trace.lines().skip_while(|line| !line.ends_with(" bytes")).peekable();
    let mut count = 0;
    while let Some(way) = lines.next() {
        let first = lines.peek().is_some_and(|line| line.starts_with(start));
        let mut ours = false;
        while let Some(line) = lines.next_if(|line| !line.ends_with(" bytes")) {
            ours |= line.starts_with("CSeq: ") && line.ends_with(cseq);
        }
        count += usize::from(first && ours && way.contains(" -> "));
    }
    count
}

/// Whether somebody listens at this port of 127.0.0.1 by UDP.
fn taken_by_udp(port: u16) -> bool {
    std::net::UdpSocket::bind(("127.0.0.1", port)).is_err()
}
