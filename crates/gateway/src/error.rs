//! What can go wrong before the first request.

use std::path::PathBuf;

use rialto_door::BindError;

/// Why the gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its port cannot be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A route of the configuration makes no sense.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// The access log cannot be written.
    #[error(
        "the access log {} cannot be opened; give another with --set gateway.access_log",
        path.display()
    )]
    AccessLog {
        /// Where it was to be.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// No thread or event queue could be had.
    #[error("the gateway cannot start its threads")]
    System(#[source] std::io::Error),
}

/// A route that cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("route {id:?}: {reason}")]
pub struct RouteError {
    /// Which route.
    pub id: String,
    /// What is wrong with it, and what would be right.
    pub reason: String,
}
