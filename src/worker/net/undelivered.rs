//! What the network could not deliver. Linux keeps the ICMP errors of a datagram socket in a queue beside the datagrams, if
//! it is asked to; without them a call to a device that is off rings for half a minute into the void.

use std::mem::{MaybeUninit, size_of};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::{io, ptr};

use socket2::{MsgHdrMut, SockAddr, SockRef, Socket};
use tokio::net::UdpSocket;

/// Room for one error with the address of who reported it.
const CONTROL: usize = 256;

/// Has the errors of this socket kept.
///
/// # Errors
/// What the system says; the socket is as good as any other then.
#[allow(unsafe_code)]
pub(super) fn keep(socket: &Socket, is_ipv4: bool) -> io::Result<()> {
    let (level, option) =
        if is_ipv4 { (libc::IPPROTO_IP, libc::IP_RECVERR) } else { (libc::IPPROTO_IPV6, libc::IPV6_RECVERR) };
    let on: libc::c_int = 1;
    let length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the socket is open while it is borrowed, and the option is an int of this length, which is only read.
    let outcome = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, ptr::from_ref(&on).cast(), length) };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Where a datagram of this socket did not arrive, because nobody listens there or no route leads there; takes the oldest
/// error.
#[allow(unsafe_code)]
pub(super) fn next(socket: &UdpSocket) -> Option<SocketAddr> {
    let is_ipv4 = socket.local_addr().ok()?.is_ipv4();
    loop {
        let unspecified: SocketAddr =
            if is_ipv4 { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
        let mut sent_to = SockAddr::from(unspecified);
        let mut control = [MaybeUninit::new(0); CONTROL];
        let mut message = MsgHdrMut::new().with_addr(&mut sent_to).with_control(&mut control);
        SockRef::from(socket).recvmsg(&mut message, libc::MSG_ERRQUEUE).ok()?;
        // SAFETY: every byte was made with a value, and what the system writes over it is one, too.
        let control = control.map(|byte: MaybeUninit<u8>| unsafe { byte.assume_init() });
        if is_final(&control) {
            return sent_to.as_socket();
        }
    }
}

/// Whether the error, a `sock_extended_err` behind its header, says that nothing will ever arrive. Others concern one
/// datagram alone, such as one that was too large for a link.
fn is_final(control: &[u8; CONTROL]) -> bool {
    let errno = control[size_of::<libc::cmsghdr>()..].first_chunk().map(|bytes| i32::from_ne_bytes(*bytes));
    matches!(errno, Some(libc::ECONNREFUSED | libc::EHOSTUNREACH | libc::ENETUNREACH))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::testing::{free_port, on_runtime};
    use std::time::{Duration, Instant};

    #[test]
    fn a_datagram_to_a_port_where_nobody_listens_comes_back() {
        on_runtime(async {
            for own in [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), SocketAddr::from((Ipv6Addr::LOCALHOST, 0))] {
                let Ok(socket) = std::net::UdpSocket::bind(own) else { continue };
                socket.set_nonblocking(true).expect("it can be");
                let socket = Socket::from(socket);
                keep(&socket, own.is_ipv4()).expect("Linux can");
                let socket = UdpSocket::from_std(socket.into()).expect("the runtime takes it");
                assert_eq!(next(&socket), None);
                let nobody = SocketAddr::new(own.ip(), free_port());
                SockRef::from(&socket).send_to(b"hello", &nobody.into()).expect("it leaves");
                let begun = Instant::now();
                let told = loop {
                    match next(&socket) {
                        None if begun.elapsed() < Duration::from_secs(10) => std::thread::yield_now(),
                        told => break told,
                    }
                };
                assert_eq!(told, Some(nobody));
                assert_eq!(next(&socket), None, "it is told once");
            }
        });
    }

    #[test]
    fn an_error_that_concerns_one_datagram_is_passed_over() {
        let with = |errno: i32| {
            let mut control = [0; CONTROL];
            let at = size_of::<libc::cmsghdr>();
            control[at..at + 4].copy_from_slice(&errno.to_ne_bytes());
            control
        };
        assert!(is_final(&with(libc::ECONNREFUSED)));
        assert!(!is_final(&with(libc::EMSGSIZE)));
    }
}
