//! Runs `smuggling.txt` through the parser alone; the gateway's tests run it through everything.

use rialto_http1::{Body, Refusal, SlashPolicy, normalise, parse_request, slots};

const CASES: &str = include_str!("../../smuggling.txt");

#[test]
fn every_case_has_one_reading_or_none() {
    let mut count = 0;
    for line in CASES.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (expected, rest) = line.split_once(' ').expect("an expectation");
        let (name, text) = rest.trim_start().split_once(' ').expect("a name");
        let found = match read_all(unescape(text.trim_start())) {
            Ok(requests) => format!("ok:{requests}"),
            Err(refusal) => refusal.status().to_string(),
        };
        assert_eq!(found, expected, "{name}");
        count += 1;
    }
    assert!(count > 90, "the corpus has {count} cases");
}

/// Reads requests until nothing is left.
fn read_all(mut input: Vec<u8>) -> Result<usize, Refusal> {
    let mut requests = 0;
    while !input.is_empty() {
        let (used, mut body) = {
            let mut slots = slots();
            let (request, used) = parse_request(&input, &mut slots)?.expect("cases are whole");
            normalise(request.target.path, SlashPolicy::Reject, &mut Vec::new())?;
            (used, Body::new(request.framing))
        };
        let piece = body.decode(&mut input[used..])?;
        assert!(body.is_done(), "cases are whole");
        input.drain(..used + piece.consumed);
        requests += 1;
    }
    Ok(requests)
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        if character != '\\' {
            bytes.extend(character.to_string().bytes());
            continue;
        }
        bytes.push(match rest.next() {
            Some('r') => b'\r',
            Some('n') => b'\n',
            Some('t') => b'\t',
            Some('0') => 0,
            Some('\\') => b'\\',
            Some('x') => {
                let digits: String = rest.by_ref().take(2).collect();
                u8::from_str_radix(&digits, 16).expect("two digits")
            }
            other => panic!("{other:?} is no escape"),
        });
    }
    bytes
}
