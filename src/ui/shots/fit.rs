//! Whether all words find room: every page, scene and sentence in every language at every size.
//!
//! `Theme.whole-words` makes each line claim the room that it needs: then nothing is shortened to an ellipsis, and no word is
//! broken into two lines. A screen on which all words fit looks the same with it and without it. Words that want more lines
//! than they have go over the edge of what holds them: that is looked for as well. Pictures of what does not fit are left in
//! `target/shots`, their names begin with `cut`.

use std::fs;

use i_slint_backend_testing::{ElementHandle, ElementQuery};
use slint::{ComponentHandle, Rgba8Pixel, SharedPixelBuffer};

use super::scenes::SCENES;
use super::states::states;
use super::{LANGUAGES, PAGES, PANELS, finger, folder, ui, window};

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
    assert_fits(PANELS[0].0, PANELS[0].1, &scenes(), Pictures::All);
}

#[test]
fn every_scene_fits_the_middle_panel_in_every_language() {
    assert_fits(PANELS[1].0, PANELS[1].1, &scenes(), Pictures::All);
}

#[test]
fn every_scene_fits_the_large_panel_in_every_language() {
    assert_fits(PANELS[2].0, PANELS[2].1, &scenes(), Pictures::All);
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

/// What is below the edge of a list is seen on a panel that is as wide and much higher.
#[test]
fn nothing_is_cut_off_further_down_in_a_list() {
    const LISTS: [&str; 5] = ["group_", "page_", "contact", "dnd_", "dial_plan"];
    let is_list = |look: &Look| LISTS.iter().any(|list| look.name.starts_with(list));
    let lists: Vec<_> = scenes().into_iter().chain(states()).filter(is_list).collect();
    for (width, _, _) in PANELS {
        assert_fits(width, 2400, &lists, Pictures::Cut);
    }
}

/// A word that is too long is found by either of the two ways, so that they can be relied on.
#[test]
fn what_does_not_fit_is_found() {
    let window = window(800, 480);
    window.global::<ui::Nav>().set_page(ui::Page::Home);
    assert_eq!(cut_off(&window).1, Vec::<String>::new());
    window.global::<ui::Accounts>().set_first("Donaudampfschifffahrtsgesellschaftskapitän".into());
    window.global::<ui::Nav>().set_page(ui::Page::Ringing);
    assert!(!cut_off(&window).1.is_empty(), "a word that is wider than the pillar");
}

/// Of which pictures are left.
#[derive(Clone, Copy, PartialEq)]
enum Pictures {
    /// Of everything, dark and light in turn.
    All,
    /// Of what does not fit.
    Cut,
}

fn assert_fits(width: u32, height: u32, looks: &[Look], pictures: Pictures) {
    let modes = [(ui::ThemeMode::Dark, "dark"), (ui::ThemeMode::Light, "light")];
    let mut wrong = Vec::new();
    for look in looks {
        let window = window(width, height);
        for (language, (mode, mode_name)) in LANGUAGES.into_iter().zip(modes.into_iter().cycle()) {
            slint::select_bundled_translation(language).expect("the language is there");
            window.global::<ui::Theme>().set_mode(mode);
            window.global::<ui::Nav>().set_page(look.page);
            (look.fill)(&window);
            let (picture, cut) = cut_off(&window);
            let language = if language.is_empty() { "en" } else { language };
            let name = format!("{}-{width}x{height}-{mode_name}-{language}", look.name);
            if pictures == Pictures::All {
                finger::save(&picture, &folder().join(format!("{name}.png"))).expect("a picture");
            }
            if !cut.is_empty() {
                finger::save(&picture, &folder().join(format!("cut-{name}.png"))).expect("a picture");
                wrong.extend(cut.into_iter().map(|cut| format!("{name}: {cut}")));
            }
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

impl Frame {
    fn of(element: &ElementHandle) -> Self {
        let (at, size) = (element.absolute_position(), element.size());
        Self { left: at.x, top: at.y, right: at.x + size.width, bottom: at.y + size.height }
    }

    /// Whether this reaches out of the other by more than what rounding to whole pixels makes.
    fn leaves(self, other: Self) -> bool {
        const HAIR: f32 = 1.5;
        self.left < other.left - HAIR
            || self.top < other.top - HAIR
            || self.right > other.right + HAIR
            || self.bottom > other.bottom + HAIR
    }

    fn meets(self, other: Self) -> bool {
        self.left < other.right && other.left < self.right && self.top < other.bottom && other.top < self.bottom
    }
}

/// The screen as it is, and what does not fit on it.
fn cut_off(window: &ui::AppWindow) -> (SharedPixelBuffer<Rgba8Pixel>, Vec<String>) {
    let theme = window.global::<ui::Theme>();
    let snapshot = || window.window().take_snapshot().expect("a picture");
    let shown = snapshot();
    let mut wrong = escaped(window);
    theme.set_whole_words(true);
    let whole = snapshot();
    theme.set_whole_words(false);
    if let Some(at) = difference(&shown, &whole) {
        let words = labels(window).filter(|label| Frame::of(label).meets(at)).map(|label| name(&label));
        wrong.push(format!("shortened within {at:?}: {}", words.collect::<Vec<_>>().join(", ")));
    }
    (shown, wrong)
}

fn labels(window: &ui::AppWindow) -> impl Iterator<Item = ElementHandle> {
    ElementQuery::from_root(window).match_inherits("Label").find_all().into_iter()
}

/// What is written there, as far as it can be told, and where in the code.
fn name(element: &ElementHandle) -> String {
    let id = element.id().filter(|id| !id.is_empty()).or_else(|| element.type_name()).unwrap_or_default();
    format!("{id} “{}”", element.accessible_label().unwrap_or_default())
}

/// The part of the picture in which the two differ.
fn difference(one: &SharedPixelBuffer<Rgba8Pixel>, other: &SharedPixelBuffer<Rgba8Pixel>) -> Option<Frame> {
    if one.as_bytes() == other.as_bytes() {
        return None;
    }
    let width = one.width() as usize;
    let differ = one.as_slice().iter().zip(other.as_slice()).enumerate().filter(|(_, (one, other))| one != other);
    differ.map(|(at, _)| ((at % width) as f32, (at / width) as f32)).fold(None, |frame, (x, y)| {
        let point = Frame { left: x, top: y, right: x + 1.0, bottom: y + 1.0 };
        Some(frame.map_or(point, |frame: Frame| Frame {
            left: frame.left.min(point.left),
            top: frame.top.min(point.top),
            right: frame.right.max(point.right),
            bottom: frame.bottom.max(point.bottom),
        }))
    })
}

/// Words that go over the edge of the component that holds them, or of the screen. What can be scrolled into sight may.
fn escaped(window: &ui::AppWindow) -> Vec<String> {
    let size = window.window().size();
    let screen = Frame { left: 0.0, top: 0.0, right: size.width as f32, bottom: size.height as f32 };
    let scrolled = |labels: &[ElementHandle], scrollers: &[ElementHandle]| {
        let inside = scrollers.iter().flat_map(|it| it.query_descendants().match_inherits("Label").find_all());
        let inside: Vec<Frame> = inside.map(|label| Frame::of(&label)).collect();
        labels.iter().filter(|label| !inside.contains(&Frame::of(label))).cloned().collect::<Vec<_>>()
    };
    let mut wrong = Vec::new();
    let all: Vec<_> = labels(window).collect();
    let scrollers = ElementQuery::from_root(window).match_inherits("Scroller").find_all();
    for label in scrolled(&all, &scrollers) {
        if Frame::of(&label).leaves(screen) {
            wrong.push(format!("{} at {:?} leaves the screen", name(&label), Frame::of(&label)));
        }
    }
    for holder in ElementQuery::from_root(window).match_predicate(is_holder).find_all() {
        let frame = Frame::of(&holder);
        let labels = holder.query_descendants().match_inherits("Label").find_all();
        let scrollers = holder.query_descendants().match_inherits("Scroller").find_all();
        for label in scrolled(&labels, &scrollers) {
            if Frame::of(&label).leaves(frame) {
                let (label_at, holder_name) = (Frame::of(&label), name(&holder));
                wrong.push(format!("{} at {label_at:?} leaves {holder_name} at {frame:?}", name(&label)));
            }
        }
    }
    wrong
}

/// Whether it is a component of ours that holds its words in a frame: a key, a row, a tile.
fn is_holder(element: &ElementHandle) -> bool {
    const NO_FRAME: [&str; 10] = [
        "Rectangle",
        "HorizontalLayout",
        "VerticalLayout",
        "Text",
        "Image",
        "TouchArea",
        "Flickable",
        "TextInput",
        "Scroller",
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
