//! The declarative client macro: a trait that says which HTTP calls a service answers becomes a
//! client that finds, balances and protects them.
//!
//! Users reach it as `rialto_sdk::client`; the generated code refers to `::rialto_sdk`.

#![forbid(unsafe_code)]

mod arguments;
mod expand;
mod model;
mod options;
mod template;

use proc_macro::TokenStream;
use quote::quote;

/// Turns a trait into a client of a service.
///
/// ```ignore
/// #[client(service = "stock")]
/// pub trait Stock {
///     /// `None` when there is no such item (404).
///     #[get("/items/{id}", timeout = "300ms")]
///     async fn item(&self, id: u64) -> rialto_sdk::Result<Option<Item>>;
///
///     /// The key makes it safe to try again, so the client may.
///     #[post("/items/{id}/reservations", retry = 2)]
///     async fn reserve(
///         &self,
///         id: u64,
///         #[idempotency_key] key: &str,
///         body: &Reserve,
///     ) -> rialto_sdk::Result<Reserved>;
/// }
/// ```
///
/// Options of `#[client(…)]`: `service` (required), `path` (put before every path), `timeout` and
/// `retry` (for methods that set none). Options of `#[get(…)]`, `#[post(…)]`, `#[put(…)]`,
/// `#[patch(…)]` and `#[delete(…)]` after the path: `timeout`, of the whole call with its retries,
/// and `retry`, further tries on other instances.
///
/// An argument named in the path goes there. Others are marked `#[query]` or `#[query("name")]`,
/// `#[header("name")]`, `#[idempotency_key]` or `#[body]`; one unmarked argument of a POST, PUT or
/// PATCH is the JSON body. Every argument implements `serde::Serialize`.
///
/// For `trait Stock` it generates `StockClient`, with `StockClient::new(&rialto)`,
/// `with_fallback(impl Stock)` and an implementation of `Stock`.
#[proc_macro_attribute]
pub fn client(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let item = match syn::parse::<syn::Item>(item) {
        Ok(syn::Item::Trait(item)) => item,
        Ok(other) => {
            let error = syn::Error::new_spanned(
                first_token(&other),
                "#[client] goes on a trait: `#[client(service = \"stock\")] trait Stock { … }`",
            );
            let error = error.to_compile_error();
            return quote!(#error #other).into();
        }
        Err(error) => return error.to_compile_error().into(),
    };
    match model::Client::read(attribute.into(), &item) {
        Ok(client) => expand::client(&client).into(),
        Err(error) => {
            // The trait stays, so that its users are not told that it does not exist.
            let error = error.to_compile_error();
            let bare = model::without_marks(item);
            let bare = expand::bare_trait(&bare);
            quote!(#error #bare).into()
        }
    }
}

fn first_token(item: &syn::Item) -> proc_macro2::TokenStream {
    let tokens = quote!(#item);
    tokens.into_iter().take(1).collect()
}
