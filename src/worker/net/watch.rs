//! Tells when the addresses or routes of this machine change: a cable, a lease, a router (rtnetlink).

use std::time::Duration;

use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{AsyncSocket, AsyncSocketExt, SocketAddr, TokioSocket};
use tokio::time::Instant;

/// The multicast groups of rtnetlink(7): links, addresses and routes of IPv4, addresses of IPv6.
const GROUPS: u32 = 0x1 | 0x10 | 0x40 | 0x100;
/// A change comes as several messages; it is told when none has come for so long …
const QUIET: Duration = Duration::from_millis(300);
/// … or after so long at the latest.
const AT_LATEST: Duration = Duration::from_secs(2);

/// Listens to the kernel; a system that gives no such socket tells nothing.
pub struct NetworkWatch {
    socket: Option<TokioSocket>,
    /// A change is being waited out: since when, and until when.
    pending: Option<(Instant, Instant)>,
}

impl NetworkWatch {
    /// Begins to listen.
    pub fn start() -> Self {
        let socket = open().inspect_err(|error| tracing::debug!("changes of the network are not told: {error}")).ok();
        Self { socket, pending: None }
    }

    /// Comes after a change, once for all that belongs to it. May be dropped while it waits without losing anything.
    pub async fn changed(&mut self) {
        loop {
            let Some(socket) = &mut self.socket else { return std::future::pending().await };
            let Some((since, until)) = self.pending else {
                match told(socket).await {
                    true => self.pending = Some((Instant::now(), Instant::now() + QUIET)),
                    false => self.socket = None,
                }
                continue;
            };
            tokio::select! {
                () = tokio::time::sleep_until(until.min(since + AT_LATEST)) => {
                    self.pending = None;
                    return;
                }
                more = told(socket) => match more {
                    true => self.pending = Some((since, Instant::now() + QUIET)),
                    false => self.socket = None,
                },
            }
        }
    }
}

fn open() -> std::io::Result<TokioSocket> {
    let mut socket = TokioSocket::new(NETLINK_ROUTE)?;
    socket.socket_mut().bind(&SocketAddr::new(0, GROUPS))?;
    Ok(socket)
}

/// Whether something was told; what it says is found out from the routing table. Too much at once was told, too.
async fn told(socket: &mut TokioSocket) -> bool {
    let mut message = bytes::BytesMut::with_capacity(8192);
    match socket.recv_from(&mut message).await {
        Ok(_) => true,
        Err(error) => error.raw_os_error() == Some(libc::ENOBUFS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::testing::on_runtime;

    #[test]
    fn the_kernel_lets_us_listen_and_nothing_is_told_while_nothing_changes() {
        on_runtime(async {
            let mut watch = NetworkWatch::start();
            assert!(watch.socket.is_some());
            let told = tokio::time::timeout(Duration::ZERO, watch.changed()).await;
            assert!(told.is_err());
        });
    }
}
