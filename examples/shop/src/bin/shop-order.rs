//! The `order` service as a program of its own.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    rialto_shop::main_of("order")
}
