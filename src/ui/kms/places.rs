//! Where the system keeps what a screen needs; the tests have another root.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::Desktop;

/// The places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The device files: `/dev`.
    pub dev: PathBuf,
    /// What the kernel says of its devices: `/sys/class`.
    pub class: PathBuf,
    /// The database of udev: `/run/udev/data`.
    pub udev: PathBuf,
    /// The keyboard layouts of xkb-data: `/usr/share/X11/xkb`.
    pub xkb: PathBuf,
    /// The settings of fontconfig: `/etc/fonts/fonts.conf`.
    pub fonts: PathBuf,
    /// The user's home, which `~` and `prefix="xdg"` in these settings stand for; without one these folders do not count.
    pub home: Option<PathBuf>,
    /// `XDG_DATA_HOME`, else `.local/share` of the home.
    pub data_home: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`, else `.config` of the home.
    pub config_home: Option<PathBuf>,
    /// Where a window would be opened.
    pub desktop: Option<Desktop>,
}

impl Places {
    /// Those of the system, with what these environment variables move.
    pub fn of_system(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let path = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let mut places = Self::below(Path::new("/"));
        if let Some(root) = path("XKB_CONFIG_ROOT") {
            places.xkb = root;
        }
        if let Some(folder) = path("FONTCONFIG_PATH") {
            places.fonts = folder.join("fonts.conf");
        }
        if let Some(file) = path("FONTCONFIG_FILE") {
            // A bare name lies in the folder of the settings; a whole path stands for itself.
            places.fonts = places.fonts.with_file_name(file);
        }
        places.home = path("HOME");
        places.data_home = path("XDG_DATA_HOME").or_else(|| Some(places.home.as_ref()?.join(".local/share")));
        places.config_home = path("XDG_CONFIG_HOME").or_else(|| Some(places.home.as_ref()?.join(".config")));
        places.desktop = Desktop::named(variable);
        places
    }

    /// Those of a system whose root is this folder, without a user.
    pub fn below(root: &Path) -> Self {
        Self {
            dev: root.join("dev"),
            class: root.join("sys/class"),
            udev: root.join("run/udev/data"),
            xkb: root.join("usr/share/X11/xkb"),
            fonts: root.join("etc/fonts/fonts.conf"),
            home: None,
            data_home: None,
            config_home: None,
            desktop: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Places {
        Places::of_system(|name| variables.iter().find(|(of, _)| *of == name).map(|(_, value)| value.into()))
    }

    #[test]
    fn without_variables_they_are_those_of_debian() {
        let places = with(&[]);
        assert_eq!(places, Places::below(Path::new("/")));
        assert_eq!(places.xkb, Path::new("/usr/share/X11/xkb"));
        assert_eq!(places.fonts, Path::new("/etc/fonts/fonts.conf"));
    }

    #[test]
    fn variables_move_what_the_libraries_would_look_for_elsewhere() {
        let places = with(&[("XKB_CONFIG_ROOT", "/xkb"), ("FONTCONFIG_PATH", "/fc"), ("HOME", "/home/u")]);
        assert_eq!((places.xkb.as_path(), places.fonts.as_path()), (Path::new("/xkb"), Path::new("/fc/fonts.conf")));
        assert_eq!(places.data_home.as_deref(), Some(Path::new("/home/u/.local/share")));
        assert_eq!(with(&[("FONTCONFIG_FILE", "/own.conf")]).fonts, Path::new("/own.conf"));
        assert_eq!(with(&[("FONTCONFIG_FILE", "own.conf")]).fonts, Path::new("/etc/fonts/own.conf"));
        assert_eq!(with(&[("XDG_CONFIG_HOME", "/c")]).config_home.as_deref(), Some(Path::new("/c")));
        assert_eq!(with(&[("XKB_CONFIG_ROOT", "")]).xkb, Path::new("/usr/share/X11/xkb"));
        assert_eq!(with(&[("DISPLAY", ":0")]).desktop.map(|desktop| desktop.name), Some("DISPLAY=:0".to_owned()));
    }
}
