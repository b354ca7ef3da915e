//! Makes inputs of seeds, knowing what matters in text of lines: words, numbers, lines, and how messages are put together.

use rand::rngs::StdRng;
use rand::{Rng, RngExt};

/// The longest input, in bytes: a little beyond what any target reads.
const LONGEST: usize = 70_000;
/// Most inputs that are kept beside the seeds.
const KEPT: usize = 512;
/// The longest input that is kept: long ones are slow and say little.
const LONGEST_KEPT: usize = 1_500;

/// Numbers at the edges of what fields hold.
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "00",
    "127",
    "128",
    "255",
    "256",
    "65535",
    "65536",
    "2147483647",
    "2147483648",
    "4294967295",
    "4294967296",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999999999",
    "1.5",
    "1e9",
];

/// Seeds, and the words of their language.
pub struct Mutator {
    seeds: Vec<Vec<u8>>,
    /// How many of them are not inputs of this run.
    given: usize,
    words: &'static [&'static [u8]],
    /// Last touch to an input, half of the time: what would be refused at the door otherwise is made to fit.
    repair: fn(&mut Vec<u8>),
}

impl Mutator {
    /// A mutator of `seeds`, of which there is at least one.
    pub fn new(seeds: Vec<Vec<u8>>, words: &'static [&'static [u8]], repair: fn(&mut Vec<u8>)) -> Self {
        assert!(!seeds.is_empty(), "there is something to begin with");
        Mutator { given: seeds.len(), seeds, words, repair }
    }

    /// What it was given and has kept.
    pub fn seeds(&self) -> &[Vec<u8>] {
        &self.seeds
    }

    /// Keeps an input to build upon, in place of another one when there are many.
    pub fn keep(&mut self, input: Vec<u8>, random: &mut StdRng) {
        if input.len() > LONGEST_KEPT {
            return;
        }
        if self.seeds.len() < self.given + KEPT {
            self.seeds.push(input);
        } else {
            let at = random.random_range(self.given..self.seeds.len());
            self.seeds[at] = input;
        }
    }

    /// A new input.
    pub fn input(&self, random: &mut StdRng) -> Vec<u8> {
        let mut bytes = self.any(random).to_vec();
        self.change(&mut bytes, random);
        bytes
    }

    /// Changes `bytes` in some places.
    pub fn change(&self, bytes: &mut Vec<u8>, random: &mut StdRng) {
        for _ in 0..=random.random_range(0..6u32).min(random.random_range(0..6)) {
            self.touch(bytes, random);
            bytes.truncate(LONGEST);
        }
        if random.random() {
            (self.repair)(bytes);
        }
    }

    fn any(&self, random: &mut StdRng) -> &[u8] {
        &self.seeds[random.random_range(0..self.seeds.len())]
    }

    fn touch(&self, bytes: &mut Vec<u8>, random: &mut StdRng) {
        let at = random.random_range(0..=bytes.len());
        let mut span = |most: usize| at..(at + random.random_range(1..=most)).min(bytes.len());
        let (short, long) = (span(16), span(300));
        match random.random_range(0..16) {
            0 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << random.random_range(0..8)),
            1 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = random.random()),
            2 => drop(bytes.drain(short)),
            3 => drop(bytes.drain(long)),
            4 => {
                let piece = bytes[long].to_vec();
                insert(bytes, at, &piece);
            }
            5 => bytes.truncate(at),
            6 | 7 => insert(bytes, at, self.words[random.random_range(0..self.words.len())]),
            8 => {
                let word = self.words[random.random_range(0..self.words.len())];
                drop(bytes.splice(short, word.iter().copied()));
            }
            9 | 10 => self.number(bytes, at, random),
            11..=13 => self.line(bytes, random),
            14 => {
                let other = self.any(random);
                let from = random.random_range(0..=other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            _ if random.random_ratio(1, 20) => {
                let times = 1 << random.random_range(0..13);
                insert(bytes, at, &bytes[short].repeat(times));
            }
            _ => bytes.extend_from_slice(self.any(random)),
        }
    }

    /// Another number in the place of the next one.
    fn number(&self, bytes: &mut Vec<u8>, at: usize, random: &mut StdRng) {
        let Some(begin) = bytes[at..].iter().position(u8::is_ascii_digit).map(|skip| at + skip) else { return };
        let len = bytes[begin..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number = match random.random_range(0..3) {
            0 => (random.next_u32() >> random.random_range(0..32)).to_string(),
            _ => NUMBERS[random.random_range(0..NUMBERS.len())].to_owned(),
        };
        drop(bytes.splice(begin..begin + len, number.into_bytes()));
    }

    /// A line doubled, dropped, moved, folded, or taken from another seed.
    fn line(&self, bytes: &mut Vec<u8>, random: &mut StdRng) {
        let mut lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        let other: Vec<&[u8]> = self.any(random).split_inclusive(|byte| *byte == b'\n').collect();
        let (one, two) = (random.random_range(0..=lines.len()), random.random_range(0..=lines.len()));
        match random.random_range(0..6) {
            0 if one < lines.len() => lines.insert(two, lines[one]),
            1 if one < lines.len() => drop(lines.remove(one)),
            2 if one.max(two) < lines.len() => lines.swap(one, two),
            3 => lines.insert(one, b" "),
            _ if !other.is_empty() => lines.insert(one, other[random.random_range(0..other.len())]),
            _ => {}
        }
        *bytes = lines.concat();
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, piece: &[u8]) {
    drop(bytes.splice(at..at, piece.iter().copied()));
}
