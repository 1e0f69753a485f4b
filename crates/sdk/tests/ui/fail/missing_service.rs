//! A client of nothing.

use rialto_sdk::client;

#[client]
trait Stock {
    #[get("/items")]
    async fn items(&self) -> rialto_sdk::Result<u32>;
}

#[client(service = "")]
trait Other {
    #[get("/items")]
    async fn items(&self) -> rialto_sdk::Result<u32>;
}

fn main() {}
