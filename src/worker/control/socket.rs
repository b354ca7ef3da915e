//! The file of the control socket: its place, its rights, and who owns it.
//!
//! A lock file beside the socket says whether a panel lives there; the lock goes with the process, however it ends, so a
//! socket that a crash left behind is replaced and a living panel never loses its own.

use std::fs::{DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// Why the control socket cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Another panel lives there.
    #[error("a panel already runs on the control socket {0}")]
    Taken(PathBuf),
    /// Something else has that name.
    #[error("{0} is not a socket; it is left alone")]
    NotASocket(PathBuf),
    /// The directory belongs to somebody else, who could put a socket of his own there.
    #[error("the directory {0} belongs to another user")]
    ForeignDirectory(PathBuf),
    /// The system refused.
    #[error("control socket {path}: {error}")]
    System {
        /// The socket.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

/// The socket, bound and owned; dropping it removes its file.
#[derive(Debug)]
pub struct ControlSocket {
    path: PathBuf,
    listener: UnixListener,
    /// Held locked for as long as this panel lives.
    _lock: File,
}

impl ControlSocket {
    /// Binds the socket with mode 0600, in the place of one that nobody listens on any longer.
    pub fn bind(path: &Path) -> Result<Self, SocketError> {
        let system = |error| SocketError::System { path: path.to_owned(), error };
        if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
            own_directory(directory).map_err(system)?;
            if is_foreign(directory).map_err(system)? {
                return Err(SocketError::ForeignDirectory(directory.to_owned()));
            }
        }
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(with_suffix(path, ".lock"))
            .map_err(system)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(SocketError::Taken(path.to_owned())),
            Err(TryLockError::Error(error)) => return Err(system(error)),
        }
        match std::fs::symlink_metadata(path) {
            Ok(metadata) if !metadata.file_type().is_socket() => {
                return Err(SocketError::NotASocket(path.to_owned()));
            }
            Ok(_) if UnixStream::connect(path).is_ok() => return Err(SocketError::Taken(path.to_owned())),
            Ok(_) => tracing::debug!("replacing the control socket that an earlier panel left"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(system(error)),
        }
        // Bound under another name and renamed, so that the socket never stands there with the rights of the umask.
        let fresh = with_suffix(path, ".new");
        let _ = std::fs::remove_file(&fresh);
        let listener = UnixListener::bind(&fresh).map_err(system)?;
        std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(0o600)).map_err(system)?;
        std::fs::rename(&fresh, path).map_err(system)?;
        Ok(Self { path: path.to_owned(), listener, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A second handle on the listening socket, for the runtime.
    pub fn listener(&self) -> io::Result<UnixListener> {
        let listener = self.listener.try_clone()?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The socket's place when none is named: the user's runtime directory, or a directory of the user's own under /tmp.
pub fn default_path() -> PathBuf {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
    place(runtime, own_user())
}

fn place(runtime: Option<PathBuf>, user: u32) -> PathBuf {
    match runtime {
        Some(runtime) => runtime.join("vestibule").join("control.sock"),
        None => std::env::temp_dir().join(format!("vestibule-{user}")).join("control.sock"),
    }
}

/// The user that this process runs as, by whom the kernel says that its own /proc entry belongs to.
fn own_user() -> u32 {
    std::fs::metadata("/proc/self").map_or(0, |metadata| metadata.uid())
}

/// Makes the directory, for its owner only, if it is not there.
fn own_directory(directory: &Path) -> io::Result<()> {
    match DirBuilder::new().recursive(true).mode(0o700).create(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Whether somebody else could put files in the place of ours: the directory is his, and not one shared with a sticky bit.
fn is_foreign(directory: &Path) -> io::Result<bool> {
    let metadata = std::fs::metadata(directory)?;
    let sticky = metadata.mode() & 0o1000 != 0;
    Ok(metadata.uid() != own_user() && metadata.uid() != 0 && !sticky)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> tempfile::TempDir {
        tempfile::tempdir().expect("a temporary directory can be made")
    }

    #[test]
    fn the_socket_is_for_its_owner_only_and_goes_with_the_panel() {
        let directory = directory();
        let path = directory.path().join("deep").join("control.sock");
        let socket = ControlSocket::bind(&path).expect("the place is free");
        let mode = |path: &Path| std::fs::metadata(path).expect("it is there").mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().expect("it has a directory")), 0o700);
        assert!(UnixStream::connect(&path).is_ok());
        drop(socket);
        assert!(!path.exists());
    }

    #[test]
    fn a_second_panel_is_told_and_takes_nothing_away() {
        let directory = directory();
        let path = directory.path().join("control.sock");
        let first = ControlSocket::bind(&path).expect("the place is free");
        let second = ControlSocket::bind(&path).expect_err("the place is taken");
        assert!(matches!(second, SocketError::Taken(_)), "{second}");
        assert!(second.to_string().contains("already runs"), "{second}");
        assert!(UnixStream::connect(&path).is_ok(), "the first panel still answers");
        drop(first);
        assert!(ControlSocket::bind(&path).is_ok());
    }

    #[test]
    fn a_stale_socket_is_replaced() {
        let directory = directory();
        let path = directory.path().join("control.sock");
        drop(UnixListener::bind(&path).expect("a listener"));
        assert!(path.exists(), "std leaves the file behind, as a crash does");
        let socket = ControlSocket::bind(&path).expect("nobody listens there");
        assert!(UnixStream::connect(socket.path()).is_ok());
    }

    #[test]
    fn a_foreign_listener_and_a_plain_file_are_left_alone() {
        let directory = directory();
        let path = directory.path().join("control.sock");
        let foreign = UnixListener::bind(&path).expect("a listener");
        assert!(matches!(ControlSocket::bind(&path), Err(SocketError::Taken(_))));
        drop(foreign);
        std::fs::remove_file(&path).expect("it is there");
        std::fs::write(&path, "precious").expect("it can be written");
        assert!(matches!(ControlSocket::bind(&path), Err(SocketError::NotASocket(_))));
        assert_eq!(std::fs::read(&path).expect("still there"), b"precious");
    }

    #[test]
    fn the_default_place_is_the_runtime_directory_or_one_of_the_users_own() {
        assert_eq!(place(Some("/run/user/7".into()), 7), PathBuf::from("/run/user/7/vestibule/control.sock"));
        assert!(place(None, 7).ends_with("vestibule-7/control.sock"));
    }
}
