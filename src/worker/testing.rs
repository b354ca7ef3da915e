//! What the tests of this room share.

/// Runs a test on a runtime like the worker's own.
pub(crate) fn on_runtime<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(work)
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
