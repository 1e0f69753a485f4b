//! What a store promises, on a disk that crashes, fails and fills up, and under kill -9.

mod crash;
mod directory;
mod faults;
mod kill;
mod support;
