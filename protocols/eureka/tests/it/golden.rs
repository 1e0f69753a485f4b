//! Reads the transcript of a real server. Its own header explains the notation.

use std::collections::BTreeMap;

/// One recorded exchange.
#[derive(Debug, Clone, Default)]
pub(crate) struct Case {
    pub(crate) number: u32,
    pub(crate) method: String,
    pub(crate) path: String,
    /// Other than the default ones.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) no_accept: bool,
    pub(crate) no_content_type: bool,
    pub(crate) request_body: Option<String>,
    pub(crate) gzip: bool,
    pub(crate) status: u16,
    /// Of Spring's error answer.
    pub(crate) reason: Option<String>,
    pub(crate) response_headers: Vec<(String, String)>,
    pub(crate) body: Expected,
}

/// What is known of the answer's body.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Expected {
    #[default]
    Empty,
    /// All of it.
    Whole(String),
    /// How it begins.
    Begins(String),
    /// Some fields of an instance.
    Fields(String),
    /// As that of another case.
    SameAs(u32),
}

const DCI: &str = concat!(
    r#""dataCenterInfo":{"@class":"com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo","#,
    r#""name":"MyOwn"}"#
);
const NET: &str = r#""ipAddr":"10.0.0.1","status":"UP","port":{"$":8080,"@enabled":"true"}"#;
const LEASE: &str = concat!(
    r#""leaseInfo":{"renewalIntervalInSecs":30,"durationInSecs":90,"registrationTimestamp":1,"#,
    r#""lastRenewalTimestamp":1,"evictionTimestamp":0,"serviceUpTimestamp":1}"#
);

/// The cases of sections A to J.
pub(crate) fn read(transcript: &str) -> Vec<Case> {
    read_part(transcript.split("\n# K. ").next().expect("split gives at least one part"))
}

/// The cases of section K, which real clients sent.
pub(crate) fn read_clients(transcript: &str) -> Vec<Case> {
    let (_, after) = transcript.split_once("\n# K. ").expect("there is a section K");
    read_part(after.split("\n# L. ").next().expect("split gives at least one part"))
}

fn read_part(played: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in played.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            let (number, rest) = title.split_once('.').expect("a case has a number");
            let number = number.parse().expect("a case has a number");
            let mut case = Case { number, ..Case::default() };
            if rest.contains("> ") && rest.contains(" < ") {
                one_line(&mut case, rest);
            }
            cases.push(case);
        } else if let Some(case) = cases.last_mut()
            && !line.starts_with("==")
        {
            detail(case, line);
        }
    }
    cases
}

/// `title > METHOD PATH (no Accept) < CODE !Reason < Header: value`
fn one_line(case: &mut Case, text: &str) {
    let (_, exchange) = text.split_once("> ").expect("checked by the caller");
    let mut parts = exchange.split(" < ");
    let request = parts.next().expect("split gives at least one part");
    case.no_accept = request.contains("(no Accept)");
    request_line(case, request.trim_end_matches(" (no Accept)"));
    for part in parts {
        answer_line(case, part);
    }
}

fn detail(case: &mut Case, line: &str) {
    let Some((mark, text)) = line.split_at_checked(1) else { return };
    let text = text.strip_prefix(' ').unwrap_or(text);
    match mark {
        ">" if case.method.is_empty() => request_line(case, text),
        ">" => match text {
            "(no Accept)" => case.no_accept = true,
            "(no Content-Type)" => case.no_content_type = true,
            "(empty body)" => case.request_body = Some(String::new()),
            _ => {
                let (name, value) = text.split_once(": ").expect("a header has a value");
                case.headers.push((name.to_owned(), value.to_owned()));
            }
        },
        ":" => {
            case.gzip |= text.starts_with("gzip ");
            let text = expand(text.strip_prefix("gzip ").unwrap_or(text), 0);
            match &mut case.request_body {
                Some(body) => *body = format!("{body}\n{text}"),
                None => case.request_body = Some(text),
            }
        }
        "<" => answer_line(case, text),
        "|" => {
            let indent = text.len() - text.trim_start().len();
            let text = expand(text, indent);
            case.body = match std::mem::take(&mut case.body) {
                Expected::Whole(before) => Expected::Whole(format!("{before}\n{text}")),
                _ => Expected::Whole(text),
            };
        }
        "?" => case.body = Expected::Fields(expand(text, 0)),
        "=" => {
            let number = text.strip_prefix("body of case ").expect("`=` names a case");
            case.body = Expected::SameAs(number.parse().expect("`=` names a case"));
        }
        "~" => {
            let before = std::mem::take(&mut case.body);
            case.body = match (before, text.split_once("begins: ")) {
                (Expected::Whole(before), _) => Expected::Begins(before),
                (_, Some((_, begin))) => Expected::Begins(begin.replace("\\n", "\n")),
                _ => Expected::Begins(String::new()),
            };
        }
        _ => {}
    }
}

fn request_line(case: &mut Case, text: &str) {
    let (method, path) = text.split_once(' ').expect("a request has a path");
    case.method = method.to_owned();
    case.path = path.to_owned();
}

fn answer_line(case: &mut Case, text: &str) {
    if case.status != 0 {
        let (name, value) = text.split_once(": ").expect("a header has a value");
        case.response_headers.push((name.to_lowercase(), value.to_owned()));
        return;
    }
    let (code, reason) = text.split_once(" !").map_or((text, None), |(a, b)| (a, Some(b)));
    case.status = code.trim().parse().expect("an answer has a status");
    case.reason = reason.map(|reason| reason.trim().to_owned());
}

/// Replaces the transcript's abbreviations; times that vary become 1.
fn expand(text: &str, indent: usize) -> String {
    let lines = [
        "<leaseInfo>",
        "  <renewalIntervalInSecs>30</renewalIntervalInSecs>",
        "  <durationInSecs>90</durationInSecs>",
        "  <registrationTimestamp>1</registrationTimestamp>",
        "  <lastRenewalTimestamp>1</lastRenewalTimestamp>",
        "  <evictionTimestamp>0</evictionTimestamp>",
        "  <serviceUpTimestamp>1</serviceUpTimestamp>",
        "</leaseInfo>",
    ];
    let xml_lease = lines.join(&format!("\n{}", " ".repeat(indent)));
    let abbreviations = BTreeMap::from([
        ("%DCI%", DCI),
        ("%NET%", NET),
        ("%T0%", r#""lastDirtyTimestamp":"1700000000000""#),
        ("%LEASE%", LEASE),
        ("%XLEASE%", xml_lease.as_str()),
        ("%UP%", r#""status":"UP","overriddenStatus":"UNKNOWN","#),
        ("%S7002%", r#""securePort":{"$":7002,"@enabled":"false"},"countryId":1,"#),
        ("%S8443%", r#""securePort":{"$":8443,"@enabled":"false"},"countryId":1,"#),
        ("%NOMETA%", r#""metadata":{"@class":"java.util.Collections$EmptyMap"}"#),
        ("%UPD%", r#""isCoordinatingDiscoveryServer":"false","lastUpdatedTimestamp":"1","#),
    ]);
    abbreviations.iter().fold(text.to_owned(), |text, (short, long)| text.replace(short, long))
}

#[test]
fn the_transcript_is_read_whole() {
    let cases = read(super::replay::GOLDEN);
    let numbers: Vec<u32> = cases.iter().map(|case| case.number).collect();
    let expected: Vec<u32> = (1..=481).filter(|number| *number != 127).collect();
    assert_eq!(numbers, expected, "127 was left out by the recorder");
    assert!(cases.iter().all(|case| !case.method.is_empty() && case.status > 0));
    assert_eq!(cases.iter().filter(|case| case.gzip).count(), 2);
}
