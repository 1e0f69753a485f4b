//! Decides who may do what.
//!
//! Nothing is granted by default: an identity comes from a password, a token or a sign-in session,
//! and [`Security::authorize`] is the one place that says whether it may act. There is no built-in
//! password, key or header: the first start generates them.
//!
//! What is kept where: `security.json` in the data directory holds password hashes (argon2id) and
//! SHA-256 digests of tokens, nothing that signs anybody in. `service.token` and `admin.token`
//! (mode 0600) hold the tokens themselves for programs on the same machine, `signing.keys` (mode
//! 0600) the keys of signed tokens. Sessions live in memory.
//!
//! Users, roles, permissions and tokens change while the server runs. A change is on disk before it
//! counts, and counts at once: an [`Identity`] that a door keeps is worth what its user may do now,
//! and nothing when the user has been changed or deleted.

#![forbid(unsafe_code)]

mod credentials;
mod directory;
mod error;
mod failures;
mod grants;
mod identity;
pub mod limits;
mod password;
mod recent;
mod resource;
mod secret;
mod security;
mod sessions;
mod signer;
mod store;
mod tokens;

pub use credentials::{Credentials, parse_authorization};
pub use error::{AuthError, ChangeError, Error, SignInError};
pub use grants::{Grant, Pattern, PatternError, Rights};
pub use identity::{Decision, Identity, Role};
pub use resource::{Action, Resource};
pub use secret::{GeneratedPassword, Secret};
pub use security::{NewToken, RoleInfo, Security, TokenInfo, UserInfo};
pub use sessions::{NewSession, Session};
pub use signer::SignedToken;
