//! The visitor: a courier with a parcel who breathes, sways, blinks, looks about, waves now and then, and speaks.

use std::f32::consts::TAU;

use super::brush::{Brush, Ink, Spot, bar, blob, card, curve, down, ellipse, fade, flat, glaze, glow, polygon};

/// How often the visitor waves, and for how long, in seconds.
const WAVE_EVERY: f32 = 9.0;
const WAVE_FROM: f32 = 1.6;
const WAVE_UNTIL: f32 = 4.8;
/// How long the arm takes up or down.
const ARM_SECONDS: f32 = 0.55;
/// The times of the blinks within their round, and how long each lasts.
const BLINK_ROUND: f32 = 8.3;
const BLINKS: [f32; 4] = [0.9, 3.4, 3.75, 6.6];
const BLINK_SECONDS: f32 = 0.17;

const SKIN: u32 = 0xdba883;
const SKIN_SHADE: u32 = 0xb07a5a;
const SKIN_LIGHT: u32 = 0xf0c6a0;

/// How the visitor stands at one moment.
struct Pose {
    /// Sideways, in stage units.
    sway: f32,
    /// The body's lean and the head's tilt, in degrees.
    lean: f32,
    tilt: f32,
    /// The chest goes up and down.
    breath: f32,
    /// Where the eyes look, from -1 to 1.
    gaze: f32,
    /// From 0, open, to 1, shut.
    lids: f32,
    /// From 0, holding the parcel, to 1, up and waving.
    arm: f32,
    /// The waving hand's angle in degrees.
    hand: f32,
    /// From 0, shut and smiling, to 1, wide open.
    mouth: f32,
    /// From -1, round, to 1, broad.
    vowel: f32,
}

/// From 0 to 1 between two moments, without a jerk.
fn ease(t: f32, from: f32, to: f32) -> f32 {
    let part = ((t - from) / (to - from)).clamp(0.0, 1.0);
    part * part * (3.0 - 2.0 * part)
}

fn between(a: f32, b: f32, part: f32) -> f32 {
    a + (b - a) * part
}

fn wave(t: f32, seconds: f32, phase: f32) -> f32 {
    ((t / seconds + phase) * TAU).sin()
}

impl Pose {
    fn at(t: f32, speaking: bool) -> Self {
        let round = t % WAVE_EVERY;
        let arm = ease(round, WAVE_FROM, WAVE_FROM + ARM_SECONDS) - ease(round, WAVE_UNTIL - ARM_SECONDS, WAVE_UNTIL);
        let blink = |at: &f32| {
            let into = t % BLINK_ROUND - at;
            if (0.0..BLINK_SECONDS).contains(&into) { (into / BLINK_SECONDS * TAU / 2.0).sin() } else { 0.0 }
        };
        let mouth = if speaking {
            let syllable = 0.5 + 0.5 * wave(t, 0.23, 0.0);
            let word = 0.55 + 0.45 * wave(t, 0.91, 0.2);
            (0.12 + 0.88 * syllable * word).clamp(0.0, 1.0)
        } else {
            0.0
        };
        Self {
            sway: 7.0 * wave(t, 5.2, 0.0) + 3.0 * wave(t, 2.3, 0.3),
            lean: 0.9 * wave(t, 5.2, 0.05),
            tilt: 2.4 * wave(t, 6.7, 0.4) + 2.0 * arm + if speaking { 1.2 * wave(t, 0.83, 0.1) } else { 0.0 },
            breath: 2.2 * wave(t, 3.4, 0.0),
            gaze: (1.6 * wave(t, 7.7, 0.1)).clamp(-1.0, 1.0),
            lids: BLINKS.iter().map(blink).fold(0.0, f32::max),
            arm,
            hand: 17.0 * wave(t, 0.62, 0.0) * arm,
            mouth,
            vowel: wave(t, 0.57, 0.6),
        }
    }
}

/// Paints the visitor as of `t` seconds since the start.
pub fn paint(brush: &mut Brush<'_>, t: f32, speaking: bool) {
    let pose = Pose::at(t, speaking);
    let shade = (640.0 + pose.sway, 716.0);
    brush.fill(ellipse(shade, 300.0, 34.0), glow(shade, 300.0, &[(0.0, 0x14100e, 0.55), (1.0, 0x14100e, 0.0)]));
    let mut body = brush.turned((640.0, 780.0), pose.lean, (pose.sway, 0.0));
    {
        let mut chest = body.turned((0.0, 0.0), 0.0, (0.0, pose.breath));
        torso(&mut chest);
        resting_arm(&mut chest);
        neck(&mut chest);
        head(&mut chest.turned((640.0, 392.0), pose.tilt, (0.0, 0.0)), &pose);
    }
    moving_arm(&mut body, &pose);
    parcel(&mut body);
    fingers(&mut body, (506.0, 640.0), 1.0);
    if pose.arm < 0.04 {
        fingers(&mut body, (774.0, 640.0), -1.0);
    }
}

fn cloth() -> Ink {
    // Two colours are drawn in half the time of three, and the body is the largest part of the picture that moves.
    fade((452.0, 0.0), (830.0, 0.0), &[(0.0, 0x1d3a55, 1.0), (1.0, 0x386282, 1.0)])
}

fn torso(brush: &mut Brush<'_>) {
    let outline = [
        (600.0, 398.0),
        (556.0, 410.0),
        (506.0, 432.0),
        (474.0, 480.0),
        (462.0, 570.0),
        (458.0, 680.0),
        (458.0, 800.0),
        (822.0, 800.0),
        (822.0, 680.0),
        (818.0, 570.0),
        (806.0, 480.0),
        (774.0, 432.0),
        (724.0, 410.0),
        (680.0, 398.0),
    ];
    brush.fill(blob(&outline), cloth());
    brush.line(curve(&[(536.0, 470.0), (528.0, 560.0), (530.0, 660.0)]), 3.0, glaze(0x0d1c2b, 0.4));
    brush.line(curve(&[(744.0, 470.0), (752.0, 560.0), (750.0, 660.0)]), 3.0, glaze(0x0d1c2b, 0.4));
    // The courier's bright band, and the zip.
    brush.fill(
        polygon(&[(500.0, 506.0), (780.0, 506.0), (784.0, 528.0), (496.0, 528.0)]),
        fade((496.0, 0.0), (784.0, 0.0), &[(0.0, 0xa9b0a6, 1.0), (0.6, 0xe9ead9, 1.0), (1.0, 0xfff0cf, 1.0)]),
    );
    brush.fill(bar((496.0, 528.0), 288.0, 5.0), glaze(0xf5a524, 0.9));
    brush.line(curve(&[(640.0, 446.0), (641.0, 640.0)]), 4.0, flat(0x14283c));
    brush.line(curve(&[(643.0, 446.0), (644.0, 640.0)]), 1.4, glaze(0xb9c7d2, 0.6));
    brush.fill(card((690.0, 462.0), 52.0, 34.0, 5.0), flat(0xf4efe4));
    brush.fill(ellipse((703.0, 476.0), 7.0, 8.0), flat(0x7d94a8));
    for y in [470.0, 478.0, 486.0] {
        brush.line(curve(&[(715.0, y), (735.0, y)]), 2.2, glaze(0x3a4a58, 0.8));
    }
}

fn neck(brush: &mut Brush<'_>) {
    brush.fill(
        blob(&[(596.0, 402.0), (640.0, 392.0), (684.0, 402.0), (672.0, 436.0), (640.0, 456.0), (608.0, 436.0)]),
        flat(0xe6ddcf),
    );
    brush.fill(
        blob(&[
            (604.0, 356.0),
            (676.0, 356.0),
            (676.0, 404.0),
            (664.0, 426.0),
            (640.0, 434.0),
            (616.0, 426.0),
            (604.0, 404.0),
        ]),
        down(366.0, 424.0, 0x93613f, 0xc98f6a),
    );
    for lean in [-1.0, 1.0] {
        let at = |x: f32, y: f32| (640.0 + lean * x, y);
        brush.fill(
            blob(&[
                at(36.0, 392.0),
                at(56.0, 400.0),
                at(62.0, 426.0),
                at(34.0, 462.0),
                at(4.0, 456.0),
                at(26.0, 428.0),
            ]),
            down(392.0, 462.0, 0x3d6a8c, 0x21435f),
        );
        brush.line(curve(&[at(34.0, 394.0), at(30.0, 424.0), at(6.0, 454.0)]), 2.2, glaze(0x0d1c2b, 0.5));
    }
}

/// The arm that always holds the parcel.
fn resting_arm(brush: &mut Brush<'_>) {
    brush.line(
        curve(&[(506.0, 478.0), (480.0, 572.0), (488.0, 640.0)]),
        62.0,
        fade((450.0, 0.0), (520.0, 0.0), &[(0.0, 0x172f47, 1.0), (1.0, 0x2b5170, 1.0)]),
    );
    brush.line(curve(&[(484.0, 590.0), (500.0, 604.0), (512.0, 600.0)]), 2.6, glaze(0x0d1c2b, 0.45));
}

/// The arm that holds the parcel or waves.
fn moving_arm(brush: &mut Brush<'_>, pose: &Pose) {
    let shoulder = (772.0, 480.0 + pose.breath);
    let elbow = (between(802.0, 856.0, pose.arm), between(590.0, 566.0, pose.arm));
    let wrist = (between(794.0, 880.0, pose.arm), between(640.0, 424.0, pose.arm));
    let swing = pose.hand.to_radians();
    let (dx, dy) = (wrist.0 - elbow.0, wrist.1 - elbow.1);
    let wrist = (elbow.0 + dx * swing.cos() - dy * swing.sin(), elbow.1 + dx * swing.sin() + dy * swing.cos());
    if pose.arm >= 0.04 {
        // The fingers point away from the elbow.
        let angle = (wrist.0 - elbow.0).atan2(elbow.1 - wrist.1).to_degrees() + pose.hand * 0.6;
        open_hand(&mut brush.turned((0.0, 0.0), 0.0, wrist).turned((0.0, 0.0), angle, (0.0, 0.0)));
    }
    let sleeve = fade((760.0, 0.0), (900.0, 0.0), &[(0.0, 0x27496a, 1.0), (1.0, 0x477089, 1.0)]);
    brush.line(curve(&[shoulder, elbow]), 64.0, sleeve.clone());
    brush.line(curve(&[elbow, wrist]), 54.0, sleeve);
    brush.line(curve(&[(elbow.0 - 16.0, elbow.1 - 12.0), (elbow.0 - 2.0, elbow.1 - 2.0)]), 2.6, glaze(0x0d1c2b, 0.4));
    if pose.arm >= 0.04 {
        let (ux, uy) = ((wrist.0 - elbow.0), (wrist.1 - elbow.1));
        let length = (ux * ux + uy * uy).sqrt().max(1.0);
        let (nx, ny) = (-uy / length, ux / length);
        let at = (wrist.0 + ux / length * 17.0, wrist.1 + uy / length * 17.0);
        brush.line(
            curve(&[(at.0 - nx * 23.0, at.1 - ny * 23.0), (at.0 + nx * 23.0, at.1 + ny * 23.0)]),
            11.0,
            flat(0x1c3850),
        );
    }
}

/// An open hand whose wrist is at 0, 0 and whose fingers point up.
fn open_hand(brush: &mut Brush<'_>) {
    let skin = || fade((-34.0, 0.0), (40.0, 0.0), &[(0.0, 0xc68f6b, 1.0), (0.6, SKIN, 1.0), (1.0, SKIN_LIGHT, 1.0)]);
    for (from, to, width) in [
        ((-22.0, -62.0), (-31.0, -100.0), 15.0),
        ((-8.0, -68.0), (-11.0, -114.0), 16.0),
        ((7.0, -68.0), (10.0, -112.0), 16.0),
        ((21.0, -60.0), (30.0, -94.0), 14.0),
    ] {
        brush.line(curve(&[from, to]), width, skin());
    }
    brush.line(curve(&[(-20.0, -30.0), (-44.0, -50.0), (-50.0, -66.0)]), 16.0, skin());
    brush.fill(
        blob(&[(-20.0, 8.0), (-30.0, -26.0), (-29.0, -62.0), (0.0, -74.0), (28.0, -62.0), (28.0, -26.0), (20.0, 8.0)]),
        skin(),
    );
    brush.line(curve(&[(-20.0, -50.0), (2.0, -44.0), (22.0, -52.0)]), 2.0, glaze(SKIN_SHADE, 0.6));
    brush.line(curve(&[(-24.0, -30.0), (-6.0, -24.0), (0.0, -6.0)]), 2.0, glaze(SKIN_SHADE, 0.6));
}

/// Four fingers around the parcel's edge; `lean` is 1 for its left side.
fn fingers(brush: &mut Brush<'_>, (x, y): Spot, lean: f32) {
    for n in 0..4 {
        let at = y + n as f32 * 15.0;
        let reach = 27.0 - (n as f32 - 1.3).abs() * 4.0;
        brush.line(curve(&[(x, at + 2.0), (x + lean * reach, at + 4.0)]), 16.0, glaze(0x3d2413, 0.35));
        brush.line(
            curve(&[(x, at), (x + lean * reach, at)]),
            14.0,
            fade((0.0, at - 7.0), (0.0, at + 7.0), &[(0.0, SKIN_LIGHT, 1.0), (1.0, 0xbd8560, 1.0)]),
        );
        brush.fill(ellipse((x + lean * (reach + 1.0), at - 0.5), 4.0, 3.6), glaze(0xf6d9c2, 0.8));
    }
}

fn parcel(brush: &mut Brush<'_>) {
    let (x, y, width, height) = (504.0, 566.0, 272.0, 160.0);
    for side in [x - 8.0, x + width] {
        brush.fill(bar((side, y - 2.0), 8.0, height), glaze(0x0b141d, 0.35));
    }
    brush.fill(
        polygon(&[(x, y), (x + 22.0, y - 26.0), (x + width - 22.0, y - 26.0), (x + width, y)]),
        down(y - 26.0, y, 0xe2b478, 0xcf9c5e),
    );
    brush.fill(
        card((x, y), width, height, 5.0),
        fade((x, y), (x + width, y + height), &[(0.0, 0xcb975c, 1.0), (1.0, 0xaa7943, 1.0)]),
    );
    brush.fill(bar((x, y), width, 3.0), glaze(0xffe6bd, 0.6));
    brush.fill(
        polygon(&[(x + 122.0, y - 26.0), (x + 148.0, y - 26.0), (x + 150.0, y), (x + 120.0, y)]),
        glaze(0x8a5b2d, 0.75),
    );
    brush.fill(bar((x + 120.0, y), 30.0, height), glaze(0x8a5b2d, 0.7));
    brush.fill(bar((x + 124.0, y), 4.0, height), glaze(0xffe6bd, 0.25));
    brush.fill(card((x + 22.0, y + 18.0), 82.0, 56.0, 3.0), flat(0xf5f0e4));
    let mut at = x + 30.0;
    for (n, gap) in [3.0f32, 6.0, 4.0, 8.0, 3.0, 5.0, 7.0, 4.0, 6.0, 3.0, 5.0].into_iter().enumerate() {
        brush.fill(bar((at, y + 26.0), if n % 3 == 0 { 3.6 } else { 2.0 }, 20.0), flat(0x2a2622));
        at += gap;
    }
    for (n, long) in [58.0, 44.0].into_iter().enumerate() {
        brush.fill(bar((x + 30.0, y + 53.0 + n as f32 * 9.0), long, 4.0), glaze(0x2a2622, 0.7));
    }
    // This way up.
    for left in [x + 184.0, x + 222.0] {
        brush.fill(
            polygon(&[(left + 11.0, y + 24.0), (left + 23.0, y + 42.0), (left - 1.0, y + 42.0)]),
            glaze(0x5d3a1a, 0.75),
        );
        brush.fill(bar((left + 7.0, y + 42.0), 8.0, 20.0), glaze(0x5d3a1a, 0.75));
    }
    brush.fill(bar((x + 180.0, y + 68.0), 70.0, 5.0), glaze(0x5d3a1a, 0.75));
}

fn head(brush: &mut Brush<'_>, pose: &Pose) {
    for lean in [-1.0, 1.0] {
        let ear = (640.0 + lean * 70.0, 312.0);
        brush.fill(ellipse(ear, 13.0, 21.0), flat(if lean > 0.0 { 0xe0a985 } else { 0xb9825f }));
        brush.line(
            curve(&[(ear.0 + lean * 3.0, 300.0), (ear.0 + lean * 6.0, 312.0), (ear.0, 322.0)]),
            2.4,
            glaze(SKIN_SHADE, 0.7),
        );
    }
    let face = [
        (640.0, 214.0),
        (692.0, 230.0),
        (711.0, 282.0),
        (706.0, 336.0),
        (684.0, 378.0),
        (656.0, 401.0),
        (640.0, 404.0),
        (624.0, 401.0),
        (596.0, 378.0),
        (574.0, 336.0),
        (569.0, 282.0),
        (588.0, 230.0),
    ];
    brush.fill(blob(&face), fade((566.0, 330.0), (716.0, 296.0), &[(0.0, 0xba8562, 1.0), (1.0, 0xf8d0a6, 1.0)]));
    for (x, strength) in [(600.0, 0.26), (682.0, 0.3)] {
        brush.fill(
            ellipse((x, 340.0), 24.0, 17.0),
            glow((x, 340.0), 24.0, &[(0.0, 0xd96f57, strength), (1.0, 0xd96f57, 0.0)]),
        );
    }
    hair(brush);
    eyes(brush, pose);
    // The nose: a shadow on one side, the tip, light along its back.
    brush.line(curve(&[(634.0, 300.0), (628.0, 326.0), (626.0, 336.0), (634.0, 342.0)]), 3.0, glaze(0x9a6344, 0.75));
    brush.line(curve(&[(634.0, 342.0), (642.0, 344.0), (651.0, 340.0)]), 3.0, glaze(0x9a6344, 0.75));
    brush.line(curve(&[(643.0, 296.0), (645.0, 328.0)]), 5.0, glaze(0xffe6c8, 0.34));
    mouth(brush, pose);
    brush.line(curve(&[(630.0, 393.0), (640.0, 395.0), (650.0, 393.0)]), 2.6, glaze(SKIN_SHADE, 0.5));
}

fn hair(brush: &mut Brush<'_>) {
    let mass = [
        (564.0, 306.0),
        (560.0, 262.0),
        (572.0, 218.0),
        (602.0, 190.0),
        (646.0, 180.0),
        (688.0, 190.0),
        (714.0, 222.0),
        (720.0, 264.0),
        (716.0, 306.0),
        (706.0, 290.0),
        (702.0, 262.0),
        (684.0, 244.0),
        (650.0, 252.0),
        (616.0, 242.0),
        (590.0, 256.0),
        (578.0, 276.0),
        (574.0, 292.0),
    ];
    brush.fill(blob(&mass), fade((560.0, 250.0), (724.0, 210.0), &[(0.0, 0x231610, 1.0), (1.0, 0x66432c, 1.0)]));
    for (spots, strength) in [
        ([(590.0, 232.0), (616.0, 206.0), (654.0, 198.0)], 0.5),
        ([(604.0, 236.0), (634.0, 214.0), (676.0, 210.0)], 0.45),
        ([(660.0, 240.0), (686.0, 222.0), (704.0, 244.0)], 0.5),
    ] {
        brush.line(curve(&spots), 4.0, glaze(0x7d5438, strength));
    }
}

fn eyes(brush: &mut Brush<'_>, pose: &Pose) {
    let lift = 3.0 * pose.arm + 1.6 * pose.mouth;
    for (x, lean) in [(611.0, -1.0), (669.0, 1.0)] {
        brush.fill(ellipse((x, 301.0), 19.0, 13.0), glaze(0x8d5a3d, 0.2));
        let open = 1.0 - pose.lids;
        if open > 0.15 {
            let height = 8.6 * open;
            brush.fill(ellipse((x, 302.0), 14.5, height), flat(0xfaf5ee));
            let look = (x + pose.gaze * 3.4, 302.0);
            let iris = 7.2_f32;
            brush.fill(ellipse(look, iris, iris.min(height)), flat(0x5a3a22));
            brush.fill(ellipse(look, 3.8, height.min(3.8)), flat(0x130c08));
            brush.fill(ellipse((look.0 + 2.6, look.1 - 2.6 * open), 2.0, 2.0 * open), flat(0xffffff));
        } else {
            brush.fill(ellipse((x, 302.0), 15.0, 5.0), flat(0xd09a76));
        }
        let lid = 302.0 - 8.8 * open + 3.0 * pose.lids;
        brush.line(
            curve(&[(x - 16.0, 303.0), (x - 7.0, lid + 0.6), (x + 7.0, lid + 0.6), (x + 16.0, 303.0)]),
            3.2,
            flat(0x2b1a12),
        );
        brush.line(curve(&[(x - 12.0, 312.0), (x, 315.0), (x + 12.0, 312.0)]), 1.8, glaze(SKIN_SHADE, 0.5));
        let brow = [(x - lean * 17.0, 283.0 - lift), (x, 277.0 - lift), (x + lean * 19.0, 284.0 - lift)];
        brush.line(curve(&brow), 6.4, flat(0x2e1f18));
    }
}

fn mouth(brush: &mut Brush<'_>, pose: &Pose) {
    let y = 365.0;
    if pose.mouth < 0.08 {
        brush.line(
            curve(&[(611.0, y - 5.0), (624.0, y + 4.0), (641.0, y + 8.0), (658.0, y + 4.0), (671.0, y - 5.0)]),
            4.6,
            flat(0x8d4337),
        );
        brush.line(curve(&[(626.0, y + 14.0), (641.0, y + 17.0), (656.0, y + 14.0)]), 3.4, glaze(0xc97e68, 0.55));
        for x in [608.0, 674.0] {
            brush.line(curve(&[(x, y - 9.0), (x, y - 2.0)]), 2.4, glaze(SKIN_SHADE, 0.55));
        }
        return;
    }
    let half = 22.0 + 5.0 * pose.vowel - 4.0 * pose.mouth;
    let drop = 3.0 + 15.0 * pose.mouth;
    let lips = [
        (641.0 - half, y),
        (641.0 - half * 0.4, y - 5.0),
        (641.0 + half * 0.4, y - 5.0),
        (641.0 + half, y),
        (641.0 + half * 0.55, y + drop),
        (641.0, y + drop + 3.0),
        (641.0 - half * 0.55, y + drop),
    ];
    brush.fill(blob(&lips), flat(0x4a1a18));
    brush.fill(card((641.0 - half * 0.62, y - 4.5), half * 1.24, 5.5, 2.4), flat(0xfbf4ea));
    if pose.mouth > 0.4 {
        brush.fill(ellipse((641.0, y + drop - 1.0), half * 0.46, 4.4), flat(0xb9544c));
    }
    brush.line(blob(&lips), 3.6, flat(0x9c4c40));
}
