//! The scanning tools sipvicious, from PyPI: `./dev test` sees to it.
//!
//! They scan from an address of loopback of their own, so that they are not where the servers and telephones of a test are.

use std::process::{Command, Stdio};

/// Where the scanners are.
pub const SCANNER: &str = "127.0.0.2";
/// The Python that has the package.
const PYTHON: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/../sipvicious/bin/python");
/// Longer than a scan may take, in seconds.
const BOUND: &str = "60";

/// svmap takes the address to scan from; svwar has the option, and forgets it on the way to its scanner.
const SVMAP: &str = "from sipvicious import svmap; svmap.main()";
const SVWAR: &str = "import functools, sys; from sipvicious import svwar
svwar.TakeASip = functools.partial(svwar.TakeASip, bindingip=sys.argv[sys.argv.index('-b') + 1])
svwar.main()";

/// Looks for SIP devices by requests of this method; gives all that it says.
pub fn svmap(method: &str, port: u16) -> String {
    scan(SVMAP, &["-m", method, "-p", &port.to_string(), "127.0.0.1"])
}

/// Looks for extensions by requests of this method, though nothing may have answered its first one; gives all that it says.
pub fn svwar(method: &str, port: u16) -> String {
    scan(SVWAR, &["-m", method, "-e", "100-104", "--force", "-p", &port.to_string(), "127.0.0.1"])
}

fn scan(program: &str, arguments: &[&str]) -> String {
    let output = Command::new("timeout")
        .args(["-s", "KILL", BOUND, PYTHON, "-c", program, "-b", SCANNER, "-x", SCANNER])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("timeout is in every Debian");
    assert_ne!(output.status.code(), Some(127), "sipvicious is not there: ./dev test fetches it");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(!said.contains("Traceback") && !said.contains("No module"), "{said}");
    said
}
