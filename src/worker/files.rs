//! Settings and call log on disk, written by a thread of their own: a slow card never holds up a call.
//!
//! The phone shows a change only after it was told that it is durable, so whatever was shown outlives a power cut.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use tokio::sync::mpsc::UnboundedSender;

use crate::channel::LogEntry;
use crate::config::journal::Journal;
use crate::config::store::Store;
use crate::config::{Config, FileError, FileFault, write_atomically};

/// Entries of the call log that are kept.
const LOG_KEPT: usize = 1000;
/// The name of the call log in the data directory.
const LOG_NAME: &str = "calls.jsonl";
/// The name of the file that names this panel.
const INSTANCE_NAME: &str = "instance";

/// Something to be made durable.
#[derive(Clone, Debug)]
pub enum Job {
    /// These settings in the place of the last.
    Settings(Arc<Config>),
    /// One more call.
    Append(Box<LogEntry>),
    /// These calls, oldest first, in the place of all others.
    Replace(Vec<LogEntry>),
}

/// What became of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saved {
    /// Of [`Job::Settings`].
    Settings(Result<(), FileError>),
    /// Of [`Job::Append`] and [`Job::Replace`].
    Log(Result<(), FileError>),
}

/// The files, open.
#[derive(Debug)]
pub struct Files {
    /// The settings.
    pub store: Store,
    /// The call log.
    pub log: Journal<LogEntry>,
}

impl Files {
    /// Opens both; gives the calls that the log holds, oldest first, and what is wrong with it.
    pub fn open(store: Store, data: &Path) -> (Self, Vec<LogEntry>, Option<String>) {
        let (log, held) = Journal::open(&data.join(LOG_NAME), LOG_KEPT);
        (Self { store, log }, held.entries, held.problem)
    }

    fn save(&mut self, job: &Job) -> Saved {
        match job {
            Job::Settings(config) => Saved::Settings(self.store.save(config)),
            Job::Append(entry) => Saved::Log(self.log.append(entry)),
            Job::Replace(entries) => Saved::Log(self.log.replace(entries)),
        }
    }
}

/// Names this panel to its registrars, the same at each start (RFC 5626 4.1): `urn:uuid:…`, drawn once and kept in the data
/// directory. Where it cannot be kept, another one is drawn at each start, and a registrar sees another panel.
pub fn instance(data: &Path) -> String {
    let file = data.join(INSTANCE_NAME);
    if let Ok(kept) = std::fs::read_to_string(&file)
        && is_instance(kept.trim())
    {
        return kept.trim().to_owned();
    }
    let mut bytes = [0; 16];
    if let Err(error) = getrandom::fill(&mut bytes) {
        tracing::error!("no random numbers: {error}");
    }
    // Version 4, variant 1 (RFC 9562 5.4).
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let (a, b, c, d, e) = (&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
    let drawn = format!("urn:uuid:{a}-{b}-{c}-{d}-{e}");
    if let Err(error) = write_atomically(&file, drawn.as_bytes()) {
        tracing::warn!("{}: {error}", file.display());
    }
    drawn
}

fn is_instance(text: &str) -> bool {
    text.strip_prefix("urn:uuid:")
        .is_some_and(|uuid| uuid.len() == 36 && uuid.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-'))
}

/// The thread that writes. Dropping it writes what still waits and joins the thread.
#[derive(Debug)]
pub struct Writer {
    jobs: Option<Sender<Job>>,
    settings: PathBuf,
    log: PathBuf,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread; each job is answered on `done`, in order.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(mut files: Files, done: UnboundedSender<Saved>) -> std::io::Result<Self> {
        let (jobs, waiting): (Sender<Job>, Receiver<Job>) = channel();
        let (settings, log) = (files.store.path().to_owned(), files.log.path().to_owned());
        let thread = std::thread::Builder::new().name("files".into()).spawn(move || {
            while let Ok(job) = waiting.recv() {
                // The loop may have left already; the job is done all the same.
                let _ = done.send(files.save(&job));
            }
        })?;
        Ok(Self { jobs: Some(jobs), settings, log, thread: Some(thread) })
    }

    /// Hands over a job; what became of it if the thread is gone.
    ///
    /// # Errors
    /// [`FileFault::WriterGone`], with the file.
    pub fn save(&self, job: Job) -> Result<(), Saved> {
        let Some(Err(lost)) = self.jobs.as_ref().map(|jobs| jobs.send(job)) else { return Ok(()) };
        Err(match lost.0 {
            Job::Settings(_) => Saved::Settings(Err(FileFault::WriterGone.of(&self.settings))),
            Job::Append(_) | Job::Replace(_) => Saved::Log(Err(FileFault::WriterGone.of(&self.log))),
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // A panic in it was reported by the thread itself.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::CallResult;
    use crate::worker::testing::on_runtime;
    use std::time::{Duration, SystemTime};

    fn entry(name: &str) -> LogEntry {
        LogEntry {
            at: SystemTime::UNIX_EPOCH,
            outgoing: false,
            remote: "sip:door@192.0.2.1".into(),
            name: name.into(),
            account: 0,
            result: CallResult::Missed,
            why: None,
            duration: Duration::ZERO,
            unlocked: false,
            unseen: true,
        }
    }

    #[test]
    fn what_is_reported_as_saved_is_read_again_in_order() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let settings = directory.path().join("config.toml");
        let (files, entries, problem) = Files::open(Store::open(&settings).0, directory.path());
        assert_eq!((entries.len(), problem), (0, None));
        let (done, mut saved) = tokio::sync::mpsc::unbounded_channel();
        let writer = Writer::start(files, done).expect("a thread");
        let config = Config::default().set("phone.direct_ip.port", "5062").expect("in range");
        let jobs = ["first", "second"].map(|name| Job::Append(Box::new(entry(name))));
        for job in jobs.into_iter().chain([Job::Settings(Arc::new(config.clone()))]) {
            writer.save(job).expect("the thread runs");
        }
        on_runtime(async {
            for expected in [Saved::Log(Ok(())), Saved::Log(Ok(())), Saved::Settings(Ok(()))] {
                assert_eq!(saved.recv().await, Some(expected));
            }
        });
        let (store, opened) = Store::open(&settings);
        assert_eq!(opened.config, config);
        let (_, entries, _) = Files::open(store, directory.path());
        assert_eq!(entries.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>(), ["first", "second"]);
        drop(writer);
    }

    #[test]
    fn what_cannot_be_saved_is_said_so() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        // A plain file stands where the directories should be.
        let blocked = directory.path().join("file");
        std::fs::write(&blocked, "").expect("written");
        let (files, _, _) = Files::open(Store::open(&blocked.join("config.toml")).0, &blocked);
        let (done, mut saved) = tokio::sync::mpsc::unbounded_channel();
        let writer = Writer::start(files, done).expect("a thread");
        writer.save(Job::Settings(Arc::new(Config::default()))).expect("the thread runs");
        writer.save(Job::Append(Box::new(entry("lost")))).expect("the thread runs");
        drop(writer);
        assert!(matches!(saved.try_recv(), Ok(Saved::Settings(Err(_)))));
        assert!(matches!(saved.try_recv(), Ok(Saved::Log(Err(_)))));
    }
}
