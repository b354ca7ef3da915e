//! Which language the screen speaks and how it tells the time, from the setting and from the locale of the system.

use screens as ui;

use crate::config::Language;

/// Territories whose people count the hours to twelve, in English, Spanish or Chinese (Unicode CLDR).
const TWELVE_HOURS: &[(Language, &[&str])] = &[
    (Language::En, &["US", "CA", "AU", "NZ", "IN", "PH", "HK", "SG", "GH", "ZM"]),
    (Language::Es, &["US", "PR", "CO", "VE", "DO", "PA"]),
    (Language::Zh, &["TW", "HK"]),
];

/// How the screen speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Locale {
    /// One of those that the program speaks, never `auto`.
    pub(super) language: Language,
    /// 2:32 pm instead of 14:32.
    pub(super) twelve_hours: bool,
}

impl Locale {
    /// What follows from the setting and the variables of the environment, by the order of POSIX: `LC_ALL`, then the one
    /// for messages or times, then `LANG`.
    pub(super) fn of(setting: Language, variable: impl Fn(&str) -> Option<String>) -> Self {
        let asked = |category: &str| {
            ["LC_ALL", category, "LANG"].iter().find_map(|name| variable(name).filter(|value| !value.is_empty()))
        };
        let language = match setting {
            Language::Auto => asked("LC_MESSAGES").map_or(Language::En, |locale| parts(&locale).0),
            language => language,
        };
        let twelve_hours = asked("LC_TIME").is_some_and(|locale| {
            let (of_times, territory) = parts(&locale);
            let those = TWELVE_HOURS.iter().find(|(of, _)| *of == language);
            of_times == language && those.is_some_and(|(_, territories)| territories.contains(&territory))
        });
        Self { language, twelve_hours }
    }

    /// The name of its translations; English needs none.
    pub(super) fn catalogue(self) -> &'static str {
        if self.language == Language::En { "" } else { self.language.word() }
    }

    /// How the letters lie on the keyboard.
    pub(super) fn keyboard(self) -> ui::KeyboardLayout {
        match self.language {
            Language::De => ui::KeyboardLayout::Qwertz,
            Language::Fr => ui::KeyboardLayout::Azerty,
            _ => ui::KeyboardLayout::Qwerty,
        }
    }
}

/// Language and territory of a name such as `de_AT.UTF-8@euro`; English where the program does not speak the language.
fn parts(locale: &str) -> (Language, &str) {
    let plain = locale.split(['.', '@']).next().unwrap_or_default();
    let (language, territory) = plain.split_once(['_', '-']).unwrap_or((plain, ""));
    let known = Language::from_word(language).filter(|language| *language != Language::Auto);
    (known.unwrap_or(Language::En), territory)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locale(setting: Language, variables: &[(&str, &str)]) -> (Language, bool) {
        let variable = |name: &str| variables.iter().find(|(of, _)| *of == name).map(|(_, value)| (*value).to_owned());
        let locale = Locale::of(setting, variable);
        (locale.language, locale.twelve_hours)
    }

    #[test]
    fn the_language_is_that_of_the_system_unless_one_is_chosen() {
        let of = |value: &str| locale(Language::Auto, &[("LANG", value)]).0;
        for (value, language) in [
            ("de_AT.UTF-8", Language::De),
            ("fr_FR.UTF-8@euro", Language::Fr),
            ("es", Language::Es),
            ("zh_CN.UTF-8", Language::Zh),
            ("en_GB.UTF-8", Language::En),
            ("pt_BR.UTF-8", Language::En),
            ("C.UTF-8", Language::En),
            ("auto", Language::En),
            ("", Language::En),
        ] {
            assert_eq!(of(value), language, "{value}");
        }
        assert_eq!(locale(Language::Auto, &[]).0, Language::En);
        let both = [("LC_ALL", ""), ("LC_MESSAGES", "fr_FR"), ("LANG", "de_DE")];
        assert_eq!(locale(Language::Auto, &both).0, Language::Fr);
        assert_eq!(locale(Language::Zh, &both).0, Language::Zh);
    }

    #[test]
    fn hours_are_counted_as_the_people_of_the_language_do_where_the_panel_is() {
        let twelve = |setting, value: &str| locale(setting, &[("LANG", value)]).1;
        assert!(twelve(Language::Auto, "en_US.UTF-8"));
        assert!(twelve(Language::Es, "es_CO.UTF-8"));
        assert!(!twelve(Language::Auto, "en_GB.UTF-8"));
        assert!(!twelve(Language::Auto, "C.UTF-8"));
        assert!(!twelve(Language::De, "en_US.UTF-8"), "German has no other way");
        assert!(!locale(Language::Auto, &[("LANG", "en_US"), ("LC_TIME", "en_GB")]).1);
    }

    #[test]
    fn each_language_has_its_own_keyboard() {
        let of = |language| Locale { language, twelve_hours: false }.keyboard();
        assert_eq!(of(Language::De), ui::KeyboardLayout::Qwertz);
        assert_eq!(of(Language::Fr), ui::KeyboardLayout::Azerty);
        assert_eq!(of(Language::Es), ui::KeyboardLayout::Qwerty);
    }
}
