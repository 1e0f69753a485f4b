//! Rules for documents: every link leads somewhere, and translations have the same parts.

use std::path::{Component, Path, PathBuf};

use super::Violation;

/// Complaints about links of the document at `path` that lead nowhere in the repository.
pub(crate) fn check_links(
    path: &str,
    content: &str,
    texts: &[(String, String)],
    exists: &dyn Fn(&str) -> bool,
) -> Vec<Violation> {
    let mut found = Vec::new();
    for (line, target) in links(content) {
        if target.contains("://") || target.starts_with("mailto:") {
            continue;
        }
        let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
        let resolved = if file.is_empty() { path.to_owned() } else { resolve(path, file) };
        let message = if !exists(&resolved) {
            format!("link to {target}, which does not exist")
        } else if !anchor.is_empty() && !has_anchor(&resolved, anchor, texts) {
            format!("link to {target}, where no such heading exists")
        } else {
            continue;
        };
        found.push(Violation { path: path.to_owned(), line, message });
    }
    found
}

/// Complaints when the translation's headings, code or pictures differ from the original's.
pub(crate) fn check_translation(
    texts: &[(String, String)],
    original: &str,
    translation: &str,
) -> Vec<Violation> {
    let content =
        |path: &str| texts.iter().find(|(of, _)| of == path).map(|(_, content)| content.as_str());
    let complaint = match (content(original), content(translation)) {
        (Some(one), Some(other)) => difference(&outline(one), &outline(other)),
        (None, None) => None,
        _ => Some("one of the two is missing".to_owned()),
    };
    complaint
        .map(|what| Violation {
            path: translation.to_owned(),
            line: 0,
            message: format!("differs from {original}: {what}"),
        })
        .into_iter()
        .collect()
}

/// What must be equal in two languages: levels of headings, blocks of code, table rows, pictures.
fn outline(content: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut in_code = false;
    for line in content.lines() {
        if line.starts_with("```") {
            in_code = !in_code;
            parts.push(line.to_owned());
        } else if in_code {
            // Code is the same in both, but for its comments.
            parts.push(line.split("//").next().unwrap_or(line).trim_end().to_owned());
        } else if line.starts_with('#') {
            parts.push(line.chars().take_while(|c| *c == '#').collect());
        } else if line.starts_with('|') {
            parts.push("table row".to_owned());
        } else if let Some((_, picture)) = line.split_once("![") {
            parts.push(picture.split_once("](").map_or("picture", |(_, to)| to).to_owned());
        }
    }
    parts
}

fn difference(one: &[String], other: &[String]) -> Option<String> {
    let at = one.iter().zip(other).position(|(a, b)| a != b);
    match at {
        Some(at) => Some(format!("{:?} there, {:?} here", one[at], other[at])),
        None if one.len() != other.len() => {
            Some(format!("{} parts there, {} here", one.len(), other.len()))
        }
        None => None,
    }
}

/// Targets of inline links with their lines, outside of code.
fn links(content: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (index, line) in prose(content) {
        let mut rest = line.as_str();
        while let Some((_, after)) = rest.split_once("](") {
            let Some((target, behind)) = after.split_once(')') else { break };
            let target = target.split_whitespace().next().unwrap_or_default();
            found.push((index, target.to_owned()));
            rest = behind;
        }
    }
    found
}

/// Lines outside of code blocks, with code spans blanked.
fn prose(content: &str) -> Vec<(usize, String)> {
    let mut in_code = false;
    let mut found = Vec::new();
    for (index, line) in content.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code {
            let outside = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
            found.push((index + 1, outside));
        }
    }
    found
}

fn has_anchor(path: &str, anchor: &str, texts: &[(String, String)]) -> bool {
    let Some((_, content)) = texts.iter().find(|(of, _)| of == path) else { return true };
    let mut in_code = false;
    content.lines().any(|line| {
        in_code ^= line.starts_with("```");
        !in_code && line.starts_with('#') && slug(line) == anchor
    })
}

/// The anchor that code hosts make of a heading.
fn slug(heading: &str) -> String {
    heading
        .trim_start_matches('#')
        .trim()
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// `link` as seen from the document `path`, relative to the root.
fn resolve(path: &str, link: &str) -> String {
    let base = Path::new(path).parent().unwrap_or_else(|| Path::new(""));
    let mut resolved = PathBuf::new();
    for part in base.join(link).components() {
        match part {
            Component::ParentDir if resolved.pop() => {}
            Component::ParentDir => resolved.push(".."),
            Component::Normal(name) => resolved.push(name),
            _ => {}
        }
    }
    resolved.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(content: &str, expected: usize) {
        let texts = [
            ("docs/a.md".to_owned(), content.to_owned()),
            ("docs/b.md".to_owned(), "# Big `one`, two\n".to_owned()),
        ];
        let exists = |path: &str| ["docs/a.md", "docs/b.md", "docs"].contains(&path);
        let found = check_links("docs/a.md", content, &texts, &exists);
        assert_eq!(found.len(), expected, "{found:?}");
    }

    #[test]
    fn links_lead_to_files() {
        check("[b](b.md) [b](../docs/b.md) [web](https://example.com)\n", 0);
        check("[c](c.md) and [d](../d.md)\n", 2);
        check("[up](../../outside.md)\n", 1);
    }

    #[test]
    fn links_lead_to_headings() {
        check("[b](b.md#big-one-two)\n", 0);
        check("[b](b.md#small)\n", 1);
        check("# Here\n[up](#here) [down](#there)\n", 1);
    }

    #[test]
    fn code_has_no_links() {
        check("`[c](c.md)`\n```\n[c](c.md)\n```\n", 0);
    }

    #[test]
    fn a_translation_has_the_same_parts() {
        let texts = |other: &str| {
            vec![
                ("R.md".to_owned(), "# A\ntext\n## B\n```\nrun\n```\n".to_owned()),
                ("R.zh.md".to_owned(), other.to_owned()),
            ]
        };
        let same = texts("# 甲\n## 乙\n```\nrun\n```\n");
        assert!(check_translation(&same, "R.md", "R.zh.md").is_empty());
        let shorter = texts("# 甲\n");
        assert_eq!(check_translation(&shorter, "R.md", "R.zh.md").len(), 1);
        let other_code = texts("# 甲\n## 乙\n```\nstop\n```\n");
        assert_eq!(check_translation(&other_code, "R.md", "R.zh.md").len(), 1);
        assert_eq!(check_translation(&same[..1], "R.md", "R.zh.md").len(), 1);
    }
}
