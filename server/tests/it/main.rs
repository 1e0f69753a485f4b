//! The real binary from outside: start and stop, refusals, crashes, `ctl`, configuration.

mod configuration;
mod control;
mod crash;
mod harness;
mod refusals;
mod start;
