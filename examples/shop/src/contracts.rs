//! What the services ask of each other. From each trait `#[client]` makes a client that finds the
//! instances, spreads the calls over them and tries again elsewhere when one fails.
//!
//! All money is in cents. An order's identifier is the idempotency key of every step: however often
//! a step is tried, on whichever instance, it is done once.

use rialto_sdk::{Result, client};
use serde::{Deserialize, Serialize};

/// The order service.
#[client(service = "order", timeout = "3s")]
pub trait Orders {
    /// Places an order. The key makes it safe to try again, so the client may: three times in all.
    #[post("/orders", retry = 2)]
    async fn place(&self, #[idempotency_key] id: &str, order: &NewOrder) -> Result<Order>;

    /// `None` when there is no such order (404).
    #[get("/orders/{id}")]
    async fn find(&self, id: &str) -> Result<Option<Order>>;

    /// The final count.
    #[get("/totals")]
    async fn totals(&self) -> Result<OrderTotals>;
}

/// The stock service.
#[client(service = "stock", timeout = "1s")]
pub trait Stock {
    /// What the shop sells.
    #[get("/items")]
    async fn items(&self) -> Result<Vec<Item>>;

    /// Takes goods off the shelf for an order; 409 when there are not enough.
    #[post("/items/{item}/reservations", retry = 2)]
    async fn reserve(
        &self,
        item: &str,
        #[idempotency_key] order: &str,
        wanted: &Reserve,
    ) -> Result<Reserved>;

    /// Puts them back. Doing it twice, or without a reservation, does no harm.
    #[delete("/reservations/{order}", retry = 2)]
    async fn release(&self, order: &str) -> Result<()>;

    /// The final count.
    #[get("/totals")]
    async fn totals(&self) -> Result<StockTotals>;
}

/// The account service.
#[client(service = "account", timeout = "1s")]
pub trait Accounts {
    /// Takes money for an order; 402 when there is not enough.
    #[post("/accounts/{customer}/debits", retry = 2)]
    async fn debit(
        &self,
        customer: &str,
        #[idempotency_key] order: &str,
        debit: &Debit,
    ) -> Result<()>;

    /// The final count.
    #[get("/totals")]
    async fn totals(&self) -> Result<AccountTotals>;
}

/// What a customer wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    /// Who orders.
    pub customer: String,
    /// Identifier of the item.
    pub item: String,
    /// How many, at least 1.
    pub quantity: u32,
}

/// An order and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The idempotency key it was placed with.
    pub id: String,
    /// What was ordered.
    pub wanted: NewOrder,
    /// Where it stands.
    pub state: OrderState,
    /// Price of all, once it is known.
    pub total_cents: Option<i64>,
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// Under way; will become one of the others.
    Pending,
    /// Goods and money are taken.
    Confirmed,
    /// Neither is: there were not enough goods.
    SoldOut,
    /// Neither is: there was not enough money.
    NoMoney,
    /// Neither is: the shop does not sell this.
    UnknownItem,
}

/// Something that is sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Identifier.
    pub id: String,
    /// For people.
    pub name: String,
    /// Price of one.
    pub price_cents: i64,
    /// How many are left.
    pub on_hand: i64,
}

/// How many to take off the shelf.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Reserve {
    /// At least 1.
    pub quantity: u32,
}

/// Goods that are taken.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Reserved {
    /// Price of all.
    pub total_cents: i64,
}

/// How much money to take.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Debit {
    /// At least 1.
    pub amount_cents: i64,
}

/// The order service's count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderTotals {
    /// Orders for which goods and money were taken.
    pub confirmed: i64,
    /// Orders for which neither was.
    pub rejected: i64,
    /// Orders under way.
    pub pending: i64,
    /// Goods of the confirmed ones.
    pub quantity: i64,
    /// Money of the confirmed ones.
    pub money_cents: i64,
}

/// The stock service's count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockTotals {
    /// Goods at the beginning.
    pub initial: i64,
    /// Goods on the shelf.
    pub on_hand: i64,
    /// Goods taken for orders.
    pub reserved: i64,
    /// Orders that hold some.
    pub orders: i64,
}

/// The account service's count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountTotals {
    /// Money that customers brought.
    pub opened_cents: i64,
    /// Money that they have left.
    pub balance_cents: i64,
    /// Money taken for orders.
    pub debited_cents: i64,
    /// Orders that took some.
    pub orders: i64,
}
