//! What may stand on the command line.

use std::path::PathBuf;
use std::str::FromStr;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

/// The touchscreen inside a flat that answers the door.
#[derive(Debug, Parser)]
#[command(name = "vestibule", version, about, max_term_width = 100)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(flatten)]
    pub(super) look: Look,
    #[command(subcommand)]
    pub(super) verb: Option<Verb>,
}

/// What every verb understands.
#[derive(Debug, Default, Args)]
pub(super) struct Common {
    /// Settings file [default: config.toml in the user's configuration directory; ctl, settings and doctor, where the user
    /// has no panel: that of the panel which the machine is by its Debian package]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Directory of the call log and pictures [default: the user's data directory]
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// Control socket [default: vestibule/control.sock in the user's runtime directory]
    #[arg(long, global = true, value_name = "PATH")]
    pub(super) socket: Option<PathBuf>,
    /// How much is logged: error, warn, info, debug, trace, or a filter such as info,vestibule::worker=debug
    #[arg(long, global = true, value_name = "LEVEL", default_value = "info")]
    pub(super) log: String,
}

/// What `run` and `simulate` understand besides.
#[derive(Clone, Debug, Default, PartialEq, Args)]
pub(super) struct Look {
    /// Where the panel is shown [default: window with a display, kms with a screen alone, else offscreen]
    #[arg(long, value_name = "KIND")]
    pub(super) screen: Option<ScreenKind>,
    /// Size of the window or of the picture in memory
    #[arg(long, value_name = "WxH")]
    pub(super) size: Option<Size>,
    /// Write every SIP message both ways to this file, without secrets
    #[arg(long, value_name = "FILE")]
    pub(super) sip_trace: Option<PathBuf>,
}

/// Where the panel is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ScreenKind {
    /// A window on the desktop
    Window,
    /// The whole screen of a panel, without a desktop: DRM, else the legacy framebuffer
    Kms,
    /// The same on the legacy framebuffer, /dev/fb0 to /dev/fb9
    Fb,
    /// Memory: can be pressed and photographed through the control socket
    Offscreen,
    /// Nowhere: the worker alone
    None,
}

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Size {
    /// The panel of the screens' drawings.
    pub(super) const DEFAULT: Self = Self { width: 1024, height: 600 };
    const LIMITS: std::ops::RangeInclusive<u32> = 320..=4096;
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is not a size such as 1024x600");
        let (width, height) = text.split_once(['x', '×']).ok_or_else(wrong)?;
        let side = |side: &str| {
            let pixels: u32 = side.trim().parse().map_err(|_| wrong())?;
            let (least, most) = (Self::LIMITS.start(), Self::LIMITS.end());
            let fits = Self::LIMITS.contains(&pixels);
            fits.then_some(pixels).ok_or_else(|| format!("{pixels} is not between {least} and {most} pixels"))
        };
        Ok(Self { width: side(width)?, height: side(height)? })
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// The panel (the default)
    Run(Look),
    /// The panel and a simulated door station beside it, on this machine alone
    Simulate(Look),
    /// Speak to a running panel
    #[command(subcommand)]
    Ctl(CtlVerb),
    /// Look at the settings file and change it
    #[command(subcommand)]
    Settings(SettingsVerb),
    /// Check this machine and say what to install or to change: screen, touch, sound, camera, ports, clock, files
    ///
    /// To be run as the user that the panel runs as: rights are those of whoever asks. On a machine that is a panel by its
    /// Debian package it looks at the files of that panel. Ends with 1 where there is a problem; a warning is none.
    Doctor {
        /// As one JSON object
        #[arg(long)]
        json: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Subcommand)]
pub(super) enum CtlVerb {
    /// Print the whole state as JSON
    Status,
    /// Do what typing TEXT and pressing Call does; prints the call
    Dial {
        #[arg(allow_hyphen_values = true)]
        text: String,
        /// auto, 1 or 2
        #[arg(long, default_value = "auto", value_parser = ["auto", "1", "2"])]
        account: String,
    },
    /// Answer the call
    Answer { call: Option<u32> },
    /// Refuse the call
    Decline { call: Option<u32> },
    /// End the call, whatever its state
    End { call: Option<u32> },
    /// Put the call on hold
    Hold { call: Option<u32> },
    /// Take the call from hold
    Resume { call: Option<u32> },
    /// Open the door of the call, or one that opens without a call
    Unlock {
        #[arg(conflicts_with = "door")]
        call: Option<u32>,
        /// The name of the contact whose door it is
        #[arg(long)]
        door: Option<String>,
    },
    /// Stop the ring tone
    Silence { call: Option<u32> },
    /// Stop or start sending what the microphone hears
    Mute { to: Switch },
    /// Stop or start sending the own camera
    Camera { to: Switch },
    /// Send these keys to the other side: 0–9, *, #, A–D
    Dtmf {
        #[arg(allow_hyphen_values = true)]
        digits: String,
    },
    /// Do not disturb
    Dnd {
        #[arg(value_parser = ["off", "silent", "reject"])]
        mode: String,
        /// Until morning, or for so many minutes [default: until it is switched off]
        #[arg(long = "for", value_name = "morning|MINUTES")]
        term: Option<String>,
    },
    /// Loudspeaker volume, 0–100
    Volume {
        #[arg(value_parser = clap::value_parser!(u8).range(0..=100))]
        level: u8,
    },
    /// Press what bears this label on the page; a list is moved until it is in sight
    Press {
        #[arg(allow_hyphen_values = true)]
        label: String,
    },
    /// Say where on the screen a finger would press what bears this label, in pixels
    Find {
        #[arg(allow_hyphen_values = true)]
        label: String,
    },
    /// Type this text on the screen
    Type {
        #[arg(allow_hyphen_values = true)]
        text: String,
    },
    /// Go one page back on the screen
    Back,
    /// Wake the screen, as a touch does
    Wake,
    /// Let the screen sleep now
    Sleep,
    /// Write the screen as it is now to a PNG file
    Screenshot { file: PathBuf },
    /// Print a setting
    Get { key: String },
    /// Change a setting, in force at once
    Set {
        key: String,
        #[arg(allow_hyphen_values = true)]
        value: String,
    },
    /// Certificates and keys for TLS
    #[command(subcommand)]
    Certificate(CertificateVerb),
    /// The dial plan: what numbers are replaced by
    #[command(subcommand)]
    Rules(RulesVerb),
    /// The address book
    #[command(subcommand)]
    Contacts(ContactsVerb),
    /// Print the call log as JSON, the newest first
    Log,
    /// Print events as they happen, one JSON object a line
    Events,
    /// Let the panel end its calls and leave
    Quit,
}

#[derive(Clone, Debug, PartialEq, Subcommand)]
pub(super) enum CertificateVerb {
    /// Copy a file (PEM or DER) into the panel's own folder and use it for an account
    Import {
        /// 1 or 2
        #[arg(value_parser = clap::value_parser!(u8).range(1..=2))]
        account: u8,
        /// Trusted authorities, our own certificate, or its private key
        #[arg(value_parser = ["authority", "client", "key"])]
        role: String,
        /// The file
        file: PathBuf,
    },
    /// Print what was imported: whose it is, until when it holds, what uses it
    List,
}

#[derive(Clone, Debug, PartialEq, Subcommand)]
pub(super) enum RulesVerb {
    /// Print all rules
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Add a rule: a number that begins with PREFIX calls these instead, all at the same time
    Add {
        /// 1–32 of 0–9, *, #, +
        #[arg(allow_hyphen_values = true)]
        prefix: String,
        /// 1–5 numbers, IP addresses or SIP URIs
        #[arg(required = true)]
        numbers: Vec<String>,
        /// What the screen calls them
        #[arg(long, default_value = "")]
        name: String,
        /// auto, 1 or 2
        #[arg(long, default_value = "auto", value_parser = ["auto", "1", "2"])]
        account: String,
    },
    /// Take the rule of PREFIX away
    Remove { prefix: String },
    /// Take over the rules of a CSV file: name,prefix,replace1,…,replace5,account
    Import {
        /// The file
        file: PathBuf,
    },
    /// Write all rules to a CSV file
    Export {
        /// The file
        file: PathBuf,
    },
}

#[derive(Clone, Debug, PartialEq, Subcommand)]
pub(super) enum ContactsVerb {
    /// Print all contacts
    List {
        /// As JSON, with everything that is known of them
        #[arg(long)]
        json: bool,
    },
    /// Put one more contact into the address book
    Add(NewContact),
    /// Forget the contact of this name
    Remove { name: String },
    /// Take in the contacts of a file, CSV or vCard; those that are there already get what is new
    Import { file: PathBuf },
    /// Write all contacts to a file: CSV where its name ends so, else vCards
    Export { file: PathBuf },
}

/// What `ctl contacts add` says of a contact.
#[derive(Clone, Debug, Default, PartialEq, Args)]
pub(super) struct NewContact {
    pub(super) name: String,
    /// Numbers, IP addresses, SIP URIs; the first is the one that is called
    pub(super) numbers: Vec<String>,
    /// auto, 1 or 2
    #[arg(long)]
    pub(super) account: Option<String>,
    /// It is on the whitelist
    #[arg(long)]
    pub(super) may_call: bool,
    /// Its calls are turned away
    #[arg(long)]
    pub(super) blocked: bool,
    #[arg(long)]
    pub(super) favourite: bool,
    /// Its calls pass do not disturb
    #[arg(long)]
    pub(super) emergency: bool,
    /// chime, bell or soft
    #[arg(long)]
    pub(super) ringtone: Option<String>,
    /// It is a door
    #[arg(long)]
    pub(super) door: bool,
    /// How the door is opened: dtmf, info, relay or http
    #[arg(long)]
    pub(super) unlock: Option<String>,
    /// The keys that open the door
    #[arg(long)]
    pub(super) code: Option<String>,
    /// The web address that opens the door
    #[arg(long)]
    pub(super) url: Option<String>,
    /// Where the camera of the door can be seen without a call
    #[arg(long)]
    pub(super) monitor: Option<String>,
}

/// A switch on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Switch {
    On,
    Off,
}

#[derive(Clone, Debug, PartialEq, Subcommand)]
pub(super) enum SettingsVerb {
    /// All settings with their values
    List {
        /// As JSON, with path, range and help
        #[arg(long)]
        json: bool,
    },
    /// Print one setting
    Get { key: String },
    /// Change one setting in the file
    Set {
        key: String,
        #[arg(allow_hyphen_values = true)]
        value: String,
    },
    /// Say what is wrong with a settings file
    Check {
        /// The file [default: the panel's own]
        file: Option<PathBuf>,
    },
    /// Print the reference of all settings, in Markdown
    Reference,
}

impl Arguments {
    /// Checks what clap cannot: options of `run` before another verb, and given twice.
    pub(super) fn checked(mut self) -> Result<Self, clap::Error> {
        let before = std::mem::take(&mut self.look);
        match &mut self.verb {
            None => self.look = before,
            Some(Verb::Run(look) | Verb::Simulate(look)) => {
                look.screen = look.screen.or(before.screen);
                look.size = look.size.or(before.size);
                look.sip_trace = look.sip_trace.take().or(before.sip_trace);
            }
            Some(_) if before != Look::default() => {
                let words = "--screen, --size and --sip-trace belong to run and simulate";
                return Err(Self::command().error(ErrorKind::ArgumentConflict, words));
            }
            Some(_) => {}
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Arguments {
        let words = std::iter::once("vestibule").chain(line.split_whitespace());
        Arguments::try_parse_from(words).and_then(Arguments::checked).unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    fn refused(line: &str) -> clap::Error {
        let words = std::iter::once("vestibule").chain(line.split_whitespace());
        Arguments::try_parse_from(words).and_then(Arguments::checked).expect_err("this line is wrong")
    }

    #[test]
    fn the_declaration_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn run_is_the_default_and_its_options_may_stand_on_either_side() {
        let bare = parsed("--screen none --size 800x480 --socket /s");
        assert_eq!(bare.look.screen, Some(ScreenKind::None));
        assert_eq!(bare.look.size, Some(Size { width: 800, height: 480 }));
        for line in ["run --screen kms --socket /s", "--screen kms --socket /s run", "--screen none run --screen kms"] {
            let Some(Verb::Run(look)) = parsed(line).verb else { panic!("{line}") };
            assert_eq!(look.screen, Some(ScreenKind::Kms), "{line}");
        }
    }

    #[test]
    fn verbs_take_the_socket_before_and_behind() {
        for line in ["ctl --socket /s status", "--socket /s ctl status", "ctl status --socket /s"] {
            let arguments = parsed(line);
            assert_eq!(arguments.common.socket, Some(PathBuf::from("/s")), "{line}");
            assert!(matches!(arguments.verb, Some(Verb::Ctl(CtlVerb::Status))), "{line}");
        }
    }

    #[test]
    fn keys_that_begin_with_odd_signs_are_taken_as_they_are() {
        for (line, verb) in [
            ("ctl dtmf *12#", CtlVerb::Dtmf { digits: "*12#".into() }),
            ("ctl type -5", CtlVerb::Type { text: "-5".into() }),
            ("ctl set k -5", CtlVerb::Set { key: "k".into(), value: "-5".into() }),
            ("ctl answer", CtlVerb::Answer { call: None }),
            ("ctl end 3", CtlVerb::End { call: Some(3) }),
            ("ctl mute on", CtlVerb::Mute { to: Switch::On }),
            ("ctl rules add *9 101 102 --name All", {
                CtlVerb::Rules(RulesVerb::Add {
                    prefix: "*9".into(),
                    numbers: vec!["101".into(), "102".into()],
                    name: "All".into(),
                    account: "auto".into(),
                })
            }),
        ] {
            assert!(matches!(parsed(line).verb, Some(Verb::Ctl(given)) if given == verb), "{line}");
        }
    }

    #[test]
    fn wrong_use_is_refused_with_code_2() {
        for line in [
            "fly",
            "ctl",
            "ctl volume 101",
            "ctl mute maybe",
            "ctl dnd loud",
            "ctl dial",
            "ctl dial 1 --account 3",
            "ctl certificate import 3 client a.pem",
            "ctl certificate import 1 root a.pem",
            "ctl rules",
            "ctl rules add 9",
            "ctl rules add 9 101 --account 3",
            "ctl contacts add",
            "ctl contacts remove",
            "--size 10x10",
            "--size 1024",
            "--screen none ctl status",
            "--screen kms doctor",
            "--screen drm",
            "doctor screen",
            "settings get",
        ] {
            assert_eq!(refused(line).exit_code(), 2, "{line}");
        }
        assert!(refused("--size 10x600").to_string().contains("10 is not between 320 and 4096"));
    }
}
