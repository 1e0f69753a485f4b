//! Replays the fuzzers' corpora and a fixed number of mutations of each input, on stable Rust.

use std::path::Path;

use rialto_http1::fuzz;

/// Mutations of each input.
const MUTATIONS: usize = 400;

fn replay(name: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut files: Vec<_> =
        folder.read_dir().expect("a corpus").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for file in files {
        let input = std::fs::read(&file).expect("a readable input");
        target(&input);
        for _ in 0..MUTATIONS {
            target(&mutate(&input, &mut random));
        }
    }
}

/// One to four changes: a byte replaced, removed or doubled, or the end cut off.
fn mutate(input: &[u8], random: &mut u64) -> Vec<u8> {
    const TELLING: &[u8] = b"\r\n\t \0:;,=/\\%.?#+-0123456789abcdefxX\x7f\xff";
    let mut next = |below: usize| {
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        usize::try_from(*random % below.max(1) as u64).expect("below a usize")
    };
    let mut output = input.to_vec();
    for _ in 0..=next(4) {
        if output.is_empty() {
            break;
        }
        let at = next(output.len());
        match next(4) {
            0 => output[at] = TELLING[next(TELLING.len())],
            1 => drop(output.remove(at)),
            2 => output.insert(at, output[at]),
            _ => output.truncate(at),
        }
    }
    output
}

#[test]
fn request_heads() {
    replay("request_head", fuzz::request);
}

#[test]
fn response_heads() {
    replay("response_head", fuzz::response);
}

#[test]
fn chunked_bodies() {
    replay("chunked_body", fuzz::chunked);
}
