//! The call log: shown only as far as it is on disk.
//!
//! A change goes out as [`LogChange`], waits here until the worker says that it is durable (or that it cannot be), and
//! only then joins what is shown. A `kill -9` in between loses a line that nobody has seen.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::SystemTime;

use super::output::LogChange;
use crate::channel::{CallResult, LogEntry, PictureName, VisitorPicture};

/// How many entries are kept.
pub const KEPT: usize = 1000;

/// How many of them may be calls that were not let in: they push out no others.
const KEPT_BLOCKED: usize = 200;

/// The entries, oldest first, and the changes on their way to the disk.
#[derive(Debug, Default)]
pub(super) struct CallLog {
    shown: Vec<LogEntry>,
    waiting: VecDeque<LogChange>,
}

impl CallLog {
    /// The log as it was loaded, oldest first.
    pub fn new(mut entries: Vec<LogEntry>) -> Self {
        entries.drain(..entries.len().saturating_sub(KEPT));
        Self { shown: entries, waiting: VecDeque::new() }
    }

    /// A call is over: the change to make durable.
    pub fn append(&mut self, entry: LogEntry) -> LogChange {
        if is_blocked(&entry) {
            let mut entries = self.expected();
            if entries.iter().filter(|entry| is_blocked(entry)).count() >= KEPT_BLOCKED {
                // The line of many callers stays as long as there are others: it says the most.
                let of_one = entries.iter().position(|entry| is_blocked(entry) && !entry.remote.is_empty());
                let oldest = of_one.or_else(|| entries.iter().position(is_blocked)).expect("there are so many");
                entries.remove(oldest);
                entries.push(entry);
                return self.change(LogChange::Replace(entries));
            }
        }
        self.change(LogChange::Append(Box::new(entry)))
    }

    /// Calls that were not let in have come so often by now; nothing to do for those that are no longer there.
    pub fn recount(&mut self, counted: &[LogEntry]) -> Option<LogChange> {
        let mut entries = self.expected();
        let mut changed = false;
        for line in counted {
            let same = |entry: &&mut LogEntry| {
                is_blocked(entry) && (entry.at, &entry.remote, entry.account) == (line.at, &line.remote, line.account)
            };
            if let Some(entry) = entries.iter_mut().rev().find(same) {
                changed |= entry.attempts != line.attempts;
                entry.attempts = line.attempts;
            }
        }
        changed.then(|| self.change(LogChange::Replace(entries)))
    }

    /// The log was opened; nothing to do when nothing was unseen.
    pub fn seen(&mut self) -> Option<LogChange> {
        let mut entries = self.expected();
        if !entries.iter().any(|entry| entry.unseen) {
            return None;
        }
        entries.iter_mut().for_each(|entry| entry.unseen = false);
        Some(self.change(LogChange::Replace(entries)))
    }

    /// Forgets everything; nothing to do when there is nothing.
    pub fn clear(&mut self) -> Option<LogChange> {
        (!self.expected().is_empty()).then(|| self.change(LogChange::Replace(Vec::new())))
    }

    /// The picture of a visitor who has left already: into the line of the call that began then. Nothing to do where there is
    /// no such line.
    pub fn attach(&mut self, began: SystemTime, picture: &VisitorPicture) -> Option<LogChange> {
        let mut entries = self.expected();
        let same = |entry: &&mut LogEntry| entry.at == began && !entry.outgoing && !is_blocked(entry);
        entries.iter_mut().rev().find(same)?.picture = Some(picture.clone());
        Some(self.change(LogChange::Replace(entries)))
    }

    /// Takes the pictures for which `gone` holds out of their lines; nothing to do where there are none.
    pub fn strip(&mut self, gone: impl Fn(&PictureName) -> bool) -> Option<LogChange> {
        let mut entries = self.expected();
        let mut changed = false;
        for entry in &mut entries {
            changed |= entry.picture.take_if(|picture| gone(&picture.file)).is_some();
        }
        changed.then(|| self.change(LogChange::Replace(entries)))
    }

    /// The pictures of the log as it will be once all that waits is durable, oldest first, each with when its call began.
    pub fn pictures(&self) -> Vec<(SystemTime, VisitorPicture)> {
        let entries = self.expected();
        entries.into_iter().filter_map(|entry| Some((entry.at, entry.picture?))).collect()
    }

    /// True when there is a line of this call, or will be.
    pub fn holds(&self, call: &LogEntry) -> bool {
        self.expected().iter().any(|entry| (entry.at, &entry.remote) == (call.at, &call.remote))
    }

    /// The oldest waiting change is durable, or will never be: it joins what is shown. The pictures that no line has any
    /// longer.
    pub fn settled(&mut self) -> Vec<PictureName> {
        let Some(change) = self.waiting.pop_front() else { return Vec::new() };
        let before = names(&self.shown);
        apply(&mut self.shown, change);
        if before.is_empty() {
            return Vec::new();
        }
        let after = names(&self.shown);
        before.into_iter().filter(|name| !after.contains(name)).collect()
    }

    /// What is shown, newest first.
    pub fn shown(&self) -> Arc<[LogEntry]> {
        self.shown.iter().rev().cloned().collect()
    }

    /// How many missed calls nobody has looked at.
    pub fn missed(&self) -> usize {
        LogEntry::missed(&self.shown)
    }

    /// Whether changes are on their way to the disk.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    fn change(&mut self, change: LogChange) -> LogChange {
        self.waiting.push_back(change.clone());
        change
    }

    /// What the log will be once all that waits is durable.
    fn expected(&self) -> Vec<LogEntry> {
        let mut entries = self.shown.clone();
        self.waiting.iter().cloned().for_each(|change| apply(&mut entries, change));
        entries
    }
}

fn names(entries: &[LogEntry]) -> BTreeSet<PictureName> {
    entries.iter().filter_map(|entry| Some(entry.picture.as_ref()?.file.clone())).collect()
}

fn is_blocked(entry: &LogEntry) -> bool {
    entry.result == CallResult::Blocked
}

fn apply(entries: &mut Vec<LogEntry>, change: LogChange) {
    match change {
        LogChange::Append(entry) => {
            entries.push(*entry);
            entries.drain(..entries.len().saturating_sub(KEPT));
        }
        LogChange::Replace(all) => *entries = all,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::channel::CallHandle;

    fn entry(name: &str) -> LogEntry {
        LogEntry::of_visitor(name)
    }

    #[test]
    fn nothing_is_shown_before_it_is_durable() {
        let mut log = CallLog::new(vec![entry("old")]);
        log.append(entry("new"));
        assert_eq!((log.shown().len(), log.missed()), (1, 1));
        log.settled();
        assert_eq!(log.shown()[0].name, "new");
        assert_eq!(log.missed(), 2);
    }

    #[test]
    fn seen_covers_what_is_still_on_its_way() {
        let mut log = CallLog::new(Vec::new());
        log.append(entry("a"));
        let change = log.seen();
        assert!(matches!(&change, Some(LogChange::Replace(entries)) if entries.len() == 1 && !entries[0].unseen));
        log.settled();
        assert_eq!(log.missed(), 1);
        log.settled();
        assert_eq!((log.missed(), log.shown().len()), (0, 1));
        assert_eq!(log.seen(), None);
    }

    #[test]
    fn calls_that_were_not_let_in_push_out_none_but_their_like() {
        let blocked = |n: usize| LogEntry { result: CallResult::Blocked, ..entry(&n.to_string()) };
        let mut log = CallLog::new((0..10).map(|n| entry(&n.to_string())).collect());
        for n in 0..3 * KEPT_BLOCKED {
            log.append(blocked(n));
            log.settled();
        }
        let shown = log.shown();
        assert_eq!(shown.iter().filter(|entry| is_blocked(entry)).count(), KEPT_BLOCKED);
        assert_eq!((shown.len(), shown[0].name.as_str()), (KEPT_BLOCKED + 10, "599"));
        let last = LogEntry { attempts: 7, ..shown[0].clone() };
        assert!(log.recount(std::slice::from_ref(&last)).is_some());
        assert_eq!(log.recount(std::slice::from_ref(&last)), None, "it is there already");
        log.settled();
        assert_eq!(log.shown()[0].attempts, 7);
    }

    fn picture(n: u32) -> VisitorPicture {
        VisitorPicture { file: PictureName::of(SystemTime::UNIX_EPOCH, CallHandle(n)), bytes: 1 }
    }

    #[test]
    fn pictures_go_with_their_lines_once_these_are_gone_from_the_disk() {
        let mut log = CallLog::new(vec![LogEntry { picture: Some(picture(1)), ..entry("a") }]);
        assert!(log.attach(SystemTime::UNIX_EPOCH + Duration::from_secs(1), &picture(2)).is_none(), "no such line");
        let later = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        log.append(LogEntry { at: later, ..entry("b") });
        assert!(log.attach(later, &picture(2)).is_some(), "into a line that is on its way");
        assert_eq!(log.pictures(), [(SystemTime::UNIX_EPOCH, picture(1)), (later, picture(2))]);
        assert_eq!(log.strip(|name| *name == picture(3).file), None);
        assert!(log.strip(|name| *name == picture(1).file).is_some());
        assert!(log.settled().is_empty() && log.settled().is_empty());
        assert_eq!(log.settled(), [picture(1).file]);
        assert_eq!(log.shown()[0].picture, Some(picture(2)));
        assert!(log.clear().is_some());
        assert_eq!(log.pictures(), []);
        assert_eq!(log.settled(), [picture(2).file]);
    }

    #[test]
    fn a_line_that_is_pushed_out_takes_its_picture_along() {
        let first = LogEntry { picture: Some(picture(1)), ..entry("first") };
        let mut log = CallLog::new([first].into_iter().chain((1..KEPT).map(|n| entry(&n.to_string()))).collect());
        log.append(entry("last"));
        assert_eq!(log.settled(), [picture(1).file]);
    }

    #[test]
    fn it_is_bounded() {
        let mut log = CallLog::new((0..KEPT + 5).map(|n| entry(&n.to_string())).collect());
        assert_eq!(log.shown().last().map(|entry| entry.name.clone()).as_deref(), Some("5"));
        log.append(entry("last"));
        log.settled();
        assert_eq!(log.shown().len(), KEPT);
        assert!(log.clear().is_some() && log.clear().is_none());
    }
}
