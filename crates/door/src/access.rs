//! Who may call a door through which the catalog is changed.

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// Everybody, and therefore only from this machine: other addresses are refused at the start.
    #[default]
    Loopback,
    /// Whoever signs in, in the way of the door's protocol.
    SignedIn,
    /// Everybody from everywhere. Only for networks that are closed themselves.
    Open,
}
