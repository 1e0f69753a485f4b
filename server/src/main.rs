//! The binary: the allocator, and the way into the library.

fn main() {}
