//! Counts, times and records what happens.
