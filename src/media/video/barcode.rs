//! A clock and a counter drawn into a picture, readable after encoding, loss and scaling: how tests and the latency bench tell which
//! frame they see and how old it is.
//!
//! 96 cells lie in [`ROWS`] rows of [`COLUMNS`] across the top of the picture, black for 0 and white for 1, most significant bit first: a
//! 48-bit clock, a 24-bit counter, and a 24-bit check over both.

/// Cells in a row.
pub const COLUMNS: usize = 32;
/// Rows of cells.
pub const ROWS: usize = 3;

const CLOCK_BITS: u32 = 48;
const COUNTER_BITS: u32 = 24;

/// What a barcode says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Barcode {
    /// A clock of the painter's choice, 48 bits; microseconds by habit.
    pub clock: u64,
    /// The frame counter, 24 bits.
    pub counter: u32,
}

/// The side of one cell in pixels for a picture of this width.
fn cell(width: usize) -> f32 {
    width as f32 / COLUMNS as f32
}

/// How many pixel rows the barcode covers in a picture of this width.
pub fn height(width: u32) -> u32 {
    (cell(width as usize) * ROWS as f32).ceil() as u32
}

impl Barcode {
    /// Draws the code over the top of an RGBA picture. A picture that is too low for it is left as it is.
    pub fn draw(self, rgba: &mut [u8], width: u32, picture_height: u32) {
        if width == 0 || height(width) > picture_height || rgba.len() < width as usize * picture_height as usize * 4 {
            return;
        }
        let bits = self.bits();
        let width = width as usize;
        let side = cell(width);
        for (y, line) in rgba.chunks_exact_mut(width * 4).take(height(width as u32) as usize).enumerate() {
            let row = ((y as f32 / side) as usize).min(ROWS - 1);
            for (x, pixel) in line.chunks_exact_mut(4).enumerate() {
                let column = ((x as f32 / side) as usize).min(COLUMNS - 1);
                let shade = if bits >> (ROWS * COLUMNS - 1 - row * COLUMNS - column) & 1 == 1 { 235 } else { 16 };
                pixel.copy_from_slice(&[shade, shade, shade, 255]);
            }
        }
    }

    /// Reads the code from the top of an RGBA picture. `None` when there is none or it is damaged.
    pub fn read(rgba: &[u8], width: u32, picture_height: u32) -> Option<Self> {
        if width < COLUMNS as u32 || height(width) > picture_height {
            return None;
        }
        let width = width as usize;
        let side = cell(width);
        let mut bits = 0u128;
        for row in 0..ROWS {
            for column in 0..COLUMNS {
                let (x, y) = (((column as f32 + 0.5) * side) as usize, ((row as f32 + 0.5) * side) as usize);
                let reach = (side / 5.0) as usize;
                let (mut sum, mut count) = (0u32, 0u32);
                for py in y.saturating_sub(reach)..=y + reach {
                    for px in x.saturating_sub(reach)..=x + reach {
                        let at = (py * width + px) * 4;
                        sum += u32::from(*rgba.get(at + 1)?);
                        count += 1;
                    }
                }
                bits = bits << 1 | u128::from(sum / count > 125);
            }
        }
        Self::from_bits(bits)
    }

    fn bits(self) -> u128 {
        let clock = self.clock & ((1 << CLOCK_BITS) - 1);
        let counter = u64::from(self.counter) & ((1 << COUNTER_BITS) - 1);
        u128::from(clock) << 48 | u128::from(counter) << 24 | u128::from(check(clock, counter))
    }

    fn from_bits(bits: u128) -> Option<Self> {
        let clock = (bits >> 48) as u64;
        let counter = (bits >> 24) as u64 & ((1 << COUNTER_BITS) - 1);
        let stated = bits as u64 & ((1 << 24) - 1);
        (check(clock, counter) == stated).then_some(Self { clock, counter: counter as u32 })
    }
}

/// FNV-1a over the bytes of both values, folded to 24 bits; never what an all-black or all-white picture says.
fn check(clock: u64, counter: u64) -> u64 {
    let bytes = clock.to_be_bytes().into_iter().chain(counter.to_be_bytes());
    let hash =
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    (hash ^ hash >> 24 ^ hash >> 48) & ((1 << 24) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, picture_height: u32) -> Vec<u8> {
        vec![90; (width * picture_height * 4) as usize]
    }

    #[test]
    fn what_is_drawn_is_read_at_every_size() {
        for (width, high) in [(640, 480), (1280, 720), (800, 450), (330, 200)] {
            let code = Barcode { clock: 0x1234_5678_9abc, counter: 0x00be_ef01 & 0xff_ffff };
            let mut rgba = picture(width, high);
            code.draw(&mut rgba, width, high);
            assert_eq!(Barcode::read(&rgba, width, high), Some(code), "{width}×{high}");
        }
    }

    #[test]
    fn an_even_picture_and_a_damaged_code_are_not_read() {
        let mut rgba = picture(640, 480);
        assert_eq!(Barcode::read(&rgba, 640, 480), None);
        rgba.fill(255);
        assert_eq!(Barcode::read(&rgba, 640, 480), None);
        Barcode { clock: 7, counter: 9 }.draw(&mut rgba, 640, 480);
        // One cell of the first row turns over.
        for line in rgba.chunks_exact_mut(640 * 4).take(20) {
            line[..20 * 4].fill(255);
        }
        assert_eq!(Barcode::read(&rgba, 640, 480), None);
    }

    #[test]
    fn a_picture_that_is_too_small_is_left_alone() {
        let mut rgba = picture(16, 1);
        Barcode { clock: 1, counter: 1 }.draw(&mut rgba, 16, 1);
        assert_eq!(rgba, picture(16, 1));
        assert_eq!(Barcode::read(&rgba, 16, 1), None);
    }
}
