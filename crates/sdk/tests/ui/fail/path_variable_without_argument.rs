//! A path variable that no argument fills.

use rialto_sdk::client;

#[client(service = "stock")]
trait Stock {
    #[get("/items/{id}")]
    async fn item(&self) -> rialto_sdk::Result<u32>;
}

fn main() {}
