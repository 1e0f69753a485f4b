//! The stock service: what the shop has, and what is taken for which order.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use rusqlite::{OptionalExtension as _, Transaction, params};

use crate::contracts::{Item, Reserve, Reserved, StockTotals};
use crate::database::Database;
use crate::problem::{Problem, idempotency_key};

/// The tables, and what the shop begins with.
pub(crate) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS items (
    id          TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    price_cents INTEGER NOT NULL,
    initial     INTEGER NOT NULL,
    on_hand     INTEGER NOT NULL CHECK (on_hand >= 0)
) STRICT;

-- One row for each order that ever asked, with the decision: asking again gets the same one.
CREATE TABLE IF NOT EXISTS reservations (
    order_id    TEXT PRIMARY KEY,
    item        TEXT NOT NULL,
    quantity    INTEGER NOT NULL,
    total_cents INTEGER NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('reserved', 'sold_out', 'released'))
) STRICT;

INSERT OR IGNORE INTO items VALUES
    ('tea',    'Green tea, 100 g',   450, 1000000000, 1000000000),
    ('cup',    'Cup',               1200, 1000000000, 1000000000),
    ('kettle', 'Kettle',            4900, 1000000000, 1000000000),
    ('piano',  'Grand piano',    9900000, 3, 3);
";

/// The endpoints.
pub(crate) fn router(database: Database) -> Router {
    Router::new()
        .route("/items", get(items))
        .route("/items/{item}/reservations", post(reserve))
        .route("/reservations/{order}", delete(release))
        .route("/totals", get(totals))
        .with_state(database)
}

async fn items(State(database): State<Database>) -> Result<Json<Vec<Item>>, Problem> {
    let items = database.transaction(|transaction| {
        let mut query =
            transaction.prepare_cached("SELECT id, name, price_cents, on_hand FROM items")?;
        let rows = query.query_map([], |row| {
            Ok(Item {
                id: row.get(0)?,
                name: row.get(1)?,
                price_cents: row.get(2)?,
                on_hand: row.get(3)?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    });
    items.await.map(Json)
}

async fn reserve(
    State(database): State<Database>,
    Path(item): Path<String>,
    headers: HeaderMap,
    Json(wanted): Json<Reserve>,
) -> Result<Json<Reserved>, Problem> {
    let order = idempotency_key(&headers)?;
    if wanted.quantity == 0 {
        return Err(Problem::invalid("quantity is at least 1"));
    }
    let decision = database.transaction(move |transaction| {
        // Asked before? Then the answer stands, whichever instance gave it.
        if let Some(decision) = decided(transaction, &order)? {
            return Ok(decision);
        }
        let (price_cents, on_hand) = price_and_stock(transaction, &item)?;
        let quantity = i64::from(wanted.quantity);
        let total_cents = price_cents * quantity;
        let state = if on_hand >= quantity { "reserved" } else { "sold_out" };
        transaction.execute(
            "INSERT INTO reservations VALUES (?1, ?2, ?3, ?4, ?5)",
            params![order, item, quantity, total_cents, state],
        )?;
        if state == "reserved" {
            transaction.execute(
                "UPDATE items SET on_hand = on_hand - ?2 WHERE id = ?1",
                params![item, quantity],
            )?;
        }
        Ok((state.to_owned(), total_cents))
    });
    match decision.await? {
        (state, total_cents) if state == "reserved" => Ok(Json(Reserved { total_cents })),
        (state, _) if state == "sold_out" => {
            Err(Problem::new(StatusCode::CONFLICT, "sold_out", "there are not enough left"))
        }
        _ => Err(Problem::new(StatusCode::CONFLICT, "released", "this order was given up")),
    }
}

async fn release(
    State(database): State<Database>,
    Path(order): Path<String>,
) -> Result<StatusCode, Problem> {
    let released = database.transaction(move |transaction| {
        // A request to reserve that is still on its way must find the order given up already.
        transaction.execute(
            "INSERT OR IGNORE INTO reservations VALUES (?1, '', 0, 0, 'released')",
            [&order],
        )?;
        // Goods go back exactly once: only by the request that changes the state.
        transaction.execute(
            "UPDATE items SET on_hand = on_hand + r.quantity FROM reservations AS r
             WHERE r.order_id = ?1 AND r.state = 'reserved' AND items.id = r.item",
            [&order],
        )?;
        transaction.execute(
            "UPDATE reservations SET state = 'released' WHERE order_id = ?1 AND state = 'reserved'",
            [&order],
        )?;
        Ok(StatusCode::NO_CONTENT)
    });
    released.await
}

async fn totals(State(database): State<Database>) -> Result<Json<StockTotals>, Problem> {
    let totals = database.transaction(|transaction| {
        let (initial, on_hand) =
            transaction.query_row("SELECT SUM(initial), SUM(on_hand) FROM items", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        let (reserved, orders) = transaction.query_row(
            "SELECT COALESCE(SUM(quantity), 0), COUNT(*) FROM reservations
             WHERE state = 'reserved'",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        Ok(StockTotals { initial, on_hand, reserved, orders })
    });
    totals.await.map(Json)
}

fn decided(transaction: &Transaction<'_>, order: &str) -> rusqlite::Result<Option<(String, i64)>> {
    transaction
        .prepare_cached("SELECT state, total_cents FROM reservations WHERE order_id = ?1")?
        .query_row([order], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

fn price_and_stock(transaction: &Transaction<'_>, item: &str) -> Result<(i64, i64), Problem> {
    transaction
        .prepare_cached("SELECT price_cents, on_hand FROM items WHERE id = ?1")?
        .query_row([item], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?
        .ok_or_else(|| Problem::not_found(format!("there is no item {item:?}")))
}
