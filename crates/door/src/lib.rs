//! What every door shares: listeners with clear errors and a graceful stop.
