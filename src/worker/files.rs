//! Settings and call log on disk, written by a thread of their own: a slow card never holds up a call.
//!
//! The phone shows a change only after it was told that it is durable, so whatever was shown outlives a power cut. What
//! cannot be saved (a full card, a folder that is not ours) is shown with a notice that says so; it is kept here, and tried
//! again until the disk takes it.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use super::unfinished;
use crate::channel::LogEntry;
use crate::config::journal::Journal;
use crate::config::store::Store;
use crate::config::{Config, FileError, FileFault, write_atomically};
use crate::phone::{LogChange, Unfinished};

/// Entries of the call log that are kept.
const LOG_KEPT: usize = 1000;
/// What could not be saved is tried again this often. While everything is saved nothing wakes up.
const TRY_AGAIN: Duration = Duration::from_secs(5);
/// The name of the call log in the data directory.
const LOG_NAME: &str = "calls.jsonl";
/// The name of the file that names this panel.
const INSTANCE_NAME: &str = "instance";

/// Something to be made durable.
#[derive(Clone, Debug)]
pub enum Job {
    /// These settings in the place of the last.
    Settings(Arc<Config>),
    /// This change of the call log.
    Log(LogChange),
    /// The calls that are not over. Nobody waits for these to be kept, and nothing is shown that depends on it.
    Unfinished(Vec<Unfinished>),
}

/// What became of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saved {
    /// Of [`Job::Settings`].
    Settings(Result<(), FileError>),
    /// Of [`Job::Log`].
    Log(Result<(), FileError>),
    /// The settings that could not be saved are durable by now.
    SettingsAtLast,
    /// All calls that could not be saved are durable by now.
    LogAtLast,
}

/// The files, open.
#[derive(Debug)]
pub struct Files {
    /// The settings.
    pub store: Store,
    /// The call log.
    pub log: Journal<LogEntry>,
    /// The data directory.
    data: PathBuf,
    /// The settings in force, if they could not be saved.
    unsaved_settings: Option<Arc<Config>>,
    /// The changes of the call log that could not be saved, oldest first.
    unsaved_log: VecDeque<LogChange>,
}

impl Files {
    /// Opens both; gives the calls that the log holds, oldest first, and what is wrong with it.
    pub fn open(store: Store, data: &Path) -> (Self, Vec<LogEntry>, Option<String>) {
        let (log, held) = Journal::open(&data.join(LOG_NAME), LOG_KEPT);
        let data = data.to_owned();
        let files = Self { store, log, data, unsaved_settings: None, unsaved_log: VecDeque::new() };
        (files, held.entries, held.problem)
    }

    fn save(&mut self, job: Job) -> Option<Saved> {
        match job {
            Job::Settings(config) => {
                let saved = self.store.save(&config);
                self.unsaved_settings = saved.is_err().then_some(config);
                Some(Saved::Settings(saved))
            }
            Job::Log(change) => {
                if let LogChange::Replace(_) = change {
                    self.unsaved_log.clear();
                }
                self.unsaved_log.push_back(change);
                // The log itself keeps no more.
                self.unsaved_log.drain(..self.unsaved_log.len().saturating_sub(LOG_KEPT));
                Some(Saved::Log(self.save_log()))
            }
            Job::Unfinished(calls) => {
                if let Err(error) = unfinished::keep(&self.data, &calls) {
                    tracing::warn!("calls would not be ended after a crash: {error}");
                }
                None
            }
        }
    }

    /// Tries again what could not be saved; what is durable by now.
    fn save_again(&mut self) -> Vec<Saved> {
        let mut saved = Vec::new();
        if let Some(config) = &self.unsaved_settings
            && self.store.save(config).is_ok()
        {
            self.unsaved_settings = None;
            saved.push(Saved::SettingsAtLast);
        }
        if !self.unsaved_log.is_empty() && self.save_log().is_ok() {
            saved.push(Saved::LogAtLast);
        }
        saved
    }

    fn save_log(&mut self) -> Result<(), FileError> {
        while let Some(change) = self.unsaved_log.front() {
            match change {
                LogChange::Append(entry) => self.log.append(entry)?,
                LogChange::Replace(entries) => self.log.replace(entries)?,
            }
            self.unsaved_log.pop_front();
        }
        Ok(())
    }

    fn is_all_saved(&self) -> bool {
        self.unsaved_settings.is_none() && self.unsaved_log.is_empty()
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
            // The loop may have left already; its last jobs are done all the same.
            while let Some(job) = next(&waiting, files.is_all_saved()) {
                let saved = match job {
                    Some(job) => files.save(job).into_iter().collect(),
                    None => files.save_again(),
                };
                saved.into_iter().for_each(|saved| done.send(saved).unwrap_or_default());
            }
            files.save_again();
        })?;
        Ok(Self { jobs: Some(jobs), settings, log, thread: Some(thread) })
    }

    /// Hands over a job; what became of it if the thread is gone.
    ///
    /// # Errors
    /// [`FileFault::WriterGone`], with the file.
    pub fn save(&self, job: Job) -> Result<(), Saved> {
        let Some(Err(lost)) = self.jobs.as_ref().map(|jobs| jobs.send(job)) else { return Ok(()) };
        match lost.0 {
            Job::Settings(_) => Err(Saved::Settings(Err(FileFault::WriterGone.of(&self.settings)))),
            Job::Log(_) => Err(Saved::Log(Err(FileFault::WriterGone.of(&self.log)))),
            Job::Unfinished(_) => Ok(()),
        }
    }
}

/// Waits for a job, or, while not all is saved, for the time to try again: then it gives no job. Ends with the loop.
fn next(waiting: &Receiver<Job>, all_is_saved: bool) -> Option<Option<Job>> {
    if all_is_saved {
        return waiting.recv().ok().map(Some);
    }
    match waiting.recv_timeout(TRY_AGAIN) {
        Ok(job) => Some(Some(job)),
        Err(RecvTimeoutError::Timeout) => Some(None),
        Err(RecvTimeoutError::Disconnected) => None,
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
    use crate::worker::testing::on_runtime;

    fn entry(name: &str) -> LogEntry {
        LogEntry::of_visitor(name)
    }

    fn append(name: &str) -> Job {
        Job::Log(LogChange::Append(Box::new(entry(name))))
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
        let jobs = ["first", "second"].map(append);
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
        writer.save(append("lost")).expect("the thread runs");
        drop(writer);
        assert!(matches!(saved.try_recv(), Ok(Saved::Settings(Err(_)))));
        assert!(matches!(saved.try_recv(), Ok(Saved::Log(Err(_)))));
    }

    #[test]
    fn what_could_not_be_saved_is_saved_once_the_disk_takes_it() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        // A plain file stands where the directory should be, until it is taken away.
        let data = directory.path().join("data");
        std::fs::write(&data, "").expect("written");
        let settings = data.join("config.toml");
        let (mut files, _, _) = Files::open(Store::open(&settings).0, &data);
        let config = Arc::new(Config::default().set("phone.direct_ip.port", "5062").expect("in range"));
        assert!(matches!(files.save(Job::Settings(config.clone())), Some(Saved::Settings(Err(_)))));
        for name in ["first", "second"] {
            assert!(matches!(files.save(append(name)), Some(Saved::Log(Err(_)))));
        }
        assert_eq!(files.save_again(), []);
        assert!(!files.is_all_saved());
        std::fs::remove_file(&data).expect("it was there");
        assert_eq!(files.save_again(), [Saved::SettingsAtLast, Saved::LogAtLast]);
        assert!(files.is_all_saved());
        assert_eq!(Store::open(&settings).1.config, *config);
        let (_, entries, _) = Files::open(Store::open(&settings).0, &data);
        assert_eq!(entries.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>(), ["first", "second"]);
    }

    #[test]
    fn what_waits_for_the_disk_is_bounded_and_forgotten_with_the_log() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let data = directory.path().join("data");
        std::fs::write(&data, "").expect("written");
        let (mut files, _, _) = Files::open(Store::open(&data.join("config.toml")).0, &data);
        for n in 0..LOG_KEPT + 5 {
            files.save(append(&n.to_string()));
        }
        assert_eq!(files.unsaved_log.len(), LOG_KEPT);
        files.save(Job::Log(LogChange::Replace(Vec::new())));
        assert_eq!(files.unsaved_log.len(), 1);
    }
}
