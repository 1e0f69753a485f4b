//! Attributes that are none of ours.

use rialto_sdk::client;

#[client(service = "stock")]
trait Stock {
    #[fetch("/items")]
    async fn items(&self) -> rialto_sdk::Result<u32>;

    #[query]
    async fn more(&self) -> rialto_sdk::Result<u32>;

    #[get("/other")]
    async fn other(&self, #[cookie] session: &str) -> rialto_sdk::Result<u32>;
}

fn main() {}
