//! A client is a trait.

use rialto_sdk::client;

#[client(service = "stock")]
struct Stock;

fn main() {}
