//! An argument that cannot be written into a request.

use rialto_sdk::client;

struct Id(u64);

#[client(service = "stock")]
trait Stock {
    #[get("/items/{id}")]
    async fn item(&self, id: Id) -> rialto_sdk::Result<u32>;
}

fn main() {}
