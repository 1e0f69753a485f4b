//! The console as a browser meets it: pages, forms, permissions, live streams.

mod actions;
mod live;
mod pages;
mod routes;
mod setup;
mod sign_in;
