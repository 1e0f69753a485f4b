//! Reads the transcript of real servers over HTTP. Its own header explains the notation.

/// One recorded call with what each server answered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Case {
    pub(crate) number: u32,
    pub(crate) section: char,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) in_query: bool,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<String>,
    pub(crate) with_token: bool,
    pub(crate) answers: Vec<Recorded>,
}

/// What one server answered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recorded {
    pub(crate) server: String,
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// Only this much of the body was written down.
    pub(crate) cut: bool,
}

pub(crate) const GOLDEN: &str = include_str!("../golden/http.txt");

/// Every case with a request line; the last one of section G sums up several calls.
pub(crate) fn read(transcript: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut section = ' ';
    for line in transcript.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            let (number, _) = title.split_once('.').expect("a case has a number");
            let number = number.parse().expect("a case has a number");
            cases.push(Case { number, section, ..Case::default() });
        } else if let Some(title) = line.strip_prefix("# ") {
            section = title.chars().next().expect("a section has a letter");
        } else if let Some(case) = cases.last_mut() {
            detail(case, line);
        }
    }
    cases
}

fn detail(case: &mut Case, line: &str) {
    if let Some(text) = line.strip_prefix("> ") {
        request(case, text);
    } else if let Some(text) = line.strip_prefix(": ") {
        case.body = Some(unescape(text));
    } else if let Some(text) = line.strip_prefix("< ") {
        answer(case, text);
    } else if let Some(text) = line.strip_prefix('|')
        && let Some(recorded) = case.answers.last_mut()
    {
        let text = text.strip_prefix("   ").unwrap_or(text);
        let (text, cut) = match text.rsplit_once(" …(") {
            Some((begin, _)) => (begin, true),
            None => (text, false),
        };
        recorded.body = unescape(text);
        recorded.cut = cut;
    }
}

fn request(case: &mut Case, text: &str) {
    const LARGE: &str = "…(11534336)";
    if case.method.is_empty() {
        let (method, rest) = text.split_once(' ').expect("a request has a path");
        let (path, parameters) = rest.split_once("  ").unwrap_or((rest, ""));
        case.method = method.to_owned();
        case.path = path.trim().to_owned();
        let plain = parameters.split("  with accessToken").next().unwrap_or_default();
        case.with_token = plain.len() != parameters.len();
        case.parameters = plain
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').expect("a parameter has a value");
                let value = match value.ends_with(LARGE) {
                    true => "x".repeat(11_534_336),
                    false => unescape(value),
                };
                (name.to_owned(), value)
            })
            .collect();
    } else if text == "(parameters in the query)" {
        case.in_query = true;
    } else {
        let (name, value) = text.split_once(": ").expect("a header has a value");
        case.headers.push((name.to_owned(), value.to_owned()));
    }
}

fn answer(case: &mut Case, text: &str) {
    let (server, text) = text.split_once(": ").expect("an answer names its server");
    if text == "the same" {
        let mut recorded = case.answers.last().expect("there is one to be the same as").clone();
        recorded.server = server.to_owned();
        return case.answers.push(recorded);
    }
    let mut parts = text.split("; ");
    let status = parts.next().expect("split gives at least one part");
    let Ok(status) = status.parse() else { return };
    let headers = parts
        .map(|part| part.split_once(": ").unwrap_or(("content-type", part)))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let server = server.to_owned();
    case.answers.push(Recorded { server, status, headers, ..Recorded::default() });
}

/// Bytes that the transcript shows as escapes. Inside JSON they are the JSON's own.
fn unescape(text: &str) -> String {
    if text.starts_with('{') || text.starts_with('[') {
        return text.to_owned();
    }
    let pairs = [("\\r", "\r"), ("\\n", "\n"), ("\\x01", "\u{1}"), ("\\x02", "\u{2}")];
    pairs.iter().fold(text.to_owned(), |text, (short, long)| text.replace(short, long))
}

#[test]
fn the_transcript_is_read_whole() {
    let cases = read(GOLDEN);
    let numbers: Vec<u32> = cases.iter().map(|case| case.number).collect();
    assert_eq!(numbers, (1..=181).collect::<Vec<_>>());
    for case in cases.iter().filter(|case| case.number != 181) {
        assert!(!case.method.is_empty() && !case.answers.is_empty(), "{}", case.number);
        assert!(case.path.starts_with('/'), "{}", case.number);
    }
    let sections: String = "ABCDEFG".chars().collect();
    let mut found: Vec<char> = cases.iter().map(|case| case.section).collect();
    found.dedup();
    assert_eq!(found.into_iter().collect::<String>(), sections);
    let beat = &cases[42];
    assert_eq!(beat.parameters[4].0, "beat");
    assert!(beat.parameters[4].1.ends_with("\"scheduled\": false}"));
    let listen = &cases[136].parameters[0].1;
    assert!(listen.starts_with("a.yaml\u{2}G\u{2}0000") && listen.ends_with('\u{1}'));
}
