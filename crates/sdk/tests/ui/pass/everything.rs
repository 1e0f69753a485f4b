//! Everything that a client may declare.

use rialto_sdk::{CallError, client};

#[derive(Debug)]
pub struct Wrong(#[allow(dead_code)] CallError);

impl From<CallError> for Wrong {
    fn from(error: CallError) -> Self {
        Self(error)
    }
}

/// Documented.
#[client(service = "stock", path = "/v1", timeout = "1.5s", retry = 1)]
pub trait Stock {
    /// Documented, too.
    #[get("/items/{id}/parts/{part}.json")]
    async fn part(&self, id: u64, part: &str) -> Result<Option<String>, Wrong>;

    #[get("/items")]
    async fn items(&self, #[query] r#type: Option<&str>, #[query("tag")] tags: &[&str])
    -> rialto_sdk::Result<Vec<String>>;

    #[put("/items/{id}", retry = 3)]
    async fn put(&self, id: u64, name: String) -> Result<(), Wrong>;

    #[patch("/items/{id}", timeout = "2m")]
    async fn patch(&self, id: u64, #[body] name: String, #[header("X-Tenant")] tenant: u8)
    -> Result<(), Wrong>;

    #[delete("/items/{id}")]
    async fn delete(&self, id: u64) -> Result<(), Wrong>;

    #[post("/orders", retry = 5)]
    async fn order(&self, #[idempotency_key] key: u64, body: Vec<u8>) -> Result<u64, Wrong>;

    fn plain(&self) -> u32 {
        7
    }
}

fn assert_send_sync<T: Send + Sync + Clone>() {}

fn main() {
    assert_send_sync::<StockClient>();
}
