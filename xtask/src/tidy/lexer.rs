//! Splits Rust source into code and comments, so that the rules don't mistake a string for code.
//!
//! A full parser would cost a second build of its own; the rules only need to know where strings
//! and comments are, and where a function ends.

/// A source text in two layers of the same length: what is not of a layer is blank there.
pub(crate) struct Layers {
    /// Code; the content of strings and character literals is blank.
    pub(crate) code: String,
    /// Comments, with their `//`.
    pub(crate) comments: String,
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// Line of the word `fn`, counted from 1.
    pub(crate) line: usize,
    /// Lines from `fn` to the closing brace.
    pub(crate) lines: usize,
}

/// Splits `source`; never fails, an unfinished string ends with the text.
pub(crate) fn split(source: &str) -> Layers {
    let bytes = source.as_bytes();
    let blank: Vec<u8> = bytes.iter().map(|b| if *b == b'\n' { b'\n' } else { b' ' }).collect();
    let (mut code, mut comments) = (blank.clone(), blank);
    let mut at = 0;
    while at < bytes.len() {
        let (token, length) = token_at(bytes, at);
        let end = (at + length).min(bytes.len());
        match token {
            Token::Code => code[at..end].copy_from_slice(&bytes[at..end]),
            Token::Comment => comments[at..end].copy_from_slice(&bytes[at..end]),
            Token::Text => {
                code[at] = b'"';
                code[end - 1] = b'"';
            }
        }
        at = end;
    }
    let text = |layer: Vec<u8>| String::from_utf8_lossy(&layer).into_owned();
    Layers { code: text(code), comments: text(comments) }
}

/// All functions with a body in the code layer, in order.
pub(crate) fn functions(code: &str) -> Vec<Function> {
    let bytes = code.as_bytes();
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(offset) = code[from..].find("fn ") {
        let start = from + offset;
        from = start + 3;
        if start > 0 && is_word(bytes[start - 1]) {
            continue;
        }
        let name: String = code[from..]
            .trim_start()
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        let Some(end) = body_end(bytes, from).filter(|_| !name.is_empty()) else { continue };
        let line = line_of(code, start);
        found.push(Function { name, line, lines: line_of(code, end) - line + 1 });
    }
    found
}

/// The line of a byte offset, counted from 1.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset].iter().filter(|b| **b == b'\n').count() + 1
}

enum Token {
    Code,
    Comment,
    Text,
}

fn token_at(bytes: &[u8], at: usize) -> (Token, usize) {
    let rest = &bytes[at..];
    if rest.starts_with(b"//") {
        let length = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
        return (Token::Comment, length);
    }
    if rest.starts_with(b"/*") {
        return (Token::Comment, block_comment_length(rest));
    }
    if rest[0] == b'"' {
        return (Token::Text, string_length(rest));
    }
    if rest[0] == b'\'' {
        if let Some(length) = char_length(rest) {
            return (Token::Text, length);
        }
    } else if rest[0] == b'r'
        && (at == 0 || !is_word(bytes[at - 1]) || is_string_prefix(bytes, at))
        && let Some(length) = raw_string_length(rest)
    {
        return (Token::Text, length);
    }
    (Token::Code, 1)
}

/// True when the byte before `at` is the `b` or `c` of `br"…"` or `cr"…"`.
fn is_string_prefix(bytes: &[u8], at: usize) -> bool {
    matches!(bytes[at - 1], b'b' | b'c') && (at < 2 || !is_word(bytes[at - 2]))
}

fn block_comment_length(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

fn string_length(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// `None` for a lifetime.
fn char_length(rest: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(&rest[..rest.len().min(16)]);
    let mut chars = text.char_indices().skip(1);
    let (_, first) = chars.next()?;
    if first == '\\' {
        chars.next()?;
        return chars.find(|(_, c)| *c == '\'').map(|(index, _)| index + 1);
    }
    chars.next().filter(|(_, c)| *c == '\'').map(|(index, _)| index + 1)
}

fn raw_string_length(rest: &[u8]) -> Option<usize> {
    let hashes = rest[1..].iter().take_while(|b| **b == b'#').count();
    if rest.get(1 + hashes) != Some(&b'"') {
        return None;
    }
    let close: Vec<u8> = [b'"'].into_iter().chain(std::iter::repeat_n(b'#', hashes)).collect();
    let body = &rest[hashes + 2..];
    let end = body.windows(close.len()).position(|window| window == close);
    Some(end.map_or(rest.len(), |end| hashes + 2 + end + close.len()))
}

/// The offset of the brace that closes the body, `None` for a function without one.
fn body_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut inside = 0_usize; // parentheses and brackets
    let mut at = from;
    loop {
        match bytes.get(at)? {
            b'(' | b'[' => inside += 1,
            b')' | b']' => inside = inside.checked_sub(1)?,
            b';' if inside == 0 => return None,
            b'{' if inside == 0 => break,
            _ => {}
        }
        at += 1;
    }
    let mut depth = 0_usize;
    loop {
        match bytes.get(at)? {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
        at += 1;
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, code: &str) {
        assert_eq!(split(source).code, code);
    }

    #[test]
    fn strings_and_comments_are_blank_in_code() {
        check("a // b\nc", "a     \nc");
        check("a /* /* b */ */ c", "a               c");
        check(r#"x("fn y() {")"#, r#"x("        ")"#);
        check(r###"r#"}"# + "\"" + 1"###, r###""    " + "  " + 1"###);
        check("'{' '\\'' 'a 'static", "\" \" \"  \" 'a 'static");
    }

    #[test]
    fn identifiers_ending_in_r_do_not_start_raw_strings() {
        check("var\"x\" br\"}\"", "var\" \" b\"  \"");
    }

    #[test]
    fn comments_have_their_own_layer() {
        assert_eq!(split("a // why\n").comments, "  // why\n");
    }

    #[test]
    fn functions_are_measured_to_their_closing_brace() {
        let source =
            "trait T { fn a(&self); }\nfn b(x: [u8; 2]) -> u8\nwhere\n{\n  if c { 1 }\n}\n";
        let found = functions(&split(source).code);
        assert_eq!(found, [Function { name: "b".into(), line: 2, lines: 5 }]);
    }

    #[test]
    fn function_pointers_and_macro_names_are_no_functions() {
        assert!(functions("type F = fn (u8) -> u8; macro { fn $x() {} }").is_empty());
    }

    #[test]
    fn unfinished_text_ends_with_the_file() {
        check("\"abc", "\"  \"");
        check("/* abc", "      ");
    }
}
