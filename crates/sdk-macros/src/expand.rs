//! Writes the client.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, ItemTrait, ReturnType, TraitItem, TraitItemFn, Type};

use crate::arguments::{Argument, Place};
use crate::model::{Answer, Client, Method};
use crate::template::Segment;

/// The trait, the client and its two implementations of the trait.
pub(crate) fn client(client: &Client<'_>) -> TokenStream {
    let bare = bare_trait(&client.item);
    let structure = structure(client);
    let plain = implementation(client, false);
    let with_fallback = implementation(client, true);
    quote!(#bare #structure #plain #with_fallback)
}

/// The trait with futures that may move between threads.
pub(crate) fn bare_trait(item: &ItemTrait) -> TokenStream {
    let mut item = item.clone();
    item.supertraits.push(syn::parse_quote!(::core::marker::Send));
    item.supertraits.push(syn::parse_quote!(::core::marker::Sync));
    for entry in &mut item.items {
        if let TraitItem::Fn(function) = entry {
            make_send(function);
        }
    }
    quote!(#item)
}

fn make_send(function: &mut TraitItemFn) {
    if function.sig.asyncness.take().is_none() {
        return;
    }
    let output = match &function.sig.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, r#type) => quote!(#r#type),
    };
    function.sig.output = syn::parse_quote! {
        -> impl ::core::future::Future<Output = #output> + ::core::marker::Send
    };
    if let Some(body) = function.default.take() {
        function.default = Some(syn::parse_quote!({ async move #body }));
    }
}

fn structure(client: &Client<'_>) -> TokenStream {
    let visibility = &client.item.vis;
    let (name, service) = (client.name, &client.service);
    let client_name = client_name(client);
    let document = format!(
        "Calls the service `{}` as [`{name}`] says: balanced, protected, cheap to clone.",
        service.value()
    );
    let calls = client.methods.iter().map(call);
    let span = name.span();
    quote_spanned! {span=>
        #[doc = #document]
        #visibility struct #client_name<Fallback = ::rialto_sdk::NoFallback> {
            channel: ::rialto_sdk::Channel,
            fallback: ::std::sync::Arc<Fallback>,
        }

        impl<Fallback> ::core::clone::Clone for #client_name<Fallback> {
            fn clone(&self) -> Self {
                Self {
                    channel: ::core::clone::Clone::clone(&self.channel),
                    fallback: ::core::clone::Clone::clone(&self.fallback),
                }
            }
        }

        impl<Fallback> ::core::fmt::Debug for #client_name<Fallback> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_tuple(::core::stringify!(#client_name)).field(&self.channel).finish()
            }
        }

        #[allow(dead_code, reason = "a user may need only some of them")]
        impl #client_name {
            /// A client that finds the instances through `rialto`.
            #visibility fn new(rialto: &::rialto_sdk::Rialto) -> Self {
                Self {
                    channel: rialto.channel(#service),
                    fallback: ::std::sync::Arc::new(::rialto_sdk::NoFallback),
                }
            }

            /// This client with something to answer in place of a service that does not: called
            /// when a call failed because of the service or the way to it, never when the service
            /// refused the request (4xx).
            #visibility fn with_fallback<Fallback: #name + 'static>(
                self,
                fallback: Fallback,
            ) -> #client_name<Fallback> {
                #client_name {
                    channel: self.channel,
                    fallback: ::std::sync::Arc::new(fallback),
                }
            }
        }

        impl<Fallback> #client_name<Fallback> {
            #(#calls)*
        }
    }
}

/// Builds the request at once and returns the future of its answer, which borrows no argument.
fn call(method: &Method<'_>) -> TokenStream {
    let name = call_name(method);
    let parameters = method.arguments.iter().map(|argument| {
        let (name, r#type) = (&argument.name, &argument.r#type);
        quote!(#name: &#r#type)
    });
    let verb = Ident::new(method.verb.constant(), Span::call_site());
    let path = method.template.segments.iter().map(|segment| match segment {
        Segment::Literal(text) => quote!(request.literal(#text);),
        Segment::Variable(variable) => {
            let argument = method.arguments.iter().find(|one| one.name == variable);
            let name = argument.map_or_else(
                || Ident::new_raw(variable, Span::call_site()),
                |found| found.name.clone(),
            );
            let span = argument.map_or_else(Span::call_site, |found| found.r#type.span());
            quote_spanned!(span=> request.path(#variable, #name);)
        }
    });
    let has_query = method.template.has_query();
    let others = method.arguments.iter().map(fill);
    let function = method.function.sig.ident.to_string();
    let policy = policy(method);
    let send_checks = method.arguments.iter().filter_map(send_check);
    quote! {
        fn #name(&self, #(#parameters),*) -> ::rialto_sdk::support::Request {
            #(#send_checks)*
            let mut request = ::rialto_sdk::support::Request::new(
                ::rialto_sdk::support::Verb::#verb,
                #function,
                #has_query,
            );
            #(#path)*
            #(#others)*
            #policy
            request
        }
    }
}

fn fill(argument: &Argument) -> TokenStream {
    let name = &argument.name;
    let span = argument.r#type.span();
    match &argument.place {
        Place::Path => TokenStream::new(),
        Place::Query(key) => quote_spanned!(span=> request.query(#key, #name);),
        Place::Header(header) => quote_spanned!(span=> request.header(#header, #name);),
        Place::IdempotencyKey => quote_spanned!(span=> request.idempotency_key(#name);),
        Place::Body => quote_spanned!(span=> request.json(#name);),
    }
}

fn policy(method: &Method<'_>) -> TokenStream {
    let timeout = method.policy.timeout_ms.map(
        |timeout_ms| quote!(request.timeout(::core::time::Duration::from_millis(#timeout_ms));),
    );
    let retries = method.policy.retries.map(|(retries, _)| quote!(request.retries(#retries);));
    quote!(#timeout #retries)
}

/// An argument that cannot move between threads is told at its type, not at the whole method.
fn send_check(argument: &Argument) -> Option<TokenStream> {
    let r#type = &argument.r#type;
    let span = r#type.span();
    (!has_lifetime(r#type))
        .then(|| quote_spanned!(span=> ::rialto_sdk::support::assert_send::<#r#type>();))
}

fn has_lifetime(r#type: &Type) -> bool {
    let mut tokens = vec![quote!(#r#type)];
    while let Some(stream) = tokens.pop() {
        for token in stream {
            match token {
                proc_macro2::TokenTree::Punct(punct) if punct.as_char() == '\'' => return true,
                proc_macro2::TokenTree::Group(group) => tokens.push(group.stream()),
                _ => {}
            }
        }
    }
    false
}

fn implementation(client: &Client<'_>, with_fallback: bool) -> TokenStream {
    let (name, client_name) = (client.name, client_name(client));
    let methods = client.methods.iter().map(|method| implemented(method, name, with_fallback));
    if with_fallback {
        quote! {
            impl<Fallback: #name + 'static> #name for #client_name<Fallback> { #(#methods)* }
        }
    } else {
        quote!(impl #name for #client_name { #(#methods)* })
    }
}

fn implemented(method: &Method<'_>, r#trait: &Ident, with_fallback: bool) -> TokenStream {
    let function = &method.function.sig.ident;
    let call_name = call_name(method);
    let output = &method.function.sig.output;
    let names: Vec<_> = method.arguments.iter().map(|argument| &argument.name).collect();
    let parameters = method.arguments.iter().map(|argument| {
        let (name, r#type) = (&argument.name, &argument.r#type);
        quote!(#name: #r#type)
    });
    let send = match method.answer {
        Answer::Value => quote!(value),
        Answer::Optional => quote!(optional),
        Answer::Nothing => quote!(nothing),
    };
    let failed = if with_fallback {
        quote! {
            ::core::result::Result::Err(cause) if cause.permits_fallback() => {
                self.channel.fell_back(::core::stringify!(#function), &cause);
                #r#trait::#function(&*self.fallback, #(#names),*).await
            }
        }
    } else {
        TokenStream::new()
    };
    let attributes = method.function.attrs.iter().filter(|one| one.path().is_ident("cfg"));
    quote! {
        #(#attributes)*
        async fn #function(&self, #(#parameters),*) #output {
            let request = self.#call_name(#(&#names),*);
            match self.channel.#send(request).await {
                ::core::result::Result::Ok(answer) => ::core::result::Result::Ok(answer),
                #failed
                ::core::result::Result::Err(cause) => {
                    ::core::result::Result::Err(::core::convert::From::from(cause))
                }
            }
        }
    }
}

fn client_name(client: &Client<'_>) -> Ident {
    format_ident!("{}Client", client.name, span = client.name.span())
}

fn call_name(method: &Method<'_>) -> Ident {
    let name = method.function.sig.ident.to_string();
    format_ident!("request_{}", name.trim_start_matches("r#"))
}
