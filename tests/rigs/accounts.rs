//! The panel's accounts: their lines in its settings file, and where they stand.

use std::fmt;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Transport;
use crate::real_panel::Panel;

/// The settings of one account.
#[derive(Clone, Debug)]
pub struct AccountSettings {
    number: u8,
    lines: Vec<(String, Value)>,
}

impl AccountSettings {
    /// Account 1 or 2, active, at the registrar `HOST:PORT`.
    pub fn new(number: u8, name: &str, password: &str, registrar: &str, transport: Transport) -> Self {
        let (host, port) = registrar.rsplit_once(':').expect("a host and a port");
        let port: u16 = port.parse().expect("a port");
        Self { number, lines: Vec::new() }
            .with("active", true)
            .with("basic.register_name", name)
            .with("basic.password", password)
            .with("basic.transport", transport.to_string())
            .with("basic.server", host.trim_matches(['[', ']']))
            .with("basic.port", port)
    }

    /// With this setting, `basic.retry_interval`, whatever it was.
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.lines.retain(|(is, _)| is != key);
        self.lines.push((key.to_owned(), value.into()));
        self
    }

    /// Through an outbound proxy and perhaps a backup, each `HOST:PORT`.
    pub fn through(self, main: &str, backup: Option<&str>) -> Self {
        let split = |proxy: &str| {
            let (host, port) = proxy.rsplit_once(':').expect("a host and a port");
            (host.to_owned(), port.parse::<u16>().expect("a port"))
        };
        let (host, port) = split(main);
        let with = self.with("outbound_proxy.active", true);
        let with = with.with("outbound_proxy.server", host).with("outbound_proxy.port", port);
        let Some((host, port)) = backup.map(split) else { return with };
        with.with("outbound_proxy.backup_server", host).with("outbound_proxy.backup_port", port)
    }
}

/// Lines of the settings file. JSON's texts, numbers and truths are TOML's, too.
impl fmt::Display for AccountSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "[account{}]", self.number)?;
        self.lines.iter().try_for_each(|(key, value)| writeln!(f, "{key} = {value}"))
    }
}

/// One account in the answer to `status`.
pub fn account(panel: &Panel, number: usize) -> Value {
    panel.status()["accounts"][number - 1].take()
}

/// Waits until an account is as it should be, and gives it.
pub fn wait_for_account(panel: &Panel, number: usize, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let mut status = panel.wait(&format!("account {number} {what}"), |status| is_so(&status["accounts"][number - 1]));
    status["accounts"][number - 1].take()
}

/// Waits until an account is registered, and gives it.
pub fn wait_until_registered(panel: &Panel, number: usize) -> Value {
    wait_for_account(panel, number, "is registered", |account| account["state"] == "registered")
}

/// Waits until an account has failed for this reason, and gives it. While it is tried again the last reason stands.
pub fn wait_for_reason(panel: &Panel, number: usize, words: &str) -> Value {
    wait_for_account(panel, number, &format!("says: {words}"), |account| {
        account["state"] == "failed" && account["reason"].as_str().is_some_and(|reason| reason.contains(words))
    })
}

/// Changes a setting as a finger or `ctl` does.
pub fn set(panel: &Panel, key: &str, value: impl Into<Value>) {
    let answer = panel.ask(&json!({"do": "set", "key": key, "value": value.into()}));
    assert_eq!(answer["ok"], true, "{key} cannot be set: {answer}");
}

/// How long it took until something came true. Fails if it took longer than it may.
pub fn within<T>(limit: Duration, what: &str, mut attempt: impl FnMut() -> Option<T>) -> (T, Duration) {
    let begun = Instant::now();
    loop {
        if let Some(found) = attempt() {
            let took = begun.elapsed();
            assert!(took <= limit, "{what} took {took:?}, it may take {limit:?}");
            return (found, took);
        }
        assert!(begun.elapsed() < limit, "{what} has not come true in {limit:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
