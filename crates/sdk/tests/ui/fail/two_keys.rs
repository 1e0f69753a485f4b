//! Two idempotency keys.

use rialto_sdk::client;

#[client(service = "stock")]
trait Stock {
    #[post("/orders")]
    async fn order(
        &self,
        #[idempotency_key] one: &str,
        #[idempotency_key] two: &str,
    ) -> rialto_sdk::Result<()>;
}

fn main() {}
