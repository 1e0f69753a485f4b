//! A method with a type parameter, and one that hides it.

use rialto_sdk::client;

#[client(service = "stock")]
trait Stock {
    #[get("/items/{id}")]
    async fn item<T>(&self, id: T) -> rialto_sdk::Result<u32>;

    #[get("/others/{id}")]
    async fn other(&self, id: impl Into<u64>) -> rialto_sdk::Result<u32>;
}

fn main() {}
