//! What the screen knows, and which call and page follow from it.
//!
//! A call brings up its own page over whatever page is open beneath; when it is over, that page is there again, with all
//! that was half typed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::gallery::{Gallery, Seen, Whose};
use super::{account, contacts, log, pin, rules, settings};
use crate::channel::{
    Account, AccountChoice, CallDirection, CallHandle, CallState, CallView, DirectIpView, DndServerView, LightView,
    LogEntry, Notice, RegistrationView, UnlockState, WiredDoorView,
};
use crate::config::Config;
use screens as ui;

/// All that the worker reported and a person has begun.
pub(super) struct State {
    pub(super) config: Arc<Config>,
    pub(super) calls: BTreeMap<CallHandle, CallView>,
    /// The Unlock keys of doors outside any call that show something, by the name of the contact.
    pub(super) door_keys: HashMap<String, UnlockState>,
    /// The call that has just ended, as long as its end is shown.
    pub(super) ended: Option<CallView>,
    pub(super) log: Arc<[LogEntry]>,
    pub(super) log_tab: ui::LogTab,
    /// So many lines, the newest, came in while somebody looked further down, and are not listed yet.
    pub(super) log_held_back: usize,
    pub(super) direct_ip: DirectIpView,
    pub(super) registrations: [RegistrationView; 2],
    pub(super) dnd_servers: [DndServerView; 2],
    pub(super) notices: Arc<[Notice]>,
    pub(super) light: LightView,
    pub(super) wired_door: WiredDoorView,
    /// The page beneath the calls.
    pub(super) base: ui::Page,
    pub(super) entry: String,
    pub(super) account: AccountChoice,
    /// What the last call on the dial pad dialled, for Call again.
    pub(super) dialled: Option<String>,
    /// Keys sent in the call on the screen.
    pub(super) sent_keys: String,
    /// Which call the picture on the screen belongs to, once its first frame came.
    pub(super) live: Option<CallHandle>,
    /// The last picture of everybody who was seen.
    pub(super) pictures: HashMap<Whose, Seen>,
    /// Kept pictures of visitors that were read.
    pub(super) gallery: Gallery,
    /// The line of the call log that is open.
    pub(super) opened: Option<log::Opened>,
    /// The call that has the screen, as the phone says: its camera is the one whose pictures come.
    pub(super) on_screen: Option<CallHandle>,
    /// Whom of several that ring into a call the banner is to show.
    pub(super) second_wanted: Option<CallHandle>,
    /// The call in front, and its page.
    pub(super) shown: Option<(CallHandle, ui::Page)>,
    /// The group of settings that is open, and the page of its account.
    pub(super) group: ui::SettingsGroup,
    pub(super) account_page: ui::AccountPage,
    /// The key of the setting that is being typed or chosen.
    pub(super) editing: Option<String>,
    /// The value of a setting that was refused.
    pub(super) fault: Option<settings::Fault>,
    /// The files that a certificate can be taken from, while one is looked for.
    pub(super) files: settings::Files,
    pub(super) contacts: contacts::Contacts,
    /// The account that is being tried.
    pub(super) trial: Option<account::Trial>,
    /// The account that was chosen for a call and is not registered, while the other one is.
    pub(super) unregistered: Option<Account>,
    pub(super) pin: pin::PinPad,
    /// What is being done with the dial plan.
    pub(super) rules: rules::Page,
}

impl Default for State {
    fn default() -> Self {
        Self {
            config: Arc::default(),
            calls: BTreeMap::new(),
            door_keys: HashMap::new(),
            ended: None,
            log: Arc::default(),
            log_tab: ui::LogTab::All,
            log_held_back: 0,
            direct_ip: DirectIpView::default(),
            registrations: [1, 2].map(|account| RegistrationView { account, ..Default::default() }),
            dnd_servers: Default::default(),
            notices: Arc::default(),
            light: LightView::default(),
            wired_door: WiredDoorView::default(),
            base: ui::Page::Home,
            entry: String::new(),
            account: AccountChoice::Auto,
            dialled: None,
            sent_keys: String::new(),
            live: None,
            pictures: HashMap::new(),
            gallery: Gallery::default(),
            opened: None,
            on_screen: None,
            second_wanted: None,
            shown: None,
            group: ui::SettingsGroup::Calls,
            account_page: ui::AccountPage::Basic,
            editing: None,
            fault: None,
            files: settings::Files::default(),
            contacts: contacts::Contacts::default(),
            trial: None,
            unregistered: None,
            pin: pin::PinPad::default(),
            rules: rules::Page::default(),
        }
    }
}

impl State {
    /// The call that the screen is about.
    pub(super) fn front(&self) -> Option<&CallView> {
        self.first(|call| call.state == CallState::Confirmed)
            .or_else(|| self.ringing(self.on_screen))
            .or_else(|| self.first(rings_here))
            .or_else(|| self.first(|call| call.direction == CallDirection::Out && is_ringing(call)))
            .or_else(|| self.first(|call| call.state == CallState::Held))
            .or(self.ended.as_ref())
    }

    fn first(&self, wanted: impl Fn(&CallView) -> bool) -> Option<&CallView> {
        self.calls.values().find(|call| wanted(call))
    }

    /// This call, if it rings here.
    fn ringing(&self, call: Option<CallHandle>) -> Option<&CallView> {
        call.and_then(|call| self.calls.get(&call)).filter(|call| rings_here(call))
    }

    /// The picture on the screen is that of the call in front, or none.
    pub(super) fn keep_live(&mut self) {
        self.live = self.live.filter(|call| self.front().is_some_and(|front| front.call == *call));
    }

    /// Who rings into the call in front.
    pub(super) fn second(&self) -> Option<&CallView> {
        self.front().filter(|front| !rings_here(front))?;
        self.ringing(self.second_wanted).or_else(|| self.first(rings_here))
    }

    /// Who rings besides the call in front and the second one.
    pub(super) fn others(&self) -> impl Iterator<Item = &CallView> {
        let shown = [self.front(), self.second()].map(|call| call.map(|call| call.call));
        self.calls.values().filter(move |call| rings_here(call) && !shown.contains(&Some(call.call)))
    }

    /// Notes what the screen is about now, and tells what has become of it.
    pub(super) fn note_shown(&mut self) -> Shown {
        let shown = self.front().map(|call| (call.call, self.page()));
        let was_before = std::mem::replace(&mut self.shown, shown);
        let took_over = was_before.is_some_and(|(before, _)| !self.calls.contains_key(&before));
        match shown {
            _ if shown == was_before => Shown::AsBefore,
            Some((_, ui::Page::Ringing)) => Shown::ByItself,
            Some((_, ui::Page::InCall)) if took_over => Shown::ByItself,
            _ => Shown::AsAsked,
        }
    }

    /// The call that waits on hold behind the one in front.
    pub(super) fn waiting(&self) -> Option<&CallView> {
        let front = self.front()?.call;
        self.calls.values().find(|call| call.call != front && call.state == CallState::Held)
    }

    /// The page that follows from all this.
    pub(super) fn page(&self) -> ui::Page {
        let Some(call) = self.front() else { return self.base };
        if call.answered.is_some() {
            ui::Page::InCall
        } else if call.direction == CallDirection::In {
            ui::Page::Ringing
        } else {
            ui::Page::Calling
        }
    }

    /// Calls that nobody answered and nobody has looked at since.
    pub(super) fn missed(&self) -> usize {
        LogEntry::missed(&self.log)
    }
}

/// What has become of what the screen is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// Nothing.
    AsBefore,
    /// A call rings, or stands in the place of one that is over: no finger has asked for it.
    ByItself,
    /// Somebody wanted it so.
    AsAsked,
}

/// Whether it is for us to answer.
pub(super) fn rings_here(call: &CallView) -> bool {
    call.direction == CallDirection::In && is_ringing(call)
}

fn is_ringing(call: &CallView) -> bool {
    matches!(call.state, CallState::Calling | CallState::Ringing | CallState::Early)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::ui::shots::calls::view;

    fn with(calls: &[CallView]) -> State {
        State { calls: calls.iter().map(|call| (call.call, call.clone())).collect(), ..State::default() }
    }

    fn front(state: &State) -> Option<u32> {
        state.front().map(|call| call.call.0)
    }

    fn others(state: &State) -> Vec<u32> {
        state.others().map(|call| call.call.0).collect()
    }

    #[test]
    fn of_several_that_ring_the_one_on_the_screen_is_in_front() {
        let mut state = with(&[view(1, "Front door"), view(2, "Courtyard"), view(3, "Anna")]);
        assert_eq!((front(&state), others(&state)), (Some(1), vec![2, 3]));
        state.on_screen = Some(CallHandle(2));
        assert_eq!((front(&state), others(&state)), (Some(2), vec![1, 3]));
        assert!(state.second().is_none());
        state.calls.remove(&CallHandle(2));
        assert_eq!((front(&state), others(&state)), (Some(1), vec![3]));
    }

    #[test]
    fn into_a_conversation_one_rings_in_the_banner_and_the_others_beside_it() {
        let spoken = CallView { state: CallState::Confirmed, answered: Some(Instant::now()), ..view(1, "Anna") };
        let mut state = with(&[spoken, view(2, "Front door"), view(3, "Courtyard")]);
        let second = |state: &State| state.second().map(|call| call.call.0);
        assert_eq!((front(&state), second(&state), others(&state)), (Some(1), Some(2), vec![3]));
        state.second_wanted = Some(CallHandle(3));
        assert_eq!((front(&state), second(&state), others(&state)), (Some(1), Some(3), vec![2]));
    }

    #[test]
    fn a_call_comes_up_by_itself_when_it_rings_or_when_the_one_before_it_is_over() {
        let answered = |call: u32, state| CallView { state, answered: Some(Instant::now()), ..view(call, "Anna") };
        let mut state = with(&[view(1, "Front door"), view(2, "Courtyard")]);
        assert_eq!(state.note_shown(), Shown::ByItself);
        assert_eq!(state.note_shown(), Shown::AsBefore);
        state.calls.remove(&CallHandle(1));
        assert_eq!(state.note_shown(), Shown::ByItself, "another one is on the same page");
        state.calls.insert(CallHandle(2), answered(2, CallState::Confirmed));
        assert_eq!(state.note_shown(), Shown::AsAsked, "it was answered, and End works at once");
        state.calls.insert(CallHandle(2), answered(2, CallState::Held));
        state.calls.insert(CallHandle(3), answered(3, CallState::Confirmed));
        assert_eq!(state.note_shown(), Shown::AsAsked, "a finger has changed them");
        state.calls.remove(&CallHandle(3));
        assert_eq!(state.note_shown(), Shown::ByItself, "the one on hold is there since the other has hung up");
    }
}
