//! Times that cannot be read.

use rialto_sdk::client;

#[client(service = "stock")]
trait Stock {
    #[get("/a", timeout = "5")]
    async fn a(&self) -> rialto_sdk::Result<u32>;

    #[get("/b", timeout = 5)]
    async fn b(&self) -> rialto_sdk::Result<u32>;

    #[get("/c", retry = "twice")]
    async fn c(&self) -> rialto_sdk::Result<u32>;
}

fn main() {}
