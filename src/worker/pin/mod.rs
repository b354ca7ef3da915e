//! The installer's PIN: kept as a hash, checked beside the loop, locked after wrong tries.
//!
//! ```text
//!  EnterPin, SetPin ──▶ count the try (durable) ──▶ hash in a thread of its own ──▶ Done ──▶ the loop
//! ```
//! It guards pages of the screen and nothing else: whoever may write the settings file needs none.

mod hash;
mod tries;

use std::path::{Path, PathBuf};
use std::time::Instant;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use self::tries::Tries;
use crate::channel::{PinAnswer, PinView};
use crate::config::{Secret, is_pin};
use crate::phone::Now;
use crate::worker::control::serve::Outcome;

/// The setting that holds it.
pub const KEY: &str = "security.pin";
/// The name of the file of wrong tries in the data directory.
const TRIES_NAME: &str = "pin-tries.json";

/// A value of [`KEY`] as it is to be kept: digits are hashed, everything else stays as it is and is left to the check of
/// the setting.
///
/// # Errors
/// In words, when the system gives no random bytes.
pub fn kept(value: &str) -> Result<String, String> {
    if is_pin(value) { hash::hash(value) } else { Ok(value.to_owned()) }
}

/// What a thread has worked out.
#[derive(Debug)]
pub enum Done {
    /// Of [`Pin::enter`]: whether it was right.
    Entered(bool),
    /// Of [`Pin::change`]: what is to be kept, or what it failed of.
    Chosen(Result<Secret, PinAnswer>),
    /// Of [`Pin::keep`]: what is to be kept, and who waits for it.
    Hashed(Result<String, String>, Option<oneshot::Sender<Outcome>>),
}

/// What the loop holds of the PIN.
#[derive(Debug)]
pub struct Pin {
    file: PathBuf,
    stored: Secret,
    tries: Tries,
    locked_until: Option<Instant>,
    open: bool,
    answer: PinAnswer,
    done: UnboundedSender<Done>,
}

impl Pin {
    /// What a former run left in the data directory; `stored` is the setting. Threads answer on `done`.
    pub fn load(now: Now, data: &Path, stored: &Secret, done: UnboundedSender<Done>) -> Self {
        let file = data.join(TRIES_NAME);
        let tries = Tries::load(&file);
        let locked_until = tries.locked_for(now.wall).map(|left| now.instant + left);
        Self { file, stored: stored.clone(), tries, locked_until, open: false, answer: PinAnswer::None, done }
    }

    /// As the screen sees it.
    pub fn view(&self, now: Now) -> PinView {
        let locked_until = self.locked_until.filter(|until| *until > now.instant);
        PinView {
            set: !self.stored.is_empty(),
            open: self.open,
            tries_left: if locked_until.is_some() { 0 } else { self.tries.left() },
            locked_until,
            answer: self.answer,
        }
    }

    /// Somebody entered `pin` to open the pages.
    pub fn enter(&mut self, now: Now, pin: Secret) {
        if self.stored.is_empty() || !self.begin(now) {
            return;
        }
        let (stored, file, counted) = (self.stored.clone(), self.file.clone(), self.tries.clone());
        self.work(move || Done::Entered(check(&pin, &stored, &file, counted)));
    }

    /// Somebody wants another PIN, or none when `new` is empty; the `old` one has to be shown where there is one.
    pub fn change(&mut self, now: Now, old: Option<Secret>, new: Secret) {
        if !new.is_empty() && !is_pin(new.reveal()) {
            self.answer = PinAnswer::Failed;
            return;
        }
        let old = old.filter(|_| !self.stored.is_empty());
        match &old {
            None if !self.stored.is_empty() => {
                self.answer = PinAnswer::Wrong;
                return;
            }
            None if self.answer == PinAnswer::Checking => return,
            None => self.answer = PinAnswer::Checking,
            Some(_) if !self.begin(now) => return,
            Some(_) => {}
        }
        let (stored, file, counted) = (self.stored.clone(), self.file.clone(), self.tries.clone());
        self.work(move || {
            if old.is_some_and(|old| !check(&old, &stored, &file, counted)) {
                return Done::Chosen(Err(PinAnswer::Wrong));
            }
            let kept = kept(new.reveal()).map(Secret::from);
            Done::Chosen(kept.map_err(|error| {
                tracing::error!("the PIN cannot be kept: {error}");
                PinAnswer::Failed
            }))
        });
    }

    /// A value for the setting came from elsewhere; it is hashed before it is kept.
    pub fn keep(&self, value: String, waits: Option<oneshot::Sender<Outcome>>) {
        self.work(move || Done::Hashed(kept(&value), waits));
    }

    /// The digits that stand in the settings file in the place of a hash: they are to be hashed.
    pub fn plain(&self) -> Option<String> {
        is_pin(self.stored.reveal()).then(|| self.stored.reveal().to_owned())
    }

    /// The pages are closed.
    pub fn close(&mut self) {
        self.open = false;
        self.answer = PinAnswer::None;
    }

    /// The setting in force; whether it is another one. Then the pages are closed.
    pub fn settle(&mut self, stored: &Secret) -> bool {
        let another = self.stored != *stored;
        if another {
            self.stored = stored.clone();
            self.close();
        }
        another
    }

    /// What was entered has been checked.
    pub fn entered(&mut self, right: bool) {
        if right {
            self.forgiven();
            self.open = true;
        }
        self.answer = if right { PinAnswer::Right } else { PinAnswer::Wrong };
    }

    /// A change was worked out: what is to be kept from now on.
    pub fn chosen(&mut self, result: Result<Secret, PinAnswer>) -> Option<Secret> {
        match result {
            Ok(kept) => {
                self.forgiven();
                self.stored = kept.clone();
                self.open = true;
                self.answer = PinAnswer::Changed;
                Some(kept)
            }
            Err(answer) => {
                self.answer = answer;
                None
            }
        }
    }

    /// Counts a try; false where nothing is accepted now. While one is checked no other begins.
    fn begin(&mut self, now: Now) -> bool {
        if self.answer == PinAnswer::Checking {
            return false;
        }
        if self.locked_until.is_some_and(|until| until > now.instant) {
            self.answer = PinAnswer::Wrong;
            return false;
        }
        self.tries.begin(now.wall);
        self.locked_until = self.tries.locked_for(now.wall).map(|left| now.instant + left);
        self.answer = PinAnswer::Checking;
        true
    }

    fn forgiven(&mut self) {
        self.tries.right();
        self.locked_until = None;
    }

    /// Does what takes long beside the loop.
    fn work(&self, work: impl FnOnce() -> Done + Send + 'static) {
        let done = self.done.clone();
        let run = move || {
            // The loop may have left already.
            let _ = done.send(work());
        };
        if let Err(error) = std::thread::Builder::new().name("pin".into()).spawn(run) {
            tracing::error!("no thread to check the PIN: {error}");
            let _ = self.done.send(Done::Chosen(Err(PinAnswer::Failed)));
        }
    }
}

/// Whether `pin` is the stored one. The try is made durable before that is known, and forgotten only then.
fn check(pin: &Secret, stored: &Secret, file: &Path, mut counted: Tries) -> bool {
    let save = |tries: &Tries| {
        if let Err(error) = tries.save(file) {
            tracing::warn!("{}: {error}", file.display());
        }
    };
    save(&counted);
    let right = if is_pin(stored.reveal()) { pin == stored } else { hash::fits(pin.reveal(), stored.reveal()) };
    if right {
        counted.right();
        save(&counted);
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, SystemTime};

    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    fn now(seconds: u64) -> Now {
        let since = Duration::from_secs(seconds);
        Now { instant: *BEGAN + since, wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000) + since }
    }

    static BEGAN: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);

    /// A PIN of which the thread's answers are awaited.
    struct Rig {
        pin: Pin,
        done: UnboundedReceiver<Done>,
        folder: tempfile::TempDir,
    }

    impl Rig {
        fn new(stored: &str) -> Self {
            Self::in_folder(tempfile::tempdir().expect("a temporary folder"), stored, now(0))
        }

        fn in_folder(folder: tempfile::TempDir, stored: &str, now: Now) -> Self {
            let (sender, done) = unbounded_channel();
            Self { pin: Pin::load(now, folder.path(), &secret(stored), sender), done, folder }
        }

        /// As after a power cut.
        fn restart(self, now: Now) -> Self {
            let stored = self.pin.stored.reveal().to_owned();
            Self::in_folder(self.folder, &stored, now)
        }

        fn enter(&mut self, now: Now, digits: &str) -> PinView {
            self.pin.enter(now, secret(digits));
            self.settle(now)
        }

        fn settle(&mut self, now: Now) -> PinView {
            if self.pin.answer == PinAnswer::Checking {
                match self.done.blocking_recv().expect("the thread answers") {
                    Done::Entered(right) => self.pin.entered(right),
                    Done::Chosen(result) => drop(self.pin.chosen(result)),
                    Done::Hashed(..) => unreachable!("nothing came from elsewhere"),
                }
            }
            self.pin.view(now)
        }
    }

    fn secret(text: &str) -> Secret {
        Secret::from(text.to_owned())
    }

    #[test]
    fn the_right_pin_opens_and_a_wrong_one_costs_a_try() {
        let mut rig = Rig::new(&kept("4711").expect("hashed"));
        let view = rig.enter(now(0), "0000");
        assert_eq!((view.open, view.tries_left, view.answer), (false, 4, PinAnswer::Wrong));
        let view = rig.enter(now(1), "4711");
        assert_eq!((view.open, view.tries_left, view.answer), (true, 5, PinAnswer::Right));
        rig.pin.close();
        assert!(!rig.pin.view(now(2)).open);
    }

    #[test]
    fn a_lock_refuses_even_the_right_pin_and_outlives_a_restart() {
        // Digits that stand in the settings file as they are open too, and cost the test no hashing.
        let mut rig = Rig::new("4711");
        for tries_left in [4, 3, 2, 1] {
            assert_eq!(rig.enter(now(0), "0000").tries_left, tries_left);
        }
        let view = rig.enter(now(0), "0000");
        assert_eq!((view.tries_left, view.locked_until), (0, Some(now(300).instant)));
        assert!(!rig.enter(now(10), "4711").open);
        let mut rig = rig.restart(now(20));
        assert_eq!(rig.pin.view(now(20)).locked_until, Some(now(300).instant));
        assert!(!rig.enter(now(299), "4711").open);
        assert!(rig.enter(now(300), "4711").open);
    }

    #[test]
    fn pulling_the_plug_while_a_try_is_checked_wins_nothing() {
        let mut rig = Rig::new("4711");
        rig.pin.enter(now(0), secret("0000"));
        // The thread has counted the try before it knows what came of it; nobody is told.
        let _ = rig.done.blocking_recv();
        assert_eq!(rig.restart(now(1)).pin.view(now(1)).tries_left, 4);
    }

    #[test]
    fn another_pin_needs_the_old_one() {
        let mut rig = Rig::new("");
        assert!(!rig.pin.view(now(0)).set);
        rig.pin.change(now(0), None, secret("12ab"));
        assert_eq!(rig.settle(now(0)).answer, PinAnswer::Failed);
        rig.pin.change(now(0), None, secret("1234"));
        let view = rig.settle(now(0));
        assert_eq!((view.set, view.open, view.answer), (true, true, PinAnswer::Changed));
        assert!(rig.pin.stored.reveal().starts_with("$argon2id$"), "only a hash is kept");
        rig.pin.change(now(0), None, secret("5678"));
        assert_eq!(rig.settle(now(0)).answer, PinAnswer::Wrong);
        rig.pin.change(now(0), Some(secret("9999")), secret("5678"));
        let view = rig.settle(now(0));
        assert_eq!((view.answer, view.tries_left), (PinAnswer::Wrong, 4));
        rig.pin.change(now(0), Some(secret("1234")), secret(""));
        let view = rig.settle(now(0));
        assert_eq!((view.set, view.answer, view.tries_left), (false, PinAnswer::Changed, 5));
    }

    #[test]
    fn a_pin_that_was_changed_from_elsewhere_closes_the_pages() {
        let mut rig = Rig::new("4711");
        assert!(rig.enter(now(0), "4711").open);
        assert!(!rig.pin.settle(&secret("4711")) && rig.pin.view(now(0)).open);
        assert!(rig.pin.settle(&secret("1234")) && !rig.pin.view(now(0)).open);
        assert_eq!(rig.pin.plain().as_deref(), Some("1234"));
        rig.pin.keep("1234".into(), None);
        let Some(Done::Hashed(Ok(hashed), None)) = rig.done.blocking_recv() else { panic!("it is hashed") };
        assert!(rig.pin.settle(&secret(&hashed)) && rig.pin.plain().is_none());
        assert!(rig.enter(now(0), "1234").open);
    }
}
