//! The one shape of YAML that describes an archive: a list of flat mappings under `metadata`.
//!
//! It is what the real server's library writes, with all its ways to write a scalar, and nothing
//! else of YAML: no anchors, no tags, no other nesting.

use crate::limits::ARCHIVE_ENTRIES_MAX;

/// What is said about one entry. Empty texts were not said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Item {
    pub(super) group: String,
    pub(super) data_id: String,
    pub(super) desc: String,
    pub(super) kind: String,
    pub(super) app_name: String,
    pub(super) config_tags: String,
    pub(super) encrypted_data_key: String,
}

/// Reads the list.
///
/// # Errors
/// What is wrong, and on which line.
pub(super) fn read(text: &str) -> Result<Vec<Item>, String> {
    let mut lines = Lines::new(text);
    match lines.next() {
        Some(line) if line.text.trim_end() == "metadata:" => {}
        Some(line) if matches!(line.text.trim_end(), "metadata: []" | "{}") => {
            return Ok(Vec::new());
        }
        None => return Ok(Vec::new()),
        Some(_) => return Err("it does not begin with 'metadata:'".to_owned()),
    }
    let mut items: Vec<Item> = Vec::new();
    while let Some(line) = lines.next() {
        let mut member = line.text.trim_start();
        let mut indent = line.text.len() - member.len();
        if let Some(rest) = member.strip_prefix("- ") {
            if items.len() == ARCHIVE_ENTRIES_MAX {
                return Err(format!("it describes more than {ARCHIVE_ENTRIES_MAX} entries"));
            }
            items.push(Item::default());
            indent += 2;
            member = rest;
        }
        let at = line.number;
        let item = items.last_mut().ok_or_else(|| format!("line {at} is not in the list"))?;
        let (name, value) =
            member.split_once(':').ok_or_else(|| format!("line {at} is not 'name: value'"))?;
        let value = scalar(value.trim_start(), indent, &mut lines)
            .ok_or_else(|| format!("the value on line {at} cannot be read"))?;
        item.set(name.trim().trim_matches(['"', '\'']), value);
    }
    let named = |item: &Item| !item.group.is_empty() && !item.data_id.is_empty();
    match items.iter().position(|item| !named(item)) {
        Some(at) => Err(format!("item {} has no group or no dataId", at + 1)),
        None => Ok(items),
    }
}

impl Item {
    fn set(&mut self, name: &str, value: String) {
        match name {
            "group" => self.group = value,
            "dataId" => self.data_id = value,
            "desc" => self.desc = value,
            "type" => self.kind = value,
            "appName" => self.app_name = value,
            "configTags" => self.config_tags = value,
            "encryptedDataKey" => self.encrypted_data_key = value,
            // Newer servers may say more.
            _ => {}
        }
    }
}

struct Line<'a> {
    number: usize,
    text: &'a str,
}

/// Lines that say something.
struct Lines<'a> {
    rest: std::iter::Peekable<std::iter::Enumerate<std::str::Lines<'a>>>,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text.lines().enumerate().peekable() }
    }

    /// The next line, whatever it says.
    fn raw(&mut self) -> Option<&'a str> {
        self.rest.next().map(|(_, text)| text)
    }

    /// The next line if it goes on with a scalar that began with less indentation.
    fn deeper(&mut self, indent: usize) -> Option<&'a str> {
        let (_, text) = self.rest.peek()?;
        let deeper = text.len() - text.trim_start().len() > indent && !text.trim().is_empty();
        if deeper { self.raw() } else { None }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (at, text) = self.rest.next()?;
            let said = text.trim();
            if !said.is_empty() && !said.starts_with('#') && said != "---" {
                return Some(Line { number: at + 1, text });
            }
        }
    }
}

fn scalar(begin: &str, indent: usize, lines: &mut Lines<'_>) -> Option<String> {
    match begin.chars().next() {
        Some('"') => quoted(&begin[1..], '"', lines),
        Some('\'') => quoted(&begin[1..], '\'', lines),
        Some('|' | '>') => block(begin, indent, lines),
        Some('[' | '{' | '&' | '*' | '!') => None,
        _ => {
            let mut text = begin.trim_end().to_owned();
            while let Some(more) = lines.deeper(indent) {
                text.push(' ');
                text.push_str(more.trim());
            }
            Some(if matches!(text.as_str(), "null" | "~") { String::new() } else { text })
        }
    }
}

/// A scalar to its closing quote, over as many lines as it takes.
fn quoted(begin: &str, quote: char, lines: &mut Lines<'_>) -> Option<String> {
    let mut text = String::new();
    let mut line = begin;
    let mut breaks = 0;
    loop {
        match part(line, quote, &mut text)? {
            Part::Closed => return Some(text),
            Part::Open { escaped } => {
                if !escaped {
                    text.truncate(text.trim_end_matches([' ', '\t']).len());
                    breaks = 1;
                }
            }
        }
        loop {
            let next = lines.raw()?;
            line = next.trim_start();
            if !line.is_empty() {
                break;
            }
            breaks += 1;
        }
        match breaks {
            0 => {}
            1 => text.push(' '),
            more => text.extend(std::iter::repeat_n('\n', more - 1)),
        }
        breaks = 0;
    }
}

enum Part {
    Closed,
    /// The line ends within the scalar; `escaped` when it goes on without a space.
    Open {
        escaped: bool,
    },
}

/// Adds what one line says.
fn part(line: &str, quote: char, text: &mut String) -> Option<Part> {
    let mut chars = line.chars();
    while let Some(next) = chars.next() {
        match next {
            '\'' if quote == '\'' => {
                if chars.as_str().starts_with('\'') {
                    chars.next();
                    text.push('\'');
                } else {
                    return Some(Part::Closed);
                }
            }
            '"' if quote == '"' => return Some(Part::Closed),
            '\\' if quote == '"' => match chars.next() {
                None => return Some(Part::Open { escaped: true }),
                Some(escape) => text.push(escaped(escape, &mut chars)?),
            },
            other => text.push(other),
        }
    }
    Some(Part::Open { escaped: false })
}

fn escaped(escape: char, chars: &mut std::str::Chars<'_>) -> Option<char> {
    let mut code = |digits: usize| {
        let text: String = chars.by_ref().take(digits).collect();
        u32::from_str_radix(&text, 16).ok()
    };
    Some(match escape {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        '0' => '\0',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'a' => '\u{7}',
        'v' => '\u{b}',
        'e' => '\u{1b}',
        'N' => '\u{85}',
        '_' => '\u{a0}',
        'L' => '\u{2028}',
        'P' => '\u{2029}',
        '"' | '\\' | '/' | ' ' => escape,
        'x' => char::from_u32(code(2)?)?,
        'U' => char::from_u32(code(8)?)?,
        'u' => {
            let first = code(4)?;
            if !(0xd800..0xdc00).contains(&first) {
                return char::from_u32(first);
            }
            // The second half of what JSON writes in two.
            let marked = chars.next() == Some('\\') && chars.next() == Some('u');
            let text: String = chars.by_ref().take(4).collect();
            let second = u32::from_str_radix(&text, 16).ok().filter(|_| marked)?;
            let low = second.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
            char::from_u32(0x10000 + ((first - 0xd800) << 10) + low)?
        }
        _ => return None,
    })
}

/// A scalar on lines of its own: kept (`|`) or folded (`>`).
fn block(begin: &str, indent: usize, lines: &mut Lines<'_>) -> Option<String> {
    let folded = begin.starts_with('>');
    let chomp = begin.trim_end().ends_with('-');
    let mut text = String::new();
    while let Some(line) = lines.deeper(indent) {
        if !text.is_empty() {
            text.push(if folded { ' ' } else { '\n' });
        }
        text.push_str(line.trim_start());
    }
    if !chomp && !text.is_empty() {
        text.push('\n');
    }
    Some(text)
}
