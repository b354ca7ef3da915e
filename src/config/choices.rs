//! The settings that are one word of a few, each as a type.

use super::setting::{Field, Value};

/// Declares an enum whose variants each have a word, the table of the words, and both ways between them.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// The words, in the order in which they are offered.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The word in the file and for `ctl`.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// What a word stands for.
            pub fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }

        impl Field for $name {
            fn of(value: &Value) -> Option<Self> {
                match value {
                    Value::Text(word) => Self::from_word(word),
                    _ => None,
                }
            }

            fn value(&self) -> Value {
                Value::Text(self.word().to_owned())
            }
        }
    };
}

choice! {
    /// Do not disturb, `phone.dnd.mode`.
    DndMode {
        /// Every call rings.
        #[default]
        Off = "off",
        /// The visitor is shown, without a sound.
        Silent = "silent",
        /// Calls are refused with the return code.
        Reject = "reject",
    }
}

choice! {
    /// Who refreshes a call, `session_timer.refresher` (RFC 4028).
    SessionRefresher {
        /// The side that made the call.
        #[default]
        Uac = "uac",
        /// The side that answered it.
        Uas = "uas",
    }
}

choice! {
    /// What carries the messages of an account, `basic.transport`.
    AccountTransport {
        /// Datagrams.
        #[default]
        Udp = "udp",
        /// A connection.
        Tcp = "tcp",
        /// An encrypted connection.
        Tls = "tls",
        /// What the name server says (RFC 3263).
        DnsSrv = "dns-srv",
    }
}

impl AccountTransport {
    /// The port where none is set.
    pub fn default_port(self) -> u16 {
        if self == Self::Tls { 5061 } else { 5060 }
    }
}

choice! {
    /// With DNS-SRV, the transport that is looked for, `basic.srv_over`.
    SrvOver {
        /// NAPTR, then SRV.
        #[default]
        Auto = "auto",
        /// `_sip._udp`.
        Udp = "udp",
        /// `_sip._tcp`.
        Tcp = "tcp",
        /// `_sips._tcp`.
        Tls = "tls",
    }
}

choice! {
    /// The answer to a call that is not wanted.
    ReturnCode {
        /// 404 Not Found.
        NotFound = "404",
        /// 480 Temporarily Unavailable.
        Unavailable = "480",
        /// 486 Busy Here.
        #[default]
        Busy = "486",
        /// 603 Decline: silences every phone of the flat.
        Decline = "603",
    }
}

impl ReturnCode {
    /// The status code of the answer.
    pub fn status(self) -> u16 {
        match self {
            Self::NotFound => 404,
            Self::Unavailable => 480,
            Self::Busy => 486,
            Self::Decline => 603,
        }
    }
}

choice! {
    /// How a door is opened, `phone.unlock.method`.
    UnlockMethod {
        /// The code as keys, RFC 4733.
        #[default]
        Dtmf = "dtmf",
        /// The code by SIP INFO.
        Info = "info",
    }
}

choice! {
    /// How one door is opened, `unlock` in `[contact.door]`.
    DoorUnlock {
        /// Its code as keys, RFC 4733.
        #[default]
        Dtmf = "dtmf",
        /// Its code by SIP INFO.
        Info = "info",
        /// By the relay of this panel.
        Relay = "relay",
        /// By a web address of its own; kept in the file, not done by this version.
        Http = "http",
    }
}

choice! {
    /// The sound of the bell, `audio.ringtone`.
    Ringtone {
        /// Two falling notes.
        #[default]
        Chime = "chime",
        /// A hammer on brass.
        Bell = "bell",
        /// Quiet and slow.
        Soft = "soft",
    }
}

choice! {
    /// The look of the screen, `display.theme`.
    Theme {
        /// Light words on black.
        #[default]
        Dark = "dark",
        /// Dark words on white.
        Light = "light",
        /// The strongest contrast.
        HighContrast = "high-contrast",
    }
}

choice! {
    /// When it is night for the screen, `display.night.mode`.
    NightMode {
        /// Never.
        #[default]
        Off = "off",
        /// Every day between two times.
        Schedule = "schedule",
    }
}

choice! {
    /// How far the picture of the panel's own screen is turned to the right, in degrees, `display.rotation`.
    Rotation {
        /// As the screen is made.
        #[default]
        None = "0",
        /// Its upper edge lies at the right.
        Right = "90",
        /// Upside down.
        Half = "180",
        /// Its upper edge lies at the left.
        Left = "270",
    }
}

impl Rotation {
    /// Whether width and height change places.
    pub fn is_on_its_side(self) -> bool {
        matches!(self, Self::Right | Self::Left)
    }
}

choice! {
    /// How large everything is drawn, in percent, `display.scale`.
    Scale {
        /// A pixel of the pages is a pixel of the screen.
        #[default]
        Normal = "100",
        /// A quarter larger.
        P125 = "125",
        /// Half as large again.
        P150 = "150",
        /// Three quarters larger.
        P175 = "175",
        /// Twice as large.
        P200 = "200",
        /// Two and a half times as large.
        P250 = "250",
        /// Three times as large.
        P300 = "300",
    }
}

impl Scale {
    /// What lengths are multiplied by.
    pub fn factor(self) -> f32 {
        match self {
            Self::Normal => 1.0,
            Self::P125 => 1.25,
            Self::P150 => 1.5,
            Self::P175 => 1.75,
            Self::P200 => 2.0,
            Self::P250 => 2.5,
            Self::P300 => 3.0,
        }
    }
}

choice! {
    /// The language of the screen, `display.language`.
    Language {
        /// As the machine is set.
        #[default]
        Auto = "auto",
        /// English.
        En = "en",
        /// German.
        De = "de",
        /// French.
        Fr = "fr",
        /// Spanish.
        Es = "es",
        /// Simplified Chinese.
        Zh = "zh",
    }
}

choice! {
    /// Which account a call goes through.
    AccountChoice {
        /// Account 1 if it is registered, else Account 2.
        #[default]
        Auto = "auto",
        /// Account 1 and no other.
        Account1 = "1",
        /// Account 2 and no other.
        Account2 = "2",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_factor_of_a_scale_is_its_percent() {
        for word in Scale::WORDS {
            let percent: f32 = word.parse().expect("a number");
            assert_eq!(Scale::from_word(word).map(Scale::factor), Some(percent / 100.0), "{word}");
        }
    }
}
