//! Remembers agreed records across a crash.
