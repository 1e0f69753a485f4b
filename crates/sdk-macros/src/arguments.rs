//! Where each argument of a method goes.

use syn::{Attribute, Error, FnArg, Ident, LitStr, Pat, Result, Type};

use crate::options::spanned;
use crate::template::Template;

/// An argument with its place in the request.
pub(crate) struct Argument {
    pub(crate) name: Ident,
    pub(crate) r#type: Type,
    pub(crate) place: Place,
}

/// Part of the request that an argument fills.
pub(crate) enum Place {
    Path,
    Query(String),
    Header(String),
    IdempotencyKey,
    Body,
}

/// Marks of arguments.
pub(crate) const MARKS: [&str; 4] = ["query", "header", "body", "idempotency_key"];

/// Reads the arguments after `&self`, checked against the path.
pub(crate) fn read<'a>(
    inputs: impl Iterator<Item = &'a FnArg>,
    template: &Template,
    path: &LitStr,
    may_have_body: bool,
) -> Result<Vec<Argument>> {
    let mut arguments: Vec<Argument> = Vec::new();
    for input in inputs {
        let argument = read_one(input, template, may_have_body)?;
        refuse_clash(&arguments, &argument, template)?;
        arguments.push(argument);
    }
    for variable in template.variables() {
        let found = arguments
            .iter()
            .any(|one| matches!(one.place, Place::Path) && plain_name(&one.name) == variable);
        if !found {
            return Err(spanned(
                path,
                &format!("no argument is called `{variable}`, which the path asks for"),
            ));
        }
    }
    Ok(arguments)
}

fn read_one(input: &FnArg, template: &Template, may_have_body: bool) -> Result<Argument> {
    let FnArg::Typed(typed) = input else {
        return Err(spanned(input, "`self` comes first"));
    };
    let Pat::Ident(pattern) = &*typed.pat else {
        return Err(spanned(&typed.pat, "an argument of a call is a plain name"));
    };
    if let Type::ImplTrait(generic) = &*typed.ty {
        return Err(spanned(generic, "an argument's type must be written out, not `impl …`"));
    }
    let name = pattern.ident.clone();
    let in_path = template.variables().any(|variable| plain_name(&name) == variable);
    let place = match (typed.attrs.as_slice(), in_path) {
        ([], true) => Place::Path,
        ([], false) if may_have_body => Place::Body,
        ([], false) => {
            return Err(spanned(
                &name,
                &format!(
                    "`{name}` goes nowhere: put `{{{name}}}` into the path or mark it `#[query]` \
                     or `#[header(\"name\")]`"
                ),
            ));
        }
        ([mark], false) => marked(mark, &name, may_have_body)?,
        ([mark], true) => {
            return Err(spanned(mark, &format!("`{name}` goes into the path already")));
        }
        ([_, second, ..], _) => return Err(spanned(second, "one argument goes to one place")),
    };
    Ok(Argument { name, r#type: (*typed.ty).clone(), place })
}

fn marked(mark: &Attribute, argument: &Ident, may_have_body: bool) -> Result<Place> {
    let Some(name) = mark.path().get_ident() else {
        return Err(unknown_mark(mark));
    };
    match name.to_string().as_str() {
        "query" if matches!(mark.meta, syn::Meta::Path(_)) => {
            Ok(Place::Query(plain_name(argument)))
        }
        "query" => Ok(Place::Query(query_name(mark)?)),
        "header" => header_name(mark).map(Place::Header),
        "idempotency_key" => {
            mark.meta.require_path_only()?;
            Ok(Place::IdempotencyKey)
        }
        "body" if !may_have_body => {
            Err(spanned(mark, "a GET or DELETE has no body; use `#[query]`, or POST"))
        }
        "body" => {
            mark.meta.require_path_only()?;
            Ok(Place::Body)
        }
        _ => Err(unknown_mark(mark)),
    }
}

fn query_name(mark: &Attribute) -> Result<String> {
    let name: LitStr = mark.parse_args()?;
    if name.value().is_empty() {
        return Err(spanned(&name, "the parameter's name is empty"));
    }
    Ok(name.value())
}

fn header_name(mark: &Attribute) -> Result<String> {
    let name: LitStr = mark
        .parse_args()
        .map_err(|_| spanned(mark, "which header? Write `#[header(\"x-tenant\")]`"))?;
    let value = name.value().to_ascii_lowercase();
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if value.is_empty() || !value.bytes().all(token) {
        return Err(spanned(&name, "a header's name is letters, digits and `-`"));
    }
    let own = [
        "host",
        "connection",
        "content-length",
        "transfer-encoding",
        "content-type",
        "te",
        "upgrade",
        "traceparent",
        "x-rialto-caller",
        "x-request-timeout-ms",
    ];
    if own.contains(&value.as_str()) {
        return Err(spanned(&name, &format!("`{value}` is set by the client itself")));
    }
    if value == "idempotency-key" {
        return Err(spanned(&name, "mark the argument `#[idempotency_key]` instead"));
    }
    Ok(value)
}

fn unknown_mark(mark: &Attribute) -> Error {
    spanned(
        mark.path(),
        "an argument is marked `#[query]`, `#[header(\"name\")]`, `#[idempotency_key]` or \
         `#[body]`",
    )
}

fn refuse_clash(before: &[Argument], new: &Argument, template: &Template) -> Result<()> {
    let any = |same: fn(&Place) -> bool| before.iter().any(|one| same(&one.place));
    match &new.place {
        Place::Body if any(|place| matches!(place, Place::Body)) => Err(spanned(
            &new.name,
            "there is a body already; mark this one `#[query]` or `#[header(\"name\")]`",
        )),
        Place::IdempotencyKey if any(|place| matches!(place, Place::IdempotencyKey)) => {
            Err(spanned(&new.name, "there is an idempotency key already"))
        }
        Place::Query(name) if template.query_names.contains(name) => {
            Err(spanned(&new.name, &format!("the path sets the parameter `{name}` already")))
        }
        Place::Query(name) if before.iter().any(|one| one.place.is_query(name)) => {
            Err(spanned(&new.name, &format!("there is a parameter `{name}` already")))
        }
        Place::Header(name) if before.iter().any(|one| one.place.is_header(name)) => {
            Err(spanned(&new.name, &format!("there is a header `{name}` already")))
        }
        _ => Ok(()),
    }
}

impl Place {
    fn is_query(&self, name: &str) -> bool {
        matches!(self, Self::Query(own) if own == name)
    }

    fn is_header(&self, name: &str) -> bool {
        matches!(self, Self::Header(own) if own == name)
    }
}

fn plain_name(name: &Ident) -> String {
    let text = name.to_string();
    text.strip_prefix("r#").map(str::to_owned).unwrap_or(text)
}
