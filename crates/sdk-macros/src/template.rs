//! The path template of a method: `/items/{id}/reservations?expand=all`.

/// A template, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    /// Literals and variables in order. The last literal carries the literal query, if any.
    pub(crate) segments: Vec<Segment>,
    /// Names that the literal query sets.
    pub(crate) query_names: Vec<String>,
}

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Segment {
    /// Sent as it is.
    Literal(String),
    /// The name of an argument.
    Variable(String),
}

impl Template {
    /// Reads and checks a template. The error is what to tell the user.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if !text.starts_with('/') {
            return Err("the path must begin with `/`".to_owned());
        }
        let (path, query) = match text.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (text, None),
        };
        let mut segments = path_segments(path)?;
        let query_names = match query {
            Some(query) => {
                let names = query_names(query)?;
                append_literal(&mut segments, &format!("?{query}"));
                names
            }
            None => Vec::new(),
        };
        let template = Self { segments, query_names };
        template.refuse_duplicates()?;
        Ok(template)
    }

    /// The variables, in order.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Variable(name) => Some(name.as_str()),
            Segment::Literal(_) => None,
        })
    }

    /// Whether a literal query is there already.
    pub(crate) fn has_query(&self) -> bool {
        !self.query_names.is_empty()
    }

    /// The template without the names of its variables: two methods may not share it.
    pub(crate) fn shape(&self) -> String {
        self.segments
            .iter()
            .map(|segment| match segment {
                Segment::Literal(text) => text.as_str(),
                Segment::Variable(_) => "{}",
            })
            .collect()
    }

    fn refuse_duplicates(&self) -> Result<(), String> {
        let names: Vec<&str> = self.variables().collect();
        for (position, name) in names.iter().enumerate() {
            if names[..position].contains(name) {
                return Err(format!("`{{{name}}}` is there twice; give each its own name"));
            }
        }
        Ok(())
    }
}

fn path_segments(path: &str) -> Result<Vec<Segment>, String> {
    let mut segments = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        let end = rest.find(['{', '}']).unwrap_or(rest.len());
        let (literal, after) = rest.split_at(end);
        check_literal(literal)?;
        append_literal(&mut segments, literal);
        if after.starts_with('}') {
            return Err("there is a `}` without its `{`".to_owned());
        }
        let Some(inside) = after.strip_prefix('{') else { break };
        let end = inside.find(['{', '}']).filter(|end| inside.as_bytes()[*end] == b'}');
        let Some(end) = end else {
            return Err("there is a `{` without its `}`".to_owned());
        };
        segments.push(Segment::Variable(variable(&inside[..end])?));
        rest = &inside[end + 1..];
    }
    Ok(segments)
}

fn variable(name: &str) -> Result<String, String> {
    if name.is_empty() {
        return Err("`{}` names no argument; write `{id}`".to_owned());
    }
    let identifier = !name.starts_with(|first: char| first.is_ascii_digit())
        && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_');
    if !identifier {
        return Err(format!("`{{{name}}}` is not the name of an argument"));
    }
    Ok(name.to_owned())
}

fn query_names(query: &str) -> Result<Vec<String>, String> {
    if query.is_empty() {
        return Err("nothing follows the `?`".to_owned());
    }
    if query.contains(['{', '}']) {
        return Err("a variable cannot stand in the query; mark the argument `#[query]`".to_owned());
    }
    check_literal(query)?;
    Ok(query.split('&').map(|pair| pair.split('=').next().unwrap_or(pair).to_owned()).collect())
}

fn check_literal(literal: &str) -> Result<(), String> {
    let allowed =
        |character: char| character.is_ascii_graphic() && !"\"#<>\\^`|".contains(character);
    match literal.chars().find(|character| !allowed(*character)) {
        Some(character) => {
            Err(format!("{character:?} cannot stand in a URL as it is; write it percent-encoded"))
        }
        None => Ok(()),
    }
}

fn append_literal(segments: &mut Vec<Segment>, text: &str) {
    match segments.last_mut() {
        _ if text.is_empty() => {}
        Some(Segment::Literal(last)) => last.push_str(text),
        _ => segments.push(Segment::Literal(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::{Segment, Template};

    #[test]
    fn reads_literals_variables_and_a_query() {
        let template = Template::parse("/items/{id}/parts/{part}.json?expand=all&raw").unwrap();
        assert_eq!(template.variables().collect::<Vec<_>>(), ["id", "part"]);
        assert_eq!(template.query_names, ["expand", "raw"]);
        assert_eq!(template.shape(), "/items/{}/parts/{}.json?expand=all&raw");
        assert_eq!(
            Template::parse("/{a}").unwrap().segments,
            [Segment::Literal("/".into()), Segment::Variable("a".into())]
        );
    }

    #[test]
    fn refuses_what_cannot_be_sent() {
        for (text, reason) in [
            ("items", "begin with `/`"),
            ("/items/{id", "without its `}`"),
            ("/items/id}", "without its `{`"),
            ("/items/{{id}}", "without its `}`"),
            ("/items/{}", "names no argument"),
            ("/items/{1st}", "not the name"),
            ("/items/{a}/{a}", "twice"),
            ("/items?q={q}", "#[query]"),
            ("/items?", "nothing follows"),
            ("/two words", "percent-encoded"),
            ("/ünder", "percent-encoded"),
        ] {
            let told = Template::parse(text).unwrap_err();
            assert!(told.contains(reason), "{text}: {told}");
        }
    }
}
