//! One request and its response on a connection of their own.

use std::future::poll_fn;
use std::pin::Pin;

use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper::header::HeaderMap;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;

use crate::channel::UnlockFault;

/// The longest head of a response, and what is read at once, in bytes.
const LONGEST_HEAD: usize = 16 * 1024;
/// How much of a page is read, in bytes.
const LONGEST_PAGE: usize = 64 * 1024;

/// A response whose page has not been read yet.
pub(super) struct Exchange {
    response: Response<Incoming>,
    /// What reads and writes the connection; it ends with this.
    _carrier: JoinSet<()>,
}

/// Sends a request and waits for the head of its response.
///
/// # Errors
/// [`UnlockFault::NotHttp`] where what comes is no such head, [`UnlockFault::NoAnswer`] where nothing comes.
pub(super) async fn begin<S>(stream: S, request: Request<String>) -> Result<Exchange, UnlockFault>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut builder = http1::Builder::new();
    // Small doors have small faults.
    builder
        .max_buf_size(LONGEST_HEAD)
        .allow_spaces_after_header_name_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .ignore_invalid_headers_in_responses(true);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(|error| fault_of(&error))?;
    let mut carrier = JoinSet::new();
    carrier.spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!("the connection to a door ended: {error}");
        }
    });
    match sender.send_request(request).await {
        Ok(response) => Ok(Exchange { response, _carrier: carrier }),
        Err(error) => Err(fault_of(&error)),
    }
}

impl Exchange {
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// Reads the page, as far as it is of a decent length, and forgets it.
    pub async fn drain(mut self) {
        let mut left = LONGEST_PAGE;
        loop {
            let frame = poll_fn(|context| Pin::new(self.response.body_mut()).poll_frame(context)).await;
            let Some(Ok(frame)) = frame else { return };
            let length = frame.data_ref().map_or(0, |piece| piece.len());
            match left.checked_sub(length) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    }
}

fn fault_of(error: &hyper::Error) -> UnlockFault {
    if error.is_parse() { UnlockFault::NotHttp } else { UnlockFault::NoAnswer }
}
