//! Our own address towards somebody, from the system's routing table: a connected UDP socket knows it, and nothing is sent.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use crate::phone::Routes;

/// The system's routing table.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRoutes;

impl Routes for SystemRoutes {
    fn local_for(&self, remote: IpAddr) -> Option<IpAddr> {
        let any = match remote {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let socket = UdpSocket::bind(SocketAddr::new(any, 0)).ok()?;
        // Any port will do: connecting a datagram socket only looks up the route.
        socket.connect(SocketAddr::new(remote, 9)).ok()?;
        let local = socket.local_addr().ok()?.ip();
        (!local.is_unspecified()).then_some(local)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_this_machine_is_the_loopback() {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        assert_eq!(SystemRoutes.local_for(loopback), Some(loopback));
    }

    #[test]
    fn where_no_route_leads_there_is_no_address() {
        // A broadcast address cannot be connected to without a permission that is never asked for.
        assert_eq!(SystemRoutes.local_for(IpAddr::V4(Ipv4Addr::BROADCAST)), None);
    }
}
