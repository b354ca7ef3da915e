//! The notices: what somebody should know until it is read or no longer true.

use std::sync::Arc;

use crate::channel::{Notice, NoticeKind};

/// More are not kept: a settings file can be wrong in every line.
const MOST: usize = 50;

/// The notices in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Notices {
    list: Vec<Notice>,
    last_id: u32,
}

impl Notices {
    /// Adds one, unless it is there already; says whether the list changed.
    pub fn add(&mut self, kind: NoticeKind) -> bool {
        if self.list.len() >= MOST || self.list.iter().any(|notice| notice.kind == kind) {
            return false;
        }
        self.last_id += 1;
        self.list.push(Notice { id: self.last_id, kind });
        true
    }

    /// Takes away what is no longer true; says whether the list changed.
    pub fn clear(&mut self, gone: impl Fn(&NoticeKind) -> bool) -> bool {
        let before = self.list.len();
        self.list.retain(|notice| !gone(&notice.kind));
        self.list.len() != before
    }

    /// Takes away one that was read; says whether the list changed.
    pub fn dismiss(&mut self, id: u32) -> bool {
        let before = self.list.len();
        self.list.retain(|notice| notice.id != id);
        self.list.len() != before
    }

    /// The whole list, what keeps the panel from its work first.
    pub fn all(&self) -> Arc<[Notice]> {
        let mut list = self.list.clone();
        list.sort_by_key(|notice| rank(&notice.kind));
        list.into()
    }
}

/// Whether calls do not come in or cannot be spoken in: somebody should look now, even if the screen sleeps.
pub(super) fn is_urgent(kind: &NoticeKind) -> bool {
    rank(kind) <= 1
}

/// The smaller, the more it keeps the panel from its work.
fn rank(kind: &NoticeKind) -> u8 {
    match kind {
        NoticeKind::PortTaken { .. } => 0,
        NoticeKind::Sound(_) => 1,
        NoticeKind::SettingsNotSaved(_) | NoticeKind::LogNotSaved(_) | NoticeKind::PicturesNotKept(_) => 2,
        NoticeKind::SettingsDamaged(_) => 3,
        NoticeKind::MissingPlugins { .. } | NoticeKind::Board { .. } => 4,
        NoticeKind::CertificateExpires { .. } => 5,
        NoticeKind::SettingsLine(_) => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::SoundFault;
    use crate::config::{DeviceFault, FileFault, Problem};

    #[test]
    fn a_notice_comes_once_and_goes_when_read_or_untrue() {
        let sound = || NoticeKind::Sound(SoundFault { microphone: Some(DeviceFault::None), loudspeaker: None });
        let mut notices = Notices::default();
        assert!(notices.add(sound()));
        assert!(!notices.add(sound()));
        assert!(notices.add(NoticeKind::LogNotSaved(FileFault::NoRoom.of("calls.jsonl"))));
        let id = notices.all()[1].id;
        assert!(notices.dismiss(id) && !notices.dismiss(id));
        assert!(notices.clear(|kind| matches!(kind, NoticeKind::Sound(_))));
        assert!(notices.all().is_empty());
        assert!(notices.add(sound()));
        assert_ne!(notices.all()[0].id, id, "numbers are not used again");
    }

    #[test]
    fn what_keeps_the_panel_from_its_work_comes_first() {
        let kinds = [
            NoticeKind::SettingsLine(Problem::Rest),
            NoticeKind::SettingsDamaged("config.toml.damaged-1".to_owned()),
            NoticeKind::LogNotSaved(FileFault::NoRoom.of("calls.jsonl")),
            NoticeKind::Sound(SoundFault { microphone: Some(DeviceFault::None), loudspeaker: None }),
        ];
        let mut notices = Notices::default();
        for kind in kinds.clone() {
            notices.add(kind);
        }
        assert!(notices.all().iter().map(|notice| &notice.kind).eq(kinds.iter().rev()));
    }
}
