//! Which screens the machine has, as the kernel says.

use std::fs;
use std::path::{Path, PathBuf};

use super::Places;

/// How many framebuffers are looked at: Slint does not try more.
const FRAMEBUFFERS: u32 = 10;

/// A graphics card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// `/dev/dri/card0`.
    pub device: PathBuf,
    /// Its connectors, by name.
    pub connectors: Vec<Connector>,
}

/// Where a screen can be connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connector {
    /// `HDMI-A-1`.
    pub name: String,
    /// Whether a screen is.
    pub is_connected: bool,
}

/// A legacy framebuffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Framebuffer {
    /// `/dev/fb0`.
    pub device: PathBuf,
    /// Bits of a pixel, if the kernel says.
    pub bits: Option<u32>,
}

/// The screens of a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// Its graphics cards, in the order of their numbers.
    pub cards: Vec<Card>,
    /// Its legacy framebuffers, in the order of their numbers.
    pub framebuffers: Vec<Framebuffer>,
}

impl Machine {
    /// Looks at it.
    pub fn look(places: &Places) -> Self {
        let mut numbers: Vec<u32> =
            names(&places.dev.join("dri")).iter().filter_map(|name| name.strip_prefix("card")?.parse().ok()).collect();
        numbers.sort_unstable();
        let drm = places.class.join("drm");
        let entries = names(&drm);
        let cards = numbers.into_iter().map(|number| Card {
            device: places.dev.join(format!("dri/card{number}")),
            connectors: connectors(&drm, &entries, number),
        });
        let framebuffers = (0..FRAMEBUFFERS).filter_map(|number| {
            let device = places.dev.join(format!("fb{number}"));
            let bits = places.class.join(format!("graphics/fb{number}/bits_per_pixel"));
            device.exists().then(|| Framebuffer { device, bits: word(&bits).and_then(|bits| bits.parse().ok()) })
        });
        Self { cards: cards.collect(), framebuffers: framebuffers.collect() }
    }

    /// Whether there is a screen to draw on at all.
    pub fn has_screen(&self) -> bool {
        self.connected().next().is_some() || !self.framebuffers.is_empty()
    }

    /// The connectors with a screen, and the card of each.
    pub fn connected(&self) -> impl Iterator<Item = (&Card, &Connector)> {
        let all = self.cards.iter().flat_map(|card| card.connectors.iter().map(move |connector| (card, connector)));
        all.filter(|(_, connector)| connector.is_connected)
    }
}

/// The connectors of a card, among the entries of `/sys/class/drm`.
fn connectors(drm: &Path, entries: &[String], card: u32) -> Vec<Connector> {
    let prefix = format!("card{card}-");
    let own = entries.iter().filter_map(|entry| Some((entry, entry.strip_prefix(&prefix)?)));
    own.map(|(entry, name)| {
        let status = word(&drm.join(entry).join("status"));
        Connector { name: name.to_owned(), is_connected: status.as_deref() == Some("connected") }
    })
    .collect()
}

/// The names in a folder, sorted; none where there is no folder.
pub(super) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// The one word that a file of the kernel holds.
fn word(file: &Path) -> Option<String> {
    fs::read_to_string(file).ok().map(|text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{put, put_card, put_framebuffer};
    use super::*;

    #[test]
    fn cards_and_framebuffers_are_found_by_number_whatever_their_number_is() {
        let root = tempfile::tempdir().expect("a temporary directory");
        put_card(root.path(), 10, "DSI-1", "connected");
        put_card(root.path(), 2, "HDMI-A-1", "disconnected");
        put_card(root.path(), 2, "HDMI-A-2", "connected");
        put(root.path(), "dev/dri/renderD128", "");
        put_framebuffer(root.path(), 3, 32);
        let machine = Machine::look(&Places::below(root.path()));
        let devices: Vec<_> = machine.cards.iter().map(|card| card.device.file_name().expect("a name")).collect();
        assert_eq!(devices, ["card2", "card10"]);
        let connected: Vec<_> = machine.connected().map(|(_, connector)| connector.name.as_str()).collect();
        assert_eq!(connected, ["HDMI-A-2", "DSI-1"]);
        assert_eq!(machine.framebuffers, [Framebuffer { device: root.path().join("dev/fb3"), bits: Some(32) }]);
    }

    #[test]
    fn a_card_without_a_screen_is_no_screen() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let places = Places::below(root.path());
        assert!(!Machine::look(&places).has_screen(), "an empty machine");
        put_card(root.path(), 0, "HDMI-A-1", "disconnected");
        put(root.path(), "dev/dri/card1", "");
        assert!(!Machine::look(&places).has_screen(), "nothing connected, and a card without connectors");
        put_card(root.path(), 1, "Virtual-1", "connected");
        assert!(Machine::look(&places).has_screen());
    }

    #[test]
    fn any_of_ten_framebuffers_is_a_screen() {
        for number in [0, 1, 9] {
            let root = tempfile::tempdir().expect("a temporary directory");
            put_framebuffer(root.path(), number, 16);
            assert!(Machine::look(&Places::below(root.path())).has_screen(), "fb{number}");
        }
    }
}
