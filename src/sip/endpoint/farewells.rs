//! Last words: what ends each session for its other end, made while the session lives, so that another run of the program
//! can say it when this one has died.

use std::time::Instant;

use super::Endpoint;
use crate::sip::digest::AccountKey;
use crate::sip::message::{Message, Method};
use crate::sip::path::{Path, Transmit};
use crate::sip::session::leaving::Leaving;
use crate::sip::session::{Session, SessionHandle, State};
use crate::sip::wire::parse_datagram;

/// What ends one session: a BYE where it is answered, a 480 where it rings here, a CANCEL where it rings there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Farewell {
    /// The account that the session goes through.
    pub account: Option<AccountKey>,
    /// The way there, without a connection: that dies with the program.
    pub path: Path,
    /// The whole message.
    pub bytes: Vec<u8>,
}

impl Endpoint {
    /// The last words of a session; none while the other end has not been heard, and none when they are said already.
    pub fn farewell(&self, session: SessionHandle) -> Option<Farewell> {
        let session = self.sessions.get(&session)?;
        let (path, bytes) = session.farewell(&self.core.transactions)?;
        Some(Farewell { account: session.account(), path: Path { flow: None, ..path }, bytes })
    }

    /// Ends a session of another run of the program, which died; `farewell.path` is the way as it is now. A BYE is repeated
    /// until it is answered, challenges and all; the others are said once.
    pub fn say_farewell(&mut self, now: Instant, farewell: Farewell) {
        let Farewell { account, path, bytes } = farewell;
        match parse_datagram(&bytes) {
            Ok(Message::Request(bye)) if *bye.method() == Method::Bye => {
                let handle = self.next_handle();
                let leaving = Leaving::of_the_dead(&mut self.core.at(now, handle.0, account), &bye, path);
                self.sessions.insert(handle, Session::new(State::Leaving(Box::new(leaving)), account));
            }
            Ok(_) => self.core.out.push_back(Transmit { path, bytes }),
            // It was ours once; on its way to here it was damaged.
            Err(_) => {}
        }
    }
}
