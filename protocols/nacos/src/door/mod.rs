//! Sockets: the only part that waits.
