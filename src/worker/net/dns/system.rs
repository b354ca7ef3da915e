//! What the system knows about names: `resolv.conf` and `hosts`, read leniently. A line that is not understood is passed over,
//! as the system does; it takes no other one with it.

use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

/// The port of a name server.
const PORT: u16 = 53;
/// Most name servers that are taken (resolv.conf(5), MAXNS).
const MAX_NAME_SERVERS: usize = 3;
/// Most domains that are searched.
const MAX_SEARCH: usize = 6;
/// So much of a file is read, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// What `resolv.conf` says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct System {
    /// At least one: where none is named, it is this machine.
    pub name_servers: Vec<SocketAddr>,
    /// The domains in which a host without one is looked for.
    pub search: Vec<String>,
}

/// Reads `resolv.conf`.
pub(super) fn read(path: &Path) -> System {
    let text = text(path);
    let (mut name_servers, mut search) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let mut words = line.split(['#', ';']).next().unwrap_or_default().split_whitespace();
        match words.next() {
            Some("nameserver") => name_servers.extend(words.next().and_then(name_server)),
            // The last such line counts.
            Some("search" | "domain") => search = words.map(|domain| domain.trim_end_matches('.').to_owned()).collect(),
            _ => {}
        }
    }
    search.retain(|domain| !domain.is_empty());
    search.truncate(MAX_SEARCH);
    name_servers.truncate(MAX_NAME_SERVERS);
    if name_servers.is_empty() {
        name_servers.push(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), PORT));
    }
    System { name_servers, search }
}

/// An address that can be asked. One of a link (`fe80::1%eth0`) needs an interface beside it, which the resolver cannot name.
fn name_server(word: &str) -> Option<SocketAddr> {
    let address: IpAddr = word.parse().ok()?;
    let needs_interface = matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
    (!needs_interface).then_some(SocketAddr::new(address, PORT))
}

/// The addresses of a name in the hosts file.
pub(super) fn hosts(path: &Path, name: &str) -> Vec<IpAddr> {
    let text = text(path);
    let of_line = |line: &str| {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let address: IpAddr = words.next()?.parse().ok()?;
        words.any(|word| word.trim_end_matches('.').eq_ignore_ascii_case(name)).then_some(address)
    };
    text.lines().filter_map(of_line).collect()
}

fn text(path: &Path) -> String {
    let mut bytes = Vec::new();
    // A file that is not there, or only in part, says what can be read of it.
    if let Ok(file) = File::open(path) {
        let _ = file.take(MAX_FILE).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
