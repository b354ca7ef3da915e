//! What is wrong with what was entered, as far as the screen has words of its own for it.

use std::net::IpAddr;

use super::ui::SettingFault;
use crate::config::{Kind, Setting};

/// The kind of the mistake, and the part of the entry that it is in.
pub(super) fn fault<'a>(setting: &Setting, entered: &'a str) -> (SettingFault, &'a str) {
    let entered = entered.trim();
    let characters = entered.chars().count();
    let is_address = entered.parse::<IpAddr>().is_ok();
    let kind = match setting.kind {
        Kind::Secret { max, .. } if characters > max => SettingFault::TooLong,
        Kind::Text { max, .. } | Kind::Keys { max } | Kind::Code { max } if characters > max => SettingFault::TooLong,
        Kind::Set(_) if entered.is_empty() => SettingFault::NoneChosen,
        Kind::Number { .. }
        | Kind::Choice(_)
        | Kind::Keys { .. }
        | Kind::TimeOfDay
        | Kind::Order(_)
        | Kind::Text { min: 1.., .. }
            if entered.is_empty() =>
        {
            SettingFault::Missing
        }
        Kind::Number { .. } if entered.parse::<i64>().is_err() => SettingFault::NotANumber,
        Kind::Number { .. } => SettingFault::OutOfRange,
        // One of the words, and yet refused: it contradicts another setting.
        Kind::Choice(words) if words.contains(&entered) => SettingFault::SrvNeedsName,
        Kind::Choice(_) | Kind::Order(_) | Kind::Set(_) => SettingFault::NotAChoice,
        Kind::Keys { .. } | Kind::Code { .. } => SettingFault::BadCharacters,
        Kind::TimeOfDay => SettingFault::NotATime,
        Kind::List { check, .. } => {
            let bad = entered.split(',').map(str::trim).find(|item| !item.is_empty() && check(item).is_err());
            let kind = if setting.key == "network.dns_servers" {
                SettingFault::NotANameServer
            } else {
                SettingFault::NotDialable
            };
            return bad.map_or((SettingFault::Other, entered), |bad| (kind, bad));
        }
        Kind::Text { .. } if setting.key.ends_with("server") && is_address => SettingFault::SrvNeedsName,
        Kind::Text { .. } if setting.key.ends_with("server") => SettingFault::NotAHost,
        Kind::Text { .. } if setting.key == "display.time_zone" => SettingFault::NotAZone,
        Kind::Text { .. } if setting.key.ends_with(".chip") => SettingFault::NotAChip,
        Kind::Text { .. } if setting.key.ends_with("fingerprint") => SettingFault::NotAFingerprint,
        Kind::Switch | Kind::Moment | Kind::Text { .. } | Kind::Secret { .. } => SettingFault::Other,
    };
    (kind, entered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, setting};

    #[test]
    fn a_mistake_is_called_what_it_is() {
        let srv = Config::default().set("account1.basic.transport", "dns-srv").expect("a transport");
        let long = "x".repeat(300);
        for (key, entered, kind, part) in [
            ("phone.direct_ip.port", "70000", SettingFault::OutOfRange, "70000"),
            ("phone.direct_ip.port", "x", SettingFault::NotANumber, "x"),
            ("phone.direct_ip.port", " ", SettingFault::Missing, ""),
            ("phone.unlock.code", "1x", SettingFault::BadCharacters, "1x"),
            ("phone.dnd.on_code", "7a", SettingFault::BadCharacters, "7a"),
            ("phone.dnd.off_code", "12345678901234567", SettingFault::TooLong, "12345678901234567"),
            ("phone.dnd.accounts", "", SettingFault::NoneChosen, ""),
            ("phone.dnd.morning", "25:00", SettingFault::NotATime, "25:00"),
            ("phone.dnd.return_code", "700", SettingFault::NotAChoice, "700"),
            ("audio.codecs", "g729", SettingFault::NotAChoice, "g729"),
            ("account1.basic.server", "a b", SettingFault::NotAHost, "a b"),
            ("account1.basic.server", "192.0.2.1", SettingFault::SrvNeedsName, "192.0.2.1"),
            ("account1.outbound_proxy.backup_server", "a:5", SettingFault::NotAHost, "a:5"),
            ("account1.basic.password", long.as_str(), SettingFault::TooLong, long.as_str()),
            ("account1.tls.fingerprint", "12:34", SettingFault::NotAFingerprint, "12:34"),
            ("display.time_zone", "Berlin", SettingFault::NotAZone, "Berlin"),
            ("board.relay.chip", "gpio", SettingFault::NotAChip, "gpio"),
            ("network.dns_servers", "127.0.0.1, here", SettingFault::NotANameServer, "here"),
            ("phone.auto_answer.only", "12, 1✳2✳3", SettingFault::NotDialable, "1✳2✳3"),
        ] {
            assert!(srv.set(key, entered).is_err(), "{key} = {entered}");
            assert_eq!(fault(setting(key).expect(key), entered), (kind, part), "{key} = {entered}");
        }
        let address = Config::default().set("account1.basic.server", "192.0.2.1").expect("an address");
        assert!(address.set("account1.basic.transport", "dns-srv").is_err());
        let transport = setting("account1.basic.transport").expect("declared");
        assert_eq!(fault(transport, "dns-srv").0, SettingFault::SrvNeedsName);
    }
}
