//! A thin layer over tiny-skia: shapes by their points, colours by their hex value, all under one transform.

use tiny_skia::{
    Color, FillRule, GradientStop, LineCap, LineJoin, LinearGradient, Paint, Path, PathBuilder, Pixmap, Point,
    RadialGradient, Rect, Shader, SpreadMode, Stroke, Transform,
};

/// A point on the stage.
pub type Spot = (f32, f32);

/// What a shape is filled with.
pub type Ink = Shader<'static>;

/// Draws on a picture.
pub struct Brush<'a> {
    picture: &'a mut Pixmap,
    transform: Transform,
}

/// A colour by its hex value `0xRRGGBB` and its opacity from 0 to 1.
pub fn colour(hex: u32, opacity: f32) -> Color {
    let [_, red, green, blue] = hex.to_be_bytes();
    Color::from_rgba8(red, green, blue, (opacity.clamp(0.0, 1.0) * 255.0).round() as u8)
}

/// One colour all over.
pub fn flat(hex: u32) -> Ink {
    Shader::SolidColor(colour(hex, 1.0))
}

/// One colour that lets through what is below.
pub fn glaze(hex: u32, opacity: f32) -> Ink {
    Shader::SolidColor(colour(hex, opacity))
}

fn stops(of: &[(f32, u32, f32)]) -> Vec<GradientStop> {
    of.iter().map(|(at, hex, opacity)| GradientStop::new(*at, colour(*hex, *opacity))).collect()
}

fn point((x, y): Spot) -> Point {
    Point::from_xy(x, y)
}

/// Colours that change from one spot to another; each stop is its place from 0 to 1, its colour and its opacity.
pub fn fade(from: Spot, to: Spot, of: &[(f32, u32, f32)]) -> Ink {
    let made = LinearGradient::new(point(from), point(to), stops(of), SpreadMode::Pad, Transform::identity());
    made.unwrap_or_else(|| flat(of.first().map_or(0, |stop| stop.1)))
}

/// Two opaque colours, one below the other.
pub fn down(top: f32, bottom: f32, upper: u32, lower: u32) -> Ink {
    fade((0.0, top), (0.0, bottom), &[(0.0, upper, 1.0), (1.0, lower, 1.0)])
}

/// Colours that change with the distance from a spot.
pub fn glow(centre: Spot, radius: f32, of: &[(f32, u32, f32)]) -> Ink {
    let centre = point(centre);
    let made = RadialGradient::new(centre, 0.0, centre, radius, stops(of), SpreadMode::Pad, Transform::identity());
    made.unwrap_or_else(|| flat(of.first().map_or(0, |stop| stop.1)))
}

/// A closed shape with straight sides.
pub fn polygon(corners: &[Spot]) -> Option<Path> {
    let mut path = PathBuilder::new();
    for (n, (x, y)) in corners.iter().enumerate() {
        if n == 0 { path.move_to(*x, *y) } else { path.line_to(*x, *y) }
    }
    path.close();
    path.finish()
}

/// A closed smooth shape through these spots (Catmull-Rom).
pub fn blob(spots: &[Spot]) -> Option<Path> {
    smooth(spots, true)
}

/// An open smooth line through these spots.
pub fn curve(spots: &[Spot]) -> Option<Path> {
    smooth(spots, false)
}

fn smooth(spots: &[Spot], closed: bool) -> Option<Path> {
    let count = spots.len();
    let at = |n: isize| {
        let last = count as isize - 1;
        if closed { spots[n.rem_euclid(count as isize) as usize] } else { spots[n.clamp(0, last) as usize] }
    };
    let mut path = PathBuilder::new();
    let first = spots.first()?;
    path.move_to(first.0, first.1);
    let pieces = if closed { count } else { count - 1 };
    for n in 0..pieces as isize {
        let (a, b, c, d) = (at(n - 1), at(n), at(n + 1), at(n + 2));
        path.cubic_to(
            b.0 + (c.0 - a.0) / 6.0,
            b.1 + (c.1 - a.1) / 6.0,
            c.0 - (d.0 - b.0) / 6.0,
            c.1 - (d.1 - b.1) / 6.0,
            c.0,
            c.1,
        );
    }
    if closed {
        path.close();
    }
    path.finish()
}

/// An ellipse by its centre and its two radii.
pub fn ellipse((x, y): Spot, rx: f32, ry: f32) -> Option<Path> {
    PathBuilder::from_oval(Rect::from_ltrb(x - rx, y - ry, x + rx, y + ry)?)
}

/// A rectangle by its upper left corner and its size.
pub fn bar((x, y): Spot, width: f32, height: f32) -> Option<Path> {
    Some(PathBuilder::from_rect(Rect::from_xywh(x, y, width, height)?))
}

/// A rectangle with round corners.
pub fn card((x, y): Spot, width: f32, height: f32, radius: f32) -> Option<Path> {
    let (right, bottom) = (x + width, y + height);
    let bend = radius * 0.448;
    let mut path = PathBuilder::new();
    path.move_to(x + radius, y);
    path.line_to(right - radius, y);
    path.cubic_to(right - bend, y, right, y + bend, right, y + radius);
    path.line_to(right, bottom - radius);
    path.cubic_to(right, bottom - bend, right - bend, bottom, right - radius, bottom);
    path.line_to(x + radius, bottom);
    path.cubic_to(x + bend, bottom, x, bottom - bend, x, bottom - radius);
    path.line_to(x, y + radius);
    path.cubic_to(x, y + bend, x + bend, y, x + radius, y);
    path.close();
    path.finish()
}

impl<'a> Brush<'a> {
    /// A brush for this picture; `transform` leads from the stage to its pixels.
    pub fn new(picture: &'a mut Pixmap, transform: Transform) -> Self {
        Self { picture, transform }
    }

    /// The same picture, moved and turned (in degrees) about a spot.
    pub fn turned(&mut self, about: Spot, degrees: f32, by: Spot) -> Brush<'_> {
        let turn =
            Transform::from_translate(by.0, by.1).pre_concat(Transform::from_rotate_at(degrees, about.0, about.1));
        Brush { transform: self.transform.pre_concat(turn), picture: self.picture }
    }

    /// Fills a shape. A shape that is none, because its points are, is not drawn.
    pub fn fill(&mut self, shape: Option<Path>, ink: Ink) {
        if let Some(path) = shape {
            let paint = Paint { shader: ink, anti_alias: true, ..Paint::default() };
            self.picture.as_mut().fill_path(&path, &paint, FillRule::Winding, self.transform, None);
        }
    }

    /// Draws a shape's outline with round ends.
    pub fn line(&mut self, shape: Option<Path>, width: f32, ink: Ink) {
        if let Some(path) = shape {
            let paint = Paint { shader: ink, anti_alias: true, ..Paint::default() };
            let stroke = Stroke { width, line_cap: LineCap::Round, line_join: LineJoin::Round, ..Stroke::default() };
            self.picture.as_mut().stroke_path(&path, &paint, &stroke, self.transform, None);
        }
    }
}
