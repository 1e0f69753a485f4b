//! An argument that cannot move between threads.

use rialto_sdk::client;

#[client(service = "stock")]
trait Stock {
    #[get("/items/{id}")]
    async fn item(&self, id: std::rc::Rc<str>) -> rialto_sdk::Result<u32>;
}

fn main() {}
