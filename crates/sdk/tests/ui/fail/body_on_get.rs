//! A body where HTTP has none.

use rialto_sdk::client;

#[client(service = "stock")]
trait Stock {
    #[get("/items")]
    async fn items(&self, #[body] filter: &str) -> rialto_sdk::Result<u32>;
}

fn main() {}
