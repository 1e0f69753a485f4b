//! Our own door: gRPC for the SDK and REST for people and tools.
