//! A service that registers and calls another, in about twenty lines.

use rialto_sdk::{Rialto, client};

#[client(service = "stock")]
trait Stock {
    #[get("/items/{id}", timeout = "300ms", retry = 2)]
    async fn item(&self, id: u64) -> rialto_sdk::Result<Option<String>>;
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rialto = Rialto::connect().await?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let registration = rialto.register("order", listener.local_addr()?.port()).await?;

    let stock = StockClient::new(&rialto);
    match stock.item(7).await? {
        Some(name) => tracing::info!(name, "in stock"),
        None => tracing::info!("there is no item 7"),
    }

    registration.leave().await;
    Ok(())
}
