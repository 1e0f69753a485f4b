//! The Rust client: registers, discovers, balances and protects calls.
