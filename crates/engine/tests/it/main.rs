//! What an engine promises to doors: order, durability, watches, and a start after any end.

mod configurations;
mod durable;
mod kill;
mod namespaces;
mod operating;
mod owning;
mod running;
mod support;
mod watching;
