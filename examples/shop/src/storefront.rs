//! The storefront: what customers see. It keeps nothing itself.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use rialto_sdk::{CallError, Result, Rialto};
use serde::{Deserialize, Serialize};

use crate::contracts::{
    AccountTotals, Accounts as _, AccountsClient, Item, NewOrder, Order, OrderState, OrderTotals,
    Orders as _, OrdersClient, Reserve, Reserved, Stock, StockClient, StockTotals,
};
use crate::problem::{Problem, idempotency_key};

/// What the handlers work with.
#[derive(Clone)]
pub(crate) struct Counter {
    orders: OrdersClient,
    stock: StockClient<PrintedCatalogue>,
    accounts: AccountsClient,
}

/// Stands in for the stock service when that is down: the window still shows what there is to buy.
#[derive(Clone)]
pub(crate) struct PrintedCatalogue;

/// The final count of all services.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Totals {
    orders: OrderTotals,
    stock: StockTotals,
    accounts: AccountTotals,
    /// Whether goods and money are where the orders say.
    agree: bool,
    /// What does not agree, in words.
    differences: Vec<String>,
}

impl Counter {
    pub(crate) fn new(rialto: &Rialto) -> Self {
        Self {
            orders: OrdersClient::new(rialto),
            stock: StockClient::new(rialto).with_fallback(PrintedCatalogue),
            accounts: AccountsClient::new(rialto),
        }
    }
}

/// The endpoints.
pub(crate) fn router(counter: Counter) -> Router {
    Router::new()
        .route("/items", get(items))
        .route("/orders", post(place))
        .route("/orders/{id}", get(find))
        .route("/totals", get(totals))
        .with_state(counter)
}

async fn items(State(counter): State<Counter>) -> Result<Json<Vec<Item>>, Problem> {
    Ok(Json(counter.stock.items().await?))
}

async fn place(
    State(counter): State<Counter>,
    headers: HeaderMap,
    Json(order): Json<NewOrder>,
) -> Result<(StatusCode, Json<Order>), Problem> {
    // The browser's key goes through to the end: if the customer presses the button again, or a
    // proxy tries again, it is the same order.
    let id = idempotency_key(&headers)?;
    let order = counter.orders.place(&id, &order).await?;
    let status = match order.state {
        OrderState::Confirmed => StatusCode::CREATED,
        _ => StatusCode::OK,
    };
    Ok((status, Json(order)))
}

async fn find(
    State(counter): State<Counter>,
    Path(id): Path<String>,
) -> Result<Json<Order>, Problem> {
    let found = counter.orders.find(&id).await?;
    found.map(Json).ok_or_else(|| Problem::not_found(format!("there is no order {id:?}")))
}

async fn totals(State(counter): State<Counter>) -> Result<Json<Totals>, Problem> {
    let orders = counter.orders.totals().await?;
    let stock = counter.stock.totals().await?;
    let accounts = counter.accounts.totals().await?;
    let differences = differences(&orders, &stock, &accounts);
    Ok(Json(Totals { agree: differences.is_empty(), orders, stock, accounts, differences }))
}

fn differences(orders: &OrderTotals, stock: &StockTotals, accounts: &AccountTotals) -> Vec<String> {
    [
        ("orders under way, none", orders.pending, 0),
        ("goods of orders, goods taken", orders.quantity, stock.reserved),
        ("money of orders, money taken", orders.money_cents, accounts.debited_cents),
        ("confirmed orders, orders with goods", orders.confirmed, stock.orders),
        ("confirmed orders, orders with money", orders.confirmed, accounts.orders),
        ("goods at first, on the shelf or taken", stock.initial, stock.on_hand + stock.reserved),
        (
            "money at first, left or taken",
            accounts.opened_cents,
            accounts.balance_cents + accounts.debited_cents,
        ),
    ]
    .into_iter()
    .filter(|(_, one, other)| one != other)
    .map(|(what, one, other)| format!("{what}: {one} and {other}"))
    .collect()
}

/// A fallback implements the trait of the client. This one knows what is for sale, and passes on
/// that everything else is not possible now.
impl Stock for PrintedCatalogue {
    async fn items(&self) -> Result<Vec<Item>> {
        let item = |id: &str, name: &str, price_cents| Item {
            id: id.to_owned(),
            name: name.to_owned(),
            price_cents,
            on_hand: 0,
        };
        Ok(vec![item("tea", "Green tea, 100 g", 450), item("cup", "Cup", 1_200)])
    }

    async fn reserve(&self, _: &str, _: &str, _: &Reserve) -> Result<Reserved> {
        Err(unavailable())
    }

    async fn release(&self, _: &str) -> Result<()> {
        Err(unavailable())
    }

    async fn totals(&self) -> Result<StockTotals> {
        Err(unavailable())
    }
}

fn unavailable() -> CallError {
    CallError::NoInstance { service: "stock".into() }
}

#[cfg(test)]
mod tests {
    use super::differences;
    use crate::contracts::{AccountTotals, OrderTotals, StockTotals};

    #[test]
    fn says_what_does_not_agree() {
        let orders =
            OrderTotals { confirmed: 2, quantity: 3, money_cents: 900, ..OrderTotals::default() };
        let stock = StockTotals { initial: 10, on_hand: 7, reserved: 3, orders: 2 };
        let accounts = AccountTotals {
            opened_cents: 1_000,
            balance_cents: 100,
            debited_cents: 900,
            orders: 2,
        };
        assert_eq!(differences(&orders, &stock, &accounts), [""; 0]);
        let twice = AccountTotals { debited_cents: 1_000, balance_cents: 0, ..accounts };
        let told = differences(&orders, &stock, &twice);
        assert_eq!(told, ["money of orders, money taken: 900 and 1000"]);
    }
}
