//! Calls that could not say that they failed.

use rialto_sdk::client;

#[client(service = "stock")]
trait Stock {
    #[get("/a")]
    async fn a(&self) -> Option<u32>;

    #[get("/b")]
    async fn b(&self);
}

fn main() {}
