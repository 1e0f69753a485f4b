//! Behaviour of commands, leases, watches and limits.
