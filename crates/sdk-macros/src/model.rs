//! What the user's trait says, checked.

use proc_macro2::TokenStream;
use syn::{
    Attribute, Error, FnArg, GenericArgument, Ident, ItemTrait, LitStr, PathArguments, Result,
    ReturnType, TraitItem, TraitItemFn, Type,
};

use crate::arguments::{self, Argument, MARKS, Place};
use crate::options::{ClientOptions, MethodOptions, Policy, spanned};
use crate::template::Template;

/// A client to generate.
pub(crate) struct Client<'a> {
    /// The trait, without our marks.
    pub(crate) item: ItemTrait,
    pub(crate) name: &'a Ident,
    pub(crate) service: LitStr,
    pub(crate) methods: Vec<Method<'a>>,
}

/// A method that is a call.
pub(crate) struct Method<'a> {
    pub(crate) function: &'a TraitItemFn,
    pub(crate) verb: Verb,
    pub(crate) template: Template,
    pub(crate) policy: Policy,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) answer: Answer,
}

/// An HTTP method.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

/// What becomes of the answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// JSON.
    Value,
    /// JSON, or nothing for 404.
    Optional,
    /// Not looked at.
    Nothing,
}

/// Attributes that a method may carry besides ours.
const OTHERS: [&str; 8] =
    ["doc", "allow", "expect", "warn", "deny", "must_use", "deprecated", "cfg"];

impl<'a> Client<'a> {
    /// Reads the trait, collecting what is wrong with every method.
    pub(crate) fn read(attribute: TokenStream, item: &'a ItemTrait) -> Result<Self> {
        let options: ClientOptions = syn::parse2(attribute)?;
        if let Some(parameter) = item.generics.params.first() {
            return Err(spanned(parameter, "a client's trait takes no type parameters"));
        }
        let mut methods = Vec::new();
        let mut wrong: Option<Error> = None;
        for entry in &item.items {
            match read_item(entry, &options) {
                Ok(method) => methods.extend(method),
                Err(error) => match &mut wrong {
                    Some(wrong) => wrong.combine(error),
                    None => wrong = Some(error),
                },
            }
        }
        if let Some(wrong) = wrong {
            return Err(wrong);
        }
        refuse_same_shape(&methods)?;
        let bare = without_marks(item.clone());
        Ok(Self { item: bare, name: &item.ident, service: options.service, methods })
    }
}

/// The trait as the compiler may see it: our marks are taken off.
pub(crate) fn without_marks(mut item: ItemTrait) -> ItemTrait {
    for entry in &mut item.items {
        let TraitItem::Fn(function) = entry else { continue };
        function.attrs.retain(|attribute| is_one_of(attribute, &OTHERS));
        for input in &mut function.sig.inputs {
            if let FnArg::Typed(typed) = input {
                typed.attrs.retain(|attribute| is_one_of(attribute, &OTHERS));
            }
        }
    }
    item
}

fn read_item<'a>(entry: &'a TraitItem, options: &ClientOptions) -> Result<Option<Method<'a>>> {
    let TraitItem::Fn(function) = entry else {
        return Err(spanned(entry, "a client's trait has methods only"));
    };
    let mut marks = Vec::new();
    for attribute in &function.attrs {
        match verb_of(attribute) {
            Some(verb) => marks.push((verb, attribute)),
            None if is_one_of(attribute, &OTHERS) => {}
            None => return Err(unknown_attribute(attribute)),
        }
    }
    match (marks.as_slice(), &function.default) {
        ([], Some(_)) => Ok(None),
        ([], None) => Err(spanned(
            &function.sig.ident,
            "what does it call? Write `#[get(\"/path\")]`, or give it a body",
        )),
        ([_], Some(body)) => Err(spanned(body, "a call has no body of its own")),
        ([(verb, attribute)], None) => read_method(function, *verb, attribute, options).map(Some),
        ([_, (_, second), ..], _) => Err(spanned(second, "a method is one call")),
    }
}

fn read_method<'a>(
    function: &'a TraitItemFn,
    verb: Verb,
    attribute: &Attribute,
    options: &ClientOptions,
) -> Result<Method<'a>> {
    let MethodOptions { path, policy } = attribute.parse_args()?;
    let template = Template::parse(&path.value()).map_err(|told| spanned(&path, &told))?;
    let template = match &options.path {
        Some(prefix) => Template::parse(&format!("{}{}", prefix.value(), path.value()))
            .map_err(|told| spanned(prefix, &told))?,
        None => template,
    };
    check_signature(function)?;
    let answer = answer_of(function)?;
    let inputs = function.sig.inputs.iter().skip(1);
    let arguments = arguments::read(inputs, &template, &path, verb.has_body())?;
    let keyed = arguments.iter().any(|one| matches!(one.place, Place::IdempotencyKey));
    if let Some((retries, span)) = policy.retries
        && retries > 0
        && !verb.is_idempotent()
        && !keyed
    {
        return Err(Error::new(
            span,
            "a POST or PATCH may be done twice when it is tried again: give the method an \
             `#[idempotency_key]` argument, or no `retry`",
        ));
    }
    let policy = policy.or(&options.policy);
    Ok(Method { function, verb, template, policy, arguments, answer })
}

fn check_signature(function: &TraitItemFn) -> Result<()> {
    let signature = &function.sig;
    if signature.asyncness.is_none() {
        return Err(spanned(&signature.fn_token, "a call takes time: write `async fn`"));
    }
    if let Some(parameter) = signature.generics.params.first() {
        return Err(spanned(parameter, "a call is not generic: write its types out"));
    }
    let by_reference = matches!(
        signature.inputs.first(),
        Some(FnArg::Receiver(receiver))
            if receiver.reference.is_some() && receiver.mutability.is_none()
    );
    if !by_reference {
        return Err(spanned(&signature.ident, "a call begins with `&self`"));
    }
    Ok(())
}

fn answer_of(function: &TraitItemFn) -> Result<Answer> {
    let refuse = |tokens: &dyn quote::ToTokens| {
        let tokens = tokens.to_token_stream();
        spanned(&tokens, "a call can fail: return `rialto_sdk::Result<…>`")
    };
    let ReturnType::Type(_, r#type) = &function.sig.output else {
        return Err(refuse(&function.sig.ident));
    };
    let Some((name, first)) = last_segment(r#type) else { return Err(refuse(r#type)) };
    let (true, Some(value)) = (name == "Result", first) else { return Err(refuse(r#type)) };
    if matches!(value, Type::Tuple(tuple) if tuple.elems.is_empty()) {
        return Ok(Answer::Nothing);
    }
    match last_segment(value) {
        Some((name, Some(_))) if name == "Option" => Ok(Answer::Optional),
        _ => Ok(Answer::Value),
    }
}

fn last_segment(r#type: &Type) -> Option<(&Ident, Option<&Type>)> {
    let Type::Path(path) = r#type else { return None };
    let segment = path.path.segments.last()?;
    let first = match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => {
            arguments.args.iter().find_map(|argument| match argument {
                GenericArgument::Type(r#type) => Some(r#type),
                _ => None,
            })
        }
        _ => None,
    };
    Some((&segment.ident, first))
}

fn refuse_same_shape(methods: &[Method<'_>]) -> Result<()> {
    for (position, method) in methods.iter().enumerate() {
        let same = methods[..position].iter().find(|other| {
            other.verb == method.verb && other.template.shape() == method.template.shape()
        });
        if let Some(other) = same {
            let told = format!("`{}` makes the same call already", other.function.sig.ident);
            return Err(spanned(&method.function.sig.ident, &told));
        }
    }
    Ok(())
}

fn verb_of(attribute: &Attribute) -> Option<Verb> {
    let name = attribute.path().get_ident()?.to_string();
    Verb::ALL.into_iter().find(|verb| verb.attribute() == name)
}

fn unknown_attribute(attribute: &Attribute) -> Error {
    let misplaced = is_one_of(attribute, &MARKS);
    let told = if misplaced {
        "this marks an argument, not a method"
    } else {
        "a call is `#[get]`, `#[post]`, `#[put]`, `#[patch]` or `#[delete]`"
    };
    spanned(attribute.path(), told)
}

fn is_one_of(attribute: &Attribute, names: &[&str]) -> bool {
    names.iter().any(|name| attribute.path().is_ident(name))
}

impl Verb {
    const ALL: [Self; 5] = [Self::Get, Self::Post, Self::Put, Self::Patch, Self::Delete];

    /// The constant of `http::Method`.
    pub(crate) fn constant(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    fn attribute(self) -> String {
        self.constant().to_ascii_lowercase()
    }

    fn has_body(self) -> bool {
        matches!(self, Self::Post | Self::Put | Self::Patch)
    }

    fn is_idempotent(self) -> bool {
        matches!(self, Self::Get | Self::Put | Self::Delete)
    }
}
