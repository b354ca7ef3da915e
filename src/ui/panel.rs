//! The screen's twin: what the worker reports goes into its [`State`], and what follows from that is shown.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use screens as ui;
use slint::{ComponentHandle, Timer, TimerMode, Weak};
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;

use super::gallery::{self, Seen, Whose};
use super::picture::Canvas;
use super::state::Shown;
pub(super) use super::state::State;
use super::zoom::Zoom;
use super::{
    account, call, contacts, convert, dial, finger, home, light, log, pages, pin, rules, settings, text_entry,
};
use crate::channel::{
    CallDirection, CallState, CallView, Command, EndReason, Event, Refusal, Screen, ScreenRequest, UnlockState,
};
use crate::frame::FrameSlot;

/// How long the end of a call that somebody spoke in stays on the screen.
const GOODBYE: Duration = Duration::from_secs(2);
/// How long the reason stays on the screen for which a call did not come about.
const FAILURE: Duration = Duration::from_secs(12);
/// The worker is told of touches once in so long.
const TOLD: Duration = Duration::from_secs(1);
/// How long a refusal stays on the screen.
const REFUSAL: Duration = Duration::from_secs(5);

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
    /// Runs while a call has only just come up by itself: its keys are deaf.
    pub(super) came_up: Timer,
    /// Runs while lines of the call log have only just changed places.
    pub(super) settling: Timer,
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
            came_up: Timer::default(),
            settling: Timer::default(),
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
                gallery::handle_change(&mut self.state.borrow_mut(), &before.contacts);
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
            Event::OnScreen(call) => {
                let mut state = self.state.borrow_mut();
                state.on_screen = call;
                state.keep_live();
            }
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
                log::handle(self, &window, entries);
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
        state.keep_live();
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
        let shown = self.state.borrow_mut().note_shown();
        match shown {
            Shown::AsBefore => {}
            Shown::ByItself => self.came_up.start(TimerMode::SingleShot, call::DEAF, || {}),
            Shown::AsAsked => self.came_up.stop(),
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
            // A last one of the camera before is not taken for that of another door.
            let front = state.front().filter(|call| state.on_screen == Some(call.call));
            let Some((call, whose)) = front.map(|call| (call.call, Whose::of_call(&state.config, call))) else {
                return;
            };
            state.pictures.insert(whose, Seen { picture: picture.clone(), at: SystemTime::now(), file: None });
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
