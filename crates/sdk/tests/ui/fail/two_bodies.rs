//! Two arguments that would both be the body.

use rialto_sdk::client;

#[client(service = "stock")]
trait Stock {
    #[post("/items")]
    async fn add(&self, one: &str, two: &str) -> rialto_sdk::Result<u32>;
}

fn main() {}
