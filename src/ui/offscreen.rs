//! A screen made of memory: the real screens, drawn by the real renderer, with no display at all.
//!
//! The event loop sleeps until a timer is due or somebody sends it work; with nothing to do it does not wake.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use slint::PlatformError;
use slint::platform::software_renderer::{
    LineBufferProvider, MinimalSoftwareWindow, PremultipliedRgbaColor, RepaintBufferType,
};
use slint::platform::{EventLoopProxy, Platform, WindowAdapter};

/// While something moves on the screen, one picture each 16 ms.
const FRAME_INTERVAL: Duration = Duration::from_millis(16);

enum Work {
    Invoke(Box<dyn FnOnce() + Send>),
    Quit,
}

struct OffscreenWindow {
    adapter: Rc<MinimalSoftwareWindow>,
    pixels: RefCell<Vec<PremultipliedRgbaColor>>,
}

impl OffscreenWindow {
    /// Draws what changed; whether there was anything to draw.
    fn draw(&self) -> bool {
        self.adapter.draw_if_needed(|renderer| {
            let size = self.adapter.size();
            let mut pixels = self.pixels.borrow_mut();
            pixels.resize(size.width as usize * size.height as usize, PremultipliedRgbaColor::default());
            renderer.render_by_line(Lines { pixels: &mut pixels, width: size.width as usize });
        })
    }
}

/// The picture as the lines that change. Drawn so, what lies wholly under something else is not drawn at all: half of the work
/// of each picture that a door sends.
struct Lines<'a> {
    pixels: &'a mut [PremultipliedRgbaColor],
    width: usize,
}

impl LineBufferProvider for Lines<'_> {
    type TargetPixel = PremultipliedRgbaColor;

    fn process_line(&mut self, line: usize, range: Range<usize>, draw: impl FnOnce(&mut [PremultipliedRgbaColor])) {
        let begin = line * self.width;
        if let Some(pixels) = self.pixels.get_mut(begin + range.start..begin + range.end) {
            draw(pixels);
        }
    }
}

/// The platform without a display.
pub(super) struct Offscreen {
    windows: RefCell<Vec<OffscreenWindow>>,
    began: Instant,
    sender: mpsc::Sender<Work>,
    receiver: mpsc::Receiver<Work>,
    on_drawn: Box<dyn Fn()>,
}

impl Offscreen {
    /// A platform that calls `on_drawn` after each drawn picture.
    pub(super) fn new(on_drawn: impl Fn() + 'static) -> Self {
        let (sender, receiver) = mpsc::channel();
        Self { windows: RefCell::default(), began: Instant::now(), sender, receiver, on_drawn: Box::new(on_drawn) }
    }

    /// How long nothing can be due; `None` is until somebody sends work.
    fn sleep(&self) -> Option<Duration> {
        let timers = slint::platform::duration_until_next_timer_update();
        let moving = self.windows.borrow().iter().any(|window| window.adapter.has_active_animations());
        if moving { Some(timers.map_or(FRAME_INTERVAL, |due| due.min(FRAME_INTERVAL))) } else { timers }
    }

    /// Waits for work, at most as long as nothing is due; the first of it.
    fn wait(&self) -> Option<Work> {
        match self.sleep() {
            Some(time) => self.receiver.recv_timeout(time).ok(),
            None => self.receiver.recv().ok(),
        }
    }
}

impl Platform for Offscreen {
    fn create_window_adapter(&self) -> Result<Rc<dyn WindowAdapter>, PlatformError> {
        let adapter = MinimalSoftwareWindow::new(RepaintBufferType::ReusedBuffer);
        self.windows.borrow_mut().push(OffscreenWindow { adapter: adapter.clone(), pixels: RefCell::default() });
        Ok(adapter)
    }

    fn duration_since_start(&self) -> Duration {
        self.began.elapsed()
    }

    fn run_event_loop(&self) -> Result<(), PlatformError> {
        loop {
            slint::platform::update_timers_and_animations();
            let drawn = self.windows.borrow().iter().filter(|window| window.draw()).count();
            if drawn > 0 {
                (self.on_drawn)();
            }
            let first = self.wait();
            for work in first.into_iter().chain(std::iter::from_fn(|| self.receiver.try_recv().ok())) {
                match work {
                    Work::Invoke(call) => call(),
                    Work::Quit => return Ok(()),
                }
            }
        }
    }

    fn new_event_loop_proxy(&self) -> Option<Box<dyn EventLoopProxy>> {
        Some(Box::new(Proxy(self.sender.clone())))
    }
}

struct Proxy(mpsc::Sender<Work>);

impl EventLoopProxy for Proxy {
    fn quit_event_loop(&self) -> Result<(), slint::EventLoopError> {
        self.0.send(Work::Quit).map_err(|_| slint::EventLoopError::EventLoopTerminated)
    }

    fn invoke_from_event_loop(&self, call: Box<dyn FnOnce() + Send>) -> Result<(), slint::EventLoopError> {
        self.0.send(Work::Invoke(call)).map_err(|_| slint::EventLoopError::EventLoopTerminated)
    }
}
