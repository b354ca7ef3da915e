//! Where to call instead when a 3xx says so (RFC 3261 8.1.3.4, 13.2.2.3, 20.10).

use std::collections::VecDeque;
use std::net::SocketAddr;

use crate::sip::message::{NameAddr, Response, Uri};
use crate::sip::path::{Path, Transport};

/// The port of a SIP URI that names none, by UDP and TCP.
const DEFAULT_PORT: u16 = 5060;
/// Most contacts that are kept of all redirections of one call.
const MAX_TARGETS: usize = 16;

/// The places that an INVITE of ours was sent on to.
#[derive(Debug)]
pub struct Redirects {
    /// How many more contacts may be called.
    left: u8,
    /// Contacts not called yet, the best first.
    targets: VecDeque<Uri>,
    /// Those that were called: nobody is called twice, so no loop can close.
    called: Vec<Uri>,
}

impl Redirects {
    /// For a call to `first` that may go on to at most `follow` contacts; 0 refuses every redirection. A call to a `sips:`
    /// URI goes on to nobody: whom to trust by TLS a redirection cannot say, and nothing else will do.
    pub fn new(follow: u8, first: &Uri) -> Self {
        Redirects {
            left: if first.is_sips() { 0 } else { follow },
            targets: VecDeque::new(),
            called: vec![first.clone()],
        }
    }

    /// The next contact after this final response, with the way to it; none when the response ends the call. A 305
    /// wants a proxy and a 380 a person to decide: neither is followed. After a contact has failed comes the next one,
    /// unless nobody at all wants the call (6xx).
    pub fn after(&mut self, response: &Response, way: Path) -> Option<(Uri, Path)> {
        match response.status() {
            300..=302 => self.note(response),
            400..=599 => {}
            _ => return None,
        }
        self.next(way)
    }

    /// The next contact, with the way to it: an address of the same family, since names are not resolved here.
    pub fn next(&mut self, way: Path) -> Option<(Uri, Path)> {
        while self.left > 0 {
            let uri = self.targets.pop_front()?;
            let met = self.called.iter().any(|called| called.equivalent(&uri));
            if let Some(path) = path_to(&uri, way).filter(|_| !met) {
                self.left -= 1;
                self.called.push(uri.clone());
                return Some((uri, path));
            }
        }
        None
    }

    /// Puts the contacts of a redirection before those that are left of an earlier one, the highest q first.
    fn note(&mut self, response: &Response) {
        let mut found: Vec<(u16, Uri)> = response
            .headers("Contact")
            .filter_map(|value| NameAddr::parse(value).ok())
            .map(|contact| (preference(&contact), plain(contact.uri)))
            .collect();
        found.sort_by_key(|(q, _)| std::cmp::Reverse(*q));
        for (_, uri) in found.into_iter().rev() {
            self.targets.push_front(uri);
        }
        self.targets.truncate(MAX_TARGETS);
    }
}

/// The q parameter in thousandths; 1000 for one that does not say.
fn preference(contact: &NameAddr) -> u16 {
    let q = contact.params.get("q").and_then(|q| q.trim().parse::<f32>().ok());
    // At most 1000 after the clamp.
    q.filter(|q| q.is_finite()).map_or(1000, |q| (q.clamp(0.0, 1.0) * 1000.0) as u16)
}

/// The URI without what a stranger may not put into a request of ours (19.1.5).
fn plain(mut uri: Uri) -> Uri {
    uri.headers = None;
    uri.params.remove("method");
    uri
}

fn path_to(uri: &Uri, way: Path) -> Option<Path> {
    let transport = match uri.transport() {
        None => way.transport,
        // A name that nobody here knows; and whom to trust by TLS a stranger's redirection cannot say.
        Some(name) => Transport::from_name(name).filter(|transport| *transport != Transport::Tls)?,
    };
    let ip = uri.ip().filter(|ip| !ip.is_unspecified() && ip.is_ipv4() == way.local.is_ipv4())?;
    let remote = SocketAddr::new(ip, uri.port().unwrap_or(DEFAULT_PORT));
    uri.scheme().eq_ignore_ascii_case("sip").then_some(Path { transport, local: way.local, remote, flow: None })
}
