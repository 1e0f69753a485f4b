//! An option with a slip of the finger, and one that does not exist.

use rialto_sdk::client;

#[client(service = "stock", timout = "1s")]
trait Stock {
    #[get("/items")]
    async fn items(&self) -> rialto_sdk::Result<u32>;
}

#[client(service = "stock")]
trait Other {
    #[get("/items", cache = "1s")]
    async fn items(&self) -> rialto_sdk::Result<u32>;
}

fn main() {}
