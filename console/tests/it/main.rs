//! The console as a browser meets it: pages, forms, permissions, live streams.

mod access;
mod actions;
mod configuration;
mod door;
mod live;
mod namespaces;
mod pages;
mod routes;
mod setup;
mod sign_in;
