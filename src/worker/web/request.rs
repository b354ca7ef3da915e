//! One request to a door, with all that may come between it and the answer: a redirect, a challenge.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use data_encoding::BASE64;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Request, StatusCode};
use tokio::net::TcpStream;

use super::exchange::{self, Exchange};
use crate::channel::UnlockFault;
use crate::config::{Login, WebAddress};
use crate::sip::digest::answer_lone;
use crate::sip::{Credentials as Proof, Password};
use crate::worker::net::tls::{self, Credentials};

/// The most redirects that are followed.
const MOST_MOVES: usize = 3;
/// The most challenges that are answered: the first, and one that calls the nonce too old.
const MOST_PROOFS: usize = 2;
/// How long one of several addresses is tried; the last has all the time that is left.
const TRY_TIME: Duration = Duration::from_millis(1200);

/// What is needed to ask a door.
pub(super) struct Asking {
    pub url: WebAddress,
    /// Where its host is, the best first.
    pub addresses: Vec<IpAddr>,
    /// Whom HTTPS trusts.
    pub credentials: Credentials,
    /// Our nonce for a digest.
    pub cnonce: String,
}

impl Asking {
    /// Asks until the door says yes or no; then gives what is left of its page.
    ///
    /// # Errors
    /// Why the door has not opened.
    pub async fn run(mut self) -> Result<Exchange, UnlockFault> {
        let (mut moves, mut proofs) = (0, 0);
        let mut authorization = self.url.login.as_ref().and_then(basic);
        loop {
            let exchange = self.get(authorization.take()).await?;
            let status = exchange.status();
            match status.as_u16() {
                200..=299 => return Ok(exchange),
                301 | 302 | 303 | 307 | 308 => {
                    moves += 1;
                    let to = exchange.headers().get(header::LOCATION).and_then(text);
                    let to = to.filter(|_| moves <= MOST_MOVES).and_then(|to| self.url.moved(to));
                    self.url = to.ok_or(UnlockFault::Moved(status.as_u16()))?;
                    (authorization, proofs) = (self.url.login.as_ref().and_then(basic), 0);
                }
                401 => {
                    let answer = self.proof(exchange.headers(), proofs);
                    authorization = Some(answer.ok_or(UnlockFault::WrongPassword(401))?);
                    proofs += 1;
                }
                _ => return Err(refused(status)),
            }
        }
    }

    /// One GET, to the first address that takes the connection.
    async fn get(&self, authorization: Option<HeaderValue>) -> Result<Exchange, UnlockFault> {
        let mut request = Request::get(self.url.target.as_str())
            .header(header::HOST, self.url.authority())
            .header(header::USER_AGENT, concat!("Vestibule/", env!("CARGO_PKG_VERSION")))
            .header(header::ACCEPT, "*/*")
            .header(header::CONNECTION, "close");
        if let Some(mut authorization) = authorization {
            authorization.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, authorization);
        }
        // Everything in it was made fit for a request where the address was read.
        let request = request.body(String::new()).map_err(|_| UnlockFault::NotHttp)?;
        let stream = connect(&self.addresses, self.url.port).await?;
        if !self.url.https {
            return exchange::begin(stream, request).await;
        }
        let name = tls::peer_name(&self.url.host).map_err(UnlockFault::Tls)?;
        let client = self.credentials.client().await.map_err(UnlockFault::Tls)?;
        let (stream, _) = client.greet(name, stream).await.map_err(UnlockFault::Tls)?;
        exchange::begin(stream, request).await
    }

    /// The answer to a challenge, if there is one that can be answered and that was not answered already.
    fn proof(&self, headers: &HeaderMap, before: usize) -> Option<HeaderValue> {
        let login = self.url.login.as_ref()?;
        let proof = Proof { name: login.name.clone(), password: Password::new(login.password.reveal()) };
        let lines = headers.get_all(header::WWW_AUTHENTICATE).iter().filter_map(text);
        let answer = answer_lone(&proof, lines, "GET", &self.url.target, &self.cnonce)?;
        let again = before == 0 || (answer.stale && before < MOST_PROOFS);
        again.then(|| HeaderValue::from_bytes(answer.header.as_bytes()).ok()).flatten()
    }
}

/// Name and password as they are (RFC 7617): the door has to be trusted, and so has the network unless it is HTTPS.
fn basic(login: &Login) -> Option<HeaderValue> {
    let both = format!("{}:{}", login.name, login.password.reveal());
    HeaderValue::from_str(&format!("Basic {}", BASE64.encode(both.as_bytes()))).ok()
}

fn text(value: &HeaderValue) -> Option<&str> {
    std::str::from_utf8(value.as_bytes()).ok()
}

/// What an answer means that is no yes.
fn refused(status: StatusCode) -> UnlockFault {
    let code = status.as_u16();
    match code {
        403 => UnlockFault::WrongPassword(code),
        404 | 410 => UnlockFault::UnknownAddress(code),
        500..=599 => UnlockFault::Trouble(code),
        _ => UnlockFault::Refused(code),
    }
}

async fn connect(addresses: &[IpAddr], port: u16) -> Result<TcpStream, UnlockFault> {
    let mut fault = UnlockFault::NobodyThere;
    for (place, address) in addresses.iter().enumerate() {
        let connecting = TcpStream::connect(SocketAddr::new(*address, port));
        let connected = if place + 1 == addresses.len() {
            Ok(connecting.await)
        } else {
            tokio::time::timeout(TRY_TIME, connecting).await
        };
        match connected {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => {
                tracing::debug!("no connection to {address}, port {port}: {error}");
                fault = UnlockFault::NobodyThere;
            }
            Err(_) => fault = UnlockFault::NoAnswer,
        }
    }
    Err(fault)
}
