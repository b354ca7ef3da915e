//! What a person does, and which call is meant when none is named.

use super::call::{Call, Stage};
use super::keys::{Purpose, checked};
use super::output::MediaOrder;
use super::{Now, Phone};
use crate::channel::{CallHandle, Command, Done, EndReason, Event, Refusal};

impl Phone {
    /// A command from the screen or the control socket.
    ///
    /// # Errors
    /// Why it was not carried out; nothing has changed then.
    pub fn handle_command(&mut self, now: Now, command: Command) -> Result<Done, Refusal> {
        let done = self.carry_out(now, command);
        self.settle(now);
        done
    }

    fn carry_out(&mut self, now: Now, command: Command) -> Result<Done, Refusal> {
        match command {
            Command::Dial { text, account } => self.dial(now, &text, account),
            Command::Answer(call) => {
                let handle = self.meant(call, Call::rings_here)?;
                self.answer(now, handle)
            }
            Command::Decline(call) => {
                let handle = self.meant(call, Call::rings_here)?;
                self.decline(now, handle)
            }
            Command::End(call) => {
                let handle = self.meant(call, |_| true)?;
                self.end(now, handle)
            }
            Command::Hold(call) => {
                let handle = self.meant(call, Call::is_active)?;
                self.hold(now, handle, true)
            }
            Command::Resume(call) => {
                let handle = self.meant(call, |call| call.talking().is_some_and(|talking| talking.held))?;
                self.hold(now, handle, false)
            }
            Command::Unlock(call) => {
                let handle = self.meant(call, |_| true)?;
                self.unlock(now, handle)
            }
            Command::UnlockDoor(name) => self.unlock_door(now, &name),
            Command::Look(call) => self.look(call),
            Command::Silence(call) => {
                let handle = self.meant(call, Call::rings_here)?;
                self.silence(handle)
            }
            Command::Dtmf(digits) => self.dtmf(now, &digits),
            Command::Mute(on) => self.mute(on),
            Command::SendCamera(on) => {
                let handle = self.meant(None, |call| call.talking().is_some())?;
                self.send_camera(now, handle, on)
            }
            Command::Volume(level) => self.set(now, "audio.volume", &level.to_string()),
            Command::KeyTone(key) => {
                if self.config.audio_key_tones {
                    self.order(MediaOrder::KeyTone(key));
                }
                Ok(Done::Ok)
            }
            Command::Dnd(mode, term) => Ok(self.switch_dnd(now, mode, term)),
            Command::Set { key, value } => self.set(now, &key, &value),
            Command::Rules(change) => self.change_rules(now, change),
            Command::TestAccount(account) => Ok(self.test_account(now, account)),
            Command::AddContact(entry) => self.add_contact(now, *entry),
            Command::ChangeContact { which, entry } => self.change_contact(now, &which, *entry),
            Command::RemoveContact(which) => self.remove_contact(now, &which),
            Command::LogSeen => {
                let change = self.log.seen();
                self.outputs.extend(change.map(super::Output::SaveLog));
                Ok(Done::Ok)
            }
            Command::AllowCaller { at, remote } => self.allow_caller(now, at, &remote),
            Command::ClearLog => {
                self.blocked.clear();
                let change = self.log.clear();
                self.outputs.extend(change.map(super::Output::SaveLog));
                Ok(Done::Ok)
            }
            Command::DropPicture(file) => {
                self.strip_pictures(|name| *name == file);
                Ok(Done::Ok)
            }
            Command::DropPictures => {
                self.strip_pictures(|_| true);
                Ok(Done::Ok)
            }
            Command::DismissNotice(id) => {
                let changed = self.notices.dismiss(id);
                self.tell_notices(changed);
                Ok(Done::Ok)
            }
            Command::Wake => Ok(self.wake(now)),
            Command::Sleep => self.sleep(),
            Command::Shown(screen) => {
                self.screen = screen;
                Ok(Done::Ok)
            }
            // Questions to the screen are between it and whoever asked; PIN and files are the worker's, no matter of calls.
            Command::Answered { .. }
            | Command::Here
            | Command::EnterPin(_)
            | Command::SetPin { .. }
            | Command::LockPin
            | Command::ImportCertificate { .. }
            | Command::ListCertificateFiles
            | Command::ImportContacts(_)
            | Command::ExportContacts(_)
            | Command::ListContactFiles
            | Command::ShowPicture { .. } => Ok(Done::Ok),
            Command::Quit => {
                self.quit(now);
                Ok(Done::Ok)
            }
        }
    }

    /// The call that a command means: the one named, else the one on the screen if it fits, else the first that fits.
    /// A named call that does not fit is left to the command, which says why.
    fn meant(&self, named: Option<CallHandle>, fits: impl Fn(&Call) -> bool) -> Result<CallHandle, Refusal> {
        if let Some(named) = named {
            return self.calls.contains_key(&named).then_some(named).ok_or(Refusal::NoCall);
        }
        let current = self.current.and_then(|handle| self.calls.get(&handle));
        let fitting = current.filter(|call| fits(call)).or_else(|| self.calls.values().find(|call| fits(call)));
        fitting.or(current).map(|call| call.handle).ok_or(Refusal::NoCall)
    }

    fn end(&mut self, now: Now, handle: CallHandle) -> Result<Done, Refusal> {
        let rings = self.calls.get(&handle).is_some_and(Call::rings_here);
        if rings {
            return self.decline(now, handle);
        }
        self.end_call(now, handle, EndReason::Local, 0);
        Ok(Done::Ok)
    }

    fn look(&mut self, handle: CallHandle) -> Result<Done, Refusal> {
        let call = self.calls.get(&handle).ok_or(Refusal::NoCall)?;
        if !call.rings_here() {
            return Err(Refusal::WrongState(call.state()));
        }
        if !self.on_screen().is_some_and(Call::is_active) {
            self.current = Some(handle);
        }
        Ok(Done::Ok)
    }

    fn silence(&mut self, handle: CallHandle) -> Result<Done, Refusal> {
        let call = self.calls.get_mut(&handle).ok_or(Refusal::NoCall)?;
        if !call.rings_here() {
            return Err(Refusal::WrongState(call.state()));
        }
        call.silent = true;
        self.touch(handle);
        Ok(Done::Ok)
    }

    fn dtmf(&mut self, now: Now, digits: &str) -> Result<Done, Refusal> {
        let digits = checked(digits)?;
        let handle = self.meant(None, |_| true)?;
        let call = self.calls.get(&handle).ok_or(Refusal::NoCall)?;
        if !matches!(call.stage, Stage::Talking(_)) && (call.media.streams.is_none() || call.is_undecided()) {
            return Err(Refusal::WrongState(call.state()));
        }
        if !digits.is_empty() {
            self.send_keys(now, handle, &digits, Purpose::Keypad);
        }
        Ok(Done::Ok)
    }

    /// Mutes the call that is spoken in, or else the one on the screen.
    fn mute(&mut self, on: bool) -> Result<Done, Refusal> {
        let handle = self.meant(None, Call::is_active)?;
        let call = self.calls.get_mut(&handle).ok_or(Refusal::NoCall)?;
        if call.muted != on {
            call.muted = on;
            self.touch(handle);
            self.sync_media(handle);
        }
        Ok(Done::Ok)
    }

    /// A command from the screen failed: the screen is told.
    pub fn refuse(&mut self, refusal: Refusal) {
        self.tell(Event::Refused(refusal));
    }
}
