//! Replays the fuzz corpora, and some thousand mutations of each, which are the same every time.

use std::path::{Path, PathBuf};

use rialto_nacos::codec::{form, multipart};
use rialto_nacos::config::{archive, poll};

/// Mutations of each file.
const ROUNDS: u64 = 400;

fn files(corpus: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(corpus);
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|file| file.expect("the corpus can be listed").path())
        .collect();
    files.sort();
    assert!(files.len() >= 5, "{corpus} is nearly empty");
    files
}

/// xorshift64*: no more randomness is needed than that.
fn next(seed: &mut u64) -> usize {
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    (seed.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize
}

fn mutate(bytes: &mut Vec<u8>, other: &[u8], seed: &mut u64) {
    const TOKENS: [&str; 12] =
        ["&", "=", "%", "+", "%00", "%ff", "\r\n", "--x", "--x--", "name=", ";", "\u{0}"];
    for _ in 0..=next(seed) % 4 {
        let at = next(seed) % (bytes.len() + 1);
        match next(seed) % 5 {
            0 if at < bytes.len() => bytes[at] = (next(seed) % 256) as u8,
            1 => bytes.truncate(at),
            2 => {
                let end = (at + next(seed) % 20).min(bytes.len());
                bytes.drain(at..end);
            }
            3 if !other.is_empty() => {
                let from = next(seed) % other.len();
                let to = (from + next(seed) % 60).min(other.len());
                bytes.splice(at..at, other[from..to].iter().copied());
            }
            _ => {
                bytes.splice(at..at, TOKENS[next(seed) % TOKENS.len()].bytes());
            }
        }
    }
}

fn replay(corpus: &str, decode: fn(&[u8])) {
    let inputs: Vec<Vec<u8>> =
        files(corpus).iter().map(|file| std::fs::read(file).expect("a readable file")).collect();
    let mut seed = 0x7269_616c_746f;
    for input in &inputs {
        decode(input);
        for _ in 0..ROUNDS {
            let mut mutation = input.clone();
            mutate(&mut mutation, &inputs[next(&mut seed) % inputs.len()], &mut seed);
            decode(&mutation);
        }
    }
}

#[test]
fn forms() {
    replay("form", form::fuzz);
}

#[test]
fn multipart_bodies() {
    replay("multipart", multipart::fuzz);
}

#[test]
fn archives() {
    replay("archive", archive::fuzz);
}

#[test]
fn lists_of_long_polls() {
    replay("listening", poll::fuzz);
}
