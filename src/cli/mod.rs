//! The command line: what was asked for, and the verbs that are no panel (`ctl`, `settings`, `doctor`).
//!
//! Exit codes: 0 fine, 1 failed at run time, 2 wrong use or wrong settings.

mod args;
mod ctl;
mod doctor;
mod logging;
mod panel;
mod places;
mod rules;
mod screen;
mod settings;
mod simulate;
mod visit;

use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Verb};

/// Does what the command line says and gives the exit code.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse().checked().unwrap_or_else(|error| error.exit());
    let Arguments { common, look, verb } = arguments;
    let outcome = match verb.unwrap_or(Verb::Run(look)) {
        Verb::Run(look) => panel::run(&common, &look),
        Verb::Simulate(look) => logging::start(&common.log).and_then(|()| simulate::run(&common, &look)),
        Verb::Ctl(verb) => ctl::run(&common.socket_of_spoken_of(), &verb),
        Verb::Settings(verb) => settings::run(&common, &verb),
        Verb::Doctor { json } => doctor::run(&common, json),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("vestibule: {}", failure.words);
            ExitCode::from(failure.code)
        }
    }
}

/// Why the program ends with another code than 0.
#[derive(Debug, PartialEq)]
struct Failure {
    code: u8,
    words: String,
}

impl Failure {
    /// It was used rightly, but did not work out.
    fn at_run_time(words: impl ToString) -> Self {
        Self { code: 1, words: words.to_string() }
    }

    /// Wrong use or wrong settings.
    fn wrong_use(words: impl ToString) -> Self {
        Self { code: 2, words: words.to_string() }
    }
}
