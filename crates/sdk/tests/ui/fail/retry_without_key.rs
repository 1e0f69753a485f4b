//! A POST that could be done twice.

use rialto_sdk::client;

#[client(service = "stock")]
trait Stock {
    #[post("/orders", retry = 2)]
    async fn order(&self, item: &str) -> rialto_sdk::Result<u32>;
}

fn main() {}
