//! A variable that stands in the path twice.

use rialto_sdk::client;

#[client(service = "stock")]
trait Stock {
    #[get("/items/{id}/parts/{id}")]
    async fn item(&self, id: u64) -> rialto_sdk::Result<u32>;
}

fn main() {}
