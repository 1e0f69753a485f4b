//! Two methods that make the same call.

use rialto_sdk::client;

#[client(service = "stock")]
trait Stock {
    #[get("/items/{id}")]
    async fn by_id(&self, id: u64) -> rialto_sdk::Result<u32>;

    #[get("/items/{name}")]
    async fn by_name(&self, name: &str) -> rialto_sdk::Result<u32>;
}

fn main() {}
