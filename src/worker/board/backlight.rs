//! The back-light of the panel's own screen, as the kernel shows it under `/sys/class/backlight`.
//!
//! A screen without one (by HDMI, say) cannot be dimmed; on the legacy framebuffer it can at least be switched off.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use crate::config::{FileError, FileFault};

/// `bl_power`, and the argument of FBIOBLANK: on, and off altogether (`include/uapi/linux/fb.h`).
const UNBLANK: u8 = 0;
const POWERDOWN: u8 = 4;

/// `_IO('F', 0x11)`.
const FBIOBLANK: libc::c_ulong = 0x4611;

/// Something that makes the screen bright and dark.
pub trait Backlight: Send {
    /// So bright from now on, in percent; 0 is dark.
    ///
    /// # Errors
    /// The file that could not be written, and why.
    fn set(&mut self, percent: u8) -> Result<(), FileError>;
}

/// The back-light of this machine, if it has one that this program can have something to do with.
pub fn find(sys: &Path, framebuffer: &Path) -> Option<Box<dyn Backlight>> {
    if let Some(found) = Sysfs::find(sys) {
        tracing::info!("back-light: {}", found.folder.display());
        return Some(Box::new(found));
    }
    let blank = Blank::open(framebuffer)?;
    tracing::info!("no back-light; the screen can be switched off through {}", framebuffer.display());
    Some(Box::new(blank))
}

/// The back-light that would be taken, and whether it can be changed; `None` where there is none.
pub fn look(sys: &Path) -> Option<Result<PathBuf, FileError>> {
    let found = Sysfs::find(sys)?;
    let file = found.folder.join("brightness");
    let opened = OpenOptions::new().write(true).open(&file);
    Some(opened.map(|_| found.folder).map_err(|error| FileFault::from(error).of(file)))
}

/// One of `/sys/class/backlight`.
struct Sysfs {
    folder: PathBuf,
    /// The number that is as bright as it gets.
    most: u32,
}

impl Sysfs {
    /// Of several the one that the kernel's documentation prefers, by what drives it; of equals the first by name.
    fn find(sys: &Path) -> Option<Self> {
        let folders = fs::read_dir(sys.join("class/backlight")).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
        let usable = folders.filter_map(|folder| {
            let most = text(&folder.join("max_brightness"))?.parse().ok().filter(|most| *most > 0)?;
            let rank = match text(&folder.join("type")).as_deref() {
                Some("firmware") => 0,
                Some("platform") => 1,
                _ => 2,
            };
            Some((rank, Self { folder, most }))
        });
        usable.min_by_key(|(rank, found)| (*rank, found.folder.clone())).map(|(_, found)| found)
    }

    fn write(&self, name: &str, value: u32) -> Result<(), FileError> {
        let file = self.folder.join(name);
        // Not created where it is not there: these files are the kernel's.
        let written =
            OpenOptions::new().write(true).truncate(true).open(&file).and_then(|mut to| writeln!(to, "{value}"));
        written.map_err(|error| FileFault::from(error).of(file))
    }
}

impl Backlight for Sysfs {
    fn set(&mut self, percent: u8) -> Result<(), FileError> {
        let share = u64::from(self.most) * u64::from(percent.min(100));
        let level = u32::try_from(share.div_ceil(100)).unwrap_or(self.most);
        self.write("brightness", level)?;
        // Level 0 still glows on some panels. Where the power cannot be switched, the level has to do.
        let power = if percent == 0 { POWERDOWN } else { UNBLANK };
        if let Err(error) = self.write("bl_power", power.into()) {
            tracing::debug!("{error}");
        }
        Ok(())
    }
}

/// A framebuffer that can be switched on and off, and nothing between.
struct Blank {
    file: File,
    dark: Option<bool>,
}

impl Blank {
    fn open(framebuffer: &Path) -> Option<Self> {
        let file = OpenOptions::new().read(true).write(true).open(framebuffer).ok()?;
        Some(Self { file, dark: None })
    }
}

impl Backlight for Blank {
    fn set(&mut self, percent: u8) -> Result<(), FileError> {
        let dark = percent == 0;
        if self.dark.replace(dark) != Some(dark)
            && let Err(error) = blank(&self.file, if dark { POWERDOWN } else { UNBLANK })
        {
            // The driver cannot, or DRM draws there: then the black page has to do.
            tracing::debug!("the framebuffer is not switched: {error}");
        }
        Ok(())
    }
}

#[allow(unsafe_code)]
fn blank(framebuffer: &File, power: u8) -> io::Result<()> {
    // SAFETY: the descriptor is open for as long as the reference lives, and FBIOBLANK takes a number, no pointer.
    let outcome = unsafe { libc::ioctl(framebuffer.as_raw_fd(), FBIOBLANK, libc::c_ulong::from(power)) };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// What stands in a file of the kernel, without its line end.
pub(super) fn text(file: &Path) -> Option<String> {
    fs::read_to_string(file).ok().map(|text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::board::testing::Tree;

    fn backlight(tree: &Tree, name: &str, kind: &str, most: &str) {
        for (file, value) in [("max_brightness", most), ("type", kind), ("brightness", "7"), ("bl_power", "0")] {
            tree.put(&format!("class/backlight/{name}/{file}"), value);
        }
    }

    #[test]
    fn a_level_is_written_as_the_kernel_counts_it_and_dark_is_off() {
        let tree = Tree::new();
        backlight(&tree, "panel", "raw", "255");
        let mut found = find(tree.root(), Path::new("/nonexistent")).expect("it is there");
        for (percent, level, power) in
            [(100, "255", "0"), (50, "128", "0"), (1, "3", "0"), (0, "0", "4"), (5, "13", "0")]
        {
            assert_eq!(found.set(percent), Ok(()));
            assert_eq!(tree.get("class/backlight/panel/brightness"), level, "{percent} %");
            assert_eq!(tree.get("class/backlight/panel/bl_power"), power, "{percent} %");
        }
    }

    #[test]
    fn of_several_the_one_of_the_firmware_is_taken_and_none_without_levels() {
        let tree = Tree::new();
        backlight(&tree, "a-raw", "raw", "100");
        backlight(&tree, "b-broken", "firmware", "0");
        backlight(&tree, "c-platform", "platform", "100");
        backlight(&tree, "d-firmware", "firmware", "10");
        let mut found = find(tree.root(), Path::new("/nonexistent")).expect("it is there");
        assert_eq!(found.set(100), Ok(()));
        assert_eq!(tree.get("class/backlight/d-firmware/brightness"), "10");
        assert_eq!(tree.get("class/backlight/a-raw/brightness"), "7", "as it was");
    }

    #[test]
    fn what_cannot_be_written_is_named() {
        let tree = Tree::new();
        backlight(&tree, "panel", "raw", "255");
        let mut found = find(tree.root(), Path::new("/nonexistent")).expect("it is there");
        let file = tree.root().join("class/backlight/panel/brightness");
        std::fs::remove_file(&file).expect("it was there");
        assert_eq!(found.set(40), Err(FileFault::Missing.of(file)));
    }

    #[test]
    fn without_a_back_light_and_a_framebuffer_there_is_nothing() {
        let tree = Tree::new();
        assert!(find(tree.root(), &tree.root().join("fb0")).is_none());
        // A file that is no framebuffer is refused by the kernel, and that is no trouble.
        tree.put("fb0", "");
        let mut blank = find(tree.root(), &tree.root().join("fb0")).expect("it can be opened");
        assert_eq!((blank.set(0), blank.set(50)), (Ok(()), Ok(())));
    }
}
