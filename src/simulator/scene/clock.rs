//! The time of day in the corner of the picture, as cameras print it, in digits of our own.

use tiny_skia::{Pixmap, Transform};

use super::brush::{self, Brush, Spot, curve, flat, glaze};

/// A digit's cell, and the gap to the next one.
const DIGIT: (f32, f32) = (13.0, 22.0);
const GAP: f32 = 6.0;
const COLON: f32 = 5.0;
/// Around the digits.
const PAD: f32 = 9.0;
/// From the picture's edges.
const MARGIN: f32 = 18.0;

/// The strokes of the ten digits, each a smooth line in a cell of 13×22. A corner is a spot given twice.
const STROKES: [&[&[Spot]]; 10] = [
    &[&[
        (6.5, 0.0),
        (11.6, 3.6),
        (13.0, 11.0),
        (11.6, 18.4),
        (6.5, 22.0),
        (1.4, 18.4),
        (0.0, 11.0),
        (1.4, 3.6),
        (6.5, 0.0),
    ]],
    &[&[(2.2, 4.2), (7.2, 0.0)], &[(7.2, 0.0), (7.2, 22.0)]],
    &[
        &[(0.6, 5.2), (3.0, 1.0), (7.0, 0.0), (11.4, 2.0), (12.4, 6.2), (10.0, 11.4), (5.0, 16.8), (0.4, 22.0)],
        &[(0.4, 22.0), (13.0, 22.0)],
    ],
    &[
        &[(0.8, 2.6), (6.0, 0.0), (11.2, 2.2), (11.8, 6.6), (9.2, 9.6), (4.8, 10.4)],
        &[(4.8, 10.4), (9.8, 11.2), (12.8, 15.4), (11.0, 20.0), (6.0, 22.0), (0.4, 19.6)],
    ],
    &[&[(9.6, 22.0), (9.6, 0.0)], &[(9.6, 0.0), (0.0, 15.6)], &[(0.0, 15.6), (13.0, 15.6)]],
    &[
        &[(11.8, 0.0), (2.0, 0.0)],
        &[(2.0, 0.0), (1.0, 9.8)],
        &[(1.0, 9.8), (6.2, 8.2), (11.2, 10.2), (12.8, 15.0), (10.8, 20.0), (6.0, 22.0), (0.4, 19.8)],
    ],
    &[&[
        (10.6, 0.6),
        (5.0, 3.4),
        (1.2, 9.2),
        (0.0, 15.0),
        (2.0, 20.2),
        (6.5, 22.0),
        (11.2, 20.0),
        (13.0, 15.0),
        (11.0, 10.4),
        (6.5, 8.8),
        (2.2, 10.6),
        (0.4, 14.0),
    ]],
    &[&[(0.0, 0.0), (13.0, 0.0)], &[(13.0, 0.0), (8.0, 9.0), (4.6, 22.0)]],
    &[
        &[
            (6.5, 10.2),
            (11.0, 8.6),
            (12.0, 4.8),
            (10.2, 1.2),
            (6.5, 0.0),
            (2.8, 1.2),
            (1.0, 4.8),
            (2.0, 8.6),
            (6.5, 10.2),
        ],
        &[
            (6.5, 10.2),
            (11.6, 12.4),
            (13.0, 16.4),
            (11.0, 20.6),
            (6.5, 22.0),
            (2.0, 20.6),
            (0.0, 16.4),
            (1.4, 12.4),
            (6.5, 10.2),
        ],
    ],
    &[&[
        (12.6, 8.0),
        (10.8, 11.4),
        (6.5, 13.2),
        (2.0, 11.6),
        (0.0, 7.0),
        (1.8, 2.0),
        (6.5, 0.0),
        (11.0, 1.8),
        (13.0, 7.0),
        (11.8, 12.8),
        (8.0, 18.6),
        (2.4, 21.4),
    ]],
];

/// The clock's face, painted anew only when the second changes.
pub struct Clock {
    face: Pixmap,
    scale: f32,
    shown: Option<(u8, u8, u8)>,
}

impl Clock {
    /// A clock for a stage drawn at this scale; in a small picture it stays large enough to be read.
    pub fn new(scale: f32) -> Self {
        let scale = scale.max(0.5);
        let width = 6.0 * (DIGIT.0 + GAP) + 2.0 * (COLON + GAP) - GAP + 2.0 * PAD;
        let sides = ((width * scale).ceil() as u32, ((DIGIT.1 + 2.0 * PAD) * scale).ceil() as u32);
        let face = Pixmap::new(sides.0, sides.1).expect("a clock's sides are not zero");
        Self { face, scale, shown: None }
    }

    /// The face with this time on it, and how far it lies from the left and the upper edge.
    pub fn face(&mut self, time: (u8, u8, u8)) -> (tiny_skia::PixmapRef<'_>, i32) {
        if self.shown.replace(time) != Some(time) {
            self.face.fill(tiny_skia::Color::TRANSPARENT);
            let (width, height) = (self.face.width() as f32 / self.scale, self.face.height() as f32 / self.scale);
            let mut brush = Brush::new(&mut self.face, Transform::from_scale(self.scale, self.scale));
            brush.fill(brush::card((0.0, 0.0), width, height, 8.0), glaze(0x0e1116, 0.55));
            let mut x = PAD;
            for (n, part) in [time.0, time.1, time.2].into_iter().enumerate() {
                if n > 0 {
                    for y in [7.0, 16.0] {
                        brush.fill(brush::ellipse((x + COLON / 2.0, PAD + y), 2.0, 2.0), flat(0xf4f6f8));
                    }
                    x += COLON + GAP;
                }
                for digit in [part / 10 % 10, part % 10] {
                    draw(&mut brush.turned((0.0, 0.0), 0.0, (x, PAD)), digit);
                    x += DIGIT.0 + GAP;
                }
            }
        }
        (self.face.as_ref(), (MARGIN * self.scale) as i32)
    }
}

fn draw(brush: &mut Brush<'_>, digit: u8) {
    for stroke in STROKES[usize::from(digit % 10)] {
        brush.line(curve(stroke), 2.6, flat(0xf4f6f8));
    }
}
