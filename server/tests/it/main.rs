//! The real binary from outside: start and stop, refusals, crashes, `ctl`, configuration, all doors
//! beside one another.

mod configuration;
mod control;
mod crash;
mod harness;
mod import;
mod pairs;
mod refusals;
mod start;
