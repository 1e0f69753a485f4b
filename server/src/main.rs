//! The one binary, `rialto`: configuration, wiring, command line and demo.

fn main() {}
