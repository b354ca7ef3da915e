//! A TCP connection with a third one in the middle, who writes everything down, and can cut it or let it run dry.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::process::quiet_port;

/// What all its threads share.
#[derive(Default)]
struct State {
    recorded: Vec<u8>,
    connections: Vec<(TcpStream, TcpStream)>,
    accepted: usize,
    dry: bool,
}

/// A port that leads to another. It serves until the test ends.
pub struct Relay {
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    state: Arc<Mutex<State>>,
}

impl Relay {
    /// Leads to this port of 127.0.0.1.
    pub fn to(behind: u16) -> Self {
        let port = quiet_port();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("the port was free a moment ago");
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        std::thread::spawn(move || {
            for caller in listener.incoming() {
                let both = caller.and_then(|caller| Ok((caller, TcpStream::connect((Ipv4Addr::LOCALHOST, behind))?)));
                // Where nobody listens behind, nobody is let in.
                let Ok((caller, called)) = both else { continue };
                let copies = [(caller.try_clone(), called.try_clone()), (called.try_clone(), caller.try_clone())];
                let mut now = shared.lock().expect("nobody panics holding it");
                now.accepted += 1;
                now.connections.push((caller, called));
                drop(now);
                for (from, to) in copies {
                    let (Ok(from), Ok(to)) = (from, to) else { continue };
                    let shared = shared.clone();
                    std::thread::spawn(move || copy(from, to, &shared));
                }
            }
        });
        Self { port, state }
    }

    /// All bytes of both directions until now.
    pub fn recorded(&self) -> Vec<u8> {
        self.state.lock().expect("nobody panics holding it").recorded.clone()
    }

    /// How many connections have been made.
    pub fn accepted(&self) -> usize {
        self.state.lock().expect("nobody panics holding it").accepted
    }

    /// Ends all connections; new ones are let in.
    pub fn cut(&self) {
        for (caller, called) in self.state.lock().expect("nobody panics holding it").connections.drain(..) {
            for stream in [caller, called] {
                // It may be closed already.
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
    }

    /// From now on, whether what is sent vanishes, as behind a router that has forgotten the connection.
    pub fn run_dry(&self, dry: bool) {
        self.state.lock().expect("nobody panics holding it").dry = dry;
    }
}

/// Until one side closes; then neither goes on.
fn copy(mut from: TcpStream, mut to: TcpStream, state: &Mutex<State>) {
    let mut some = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut some) {
        let mut now = state.lock().expect("nobody panics holding it");
        now.recorded.extend_from_slice(&some[..count]);
        let dry = now.dry;
        drop(now);
        if !dry && to.write_all(&some[..count]).is_err() {
            break;
        }
    }
    // It may be closed already.
    let _ = to.shutdown(Shutdown::Both);
}
