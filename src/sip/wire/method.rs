//! The name of a request.

use std::fmt;

macro_rules! methods {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),* $(,)?) => {
        /// What a request asks for. Names are case-sensitive (RFC 3261 7.1): `invite` is [`Method::Other`].
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum Method {
            $($(#[$doc])* $variant,)*
            /// A method that this program does not know: answered 405 or 501, never refused by the parser.
            Other(String),
        }

        impl Method {
            /// The name as it stands on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Method::$variant => $name,)*
                    Method::Other(name) => name,
                }
            }
        }

        impl From<&str> for Method {
            fn from(name: &str) -> Self {
                match name {
                    $($name => Method::$variant,)*
                    other => Method::Other(other.to_owned()),
                }
            }
        }
    };
}

methods! {
    /// Starts a call or changes it (RFC 3261 13).
    Invite = "INVITE",
    /// Confirms a final response to INVITE (RFC 3261 17.1.1.3, 13.2.2.4).
    Ack = "ACK",
    /// Ends a call (RFC 3261 15).
    Bye = "BYE",
    /// Takes back an INVITE not yet answered (RFC 3261 9).
    Cancel = "CANCEL",
    /// Asks what the other side can do (RFC 3261 11).
    Options = "OPTIONS",
    /// Carries application data within a call (RFC 6086).
    Info = "INFO",
    /// Binds an address of record to a contact (RFC 3261 10).
    Register = "REGISTER",
    /// Changes a session before or after it is answered (RFC 3311).
    Update = "UPDATE",
    /// Acknowledges a reliable provisional response (RFC 3262).
    Prack = "PRACK",
    /// An instant message (RFC 3428).
    Message = "MESSAGE",
    /// Asks the other side to send a request elsewhere (RFC 3515).
    Refer = "REFER",
    /// Reports an event (RFC 6665).
    Notify = "NOTIFY",
    /// Asks for events (RFC 6665).
    Subscribe = "SUBSCRIBE",
    /// Publishes an event state (RFC 3903).
    Publish = "PUBLISH",
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_case_sensitive() {
        assert_eq!(Method::from("INVITE"), Method::Invite);
        assert_eq!(Method::from("invite"), Method::Other("invite".to_owned()));
        assert_eq!(Method::from("RE%47IST%45R").as_str(), "RE%47IST%45R");
        assert_eq!(Method::Prack.to_string(), "PRACK");
    }
}
