//! The gateway as a whole, over real sockets.

mod auth;
mod body;
mod connection;
mod filters;
mod h2;
mod h2_smuggling;
mod limits;
mod live;
mod retry;
mod routing;
mod smuggling;
mod support;
mod upgrade;
