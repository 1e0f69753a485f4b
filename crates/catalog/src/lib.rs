//! The shared service catalog: model, indexes, leases and watches, as a deterministic state machine.
