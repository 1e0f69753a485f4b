//! The configuration centre as a pure state machine: what is published, gray versions, history,
//! quotas, and who hears of a change.

#![forbid(unsafe_code)]
