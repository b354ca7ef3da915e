//! Work that waits for disks and sticks, each piece in a thread of its own beside the loop: what is slow or broken holds up
//! nothing else.

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use super::control::serve::Outcome;
use crate::config::FileFault;

/// Who waits for an answer on the control socket, if anybody.
pub type Waits = Option<oneshot::Sender<Outcome>>;

/// Gives work out; what a thread has done is a `D`.
#[derive(Debug)]
pub struct Errands<D> {
    /// What its threads are called.
    name: &'static str,
    /// The most pieces of work at a time: a stick that does not answer must not collect threads.
    most: usize,
    at_work: usize,
    done: UnboundedSender<D>,
}

impl<D: Send + 'static> Errands<D> {
    /// Nothing to do yet; what is done is told on `done`, and each of it to [`Errands::settle`].
    pub fn new(name: &'static str, most: usize, done: UnboundedSender<D>) -> Self {
        Self { name, most, at_work: 0, done }
    }

    /// Has this done.
    ///
    /// # Errors
    /// Why nothing is done, with whoever waits.
    pub fn begin(
        &mut self,
        waits: Waits,
        work: impl FnOnce(Waits) -> D + Send + 'static,
    ) -> Result<(), (FileFault, Waits)> {
        if self.at_work >= self.most {
            return Err((FileFault::NotDone, waits));
        }
        // Whoever waits goes along, and comes back if there is no thread.
        let (hand, taken) = std::sync::mpsc::channel();
        let done = self.done.clone();
        let begun = std::thread::Builder::new().name(self.name.into()).spawn(move || {
            if let Ok(waits) = taken.recv() {
                // The loop may have left.
                let _ = done.send(work(waits));
            }
        });
        match begun {
            Ok(_) => {
                self.at_work += 1;
                let _ = hand.send(waits);
                Ok(())
            }
            Err(error) => Err((error.into(), waits)),
        }
    }

    /// One piece of work is done.
    pub fn settle(&mut self) {
        self.at_work = self.at_work.saturating_sub(1);
    }
}
