//! The place: sky, houses, hedges, the path to the door. Painted once.

use super::brush::{Brush, Spot, bar, blob, card, curve, down, ellipse, fade, flat, glaze, glow, polygon};

/// Where the ground begins.
const HORIZON: f32 = 512.0;

/// Paints the whole place.
pub fn paint(brush: &mut Brush<'_>) {
    sky(brush);
    distance(brush);
    left_house(brush);
    right_house(brush);
    ground(brush);
    lamp(brush, 452.0);
    hedge(brush, -30.0, 436.0, 11);
    hedge(brush, 850.0, 1310.0, 5);
    lens(brush);
}

/// Numbers that look like chance and are the same each time.
struct Dice(u32);

impl Dice {
    /// The next one, from `low` to `high`.
    fn roll(&mut self, low: f32, high: f32) -> f32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        low + (high - low) * ((self.0 >> 8) as f32 / (1u32 << 24) as f32)
    }
}

fn sky(brush: &mut Brush<'_>) {
    let dusk = [
        (0.0, 0x3b5687, 1.0),
        (0.34, 0x7688b4, 1.0),
        (0.58, 0xbda6b8, 1.0),
        (0.78, 0xeebfa0, 1.0),
        (1.0, 0xf9d9a9, 1.0),
    ];
    brush.fill(bar((0.0, -400.0), 1280.0, 1200.0), fade((0.0, 0.0), (0.0, HORIZON), &dusk));
    let sun = (700.0, 500.0);
    brush.fill(
        ellipse(sun, 520.0, 520.0),
        glow(sun, 520.0, &[(0.0, 0xffe2ad, 0.75), (0.35, 0xffcf96, 0.32), (1.0, 0xffc890, 0.0)]),
    );
    let mut dice = Dice(77);
    for (x, y, long) in [
        (250.0, 62.0, 190.0),
        (560.0, 128.0, 150.0),
        (860.0, 70.0, 220.0),
        (1090.0, 122.0, 130.0),
        (720.0, 226.0, 170.0),
        (470.0, 262.0, 90.0),
    ] {
        for _ in 0..9 {
            let at = (x + dice.roll(-long * 0.6, long * 0.6), y + dice.roll(-9.0, 7.0));
            let (rx, ry) = (dice.roll(0.25, 0.6) * long, dice.roll(4.0, 11.0));
            brush.fill(ellipse(at, rx, ry), glaze(0xffd9c4, 0.11));
            brush.fill(ellipse((at.0, at.1 + ry * 0.5), rx * 0.8, ry * 0.5), glaze(0xe79a86, 0.10));
        }
    }
}

fn distance(brush: &mut Brush<'_>) {
    let hills: [Spot; 7] = [
        (380.0, 530.0),
        (400.0, 452.0),
        (500.0, 430.0),
        (620.0, 452.0),
        (740.0, 424.0),
        (880.0, 448.0),
        (900.0, 530.0),
    ];
    brush.fill(blob(&hills), down(420.0, 512.0, 0xb79a9a, 0xd9b193));
    let mut dice = Dice(3);
    for n in 0..26 {
        let at = (410.0 + n as f32 * 19.0, 492.0 + dice.roll(-9.0, 9.0));
        brush.fill(ellipse(at, dice.roll(15.0, 26.0), dice.roll(18.0, 34.0)), down(450.0, 520.0, 0x86797a, 0x6d6a62));
    }
}

fn window(brush: &mut Brush<'_>, (x, y): Spot, width: f32, height: f32, lit: bool) {
    if lit {
        let centre = (x + width / 2.0, y + height / 2.0);
        brush.fill(
            ellipse(centre, width * 1.5, width * 1.5),
            glow(centre, width * 1.5, &[(0.0, 0xffc878, 0.42), (1.0, 0xffc878, 0.0)]),
        );
    }
    brush.fill(bar((x - 8.0, y - 8.0), width + 16.0, height + 16.0), flat(0xe4dccd));
    brush.fill(bar((x - 8.0, y + height + 4.0), width + 16.0, 4.0), glaze(0x2a2320, 0.25));
    if lit {
        brush.fill(bar((x, y), width, height), down(y, y + height, 0xffe3a3, 0xf2ac57));
        // Curtains, drawn back to both sides.
        for (side, lean) in [(x, 1.0), (x + width, -1.0)] {
            let hang = [
                (side, y),
                (side + lean * width * 0.36, y),
                (side + lean * width * 0.2, y + height * 0.5),
                (side + lean * width * 0.17, y + height),
                (side, y + height),
            ];
            brush.fill(polygon(&hang), down(y, y + height, 0xd9895b, 0xb86a45));
            brush.line(
                curve(&[(side + lean * width * 0.14, y), (side + lean * width * 0.08, y + height)]),
                2.0,
                glaze(0x7a3f28, 0.4),
            );
        }
        brush.fill(ellipse((x + width * 0.5, y + height * 0.2), 13.0, 9.0), flat(0xfff6da));
        brush.line(curve(&[(x + width * 0.5, y), (x + width * 0.5, y + height * 0.14)]), 2.0, flat(0x8a5a34));
    } else {
        brush.fill(
            bar((x, y), width, height),
            fade((x, y), (x + width, y + height), &[(0.0, 0x2c3c50, 1.0), (0.55, 0x4a5d75, 1.0), (1.0, 0x8f8796, 1.0)]),
        );
        let shine = [
            (x + width * 0.1, y + height),
            (x + width * 0.62, y),
            (x + width * 0.86, y),
            (x + width * 0.34, y + height),
        ];
        brush.fill(polygon(&shine), glaze(0xffe9d0, 0.12));
    }
    brush.fill(bar((x + width / 2.0 - 3.0, y), 6.0, height), flat(0xe4dccd));
    brush.fill(bar((x, y + height * 0.42), width, 6.0), flat(0xe4dccd));
    brush.fill(bar((x, y), width, 7.0), glaze(0x000000, 0.22));
    brush.fill(bar((x - 15.0, y + height + 8.0), width + 30.0, 9.0), flat(0xf0e9dc));
    brush.fill(bar((x - 15.0, y + height + 17.0), width + 30.0, 5.0), glaze(0x1d2a26, 0.35));
}

fn left_house(brush: &mut Brush<'_>) {
    let (left, right, eave, foot) = (-80.0, 412.0, 212.0, 540.0);
    brush.fill(
        bar((310.0, 70.0), 46.0, 110.0),
        fade((310.0, 0.0), (356.0, 0.0), &[(0.0, 0x5f4139, 1.0), (1.0, 0x8d6151, 1.0)]),
    );
    brush.fill(bar((304.0, 62.0), 58.0, 12.0), flat(0x4d352f));
    let wall = [(0.0, 0x5f756f, 1.0), (0.7, 0x86998d, 1.0), (1.0, 0xa3ab97, 1.0)];
    brush.fill(bar((left, eave - 6.0), right - left, foot - eave), fade((left, 0.0), (right, 0.0), &wall));
    let mut y = eave + 14.0;
    while y < foot {
        brush.fill(bar((left, y), right - left, 2.0), glaze(0x24352f, 0.16));
        brush.fill(bar((left, y + 2.0), right - left, 1.5), glaze(0xffffff, 0.10));
        y += 17.0;
    }
    brush.fill(bar((right - 12.0, eave), 12.0, foot - eave), flat(0xc9c9b8));
    // The shadow that the roof throws on the wall.
    brush.fill(
        bar((left, eave), right - left, 46.0),
        fade((0.0, eave), (0.0, eave + 46.0), &[(0.0, 0x16211f, 0.5), (1.0, 0x16211f, 0.0)]),
    );
    let (apex, lip) = ((196.0, 84.0), 446.0);
    let roof = [(-110.0, eave), apex, (lip, eave)];
    brush.fill(
        polygon(&roof),
        fade((-40.0, 0.0), (lip, 0.0), &[(0.0, 0x54372f, 1.0), (0.55, 0x774e40, 1.0), (1.0, 0x9b6a52, 1.0)]),
    );
    for row in 1..8 {
        let y = apex.1 + (eave - apex.1) * row as f32 / 8.0;
        let part = (y - apex.1) / (eave - apex.1);
        let (from, to) = (apex.0 - (apex.0 + 110.0) * part, apex.0 + (lip - apex.0) * part);
        brush.line(curve(&[(from + 4.0, y), (to - 4.0, y)]), 1.8, glaze(0x2b1a16, 0.38));
        let mut x = from + if row % 2 == 0 { 14.0 } else { 26.0 };
        while x < to - 10.0 {
            brush.line(curve(&[(x, y), (x, y - 12.0)]), 1.2, glaze(0x2b1a16, 0.24));
            x += 24.0;
        }
    }
    brush
        .fill(polygon(&[(-110.0, eave), (lip, eave), (lip - 3.0, eave + 12.0), (-110.0, eave + 12.0)]), flat(0xded6c6));
    brush.line(curve(&[(apex.0, apex.1), (lip, eave)]), 4.0, glaze(0xffd2a0, 0.55));
    window(brush, (44.0, 268.0), 96.0, 124.0, false);
    window(brush, (216.0, 268.0), 100.0, 124.0, true);
}

fn right_house(brush: &mut Brush<'_>) {
    let (left, right, top, foot) = (868.0, 1340.0, 168.0, 546.0);
    let wall = [(0.0, 0xc2aa90, 1.0), (0.12, 0xb09b86, 1.0), (1.0, 0x857567, 1.0)];
    brush.fill(bar((left, top), right - left, foot - top), fade((left, 0.0), (right, 0.0), &wall));
    let mut dice = Dice(21);
    for row in 0..19 {
        let y = top + 24.0 + row as f32 * 19.0;
        brush.fill(bar((left, y), right - left, 1.5), glaze(0x4a3a30, 0.15));
        let mut x = left + dice.roll(10.0, 44.0);
        while x < right {
            brush.fill(bar((x, y - 18.0), 1.5, 18.0), glaze(0x4a3a30, 0.13));
            if dice.roll(0.0, 1.0) > 0.8 {
                brush.fill(bar((x, y - 18.0), 44.0, 18.0), glaze(0x6e4c38, 0.13));
            }
            x += 44.0;
        }
    }
    brush.fill(bar((left - 16.0, top - 20.0), right - left, 26.0), flat(0xddd0bf));
    brush.fill(bar((left - 16.0, top + 6.0), right - left, 6.0), flat(0x8d7d70));
    brush.fill(
        bar((left, top + 12.0), right - left, 40.0),
        fade((0.0, top + 12.0), (0.0, top + 52.0), &[(0.0, 0x241a16, 0.42), (1.0, 0x241a16, 0.0)]),
    );
    brush.fill(bar((left, top + 12.0), 5.0, foot - top), glaze(0xffd9a8, 0.5));
    window(brush, (944.0, 256.0), 106.0, 134.0, true);
    window(brush, (1130.0, 256.0), 106.0, 134.0, false);
}

fn ground(brush: &mut Brush<'_>) {
    brush.fill(bar((0.0, HORIZON), 1280.0, 220.0), down(HORIZON, 720.0, 0x8a8d62, 0x39452f));
    let mut dice = Dice(9);
    for _ in 0..420 {
        let y = HORIZON + 14.0 + 200.0 * dice.roll(0.0, 1.0).powf(0.7);
        let (x, tall) = (dice.roll(-10.0, 1290.0), 3.0 + (y - HORIZON) * 0.06);
        let shade = if dice.roll(0.0, 1.0) > 0.5 { 0xb3b27c } else { 0x2c3a26 };
        brush.line(curve(&[(x, y), (x + dice.roll(-3.0, 3.0), y - tall)]), 1.6, glaze(shade, 0.35));
    }
    // The street that crosses behind the garden.
    brush.fill(bar((0.0, HORIZON - 4.0), 1280.0, 15.0), down(HORIZON - 4.0, HORIZON + 11.0, 0xa5958b, 0x7b7370));
    let path = [(508.0, HORIZON + 8.0), (772.0, HORIZON + 8.0), (1176.0, 722.0), (104.0, 722.0)];
    brush.fill(polygon(&path), down(HORIZON, 720.0, 0xe0c5a4, 0x8b8580));
    let far = (640.0, 452.0);
    for n in 0..7 {
        let x = 104.0 + (1176.0 - 104.0) * n as f32 / 6.0;
        let part = (HORIZON + 8.0 - far.1) / (722.0 - far.1);
        brush.line(curve(&[(far.0 + (x - far.0) * part, HORIZON + 8.0), (x, 722.0)]), 2.0, glaze(0x4d4744, 0.28));
    }
    for n in 1..9 {
        let part = (n as f32 / 9.0).powf(1.9);
        let y = HORIZON + 8.0 + part * 206.0;
        let reach = 132.0 + part * 404.0;
        brush.line(curve(&[(640.0 - reach, y), (640.0 + reach, y)]), 1.2 + part * 2.0, glaze(0x4d4744, 0.3));
        brush.line(curve(&[(640.0 - reach, y + 2.0), (640.0 + reach, y + 2.0)]), 1.0, glaze(0xfff0da, 0.22));
    }
    for lean in [-1.0, 1.0] {
        let edge = [
            (640.0 + lean * 132.0, HORIZON + 8.0),
            (640.0 + lean * 140.0, HORIZON + 8.0),
            (640.0 + lean * 562.0, 722.0),
            (640.0 + lean * 528.0, 722.0),
        ];
        brush.fill(polygon(&edge), down(HORIZON, 720.0, 0xeed9bc, 0xa39b93));
    }
    let glint = (690.0, HORIZON + 10.0);
    brush.fill(ellipse(glint, 330.0, 90.0), glow(glint, 260.0, &[(0.0, 0xffe0b0, 0.5), (1.0, 0xffe0b0, 0.0)]));
}

fn lamp(brush: &mut Brush<'_>, x: f32) {
    let light = (x, 282.0);
    brush.fill(
        bar((x - 4.0, 300.0), 8.0, 250.0),
        fade((x - 4.0, 0.0), (x + 4.0, 0.0), &[(0.0, 0x1f252b, 1.0), (1.0, 0x4e4a48, 1.0)]),
    );
    brush.fill(card((x - 9.0, 520.0), 18.0, 34.0, 4.0), flat(0x23282d));
    brush.fill(
        ellipse(light, 150.0, 150.0),
        glow(light, 150.0, &[(0.0, 0xffe6b0, 0.65), (0.25, 0xffdca0, 0.28), (1.0, 0xffd890, 0.0)]),
    );
    brush.fill(
        polygon(&[(x - 13.0, 264.0), (x + 13.0, 264.0), (x + 9.0, 302.0), (x - 9.0, 302.0)]),
        down(264.0, 302.0, 0xfffbe8, 0xffdf9a),
    );
    brush.fill(polygon(&[(x - 18.0, 265.0), (x + 18.0, 265.0), (x, 246.0)]), flat(0x262b30));
    brush.fill(bar((x - 11.0, 301.0), 22.0, 5.0), flat(0x262b30));
    brush.line(curve(&[(x - 11.0, 265.0), (x - 8.0, 302.0)]), 2.0, flat(0x262b30));
    brush.line(curve(&[(x + 11.0, 265.0), (x + 8.0, 302.0)]), 2.0, flat(0x262b30));
}

fn hedge(brush: &mut Brush<'_>, left: f32, right: f32, seed: u32) {
    let (top, foot) = (462.0, 556.0);
    let mut dice = Dice(seed);
    brush.fill(ellipse(((left + right) / 2.0, foot + 4.0), (right - left) / 2.0 + 14.0, 14.0), glaze(0x12180f, 0.5));
    let mut outline = vec![(left, foot)];
    let mut x = left;
    while x < right {
        outline.push((x, top + dice.roll(-16.0, 10.0)));
        x += dice.roll(26.0, 46.0);
    }
    outline.extend([(right - 6.0, top + 14.0), (right, foot)]);
    brush.fill(blob(&outline), down(top, foot, 0x4c6a40, 0x22341f));
    // Clumps of leaves: dark ones low, light ones where the sky reaches them.
    for n in 0..430 {
        let height = dice.roll(0.0, 1.0);
        let at = (dice.roll(left + 6.0, right - 6.0), foot - 6.0 - height * (foot - top - 8.0));
        let shade = match (height * 4.0) as u32 + n % 2 {
            0 | 1 => 0x1f311d,
            2 => 0x35522f,
            3 => 0x587745,
            _ => 0x8a9a58,
        };
        brush.fill(ellipse(at, dice.roll(5.0, 13.0), dice.roll(3.5, 8.0)), glaze(shade, 0.5));
    }
    for _ in 0..60 {
        let at = (dice.roll(left + 8.0, right - 8.0), top + dice.roll(-8.0, 16.0));
        brush.fill(ellipse(at, dice.roll(3.0, 7.0), dice.roll(2.0, 4.0)), glaze(0xd9c07a, 0.34));
    }
}

/// The dark corners of a wide lens.
fn lens(brush: &mut Brush<'_>) {
    let centre = (640.0, 330.0);
    let rim = [(0.0, 0x070a14, 0.0), (0.55, 0x070a14, 0.0), (0.8, 0x070a14, 0.2), (1.0, 0x070a14, 0.55)];
    brush.fill(bar((0.0, -400.0), 1280.0, 1200.0), glow(centre, 800.0, &rim));
}
