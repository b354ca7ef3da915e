//! What the screen knows, and which page follows from it.
//!
//! A call brings up its own page over whatever page is open beneath; when it is over, that page is there again, with all
//! that was half typed.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use slint::{ComponentHandle, Timer, TimerMode, Weak};
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;

use super::gallery::{self, Gallery, Seen};
use super::generated as ui;
use super::picture::Canvas;
use super::zoom::Zoom;
use super::{
    account, call, contacts, convert, dial, finger, home, light, log, pages, pin, rules, settings, text_entry,
};
use crate::channel::{
    Account, AccountChoice, CallDirection, CallHandle, CallState, CallView, Command, DirectIpView, DndServerView,
    EndReason, Event, LightView, LogEntry, Notice, Refusal, RegistrationView, Screen, ScreenRequest, UnlockState,
    WiredDoorView,
};
use crate::config::Config;
use crate::frame::FrameSlot;

/// How long the end of a call that somebody spoke in stays on the screen.
const GOODBYE: Duration = Duration::from_secs(2);
/// How long the reason stays on the screen for which a call did not come about.
const FAILURE: Duration = Duration::from_secs(12);
/// The worker is told of touches once in so long.
const TOLD: Duration = Duration::from_secs(1);
/// How long a refusal stays on the screen.
const REFUSAL: Duration = Duration::from_secs(5);

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
    /// The last picture from each host.
    pub(super) pictures: HashMap<String, Seen>,
    /// Kept pictures of visitors that were read.
    pub(super) gallery: Gallery,
    /// The line of the call log that is open.
    pub(super) opened: Option<log::Opened>,
    /// Since when the ringing page is up: touches are ignored at first.
    pub(super) ringing_since: Option<Instant>,
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
            ringing_since: None,
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
        let first = |wanted: &dyn Fn(&CallView) -> bool| self.calls.values().find(|call| wanted(call));
        first(&|call| call.state == CallState::Confirmed)
            .or_else(|| first(&|call| call.direction == CallDirection::In && is_ringing(call)))
            .or_else(|| first(&|call| call.direction == CallDirection::Out && is_ringing(call)))
            .or_else(|| first(&|call| call.state == CallState::Held))
            .or(self.ended.as_ref())
    }

    /// Who rings while another call is in front.
    pub(super) fn second(&self) -> Option<&CallView> {
        let front = self.front()?.call;
        self.calls.values().find(|call| call.call != front && call.direction == CallDirection::In && is_ringing(call))
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

fn is_ringing(call: &CallView) -> bool {
    matches!(call.state, CallState::Calling | CallState::Ringing | CallState::Early)
}

/// The panel's screen: the window, what it knows, and the way to the worker.
pub(super) struct Panel {
    pub(super) window: Weak<ui::AppWindow>,
    pub(super) state: RefCell<State>,
    commands: UnboundedSender<Command>,
    /// Whether [`Panel::drawn`] is called after each picture; else a page counts as shown when it is set.
    hears_drawing: bool,
    pub(super) zoom: Zoom,
    reported: Cell<Option<Screen>>,
    /// What scripts have asked for and was not done yet.
    asked: RefCell<VecDeque<(u64, ScreenRequest)>>,
    finger_down: Cell<bool>,
    /// When the worker was last told that somebody is there.
    told_of_touch: Cell<Option<Instant>>,
    seconds: Timer,
    minute: Timer,
    idle: Timer,
    lock: Timer,
    goodbye: Timer,
    refusal: Timer,
}

impl Panel {
    /// The panel of this window.
    pub(super) fn new(window: &ui::AppWindow, commands: UnboundedSender<Command>, hears_drawing: bool) -> Rc<Self> {
        Rc::new(Self {
            window: window.as_weak(),
            state: RefCell::default(),
            commands,
            hears_drawing,
            zoom: Zoom::default(),
            reported: Cell::new(None),
            asked: RefCell::default(),
            finger_down: Cell::new(false),
            told_of_touch: Cell::new(None),
            seconds: Timer::default(),
            minute: Timer::default(),
            idle: Timer::default(),
            lock: Timer::default(),
            goodbye: Timer::default(),
            refusal: Timer::default(),
        })
    }

    /// Joins all twins to their pages and shows the first picture.
    pub(super) fn connect(self: &Rc<Self>) {
        let Some(window) = self.window.upgrade() else { return };
        pages::connect(&window, self);
        home::connect(&window, self);
        dial::connect(&window, self);
        call::connect(&window, self);
        log::connect(&window, self);
        contacts::connect(&window, self);
        settings::connect(&window, self);
        account::connect(&window, self);
        rules::connect(&window, self);
        pin::connect(&window, self);
        text_entry::connect(&window, self);
        light::connect(&window, self);
        self.show_clock();
        home::apply(&window, &self.state.borrow());
        log::apply(&window, &self.state.borrow());
        contacts::apply_list(&window, &self.state.borrow());
        settings::apply(&window, &self.state.borrow());
        rules::apply(&window, &self.state.borrow());
        pin::show(self);
        self.show();
        self.wait_for_idle();
    }

    /// Sends the worker what was tapped. When the worker has left, the window closes by itself.
    pub(super) fn send(&self, command: Command) {
        if self.commands.send(command).is_err() {
            tracing::debug!("the worker has left");
        }
    }

    /// The window was closed: the calls end, the worker leaves.
    pub(super) fn leave(&self) {
        self.send(Command::Quit);
    }

    /// Changes the state and shows what follows.
    pub(super) fn change(self: &Rc<Self>, change: impl FnOnce(&mut State)) {
        change(&mut self.state.borrow_mut());
        self.show();
    }

    /// Takes one report of the worker.
    pub(super) fn handle_event(self: &Rc<Self>, event: Event) {
        let Some(window) = self.window.upgrade() else { return };
        match event {
            Event::Settings(config) => {
                let before = std::mem::replace(&mut self.state.borrow_mut().config, config);
                {
                    let State { config, door_keys, .. } = &mut *self.state.borrow_mut();
                    door_keys.retain(|name, _| config.doors().any(|door| door.name == *name));
                }
                contacts::handle_change(&window, &mut self.state.borrow_mut(), &before.contacts);
                settings::handle_change(&mut self.state.borrow_mut());
                pages::apply_settings(&window, &self.state.borrow());
                self.zoom.apply(window.window(), self.state.borrow().config.display_scale);
                home::apply(&window, &self.state.borrow());
                log::apply(&window, &self.state.borrow());
                settings::apply(&window, &self.state.borrow());
                rules::apply(&window, &self.state.borrow());
                gallery::settle(self);
                if before.time_zone != self.state.borrow().config.time_zone {
                    self.show_clock();
                }
                self.wait_for_idle();
            }
            Event::Call(view) => self.handle_call(*view),
            Event::DoorKey(view) => {
                let mut state = self.state.borrow_mut();
                match view.unlock {
                    UnlockState::Idle => drop(state.door_keys.remove(&view.name)),
                    unlock => drop(state.door_keys.insert(view.name, unlock)),
                }
                home::apply(&window, &state);
            }
            Event::DirectIp(view) => self.state.borrow_mut().direct_ip = view,
            Event::Registration(view) => {
                let mut state = self.state.borrow_mut();
                if let Some(place) =
                    usize::from(view.account).checked_sub(1).and_then(|at| state.registrations.get_mut(at))
                {
                    *place = view;
                }
            }
            Event::DndServers(views) => {
                self.state.borrow_mut().dnd_servers = views;
                settings::apply(&window, &self.state.borrow());
            }
            Event::Log(entries) => {
                self.state.borrow_mut().log = entries;
                log::settle(&mut self.state.borrow_mut());
                gallery::settle(self);
                log::apply(&window, &self.state.borrow());
                home::apply(&window, &self.state.borrow());
            }
            Event::Light(view) => light::handle(self, &window, view),
            Event::WiredDoor(view) => {
                self.state.borrow_mut().wired_door = view;
                home::apply(&window, &self.state.borrow());
            }
            Event::Notices(notices) => self.state.borrow_mut().notices = notices,
            Event::AccountTest(view) => account::handle_test(&mut self.state.borrow_mut(), view),
            Event::Pin(view) => pin::handle(self, view),
            Event::Refused(Refusal::NotRegistered { account, other_is: true }) => {
                self.state.borrow_mut().unregistered = Some(account);
            }
            Event::Refused(Refusal::Certificate(problem)) if settings::handle_refused_file(self, &problem) => {}
            Event::Refused(Refusal::ContactFile { file, fault })
                if contacts::handle_refused_file(self, &file, &fault) => {}
            Event::Refused(Refusal::Book(error)) if contacts::handle_refused(self, &error) => {}
            Event::Refused(refusal) => {
                pages::show_refusal(&window, convert::refusal(&refusal));
                let weak = self.window.clone();
                self.refusal.start(TimerMode::SingleShot, REFUSAL, move || {
                    if let Some(window) = weak.upgrade() {
                        pages::show_refusal(&window, ui::RefusalView::default());
                    }
                });
            }
            Event::Ask { ask, request } => {
                self.asked.borrow_mut().push_back((ask, request));
                self.carry_out(&window);
            }
            Event::CertificateFiles(files) => settings::handle_files(self, files),
            Event::ContactFiles { files, folders } => contacts::handle_files(self, files, &folders),
            Event::ContactsImported(imported) => contacts::handle_imported(self, &imported),
            Event::ContactsExported { file, count } => contacts::handle_exported(self, &file, count),
            Event::Picture { file, size, picture } => gallery::handle(self, &window, file, size, picture),
            Event::AreYouThere => return self.send(Command::Here),
            Event::Bye => {}
        }
        self.show();
    }

    fn handle_call(self: &Rc<Self>, view: CallView) {
        let mut state = self.state.borrow_mut();
        let new_in_front = state.front().is_none_or(|front| front.call != view.call);
        if view.state != CallState::Ended {
            if !state.calls.contains_key(&view.call) {
                state.ended = None;
            }
            state.calls.insert(view.call, view);
            if new_in_front
                && state.front().is_some_and(|front| front.direction == CallDirection::In && front.answered.is_none())
            {
                state.sent_keys.clear();
            }
        } else {
            let was_front = !new_in_front;
            state.calls.remove(&view.call);
            state.sent_keys.clear();
            let spoken = view.answered.is_some();
            // What was dialled has done its work; what was typed since then stays.
            if spoken && view.direction == CallDirection::Out && state.dialled.as_ref() == Some(&state.entry) {
                state.entry.clear();
            }
            let ours = matches!(view.end_reason, Some(EndReason::Local | EndReason::Declined));
            let failed = view.direction == CallDirection::Out && !spoken;
            if was_front && !ours && (spoken || failed) {
                state.ended = Some(view);
                let panel = self.clone();
                let time = if spoken { GOODBYE } else { FAILURE };
                self.goodbye.start(TimerMode::SingleShot, time, move || panel.change(|state| state.ended = None));
            }
        }
        let live = state.live.filter(|call| state.front().is_some_and(|front| front.call == *call));
        state.live = live;
        drop(state);
        if new_in_front {
            gallery::settle(self);
        }
    }

    /// Does what scripts ask, one after the other: there is one finger.
    fn carry_out(self: &Rc<Self>, window: &ui::AppWindow) {
        while !self.finger_down.get() {
            let Some((ask, request)) = self.asked.borrow_mut().pop_front() else { return };
            if !matches!(request, ScreenRequest::Screenshot(_) | ScreenRequest::Find(_)) {
                self.touched();
            }
            let outcome = match request {
                // The first touch only wakes: a press goes into the dark like that of a finger, and so do these.
                ScreenRequest::Type(_) | ScreenRequest::Back if self.state.borrow().light.asleep => Ok(None),
                ScreenRequest::Press(label) => {
                    let panel = self.clone();
                    let lifted = move || {
                        panel.finger_down.set(false);
                        panel.send(Command::Answered { ask, outcome: Ok(None) });
                        if let Some(window) = panel.window.upgrade() {
                            panel.carry_out(&window);
                        }
                    };
                    match finger::press(window, &label, lifted) {
                        Ok(()) => {
                            self.finger_down.set(true);
                            return;
                        }
                        Err(reason) => Err(reason),
                    }
                }
                ScreenRequest::Type(text) => {
                    finger::type_text(window, &text);
                    Ok(None)
                }
                ScreenRequest::Find(label) => finger::find(window, &label).map(Some),
                ScreenRequest::Back => pages::back(self).map(|()| None),
                ScreenRequest::Screenshot(file) => {
                    let nav = window.global::<ui::Nav>();
                    nav.set_photographed(true);
                    let taken = finger::screenshot(window, self.zoom.rotation(), &file);
                    nav.set_photographed(false);
                    taken.map(|()| None)
                }
            };
            self.send(Command::Answered { ask, outcome });
        }
    }

    /// Shows what follows from the state: the page, the call, the status bar.
    pub(super) fn show(self: &Rc<Self>) {
        let Some(window) = self.window.upgrade() else { return };
        let page = self.state.borrow().page();
        {
            let mut state = self.state.borrow_mut();
            let ringing = page == ui::Page::Ringing;
            if !ringing {
                state.ringing_since = None;
            } else if state.ringing_since.is_none() {
                state.ringing_since = Some(Instant::now());
            }
        }
        let state = self.state.borrow();
        pages::apply(&window, &state);
        account::apply(&window, &state);
        dial::apply(&window, &state);
        call::apply(&window, &state);
        let counts_down = !state.door_keys.is_empty();
        if counts_down {
            home::apply(&window, &state);
        }
        let ticking = counts_down || !state.calls.is_empty();
        drop(state);
        if ticking && !self.seconds.running() {
            let panel = self.clone();
            self.seconds.start(TimerMode::Repeated, Duration::from_secs(1), move || panel.show());
        } else if !ticking {
            self.seconds.stop();
        }
        pages::turn_to(&window, page);
        if !self.hears_drawing {
            self.report_page();
        }
    }

    /// A picture was drawn: the page that it shows is on the screen now.
    pub(super) fn drawn(&self) {
        self.report_page();
    }

    /// Tells the worker which page is up, once for each.
    fn report_page(&self) {
        let screen = screen(self.state.borrow().page());
        if self.reported.replace(Some(screen)) != Some(screen) {
            self.send(Command::Shown(screen));
        }
    }

    /// Somebody is there: the screen wakes, or stays awake.
    pub(super) fn touched(self: &Rc<Self>) {
        let now = Instant::now();
        let told = self.told_of_touch.get().is_some_and(|at| now.duration_since(at) < TOLD);
        if !told || self.state.borrow().light.asleep {
            self.told_of_touch.set(Some(now));
            self.send(Command::Wake);
        }
        self.wait_for_idle();
    }

    /// The clock comes up only after a while without a touch, and the pages behind the PIN are closed.
    fn wait_for_idle(self: &Rc<Self>) {
        if self.state.borrow().pin.is_open() {
            let panel = self.clone();
            self.lock.start(TimerMode::SingleShot, pin::OPEN, move || panel.send(Command::LockPin));
        } else {
            self.lock.stop();
        }
        let after = self.state.borrow().config.idle_after_s;
        if after == 0 {
            self.idle.stop();
            return;
        }
        let panel = self.clone();
        self.idle.start(TimerMode::SingleShot, Duration::from_secs(u64::from(after)), move || {
            // Who is in a call is there, and finds the page below it as it was.
            if panel.state.borrow().front().is_some() {
                return panel.wait_for_idle();
            }
            pin::leave(&panel);
            panel.change(|state| {
                state.base = ui::Page::Idle;
                state.unregistered = None;
                state.trial = None;
            });
        });
    }

    /// Shows the time now and again at each full minute.
    fn show_clock(self: &Rc<Self>) {
        let Some(window) = self.window.upgrade() else { return };
        pages::apply_clock(&window);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let into = Duration::new(now.as_secs() % 60, now.subsec_nanos());
        let panel = self.clone();
        // A hair after the full minute, so that the minute has surely turned.
        let next = Duration::from_secs(60) - into + Duration::from_millis(20);
        self.minute.start(TimerMode::SingleShot, next, move || panel.show_clock());
    }

    /// Shows each picture that comes through the slot.
    pub(super) fn watch_frames(self: &Rc<Self>, frames: FrameSlot) {
        let arrived = Arc::new(Notify::new());
        let waker = arrived.clone();
        frames.set_waker(move || waker.notify_one());
        let panel = self.clone();
        let mut canvas = Canvas::default();
        let watch = async move {
            loop {
                arrived.notified().await;
                if let Some(picture) = frames.take().and_then(|frame| canvas.paint(&frame)) {
                    panel.show_picture(picture);
                }
            }
        };
        if let Err(error) = slint::spawn_local(watch) {
            tracing::warn!("no pictures: {error}");
        }
    }

    fn show_picture(self: &Rc<Self>, picture: slint::Image) {
        let Some(window) = self.window.upgrade() else { return };
        let first = {
            let mut state = self.state.borrow_mut();
            let Some((call, remote)) = state.front().map(|call| (call.call, convert::host(&call.remote))) else {
                return;
            };
            state.pictures.insert(remote, Seen { picture: picture.clone(), at: SystemTime::now(), file: None });
            state.live.replace(call) != Some(call)
        };
        call::apply_picture(&window, picture);
        if first {
            self.show();
            home::apply(&window, &self.state.borrow());
        }
    }
}

/// The page's name for the worker.
fn screen(page: ui::Page) -> Screen {
    match page {
        ui::Page::Idle => Screen::Idle,
        ui::Page::Home => Screen::Home,
        ui::Page::Dial => Screen::Dial,
        ui::Page::Ringing => Screen::Ringing,
        ui::Page::Calling => Screen::Calling,
        ui::Page::InCall => Screen::InCall,
        ui::Page::Contacts => Screen::Contacts,
        ui::Page::Log => Screen::Log,
        ui::Page::Settings => Screen::Settings,
    }
}
