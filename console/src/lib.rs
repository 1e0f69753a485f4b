//! The web console: pages rendered on the server and a few small vendored scripts.
