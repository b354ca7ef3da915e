//! Pictures of all pages, filled with their sample values, at the three sizes and in all looks: `./dev shots` leaves them
//! in `target/shots` to be looked at. What a machine can judge of them is judged here too.

mod book;
pub(super) mod calls;
mod fit;
mod names;
pub(super) mod notices;
mod scenes;
mod states;
mod visits;

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use i_slint_backend_testing::{AccessibleRole, ElementHandle, ElementQuery, TestingBackend, TestingBackendOptions};
use screens as ui;
use slint::{ComponentHandle, ModelRc, PhysicalSize};

use self::scenes::SCENES;
use super::state::State;
use super::{finger, settings};
use crate::config::Rotation;

/// Width, height, and pixels in a millimetre of the panel that has them.
const PANELS: [(u32, u32, f32); 3] = [(800, 480, 7.35), (1024, 600, 6.68), (1280, 800, 5.88)];
/// The least size of what is touched, in mm; a hair less for rounding to whole pixels.
const TOUCH_MM: f32 = 9.9;

/// English, and the names of the catalogues.
pub(super) const LANGUAGES: [&str; 5] = ["", "de", "fr", "es", "zh"];

const PAGES: [(ui::Page, &str); 9] = [
    (ui::Page::Idle, "idle"),
    (ui::Page::Home, "home"),
    (ui::Page::Dial, "dial"),
    (ui::Page::Ringing, "ringing"),
    (ui::Page::Calling, "calling"),
    (ui::Page::InCall, "in_call"),
    (ui::Page::Contacts, "contacts"),
    (ui::Page::Log, "log"),
    (ui::Page::Settings, "settings"),
];

pub(super) fn window(width: u32, height: u32) -> ui::AppWindow {
    let options = TestingBackendOptions { mock_time: true, threading: false, renderer_name: Some("software".into()) };
    // One platform serves all windows of a thread.
    let _ = slint::platform::set_platform(Box::new(TestingBackend::new(options)));
    let window = ui::AppWindow::new().expect("the testing backend opens a window");
    window.window().set_size(PhysicalSize::new(width, height));
    window.show().expect("the testing backend shows it");
    window
}

fn folder() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/shots");
    fs::create_dir_all(&folder).expect("target can be written to");
    folder
}

#[test]
fn every_page_is_drawn_at_every_size_in_every_look() {
    for (width, height, _) in PANELS {
        let window = window(width, height);
        for (mode, look) in [
            (ui::ThemeMode::Dark, "dark"),
            (ui::ThemeMode::Light, "light"),
            (ui::ThemeMode::HighContrast, "contrast"),
            (ui::ThemeMode::Night, "night"),
        ] {
            window.global::<ui::Theme>().set_mode(mode);
            for (page, name) in PAGES {
                window.global::<ui::Nav>().set_page(page);
                let file = folder().join(format!("{name}-{width}x{height}-{look}.png"));
                finger::screenshot(&window, Rotation::None, &file).expect("a picture");
                let picture = window.window().take_snapshot().expect("a picture");
                let colours: HashSet<_> = picture.as_slice().iter().map(|pixel| (pixel.r, pixel.g, pixel.b)).collect();
                assert!(colours.len() > 20, "{name} at {width}×{height}, {look}: {} colours", colours.len());
            }
        }
    }
}

/// A panel may hang on its side; this many pixels of their own its pages have at the scale that is taken there.
const ON_THEIR_SIDE: [(u32, u32); 3] = [(800, 1333), (800, 1365), (800, 1280)];

#[test]
fn the_settings_reach_down_to_the_edge_of_a_glass_that_is_turned() {
    for (width, height) in ON_THEIR_SIDE {
        let window = window(width, height);
        settings::apply(&window, &State::default());
        window.global::<ui::Nav>().set_page(ui::Page::Settings);
        let picture = window.window().take_snapshot().expect("a picture");
        finger::save(&picture, &folder().join(format!("settings-{width}x{height}.png"))).expect("a picture");
        let at = |x: u32, y: u32| picture.as_slice()[(y * width + x) as usize];
        let beside = at(width - 2, height - 2);
        assert_ne!(at(width / 2, height - height / 20), beside, "the settings end before {width}×{height} does");
        assert_eq!(at(width / 2, height - 2), beside, "there is a margin below them");
    }
}

#[test]
fn a_screen_that_sleeps_is_black_and_its_first_touch_does_nothing_but_wake() {
    use std::cell::Cell;
    use std::rc::Rc;
    for (width, height, _) in PANELS {
        let window = window(width, height);
        let (woken, opened) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let sleep = window.global::<ui::SleepAdapter>();
        let (count, weak) = (woken.clone(), window.as_weak());
        sleep.on_wake(move || {
            count.set(count.get() + 1);
            weak.unwrap().global::<ui::SleepAdapter>().set_asleep(false);
        });
        let count = opened.clone();
        window.global::<ui::Nav>().on_open(move |_| count.set(count.get() + 1));
        for (page, name) in PAGES {
            window.global::<ui::Nav>().set_page(page);
            sleep.set_asleep(true);
            let dark = window.window().take_snapshot().expect("a picture");
            finger::save(&dark, &folder().join(format!("asleep-{width}x{height}.png"))).expect("a picture");
            assert!(dark.as_slice().iter().all(|it| (it.r, it.g, it.b) == (0, 0, 0)), "{name} at {width}×{height}");
            sleep.set_asleep(false);
            let lit = window.window().take_snapshot().expect("a picture");
            assert!(lit.as_slice().iter().any(|it| it.r > 100), "{name} at {width}×{height}");
        }
        window.global::<ui::Nav>().set_page(ui::Page::Home);
        sleep.set_asleep(true);
        assert_eq!(finger::press(&window, "Dial", || {}), Ok(()));
        i_slint_backend_testing::mock_elapsed_time(Duration::from_millis(500));
        assert_eq!((woken.get(), opened.get()), (1, 0), "the finger that woke it opens nothing when it is lifted");
        assert_eq!(finger::press(&window, "Dial", || {}), Ok(()));
        i_slint_backend_testing::mock_elapsed_time(Duration::from_millis(500));
        assert_eq!((woken.get(), opened.get()), (1, 1));
    }
}

#[test]
fn at_night_a_call_comes_up_slowly_and_by_day_at_once() {
    let window = window(1024, 600);
    window.global::<ui::Nav>().set_page(ui::Page::Ringing);
    let sleep = window.global::<ui::SleepAdapter>();
    let lit = || {
        let picture = window.window().take_snapshot().expect("a picture");
        picture.as_slice().iter().map(|it| u64::from(it.r) + u64::from(it.g) + u64::from(it.b)).sum::<u64>()
    };
    let whole = lit();
    for (night, steps) in [(false, 1), (true, 4)] {
        sleep.set_night(night);
        sleep.set_asleep(true);
        assert_eq!(lit(), 0);
        sleep.set_asleep(false);
        assert_eq!(lit(), if night { 0 } else { whole });
        let mut before = 0;
        for step in 1..=steps {
            i_slint_backend_testing::mock_elapsed_time(Duration::from_millis(250));
            let now = lit();
            assert!(now > before, "step {step}, night {night}: {now} after {before}");
            assert_eq!(now == whole, step == steps, "step {step}, night {night}: {now} of {whole}");
            before = now;
        }
    }
}

#[test]
fn whatever_is_touched_is_ten_millimetres_wide_and_high() {
    let mut small = BTreeSet::new();
    for (width, height, density) in PANELS {
        let window = window(width, height);
        for (page, name) in PAGES {
            window.global::<ui::Nav>().set_page(page);
            small.extend(too_small(&window, name, density));
        }
        // The letters of the keyboard share one row: they are as wide as a tenth of the screen.
        for scene in SCENES.iter().filter(|scene| !scene.name.starts_with("entry_")) {
            let window = self::window(width, height);
            window.global::<ui::Nav>().set_page(scene.page);
            (scene.fill)(&window);
            small.extend(too_small(&window, scene.name, density));
        }
    }
    assert!(small.is_empty(), "too small for a finger:\n{}", small.into_iter().collect::<Vec<_>>().join("\n"));
}

/// What is too small for a finger on this screen.
fn too_small(window: &ui::AppWindow, name: &str, density: f32) -> Vec<String> {
    use AccessibleRole::{Button, RadioButton, Switch, Tab};
    let is_touched = |element: &ElementHandle| {
        element.accessible_role().is_some_and(|role| matches!(role, Button | RadioButton | Switch | Tab))
    };
    let touched = ElementQuery::from_root(window).match_descendants().match_predicate(is_touched).find_all();
    let millimetres = touched.iter().map(|element| {
        let size = element.size();
        (element.accessible_label().unwrap_or_default(), size.width / density, size.height / density)
    });
    let at = window.window().size();
    millimetres
        .filter(|(_, width, height)| *width < TOUCH_MM || *height < TOUCH_MM)
        .map(|(label, width, height)| format!("{name} {}×{} '{label}': {width:.1}×{height:.1} mm", at.width, at.height))
        .collect()
}

#[test]
fn the_names_that_scripts_press_are_there() {
    let window = window(1024, 600);
    let labels = [
        (ui::Page::Home, vec!["Dial", "Contacts", "Call log", "Settings"]),
        (ui::Page::Dial, vec!["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "✳", "#", "Delete", "Call"]),
        (ui::Page::Ringing, vec!["Answer", "Decline", "Unlock", "Silence"]),
        (ui::Page::InCall, vec!["End", "Unlock", "Mute", "Hold", "Keypad"]),
        (ui::Page::Settings, vec!["Calls", "Account 1", "Account 2", "Sound", "Back"]),
    ];
    for (page, names) in labels {
        window.global::<ui::Nav>().set_page(page);
        for name in names {
            assert_eq!(finger::press(&window, name, || {}), Ok(()), "{page:?}");
        }
    }
    window.global::<ui::Nav>().set_page(ui::Page::Home);
    assert!(finger::press(&window, "Answer", || {}).is_err());
    let in_scenes = [
        (
            "account_failed",
            vec!["Test", "Basic", "Outbound Proxy Server", "Transport Type", "Certificates", "Call", "Session Timer"],
        ),
        ("security", vec!["Change PIN", "Remove PIN", "Lock now"]),
        ("security_without", vec!["Change PIN"]),
        ("pin_wrong", vec!["0", "9", "Cancel"]),
        ("pin_again", vec!["Delete", "Enter"]),
        ("entry_password", vec!["Show while typing", "Remove", "Cancel", "Save"]),
        ("trial_fails", vec!["Try again", "Close"]),
        ("dial_plan", vec!["Rule 9", "Search", "Add rule"]),
        ("rule", vec!["Name", "Prefix", "Number 1", "Account 2", "Save", "Cancel"]),
        ("other_account", vec!["Call with the other account", "Cancel"]),
        ("contacts_many", vec!["Favourites", "All", "Doors", "Search", "Add contact", "Import and export"]),
        ("contact", vec!["Favourite", "Edit", "Close", "Call 0171 1234567 with Account 2"]),
        (
            "contact_edit",
            vec!["Delete contact", "Discard", "Save contact", "contact.name", "contact.numbers.1", "Add number"],
        ),
        ("contact_delete", vec!["Keep", "Delete for good"]),
        ("contacts_menu", vec!["Import", "Export", "Cancel"]),
        ("home_account_words", vec!["Account in words"]),
        ("log_call", vec!["Add to contacts", "Call back", "Close"]),
        ("log_visitor", vec!["Delete picture", "Delete all pictures", "Add to contacts", "Call back"]),
        ("log_add", vec!["contact.name", "contact.numbers.0", "Discard", "Save contact"]),
        ("dnd_sheet_off", vec!["Off", "Silent", "Reject", "Until switched off", "1 hour", "Until morning", "Close"]),
        ("dnd_accounts", vec!["1", "2", "ip", "Done"]),
        ("dnd_page", vec!["phone.dnd.on_code", "phone.dnd.off_code", "phone.dnd.return_code", "phone.dnd.morning"]),
    ];
    for (scene, names) in in_scenes {
        let window = self::window(1024, 600);
        let scene = SCENES.iter().find(|it| it.name == scene).expect("the scene is there");
        window.global::<ui::Nav>().set_page(scene.page);
        (scene.fill)(&window);
        for name in names {
            assert_eq!(finger::press(&window, name, || {}), Ok(()), "{}", scene.name);
        }
    }
    let locked = self::window(1024, 600);
    locked.global::<ui::Nav>().set_page(ui::Page::Settings);
    let scene = SCENES.iter().find(|it| it.name == "pin_locked").expect("the scene is there");
    (scene.fill)(&locked);
    assert!(finger::press(&locked, "1", || {}).is_err(), "nothing is taken while it is locked");
}

#[test]
fn of_two_doors_each_has_a_key_of_its_own_name_whatever_became_of_the_other() {
    let pressed = std::rc::Rc::new(std::cell::Cell::new(-1));
    let doors = |names: &[&str]| {
        let window = window(1024, 600);
        window.global::<ui::Nav>().set_page(ui::Page::Home);
        let home = window.global::<ui::HomeAdapter>();
        let failed = (ui::UnlockState::Failed, ui::UnlockFault::NoAnswer);
        let door = |(n, name): (usize, &&str)| {
            let (unlock, unlock_fault) = if n == 0 { failed } else { Default::default() };
            let name = (*name).into();
            ui::DoorView { name, can_view: true, can_unlock: true, unlock, unlock_fault, ..Default::default() }
        };
        let rows: Vec<_> = names.iter().enumerate().map(door).collect();
        home.set_doors(ModelRc::from(rows.as_slice()));
        let pressed = pressed.clone();
        home.on_unlock(move |place| pressed.set(place));
        window
    };
    let press = |window: &ui::AppWindow, label: &str| {
        pressed.set(-1);
        finger::press(window, label, || {})?;
        i_slint_backend_testing::mock_elapsed_time(Duration::from_millis(500));
        Ok::<i32, String>(pressed.get())
    };
    let two = doors(&["Front door", "Courtyard"]);
    assert_eq!(press(&two, "Unlock Front door"), Ok(0));
    assert_eq!(press(&two, "Unlock Courtyard"), Ok(1));
    let choices = "'Unlock' stands for several: 'Unlock Front door', 'Unlock Courtyard'";
    assert_eq!(press(&two, "Unlock"), Err(choices.to_owned()));
    assert_eq!(finger::find(&two, "Unlock"), Err(choices.to_owned()));
    let failed = ElementHandle::find_by_accessible_label(&two, "Unlock Front door").next().expect("it is there");
    assert_eq!(failed.accessible_description().as_deref(), Some("The door did not answer"));
    // More than there is room for: those in sight are named, and the one further down is pressed by its name.
    let four = doors(&["A", "B", "C", "D"]);
    assert_eq!(press(&four, "Unlock"), Err("'Unlock' stands for several: 'Unlock A', 'Unlock B'".to_owned()));
    assert_eq!(press(&four, "Unlock D"), Ok(3));
    let one = doors(&["Front door"]);
    assert_eq!((press(&one, "Unlock"), press(&one, "Unlock Front door")), (Ok(0), Ok(0)));
    let failed = ElementHandle::find_by_accessible_label(&one, "Unlock Front door").next().expect("it is there");
    assert_eq!(failed.accessible_description().as_deref(), Some("Try again, The door did not answer"));
}

#[test]
fn what_lies_beyond_the_edge_of_a_list_is_pressed_too_and_what_is_nowhere_is_not() {
    let window = window(1024, 600);
    window.global::<ui::Nav>().set_page(ui::Page::Log);
    let log = window.global::<ui::LogAdapter>();
    let rows = (1..=200).map(|n| ui::LogRow { name: format!("Caller {n}").into(), ..Default::default() });
    log.set_rows(ModelRc::from(rows.collect::<Vec<_>>().as_slice()));
    for n in [200, 1, 100] {
        assert_eq!(finger::press(&window, &format!("Call back Caller {n}"), || {}), Ok(()), "the one of {n}");
        i_slint_backend_testing::mock_elapsed_time(Duration::from_millis(500));
    }
    assert!(finger::press(&window, "Call back Caller 201", || {}).is_err());
}

#[test]
fn what_a_sheet_covers_is_not_pressed() {
    for (scene, behind) in
        [("contact", "Search"), ("log_add", "Back"), ("entry_password", "Calls"), ("dnd_sheet_off", "Dial")]
    {
        let window = window(1024, 600);
        let scene = SCENES.iter().find(|it| it.name == scene).expect("the scene is there");
        window.global::<ui::Nav>().set_page(scene.page);
        assert_eq!(finger::press(&window, behind, || {}), Ok(()), "{}: {behind} is there", scene.name);
        i_slint_backend_testing::mock_elapsed_time(Duration::from_millis(500));
        let window = self::window(1024, 600);
        window.global::<ui::Nav>().set_page(scene.page);
        (scene.fill)(&window);
        let refused = finger::press(&window, behind, || {}).expect_err(scene.name);
        assert!(refused.contains("is covered"), "{}: {refused}", scene.name);
    }
}

/// On a screen that is much too low the keys of the pillar slide under those below, and Keypad under Unlock.
#[test]
fn what_another_key_covers_is_not_pressed() {
    for (height, is_covered) in [(480, false), (300, true)] {
        let window = window(800, height);
        window.global::<ui::Nav>().set_page(ui::Page::InCall);
        let pressed = finger::press(&window, "Keypad", || {});
        let refused = pressed.as_ref().is_err_and(|why| why.contains("is covered"));
        assert!(if is_covered { refused } else { pressed.is_ok() }, "at {height}: {pressed:?}");
        i_slint_backend_testing::mock_elapsed_time(Duration::from_millis(500));
        assert_eq!(finger::press(&window, "Unlock", || {}), Ok(()), "what lies above is pressed");
    }
}

/// In a language whose typeface is set more closely than it wants, lines at the edges were taken for lines that do not fit.
#[test]
fn both_lines_of_a_long_name_are_seen_in_every_language() {
    const NAME: &str = "Anna Schmidt-Müller";
    for (width, height, _) in PANELS {
        for language in LANGUAGES {
            let window = window(width, height);
            slint::select_bundled_translation(language).expect("the language is there");
            window.global::<ui::Nav>().set_page(ui::Page::Ringing);
            let adapter = window.global::<ui::CallAdapter>();
            adapter.set_call(ui::CallData { name: NAME.into(), ..adapter.get_call() });
            let name = ElementHandle::find_by_accessible_label(&window, NAME).next().expect("it is on the screen");
            let (at, size) = (name.absolute_position(), name.size());
            let picture = window.window().take_snapshot().expect("a picture");
            let bright = |from: f32, to: f32| {
                let rows = (at.y + size.height * from) as u32..(at.y + size.height * to) as u32;
                let columns = at.x as u32..(at.x + size.width) as u32;
                let pixel = |x: u32, y: u32| picture.as_slice()[(y * picture.width() + x) as usize];
                rows.flat_map(|y| columns.clone().map(move |x| (x, y))).filter(|(x, y)| pixel(*x, *y).g > 0xA0).count()
            };
            let (above, below) = (bright(0.05, 0.45), bright(0.55, 0.95));
            assert!(above > 200 && below > 200, "'{language}' at {width}×{height}: {above} and {below} of {size:?}");
        }
    }
    slint::select_bundled_translation("").expect("English is always there");
}

#[test]
fn the_name_of_who_rings_keeps_its_room_whatever_is_wrong_with_the_sound() {
    for (width, height, _) in PANELS {
        for language in LANGUAGES {
            let window = window(width, height);
            slint::select_bundled_translation(language).expect("the language is there");
            window.global::<ui::Nav>().set_page(ui::Page::Ringing);
            let name = || {
                let found: Vec<_> = ElementHandle::find_by_accessible_label(&window, "Front door").collect();
                let [name] = &found[..] else { panic!("{} names of who rings", found.len()) };
                name.size().height
            };
            let whole = name();
            window.global::<ui::CallAdapter>().set_no_sound(true);
            let words = ElementHandle::find_by_accessible_label(&window, sound_does_not_work(language)).next();
            assert!(words.is_some(), "it is said in '{language}' at {width}×{height}");
            assert!(name() >= whole, "'{language}' at {width}×{height}: {} of {whole}", name());
        }
    }
    slint::select_bundled_translation("").expect("English is always there");
}

fn sound_does_not_work(language: &str) -> &'static str {
    match language {
        "de" => "Der Ton geht nicht",
        "fr" => "Le son ne marche pas",
        "es" => "El sonido no funciona",
        "zh" => "声音不可用",
        _ => "The sound does not work",
    }
}

#[test]
fn all_keys_of_the_door_station_are_whole_in_its_window() {
    const SIZE: (u32, u32) = (420, 720);
    // The platform of this thread.
    drop(window(1024, 600));
    for language in LANGUAGES {
        let door = ui::DoorWindow::new().expect("the testing backend opens a window");
        door.window().set_size(PhysicalSize::new(SIZE.0, SIZE.1));
        door.show().expect("the testing backend shows it");
        slint::select_bundled_translation(language).expect("the language is there");
        let adapter = door.global::<ui::DoorAdapter>();
        adapter.set_phase(ui::DoorPhase::Talking);
        adapter.set_note("The panel did not answer: 486 Busy Here".into());
        let is_key = |element: &ElementHandle| {
            let role = element.accessible_role();
            role.is_some_and(|role| matches!(role, AccessibleRole::Button | AccessibleRole::RadioButton))
        };
        let keys = ElementQuery::from_root(&door).match_predicate(is_key).find_all();
        let names: BTreeSet<_> = keys.iter().filter_map(ElementHandle::accessible_label).collect();
        assert_eq!(names.len(), 7, "the bell, five faults, and the end: {names:?}");
        for key in keys {
            let (at, extent) = (key.absolute_position(), key.size());
            let name = key.accessible_label().unwrap_or_default();
            let (right, below) = (SIZE.0 as f32 - at.x - extent.width, SIZE.1 as f32 - at.y - extent.height);
            assert!(at.x >= 8.0 && at.y >= 8.0 && right >= 8.0 && below >= 8.0, "{name}: {at:?}, {extent:?}");
        }
        let file = folder().join(format!("door-{}.png", if language.is_empty() { "en" } else { language }));
        finger::screenshot(&door, Rotation::None, &file).expect("a picture");
    }
    slint::select_bundled_translation("").expect("English is always there");
}
