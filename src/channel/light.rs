//! The light of the screen.

/// How the light of the screen stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LightView {
    /// The screen is dark, and the next touch only wakes it.
    pub asleep: bool,
    /// It is night by the schedule: black, with dim amber words.
    pub night: bool,
    /// How bright the back-light is, in percent; 0 while the screen sleeps.
    pub backlight: u8,
}
