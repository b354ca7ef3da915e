//! The lines of the `events` stream: each names its kind in `event` and carries the same parts as `status`.
//!
//! ```json
//! {"event":"call","call":{"call":1,"direction":"in","state":"ringing",…}}
//! {"event":"screen","screen":"ringing"}
//! ```
//! Settings are announced without their values, so that no secret is in the stream.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};

use super::{contacts, status};
use crate::channel::{Event, LogEntry, Screen};

/// The line of an event, with its line end; none for what concerns the screen alone.
pub fn line(now: Instant, event: &Event) -> Option<Arc<str>> {
    let value = match event {
        Event::Settings(_) => json!({"event": "settings"}),
        Event::Call(view) => json!({"event": "call", "call": status::call(now, view)}),
        Event::DoorKey(view) => json!({"event": "door", "door": status::door_key(view)}),
        Event::DirectIp(view) => json!({"event": "direct_ip", "direct_ip": status::direct_ip(view)}),
        Event::Registration(view) => json!({"event": "account", "account": status::account(now, view)}),
        Event::Light(view) => json!({"event": "light", "light": status::light(view)}),
        Event::WiredDoor(view) => json!({"event": "door", "open": view.open}),
        Event::DndServers(views) => json!({"event": "dnd_servers", "dnd_servers": status::dnd_servers(views)}),
        Event::AccountTest(view) => json!({"event": "account_test", "test": status::account_test(view)}),
        Event::Pin(view) => json!({"event": "pin", "pin": status::pin(now, view)}),
        Event::Log(entries) => json!({
            "event": "log",
            "entries": entries.len(),
            "missed": LogEntry::missed(entries),
            "newest": entries.first(),
        }),
        Event::Notices(list) => json!({"event": "notices", "notices": status::notices(list)}),
        Event::ContactsImported(imported) => {
            json!({"event": "contacts_imported", "import": contacts::imported(imported)})
        }
        Event::Bye => json!({"event": "bye"}),
        Event::CertificateFiles(_)
        | Event::ContactFiles { .. }
        | Event::ContactsExported { .. }
        | Event::Picture { .. }
        | Event::Refused(_)
        | Event::AreYouThere
        | Event::OnScreen(_)
        | Event::Ask { .. } => return None,
    };
    Some(with_end(&value))
}

/// The line that says which page is on the screen.
pub fn screen(screen: Screen) -> Arc<str> {
    with_end(&json!({"event": "screen", "screen": screen.name()}))
}

/// The line that reports keys that the other side pressed.
pub fn dtmf(call: u32, digit: char) -> Arc<str> {
    with_end(&json!({"event": "dtmf", "call": call, "digit": digit}))
}

fn with_end(value: &Value) -> Arc<str> {
    format!("{value}\n").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::{DirectIpView, Refusal};

    #[test]
    fn an_event_is_one_line_that_names_its_kind() {
        let event = Event::DirectIp(DirectIpView { enabled: true, port: 5060, ..DirectIpView::default() });
        let line = line(Instant::now(), &event).expect("this one is told");
        assert_eq!(line.matches('\n').count(), 1);
        assert!(line.ends_with('\n'));
        let value: Value = serde_json::from_str(&line).expect("it is JSON");
        assert_eq!(value["event"], "direct_ip");
        assert_eq!(value["direct_ip"]["port"], 5060);
    }

    #[test]
    fn what_concerns_the_screen_alone_is_not_told() {
        assert!(line(Instant::now(), &Event::Refused(Refusal::NoCall)).is_none());
        let value: Value = serde_json::from_str(&screen(Screen::InCall)).expect("it is JSON");
        assert_eq!(value["screen"], "in_call");
    }
}
