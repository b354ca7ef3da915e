//! What the hardware of the panel reports.

use super::Loop;
use crate::channel::NoticeKind;
use crate::worker::board::Report;
use crate::worker::media::now;

impl Loop {
    pub(super) fn board_reports(&mut self, report: Report) {
        match report {
            Report::Ambient(lux) => self.phone.handle_ambient(now(), lux),
            Report::Door(open) => self.phone.handle_door(now(), open),
            Report::Trouble(device, trouble) => {
                let notice = trouble.map(|trouble| NoticeKind::Board { device, trouble });
                let stays = |kind: &NoticeKind| notice.as_ref() == Some(kind);
                let is_old = |kind: &NoticeKind| matches!(kind, NoticeKind::Board { device: of, .. } if *of == device);
                self.phone.clear_notices(|kind| is_old(kind) && !stays(kind));
                if let Some(notice) = notice {
                    tracing::warn!("{notice}");
                    self.phone.notice(notice);
                }
            }
        }
    }
}
