//! Lists in documents that must be complete: what exists in the code has its row.

use super::Violation;

/// Where settings are defined, and where people read about them.
const SETTINGS: (&str, &str) = ("server/src/config/schema.rs", "docs/operations/configuration.md");

/// Where dependencies are declared, and where each is justified.
const DEPENDENCIES: (&str, &str) = ("Cargo.toml", "docs/decisions/0005-dependencies.md");

/// A program that the READMEs show, and that is compiled as it is.
const PROGRAM: (&str, &[&str]) =
    ("crates/sdk/examples/twenty_lines.rs", &["README.md", "README.zh-CN.md"]);

/// Complaints about names that have no row, and about shown programs that differ.
pub(crate) fn check(texts: &[(String, String)]) -> Vec<Violation> {
    let mut found =
        missing(texts, SETTINGS, &settings, &|row, key| row.contains(&format!("`{key}`")));
    found.extend(missing(texts, DEPENDENCIES, &dependencies, &|row, name| {
        let crates = row.trim_start_matches('|').split('|').next().unwrap_or_default();
        crates.split([',', ' ']).any(|listed| listed == name)
    }));
    found.extend(other_programs(texts));
    found
}

fn other_programs(texts: &[(String, String)]) -> Vec<Violation> {
    let (source, readers) = PROGRAM;
    let text = |path: &str| texts.iter().find(|(of, _)| of == path).map(|(_, text)| text.as_str());
    let Some(program) = text(source) else { return Vec::new() };
    let shown = |document: &str| {
        let blocks = document.split("```rust\n").skip(1);
        blocks.filter_map(|block| block.split("```").next()).all(|block| program.contains(block))
    };
    readers
        .iter()
        .filter(|reader| text(reader).is_some_and(|document| !shown(document)))
        .map(|reader| Violation {
            path: (*reader).to_owned(),
            line: 0,
            message: format!("shows another program than {source}"),
        })
        .collect()
}

fn missing(
    texts: &[(String, String)],
    (source, document): (&str, &str),
    names: &dyn Fn(&str) -> Vec<String>,
    is_in: &dyn Fn(&str, &str) -> bool,
) -> Vec<Violation> {
    let text = |path: &str| texts.iter().find(|(of, _)| of == path).map(|(_, text)| text.as_str());
    let (Some(code), Some(rows)) = (text(source), text(document)) else { return Vec::new() };
    let rows: Vec<&str> = rows.lines().filter(|line| line.starts_with('|')).collect();
    names(code)
        .into_iter()
        .filter(|name| !rows.iter().any(|row| is_in(row, name)))
        .map(|name| Violation {
            path: document.to_owned(),
            line: 0,
            message: format!("has no row for {name} of {source}"),
        })
        .collect()
}

/// Keys in `key: "…"` lines.
fn settings(code: &str) -> Vec<String> {
    let key = |line: &str| {
        let rest = line.trim().strip_prefix("key: \"")?;
        Some(rest.split('"').next()?.to_owned())
    };
    code.lines().filter_map(key).collect()
}

/// Names in `[workspace.dependencies]` that are not ours.
fn dependencies(manifest: &str) -> Vec<String> {
    let table: toml::Table = toml::from_str(manifest).unwrap_or_default();
    let dependencies = table
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies"))
        .and_then(toml::Value::as_table);
    let names = dependencies.into_iter().flat_map(toml::Table::keys);
    names.filter(|name| !name.starts_with("rialto-")).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn complaints(code: (&str, &str), document: (&str, &str), expected: usize) {
        let texts = [code, document].map(|(path, text)| (path.to_owned(), text.to_owned()));
        let found = check(&texts);
        assert_eq!(found.len(), expected, "{found:?}");
    }

    #[test]
    fn every_setting_has_a_row() {
        let code = (SETTINGS.0, "Setting {\n    key: \"api.listen\",\n}");
        complaints(code, (SETTINGS.1, "| `api.listen` | x |\n"), 0);
        complaints(code, (SETTINGS.1, "| `eureka.listen` | x |\n"), 1);
    }

    #[test]
    fn a_shown_program_is_the_compiled_one() {
        let code = (PROGRAM.0, "//! Why.\nfn main() {}\n");
        complaints(code, (PROGRAM.1[0], "# R\n```rust\nfn main() {}\n```\n"), 0);
        complaints(code, (PROGRAM.1[0], "# R\n```rust\nfn main() { }\n```\n"), 1);
    }

    #[test]
    fn every_dependency_has_a_row() {
        let manifest = "[workspace.dependencies]\nbytes = \"1\"\nrialto-api = { path = \"x\" }\n";
        let code = (DEPENDENCIES.0, manifest);
        complaints(code, (DEPENDENCIES.1, "| http, bytes | doors | types |\n"), 0);
        complaints(code, (DEPENDENCIES.1, "| http | bytes | types |\n"), 1);
    }
}
