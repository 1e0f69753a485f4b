//! The account service: who has how much money, and what was taken for which order.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use rusqlite::{OptionalExtension as _, params};

use crate::contracts::{AccountTotals, Debit};
use crate::database::Database;
use crate::problem::{Problem, idempotency_key};

/// What every new customer brings: much tea, but no grand piano.
const OPENING_CENTS: i64 = 5_000_000;

/// The tables.
pub(crate) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS accounts (
    customer      TEXT PRIMARY KEY,
    opened_cents  INTEGER NOT NULL,
    balance_cents INTEGER NOT NULL CHECK (balance_cents >= 0)
) STRICT;

-- One row for each order that ever asked, with the decision: asking again gets the same one.
CREATE TABLE IF NOT EXISTS debits (
    order_id     TEXT PRIMARY KEY,
    customer     TEXT NOT NULL,
    amount_cents INTEGER NOT NULL,
    accepted     INTEGER NOT NULL
) STRICT;
";

/// The endpoints.
pub(crate) fn router(database: Database) -> Router {
    Router::new()
        .route("/accounts/{customer}/debits", post(debit))
        .route("/totals", get(totals))
        .with_state(database)
}

async fn debit(
    State(database): State<Database>,
    Path(customer): Path<String>,
    headers: HeaderMap,
    Json(debit): Json<Debit>,
) -> Result<StatusCode, Problem> {
    let order = idempotency_key(&headers)?;
    if debit.amount_cents < 1 {
        return Err(Problem::invalid("amount_cents is at least 1"));
    }
    let accepted = database.transaction(move |transaction| {
        let decided = transaction
            .prepare_cached("SELECT accepted FROM debits WHERE order_id = ?1")?
            .query_row([&order], |row| row.get(0))
            .optional()?;
        if let Some(accepted) = decided {
            return Ok(accepted);
        }
        transaction.execute(
            "INSERT OR IGNORE INTO accounts VALUES (?1, ?2, ?2)",
            params![customer, OPENING_CENTS],
        )?;
        // The account pays if it can: one row changes, or none.
        let paid = transaction.execute(
            "UPDATE accounts SET balance_cents = balance_cents - ?2
             WHERE customer = ?1 AND balance_cents >= ?2",
            params![customer, debit.amount_cents],
        )?;
        let accepted = paid == 1;
        transaction.execute(
            "INSERT INTO debits VALUES (?1, ?2, ?3, ?4)",
            params![order, customer, debit.amount_cents, accepted],
        )?;
        Ok(accepted)
    });
    if accepted.await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::new(StatusCode::PAYMENT_REQUIRED, "no_money", "there is not enough money"))
    }
}

async fn totals(State(database): State<Database>) -> Result<Json<AccountTotals>, Problem> {
    let totals = database.transaction(|transaction| {
        let (opened_cents, balance_cents) = transaction.query_row(
            "SELECT COALESCE(SUM(opened_cents), 0), COALESCE(SUM(balance_cents), 0) FROM accounts",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let (debited_cents, orders) = transaction.query_row(
            "SELECT COALESCE(SUM(amount_cents), 0), COUNT(*) FROM debits WHERE accepted",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        Ok(AccountTotals { opened_cents, balance_cents, debited_cents, orders })
    });
    totals.await.map(Json)
}
