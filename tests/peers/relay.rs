//! A port that is open by TCP alone, and what stands behind it. baresip itself always listens on UDP as well.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

/// Opens a port on 127.0.0.1 by TCP, and nothing by UDP, that leads to `behind`. It serves until the test ends.
pub fn by_tcp_alone(behind: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("the system has a port");
    let port = listener.local_addr().expect("it is bound").port();
    std::thread::spawn(move || {
        for caller in listener.incoming() {
            let both = caller.and_then(|caller| Ok((caller, TcpStream::connect(("127.0.0.1", behind))?)));
            let Ok((caller, called)) = both else { continue };
            let (Ok(from_caller), Ok(from_called)) = (caller.try_clone(), called.try_clone()) else { continue };
            std::thread::spawn(move || copy(from_caller, called));
            std::thread::spawn(move || copy(from_called, caller));
        }
    });
    port
}

/// Until one side closes; then neither goes on.
fn copy(mut from: TcpStream, mut to: TcpStream) {
    let mut some = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut some) {
        if to.write_all(&some[..count]).is_err() {
            break;
        }
    }
    // It may be closed already.
    let _ = to.shutdown(Shutdown::Both);
}
