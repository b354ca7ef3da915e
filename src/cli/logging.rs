//! The log: short lines on standard error, one an event of a call unless more is asked for.

use tracing_subscriber::EnvFilter;

use super::Failure;

/// Starts logging at a level, or with a filter in the words of tracing.
pub(super) fn start(level: &str) -> Result<(), Failure> {
    let filter = filter(level)?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .init();
    Ok(())
}

/// A bare level is for our own rooms; what we stand on speaks from warnings on.
fn filter(level: &str) -> Result<EnvFilter, Failure> {
    let level = level.trim();
    let known = ["off", "error", "warn", "info", "debug", "trace"];
    let words = match known.iter().find(|name| name.eq_ignore_ascii_case(level)) {
        Some(name) if *name == "off" || *name == "error" => (*name).to_owned(),
        Some(name) => format!("warn,vestibule={name}"),
        None if level.contains(['=', ',']) => level.to_owned(),
        None => {
            let words = format!("--log: '{level}' is not one of {}", known.join(", "));
            return Err(Failure::wrong_use(words));
        }
    };
    EnvFilter::try_new(&words).map_err(|error| Failure::wrong_use(format!("--log: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_filters_are_understood_and_anything_else_is_wrong_use() {
        for level in ["info", "DEBUG", "off", "info,vestibule::worker=debug"] {
            assert!(filter(level).is_ok(), "{level}");
        }
        assert_eq!(filter("info").expect("a level").to_string(), "vestibule=info,warn");
        for level in ["loud", "", "vestibule=loud"] {
            assert_eq!(filter(level).expect_err("no level").code, 2, "{level}");
        }
    }
}
