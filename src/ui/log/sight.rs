//! Lines of the call log keep still under a finger.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use screens as ui;
use slint::{ComponentHandle, TimerMode};

use super::{apply, is_on_tab};
use crate::channel::LogEntry;
use crate::ui::gallery;
use crate::ui::panel::Panel;

/// Touches are ignored for this long after lines have changed places in sight: nobody lets in a caller by accident.
const SETTLING: Duration = Duration::from_millis(600);

/// The list stands at its top, with all lines.
pub(in crate::ui) fn to_the_top(panel: &Rc<Panel>) {
    panel.state.borrow_mut().log_held_back = 0;
    if let Some(window) = panel.window.upgrade() {
        window.global::<ui::LogAdapter>().set_offset(0.0);
    }
}

/// Somebody has moved the list back to its top: lines that came in meanwhile are listed now.
pub(super) fn reached_top(panel: &Rc<Panel>) {
    let Some(window) = panel.window.upgrade() else { return };
    let held_back = std::mem::take(&mut panel.state.borrow_mut().log_held_back);
    if held_back > 0 {
        apply(&window, &panel.state.borrow());
        keep_still(panel, &window);
    }
}

/// The log has changed. Where somebody looks further down, new lines wait until the list is at its top again. There they come
/// into sight at once, and then no finger is taken for a moment that was meant for what stood there before. A line that has
/// gone is no longer open.
pub(in crate::ui) fn handle(panel: &Rc<Panel>, window: &ui::AppWindow, entries: Arc<[LogEntry]>) {
    let row_height = window.global::<ui::Theme>().get_log_row();
    let first = (-window.global::<ui::LogAdapter>().get_offset() / row_height).max(0.0) as usize;
    let count = (window.global::<ui::Theme>().get_screen_height() / row_height).ceil() as usize + 1;
    let has_moved = {
        let mut state = panel.state.borrow_mut();
        let before = std::mem::replace(&mut state.log, entries);
        let is_looked_at = state.page() == ui::Page::Log;
        let newest_listed = before.get(state.log_held_back).filter(|_| is_looked_at && first > 0);
        let place = newest_listed.and_then(|line| state.log.iter().position(|it| is_same(it, line)));
        let held_before = std::mem::replace(&mut state.log_held_back, place.unwrap_or(0));
        state.opened = state.opened.take().filter(|opened| opened.place(&state.log).is_some());
        let tab = state.log_tab;
        let on_tab = |entry: &&LogEntry| is_on_tab(entry, tab);
        let mut now = state.log.iter().skip(state.log_held_back).filter(on_tab).skip(first);
        let mut seen = before.iter().skip(held_before).filter(on_tab).skip(first).take(count);
        // What is added below a short list moves nothing.
        let differs = seen.any(|line| !now.next().is_some_and(|it| is_same(it, line)));
        is_looked_at && differs
    };
    gallery::settle(panel);
    apply(window, &panel.state.borrow());
    if has_moved {
        keep_still(panel, window);
    }
}

/// Lines are told from each other by when the call began, and with whom.
fn is_same(one: &LogEntry, other: &LogEntry) -> bool {
    (one.at, &one.remote) == (other.at, &other.remote)
}

/// No finger is taken for a moment.
fn keep_still(panel: &Rc<Panel>, window: &ui::AppWindow) {
    window.global::<ui::LogAdapter>().set_settling(true);
    let weak = window.as_weak();
    panel.settling.start(TimerMode::SingleShot, SETTLING, move || {
        if let Some(window) = weak.upgrade() {
            window.global::<ui::LogAdapter>().set_settling(false);
        }
    });
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use slint::platform::{PointerEventButton, WindowEvent};
    use slint::{LogicalPosition, Model};
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    use super::*;
    use crate::channel::{CallResult, Command, Event, Spot};
    use crate::ui::{finger, shots};

    fn turned_away(n: u64) -> LogEntry {
        LogEntry {
            at: SystemTime::UNIX_EPOCH + Duration::from_secs(n),
            remote: format!("sip:100@10.0.0.{n}"),
            result: CallResult::Blocked,
            allow: Some(format!("10.0.0.{n}")),
            unseen: false,
            ..LogEntry::of_visitor(&format!("Caller {n}"))
        }
    }

    /// So many callers, the newest first.
    fn log(count: u64) -> Arc<[LogEntry]> {
        (1..=count).rev().map(turned_away).collect()
    }

    fn opened(window: &ui::AppWindow, count: u64) -> (Rc<Panel>, UnboundedReceiver<Command>) {
        let (commands, sent) = unbounded_channel();
        let panel = Panel::new(window, commands, false);
        panel.connect();
        panel.handle_event(Event::Log(log(count)));
        assert_eq!(finger::press(window, "Call log", || {}), Ok(()));
        wait(500);
        (panel, sent)
    }

    fn wait(ms: u64) {
        i_slint_backend_testing::mock_elapsed_time(Duration::from_millis(ms));
    }

    fn finger_at(window: &ui::AppWindow, spot: Spot, is_down: bool) {
        let position = LogicalPosition::new(spot.x as f32, spot.y as f32);
        let button = PointerEventButton::Left;
        window.window().dispatch_event(if is_down {
            WindowEvent::PointerPressed { position, button }
        } else {
            WindowEvent::PointerReleased { position, button }
        });
        wait(50);
    }

    fn tap(window: &ui::AppWindow, spot: Spot) {
        window.window().take_snapshot().expect("a finger follows what is drawn");
        finger_at(window, spot, true);
        finger_at(window, spot, false);
    }

    /// Who was let in since the last time.
    fn let_in(sent: &mut UnboundedReceiver<Command>) -> Vec<String> {
        let commands = std::iter::from_fn(|| sent.try_recv().ok());
        commands
            .filter_map(|it| if let Command::AllowCaller { remote, .. } = it { Some(remote) } else { None })
            .collect()
    }

    #[test]
    fn at_the_top_a_tap_is_not_taken_for_a_line_that_has_just_come_there() {
        let window = shots::window(1024, 600);
        let (panel, mut sent) = opened(&window, 20);
        let spot = finger::find(&window, "Let Caller 19 call").expect("the second line");
        tap(&window, spot);
        assert_eq!(let_in(&mut sent), ["sip:100@10.0.0.19"]);
        panel.handle_event(Event::Log(log(21)));
        tap(&window, spot);
        wait(300);
        tap(&window, spot);
        assert_eq!(let_in(&mut sent), [""; 0]);
        wait(600);
        tap(&window, spot);
        assert_eq!(let_in(&mut sent), ["sip:100@10.0.0.20"]);
    }

    #[test]
    fn a_finger_that_is_down_while_lines_move_lets_nobody_in() {
        // The list hands a finger on to its lines only after a while: before that, and after it.
        for down_for in [0, 300] {
            let window = shots::window(1024, 600);
            let (panel, mut sent) = opened(&window, 20);
            let spot = finger::find(&window, "Let Caller 19 call").expect("the second line");
            finger_at(&window, spot, true);
            wait(down_for);
            panel.handle_event(Event::Log(log(21)));
            window.window().take_snapshot().expect("a picture");
            wait(2000);
            finger_at(&window, spot, false);
            assert_eq!(let_in(&mut sent), [""; 0], "down for {down_for} ms");
            tap(&window, spot);
            assert_eq!(let_in(&mut sent), ["sip:100@10.0.0.20"], "who looks again is served");
        }
    }

    #[test]
    fn further_down_lines_stay_where_they_are_until_the_list_is_at_its_top_again() {
        let window = shots::window(1024, 600);
        let (panel, mut sent) = opened(&window, 40);
        finger::reach(&window, "Let Caller 20 call").expect("it is in the list");
        let spot = finger::find(&window, "Let Caller 20 call").expect("it is in sight");
        for count in 41..=45 {
            panel.handle_event(Event::Log(log(count)));
            tap(&window, spot);
            assert_eq!(let_in(&mut sent), ["sip:100@10.0.0.20"], "{count} lines");
            assert_eq!(finger::find(&window, "Let Caller 20 call"), Ok(spot), "{count} lines");
        }
        let position = LogicalPosition::new(spot.x as f32, spot.y as f32);
        window.window().dispatch_event(WindowEvent::PointerScrolled { position, delta_x: 0.0, delta_y: 100_000.0 });
        wait(10);
        tap(&window, finger::find(&window, "Let Caller 45 call").expect("all are there"));
        assert_eq!(let_in(&mut sent), [""; 0], "they have only just come into sight");
        wait(600);
        tap(&window, finger::find(&window, "Let Caller 45 call").expect("all are there"));
        assert_eq!(let_in(&mut sent), ["sip:100@10.0.0.45"]);
    }

    #[test]
    fn whoever_opens_the_log_or_another_part_of_it_sees_the_newest() {
        let window = shots::window(1024, 600);
        let (panel, mut sent) = opened(&window, 40);
        let rows = || window.global::<ui::LogAdapter>().get_rows().row_count();
        for labels in [&["Blocked"][..], &["Back", "Call log"]] {
            let there = rows() as u64;
            finger::reach(&window, "Let Caller 20 call").expect("it is in the list");
            panel.handle_event(Event::Log(log(there + 1)));
            assert_eq!(rows() as u64, there, "it waits");
            for label in labels {
                assert_eq!(finger::press(&window, label, || {}), Ok(()));
                wait(500);
            }
            assert_eq!(rows() as u64, there + 1);
            tap(&window, finger::find(&window, &format!("Let Caller {} call", there + 1)).expect("it is in sight"));
            assert_eq!(let_in(&mut sent), [format!("sip:100@10.0.0.{}", there + 1)]);
        }
    }

    #[test]
    fn lines_that_go_away_or_come_below_are_no_surprise() {
        let window = shots::window(1024, 600);
        let (panel, _sent) = opened(&window, 3);
        let adapter = window.global::<ui::LogAdapter>();
        let mut with_older = log(3).to_vec();
        with_older.push(turned_away(0));
        panel.handle_event(Event::Log(with_older.into()));
        assert!(!adapter.get_settling(), "one came in at the end");
        panel.handle_event(Event::Log(log(2)));
        assert!(adapter.get_settling(), "one has gone that was in sight");
        wait(700);
        assert!(!adapter.get_settling());
        panel.handle_event(Event::Log([].into()));
        assert_eq!((adapter.get_settling(), adapter.get_rows().row_count()), (true, 0));
    }
}
