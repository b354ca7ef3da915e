//! Pictures of the camera as the renderer takes them.

use slint::{Image, Rgb8Pixel, Rgba8Pixel, SharedPixelBuffer};
use yuv::{YuvPlanarImage, YuvRange, YuvStandardMatrix};

use crate::frame::{Colour, Frame, Matrix, Pixels, Planes};

/// The picture of what has none. An empty [`Image`] is not even equal to itself: whatever bears one would be taken for
/// changed whenever it is looked at, and drawn again.
pub(super) fn none() -> Image {
    thread_local!(static NONE: Image = Image::from_rgb8(SharedPixelBuffer::new(1, 1)));
    NONE.with(Image::clone)
}

/// Two buffers that take turns: one is on the screen, the other is painted.
#[derive(Default)]
pub(super) struct Canvas {
    buffers: [Option<SharedPixelBuffer<Rgb8Pixel>>; 2],
    turn: usize,
}

impl Canvas {
    /// The picture of a frame; nothing for a frame whose planes are not as large as it says.
    pub(super) fn paint(&mut self, frame: &Frame) -> Option<Image> {
        match &frame.pixels {
            Pixels::Rgba(rgba) => {
                if rgba.len() != frame.width as usize * frame.height as usize * 4 {
                    return None;
                }
                let buffer = SharedPixelBuffer::<Rgba8Pixel>::clone_from_slice(rgba, frame.width, frame.height);
                Some(Image::from_rgba8(buffer))
            }
            Pixels::Yuv420(planes, colour) => self.convert(frame, &**planes, *colour),
        }
    }

    fn convert(&mut self, frame: &Frame, planes: &dyn Planes, colour: Colour) -> Option<Image> {
        self.turn ^= 1;
        let buffer = self.buffers.get_mut(self.turn)?;
        let same_size = |old: &SharedPixelBuffer<_>| (old.width(), old.height()) == (frame.width, frame.height);
        let mut pixels =
            buffer.take().filter(same_size).unwrap_or_else(|| SharedPixelBuffer::new(frame.width, frame.height));
        let ((y_plane, y_stride), (u_plane, u_stride), (v_plane, v_stride)) =
            (planes.plane(0), planes.plane(1), planes.plane(2));
        let (width, height) = (frame.width, frame.height);
        let image = YuvPlanarImage { y_plane, y_stride, u_plane, u_stride, v_plane, v_stride, width, height };
        let range = if colour.full_range { YuvRange::Full } else { YuvRange::Limited };
        let matrix = match colour.matrix {
            Matrix::Bt601 => YuvStandardMatrix::Bt601,
            Matrix::Bt709 => YuvStandardMatrix::Bt709,
            Matrix::Bt2020 => YuvStandardMatrix::Bt2020,
        };
        yuv::yuv420_to_rgb(&image, pixels.make_mut_bytes(), frame.width * 3, range, matrix)
            .inspect_err(|error| tracing::debug!("a picture that cannot be drawn: {error}"))
            .ok()?;
        Some(Image::from_rgb8(buffer.insert(pixels).clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    /// One colour everywhere, in rows that are longer than the picture is wide.
    struct Plain {
        planes: [Vec<u8>; 3],
    }

    const WIDTH: u32 = 5;
    const HEIGHT: u32 = 3;
    const STRIDE: u32 = 8;

    impl Planes for Plain {
        fn plane(&self, index: u32) -> (&[u8], u32) {
            (&self.planes[index as usize], STRIDE)
        }
    }

    fn frame(yuv: [u8; 3], rows: usize, colour: Colour) -> Frame {
        let planes = Plain { planes: yuv.map(|value| vec![value; STRIDE as usize * rows]) };
        let pixels = Pixels::Yuv420(Box::new(planes), colour);
        Frame { width: WIDTH, height: HEIGHT, pixels, decoded_at: Instant::now() }
    }

    fn shown(canvas: &mut Canvas, frame: &Frame) -> [u8; 3] {
        let picture = canvas.paint(frame).expect("it can be drawn").to_rgb8().expect("it has no alpha");
        assert_eq!((picture.width(), picture.height()), (WIDTH, HEIGHT));
        let first = picture.as_slice()[0];
        assert!(picture.as_slice().iter().all(|pixel| *pixel == first));
        [first.r, first.g, first.b]
    }

    #[test]
    fn colours_follow_matrix_and_range() {
        let mut canvas = Canvas::default();
        let of = |matrix, full_range| Colour { matrix, full_range };
        let near = |seen: [u8; 3], wanted: [u8; 3]| seen.iter().zip(wanted).all(|(a, b)| a.abs_diff(b) <= 2);
        // Black and white of both ranges; pure red as BT.601 and BT.709 write it.
        for (yuv, colour, rgb) in [
            ([16, 128, 128], of(Matrix::Bt601, false), [0, 0, 0]),
            ([235, 128, 128], of(Matrix::Bt709, false), [255, 255, 255]),
            ([255, 128, 128], of(Matrix::Bt601, true), [255, 255, 255]),
            ([82, 90, 240], of(Matrix::Bt601, false), [255, 0, 0]),
            ([63, 102, 240], of(Matrix::Bt709, false), [255, 0, 0]),
        ] {
            let seen = shown(&mut canvas, &frame(yuv, 3, colour));
            assert!(near(seen, rgb), "{yuv:?} as {colour:?} gives {seen:?} in the place of {rgb:?}");
        }
    }

    #[test]
    fn a_picture_on_the_screen_is_not_painted_over() {
        let mut canvas = Canvas::default();
        let colour = Colour { matrix: Matrix::Bt601, full_range: true };
        let first = canvas.paint(&frame([10, 128, 128], 3, colour)).and_then(|picture| picture.to_rgb8());
        for luma in 100..104 {
            shown(&mut canvas, &frame([luma, 128, 128], 3, colour));
        }
        assert_eq!(first.expect("drawn").as_slice()[0].r, 10);
    }

    #[test]
    fn planes_that_are_too_short_draw_nothing() {
        let colour = Colour { matrix: Matrix::Bt601, full_range: false };
        assert!(Canvas::default().paint(&frame([0, 0, 0], 1, colour)).is_none());
    }
}
