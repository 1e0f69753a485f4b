//! The order service: takes goods and money for an order, or neither, and never twice.
//!
//! No step spans two databases, so an order moves in steps of which each may be repeated: write the
//! order down, reserve the goods, take the money, write down how it ended. Stock and account keep
//! their decision for each order, so whoever asks again, from whichever instance, gets the same
//! answer. An order whose instance died on the way is carried on by the next request with its key,
//! or by [`carry_on`].

use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use rialto_sdk::{CallError, Rialto};
use rusqlite::{OptionalExtension as _, Row, params};

use crate::contracts::{
    Accounts as _, AccountsClient, Debit, NewOrder, Order, OrderState, OrderTotals, Reserve,
    Stock as _, StockClient,
};
use crate::database::Database;
use crate::problem::{Problem, idempotency_key};

/// How often orders are looked for that nobody carries on.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How old such an order is, in seconds: longer than its own request may take.
const ABANDONED_SECONDS: i64 = 4;

/// The table.
pub(crate) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS orders (
    id          TEXT PRIMARY KEY,
    customer    TEXT NOT NULL,
    item        TEXT NOT NULL,
    quantity    INTEGER NOT NULL,
    state       TEXT NOT NULL,
    total_cents INTEGER,
    placed_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS pending ON orders (placed_at) WHERE state = 'pending';
";

/// What the handlers work with.
#[derive(Clone)]
pub(crate) struct Desk {
    database: Database,
    stock: StockClient,
    accounts: AccountsClient,
}

impl Desk {
    pub(crate) fn new(database: Database, rialto: &Rialto) -> Self {
        Self { database, stock: StockClient::new(rialto), accounts: AccountsClient::new(rialto) }
    }
}

/// The endpoints.
pub(crate) fn router(desk: Desk) -> Router {
    Router::new()
        .route("/orders", post(place))
        .route("/orders/{id}", get(find))
        .route("/totals", get(totals))
        .with_state(desk)
}

/// Carries on, for ever, orders that were left half done.
pub(crate) async fn carry_on(desk: Desk) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let abandoned = desk.database.transaction(|transaction| {
            let mut query = transaction.prepare_cached(
                "SELECT * FROM orders
                 WHERE state = 'pending' AND placed_at < unixepoch() - ?1 LIMIT 100",
            )?;
            let orders = query.query_map([ABANDONED_SECONDS], read)?;
            Ok(orders.collect::<rusqlite::Result<Vec<_>>>()?)
        });
        for order in abandoned.await.unwrap_or_default() {
            tracing::info!(order = order.id, "carrying on");
            // If it fails again, the next round is a second away.
            _ = fulfil(&desk, order).await;
        }
    }
}

async fn place(
    State(desk): State<Desk>,
    headers: HeaderMap,
    Json(wanted): Json<NewOrder>,
) -> Result<(StatusCode, Json<Order>), Problem> {
    let id = idempotency_key(&headers)?;
    if wanted.quantity == 0 || wanted.customer.is_empty() || wanted.item.is_empty() {
        return Err(Problem::invalid("an order has a customer, an item and a quantity above 0"));
    }
    let order = write_down(&desk.database, id, wanted.clone()).await?;
    if order.wanted != wanted {
        let told = "there is another order with this Idempotency-Key";
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "key_reused", told));
    }
    let order = fulfil(&desk, order).await?;
    let status = match order.state {
        OrderState::Confirmed => StatusCode::CREATED,
        OrderState::Pending => StatusCode::ACCEPTED,
        OrderState::SoldOut | OrderState::NoMoney | OrderState::UnknownItem => StatusCode::OK,
    };
    Ok((status, Json(order)))
}

/// Brings an order to its end. Every line may have happened before.
async fn fulfil(desk: &Desk, mut order: Order) -> Result<Order, Problem> {
    if order.state != OrderState::Pending {
        return Ok(order);
    }
    let wanted = &order.wanted;
    let reserve = Reserve { quantity: wanted.quantity };
    match desk.stock.reserve(&wanted.item, &order.id, &reserve).await {
        Ok(reserved) => order.total_cents = Some(reserved.total_cents),
        Err(error) if is(&error, StatusCode::CONFLICT) => {
            // "released": somebody was here before us, found no money and put the goods back.
            let state = match code(&error).as_deref() {
                Some("released") => OrderState::NoMoney,
                _ => OrderState::SoldOut,
            };
            return finish(desk, order, state).await;
        }
        Err(error) if is(&error, StatusCode::NOT_FOUND) => {
            return finish(desk, order, OrderState::UnknownItem).await;
        }
        Err(error) => return Err(error.into()),
    }
    let debit = Debit { amount_cents: order.total_cents.unwrap_or_default() };
    match desk.accounts.debit(&wanted.customer, &order.id, &debit).await {
        Ok(()) => finish(desk, order, OrderState::Confirmed).await,
        Err(error) if is(&error, StatusCode::PAYMENT_REQUIRED) => {
            // The compensation: goods without money go back. Only then is it written down: whoever
            // carries on after a crash in between finds them released.
            desk.stock.release(&order.id).await?;
            order.total_cents = None;
            finish(desk, order, OrderState::NoMoney).await
        }
        Err(error) => Err(error.into()),
    }
}

fn is(error: &CallError, status: StatusCode) -> bool {
    error.status() == Some(status)
}

/// The code in the body of our services' errors.
fn code(error: &CallError) -> Option<String> {
    let CallError::Status(error) = error else { return None };
    let body: serde_json::Value = error.json().ok()?;
    Some(body.get("code")?.as_str()?.to_owned())
}

async fn find(State(desk): State<Desk>, Path(id): Path<String>) -> Result<Json<Order>, Problem> {
    let told = format!("there is no order {id:?}");
    let found = desk.database.transaction(move |transaction| {
        let mut query = transaction.prepare_cached("SELECT * FROM orders WHERE id = ?1")?;
        Ok(query.query_row([&id], read).optional()?)
    });
    found.await?.map(Json).ok_or_else(|| Problem::not_found(told))
}

async fn totals(State(desk): State<Desk>) -> Result<Json<OrderTotals>, Problem> {
    let totals = desk.database.transaction(|transaction| {
        Ok(transaction.query_row(
            "SELECT
                 COUNT(*) FILTER (WHERE state = 'confirmed'),
                 COUNT(*) FILTER (WHERE state NOT IN ('confirmed', 'pending')),
                 COUNT(*) FILTER (WHERE state = 'pending'),
                 COALESCE(SUM(quantity) FILTER (WHERE state = 'confirmed'), 0),
                 COALESCE(SUM(total_cents) FILTER (WHERE state = 'confirmed'), 0)
             FROM orders",
            [],
            |row| {
                Ok(OrderTotals {
                    confirmed: row.get(0)?,
                    rejected: row.get(1)?,
                    pending: row.get(2)?,
                    quantity: row.get(3)?,
                    money_cents: row.get(4)?,
                })
            },
        )?)
    });
    totals.await.map(Json)
}

/// The order with this key: the one that is there, or a new one.
async fn write_down(database: &Database, id: String, wanted: NewOrder) -> Result<Order, Problem> {
    let order = database.transaction(move |transaction| {
        transaction.execute(
            "INSERT OR IGNORE INTO orders VALUES (?1, ?2, ?3, ?4, 'pending', NULL, unixepoch())",
            params![id, wanted.customer, wanted.item, wanted.quantity],
        )?;
        let mut query = transaction.prepare_cached("SELECT * FROM orders WHERE id = ?1")?;
        Ok(query.query_row([&id], read)?)
    });
    order.await
}

/// Writes down how an order ended, unless that is written down already, and returns what is.
async fn finish(desk: &Desk, order: Order, state: OrderState) -> Result<Order, Problem> {
    let order = desk.database.transaction(move |transaction| {
        transaction.execute(
            "UPDATE orders SET state = ?2, total_cents = ?3 WHERE id = ?1 AND state = 'pending'",
            params![order.id, state.as_str(), order.total_cents],
        )?;
        let mut query = transaction.prepare_cached("SELECT * FROM orders WHERE id = ?1")?;
        Ok(query.query_row([&order.id], read)?)
    });
    order.await
}

fn read(row: &Row<'_>) -> rusqlite::Result<Order> {
    let state: String = row.get("state")?;
    Ok(Order {
        id: row.get("id")?,
        wanted: NewOrder {
            customer: row.get("customer")?,
            item: row.get("item")?,
            quantity: row.get("quantity")?,
        },
        state: OrderState::parse(&state),
        total_cents: row.get("total_cents")?,
    })
}

impl OrderState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::SoldOut => "sold_out",
            Self::NoMoney => "no_money",
            Self::UnknownItem => "unknown_item",
        }
    }

    fn parse(text: &str) -> Self {
        [Self::Confirmed, Self::SoldOut, Self::NoMoney, Self::UnknownItem]
            .into_iter()
            .find(|state| state.as_str() == text)
            .unwrap_or(Self::Pending)
    }
}
