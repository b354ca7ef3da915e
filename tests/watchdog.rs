//! What systemd hears of a panel, on a socket of its own.

mod panel;

use std::os::unix::net::UnixDatagram;
use std::process::Child;
use std::time::Duration;

use panel::{PATIENCE, free_port, vestibule};

/// What systemd would wait for a sign of life.
const WATCHED: Duration = Duration::from_secs(2);

/// A panel that runs as a service; ended with the test.
struct Service {
    child: Child,
    socket: UnixDatagram,
    directory: tempfile::TempDir,
}

impl Service {
    fn start(screen: &str, watched: Option<Duration>) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let at = |name: &str| directory.path().join(name);
        let socket = UnixDatagram::bind(at("notify")).expect("a socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
        let settings =
            format!("[phone.direct_ip]\nport = {}\n[audio]\ninput = \"null\"\noutput = \"null\"\n", free_port());
        std::fs::write(at("config.toml"), settings).expect("the settings are written");
        let mut command = vestibule();
        command
            .args(["run", "--screen", screen, "--log", "info"])
            .args(["--config".as_ref(), at("config.toml").as_os_str()])
            .args(["--data".as_ref(), at("data").as_os_str()])
            .args(["--socket".as_ref(), at("control.sock").as_os_str()])
            .env("GST_REGISTRY", concat!(env!("CARGO_TARGET_TMPDIR"), "/gstreamer-registry.bin"))
            .env("NOTIFY_SOCKET", at("notify"))
            .env_remove("WATCHDOG_PID")
            .env_remove("WATCHDOG_USEC");
        if let Some(watched) = watched {
            command.env("WATCHDOG_USEC", watched.as_micros().to_string());
        }
        let child = command.spawn().expect("the panel starts");
        Self { child, socket, directory }
    }

    /// The next thing that it says.
    fn hear(&self) -> String {
        let mut said = [0; 512];
        let count = self.socket.recv(&mut said).expect("it says something");
        String::from_utf8_lossy(&said[..count]).trim_end().to_owned()
    }

    fn ctl(&self, verb: &str) {
        let socket = self.directory.path().join("control.sock");
        let status = vestibule().args(["ctl".as_ref(), "--socket".as_ref(), socket.as_os_str()]).arg(verb).status();
        assert!(status.expect("ctl runs").success());
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have left already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_panel_with_a_screen_says_that_it_is_up_alive_and_leaving() {
    let service = Service::start("offscreen", Some(WATCHED));
    assert_eq!(service.hear(), "READY=1");
    for _ in 0..4 {
        assert_eq!(service.hear(), "WATCHDOG=1");
    }
    service.ctl("quit");
    let last = std::iter::repeat_with(|| service.hear()).find(|said| said != "WATCHDOG=1");
    assert_eq!(last.as_deref(), Some("STOPPING=1"));
}

#[test]
fn a_panel_without_a_screen_or_a_watchdog_says_what_there_is_to_say() {
    let service = Service::start("none", None);
    assert_eq!(service.hear(), "READY=1");
    service.ctl("quit");
    assert_eq!(service.hear(), "STOPPING=1");
}
