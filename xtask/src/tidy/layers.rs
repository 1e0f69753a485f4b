//! Who may depend on whom, checked over `cargo metadata`.
//!
//! A crate depends only downwards. The table is the architecture: a new crate needs a line here,
//! and a dependency that the table refuses needs a decision record, not an exception.

use std::path::Path;

use super::Violation;
use crate::workspace::Package;

/// Layers from the bottom; a crate may use every layer below its own.
const LAYERS: &[&[&str]] = &[
    &["rialto-time"],
    &[
        "rialto-api",
        "rialto-balance",
        "rialto-catalog",
        "rialto-configuration",
        "rialto-http1",
        "rialto-resilience",
        "rialto-sdk-macros",
    ],
    &["rialto-door", "rialto-security", "rialto-storage", "rialto-telemetry"],
    &["rialto-engine"],
    &[
        "rialto-console",
        "rialto-eureka",
        "rialto-gateway",
        "rialto-nacos",
        "rialto-protocol",
        "rialto-sdk",
    ],
    &["rialto-server"],
];

/// How many of them are pure.
const PURE_LAYERS: usize = 2;

/// Crates with a list of their own instead of a layer, or a shorter list than their layer's.
const ONLY: &[(&str, &[&str])] = &[
    // Runs in other people's programs, and goes on when every server is gone.
    ("rialto-sdk", &["rialto-api", "rialto-balance", "rialto-resilience", "rialto-sdk-macros"]),
    ("rialto-security", &[]),
    // For tests alone.
    ("rialto-corpus", &[]),
    ("rialto-storage", &[]),
    ("rialto-door", &["rialto-http1", "rialto-time"]),
    // Written as a user would write it.
    ("rialto-shop", &["rialto-sdk"]),
    ("rialto-compat-eureka", &["rialto-sdk"]),
    (
        "rialto-bench",
        &[
            "rialto-balance",
            "rialto-catalog",
            "rialto-engine",
            "rialto-http1",
            // The envelope alone, which its load generator speaks as a client.
            "rialto-nacos",
            "rialto-resilience",
        ],
    ),
    ("xtask", &[]),
];

/// What is above all layers, and may still be used by the one binary.
const SERVER_EXTRA: &[&str] = &["rialto-shop"];

/// External crates that a pure crate may not use: they bring clocks, sockets, disks, chance.
const PURE_REFUSED: &[&str] = &[
    "axum",
    "chrono",
    "getrandom",
    "hyper",
    "hyper-util",
    "mio",
    "rand",
    "redb",
    "reqwest",
    "rustls",
    "socket2",
    "tempfile",
    "time",
    "tokio",
    "tokio-util",
    "tracing",
];

/// Complaints about the workspace's manifests.
pub(crate) fn check(packages: &[Package], root: &Path) -> Vec<Violation> {
    let mut found = Vec::new();
    for package in packages {
        let path = format!("{}/Cargo.toml", package.folder(root));
        let mut complain = |message: String| {
            found.push(Violation { path: path.clone(), line: 0, message });
        };
        if layer_of(&package.name).is_none() && only(&package.name).is_none() {
            complain(format!("{} has no place in the table of layers", package.name));
            continue;
        }
        // Tests may reach sideways and upwards: they prove that parts fit.
        let normal = package.dependencies.iter().filter(|d| d.kind.as_deref() != Some("dev"));
        for dependency in normal {
            // A pure crate may offer a thin module for a runtime, to those who ask for it.
            let is_offer = dependency.optional && !is_ours(&dependency.name);
            if let Some(reason) = refusal(&package.name, &dependency.name).filter(|_| !is_offer) {
                complain(reason);
            }
        }
        let manifest = std::fs::read_to_string(&package.manifest_path).unwrap_or_default();
        if !manifest.contains("[lints]\nworkspace = true") {
            complain("does not take the workspace's lints".to_owned());
        }
    }
    found
}

/// Why `user` may not depend on `used`; `None` when it may.
fn refusal(user: &str, used: &str) -> Option<String> {
    if !is_ours(used) {
        let is_pure = layer_of(user).is_some_and(|layer| layer < PURE_LAYERS);
        return (is_pure && PURE_REFUSED.contains(&used))
            .then(|| format!("{user} is pure and may not depend on {used}"));
    }
    if let Some(allowed) = only(user) {
        return (!allowed.contains(&used)).then(|| format!("{user} may not depend on {used}"));
    }
    let is_server = layer_of(user) == Some(LAYERS.len() - 1);
    if is_server && SERVER_EXTRA.contains(&used) {
        return None;
    }
    match (layer_of(user), layer_of(used)) {
        (Some(above), Some(below)) if below < above => None,
        _ => Some(format!("{user} may only depend downwards, and {used} is not below it")),
    }
}

fn is_ours(name: &str) -> bool {
    name.starts_with("rialto-") || name == "xtask"
}

fn layer_of(name: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&name))
}

fn only(name: &str) -> Option<&'static [&'static str]> {
    ONLY.iter().find(|(of, _)| *of == name).map(|(_, allowed)| *allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn allowed(user: &str, used: &str) {
        assert_eq!(refusal(user, used), None);
    }

    #[track_caller]
    fn refused(user: &str, used: &str) {
        assert!(refusal(user, used).is_some(), "{user} may depend on {used}");
    }

    #[test]
    fn downwards_only() {
        allowed("rialto-engine", "rialto-catalog");
        allowed("rialto-gateway", "rialto-engine");
        allowed("rialto-server", "rialto-gateway");
        refused("rialto-catalog", "rialto-engine");
        refused("rialto-engine", "rialto-server");
    }

    #[test]
    fn never_sideways() {
        refused("rialto-gateway", "rialto-eureka");
        refused("rialto-console", "rialto-protocol");
        refused("rialto-balance", "rialto-resilience");
        refused("rialto-telemetry", "rialto-security");
    }

    #[test]
    fn the_sdk_knows_no_server_crate() {
        allowed("rialto-sdk", "rialto-balance");
        refused("rialto-sdk", "rialto-engine");
        refused("rialto-sdk", "rialto-catalog");
    }

    #[test]
    fn the_bottom_layers_are_pure() {
        refused("rialto-time", "tokio");
        refused("rialto-balance", "tokio");
        allowed("rialto-balance", "rand_core");
        allowed("rialto-engine", "tokio");
    }

    #[test]
    fn only_the_binary_may_carry_the_shop() {
        allowed("rialto-server", "rialto-shop");
        refused("rialto-console", "rialto-shop");
    }
}
