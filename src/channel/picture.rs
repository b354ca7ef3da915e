//! Kept pictures of visitors: their names, and what the screen gets of them.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use super::CallHandle;

/// What the name of each picture ends with.
const ENDING: &str = ".jpg";
/// The longest part of a name: any u64 fits.
const DIGITS: usize = 20;

/// The name of the file of a picture: when the call began, in ms since 1970, and which one it was,
/// `1795921965123-7.jpg`. Whatever is named otherwise is never read, shown or deleted as a picture.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct PictureName(String);

impl PictureName {
    /// Of the call that began then.
    pub fn of(began: SystemTime, call: CallHandle) -> Self {
        let since = began.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self(format!("{}-{}{ENDING}", since.as_millis(), call.0))
    }

    /// The name, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        let (at, call) = text.strip_suffix(ENDING)?.split_once('-')?;
        let is_count = |text: &str| (1..=DIGITS).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        (is_count(at) && is_count(call)).then(|| Self(text.to_owned()))
    }

    /// The name as it stands in the folder.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PictureName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for PictureName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("is not the name of a picture"))
    }
}

/// The picture of a visitor, in a line of the call log.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct VisitorPicture {
    /// Its file, in the folder of the pictures.
    pub file: PictureName,
    /// How large the file is, in bytes.
    pub bytes: u32,
}

/// How large the screen wants a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PictureSize {
    /// So many pixels wide, as high as its shape makes it: for a row of a list.
    Width(u32),
    /// No more pixels wide and high than that, its shape kept; a small one as it is.
    Within(u32, u32),
    /// As it is.
    Whole,
}

/// A picture as the screen draws it.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Red, green and blue of each pixel, top row first, rows without padding: `width * height * 3` bytes.
    pub rgb: Arc<[u8]>,
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Picture({}×{})", self.width, self.height)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_name_says_when_and_which_call_and_nothing_else_is_one() {
        let name = PictureName::of(SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_921_965_123), CallHandle(7));
        assert_eq!(name.as_str(), "1795921965123-7.jpg");
        assert_eq!(PictureName::parse("1795921965123-7.jpg"), Some(name));
        for other in
            ["", ".jpg", "-.jpg", "1-.jpg", "../1-2.jpg", "1-2.jpg.new", "1-2.png", "1/2-3.jpg", "١-2.jpg", "1-2-3.jpg"]
        {
            assert_eq!(PictureName::parse(other), None, "{other}");
            assert!(serde_json::from_value::<PictureName>(serde_json::json!(other)).is_err(), "{other}");
        }
        let long = format!("{}-1.jpg", "1".repeat(DIGITS + 1));
        assert_eq!(PictureName::parse(&long), None);
    }
}
