//! What one account knows of those who demand its password: for each realm the newest challenge, and how often its nonce
//! was answered.

use std::net::IpAddr;

use super::answer;
use super::challenge::{Challenge, Protection, parameter};
use super::{Credentials, Side};
use crate::sip::message::{Method, Request, Response};

/// Most realms that are remembered; the one that was challenged longest ago is forgotten first.
const MAX_SPACES: usize = 8;
/// How often in a row one request is answered again because its nonce was stale.
const MAX_STALE: u8 = 2;

/// The password of one account and where it is good.
#[derive(Debug)]
pub(super) struct Keyring {
    credentials: Credentials,
    /// The newest last.
    spaces: Vec<Space>,
    /// The password was refused, and nothing was accepted since.
    refused: bool,
}

/// A protection space: a realm of a proxy or registrar, reached by one next hop.
#[derive(Debug)]
struct Space {
    side: Side,
    /// From where the challenge came. Nobody else is shown an answer that he did not ask for.
    hop: IpAddr,
    challenge: Challenge,
    /// How often the nonce was answered.
    count: u32,
    /// Our nonce and the hash with it, kept as long as a session of the `-sess` forms goes on.
    session: Option<(String, String)>,
    /// A REGISTER was challenged here.
    of_register: bool,
    /// Another request was.
    of_others: bool,
}

/// An answer that a request carries.
#[derive(Debug, Clone)]
pub(super) struct Given {
    side: Side,
    realm: String,
    nonce: String,
    /// It was given before anybody asked, with a nonce that may have grown old.
    unasked: bool,
    /// How often in a row it was given again because the nonce was stale.
    stale: u8,
}

impl Given {
    fn is_for(&self, side: Side, realm: &str) -> bool {
        self.side == side && self.realm == realm
    }
}

impl Keyring {
    pub(super) fn new(credentials: Credentials) -> Self {
        Keyring { credentials, spaces: Vec::new(), refused: false }
    }

    pub(super) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// True when the password was refused, and nothing was accepted since.
    pub(super) fn is_refused(&self) -> bool {
        self.refused
    }

    /// Answers, in a request to `hop`, the challenges that it would get there, to save a round trip (RFC 3261 22.3).
    ///
    /// What a registrar asked of a REGISTER is not told to those whom other requests reach, unless they asked as well:
    /// any phone at the other end of a call could try passwords on it.
    pub(super) fn answer_unasked(&mut self, request: &mut Request, hop: IpAddr, cnonce: &str) -> Vec<Given> {
        let given: Vec<Given> = self
            .spaces
            .iter()
            .filter(|space| space.is_good_for(request, hop))
            .map(|space| Given {
                side: space.side,
                realm: space.challenge.realm.clone(),
                nonce: space.challenge.nonce.clone(),
                unasked: true,
                stale: 0,
            })
            .collect();
        self.answer(request, hop, cnonce, &given);
        given
    }

    /// Takes note of a 401 or 407 to a request that carried `given`; true when it can be answered, by all that is in `given`
    /// then. The strongest algorithm that is known is chosen for each realm (RFC 8760 2.4).
    pub(super) fn take_note(
        &mut self,
        response: &Response,
        request: &Request,
        hop: IpAddr,
        given: &mut Vec<Given>,
    ) -> bool {
        let offered = strongest(response);
        let mut refused = false;
        for (side, challenge) in &offered {
            let Some(before) = given.iter_mut().find(|given| given.is_for(*side, &challenge.realm)) else {
                continue;
            };
            match before {
                Given { unasked: true, nonce, .. } if challenge.stale || *nonce != challenge.nonce => {}
                Given { stale, .. } if challenge.stale && *stale < MAX_STALE => *stale += 1,
                // Our answer was good for this nonce, so the password is not.
                _ => {
                    refused = true;
                    self.spaces.retain(|space| !space.is_for(*side, &challenge.realm, hop));
                }
            }
        }
        if refused || offered.is_empty() {
            self.refused |= refused;
            return false;
        }
        for (side, challenge) in offered {
            match given.iter_mut().find(|given| given.is_for(side, &challenge.realm)) {
                Some(given) => (given.nonce, given.unasked) = (challenge.nonce.clone(), false),
                None => given.push(Given {
                    side,
                    realm: challenge.realm.clone(),
                    nonce: challenge.nonce.clone(),
                    unasked: false,
                    stale: 0,
                }),
            }
            self.keep(side, challenge, hop, *request.method() == Method::Register);
        }
        true
    }

    /// Adds a header line for each that is in `given`.
    pub(super) fn answer(&mut self, request: &mut Request, hop: IpAddr, cnonce: &str, given: &[Given]) {
        let uri = request.uri().to_string();
        for Given { side, realm, .. } in given {
            let Some(space) = self.spaces.iter_mut().find(|space| space.is_for(*side, realm, hop)) else {
                continue;
            };
            space.count = space.count.saturating_add(1);
            let value = space.answer(&self.credentials, request, &uri, cnonce);
            request.push_header(side.answer_header(), &value);
        }
    }

    /// A request that carried `given` was accepted; perhaps the next nonce was told with that (RFC 7616 3.5).
    pub(super) fn take_note_of_success(&mut self, response: &Response, hop: IpAddr, given: &[Given]) {
        self.refused = false;
        for side in Side::BOTH {
            let next = response.headers(side.info_header()).find_map(|line| parameter(line, "nextnonce"));
            let Some(next) = next.filter(|next| !next.is_empty()) else {
                continue;
            };
            let answered = |space: &&mut Space| {
                space.hop == hop && given.iter().any(|given| given.is_for(space.side, &space.challenge.realm))
            };
            // The header names no realm: with several of them it is about the last that asked.
            if let Some(space) = self.spaces.iter_mut().rev().filter(|space| space.side == side).find(answered) {
                space.challenge.nonce = next.to_owned();
                space.count = 0;
            }
        }
    }

    fn keep(&mut self, side: Side, challenge: Challenge, hop: IpAddr, of_register: bool) {
        let before = self.spaces.iter().position(|space| space.is_for(side, &challenge.realm, hop));
        let before = before.map(|at| self.spaces.remove(at));
        let (was_of_register, was_of_others) =
            before.map_or((false, false), |space| (space.of_register, space.of_others));
        if self.spaces.len() >= MAX_SPACES {
            self.spaces.remove(0);
        }
        self.spaces.push(Space {
            side,
            hop,
            challenge,
            count: 0,
            session: None,
            of_register: of_register || was_of_register,
            of_others: !of_register || was_of_others,
        });
    }
}

impl Space {
    fn is_for(&self, side: Side, realm: &str, hop: IpAddr) -> bool {
        self.side == side && self.challenge.realm == realm && self.hop == hop
    }

    /// True when an answer may go with this request before it is asked for.
    fn is_good_for(&self, request: &Request, hop: IpAddr) -> bool {
        let asks_such = match (self.side, request.method()) {
            (Side::Proxy, _) => true,
            (Side::Agent, Method::Register) => self.of_register,
            (Side::Agent, _) => self.of_others,
        };
        self.hop == hop && asks_such && (self.side == Side::Proxy || self.is_in_domain(request))
    }

    /// Whether the request goes where the challenge says that the answer is good; everywhere, if it says nothing
    /// (RFC 7616 3.3, `domain`).
    fn is_in_domain(&self, request: &Request) -> bool {
        let host = request.uri().host();
        self.challenge.domain.is_empty()
            || self.challenge.domain.iter().any(|uri| match crate::sip::message::Uri::parse(uri) {
                Ok(uri) => uri.host().eq_ignore_ascii_case(host),
                // A path, as the web has it.
                Err(_) => true,
            })
    }

    fn answer(&mut self, credentials: &Credentials, request: &Request, uri: &str, cnonce: &str) -> String {
        let challenge = &self.challenge;
        if !challenge.algorithm.session {
            let secret = answer::secret(credentials, challenge, cnonce);
            return answer::header(credentials, challenge, &secret, answer::asked(request, uri, self.count, cnonce));
        }
        let (cnonce, secret) =
            self.session.get_or_insert_with(|| (cnonce.to_owned(), answer::secret(credentials, challenge, cnonce)));
        answer::header(credentials, challenge, secret, answer::asked(request, uri, self.count, cnonce))
    }
}

/// The challenges of a response, one for each realm of each side.
fn strongest(response: &Response) -> Vec<(Side, Challenge)> {
    let mut found: Vec<(Side, Challenge)> = Vec::new();
    for side in Side::BOTH {
        for challenge in response.headers(side.challenge_header()).flat_map(Challenge::read_all) {
            let known = found.iter().position(|(other, known)| *other == side && known.realm == challenge.realm);
            match known {
                Some(at) if is_better(&challenge, &found[at].1) => found[at].1 = challenge,
                None if found.len() < MAX_SPACES => found.push((side, challenge)),
                _ => {}
            }
        }
    }
    found
}

/// A stronger hash, or the same with the count that a protection brings.
pub(super) fn is_better(one: &Challenge, other: &Challenge) -> bool {
    let strength = |challenge: &Challenge| (challenge.algorithm.hash, challenge.protection != Protection::Plain);
    strength(one) > strength(other)
}
