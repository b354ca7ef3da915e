//! The sensor of the light that falls on the panel, as the kernel's Industrial I/O shows it under `/sys/bus/iio`.

use std::fs;
use std::path::{Path, PathBuf};

use super::backlight::text;
use crate::config::{FileError, FileFault};

/// Something that measures how bright it is.
pub trait LightSensor: Send {
    /// In lux.
    ///
    /// # Errors
    /// The file that could not be read, and why.
    fn lux(&mut self) -> Result<f32, FileError>;
}

/// The sensor of this machine.
///
/// # Errors
/// The folder in which there is none.
pub fn find(sys: &Path) -> Result<Box<dyn LightSensor>, FileError> {
    let devices = sys.join("bus/iio/devices");
    let mut folders: Vec<_> =
        fs::read_dir(&devices).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect();
    folders.sort();
    let found = folders.iter().find_map(|folder| Iio::of(folder));
    found.map(|found| Box::new(found) as Box<dyn LightSensor>).ok_or_else(|| FileFault::Missing.of(devices))
}

/// One device of Industrial I/O.
#[derive(Debug)]
struct Iio {
    /// `…_input` in lux, or `…_raw` in whatever the device counts.
    value: PathBuf,
    /// What a raw value is to be multiplied with, once `offset` was added, to be lux.
    scale: f32,
    offset: f32,
}

impl Iio {
    /// The channel of light of a device: `in_illuminance`, with or without a number.
    fn of(folder: &Path) -> Option<Self> {
        let mut names: Vec<String> =
            fs::read_dir(folder).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        names.sort();
        let of_light = |name: &&String| name.starts_with("in_illuminance");
        let with_end = |end: &'static str| names.iter().filter(of_light).find(move |name| name.ends_with(end));
        if let Some(name) = with_end("_input") {
            return Some(Self { value: folder.join(name), scale: 1.0, offset: 0.0 });
        }
        let name = with_end("_raw")?;
        let channel = name.strip_suffix("_raw")?;
        // Of one channel, or of all channels of its kind.
        let factor = |what: &str| {
            [channel, "in_illuminance"].iter().find_map(|of| text(&folder.join(format!("{of}_{what}")))?.parse().ok())
        };
        let (scale, offset) = (factor("scale").unwrap_or(1.0), factor("offset").unwrap_or(0.0));
        Some(Self { value: folder.join(name), scale, offset })
    }
}

impl LightSensor for Iio {
    fn lux(&mut self) -> Result<f32, FileError> {
        let fault = |fault: FileFault| fault.of(&self.value);
        let read = fs::read_to_string(&self.value).map_err(|error| fault(error.into()))?;
        let value: f32 = read.trim().parse().map_err(|_| fault(FileFault::NotText))?;
        Ok((value + self.offset) * self.scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::board::testing::Tree;

    const DEVICE: &str = "bus/iio/devices/iio:device1";

    fn lux(tree: &Tree) -> Result<f32, FileError> {
        find(tree.root()).and_then(|mut sensor| sensor.lux())
    }

    #[test]
    fn what_the_device_counts_becomes_lux() {
        let tree = Tree::new();
        tree.put("bus/iio/devices/iio:device0/in_accel_x_raw", "12");
        tree.put(&format!("{DEVICE}/in_illuminance_raw"), "400");
        assert_eq!(lux(&tree), Ok(400.0));
        tree.put(&format!("{DEVICE}/in_illuminance_scale"), "0.25");
        assert_eq!(lux(&tree), Ok(100.0));
        tree.put(&format!("{DEVICE}/in_illuminance_offset"), "-100");
        assert_eq!(lux(&tree), Ok(75.0));
        tree.put(&format!("{DEVICE}/in_illuminance0_input"), "33.5\n");
        assert_eq!(lux(&tree), Ok(33.5), "what is in lux already is taken as it is");
    }

    #[test]
    fn no_sensor_and_one_that_has_gone_are_named() {
        let tree = Tree::new();
        let devices = tree.root().join("bus/iio/devices");
        assert_eq!(lux(&tree), Err(FileFault::Missing.of(&devices)));
        tree.put(&format!("{DEVICE}/in_illuminance_input"), "1");
        let mut sensor = find(tree.root()).expect("it is there");
        assert_eq!(sensor.lux(), Ok(1.0));
        let file = devices.join("iio:device1/in_illuminance_input");
        tree.put(&format!("{DEVICE}/in_illuminance_input"), "bright");
        assert_eq!(sensor.lux(), Err(FileFault::NotText.of(&file)));
        std::fs::remove_file(&file).expect("it was there");
        assert_eq!(sensor.lux(), Err(FileFault::Missing.of(&file)));
    }
}
