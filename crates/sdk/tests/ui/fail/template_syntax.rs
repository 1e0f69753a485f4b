//! Templates that cannot be read.

use rialto_sdk::client;

#[client(service = "stock")]
trait Stock {
    #[get("/items/{id")]
    async fn a(&self, id: u64) -> rialto_sdk::Result<u32>;

    #[get("/items/{}")]
    async fn b(&self, id: u64) -> rialto_sdk::Result<u32>;

    #[get("items")]
    async fn c(&self) -> rialto_sdk::Result<u32>;

    #[get("/items?id={id}")]
    async fn d(&self, id: u64) -> rialto_sdk::Result<u32>;
}

fn main() {}
