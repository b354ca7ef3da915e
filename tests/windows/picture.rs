//! What a screen shows: X's own dump of it, and the areas of one colour.

use std::collections::HashSet;

/// Of what is thinner than this many pixels nothing may be found: so it is enough to look at some of them.
const THIN: usize = 4;

/// Red, green, blue.
pub type Colour = [u8; 3];

/// A rectangle on the screen, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub x: usize,
    pub y: usize,
    pub width: usize,
    pub height: usize,
}

impl Place {
    /// Its middle.
    pub fn middle(self) -> (usize, usize) {
        (self.x + self.width / 2, self.y + self.height / 2)
    }
}

/// A photograph of the screen.
pub struct Picture {
    bytes: Vec<u8>,
    from: usize,
    line: usize,
}

impl Picture {
    /// From a dump as `xwd` writes it: a header of big-endian words, a colour table, lines of blue, green, red, nothing.
    pub fn of_dump(bytes: Vec<u8>) -> Self {
        let word = |index: usize| {
            let four = bytes[4 * index..4 * index + 4].try_into().expect("four bytes");
            u32::from_be_bytes(four) as usize
        };
        let (header, byte_order, depth, line, colours) = (word(0), word(7), word(11), word(12), word(19));
        assert_eq!((byte_order, depth), (0, 32), "pixels of four bytes, the least first");
        Self { from: header + 12 * colours, line, bytes }
    }

    /// The colour of a pixel.
    pub fn at(&self, x: usize, y: usize) -> Colour {
        let from = self.from + y * self.line + 4 * x;
        [self.bytes[from + 2], self.bytes[from + 1], self.bytes[from]]
    }

    /// How many colours are in a place.
    pub fn colours(&self, place: Place) -> usize {
        let lines = place.y..place.y + place.height;
        let all: HashSet<Colour> =
            lines.flat_map(|y| (place.x..place.x + place.width).map(move |x| self.at(x, y))).collect();
        all.len()
    }

    /// The areas of exactly this colour in a place, of at least `least` pixels and not thinner than [`THIN`]: what holds
    /// each of them, line by line from the top and from left to right.
    pub fn areas(&self, place: Place, colour: Colour, least: usize) -> Vec<Place> {
        let mut seen = vec![false; place.width * place.height];
        let mut found = Vec::new();
        let is = |x: usize, y: usize| self.at(place.x + x, place.y + y) == colour;
        let rows = (0..place.height).step_by(THIN);
        for begin in rows.flat_map(|y| (0..place.width).step_by(THIN).map(move |x| (x, y))) {
            let index = begin.1 * place.width + begin.0;
            if seen[index] || !is(begin.0, begin.1) {
                continue;
            }
            seen[index] = true;
            let (mut left, mut right, mut top, mut bottom, mut count) = (begin.0, begin.0, begin.1, begin.1, 0);
            let mut open = vec![begin];
            while let Some((x, y)) = open.pop() {
                count += 1;
                (left, right, top, bottom) = (left.min(x), right.max(x), top.min(y), bottom.max(y));
                let beside = [(x.wrapping_sub(1), y), (x + 1, y), (x, y.wrapping_sub(1)), (x, y + 1)];
                for (x, y) in beside.into_iter().filter(|(x, y)| *x < place.width && *y < place.height) {
                    let index = y * place.width + x;
                    if !seen[index] && is(x, y) {
                        seen[index] = true;
                        open.push((x, y));
                    }
                }
            }
            if count >= least {
                let (width, height) = (right - left + 1, bottom - top + 1);
                found.push(Place { x: place.x + left, y: place.y + top, width, height });
            }
        }
        found.sort_by_key(|area| (area.y, area.x));
        found
    }
}
