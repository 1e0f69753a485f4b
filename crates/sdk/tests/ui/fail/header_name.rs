//! Header names that are invalid, or the client's own.

use rialto_sdk::client;

#[client(service = "stock")]
trait Stock {
    #[get("/a")]
    async fn a(&self, #[header("x tenant")] tenant: &str) -> rialto_sdk::Result<u32>;

    #[get("/b")]
    async fn b(&self, #[header("content-length")] length: &str) -> rialto_sdk::Result<u32>;

    #[get("/c")]
    async fn c(&self, #[header] nameless: &str) -> rialto_sdk::Result<u32>;
}

fn main() {}
