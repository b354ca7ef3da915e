//! Sockets that are read on a thread of their own, so that the time of arrival is the time of arrival.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often a reader looks whether it is still wanted.
const LOOK_UP: Duration = Duration::from_millis(100);

/// What came, when, from whom.
#[derive(Clone, Debug)]
pub struct Packet {
    pub at: Instant,
    pub from: SocketAddr,
    pub bytes: Vec<u8>,
}

/// The packets of one socket in the order of their arrival. Its thread ends with it.
pub struct Inbox {
    packets: Receiver<Packet>,
    leave: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Inbox {
    pub fn new(socket: &UdpSocket) -> Result<Self, String> {
        Self::with(socket, |_| ())
    }

    /// Calls `at_once` with each packet on the reading thread.
    pub fn with(socket: &UdpSocket, mut at_once: impl FnMut(&Packet) + Send + 'static) -> Result<Self, String> {
        let socket = socket.try_clone().map_err(|error| error.to_string())?;
        socket.set_read_timeout(Some(LOOK_UP)).map_err(|error| error.to_string())?;
        let (sender, packets) = mpsc::channel();
        let leave = Arc::new(AtomicBool::new(false));
        let left = leave.clone();
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while !left.load(Ordering::Relaxed) {
                // An error is a time-out, or what ICMP said about an earlier packet: both pass.
                let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
                let packet = Packet { at: Instant::now(), from, bytes: buffer[..length].to_vec() };
                at_once(&packet);
                if sender.send(packet).is_err() {
                    return;
                }
            }
        });
        Ok(Self { packets, leave, thread: Some(thread) })
    }

    /// The next packet, waiting for it at most so long.
    pub fn next(&self, patience: Duration) -> Result<Packet, RecvTimeoutError> {
        self.packets.recv_timeout(patience)
    }

    /// What has come until now.
    pub fn drain(&self) -> impl Iterator<Item = Packet> {
        self.packets.try_iter()
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.leave.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A reader that panicked has said so itself.
            let _ = thread.join();
        }
    }
}
