//! A thread that looks at something again and again until it is no longer wanted.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// The thread; it ends by itself soon after this was dropped.
#[derive(Debug)]
pub struct Watch {
    /// Closed, it tells the thread to end.
    stop: Sender<()>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Starts it. What the one `before` holds is free before `work` begins.
    pub fn start(name: &str, before: Option<Self>, work: impl FnOnce(&Wanted) + Send + 'static) -> Option<Self> {
        let (stop, stopped) = channel();
        let body = move || {
            if let Some(Self { stop, thread: Some(thread) }) = before {
                drop(stop);
                // What it died of was said then.
                let _ = thread.join();
            }
            work(&Wanted(stopped));
        };
        match std::thread::Builder::new().name(name.to_owned()).spawn(body) {
            Ok(thread) => Some(Self { stop, thread: Some(thread) }),
            Err(error) => {
                tracing::error!("no thread for the {name}: {error}");
                None
            }
        }
    }
}

/// Whether the work is still wanted.
pub struct Wanted(Receiver<()>);

impl Wanted {
    /// Whether it is.
    pub fn is_so(&self) -> bool {
        matches!(self.0.try_recv(), Err(TryRecvError::Empty))
    }

    /// Waits so long, or until it is not; whether it is.
    pub fn after(&self, time: Duration) -> bool {
        matches!(self.0.recv_timeout(time), Err(RecvTimeoutError::Timeout))
    }
}
