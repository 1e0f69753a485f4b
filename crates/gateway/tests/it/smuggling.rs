//! The corpus of smuggled requests through the whole gateway: what is refused reaches no instance,
//! and an instance sees exactly the requests that the client was answered.

use crate::support::{Backend, Rig, route};

const CASES: &str = include_str!("../../../http1/smuggling.txt");

#[test]
fn the_corpus_through_the_gateway() {
    let backend = Backend::named("x");
    let rig = Rig::start(vec![route(&format!("/**={}", backend.uri()))]);
    for line in CASES.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (expected, rest) = line.split_once(' ').expect("an expectation");
        let (name, text) = rest.trim_start().split_once(' ').expect("a name");
        let before = backend.seen().len();
        let mut client = rig.client();
        client.try_send(&unescape(text.trim_start()));
        client.half_close();
        let mut statuses = Vec::new();
        while let Some(answer) = client.answer_to("GET") {
            statuses.push(answer.status);
        }
        let reached = backend.seen().len() - before;
        match expected.strip_prefix("ok:") {
            Some(count) => {
                let count: usize = count.parse().expect("a count");
                assert_eq!((statuses, reached), (vec![200; count], count), "{name}");
            }
            None => {
                assert_eq!(statuses, [expected.parse::<u16>().expect("a status")], "{name}");
                assert_eq!(reached, 0, "{name}: it reached the instance");
            }
        }
    }
    assert_eq!(rig.get("/").status, 200, "the gateway goes on");
}

pub(crate) fn unescape(text: &str) -> Vec<u8> {
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
