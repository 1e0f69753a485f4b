//! Protects a call: limits, breakers, retries and deadlines.
