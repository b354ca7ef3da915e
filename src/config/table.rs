//! The table of all settings. The file, the pages, the checks and the reference are made from these lines and no others.

use std::net::{IpAddr, SocketAddr};
use std::sync::LazyLock;
use std::time::SystemTime;

use super::accounts::{self, AccountConfig, Secret};
use super::book::Book;
use super::choices::{DndMode, Language, NightMode, ReturnCode, Ringtone, Rotation, Scale, Theme, UnlockMethod};
use super::dnd::DndAccounts;
use super::pin;
use super::rules::DialPlan;
use super::setting::{Field, Kind, Part, Setting};
use super::time::TimeOfDay;
use crate::dial;

/// Makes the fields of [`Config`] and the rows of [`SETTINGS`] from one declaration each.
macro_rules! settings {
    ($( $field:ident: $type:ty = $key:literal, $label:literal, $path:expr, $kind:expr, $default:literal $unit:literal,
        $part:ident, $help:literal; )+) => {
        /// The settings in force, each checked, the contacts, and the dial plan.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Config {
            $(
                #[doc = concat!("`", $key, "`: ", $help)]
                pub $field: $type,
            )+
            /// `account1.…` and `account2.…`.
            pub accounts: [AccountConfig; 2],
            /// The people and doors that have a name, `[[contact]]`.
            pub contacts: Book,
            /// What numbers are replaced by, `[[dial_rule]]`.
            pub dial_plan: DialPlan,
        }

        impl Default for Config {
            fn default() -> Self {
                Self {
                    $(
                        $field: ($kind)
                            .parse($default)
                            .ok()
                            .and_then(|value| <$type as Field>::of(&value))
                            .expect(concat!("the default of ", $key, " passes its own check, as a test sees")),
                    )+
                    accounts: Default::default(),
                    contacts: Book::default(),
                    dial_plan: DialPlan::default(),
                }
            }
        }

        fn rows() -> Vec<Setting> {
            vec![$(
                Setting {
                    key: $key,
                    label: $label,
                    path: $path,
                    kind: $kind,
                    default: $default,
                    unit: $unit,
                    help: $help,
                    part: Part::$part,
                    read: |config| Field::value(&config.$field),
                    write: |config, value| {
                        if let Some(field) = Field::of(value) {
                            config.$field = field;
                        }
                    },
                },
            )+]
        }
    };
}

/// Every setting, in the order in which the pages show them.
pub static SETTINGS: LazyLock<Vec<Setting>> = LazyLock::new(|| rows().into_iter().chain(accounts::rows()).collect());

const DIRECT_IP: &str = "Phone > Call Feature > Direct IP";
const DND: &str = "Phone > Call Feature > DND";
const OTHERS: &str = "Phone > Call Feature > Others";
const CALL_LOG: &str = "Phone > Call Feature > Call Log";
const AUTO_ANSWER: &str = "Phone > Call Feature > Auto Answer";
const UNLOCK: &str = "Phone > Call Feature > Unlock";
const SOUND: &str = "Phone > Audio";
const VIDEO: &str = "Phone > Video";
const DISPLAY: &str = "Phone > Display";
const NETWORK: &str = "Network > Basic";
const RELAY: &str = "Security > Relay";
const DOOR_CONTACT: &str = "Security > Door Contact";
const SECURITY: &str = "Security > Basic";

const SECONDS: Kind = Kind::Number { min: 1, max: 600 };
const PERCENT: Kind = Kind::Number { min: 0, max: 100 };
/// Of a screen that is to be seen: never quite dark.
const BRIGHTNESS: Kind = Kind::Number { min: 5, max: 100 };
const LINE: Kind = Kind::Number { min: 0, max: 1023 };
const CHIP: Kind = Kind::Text { min: 0, max: 100, check: chip };
const CODE: Kind = Kind::Code { max: 16 };
const CODECS: &[&str] = &["opus", "g722", "pcmu", "pcma"];

settings! {
    direct_ip_enabled: bool = "phone.direct_ip.enabled", "Direct IP", DIRECT_IP, Kind::Switch, "on" "", Listening,
        "Call other devices by their IP address and be called by them, with no server between.";
    direct_ip_port: u16 = "phone.direct_ip.port", "Direct IP Port", DIRECT_IP, Kind::Number { min: 1, max: 65535 }, "5060" "", Listening,
        "The port on which direct calls are awaited, and the port of the device that is called. Both sides need the same.";
    direct_ip_prevent_sip_hacking: bool = "phone.direct_ip.prevent_sip_hacking", "Prevent SIP Hacking", DIRECT_IP, Kind::Switch, "off" "", NextCall,
        "Only contacts that may call are let in, by their IP address. Nobody else gets an answer.";

    dnd_mode: DndMode = "phone.dnd.mode", "DND", DND, Kind::Choice(DndMode::WORDS), "off" "", NextCall,
        "Do not disturb: silent shows the visitor without a sound, reject turns calls away. Emergency contacts pass.";
    dnd_accounts: DndAccounts = "phone.dnd.accounts", "Account", DND, Kind::Set(DndAccounts::WORDS), "1, 2, ip" "", NextCall,
        "Whose calls are kept away: those through account 1, through account 2, and direct ones (ip). The others ring.";
    dnd_return_code: ReturnCode = "phone.dnd.return_code", "Return Code When DND", DND, Kind::Choice(ReturnCode::WORDS), "486" "", NextCall,
        "What a caller whom DND turns away is told. 603 silences every phone of the flat.";
    dnd_on_code: String = "phone.dnd.on_code", "DND On Code", DND, CODE, "78" "", NextCall,
        "What is called on the server of each chosen account when DND is switched on; empty means nothing.";
    dnd_off_code: String = "phone.dnd.off_code", "DND Off Code", DND, CODE, "79" "", NextCall,
        "What is called on the server of each chosen account when DND is switched off; empty means nothing.";
    dnd_morning: TimeOfDay = "phone.dnd.morning", "Morning", DND, Kind::TimeOfDay, "07:00" "", NextCall,
        "When DND until morning ends, as the clocks here show it.";
    dnd_until: Option<SystemTime> = "phone.dnd.until", "Until", DND, Kind::Moment, "" "", NextCall,
        "When DND switches itself off; empty means not by itself. It is forgotten once DND is off.";

    return_code_when_refused: ReturnCode = "phone.call.return_code_when_refused", "Return Code When Refuse", OTHERS,
        Kind::Choice(ReturnCode::WORDS), "486" "", NextCall,
        "What a caller is told whose call is declined on the screen. 603 silences every phone of the flat.";
    max_call_time_min: u32 = "phone.call.max_call_time", "Max Call Time", OTHERS, Kind::Number { min: 0, max: 1440 }, "30" "min", NextCall,
        "A call is ended after this long; 0 lets it last.";
    max_dial_in_time_s: u32 = "phone.call.max_dial_in_time", "Max Dial In Time", OTHERS, SECONDS, "60" "s", NextCall,
        "How long a visitor's call rings here before it counts as missed.";
    max_dial_out_time_s: u32 = "phone.call.max_dial_out_time", "Max Dial Out Time", OTHERS, SECONDS, "60" "s", NextCall,
        "How long a call of ours rings there before it is given up.";
    follow_redirects: bool = "phone.call.follow_redirects", "Follow Redirections", OTHERS, Kind::Switch, "on" "", NextCall,
        "Call on where a called device sends us (it has moved, or is not here but there); off, the call ends instead.";

    call_log_pictures: bool = "phone.call_log.pictures", "Pictures Of Visitors", CALL_LOG, Kind::Switch, "off" "", NextCall,
        "Keep a picture of whoever rings in the call log. Switched off, no more are taken; those that are there stay until they are old or deleted.";
    call_log_picture_days: u32 = "phone.call_log.picture_days", "Keep Pictures For", CALL_LOG, Kind::Number { min: 1, max: 365 }, "30" "d", NextCall,
        "Pictures of visitors are deleted after so many days.";
    call_log_delete_if_answered: bool = "phone.call_log.delete_if_answered", "Delete If Answered", CALL_LOG, Kind::Switch, "on" "", NextCall,
        "The picture of a visitor is deleted as soon as the call is answered here.";

    auto_answer_enabled: bool = "phone.auto_answer.enabled", "Auto Answer", AUTO_ANSWER, Kind::Switch, "off" "", NextCall,
        "Take calls without a touch.";
    auto_answer_delay_s: u32 = "phone.auto_answer.delay", "Auto Answer Delay", AUTO_ANSWER, Kind::Number { min: 0, max: 30 }, "0" "s", NextCall,
        "How long it rings before it is taken.";
    auto_answer_only: Vec<String> = "phone.auto_answer.only", "Only From", AUTO_ANSWER,
        Kind::List { max: 100, check: dialable }, "" "", NextCall,
        "The numbers and addresses whose calls are taken; empty means everybody.";
    auto_answer_video: bool = "phone.auto_answer.video", "Auto Answer With Camera", AUTO_ANSWER, Kind::Switch, "off" "", NextCall,
        "Send our own camera as well in a call that was taken without a touch.";

    unlock_method: UnlockMethod = "phone.unlock.method", "Unlock By", UNLOCK, Kind::Choice(UnlockMethod::WORDS), "dtmf" "", NextCall,
        "How a door that has no method of its own is opened.";
    unlock_code: String = "phone.unlock.code", "Unlock Code", UNLOCK, Kind::Keys { max: 16 }, "#" "", NextCall,
        "The keys that open a door that has no code of its own.";
    unlock_open_time_s: u32 = "phone.unlock.open_time", "Open Time", UNLOCK, Kind::Number { min: 1, max: 60 }, "5" "s", NextCall,
        "How long the screen shows that the door is open.";

    audio_input: String = "audio.input", "Microphone", SOUND, Kind::Text { min: 1, max: 200, check: sound_device }, "default" "", Sound,
        "default, the name of a device, null, loop, tone or wav:FILE.";
    audio_output: String = "audio.output", "Loudspeaker", SOUND, Kind::Text { min: 1, max: 200, check: sound_device }, "default" "", Sound,
        "default, the name of a device, null, loop or wav:FILE.";
    audio_volume: u8 = "audio.volume", "Volume", SOUND, PERCENT, "70" "%", Sound, "How loud the other side is.";
    audio_ring_volume: u8 = "audio.ring_volume", "Ring Volume", SOUND, PERCENT, "80" "%", Sound, "How loud the bell is.";
    audio_ringtone: Ringtone = "audio.ringtone", "Ring Tone", SOUND, Kind::Choice(Ringtone::WORDS), "chime" "", Sound, "The sound of the bell.";
    audio_key_tones: bool = "audio.key_tones", "Key Tones", SOUND, Kind::Switch, "on" "", Sound, "A tone for each key of the dial pad.";
    audio_codecs: Vec<String> = "audio.codecs", "Sound Formats", SOUND, Kind::Order(CODECS), "opus, g722, pcmu, pcma" "", NextCall,
        "The formats that are offered and taken, the preferred first.";

    video_receive: bool = "video.receive", "Show Pictures", VIDEO, Kind::Switch, "on" "", NextCall, "Show the picture that a door sends.";
    video_camera: String = "video.camera", "Camera", VIDEO, Kind::Text { min: 1, max: 200, check: camera }, "none" "", Video,
        "Our own camera: none, test (a moving picture) or v4l2:PATH. It is sent only when it is switched on in a call.";

    theme: Theme = "display.theme", "Theme", DISPLAY, Kind::Choice(Theme::WORDS), "dark" "", Display, "How the screen looks.";
    language: Language = "display.language", "Language", DISPLAY, Kind::Choice(Language::WORDS), "auto" "", Display, "The language of the screen.";
    idle_after_s: u32 = "display.idle_after", "Show Clock After", DISPLAY, Kind::Number { min: 0, max: 3600 }, "60" "s", Display,
        "After this long without a touch the clock comes up; 0 keeps the page.";
    sleep_after_s: u32 = "display.sleep_after", "Sleep After", DISPLAY, Kind::Number { min: 0, max: 3600 }, "120" "s", Display,
        "After this long without a touch or a call the screen goes dark; the next touch, or the bell, wakes it. 0 means never.";
    sleep_in_window: bool = "display.sleep_in_window", "Sleep In A Window", DISPLAY, Kind::Switch, "off" "", Display,
        "Go dark in a window on a desk as well, not only on the screen of a panel.";
    brightness: u8 = "display.brightness", "Brightness", DISPLAY, BRIGHTNESS, "80" "%", Display,
        "How bright the screen of a panel is by day.";
    auto_brightness: bool = "display.auto_brightness", "Automatic Brightness", DISPLAY, Kind::Switch, "off" "", Display,
        "Follow the light that falls on the panel, where it has a sensor, between Least Brightness and Brightness.";
    least_brightness: u8 = "display.least_brightness", "Least Brightness", DISPLAY, BRIGHTNESS, "20" "%", Display,
        "How bright the screen is in the dark, when the brightness is automatic.";
    night_mode: NightMode = "display.night.mode", "Night", DISPLAY, Kind::Choice(NightMode::WORDS), "off" "", Display,
        "Between two times of the day the screen is black with dim words, and a bell brightens it slowly.";
    night_from: TimeOfDay = "display.night.from", "Night From", DISPLAY, Kind::TimeOfDay, "22:00" "", Display,
        "When the night begins, as the clocks here show it.";
    night_to: TimeOfDay = "display.night.to", "Night To", DISPLAY, Kind::TimeOfDay, "06:30" "", Display,
        "When it ends.";
    night_brightness: u8 = "display.night.brightness", "Brightness At Night", DISPLAY, BRIGHTNESS, "10" "%", Display,
        "How bright the screen is at night, while nobody calls.";

    time_zone: String = "display.time_zone", "Time Zone", DISPLAY, Kind::Text { min: 0, max: 64, check: time_zone }, "" "", Display,
        "Where the clocks go as they do here, such as Europe/Berlin; empty means as the system is set.";
    display_scale: Scale = "display.scale", "Scale", DISPLAY, Kind::Choice(Scale::WORDS), "100" "%", Display,
        "How large everything is drawn, as far as the screen has room for the pages: 800 × 480 pixels of theirs.";
    display_rotation: Rotation = "display.rotation", "Rotation", DISPLAY, Kind::Choice(Rotation::WORDS), "0" "°", Start,
        "How far the picture of the panel's own screen is turned to the right; touch turns with it. After a restart.";
    display_output: String = "display.output", "Connector", DISPLAY, Kind::Text { min: 0, max: 32, check: any }, "" "", Start,
        "Where the panel's own screen is connected, such as HDMI-A-1. Empty, or with nothing there, it is the first that is connected. After a restart.";

    dns_servers: Vec<String> = "network.dns_servers", "DNS Server", NETWORK, Kind::List { max: 3, check: name_server }, "" "", Network,
        "The name servers that are asked, each an address, perhaps with a port; empty means those of the system.";

    pin: Secret = "security.pin", "PIN", SECURITY, Kind::Secret { max: 256, check: pin::check }, "" "", Display,
        "4–12 digits that are asked for before the accounts and the security are shown on the screen. They are kept as a hash.";

    relay_chip: String = "board.relay.chip", "Relay", RELAY, CHIP, "" "", Board,
        "The GPIO chip of the relay that opens a door with unlock = relay, such as /dev/gpiochip0; test is a relay without a wire, empty means none.";
    relay_line: u32 = "board.relay.line", "Relay Line", RELAY, LINE, "0" "", Board,
        "Which line of the chip switches the relay, counted from 0.";
    relay_pulse_ms: u32 = "board.relay.pulse", "Relay Pulse", RELAY, Kind::Number { min: 100, max: 10_000 }, "3000" "ms", NextCall,
        "How long the relay is on for each opening.";
    relay_active_low: bool = "board.relay.active_low", "Relay Active Low", RELAY, Kind::Switch, "off" "", Board,
        "The line is low while the relay is on.";
    door_contact_chip: String = "board.door_contact.chip", "Door Contact", DOOR_CONTACT, CHIP, "" "", Board,
        "The GPIO chip of the contact that sees whether the door is open; test follows the relay without a wire, empty means none.";
    door_contact_line: u32 = "board.door_contact.line", "Door Contact Line", DOOR_CONTACT, LINE, "0" "", Board,
        "Which line of the chip sees the contact, counted from 0. It is high while the door is open.";
    door_contact_active_low: bool = "board.door_contact.active_low", "Door Contact Active Low", DOOR_CONTACT, Kind::Switch, "off" "", Board,
        "The line is low while the door is open.";
}

/// What is not there is passed over when it is looked for: a wrong word must not leave a panel dark.
fn any(_: &str) -> Result<(), String> {
    Ok(())
}

fn dialable(text: &str) -> Result<(), String> {
    dial::parse(text).map(drop).map_err(|error| error.to_string())
}

fn name_server(text: &str) -> Result<(), String> {
    if text.parse::<IpAddr>().is_ok() || text.parse::<SocketAddr>().is_ok() {
        return Ok(());
    }
    Err("is neither an address nor an address with a port".to_owned())
}

fn time_zone(text: &str) -> Result<(), String> {
    if text.is_empty() || jiff::tz::TimeZone::get(text).is_ok() {
        return Ok(());
    }
    Err(format!("'{}' is no time zone that this machine knows, such as Europe/Berlin", super::setting::echo(text)))
}

fn chip(text: &str) -> Result<(), String> {
    if text.is_empty() || text == "test" || (text.starts_with('/') && text.len() > 1) {
        return Ok(());
    }
    Err(format!("'{}' is neither test nor the path of a chip, such as /dev/gpiochip0", super::setting::echo(text)))
}

fn sound_device(text: &str) -> Result<(), String> {
    match text.strip_prefix("wav:") {
        Some("") => Err("the file is missing after wav:".to_owned()),
        _ => Ok(()),
    }
}

fn camera(text: &str) -> Result<(), String> {
    match text {
        "none" | "test" => Ok(()),
        _ => match text.strip_prefix("v4l2:") {
            Some(path) if path.starts_with('/') => Ok(()),
            Some(_) => Err("v4l2: needs the path of a device, such as v4l2:/dev/video0".to_owned()),
            None => Err(format!("'{}' is neither none, test nor v4l2:PATH", super::setting::echo(text))),
        },
    }
}
