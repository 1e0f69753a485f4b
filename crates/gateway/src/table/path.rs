//! Path filters, compiled.

use regex::Regex;
use rialto_api::route::FilterSpec;

use super::edits::{Template, Variables};
use super::pattern::Pattern;
use crate::limits::REGEX_MAX_BYTES;

/// One change of the path.
#[derive(Debug, Clone)]
pub(crate) enum PathEdit {
    Strip(u32),
    Prefix(Box<str>),
    Rewrite { pattern: Regex, replacement: String },
    Set(Template),
}

/// Compiles the path filters among `filters`.
pub(crate) fn compile(
    filters: &[FilterSpec],
    patterns: &[Pattern],
) -> Result<Vec<PathEdit>, String> {
    let mut edits = Vec::new();
    for filter in filters {
        match filter {
            FilterSpec::StripPrefix { parts } => edits.push(PathEdit::Strip(*parts)),
            FilterSpec::PrefixPath { prefix } => {
                check_path("prefix", prefix)?;
                edits.push(PathEdit::Prefix(prefix.trim_end_matches('/').into()));
            }
            FilterSpec::RewritePath { regexp, replacement } => {
                let pattern = regex(regexp)?;
                // Spring writes `$\{name}` where its configuration would expand `${name}` itself.
                let replacement = replacement.replace("$\\", "$");
                edits.push(PathEdit::Rewrite { pattern, replacement });
            }
            FilterSpec::SetPath { template } => {
                check_path("template", template)?;
                edits.push(PathEdit::Set(Template::parse(template, patterns)?));
            }
            _ => {}
        }
    }
    Ok(edits)
}

/// Compiles a regular expression; named groups may be written `(?<name>…)`.
pub(crate) fn regex(text: &str) -> Result<Regex, String> {
    regex::RegexBuilder::new(text)
        .size_limit(REGEX_MAX_BYTES)
        .build()
        .map_err(|error| format!("the regular expression {text:?} cannot be used: {error}"))
}

fn check_path(what: &str, text: &str) -> Result<(), String> {
    let legal = |byte: u8| (b'!'..=b'~').contains(&byte) && !matches!(byte, b'?' | b'#' | b'\\');
    if text.starts_with('/') && text.bytes().all(legal) {
        Ok(())
    } else {
        Err(format!("{what} {text:?} must begin with '/' and be a path"))
    }
}

/// Replaces `path` by what the edits make of it; `spare` is room to work in.
pub(crate) fn apply(
    edits: &[PathEdit],
    variables: &Variables<'_>,
    path: &mut Vec<u8>,
    spare: &mut Vec<u8>,
) {
    for edit in edits {
        spare.clear();
        match edit {
            PathEdit::Strip(parts) => strip(*parts, path, spare),
            PathEdit::Prefix(prefix) => {
                spare.extend_from_slice(prefix.as_bytes());
                spare.extend_from_slice(path);
            }
            PathEdit::Rewrite { pattern, replacement } => {
                let text = String::from_utf8_lossy(path);
                spare.extend_from_slice(pattern.replace_all(&text, replacement).as_bytes());
                // What a pattern makes of a path must still be one, and one line.
                spare.retain(|byte| (b'!'..=b'~').contains(byte) && !matches!(byte, b'?' | b'#'));
                if spare.first() != Some(&b'/') {
                    spare.insert(0, b'/');
                }
            }
            PathEdit::Set(template) => template.write(spare, variables),
        }
        std::mem::swap(path, spare);
    }
}

fn strip(parts: u32, path: &[u8], out: &mut Vec<u8>) {
    let mut rest = path;
    for _ in 0..parts {
        let begin = rest.iter().position(|byte| *byte != b'/').unwrap_or(rest.len());
        let end = rest[begin..].iter().position(|byte| *byte == b'/');
        rest = end.map_or(&[][..], |end| &rest[begin + end..]);
    }
    if rest.first() != Some(&b'/') {
        out.push(b'/');
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(filters: &[FilterSpec], path: &str, expected: &str) {
        let patterns = [Pattern::parse("/items/{id}/**").unwrap(), Pattern::parse("/**").unwrap()];
        let edits = compile(filters, &patterns).unwrap();
        let mut result = path.as_bytes().to_vec();
        let variables = Variables { patterns: &patterns, path };
        apply(&edits, &variables, &mut result, &mut Vec::new());
        assert_eq!(String::from_utf8(result).unwrap(), expected, "{filters:?} {path}");
    }

    #[test]
    fn each_filter() {
        let strip = |parts| [FilterSpec::StripPrefix { parts }];
        check(&strip(1), "/shop/a/b", "/a/b");
        check(&strip(2), "/shop/a/", "/");
        check(&strip(3), "/shop", "/");
        check(&strip(0), "/shop", "/shop");
        let prefix = [FilterSpec::PrefixPath { prefix: "/api/v1/".to_owned() }];
        check(&prefix, "/x", "/api/v1/x");
        let set = [FilterSpec::SetPath { template: "/v2/{id}".to_owned() }];
        check(&set, "/items/7/x", "/v2/7");
        let rewrite = |replacement: &str| {
            [FilterSpec::RewritePath {
                regexp: "/red/?(?<segment>.*)".to_owned(),
                replacement: replacement.to_owned(),
            }]
        };
        check(&rewrite("/$\\{segment}"), "/red/blue", "/blue");
        check(&rewrite("${segment}"), "/red/blue", "/blue");
        check(&rewrite("/${segment}"), "/green", "/green");
    }

    #[test]
    fn in_their_order() {
        let filters = [
            FilterSpec::StripPrefix { parts: 1 },
            FilterSpec::PrefixPath { prefix: "/x".to_owned() },
            FilterSpec::StripPrefix { parts: 1 },
        ];
        check(&filters, "/shop/a", "/a");
    }

    #[test]
    fn wrong_filters_say_why() {
        for filter in [
            FilterSpec::PrefixPath { prefix: "x".to_owned() },
            FilterSpec::SetPath { template: "/{nope}".to_owned() },
            FilterSpec::SetPath { template: "/a b".to_owned() },
            FilterSpec::RewritePath { regexp: "(".to_owned(), replacement: String::new() },
        ] {
            assert!(compile(&[filter], &[]).is_err());
        }
    }
}
