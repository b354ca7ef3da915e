//! Who rings besides the call on the screen: a line for each, to look at it or to turn it away.

use std::rc::Rc;
use std::time::Instant;

use screens as ui;
use slint::ModelRc;

use super::{number, seconds};
use crate::channel::{CallHandle, CallView, Command};
use crate::ui::panel::{Panel, State};
use crate::ui::state::rings_here;
use crate::ui::{convert, pages};

/// Joins the lines.
pub(super) fn connect(adapter: &ui::CallAdapter, panel: &Rc<Panel>) {
    let named = |call: i32| u32::try_from(call).ok().map(CallHandle);
    let here = panel.clone();
    adapter.on_look(move |call| {
        here.touched();
        let Some(call) = named(call) else { return };
        let front_rings = here.state.borrow().front().is_some_and(rings_here);
        if front_rings {
            here.send(Command::Look(call));
        } else {
            here.change(|state| state.second_wanted = Some(call));
        }
    });
    let here = panel.clone();
    adapter.on_decline_other(move |call| {
        here.touched();
        if let Some(call) = named(call) {
            here.send(Command::Decline(Some(call)));
        }
    });
}

/// Those who ring besides.
pub(super) fn apply(adapter: &ui::CallAdapter, state: &State) {
    let now = Instant::now();
    let row = |call: &CallView| ui::OtherCall {
        call: number(call.call),
        name: name(call, state).into(),
        account: i32::from(call.account),
        door: call.can_unlock,
        seconds: seconds(call, now),
    };
    let is_same = |old: &ui::OtherCall, new: &ui::OtherCall| old.call == new.call;
    pages::update(&adapter.get_others(), state.others().map(row), is_same, |rows: ModelRc<_>| {
        adapter.set_others(rows);
        adapter.set_others_turn(adapter.get_others_turn().wrapping_add(1));
    });
}

/// What a caller is called beside others: where one that rings is called alike, by where it calls from, or by its whole address
/// if that is the same, too.
fn name(call: &CallView, state: &State) -> String {
    let is_alike = |it: &&CallView| rings_here(it) && it.call != call.call && it.name == call.name;
    let mut alike = state.calls.values().filter(is_alike).peekable();
    if alike.peek().is_none() {
        return call.name.clone();
    }
    let place = |address: &str| address.rsplit('@').next().unwrap_or_default().to_owned();
    let address = convert::short(&call.remote);
    let own = place(&address);
    if alike.all(|it| place(&convert::short(&it.remote)) != own) { own } else { address }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use slint::platform::{PointerEventButton, WindowEvent};
    use slint::{ComponentHandle, LogicalPosition, Model};
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    use super::*;
    use crate::channel::{CallState, EndReason, Event};
    use crate::ui::shots::calls::view;
    use crate::ui::{finger, shots};

    /// A panel at which these ring, one after the other, and what it has sent.
    fn rung(window: &ui::AppWindow, names: &[&str]) -> (Rc<Panel>, UnboundedReceiver<Command>) {
        let (commands, sent) = unbounded_channel();
        let panel = Panel::new(window, commands, false);
        panel.connect();
        for (call, name) in (1..).zip(names) {
            panel.handle_event(Event::Call(Box::new(view(call, name))));
        }
        panel.handle_event(Event::OnScreen(Some(CallHandle(1))));
        drawn(window);
        wait(500);
        (panel, sent)
    }

    /// What is new on the screen comes up as it is drawn.
    fn drawn(window: &ui::AppWindow) {
        window.window().take_snapshot().expect("a picture");
    }

    fn wait(ms: u64) {
        i_slint_backend_testing::mock_elapsed_time(Duration::from_millis(ms));
    }

    fn press(window: &ui::AppWindow, label: &str) {
        drawn(window);
        assert_eq!(finger::press(window, label, || {}), Ok(()), "{label}");
        wait(100);
    }

    fn gives_up(panel: &Rc<Panel>, call: u32) {
        let end_reason = Some(EndReason::Missed);
        panel.handle_event(Event::Call(Box::new(CallView { state: CallState::Ended, end_reason, ..view(call, "") })));
    }

    /// What was sent about calls since the last time.
    fn about_calls(sent: &mut UnboundedReceiver<Command>) -> Vec<Command> {
        let is_about_calls = |command: &Command| {
            matches!(command, Command::Answer(_) | Command::Decline(_) | Command::Look(_) | Command::Silence(_))
        };
        std::iter::from_fn(|| sent.try_recv().ok()).filter(is_about_calls).collect()
    }

    #[test]
    fn of_two_doors_that_ring_each_is_looked_at_and_turned_away_by_its_name() {
        let window = shots::window(1024, 600);
        let (panel, mut sent) = rung(&window, &["Front door", "Courtyard"]);
        let calls = window.global::<ui::CallAdapter>();
        press(&window, "Decline Courtyard");
        press(&window, "Show Courtyard");
        let (first, second) = (Some(CallHandle(1)), Some(CallHandle(2)));
        assert_eq!(about_calls(&mut sent), [Command::Decline(second), Command::Look(CallHandle(2))]);
        assert_eq!(calls.get_call().name, "Front door", "until the phone has taken it up");
        panel.handle_event(Event::OnScreen(second));
        assert_eq!(calls.get_call().name, "Courtyard");
        press(&window, "Decline");
        press(&window, "Decline Front door");
        assert_eq!(about_calls(&mut sent), [], "the keys have only just come up");
        wait(400);
        press(&window, "Decline");
        press(&window, "Decline Front door");
        press(&window, "Answer");
        assert_eq!(
            about_calls(&mut sent),
            [Command::Decline(second), Command::Decline(first), Command::Answer(second)]
        );
    }

    #[test]
    fn a_finger_that_is_down_while_its_caller_gives_up_does_nothing_to_the_next() {
        for label in ["Decline", "Answer", "Decline Courtyard"] {
            let window = shots::window(1024, 600);
            let (panel, mut sent) = rung(&window, &["Front door", "Courtyard", "Anna"]);
            let spot = finger::find(&window, label).expect(label);
            let position = LogicalPosition::new(spot.x as f32, spot.y as f32);
            let button = PointerEventButton::Left;
            window.window().dispatch_event(WindowEvent::PointerPressed { position, button });
            gives_up(&panel, if label == "Decline Courtyard" { 2 } else { 1 });
            drawn(&window);
            wait(2000);
            window.window().dispatch_event(WindowEvent::PointerReleased { position, button });
            assert_eq!(about_calls(&mut sent), [], "{label}");
        }
    }

    #[test]
    fn a_finger_on_its_way_to_a_caller_who_gives_up_does_nothing_to_the_next() {
        let window = shots::window(1024, 600);
        let (panel, mut sent) = rung(&window, &["Front door", "Courtyard", "Anna"]);
        gives_up(&panel, 1);
        assert_eq!(window.global::<ui::CallAdapter>().get_call().name, "Courtyard");
        press(&window, "Decline");
        press(&window, "Decline Anna");
        assert_eq!(about_calls(&mut sent), []);
        wait(400);
        press(&window, "Decline");
        assert_eq!(about_calls(&mut sent), [Command::Decline(Some(CallHandle(2)))]);
    }

    #[test]
    fn silence_is_for_all_bells() {
        let window = shots::window(1024, 600);
        let (panel, mut sent) = rung(&window, &["Front door", "Courtyard"]);
        press(&window, "Silence");
        let silenced = [1, 2].map(|call| Command::Silence(Some(CallHandle(call))));
        assert_eq!(about_calls(&mut sent), silenced);
        let is_silent = || window.global::<ui::CallAdapter>().get_call().silent;
        for (call, all) in [(1, false), (2, true)] {
            panel.handle_event(Event::Call(Box::new(CallView { silent: true, ..view(call, "Front door") })));
            assert_eq!(is_silent(), all);
        }
        panel.handle_event(Event::Call(Box::new(view(3, "Anna"))));
        assert!(!is_silent(), "a new bell is heard");
    }

    #[test]
    fn callers_of_the_same_name_are_told_apart_by_their_addresses() {
        let window = shots::window(1024, 600);
        let (panel, mut sent) = rung(&window, &["Front door", "Front door", "Anna"]);
        let others = window.global::<ui::CallAdapter>().get_others();
        let names: Vec<_> = others.iter().map(|other| other.name).collect();
        assert_eq!(names, ["192.168.1.2", "Anna"]);
        press(&window, "Decline 192.168.1.2");
        assert_eq!(about_calls(&mut sent), [Command::Decline(Some(CallHandle(2)))]);
        // Two behind the same server.
        let remote = "sip:yard@192.168.1.2".to_owned();
        panel.handle_event(Event::Call(Box::new(CallView { remote, ..view(4, "Front door") })));
        press(&window, "Decline yard@192.168.1.2");
        press(&window, "Decline door@192.168.1.2");
        let declined = [4, 2].map(|call| Command::Decline(Some(CallHandle(call))));
        assert_eq!(about_calls(&mut sent), [], "the lines are new");
        wait(400);
        press(&window, "Decline yard@192.168.1.2");
        press(&window, "Decline door@192.168.1.2");
        assert_eq!(about_calls(&mut sent), declined);
    }

    #[test]
    fn into_a_conversation_the_banner_is_of_whoever_is_looked_at() {
        let window = shots::window(1024, 600);
        let (panel, mut sent) = rung(&window, &["Grandma", "Front door", "Anna"]);
        let spoken = CallView { state: CallState::Confirmed, answered: Some(Instant::now()), ..view(1, "Grandma") };
        panel.handle_event(Event::Call(Box::new(spoken)));
        let calls = window.global::<ui::CallAdapter>();
        assert_eq!((calls.get_has_second(), calls.get_second().name.as_str()), (true, "Front door"));
        drawn(&window);
        wait(500);
        press(&window, "Show Anna");
        assert_eq!(calls.get_second().name, "Anna");
        press(&window, "Decline");
        assert_eq!(about_calls(&mut sent), [], "the keys have only just come up");
        wait(400);
        press(&window, "Decline");
        press(&window, "Decline Front door");
        let declined = [3, 2].map(|call| Command::Decline(Some(CallHandle(call))));
        assert_eq!(about_calls(&mut sent), declined);
    }

    #[test]
    fn those_for_whom_there_is_no_line_come_one_by_one() {
        let window = shots::window(800, 480);
        let (_panel, mut sent) = rung(&window, &["Front door", "Courtyard", "Anna", "Grandma"]);
        press(&window, "Show Anna");
        assert!(finger::find(&window, "Decline Grandma").is_err(), "she has no line");
        press(&window, "Show Grandma");
        assert_eq!(about_calls(&mut sent), [3, 4].map(|call| Command::Look(CallHandle(call))));
    }
}
