//! Which language a client wants, from its Accept header.

use crate::codec::{Media, ProblemBody};

/// The language of an answer; `None` when the client takes neither.
///
/// XML unless JSON is asked for by name at least as much: Netflix's server looks for the word
/// `json` in the header, and that is what clients count on.
pub(super) fn media(accept: Option<&str>) -> Option<Media> {
    let Some(accept) = accept else { return Some(Media::Xml) };
    let json = wish(accept, "application", "json");
    let xml = wish(accept, "application", "xml");
    match (json, xml) {
        (None, None) => None,
        (Some(_), None) => Some(Media::Json),
        (None, Some(_)) => Some(Media::Xml),
        (Some(json), Some(xml)) if json.quality != xml.quality => {
            Some(if json.quality > xml.quality { Media::Json } else { Media::Xml })
        }
        (Some(json), Some(_)) => Some(if json.by_name { Media::Json } else { Media::Xml }),
    }
}

/// The form of an error answer, as Spring chooses it: JSON unless something else is wanted more.
pub(super) fn problem(accept: Option<&str>) -> ProblemBody {
    let Some(accept) = accept else { return ProblemBody::Media(Media::Json) };
    let forms = [
        (ProblemBody::Media(Media::Json), wish(accept, "application", "json")),
        (ProblemBody::Media(Media::Xml), wish(accept, "application", "xml")),
        (ProblemBody::Html, wish(accept, "text", "html")),
    ];
    let mut best = (ProblemBody::Nothing, 0, false);
    for (form, wish) in forms {
        if let Some(wish) = wish
            && (wish.quality, wish.by_name) > (best.1, best.2)
        {
            best = (form, wish.quality, wish.by_name);
        }
    }
    best.0
}

/// Whether gzip is wanted.
pub(super) fn gzip(accept_encoding: Option<&str>) -> bool {
    let Some(header) = accept_encoding else { return false };
    header.split(',').any(|coding| {
        let (name, parameters) = coding.split_once(';').unwrap_or((coding, ""));
        let name = name.trim();
        (name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip"))
            && quality(parameters) > 0
    })
}

/// How much a media type is wanted.
struct Wish {
    /// In thousandths, above 0.
    quality: u32,
    /// Not only by a wildcard.
    by_name: bool,
}

/// What the most specific range of the header that matches says; `None` when nothing matches or
/// it says no.
fn wish(accept: &str, kind: &str, subtype: &str) -> Option<Wish> {
    let mut found: Option<(u8, u32)> = None;
    for range in accept.split(',') {
        let (name, parameters) = range.split_once(';').unwrap_or((range, ""));
        let Some((its_kind, its_subtype)) = name.trim().split_once('/') else { continue };
        let specific = if its_kind.eq_ignore_ascii_case(kind) {
            match its_subtype {
                "*" => 1,
                _ if its_subtype.eq_ignore_ascii_case(subtype) => 2,
                _ => continue,
            }
        } else if its_kind == "*" && its_subtype == "*" {
            0
        } else {
            continue;
        };
        let quality = quality(parameters);
        if found.is_none_or(|best| (specific, quality) > best) {
            found = Some((specific, quality));
        }
    }
    found
        .filter(|(_, quality)| *quality > 0)
        .map(|(specific, quality)| Wish { quality, by_name: specific == 2 })
}

/// The `q` of a range's parameters, in thousandths; what is no number counts as 1.
fn quality(parameters: &str) -> u32 {
    let value = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| value.trim())
    });
    let value = value.and_then(|text| text.parse::<f32>().ok()).unwrap_or(1.0);
    // In range by the clamp, and never negative.
    (value.clamp(0.0, 1.0) * 1_000.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages() {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for (accept, expected) in [
            ("application/json", Some(Media::Json)),
            ("application/json, application/*+json", Some(Media::Json)),
            ("*/*, application/json", Some(Media::Json)),
            ("application/xml, application/json", Some(Media::Json)),
            ("APPLICATION/JSON", Some(Media::Json)),
            ("application/json;q=0.1, application/xml;q=0.9", Some(Media::Xml)),
            ("application/xml;charset=utf-8", Some(Media::Xml)),
            ("application/*", Some(Media::Xml)),
            ("*/*", Some(Media::Xml)),
            ("text/html, image/gif, image/jpeg, */*; q=0.2", Some(Media::Xml)),
            (browser, Some(Media::Xml)),
            ("text/html", None),
            ("text/json", None),
            ("application/json;q=0", None),
            ("nonsense", None),
        ] {
            assert_eq!(media(Some(accept)), expected, "{accept}");
        }
        assert_eq!(media(None), Some(Media::Xml));
    }

    #[test]
    fn forms_of_errors() {
        for (accept, expected) in [
            ("*/*", ProblemBody::Media(Media::Json)),
            ("application/xml", ProblemBody::Media(Media::Xml)),
            ("text/html", ProblemBody::Html),
            ("text/html, */*", ProblemBody::Html),
            ("text/json", ProblemBody::Nothing),
        ] {
            assert_eq!(problem(Some(accept)), expected, "{accept}");
        }
        assert_eq!(problem(None), ProblemBody::Media(Media::Json));
    }

    #[test]
    fn compression() {
        for (header, expected) in [
            (Some("gzip"), true),
            (Some("deflate, GZIP;q=0.5"), true),
            (Some("gzip;q=0"), false),
            (Some("identity"), false),
            (Some("deflate"), false),
            (None, false),
        ] {
            assert_eq!(gzip(header), expected, "{header:?}");
        }
    }
}
