//! An argument of a GET that goes nowhere.

use rialto_sdk::client;

#[client(service = "stock")]
trait Stock {
    #[get("/items/{id}")]
    async fn item(&self, id: u64, colour: &str) -> rialto_sdk::Result<u32>;
}

fn main() {}
