//! The call log, as the screen shows it and as it is kept on disk.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use super::{EndReason, VisitorPicture};
use crate::config::{Account, AccountChoice, Config, PhonebookEntry};
use crate::dial::{self, DialTarget, SipUri};

/// One line of the call log, as kept on disk.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct LogEntry {
    /// When the call began.
    pub at: SystemTime,
    /// Whether we called.
    pub outgoing: bool,
    /// The other side's URI.
    pub remote: String,
    /// Its name then.
    pub name: String,
    /// 0 for a direct IP call, else the account.
    pub account: u8,
    /// How it went.
    pub result: CallResult,
    /// Why, where the result alone does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<EndReason>,
    /// How long it was answered.
    pub duration: Duration,
    /// Whether the door was opened.
    #[serde(default)]
    pub unlocked: bool,
    /// Whether it was missed and the log has not been opened since.
    #[serde(default)]
    pub unseen: bool,
    /// How often the same caller was turned away within an hour; 1 for all other calls.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub attempts: u32,
    /// Of a call that was not let in: what a contact that may call needs as its number for this caller to be let in the next
    /// time; none where no contact helps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow: Option<String>,
    /// The kept picture of the visitor. Its file may have gone; what cannot be read here counts as none.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "readable")]
    pub picture: Option<VisitorPicture>,
    /// How well sound and picture came through.
    #[serde(default, skip_serializing_if = "CallQuality::is_unknown", deserialize_with = "readable")]
    pub quality: CallQuality,
}

/// How well the media of a call came through.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct CallQuality {
    /// The sound that came from the other side; none where none came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio: Option<StreamQuality>,
    /// The picture that came from the other side; none where none came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video: Option<StreamQuality>,
}

/// How well one stream came through, from RTP (RFC 3550).
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct StreamQuality {
    /// `opus`, `pcmu`, `H264` …
    pub codec: String,
    /// Packets that came.
    pub packets: u64,
    /// Packets that should have come and did not.
    pub lost: u64,
    /// Interarrival jitter at the end, in ms.
    pub jitter_ms: f32,
}

impl CallQuality {
    fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
}

impl StreamQuality {
    /// Percent of the packets that never came.
    pub fn loss(&self) -> f32 {
        let all = self.packets.saturating_add(self.lost);
        if all == 0 { 0.0 } else { self.lost as f32 * 100.0 / all as f32 }
    }
}

/// What stands there, if it can be read: an odd word must not cost the whole line.
fn readable<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::de::DeserializeOwned + Default,
{
    /// Whatever it is, it is read to its end.
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Either<T> {
        Good(T),
        Odd(serde::de::IgnoredAny),
    }
    Ok(match <Either<T> as serde::Deserialize>::deserialize(deserializer)? {
        Either::Good(value) => value,
        Either::Odd(_) => T::default(),
    })
}

fn once() -> u32 {
    1
}

fn is_once(attempts: &u32) -> bool {
    *attempts == 1
}

impl LogEntry {
    /// Whether a caller is let in by now who was turned away.
    pub fn is_allowed(&self, allowed: &Allowed) -> bool {
        self.allow.as_deref().and_then(canonical).is_some_and(|number| allowed.0.contains(&number))
    }

    /// A contact for the other side, with a number that calls it again and by which its calls are known; it may call if it was
    /// turned away. None where there is no single other side, or no contact helps.
    pub fn as_contact(&self, config: &Config) -> Option<PhonebookEntry> {
        let was_kept_out = self.result == CallResult::Blocked;
        let number = match &self.allow {
            Some(number) => number.clone(),
            None if was_kept_out => return None,
            None => self.number(config)?,
        };
        // Whoever only claimed to call through an account is let in by the address.
        let account = match Account::from_number(self.account) {
            Some(_) if was_kept_out && self.why != Some(EndReason::MayNotCall) => AccountChoice::Auto,
            Some(Account::One) => AccountChoice::Account1,
            Some(Account::Two) => AccountChoice::Account2,
            None => AccountChoice::Auto,
        };
        // Somebody else may have the name.
        let is_free = config.contacts.named(&self.name).is_none();
        let name = if is_free { self.name.clone() } else { format!("{} ({number})", self.name) };
        let numbers = vec![number];
        Some(PhonebookEntry { name, numbers, account, may_call: was_kept_out, ..PhonebookEntry::default() })
    }

    /// The contact that the other side is by now.
    pub fn contact<'a>(&self, config: &'a Config) -> Option<&'a PhonebookEntry> {
        config.contact_of(&self.remote)
    }

    /// The URI of the other side. A call to several phones that nobody answered has the number that was dialled instead.
    fn uri(&self) -> Option<SipUri> {
        match dial::parse(&self.remote).ok()? {
            DialTarget::Uri(uri) => Some(uri),
            DialTarget::Ip { .. } | DialTarget::Number(_) => None,
        }
    }

    /// The other side as a contact has it: the number at the account's own server, the address of a device that is called
    /// directly, else the whole URI.
    fn number(&self, config: &Config) -> Option<String> {
        let uri = self.uri()?;
        let short = match Account::from_number(self.account) {
            None => uri.address().map(|address| DialTarget::Ip { address: address.to_canonical(), port: uri.port }),
            Some(account) => {
                let is_home = config.account(account).is_at(&uri.host);
                uri.user.clone().filter(|_| is_home).map(DialTarget::Number)
            }
        };
        // A user who is called like an address, or by something escaped, would be somebody else.
        let short = short.filter(|short| dial::parse(&short.to_string()).as_ref() == Ok(short));
        Some(short.map_or(uri.text, |short| short.to_string()))
    }

    /// How many calls of this log were missed and not looked at since.
    pub fn missed(log: &[Self]) -> usize {
        log.iter().filter(|entry| entry.unseen).count()
    }
}

#[cfg(test)]
impl LogEntry {
    /// A line for tests: somebody who rang at the beginning of 1970, and whom nobody answered or has looked at.
    pub(crate) fn of_visitor(name: &str) -> Self {
        Self {
            at: SystemTime::UNIX_EPOCH,
            outgoing: false,
            remote: "sip:door@192.0.2.1".into(),
            name: name.into(),
            account: 0,
            result: CallResult::Missed,
            why: None,
            duration: Duration::ZERO,
            unlocked: false,
            unseen: true,
            attempts: 1,
            allow: None,
            picture: None,
            quality: CallQuality::default(),
        }
    }
}

/// By what contacts that may call are told: for looking up many lines.
#[derive(Clone, Debug, Default)]
pub struct Allowed(BTreeSet<String>);

impl Allowed {
    /// Of these contacts.
    pub fn by(contacts: &[PhonebookEntry]) -> Self {
        let may_call = contacts.iter().filter(|contact| contact.may_call && !contact.blocked);
        Self(may_call.flat_map(|contact| &contact.numbers).filter_map(|number| canonical(number)).collect())
    }
}

/// One spelling for all of a number; the port of an address does not matter.
fn canonical(number: &str) -> Option<String> {
    Some(match dial::parse(number).ok()? {
        DialTarget::Ip { address, .. } => address.to_canonical().to_string(),
        other => other.to_string(),
    })
}

/// How a call in the log went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallResult {
    /// Somebody spoke.
    Answered,
    /// Nobody here answered.
    Missed,
    /// Declined here.
    Declined,
    /// Turned away by do not disturb.
    Dnd,
    /// Not let in.
    Blocked,
    /// Another phone took it.
    AnsweredElsewhere,
    /// We called and it did not come about.
    Failed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_knows_whether_its_caller_may_call_by_now() {
        let contact = |number: &str, may_call, blocked| PhonebookEntry {
            numbers: vec![number.to_owned()],
            may_call,
            blocked,
            ..PhonebookEntry::default()
        };
        let contacts = [
            contact("10✳0✳0✳3✳5070", true, false),
            contact("10.0.0.4", false, false),
            contact("10.0.0.5", true, true),
            contact("+49 30 1", true, false),
        ];
        let allowed = Allowed::by(&contacts);
        let is_allowed = |allow: Option<&str>| {
            let line = LogEntry {
                at: SystemTime::UNIX_EPOCH,
                outgoing: false,
                remote: String::new(),
                name: String::new(),
                account: 0,
                result: CallResult::Blocked,
                why: None,
                duration: Duration::ZERO,
                unlocked: false,
                unseen: false,
                attempts: 1,
                allow: allow.map(str::to_owned),
                picture: None,
                quality: CallQuality::default(),
            };
            line.is_allowed(&allowed)
        };
        let cases = [("10.0.0.3", true), ("10.0.0.4", false), ("10.0.0.5", false), ("+49301", true), ("102", false)];
        for (number, expected) in cases {
            assert_eq!(is_allowed(Some(number)), expected, "{number}");
        }
        assert!(!is_allowed(None));
    }

    #[test]
    fn whoever_called_or_was_called_becomes_a_contact_that_is_called_and_known_by_its_number() {
        let config = [
            ("account1.basic.server", "pbx.test"),
            ("account2.outbound_proxy.active", "on"),
            ("account2.outbound_proxy.server", "192.0.2.9"),
        ];
        let config = config.iter().fold(Config::default(), |config, (key, value)| config.set(key, value).expect(key));
        let cases = [
            (0, "sip:door@10.0.0.3", "10.0.0.3"),
            (0, "sip:door@10.0.0.3:5070", "10.0.0.3:5070"),
            (0, "sip:[2001:db8::1]:5070", "[2001:db8::1]:5070"),
            (0, "sip:door@door.test", "sip:door@door.test"),
            (1, "sip:102@PBX.test", "102"),
            (1, "sip:+4930123@pbx.test:5080", "+4930123"),
            (2, "sip:102@192.0.2.9", "102"),
            // Of another server, and users who would be somebody else without theirs.
            (1, "sip:102@192.0.2.9", "sip:102@192.0.2.9"),
            (1, "sip:10.0.0.3@pbx.test", "sip:10.0.0.3@pbx.test"),
            (1, "sip:%237@pbx.test", "sip:%237@pbx.test"),
        ];
        let choices = [AccountChoice::Auto, AccountChoice::Account1, AccountChoice::Account2];
        for (account, remote, number) in cases {
            let entry = LogEntry { account, remote: remote.into(), ..LogEntry::of_visitor("Anna") };
            let contact = entry.as_contact(&config).expect(remote);
            assert_eq!((contact.name.as_str(), &contact.numbers[..]), ("Anna", &[number.to_owned()][..]), "{remote}");
            assert_eq!((contact.account, contact.may_call), (choices[usize::from(account)], false), "{remote}");
            assert_eq!(entry.contact(&config), None, "{remote}");
            let config = Config { contacts: vec![contact.clone()].into(), ..config.clone() };
            assert_eq!(entry.contact(&config), Some(&contact), "{remote}");
            let again = entry.as_contact(&config).map(|contact| contact.name);
            assert_eq!(again, Some(format!("Anna ({number})")), "the name is taken");
        }
        for nobody in ["9", "10.0.0.3", ""] {
            let several = LogEntry { outgoing: true, remote: nobody.into(), ..LogEntry::of_visitor("Hotline") };
            assert_eq!((several.as_contact(&config), several.contact(&config)), (None, None), "{nobody}");
        }
    }

    #[test]
    fn whoever_was_turned_away_becomes_a_contact_that_may_call_where_a_contact_helps() {
        let config = Config::default();
        let kept_out = |account, why, allow: Option<&str>| {
            let result = CallResult::Blocked;
            let allow = allow.map(str::to_owned);
            LogEntry { account, result, why: Some(why), allow, ..LogEntry::of_visitor("Anna") }.as_contact(&config)
        };
        let contact = kept_out(1, EndReason::MayNotCall, Some("102")).expect("it helps");
        assert_eq!((contact.account, contact.may_call), (AccountChoice::Account1, true));
        let contact = kept_out(1, EndReason::UnknownSource, Some("192.0.2.1")).expect("it helps");
        assert_eq!((contact.account, contact.may_call), (AccountChoice::Auto, true));
        assert_eq!(kept_out(0, EndReason::NotAccepted, None), None);
    }

    #[test]
    fn a_log_of_an_older_version_is_read_and_a_plain_line_is_as_short_as_before() {
        let old = r#"{"at":{"secs_since_epoch":1,"nanos_since_epoch":0},"outgoing":false,"remote":"sip:a@b","name":"a","account":0,"result":"blocked","duration":{"secs":0,"nanos":0},"unlocked":false,"unseen":false}"#;
        let entry: LogEntry = serde_json::from_str(old).expect("it is read");
        assert_eq!((entry.attempts, &entry.allow), (1, &None));
        assert_eq!(serde_json::to_string(&entry).expect("it is written"), old);
        let with = |more: &str| -> LogEntry {
            serde_json::from_str(&format!("{},{more}}}", &old[..old.len() - 1])).expect("it is read")
        };
        let entry = with(
            r#""picture":{"file":"12-3.jpg","bytes":4},"quality":{"audio":{"codec":"opus","packets":97,"lost":3,"jitter_ms":1.5}}"#,
        );
        assert_eq!(entry.picture.as_ref().map(|picture| picture.file.as_str()), Some("12-3.jpg"));
        assert_eq!(entry.quality.audio.as_ref().map(StreamQuality::loss), Some(3.0));
        let again = serde_json::to_string(&entry).expect("it is written");
        assert_eq!(serde_json::from_str::<LogEntry>(&again).expect("it is read again"), entry);
        for odd in [r#""picture":{"file":"../../etc/passwd","bytes":4}"#, r#""picture":7,"quality":"good""#] {
            let entry = with(odd);
            assert_eq!((entry.picture, entry.quality), (None, CallQuality::default()), "{odd}");
        }
    }
}
