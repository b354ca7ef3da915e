//! Kept pictures of visitors between the media, the phone, the screen and the threads that write and read them.

use super::Loop;
use crate::channel::{CallHandle, Event};
use crate::media::video::Still;
use crate::worker::media::now;
use crate::worker::visitors::Done;

impl Loop {
    /// A picture was taken: to the disk with it, if it is still wanted.
    pub(super) fn keep_picture(&mut self, call: CallHandle, still: Still) {
        let Some(name) = self.phone.begin_picture(call) else { return };
        if let Err(problem) = self.kept_pictures.keep(call, name.clone(), still) {
            self.phone.handle_picture(now(), call, name, Err(problem));
        }
    }

    /// A thread has done its work.
    pub(super) fn picture_done(&mut self, done: Done) {
        self.kept_pictures.settle(&done);
        match done {
            Done::Kept { call, name, result } => {
                if let Err(problem) = &result {
                    tracing::warn!("call {}: the picture of the visitor cannot be kept: {problem}", call.0);
                }
                self.phone.handle_picture(now(), call, name, result);
            }
            Done::Read { file, size, picture } => self.tell(Event::Picture { file, size, picture }),
            Done::Removed => {}
        }
    }
}
