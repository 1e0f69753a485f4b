//! The one list of settings: key, kind, default and description of each.
//!
//! The decoder, `rialto config explain`, the environment's variable names and the help text are all
//! made from it, so a setting cannot exist in one of them alone.

/// A setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Dotted key, as in `--set key=value`.
    pub key: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// Built-in value in the form of the command line; empty for none.
    pub default: &'static str,
    /// One line on what it does.
    pub about: &'static str,
}

/// What a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `host:port`, or `off`.
    Listen,
    /// `true` or `false`.
    Switch,
    /// A whole number from `min` to `max`.
    Number {
        /// Smallest.
        min: u64,
        /// Largest.
        max: u64,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A path in the file system.
    Path,
    /// Free text.
    Text,
    /// Addresses or blocks of addresses, separated by commas.
    Networks,
    /// Text that is never shown, and never taken from the command line.
    Secret,
}

impl Kind {
    /// What is expected, with an example.
    pub fn expected(self) -> String {
        match self {
            Self::Listen => "an address and port like \"127.0.0.1:8080\", or \"off\"".to_owned(),
            Self::Switch => "true or false".to_owned(),
            Self::Number { min, max } => {
                format!("a whole number from {min} to {max}, like {}", min.max(10).min(max))
            }
            Self::Choice(words) => {
                let words: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
                format!("one of {}", words.join(", "))
            }
            Self::Path => "a path like \"/var/lib/rialto\"".to_owned(),
            Self::Networks => "networks like \"10.0.0.0/8, 192.168.1.7\"".to_owned(),
            Self::Text | Self::Secret => "a text like \"info\"".to_owned(),
        }
    }
}

impl Setting {
    /// The environment variable: `RIALTO_`, the key in capitals, `.` written as `_`.
    pub fn variable(&self) -> String {
        format!("RIALTO_{}", self.key.to_uppercase().replace('.', "_"))
    }
}

const HOUR_MS: u64 = 3_600_000;

/// Every setting, in the order that people are shown.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: "data",
        kind: Kind::Path,
        default: "",
        about: "Data folder. Default: $XDG_DATA_HOME/rialto, or ~/.local/share/rialto.",
    },
    Setting {
        key: "ready_file",
        kind: Kind::Path,
        default: "",
        about: "Written once everything serves: a JSON object of door name to bound address.",
    },
    Setting {
        key: "admin.password",
        kind: Kind::Secret,
        default: "",
        about: "Administrator's password. Without it the first start makes one and prints it.",
    },
    Setting {
        key: "log.format",
        kind: Kind::Choice(&["human", "json"]),
        default: "human",
        about: "Shape of log lines on standard error.",
    },
    Setting {
        key: "log.level",
        kind: Kind::Text,
        default: "info",
        about: "Least severe level logged: error, warn, info, debug, trace; per part as in \
                \"info,rialto_gateway=debug\".",
    },
    Setting {
        key: "stop.drain_ms",
        kind: Kind::Number { min: 0, max: 600_000 },
        default: "10000",
        about: "Milliseconds that requests under way get to finish when the server stops.",
    },
    Setting {
        key: "eureka.listen",
        kind: Kind::Listen,
        default: "127.0.0.1:8761",
        about: "Eureka door: where Eureka clients register and look up.",
    },
    Setting {
        key: "eureka.auth",
        kind: Kind::Choice(&["loopback", "required", "none"]),
        default: "loopback",
        about: "Sign-in of Eureka clients: \"loopback\" asks for none and serves this machine \
                alone, \"required\" asks for user and password in the URL, \"none\" trusts \
                everybody who reaches the port.",
    },
    Setting {
        key: "eureka.expiry",
        kind: Kind::Choice(&["exact", "netflix"]),
        default: "exact",
        about: "\"exact\" ends a lease when its time is over; \"netflix\" keeps the numbers of \
                Netflix's server, where it takes up to three times as long.",
    },
    Setting {
        key: "eureka.workers",
        kind: Kind::Number { min: 0, max: 8 },
        default: "0",
        about: "Threads that answer Eureka clients; 0 means one per processor.",
    },
    Setting {
        key: "nacos.listen",
        kind: Kind::Listen,
        default: "127.0.0.1:8848",
        about: "Nacos door: HTTP and gRPC; clients look for gRPC at this port plus 1000, which is \
                opened too.",
    },
    Setting {
        key: "nacos.auth",
        kind: Kind::Choice(&["loopback", "required", "none"]),
        default: "loopback",
        about: "Sign-in of Nacos clients: \"loopback\" asks for none and serves this machine \
                alone, \"required\" asks for user and password as Nacos does, \"none\" trusts \
                everybody who reaches the ports.",
    },
    Setting {
        key: "nacos.workers",
        kind: Kind::Number { min: 0, max: 8 },
        default: "0",
        about: "Threads that answer Nacos clients; 0 means one per processor.",
    },
    Setting {
        key: "nacos.tls_certificate",
        kind: Kind::Path,
        default: "",
        about: "File with the certificate chain in PEM: the Nacos door then speaks TLS too, on the \
                same ports. Read again when it changes.",
    },
    Setting {
        key: "nacos.tls_key",
        kind: Kind::Path,
        default: "",
        about: "File with the private key in PEM that belongs to the certificate.",
    },
    Setting {
        key: "gateway.listen",
        kind: Kind::Listen,
        default: "127.0.0.1:8080",
        about: "Gateway: where requests from outside enter.",
    },
    Setting {
        key: "gateway.workers",
        kind: Kind::Number { min: 0, max: 256 },
        default: "0",
        about: "Threads that carry the gateway's requests; 0 means one per processor.",
    },
    Setting {
        key: "gateway.access_log",
        kind: Kind::Text,
        default: "off",
        about: "One line per request: \"off\", \"stdout\", or a file to append to.",
    },
    Setting {
        key: "gateway.access_log_format",
        kind: Kind::Choice(&["json", "text"]),
        default: "json",
        about: "Shape of the access log's lines.",
    },
    Setting {
        key: "gateway.trusted_proxies",
        kind: Kind::Networks,
        default: "",
        about: "Proxies before the gateway whose X-Forwarded-For and X-Request-Id are believed: \
                addresses or networks like 10.0.0.0/8, separated by commas.",
    },
    Setting {
        key: "gateway.encoded_slashes",
        kind: Kind::Switch,
        default: "false",
        about: "Lets %2F and %5C in paths pass instead of refusing them.",
    },
    Setting {
        key: "gateway.head_timeout_ms",
        kind: Kind::Number { min: 100, max: HOUR_MS },
        default: "10000",
        about: "Milliseconds from the first byte of a request's head to its last.",
    },
    Setting {
        key: "gateway.body_timeout_ms",
        kind: Kind::Number { min: 100, max: HOUR_MS },
        default: "30000",
        about: "Milliseconds that a request's body may stand still.",
    },
    Setting {
        key: "gateway.idle_timeout_ms",
        kind: Kind::Number { min: 100, max: HOUR_MS },
        default: "75000",
        about: "Milliseconds that a connection may be idle between requests.",
    },
    Setting {
        key: "gateway.stream_idle_ms",
        kind: Kind::Number { min: 100, max: HOUR_MS },
        default: "300000",
        about: "Milliseconds that an answer may stand still.",
    },
    Setting {
        key: "gateway.connect_timeout_ms",
        kind: Kind::Number { min: 10, max: HOUR_MS },
        default: "3000",
        about: "Milliseconds to connect to an instance; a route can say otherwise.",
    },
    Setting {
        key: "gateway.response_timeout_ms",
        kind: Kind::Number { min: 10, max: HOUR_MS },
        default: "30000",
        about: "Milliseconds until an answer's head; a route can say otherwise.",
    },
    Setting {
        key: "gateway.body_max_bytes",
        kind: Kind::Number { min: 0, max: 1 << 40 },
        default: "10485760",
        about: "Largest request body in bytes; a route can say otherwise.",
    },
    Setting {
        key: "gateway.connections_max",
        kind: Kind::Number { min: 1, max: 1_000_000 },
        default: "16384",
        about: "Connections of one worker; more wait in the system's queue.",
    },
    Setting {
        key: "api.listen",
        kind: Kind::Listen,
        default: "127.0.0.1:7000",
        about: "API (REST, gRPC), metrics and the console.",
    },
    Setting {
        key: "catalog.protection",
        kind: Kind::Switch,
        default: "true",
        about: "Holds expiry back when far more leases of a service run out at once than crashes \
                explain, as when a network breaks.",
    },
    Setting {
        key: "catalog.protection_max_ms",
        kind: Kind::Number { min: 1_000, max: 24 * HOUR_MS },
        default: "900000",
        about: "Longest time in milliseconds that expiry is held back.",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_variables_are_unique() {
        let mut keys: Vec<_> = SETTINGS.iter().map(|s| s.key.to_owned()).collect();
        let mut variables: Vec<_> = SETTINGS.iter().map(Setting::variable).collect();
        keys.sort();
        keys.dedup();
        variables.sort();
        variables.dedup();
        assert_eq!((keys.len(), variables.len()), (SETTINGS.len(), SETTINGS.len()));
        assert!(variables.contains(&"RIALTO_EUREKA_LISTEN".to_owned()));
    }

    #[test]
    fn descriptions_are_sentences() {
        for setting in SETTINGS {
            assert!(setting.about.ends_with('.'), "{}", setting.key);
            assert!(!setting.kind.expected().is_empty());
        }
    }
}
