//! Whether all words find room: every page, scene and sentence in every language at every size.
//!
//! With `Theme.measured` each line says how much room it needs, so that no word is shortened to an ellipsis, broken in two, or
//! left out below; that is compared with the room that it has. Words over the edge of what holds them are looked for as
//! well. Pictures of what does not fit are left in `target/shots`, their names begin with `cut`.

use std::{env, fs};

use i_slint_backend_testing::{ElementHandle, ElementQuery};
use slint::{ComponentHandle, PhysicalSize};

use super::scenes::SCENES;
use super::states::states;
use super::{LANGUAGES, PAGES, PANELS, finger, folder, ui, window};
use crate::config::Rotation;

/// A screen: its name, its page, and what fills it.
pub(super) struct Look {
    pub(super) name: String,
    pub(super) page: ui::Page,
    pub(super) fill: Box<dyn Fn(&ui::AppWindow)>,
}

/// Every page as it is, and every scene: `./dev shots` leaves their pictures.
fn scenes() -> Vec<Look> {
    let pages = PAGES.iter().map(|(page, name)| Look { name: (*name).to_owned(), page: *page, fill: Box::new(|_| {}) });
    let scenes =
        SCENES.iter().map(|scene| Look { name: scene.name.to_owned(), page: scene.page, fill: Box::new(scene.fill) });
    pages.chain(scenes).collect()
}

#[test]
fn every_scene_fits_the_small_panel_in_every_language() {
    assert_fits(PANELS[0].0, PANELS[0].1, &scenes(), drawn());
}

#[test]
fn every_scene_fits_the_middle_panel_in_every_language() {
    assert_fits(PANELS[1].0, PANELS[1].1, &scenes(), drawn());
}

#[test]
fn every_scene_fits_the_large_panel_in_every_language() {
    assert_fits(PANELS[2].0, PANELS[2].1, &scenes(), drawn());
}

#[test]
fn every_sentence_fits_the_small_panel_in_every_language() {
    assert_fits(PANELS[0].0, PANELS[0].1, &states(), Pictures::Cut);
}

#[test]
fn every_sentence_fits_the_middle_panel_in_every_language() {
    assert_fits(PANELS[1].0, PANELS[1].1, &states(), Pictures::Cut);
}

#[test]
fn every_sentence_fits_the_large_panel_in_every_language() {
    assert_fits(PANELS[2].0, PANELS[2].1, &states(), Pictures::Cut);
}

/// Rows of a long list exist as far as they are in sight: more of them on a panel that is as wide and much higher.
#[test]
fn nothing_is_cut_off_further_down_in_a_list() {
    const LISTS: [&str; 3] = ["contact", "dial_plan", "log"];
    let is_list = |look: &Look| LISTS.iter().any(|list| look.name.starts_with(list));
    let lists: Vec<_> = scenes().into_iter().chain(states()).filter(is_list).collect();
    for (width, _, _) in PANELS {
        assert_fits(width, 2400, &lists, Pictures::Cut);
    }
}

/// Where words have too little room they are found, in each way in which they may lack it, so that the tests above can be
/// relied on.
#[test]
fn what_does_not_fit_is_found() {
    let window = window(800, 480);
    window.global::<ui::Nav>().set_page(ui::Page::Home);
    assert_eq!(cut_off(&window), Vec::<String>::new());
    let found = |page, width, height, what: &str| {
        window.window().set_size(PhysicalSize::new(width, height));
        window.global::<ui::Nav>().set_page(page);
        let cut = cut_off(&window);
        assert!(cut.iter().any(|cut| cut.contains(what)), "{page:?} at {width}×{height}, {what}: {cut:?}");
    };
    found(ui::Page::Settings, 400, 480, "needs");
    found(ui::Page::Home, 800, 300, "leaves");
}

/// Of which pictures are left.
#[derive(Clone, Copy, PartialEq)]
enum Pictures {
    /// Of everything, dark and light in turn.
    All,
    /// Of what does not fit.
    Cut,
}

/// Drawing takes longer than judging: everything is drawn for `./dev shots`.
fn drawn() -> Pictures {
    if env::var_os("VESTIBULE_SHOTS").is_some() { Pictures::All } else { Pictures::Cut }
}

fn assert_fits(width: u32, height: u32, looks: &[Look], pictures: Pictures) {
    let modes = [(ui::ThemeMode::Dark, "dark"), (ui::ThemeMode::Light, "light")];
    let mut wrong = Vec::new();
    for look in looks {
        let window = window(width, height);
        slint::select_bundled_translation("").expect("English is always there");
        window.global::<ui::Nav>().set_page(look.page);
        (look.fill)(&window);
        let mut screen = Screen::of(&window);
        for (language, (mode, mode_name)) in LANGUAGES.into_iter().zip(modes.into_iter().cycle()) {
            slint::select_bundled_translation(language).expect("the language is there");
            window.global::<ui::Theme>().set_mode(mode);
            if !screen.is_up_to_date() {
                screen = Screen::of(&window);
            }
            let cut = screen.cut_off();
            let language = if language.is_empty() { "en" } else { language };
            let name = format!("{}-{width}x{height}-{mode_name}-{language}", look.name);
            if pictures == Pictures::All || !cut.is_empty() {
                let name = if cut.is_empty() { name.clone() } else { format!("cut-{name}") };
                finger::screenshot(&window, Rotation::None, &folder().join(format!("{name}.png"))).expect("a picture");
            }
            wrong.extend(cut.into_iter().map(|cut| format!("{name}: {cut}")));
        }
    }
    slint::select_bundled_translation("").expect("English is always there");
    assert!(wrong.is_empty(), "{} do not fit:\n{}", wrong.len(), wrong.join("\n"));
}

/// Left, top, right, bottom in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Frame {
    left: f32,
    top: f32,
    right: f32,
    bottom: f32,
}

/// What rounding to whole pixels makes.
const HAIR: f32 = 1.5;

impl Frame {
    fn of(element: &ElementHandle) -> Self {
        let (at, size) = (element.absolute_position(), element.size());
        Self { left: at.x, top: at.y, right: at.x + size.width, bottom: at.y + size.height }
    }

    fn leaves_sideways(self, other: Self) -> bool {
        self.left < other.left - HAIR || self.right > other.right + HAIR
    }

    fn leaves(self, other: Self) -> bool {
        self.leaves_sideways(other) || self.top < other.top - HAIR || self.bottom > other.bottom + HAIR
    }
}

/// What of the words on this screen does not fit.
fn cut_off(window: &ui::AppWindow) -> Vec<String> {
    Screen::of(window).cut_off()
}

/// The lines of words on a screen and what holds them. To find them takes long, and they stay the same in another language.
struct Screen<'a> {
    window: &'a ui::AppWindow,
    lines: Vec<ElementHandle>,
    /// The window, then every component that has a frame, each with the lines in it.
    holders: Vec<(Option<ElementHandle>, Vec<Held>)>,
}

/// A line in something that holds it.
struct Held {
    line: ElementHandle,
    /// It can be scrolled into sight there.
    is_scrolled: bool,
}

impl<'a> Screen<'a> {
    fn of(window: &'a ui::AppWindow) -> Self {
        let holders = ElementQuery::from_root(window).match_predicate(is_holder).find_all().into_iter();
        let holders = holders.map(|holder| {
            let held = held(holder.query_descendants());
            (Some(holder), held)
        });
        let whole = (None, held(ElementQuery::from_root(window)));
        Self { window, lines: lines(window), holders: std::iter::once(whole).chain(holders).collect() }
    }

    /// Whether the lines are those that were found.
    fn is_up_to_date(&self) -> bool {
        // To look for them brings rows up to date.
        let count = lines(self.window).len();
        let held =
            self.holders.iter().flat_map(|(holder, held)| holder.iter().chain(held.iter().map(|held| &held.line)));
        count == self.lines.len() && self.lines.iter().chain(held).all(ElementHandle::is_valid)
    }

    fn cut_off(&self) -> Vec<String> {
        let mut wrong = self.narrow();
        wrong.extend(self.escaped());
        let covered = finger::covered(self.window, &["Refusal", "Account in words"]);
        wrong.extend(covered.into_iter().map(|key| format!("{key} lies under another key")));
        wrong
    }

    /// Words that have less room than they need.
    fn narrow(&self) -> Vec<String> {
        // An ellipsis comes as soon as any of a letter is missing, and a line below the last whole one is left out.
        const SPECK: f32 = 0.5;
        let room: Vec<_> = self.lines.iter().map(ElementHandle::size).collect();
        let theme = self.window.global::<ui::Theme>();
        theme.set_measured(true);
        // As many lines as come of the width that it has.
        let heights: Vec<_> = self.lines.iter().map(need).collect();
        // The width that it claims may change the layout.
        theme.set_whole_words(true);
        let widths: Vec<_> = self.lines.iter().map(need).collect();
        theme.set_whole_words(false);
        theme.set_measured(false);
        let needs = widths.into_iter().zip(heights).map(|(wide, high)| Some((wide?.0, high?.1)));
        let wrong = self.lines.iter().zip(room).zip(needs).filter_map(|((line, room), need)| {
            let (width, height) = need?;
            let is_cut = width > room.width + SPECK || height > room.height + SPECK;
            is_cut.then(|| format!("{} has {}×{} and needs {width}×{height}", name(line), room.width, room.height))
        });
        wrong.collect()
    }

    /// Words that go over the edge of the component that holds them, or of the screen. What can be scrolled into sight may,
    /// upwards and downwards.
    fn escaped(&self) -> Vec<String> {
        let size = self.window.window().size();
        let whole = Frame { left: 0.0, top: 0.0, right: size.width as f32, bottom: size.height as f32 };
        let mut wrong = Vec::new();
        for (holder, held) in &self.holders {
            let frame = holder.as_ref().map_or(whole, Frame::of);
            for Held { line, is_scrolled } in held {
                let at = Frame::of(line);
                if at.leaves_sideways(frame) || (at.leaves(frame) && !is_scrolled) {
                    let holder = holder.as_ref().map_or("the screen".to_owned(), name);
                    wrong.push(format!("{} at {at:?} leaves {holder} at {frame:?}", name(line)));
                }
            }
        }
        wrong
    }
}

fn lines(window: &ui::AppWindow) -> Vec<ElementHandle> {
    ElementQuery::from_root(window).match_inherits("Label").find_all()
}

/// The lines of words there.
fn held(within: ElementQuery) -> Vec<Held> {
    let is_either = |element: &ElementHandle| is_scroller(element) || inherits(element, "Label");
    let (scrollers, lines): (Vec<_>, Vec<_>) =
        within.match_predicate(is_either).find_all().into_iter().partition(is_scroller);
    let scrolled = scrollers.iter().flat_map(|it| it.query_descendants().match_inherits("Label").find_all());
    let scrolled: Vec<_> = scrolled.map(|line| Frame::of(&line)).collect();
    lines.into_iter().map(|line| Held { is_scrolled: scrolled.contains(&Frame::of(&line)), line }).collect()
}

/// The room that a line says it needs: none where it may be shortened.
fn need(line: &ElementHandle) -> Option<(f32, f32)> {
    let is_empty = line.accessible_label().is_none_or(|words| words.is_empty());
    let said = line.accessible_description().filter(|said| !is_empty && !said.is_empty())?;
    let (width, height) = said.split_once(' ').expect("Label says a width and a height");
    let pixels = |side: &str| side.parse().expect("Label says numbers");
    Some((pixels(width), pixels(height)))
}

/// What is written there, as far as it can be told, and where in the code.
fn name(element: &ElementHandle) -> String {
    let id = element.id().filter(|id| !id.is_empty()).or_else(|| element.type_name()).unwrap_or_default();
    format!("{id} “{}”", element.accessible_label().unwrap_or_default())
}

fn inherits(element: &ElementHandle, kind: &str) -> bool {
    element.type_name().is_some_and(|it| it == kind)
        || element.bases().is_some_and(|mut bases| bases.any(|base| base == kind))
}

/// A list: ours, or one of which only the rows in sight exist.
fn is_scroller(element: &ElementHandle) -> bool {
    element.type_name().is_some_and(|kind| kind == "Scroller" || kind == "ListView")
}

/// Whether it is a component of ours that holds its words in a frame: a key, a row, a tile.
fn is_holder(element: &ElementHandle) -> bool {
    const NO_FRAME: [&str; 11] = [
        "Rectangle",
        "HorizontalLayout",
        "VerticalLayout",
        "Text",
        "Image",
        "TouchArea",
        "Flickable",
        "TextInput",
        "Scroller",
        "ListView",
        "Label",
    ];
    let kind = element.type_name().unwrap_or_default();
    !kind.is_empty() && !NO_FRAME.contains(&kind.as_str()) && element.size().width > 0.0
}

/// The words between the braces of this enum in `ui/types.slint`.
pub(super) fn declared(name: &str) -> Vec<String> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/ui/types.slint");
    let text = fs::read_to_string(file).expect("it is in the repository");
    let (_, rest) = text.split_once(&format!("enum {name} {{")).unwrap_or_else(|| panic!("there is no {name}"));
    let (inside, _) = rest.split_once('}').expect("it is closed");
    let lines = inside.lines().map(|line| line.split("//").next().unwrap_or_default());
    let words = lines.flat_map(|line| line.split(',')).map(str::trim).filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}
