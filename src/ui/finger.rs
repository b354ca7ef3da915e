//! A finger for scripts: presses what bears a label, types, and photographs the screen.
//!
//! A press goes through the window as a pointer event at the middle of the element, so what a finger could not reach is
//! not pressed either. What lies beyond the edge of a list is brought into sight first, as a finger would.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufWriter;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use i_slint_backend_testing::{AccessibleRole, ElementHandle, ElementQuery, ElementRoot};
use slint::platform::{PointerEventButton, WindowEvent};
use slint::{ComponentHandle, LogicalPosition, LogicalSize, Rgba8Pixel, SharedPixelBuffer, Timer};

use super::photograph::photograph;
use crate::channel::Spot;
use crate::config::Rotation;

/// How long the finger stays down: long enough to be seen, too short for a long press.
const TOUCH: Duration = Duration::from_millis(40);

/// How far a list is moved at a time, as a share of its height: whatever lies in it comes into sight whole once.
const STEP: f32 = 0.6;
/// So many of those that share a name are told apart.
const CHOICES: usize = 6;
/// Further than any list reaches, in pixels.
const TO_THE_TOP: f32 = 1e7;

/// Presses the element whose accessible label, or whose English name, is `label`, and calls `lifted` when the finger has
/// left it again. Where it is not in sight, the lists on the screen are moved until it is.
///
/// # Errors
/// A sentence when nothing on the page bears the label, when it is switched off, or when several bear it that another name
/// tells apart: several labels where it is their English name, several English names where it is their label; `lifted` is
/// not called then, and unless several were found the lists stand at their beginning.
pub(super) fn press<C: ComponentHandle + ElementRoot + 'static>(
    component: &C,
    label: &str,
    lifted: impl FnOnce() + 'static,
) -> Result<(), String> {
    let at = target(component, label).or_else(|unseen| match unseen {
        // Why it is not in sight says more than that it is nowhere else.
        Miss::Unseen(_) => reach(component, label).map_err(|miss| if miss.is_unseen() { unseen } else { miss }),
        Miss::Several(_) => Err(unseen),
    })?;
    let window = component.window();
    send(window, WindowEvent::PointerMoved { position: at });
    send(window, WindowEvent::PointerPressed { position: at, button: PointerEventButton::Left });
    let weak = component.as_weak();
    Timer::single_shot(TOUCH, move || {
        if let Some(component) = weak.upgrade() {
            let window = component.window();
            send(window, WindowEvent::PointerReleased { position: at, button: PointerEventButton::Left });
            send(window, WindowEvent::PointerExited);
        }
        lifted();
    });
    Ok(())
}

/// Where on the screen a finger would press what bears the label, which has to be in sight.
///
/// # Errors
/// As for [`press`].
pub(super) fn find<C: ComponentHandle + ElementRoot>(component: &C, label: &str) -> Result<Spot, String> {
    let at = target(component, label)?.to_physical(component.window().scale_factor());
    // A target lies within the window.
    Ok(Spot { x: at.x.unsigned_abs(), y: at.y.unsigned_abs() })
}

/// Why nothing is pressed.
#[derive(Debug)]
pub(super) enum Miss {
    /// Nothing in sight can be pressed; something further down in a list perhaps can.
    Unseen(String),
    /// Several can, and only one is meant.
    Several(String),
}

impl Miss {
    fn is_unseen(&self) -> bool {
        matches!(self, Self::Unseen(_))
    }
}

impl From<Miss> for String {
    fn from(miss: Miss) -> Self {
        match miss {
            Miss::Unseen(sentence) | Miss::Several(sentence) => sentence,
        }
    }
}

/// Where to press for `label`. What bears it as its accessible label comes before what bears it as its English name.
fn target<C: ComponentHandle + ElementRoot>(component: &C, label: &str) -> Result<LogicalPosition, Miss> {
    let window = component.window();
    let whole = Area { at: LogicalPosition::default(), extent: window.size().to_logical(window.scale_factor()) };
    let Laid { mut found, covers, keys } = laid(component, called(label));
    // Words bear labels too, those on a key and those beside one, but are no keys: they know nothing of being switched off.
    let is_key = |(_, element): &Placed<ElementHandle>| {
        !matches!(element.accessible_role(), None | Some(AccessibleRole::None | AccessibleRole::Text))
    };
    if found.iter().any(is_key) {
        found.retain(is_key);
    }
    // What is in a list is seen through it, as through a window.
    let windows: Vec<_> = lists(component)
        .into_iter()
        .flat_map(|list| {
            let area = Area::of(&list);
            list.query_descendants()
                .match_predicate(called(label))
                .find_all()
                .into_iter()
                .map(move |it| (Area::of(&it), area))
        })
        .collect();
    let (mut disabled, mut covered) = (false, false);
    let (mut labelled, mut named): (Vec<Choice>, Vec<Choice>) = Default::default();
    for (place, element) in &found {
        let area = Area::of(element);
        let middle = area.middle();
        let in_sight = windows.iter().filter(|(inside, _)| *inside == area).all(|(_, list)| list.holds(middle));
        if element.accessible_enabled() == Some(false) {
            disabled = true;
        } else if covers.iter().any(|(cover, over)| cover > place && over.holds(middle))
            || is_under_a_key(*place, element, middle, &keys)
        {
            covered = true;
        } else if in_sight && whole.holds(middle) && !area.is_empty() && element.computed_opacity() > 0.0 {
            let own = element.accessible_label().unwrap_or_default();
            if own == label {
                labelled.push((element.accessible_id().unwrap_or_default(), middle));
            } else {
                named.push((own, middle));
            }
        }
    }
    if let Some((_, middle)) = labelled.iter().find(|(id, _)| id == label).or(labelled.first()) {
        let ids: BTreeSet<_> = labelled.iter().map(|(id, _)| id).collect();
        let told_apart = ids.len() == labelled.len() && ids.iter().all(|id| !id.is_empty() && **id != label);
        return if labelled.len() > 1 && told_apart { Err(several(label, &labelled)) } else { Ok(*middle) };
    }
    if let Some((own, middle)) = named.first() {
        return if named.iter().all(|(other, _)| other == own) { Ok(*middle) } else { Err(several(label, &named)) };
    }
    Err(Miss::Unseen(if disabled {
        format!("'{label}' cannot be pressed now")
    } else if covered {
        format!("'{label}' is covered by something else on the screen")
    } else {
        format!("nothing on the screen is called '{label}'")
    }))
}

/// One of several that share a name: another name that it has, and where to press it.
type Choice = (slint::SharedString, LogicalPosition);

/// That `label` stands for several, and what else they are called.
fn several(label: &str, called: &[Choice]) -> Miss {
    let mut names: Vec<String> = Vec::new();
    for name in called.iter().map(|(name, _)| format!("'{name}'")) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.len() > CHOICES {
        names.truncate(CHOICES);
        names.push("…".to_owned());
    }
    Miss::Several(format!("'{label}' stands for several: {}", names.join(", ")))
}

/// Something with its place, counted from the back to the front.
type Placed<T> = (usize, T);

/// What there is on the screen, with the places.
#[derive(Default)]
struct Laid {
    /// What is looked for.
    found: Vec<Placed<ElementHandle>>,
    /// What lies over all that is behind it.
    covers: Vec<Placed<Area>>,
    /// Keys, as far as they are in sight.
    keys: Vec<Placed<Area>>,
}

fn laid<C: ElementRoot>(component: &C, is_wanted: impl Fn(&ElementHandle) -> bool) -> Laid {
    let covers_all = named("Cover");
    let mut laid = Laid::default();
    let mut lists: Vec<(usize, Area)> = Vec::new();
    let mut place = 0;
    component.root_element().visit_descendants(|element| {
        place += 1;
        if covers_all(&element) {
            laid.covers.push((place, Area::of(&element)));
        }
        if is_list(&element) {
            lists.push((place + parts(&element), Area::of(&element)));
        }
        if is_touched(&element) {
            let within = lists.iter().filter(|(end, _)| place <= *end);
            let seen = within.fold(Area::of(&element), |seen, (_, list)| seen.within(*list));
            laid.keys.push((place, seen));
        }
        if is_wanted(&element) {
            laid.found.push((place, element));
        }
        ControlFlow::<()>::Continue(())
    });
    laid
}

/// Whether another key, that is no part of this element, lies over its middle: a finger would press that one.
fn is_under_a_key(place: usize, element: &ElementHandle, middle: LogicalPosition, keys: &[Placed<Area>]) -> bool {
    let mut over = keys.iter().filter(|(key, seen)| *key > place && seen.holds(middle)).peekable();
    over.peek().is_some() && {
        let end = place + parts(element);
        over.any(|(key, _)| *key > end)
    }
}

/// The keys in sight that could not be pressed because another one lies over them; but for those of `passing`, which come over
/// a page for a while.
#[cfg(test)]
pub(super) fn covered<C: ElementRoot>(component: &C, passing: &[&str]) -> Vec<String> {
    let name = |element: &ElementHandle| String::from(element.accessible_id().unwrap_or_default());
    let Laid { found, covers, mut keys } = laid(component, is_touched);
    let stays = |place: usize| found.iter().any(|(it, key)| *it == place && !passing.contains(&name(key).as_str()));
    keys.retain(|(place, _)| stays(*place));
    let is_covered = |(place, element): &&Placed<ElementHandle>| {
        let middle = Area::of(element).middle();
        let seen = keys.iter().any(|(key, seen)| key == place && seen.holds(middle));
        let behind = covers.iter().any(|(cover, over)| cover > place && over.holds(middle));
        seen && !behind && is_under_a_key(*place, element, middle, &keys)
    };
    found.iter().filter(is_covered).map(|(_, element)| name(element)).collect()
}

/// How much belongs to this element and comes right behind it.
fn parts(element: &ElementHandle) -> usize {
    let mut parts = 0;
    element.visit_descendants(|_| {
        parts += 1;
        ControlFlow::<()>::Continue(())
    });
    parts
}

/// Whether it is a key of any kind. A screen that sleeps is none: what is pressed there wakes it, whatever lies beneath.
pub(super) fn is_touched(element: &ElementHandle) -> bool {
    use AccessibleRole::{Button, Checkbox, RadioButton, Slider, Switch, Tab};
    let role = element.accessible_role();
    role.is_some_and(|role| matches!(role, Button | Checkbox | RadioButton | Slider | Switch | Tab))
        && !named("Wake")(element)
}

fn is_list(element: &ElementHandle) -> bool {
    element.type_name().is_some_and(|kind| kind == "Flickable")
}

/// Moves the lists on the screen, one after the other, from their beginning to their end, until `label` can be pressed.
///
/// # Errors
/// When it cannot be pressed anywhere, or several are in sight that share it as a name.
pub(super) fn reach<C: ComponentHandle + ElementRoot>(component: &C, label: &str) -> Result<LogicalPosition, Miss> {
    let scroll = |list: Area, delta_y: f32| {
        let event = WindowEvent::PointerScrolled { position: list.middle(), delta_x: 0.0, delta_y };
        send(component.window(), event);
    };
    for list in lists(component) {
        let area = Area::of(&list);
        scroll(area, TO_THE_TOP);
        let mut seen = sight(&list);
        loop {
            match target(component, label) {
                Err(Miss::Unseen(_)) => {}
                found => return found,
            }
            scroll(area, -STEP * area.extent.height);
            let now = sight(&list);
            // It stands at its end, or does not move at all, because something lies over it.
            if now == seen {
                break;
            }
            seen = now;
        }
        scroll(area, TO_THE_TOP);
    }
    Err(Miss::Unseen(format!("nothing in the lists on the screen is called '{label}'")))
}

/// The lists in sight.
fn lists<C: ElementRoot>(component: &C) -> Vec<ElementHandle> {
    ElementQuery::from_root(component).match_descendants().match_predicate(is_list).find_all()
}

/// What is to be seen of a list, to tell whether it has moved.
fn sight(list: &ElementHandle) -> Vec<(f32, Option<slint::SharedString>)> {
    let mut seen = Vec::new();
    list.visit_descendants(|element| {
        seen.push((element.absolute_position().y, element.accessible_label()));
        ControlFlow::<()>::Continue(())
    });
    seen
}

fn named(name: &str) -> impl Fn(&ElementHandle) -> bool + 'static {
    let name = name.to_owned();
    move |element| element.accessible_id().is_some_and(|id| id == name)
}

fn called(label: &str) -> impl Fn(&ElementHandle) -> bool + 'static {
    let (by_name, label) = (named(label), label.to_owned());
    move |element| by_name(element) || element.accessible_label().is_some_and(|own| own == label)
}

/// Where something is in the window.
#[derive(Clone, Copy, PartialEq)]
struct Area {
    at: LogicalPosition,
    extent: LogicalSize,
}

impl Area {
    fn of(element: &ElementHandle) -> Self {
        Self { at: element.absolute_position(), extent: element.size() }
    }

    fn middle(self) -> LogicalPosition {
        LogicalPosition::new(self.at.x + self.extent.width / 2.0, self.at.y + self.extent.height / 2.0)
    }

    fn holds(self, point: LogicalPosition) -> bool {
        let Self { at, extent } = self;
        (at.x..at.x + extent.width).contains(&point.x) && (at.y..at.y + extent.height).contains(&point.y)
    }

    /// As much of it as is in the other one.
    fn within(self, other: Self) -> Self {
        let side = |at: f32, extent: f32, other_at: f32, other_extent: f32| {
            let from = at.max(other_at);
            (from, (at + extent).min(other_at + other_extent) - from)
        };
        let (x, width) = side(self.at.x, self.extent.width, other.at.x, other.extent.width);
        let (y, height) = side(self.at.y, self.extent.height, other.at.y, other.extent.height);
        Self { at: LogicalPosition::new(x, y), extent: LogicalSize::new(width, height) }
    }

    fn is_empty(self) -> bool {
        self.extent.width <= 0.0 || self.extent.height <= 0.0
    }
}

/// Types `text` as a keyboard would.
pub(super) fn type_text(component: &impl ComponentHandle, text: &str) {
    for key in text.chars() {
        let text = slint::SharedString::from(key);
        send(component.window(), WindowEvent::KeyPressed { text: text.clone() });
        send(component.window(), WindowEvent::KeyReleased { text });
    }
}

/// Writes the window as it is now, on a screen that is turned like this, to a PNG file.
///
/// # Errors
/// What the renderer or the file system says, or that the screen is on its side.
pub(super) fn screenshot(component: &impl ComponentHandle, rotation: Rotation, file: &Path) -> Result<(), String> {
    save(&photograph(component.window(), rotation)?, file)
}

/// Writes a picture to a PNG file.
///
/// # Errors
/// What the file system says.
pub(super) fn save(picture: &SharedPixelBuffer<Rgba8Pixel>, file: &Path) -> Result<(), String> {
    let named = |e: &dyn std::fmt::Display| format!("{}: {e}", file.display());
    let sink = BufWriter::new(File::create(file).map_err(|e| named(&e))?);
    let mut encoder = png::Encoder::new(sink, picture.width(), picture.height());
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().map_err(|e| named(&e))?;
    writer.write_image_data(picture.as_bytes()).map_err(|e| named(&e))?;
    writer.finish().map_err(|e| named(&e))
}

/// A window that closes meanwhile takes no events; then there is nobody to tell.
fn send(window: &slint::Window, event: WindowEvent) {
    if let Err(error) = window.dispatch_event_with_result(event) {
        tracing::debug!("pointer event not taken: {error}");
    }
}
