//! Parameters that are set twice.

use rialto_sdk::client;

#[client(service = "stock")]
trait Stock {
    #[get("/items?size=1")]
    async fn a(&self, #[query] size: u64) -> rialto_sdk::Result<u32>;

    #[get("/others")]
    async fn b(&self, #[query] size: u64, #[query("size")] length: u64) -> rialto_sdk::Result<u32>;
}

fn main() {}
