//! The settings file as text: read as far as it can be read, written without losing what it holds beyond our keys.
//!
//! A file that is not TOML is salvaged: the line that the parser blames is taken out, again and again, until the rest
//! parses. A blamed `[table]` header takes its lines with it, because they would fall into the table before.

use toml::{Table, Value as Toml};

use super::contacts::PhonebookEntry;
use super::rules::DialPlan;
use super::setting::{Kind, Value, echo};
use super::{Account, AccountTransport, Config, Problem, SETTINGS, setting};

/// More lines than this are not taken out one by one: then the file is not a damaged settings file but something else.
const MOST_BAD_LINES: usize = 200;

/// Each line that is taken out costs one more reading of the file; together they read at most so many bytes.
const MOST_BYTES_READ: usize = 4 << 20;

/// What a settings file holds.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// Defaults, with every good value of the file in its place.
    pub config: Config,
    /// What must be written back.
    pub rest: Rest,
    /// What was wrong, with the line where it is known.
    pub problems: Vec<Problem>,
    /// Whether something in the file will be gone once it is written again, so that it should be kept aside.
    pub damaged: bool,
}

/// What a settings file holds beyond the settings, contacts and dial rules of this version.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rest {
    keys: Table,
    contacts: Vec<Toml>,
    rules: Vec<Toml>,
}

/// Reads the text of a settings file; never fails.
pub fn read(text: &str) -> Loaded {
    let mut loaded = Loaded::default();
    let mut table = salvage(text, &mut loaded);
    if let Some(contacts) = table.remove("contact") {
        read_contacts(contacts, &mut loaded);
    }
    if let Some(rules) = table.remove("dial_rule") {
        loaded.config.dial_plan = DialPlan::read(rules, &mut loaded.problems, &mut loaded.rest.rules);
    }
    let given: Vec<&str> = SETTINGS.iter().map(|setting| setting.key).filter(|key| has(&table, key)).collect();
    for setting in SETTINGS.iter() {
        let Some(raw) = take(&mut table, setting.key) else { continue };
        let value =
            as_text(&raw, setting.kind).map_err(|problem| setting.error(problem)).and_then(|text| setting.parse(&text));
        match value {
            Ok(value) => (setting.write)(&mut loaded.config, &value),
            Err(error) => {
                let given = if setting.is_secret() { "…".to_owned() } else { echo(&raw.to_string()) };
                loaded.problems.push(Problem::Value { key: error.key, given, problem: error.problem });
                loaded.damaged = true;
            }
        }
    }
    settle_accounts(&mut loaded, &given);
    let mut unknown = Vec::new();
    leaves(&table, "", &mut unknown);
    loaded.problems.extend(unknown.into_iter().map(Problem::Unknown));
    loaded.rest.keys = table;
    loaded
}

/// The text of a settings file: what differs from the defaults, the contacts, the dial rules, and the rest.
pub fn write(config: &Config, rest: &Rest) -> String {
    let mut table = rest.keys.clone();
    let defaults = Config::default();
    for setting in config.changed(&defaults) {
        put(&mut table, setting.key, as_toml(&setting.value(config)));
    }
    for (account, key) in ports() {
        // Which port is the usual one hangs on the transport, so none is left out.
        if config.account(account).transport == AccountTransport::Tls
            && let Some(setting) = setting(&key)
        {
            put(&mut table, &key, as_toml(&setting.value(config)));
        }
    }
    let contacts: Vec<Toml> = config
        .contacts
        .iter()
        .map(|contact| Toml::Table(contact.write()))
        .chain(rest.contacts.iter().cloned())
        .collect();
    if !contacts.is_empty() {
        table.insert("contact".to_owned(), Toml::Array(contacts));
    }
    let rules: Vec<Toml> = config.dial_plan.write().chain(rest.rules.iter().cloned()).collect();
    if !rules.is_empty() {
        table.insert("dial_rule".to_owned(), Toml::Array(rules));
    }
    table.to_string()
}

fn salvage(text: &str, loaded: &mut Loaded) -> Table {
    let mut lines: Vec<&str> = text.split('\n').collect();
    for _ in 0..(MOST_BYTES_READ / text.len().max(1)).clamp(5, MOST_BAD_LINES) {
        let joined = lines.join("\n");
        let error = match joined.parse::<Table>() {
            Ok(table) => return table,
            Err(error) => error,
        };
        loaded.damaged = true;
        let offset = error.span().map_or(0, |span| span.start.min(joined.len()));
        let blamed = joined.as_bytes()[..offset].iter().filter(|byte| **byte == b'\n').count();
        // At the end of the text the parser may blame an empty line; what it misses began before.
        let Some(line) = (0..=blamed).rev().find(|line| lines.get(*line).is_some_and(|text| !text.trim().is_empty()))
        else {
            break;
        };
        loaded.problems.push(Problem::Line {
            line: line + 1,
            text: discreet(lines[line].trim()),
            parser: error.message().replace('\n', ", "),
        });
        let header = lines[line].trim_start().starts_with('[');
        lines[line] = "";
        if header {
            lines[line + 1..]
                .iter_mut()
                .take_while(|text| !text.trim_start().starts_with('['))
                .for_each(|text| *text = "");
        }
    }
    loaded.problems.push(Problem::Rest);
    loaded.damaged = true;
    Table::new()
}

/// A line of the file as it may be logged: without the value of a secret.
fn discreet(line: &str) -> String {
    let key = line.split('=').next().unwrap_or_default().trim();
    let name = key.rsplit('.').next().unwrap_or_default().trim_matches(['"', '\'', ' ']);
    let secret = |setting: &&super::Setting| setting.is_secret() && setting.key.rsplit('.').next() == Some(name);
    if SETTINGS.iter().any(|setting| secret(&setting)) { format!("{} = …", echo(key)) } else { echo(line) }
}

fn read_contacts(contacts: Toml, loaded: &mut Loaded) {
    let items = match contacts {
        Toml::Array(items) => items,
        other => {
            loaded.problems.push(Problem::NoContacts);
            loaded.rest.contacts.push(other);
            return;
        }
    };
    for item in items {
        match item {
            Toml::Table(table) => match PhonebookEntry::read(table, &mut loaded.problems) {
                Ok(entry) => loaded.config.contacts.push(entry),
                Err(table) => loaded.rest.contacts.push(Toml::Table(table)),
            },
            other => {
                loaded.problems.push(Problem::NoContact(echo(&other.to_string())));
                loaded.rest.contacts.push(other);
            }
        }
    }
}

/// The keys of the ports whose usual value follows the transport.
fn ports() -> impl Iterator<Item = (Account, String)> {
    Account::ALL.into_iter().flat_map(|account| {
        ["basic.port", "outbound_proxy.port", "outbound_proxy.backup_port"]
            .map(|key| (account, format!("account{}.{key}", account.number())))
    })
}

/// Ports that the file does not name follow the transport; what does not go together is said, and gives way.
fn settle_accounts(loaded: &mut Loaded, given: &[&str]) {
    for (account, key) in ports() {
        let port = loaded.config.account(account).transport.default_port().to_string();
        let unnamed = !given.contains(&key.as_str());
        if let (true, Some(setting)) = (unnamed, setting(&key))
            && let Ok(value) = setting.parse(&port)
        {
            (setting.write)(&mut loaded.config, &value);
        }
    }
    for account in Account::ALL {
        if let Some((key, problem)) = loaded.config.account(account).contradiction() {
            let key = format!("account{}.{key}", account.number());
            loaded.damaged = true;
            if let Some(setting) = setting(&key)
                && let Ok(value) = setting.parse(setting.default)
            {
                (setting.write)(&mut loaded.config, &value);
            }
            loaded.problems.push(Problem::Contradiction { key, problem });
        }
    }
}

/// Whether `a.b.c` is there.
fn has(table: &Table, key: &str) -> bool {
    match key.split_once('.') {
        None => table.contains_key(key),
        Some((first, rest)) => table.get(first).and_then(Toml::as_table).is_some_and(|inner| has(inner, rest)),
    }
}

/// Takes `a.b.c` out of nested tables, and the tables that become empty by it.
fn take(table: &mut Table, key: &str) -> Option<Toml> {
    match key.split_once('.') {
        None => table.remove(key),
        Some((first, rest)) => {
            let inner = table.get_mut(first)?.as_table_mut()?;
            let value = take(inner, rest)?;
            if inner.is_empty() {
                table.remove(first);
            }
            Some(value)
        }
    }
}

/// Puts `a.b.c` into nested tables. Something else that stands where a table must be gives way.
fn put(table: &mut Table, key: &str, value: Toml) {
    match key.split_once('.') {
        None => {
            table.insert(key.to_owned(), value);
        }
        Some((first, rest)) => {
            let inner = table.entry(first).or_insert_with(|| Toml::Table(Table::new()));
            if !inner.is_table() {
                *inner = Toml::Table(Table::new());
            }
            if let Some(inner) = inner.as_table_mut() {
                put(inner, rest, value);
            }
        }
    }
}

fn leaves(table: &Table, prefix: &str, into: &mut Vec<String>) {
    for (key, value) in table {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            Toml::Table(inner) if !inner.is_empty() => leaves(inner, &path, into),
            _ => into.push(path),
        }
    }
}

/// A TOML value as the text that the check of the setting takes.
fn as_text(value: &Toml, kind: Kind) -> Result<String, String> {
    match (value, kind) {
        (Toml::Array(items), Kind::List { .. } | Kind::Order(_) | Kind::Set(_)) => {
            let words: Option<Vec<String>> = items
                .iter()
                .map(|item| match item {
                    Toml::String(word) => Some(word.clone()),
                    Toml::Integer(number) => Some(number.to_string()),
                    _ => None,
                })
                .collect();
            words
                .map(|words| words.join(","))
                .ok_or_else(|| format!("{} is not a list of texts in quotes", echo(&value.to_string())))
        }
        (Toml::Table(_), _) => Err(format!("is a table and not a value: {}", kind.range())),
        (Toml::Array(_), Kind::Secret { .. }) => Err("is a list and not one value".to_owned()),
        (Toml::Array(_), _) => {
            Err(format!("{} is a list and not one value: {}", echo(&value.to_string()), kind.range()))
        }
        (Toml::String(text), _) => Ok(text.clone()),
        (Toml::Boolean(on), Kind::Switch) => Ok(Value::Switch(*on).to_string()),
        (other, _) => Ok(other.to_string()),
    }
}

fn as_toml(value: &Value) -> Toml {
    match value {
        Value::Switch(on) => Toml::Boolean(*on),
        Value::Number(number) => Toml::Integer(*number),
        Value::Text(text) => Toml::String(text.clone()),
        Value::List(items) => Toml::Array(items.iter().cloned().map(Toml::String).collect()),
    }
}

impl Rest {
    /// The unknown keys, for `settings list`.
    pub fn unknown(&self) -> Vec<String> {
        let mut keys = Vec::new();
        leaves(&self.keys, "", &mut keys);
        keys.retain(|key| setting(key).is_none());
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(loaded: &Loaded) -> Vec<String> {
        loaded.problems.iter().map(ToString::to_string).collect()
    }

    const GOOD: &str = "[phone.direct_ip]\nport = 5062\n\n[phone.dnd]\nmode = \"silent\"\n\n[account3.basic]\nserver = \"pbx\"\n\n\
        [[contact]]\nname = \"Door\"\nnumbers = [\"10.0.0.2\"]\n[contact.door]\ncode = \"1#\"\n";

    #[test]
    fn good_values_load_and_nothing_is_lost_on_the_way_back() {
        let loaded = read(GOOD);
        assert_eq!((loaded.config.direct_ip_port, loaded.config.dnd_mode.word()), (5062, "silent"));
        assert_eq!(loaded.config.contacts[0].name, "Door");
        assert_eq!(words(&loaded), ["account3.basic.server: there is no such setting; it is kept as it is"]);
        assert!(!loaded.damaged);
        let text = write(&loaded.config.set("phone.direct_ip.port", "5063").expect("in range"), &loaded.rest);
        let again = read(&text);
        assert_eq!(again.config.direct_ip_port, 5063);
        assert_eq!(again.config.contacts, loaded.config.contacts);
        assert_eq!(again.rest, loaded.rest, "{text}");
        assert!(text.contains("server = \"pbx\""), "{text}");
    }

    #[test]
    fn every_setting_survives_the_file() {
        let mut config = Config::default();
        for setting in SETTINGS.iter() {
            let other = match setting.kind {
                Kind::Switch => if setting.default == "on" { "off" } else { "on" }.to_owned(),
                Kind::Number { max, .. } => max.to_string(),
                Kind::Choice(words) | Kind::Order(words) | Kind::Set(words) => words.last().expect("words").to_string(),
                Kind::Keys { .. } | Kind::Code { .. } => "12#".to_owned(),
                Kind::TimeOfDay => "05:45".to_owned(),
                Kind::Moment => "2026-11-29T07:00:00Z".to_owned(),
                Kind::Secret { .. } => "1234".to_owned(),
                Kind::Text { .. } if setting.key.ends_with("fingerprint") => "0f".repeat(32),
                Kind::Text { .. } if setting.key.ends_with("time_zone") => "Europe/Berlin".to_owned(),
                Kind::Text { .. } => "test".to_owned(),
                Kind::List { .. } if setting.key.starts_with("network.") => "192.168.1.2".to_owned(),
                Kind::List { .. } => "101,192.168.1.2".to_owned(),
            };
            config = config.set(setting.key, &other).expect(setting.key);
        }
        assert_eq!(config.changed(&Config::default()).count(), SETTINGS.len());
        let loaded = read(&write(&config, &Rest::default()));
        assert_eq!(loaded.problems, Vec::<Problem>::new());
        assert_eq!(loaded.config, config);
    }

    #[test]
    fn a_bad_value_costs_only_itself() {
        let loaded =
            read("[phone.direct_ip]\nport = 70000\nenabled = false\n[audio]\nvolume = [1]\nring_volume = 30\n");
        assert_eq!(loaded.config.direct_ip_port, 5060);
        assert!(!loaded.config.direct_ip_enabled);
        assert_eq!(loaded.config.audio_ring_volume, 30);
        assert_eq!(
            words(&loaded),
            [
                "phone.direct_ip.port: 70000 is out of range: 1–65535",
                "audio.volume: [1] is a list and not one value: 0–100"
            ]
        );
        assert!(loaded.damaged);
    }

    #[test]
    fn a_damaged_file_is_salvaged_line_by_line() {
        let loaded = read("[phone.direct_ip]\nport = = 3\nenabled = false\n@@@@\n[audio]\nvolume = 20\n");
        assert!(!loaded.config.direct_ip_enabled);
        assert_eq!(loaded.config.audio_volume, 20);
        assert!(loaded.damaged);
        let problems = words(&loaded);
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].starts_with("line 2: 'port = = 3': "), "{problems:?}");
        assert!(problems[1].starts_with("line 4: '@@@@': "), "{problems:?}");
    }

    #[test]
    fn what_is_wrong_with_a_secret_is_said_without_the_secret() {
        for text in [
            "[account1.basic]\npassword = hunter2\n",
            "[account1]\nbasic.password = \"hunter2\n",
            "[account1.basic]\npassword = [\"hunter2\"]\n",
            "[account1.basic]\npassword = \"hunter2\\u0001\"\n",
            "[account1.basic]\npassword = { hunter2 = 1 }\n",
            "[security]\npin = \"12x4\"\n",
        ] {
            let loaded = read(text);
            let said = format!("{:?} {:?}", words(&loaded), loaded.problems);
            assert!(!loaded.problems.is_empty() && !said.contains("hunter2") && !said.contains("12x4"), "{said}");
        }
    }

    #[test]
    fn a_file_cut_anywhere_gives_what_stands_before_the_cut() {
        for end in 0..GOOD.len() {
            let loaded = read(&GOOD[..end]);
            if end > "[phone.direct_ip]\nport = 5062\n".len() {
                assert_eq!(loaded.config.direct_ip_port, 5062, "cut at {end}");
            }
        }
        let cut = read("[audio]\nvolume = 20\n[[contact]]\nname = \"A\"\nnumbers = [\n\"1\",\n\"2");
        assert_eq!(cut.config.audio_volume, 20);
        assert_eq!(cut.config.contacts[0].name, "A");
    }

    #[test]
    fn a_table_that_comes_twice_does_not_leak_into_the_one_before() {
        let loaded = read(
            "[phone.dnd]\nmode = \"silent\"\n[phone.direct_ip]\nport = 5062\n[phone.dnd]\nenabled = false\nmode = \"off\"\n",
        );
        assert_eq!((loaded.config.dnd_mode.word(), loaded.config.direct_ip_port), ("silent", 5062));
        assert!(loaded.config.direct_ip_enabled);
        assert!(loaded.damaged);
    }

    #[test]
    fn zeros_after_a_power_cut_and_noise_give_defaults() {
        for text in ["\0".repeat(4096), "\u{fffd}x\n".repeat(3000)] {
            let loaded = read(&text);
            assert_eq!(loaded.config, Config::default());
            assert!(loaded.damaged);
            assert!(loaded.problems.len() <= MOST_BAD_LINES + 1);
        }
        assert!(!read("").damaged);
    }
}
