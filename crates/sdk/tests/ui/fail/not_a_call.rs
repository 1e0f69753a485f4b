//! Methods that are no calls.

use rialto_sdk::client;

#[client(service = "stock")]
trait Stock {
    async fn nothing(&self) -> rialto_sdk::Result<u32>;

    #[get("/a")]
    #[post("/a")]
    async fn both(&self) -> rialto_sdk::Result<u32>;

    #[get("/b")]
    fn blocking(&self) -> rialto_sdk::Result<u32>;

    #[get("/c")]
    async fn selfless() -> rialto_sdk::Result<u32>;

    #[get("/d")]
    async fn with_body(&self) -> rialto_sdk::Result<u32> {
        Ok(1)
    }
}

fn main() {}
