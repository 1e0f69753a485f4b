//! The Rust client: registers, discovers, balances and protects calls.
//!
//! ```no_run
//! use rialto_sdk::{Rialto, client};
//!
//! #[client(service = "stock")]
//! trait Stock {
//!     #[get("/items/{id}")]
//!     async fn item(&self, id: u64) -> rialto_sdk::Result<Option<String>>;
//! }
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let rialto = Rialto::connect().await?;
//! let registration = rialto.register("order", 9001).await?;
//! let stock = StockClient::new(&rialto);
//! println!("{:?}", stock.item(7).await?);
//! registration.leave().await;
//! # Ok(())
//! # }
//! ```
//!
//! A process registers with [`Rialto::register`] and calls through traits marked with
//! [`macro@client`]. The lists of instances are pushed by the server and kept on disk, so that
//! calls go on, and even processes start, when every server is gone. Each call is given to one of
//! the instances by power of two choices with peak EWMA; instances that fail or stand out as slow
//! get a rest; a call that may be repeated is tried on another instance, within a budget.
//!
//! Inside [`CallContext::scope`] calls take no longer than the caller waits and belong to its
//! trace.

#![forbid(unsafe_code)]

mod builder;
mod cache;
mod call;
mod context;
mod error;
pub mod limits;
mod registry;
mod report;
mod rialto;
#[doc(hidden)]
pub mod support;
mod view;

pub use builder::Builder;
pub use call::Channel;
pub use context::CallContext;
pub use error::{Block, CallError, Error, Result, StatusError};
pub use rialto::{Register, Registration, Rialto};
pub use rialto_sdk_macros::client;
pub use view::Endpoint;

/// Stands where a client has no fallback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoFallback;
