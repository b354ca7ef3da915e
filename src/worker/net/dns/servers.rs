//! The name servers themselves: asked one after the other, and the next one beside the last when that is slow.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hickory_resolver::config::{NameServerConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::xfer::{DnsHandle, FirstAnswer};
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::{DnsRequestOptions, Message, Query, ResponseCode};
use hickory_resolver::{NameServerPool, PoolContext, TlsConfig};
use tokio::task::JoinSet;

use crate::sip::locate::DnsFault;

/// How often one name server is asked, the second time perhaps without what it does not know, and for how long each time; within
/// that the datagram is repeated, and the answer to any of them counts.
const ATTEMPTS: usize = 2;
const ATTEMPT: Duration = super::LIMIT;
/// A name server that has said nothing for so long gets company.
pub(super) const PATIENCE: Duration = Duration::from_millis(500);
/// For how long it stands behind the others then.
const SLOW: Duration = Duration::from_secs(60);

/// What a name server says: a message with answers, or that there are none. `None` if it cannot or will not say.
type Said = Option<Result<Message, DnsFault>>;

/// All of them, in the order in which they are asked.
#[derive(Debug, Default)]
pub(super) struct Servers {
    addresses: Vec<SocketAddr>,
    all: Vec<Arc<Server>>,
}

impl Servers {
    /// Those at these addresses.
    pub fn new(addresses: Vec<SocketAddr>) -> Self {
        let all = addresses.iter().filter_map(|address| Server::new(*address)).map(Arc::new).collect();
        Self { addresses, all }
    }

    /// Where they are.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Asks. The first that has anything to say is believed, as the system's own resolver does.
    pub async fn ask(&self, query: &Query) -> Result<Message, DnsFault> {
        let now = Instant::now();
        let (slow, brisk): (Vec<_>, Vec<_>) = self.all.iter().cloned().partition(|server| server.is_slow(now));
        let mut asked = JoinSet::new();
        for server in brisk.into_iter().chain(slow) {
            let (asking, query) = (server.clone(), query.clone());
            asked.spawn(async move { asking.ask(query).await });
            match tokio::time::timeout(PATIENCE, asked.join_next()).await {
                Ok(Some(Ok(Some(said)))) => return said,
                Ok(_) => {}
                Err(_) => server.is_slow_until(Some(Instant::now() + SLOW)),
            }
        }
        while let Some(said) = asked.join_next().await {
            if let Ok(Some(said)) = said {
                return said;
            }
        }
        Err(DnsFault::NoAnswer)
    }
}

/// One of them.
struct Server {
    address: SocketAddr,
    /// A pool of this one alone: which one is asked next is decided above.
    pool: NameServerPool<TokioRuntimeProvider>,
    slow_until: Mutex<Option<Instant>>,
}

impl Server {
    fn new(address: SocketAddr) -> Option<Self> {
        let mut config = NameServerConfig::udp_and_tcp(address.ip());
        for connection in &mut config.connections {
            connection.port = address.port();
        }
        let mut options = ResolverOpts::default();
        options.timeout = ATTEMPT;
        // The system's ports are random, too, and none of those that SIP or RTP listens on.
        options.os_port_selection = true;
        let tls = TlsConfig::new().inspect_err(|error| tracing::warn!("name server {address}: {error}")).ok()?;
        let context = Arc::new(PoolContext::new(options, tls));
        let pool = NameServerPool::from_config([config], context, TokioRuntimeProvider::new());
        Some(Self { address, pool, slow_until: Mutex::new(None) })
    }

    async fn ask(&self, query: Query) -> Said {
        let mut options = DnsRequestOptions::default();
        for _ in 0..ATTEMPTS {
            let said = match self.pool.lookup(query.clone(), options).first_answer().await {
                Ok(response) => match response.response_code {
                    ResponseCode::NoError | ResponseCode::NXDomain => Some(Ok(response.into_message())),
                    _ => None,
                },
                Err(NetError::Dns(DnsError::NoRecordsFound(_))) => Some(Err(DnsFault::NotFound)),
                Err(NetError::Dns(DnsError::ResponseCode(code))) if options.use_edns && may_be_old(code) => {
                    options.use_edns = false;
                    continue;
                }
                Err(error @ NetError::Dns(_)) => {
                    tracing::debug!("name server {}: {error}", self.address);
                    None
                }
                Err(error) => {
                    tracing::debug!("name server {}: {error}", self.address);
                    continue;
                }
            };
            self.is_slow_until(None);
            return said;
        }
        None
    }

    fn is_slow(&self, now: Instant) -> bool {
        let until = self.slow_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| now < until)
    }

    fn is_slow_until(&self, until: Option<Instant>) {
        *self.slow_until.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Whether a name server says so that does not know EDNS (RFC 6891 7).
fn may_be_old(code: ResponseCode) -> bool {
    matches!(code, ResponseCode::FormErr | ResponseCode::NotImp | ResponseCode::BADVERS)
}
