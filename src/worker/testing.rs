//! What the tests of this room share.

use std::net::UdpSocket;
use std::time::Duration;

/// Longer than anything here may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs a test on a runtime like the worker's own; one that waits for ever fails.
pub(crate) fn on_runtime<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async { tokio::time::timeout(PATIENCE, work).await.expect("it comes in time") })
}

/// Somebody on the loopback who does not wait for ever.
pub(crate) fn udp_peer() -> UdpSocket {
    let peer = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    peer.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
    peer
}

/// A port that is free for UDP and TCP at this moment.
pub(crate) fn free_port() -> u16 {
    loop {
        let listener = std::net::TcpListener::bind("0.0.0.0:0").expect("the system has a port");
        let port = listener.local_addr().expect("it is bound").port();
        if std::net::UdpSocket::bind(("0.0.0.0", port)).is_ok() {
            return port;
        }
    }
}
