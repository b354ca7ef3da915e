//! Inputs that nobody meant to send, many of them: the seeds of `tests/data` with pieces changed, dropped, doubled,
//! spliced and glued. Whatever comes, there is no panic, memory is bounded, and what a target promises holds.
//!
//! ```text
//!  tests/data ─▶ Mutator ─▶ target ─▶ what it took becomes a seed of this run as well
//!                              └─ what failed is written down; it belongs into tests/data/corpus
//! ```
//! A test run is short. `VESTIBULE_FUZZ=10000000 cargo test --release --test fuzz -- --nocapture` runs so many inputs for each
//! target, and `VESTIBULE_FUZZ_SEED=2` others than the first ones.

#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

mod certificate;
mod contacts;
mod endpoint;
mod framing;
mod locate;
mod memory;
mod mutator;
mod payload;
mod rtp;
mod sdp;
mod web;
mod wire;

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::time::Instant;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use mutator::Mutator;

/// How many inputs of their own making a run has, if nothing else is asked for.
fn inputs(bounded: u64) -> u64 {
    std::env::var("VESTIBULE_FUZZ").map_or(bounded, |count| count.parse().expect("VESTIBULE_FUZZ is a number"))
}

/// Where the random numbers of a run begin.
fn seed() -> u64 {
    std::env::var("VESTIBULE_FUZZ_SEED").map_or(1, |seed| seed.parse().expect("VESTIBULE_FUZZ_SEED is a number"))
}

/// The contents of the files in a folder of `tests/data`, in the order of their names.
fn seeds(folder: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(folder);
    let mut paths: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Random numbers that belong to an input, so that it does the same whenever it comes.
fn random_of(input: &[u8]) -> StdRng {
    let mut hasher = DefaultHasher::new();
    input.hash(&mut hasher);
    StdRng::seed_from_u64(hasher.finish())
}

/// Gives `target` each seed, then `bounded` inputs made of them, or as many as asked for. It says whether it took the
/// input for good, and may take no more than `most` bytes of memory at any one time.
fn fuzz(name: &str, bounded: u64, most: usize, mut mutator: Mutator, mut target: impl FnMut(&[u8]) -> bool) {
    let (began, count) = (Instant::now(), inputs(bounded));
    let mut random = StdRng::seed_from_u64(seed());
    let mut peak = 0;
    let mut try_input = |input: &[u8]| {
        let before = memory::begin();
        let taken = catch_unwind(AssertUnwindSafe(|| target(input))).unwrap_or_else(|panic| {
            keep(name, input);
            resume_unwind(panic)
        });
        let used = memory::peak().saturating_sub(before);
        if used > most {
            keep(name, input);
            panic!("{name}: {used} bytes of memory for an input of {}", input.len());
        }
        peak = peak.max(used);
        taken
    };
    for input in mutator.seeds().to_vec() {
        try_input(&input);
    }
    let mut taken = 0;
    for _ in 0..count {
        let input = mutator.input(&mut random);
        if try_input(&input) {
            taken += 1;
            // Seldom, so that what has been taken is built upon and a run does not drift away from its seeds.
            if random.random_ratio(1, 64) {
                mutator.keep(input, &mut random);
            }
        }
    }
    println!("{name}: {count} inputs, {taken} taken, {:.1?}, at most {peak} bytes at one time", began.elapsed());
    assert!(taken >= count / 50, "{name}: only {taken} of {count} inputs were taken: they are not worth much");
}

/// Writes an input that failed to where it can be found.
fn keep(name: &str, input: &[u8]) {
    let mut hasher = DefaultHasher::new();
    input.hash(&mut hasher);
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{:016x}", hasher.finish()));
    fs::write(&path, input).unwrap();
    eprintln!("{name}: failed with {}\n{}", path.display(), input[..input.len().min(4_000)].escape_ascii());
}
