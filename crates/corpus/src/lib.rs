//! Replays stored fuzz inputs and mutations of them on stable Rust, the same every time: what a test
//! can keep of a fuzzer. Only tests depend on this.

#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};

/// Mutations of each file.
const ROUNDS: u64 = 400;

/// Gives a decoder every stored input of a corpus, and mutations of each: bytes changed, cut out and
/// cut off, pieces of other inputs and `tokens` put in.
///
/// `package` is the caller's `CARGO_MANIFEST_DIR`; the inputs lie in its `fuzz/corpus/{corpus}`.
///
/// # Panics
/// When the decoder does, and when the corpus cannot be read or is nearly empty.
pub fn replay(package: &str, corpus: &str, tokens: &[&str], decode: fn(&[u8])) {
    let inputs: Vec<Vec<u8>> = files(package, corpus)
        .iter()
        .map(|file| std::fs::read(file).expect("a readable file"))
        .collect();
    let mut seed = 0x7269_616c_746f;
    for input in &inputs {
        decode(input);
        for _ in 0..ROUNDS {
            let mut mutation = input.clone();
            let other = &inputs[next(&mut seed) % inputs.len()];
            mutate(&mut mutation, other, tokens, &mut seed);
            decode(&mutation);
        }
    }
}

fn files(package: &str, corpus: &str) -> Vec<PathBuf> {
    let folder = Path::new(package).join("fuzz/corpus").join(corpus);
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

fn mutate(bytes: &mut Vec<u8>, other: &[u8], tokens: &[&str], seed: &mut u64) {
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
                bytes.splice(at..at, tokens[next(seed) % tokens.len()].bytes());
            }
        }
    }
}
