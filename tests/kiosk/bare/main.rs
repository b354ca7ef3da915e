//! A dial pad of Slint and nothing behind it, with a clock: what the least program costs that draws on this screen.
//!
//! Tells systemd when its first frame is drawn, as the panel does.

#![allow(missing_docs, clippy::all, clippy::unwrap_used, clippy::todo)]

use std::error::Error;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

slint::slint! {
    export component Pad inherits Window {
        in property <int> seconds;
        private property <string> typed;
        background: #101218;
        default-font-family: "Inter";
        default-font-size: 40px;
        HorizontalLayout {
            padding: 24px;
            spacing: 24px;
            VerticalLayout {
                spacing: 12px;
                for row in [["1", "2", "3"], ["4", "5", "6"], ["7", "8", "9"], ["✳", "0", "#"]]: HorizontalLayout {
                    spacing: 12px;
                    for digit in row: Rectangle {
                        border-radius: 16px;
                        background: touch.pressed ? #404858 : #1c2028;
                        preferred-width: 0px;
                        horizontal-stretch: 1;
                        Text { text: digit; color: white; }
                        touch := TouchArea { clicked => { root.typed += digit; } }
                    }
                }
            }
            VerticalLayout {
                Text { text: root.typed; color: white; }
                Text { text: root.seconds + " s"; color: white; }
            }
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    slint::BackendSelector::new().backend_name("linuxkms".into()).renderer_name("software".into()).select()?;
    let pad = Pad::new()?;
    let begun = Instant::now();
    let clock = slint::Timer::default();
    let weak = pad.as_weak();
    clock.start(slint::TimerMode::Repeated, Duration::from_secs(1), move || {
        if let Some(pad) = weak.upgrade() {
            pad.set_seconds(begun.elapsed().as_secs() as i32);
        }
    });
    // The first timer fires before the first frame, one that it starts behind it.
    slint::Timer::single_shot(Duration::ZERO, || slint::Timer::single_shot(Duration::ZERO, say_ready));
    pad.run()?;
    Ok(())
}

/// Where nobody listens this does nothing.
fn say_ready() {
    let Some(address) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let said = UnixDatagram::unbound().and_then(|socket| socket.send_to(b"READY=1", address));
    if let Err(error) = said {
        eprintln!("systemd cannot be told: {error}");
    }
}
