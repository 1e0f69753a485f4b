//! Rules for Rust files: size, module documentation, attributes, purity.

use std::path::Path;

use super::Violation;
use super::lexer::{self, Layers};
use super::ratchet::{Ratchet, Size};

/// Longest line, in characters.
const LINE_COLUMNS_MAX: usize = 100;

/// Crates whose decisions must follow from their arguments alone.
const PURE_CRATES: &[&str] = &[
    "crates/balance/src/",
    "crates/catalog/src/",
    "crates/configuration/src/",
    "crates/http1/src/",
    "crates/resilience/src/",
    "crates/time/src/",
];

/// Modules of a protocol crate that must be pure, as file or folder names.
const PURE_MODULES: &[&str] = &["codec", "map", "session"];

/// Modules of pure crates that exist only with a feature for a runtime.
const OFFERED: &[&str] = &["crates/resilience/src/wait.rs"];

/// What a pure crate may not name: clocks, chance, disks, sockets, threads, output.
const IMPURE: &[&str] = &[
    "Instant::now",
    "SystemTime",
    "std::fs",
    "std::net::Tcp",
    "std::net::Udp",
    "std::env",
    "std::thread",
    "std::process",
    "std::io::std",
    "tokio::",
    "rand::rng",
    "getrandom",
    "println!",
    "eprintln!",
];

/// Complaints about one Rust file.
pub(crate) fn check(path: &str, source: &str, ratchet: &mut Ratchet) -> Vec<Violation> {
    if is_generated(path, source) || super::text::is_foreign(path) {
        return Vec::new();
    }
    let layers = lexer::split(source);
    let mut found = Vec::new();
    let mut complain = |line: usize, message: String| {
        found.push(Violation { path: path.to_owned(), line, message });
    };
    check_sizes(path, source, &layers, ratchet, &mut complain);
    if path.contains("/tests/ui/") {
        // Programs that a test compiles, written as users write them.
        return found;
    }
    if !source.trim_start().starts_with("//!") {
        complain(1, "begins without `//!` that says what the file is for, and why".to_owned());
    }
    if is_crate_root(path) && !layers.code.contains("#![forbid(unsafe_code)]") {
        complain(1, "a crate's root must have #![forbid(unsafe_code)]".to_owned());
    }
    check_comments(&layers.comments, &mut complain);
    check_attributes(source, &layers.code, &mut complain);
    if is_pure(path) {
        check_purity(&layers.code, &mut complain);
    }
    found
}

/// True for code that a program wrote.
fn is_generated(path: &str, source: &str) -> bool {
    path.contains("/generated/") || source.lines().take(3).any(|line| line.contains("@generated"))
}

fn check_sizes(
    path: &str,
    source: &str,
    layers: &Layers,
    ratchet: &mut Ratchet,
    complain: &mut impl FnMut(usize, String),
) {
    if let Some(message) = ratchet.judge(Size::FileLines, path, source.lines().count()) {
        complain(0, message);
    }
    for function in lexer::functions(&layers.code) {
        let name = format!("{path}::{}", function.name);
        if let Some(message) = ratchet.judge(Size::FunctionLines, &name, function.lines) {
            complain(function.line, format!("fn {}: {message}", function.name));
        }
    }
    for (index, line) in source.lines().enumerate() {
        let columns = line.chars().count();
        // A link or a recorded value can't be broken; a line that is one word may be long.
        if columns > LINE_COLUMNS_MAX && line.split_whitespace().count() > 2 {
            complain(index + 1, format!("{columns} columns, at most {LINE_COLUMNS_MAX}"));
        }
    }
}

fn check_comments(comments: &str, complain: &mut impl FnMut(usize, String)) {
    for (index, line) in comments.lines().enumerate() {
        let marker = ["TODO", "FIXME", "XXX"].into_iter().find(|word| has_word(line, word));
        let has_issue =
            line.split('#').skip(1).any(|after| after.starts_with(|c: char| c.is_ascii_digit()));
        if let Some(marker) = marker.filter(|_| !has_issue) {
            complain(index + 1, format!("{marker} without an issue number (#123)"));
        }
    }
}

fn check_attributes(source: &str, code: &str, complain: &mut impl FnMut(usize, String)) {
    for (start, _) in code.match_indices('#') {
        let Some(body) = attribute(&code[start..]) else { continue };
        let line = lexer::line_of(code, start);
        let name: String =
            body.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | ':')).collect();
        match name.as_str() {
            "allow" | "expect" if !body.contains("reason") => {
                complain(line, format!("#[{name}] without a reason = \"…\""));
            }
            "ignore" => complain(line, "a test that is ignored proves nothing: fix it".to_owned()),
            _ => {}
        }
    }
    // `cfg_attr(…, ignore)` hides from the check above.
    for (start, _) in code.match_indices("cfg_attr(") {
        let end = source[start..].find(")]").map_or(source.len(), |end| start + end);
        if has_word(&code[start..end], "ignore") {
            complain(lexer::line_of(code, start), "a test that is sometimes ignored".to_owned());
        }
    }
}

/// What stands between the brackets when `code` begins with an attribute.
fn attribute(code: &str) -> Option<&str> {
    let rest = code.strip_prefix("#![").or_else(|| code.strip_prefix("#["))?;
    let mut depth = 1_usize;
    for (index, byte) in rest.bytes().enumerate() {
        match byte {
            b'[' => depth += 1,
            b']' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(rest[..index].trim_start());
        }
    }
    None
}

fn check_purity(code: &str, complain: &mut impl FnMut(usize, String)) {
    // Tests stand last in a file; what they use is their business.
    let production = code.find("#[cfg(test)]").map_or(code, |tests| &code[..tests]);
    for word in IMPURE {
        for (at, _) in production.match_indices(word) {
            let continues = production[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
            if !continues {
                let line = lexer::line_of(code, at);
                complain(line, format!("{word} in a pure module: take it as a parameter"));
            }
        }
    }
}

fn is_pure(path: &str) -> bool {
    let is_test = path.ends_with("tests.rs") || path.contains("/tests/");
    let is_offered = OFFERED.contains(&path);
    let in_pure_crate = PURE_CRATES.iter().any(|root| path.starts_with(root));
    // Only a protocol crate's own top modules: protocols/NAME/src/codec…
    let in_pure_module = path.strip_prefix("protocols/").is_some_and(|inner| {
        let inner = Path::new(inner).with_extension("");
        inner.components().nth(2).is_some_and(|module| {
            PURE_MODULES.iter().any(|pure| module.as_os_str() == std::ffi::OsStr::new(pure))
        })
    });
    !is_test && !is_offered && (in_pure_crate || in_pure_module)
}

fn is_crate_root(path: &str) -> bool {
    path.ends_with("src/lib.rs") || path.ends_with("src/main.rs") || path.contains("/src/bin/")
}

fn has_word(text: &str, word: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        !text[..at].ends_with(is_word) && !text[at + word.len()..].starts_with(is_word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn complaints(path: &str, source: &str, expected: &[&str]) {
        let found = check(path, source, &mut Ratchet::default());
        let messages: Vec<&str> = found.iter().map(|v| v.message.as_str()).collect();
        assert_eq!(messages.len(), expected.len(), "{messages:?}");
        for (message, part) in messages.iter().zip(expected) {
            assert!(message.contains(part), "{message} lacks {part}");
        }
    }

    #[test]
    fn a_file_says_what_it_is_for() {
        complaints("crates/x/src/a.rs", "//! Why.\n", &[]);
        complaints("crates/x/src/a.rs", "use std::fmt;\n", &["begins without"]);
        complaints("crates/x/tests/ui/a.rs", "fn main() {}\n", &[]);
    }

    #[test]
    fn a_crate_root_forbids_unsafe_code() {
        complaints("crates/x/src/lib.rs", "//! X.\n", &["forbid(unsafe_code)"]);
        complaints("crates/x/src/lib.rs", "//! X.\n#![forbid(unsafe_code)]\n", &[]);
    }

    #[test]
    fn markers_need_an_issue() {
        complaints("a.rs", "//! A.\n// TODO: later\n", &["TODO"]);
        complaints("a.rs", "//! A.\n// TODO(#12): later\n", &[]);
        complaints("a.rs", "//! A.\nconst A: &str = \"TODO\";\n", &[]);
    }

    #[test]
    fn lints_are_silenced_with_a_reason() {
        complaints("a.rs", "//! A.\n#[allow(dead_code)]\nfn a() {}\n", &["reason"]);
        complaints(
            "a.rs",
            "//! A.\n#[allow(\n  dead_code,\n  reason = \"x\"\n)]\nfn a() {}\n",
            &[],
        );
        complaints("a.rs", "//! A.\n#![expect(unused)]\n", &["reason"]);
    }

    #[test]
    fn ignored_tests_are_refused() {
        complaints("a.rs", "//! A.\n#[ignore = \"slow\"]\n", &["ignored"]);
        complaints("a.rs", "//! A.\n#[cfg_attr(windows, ignore)]\n", &["ignored"]);
    }

    #[test]
    fn long_lines_long_functions_and_long_files_are_refused() {
        let line = format!("//! A.\n// {} end\n", "a ".repeat(50));
        complaints("a.rs", &line, &["columns"]);
        let function = format!("//! A.\nfn f() {{\n{}}}\n", "a();\n".repeat(69));
        complaints("a.rs", &function, &["fn f: 71 lines"]);
        complaints("a.rs", &format!("//! A.\n{}", "\n".repeat(500)), &["501 lines"]);
    }

    #[test]
    fn pure_modules_name_no_clock_and_no_socket() {
        let source = "//! A.\nfn a() { std::time::Instant::now(); }\n";
        complaints("crates/catalog/src/a.rs", source, &["Instant::now"]);
        complaints("crates/engine/src/a.rs", source, &[]);
        complaints("protocols/eureka/src/codec/json.rs", source, &["Instant::now"]);
        complaints("protocols/eureka/src/map.rs", source, &["Instant::now"]);
        complaints("protocols/eureka/src/door.rs", source, &[]);
        complaints("protocols/eureka/src/door/session.rs", source, &[]);
        let tested = "//! A.\n#[cfg(test)]\nmod tests { fn a() { Instant::now(); } }\n";
        complaints("crates/catalog/src/a.rs", tested, &[]);
    }

    #[test]
    fn generated_code_is_left_alone() {
        complaints("crates/api/src/a.rs", "// This file is @generated by x.\nfn a() {}\n", &[]);
    }
}
