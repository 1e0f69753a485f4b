//! Rules between settings, and the step from checked values to the typed [`Config`].

use std::path::PathBuf;
use std::time::Duration;

use rialto_door::Access;
use rialto_gateway::{AccessLog, Limits, LogFormat};

use super::problem::Problem;
use super::value::{Listen, Value, networks};
use super::{Api, Catalog, Config, Eureka, Gateway, Log, Nacos, Placed, PlacedRoute};

const DOORS: [&str; 4] = ["eureka.listen", "nacos.listen", "gateway.listen", "api.listen"];

/// Doors through which the catalog is changed, and how their clients sign in.
const REGISTRIES: [(&str, &str, &str); 2] = [
    ("eureka.listen", "eureka.auth", "clients put user:password in their URL"),
    ("nacos.listen", "nacos.auth", "clients have settings for user and password"),
];

/// Adds what is refused although each value by itself is fine.
pub(super) fn check(values: &[Placed], problems: &mut Vec<Problem>) {
    let refuse = |key: &str, message: String| Problem::Refused {
        message,
        place: placed(values, key).place.clone(),
    };
    for (door, auth, how) in REGISTRIES {
        let beyond = listen(values, door).address().filter(|at| !at.ip().is_loopback());
        if let Some(address) = beyond
            && text(values, auth) == "loopback"
        {
            let message = format!(
                "{door}={address} can be reached from other machines, where anybody could register \
                 or remove services. Ask for sign-in with --set {auth}=required ({how}), or say \
                 --set {auth}=none if the network itself is trusted"
            );
            problems.push(refuse(door, message));
        }
    }
    let files = ["nacos.tls_certificate", "nacos.tls_key"].map(|key| (key, text(values, key)));
    if let [(given, file), (missing, "")] | [(missing, ""), (given, file)] = files
        && !file.is_empty()
    {
        problems.push(refuse(given, format!("{given} needs {missing} beside it")));
    }
    for (index, door) in DOORS.iter().enumerate() {
        let Some(address) = listen(values, door).address().filter(|at| at.port() != 0) else {
            continue;
        };
        let twin = DOORS[..index].iter().find(|d| listen(values, d).address() == Some(address));
        if let Some(twin) = twin {
            problems.push(refuse(door, format!("{door} and {twin} are both {address}")));
        }
    }
    if DOORS.iter().all(|door| listen(values, door) == Listen::Off) {
        problems.push(refuse("api.listen", "every door is off: nothing would listen".to_owned()));
    }
}

/// The typed configuration of checked values.
pub(super) fn build(values: &[Placed], routes: &[PlacedRoute]) -> Config {
    let path = |key| Some(PathBuf::from(text(values, key))).filter(|p| !p.as_os_str().is_empty());
    let password = match &placed(values, "admin.password").value {
        Value::Secret(secret) if !secret.reveal().is_empty() => Some(secret.clone()),
        _ => None,
    };
    Config {
        data: PathBuf::from(text(values, "data")),
        ready_file: path("ready_file"),
        admin_password: password,
        log: Log {
            json: text(values, "log.format") == "json",
            level: text(values, "log.level").to_owned(),
        },
        drain: Duration::from_millis(number(values, "stop.drain_ms")),
        eureka: Eureka {
            listen: listen(values, "eureka.listen"),
            access: access(values, "eureka.auth"),
            workers: size(values, "eureka.workers"),
            netflix: text(values, "eureka.expiry") == "netflix",
        },
        nacos: Nacos {
            listen: listen(values, "nacos.listen"),
            access: access(values, "nacos.auth"),
            workers: size(values, "nacos.workers"),
            tls: path("nacos.tls_certificate").zip(path("nacos.tls_key")),
        },
        gateway: gateway(values),
        api: Api { listen: listen(values, "api.listen") },
        catalog: Catalog {
            protection: switch(values, "catalog.protection"),
            protection_max_ms: number(values, "catalog.protection_max_ms"),
        },
        routes: routes.iter().map(|route| route.spec.clone()).collect(),
    }
}

fn gateway(values: &[Placed]) -> Gateway {
    let access_log = match text(values, "gateway.access_log") {
        "off" | "" => AccessLog::Off,
        "stdout" => AccessLog::Stdout,
        file => AccessLog::File(PathBuf::from(file)),
    };
    let log_format = match text(values, "gateway.access_log_format") {
        "text" => LogFormat::Text,
        _ => LogFormat::Json,
    };
    let limits = Limits {
        head_timeout_ms: number(values, "gateway.head_timeout_ms"),
        body_timeout_ms: number(values, "gateway.body_timeout_ms"),
        idle_timeout_ms: number(values, "gateway.idle_timeout_ms"),
        stream_idle_ms: number(values, "gateway.stream_idle_ms"),
        connect_timeout_ms: number(values, "gateway.connect_timeout_ms"),
        response_timeout_ms: number(values, "gateway.response_timeout_ms"),
        body_max_bytes: number(values, "gateway.body_max_bytes"),
        connections_max: size(values, "gateway.connections_max"),
        drain_ms: number(values, "stop.drain_ms"),
    };
    Gateway {
        listen: listen(values, "gateway.listen"),
        workers: size(values, "gateway.workers"),
        access_log,
        access_log_format: log_format,
        trusted_proxies: networks(text(values, "gateway.trusted_proxies")).unwrap_or_default(),
        encoded_slashes: switch(values, "gateway.encoded_slashes"),
        limits,
    }
}

fn access(values: &[Placed], key: &str) -> Access {
    match text(values, key) {
        "required" => Access::SignedIn,
        "none" => Access::Open,
        _ => Access::Loopback,
    }
}

fn placed<'a>(values: &'a [Placed], key: &str) -> &'a Placed {
    let found = values.iter().find(|placed| placed.setting.key == key);
    found.expect("keys named in this file are in the schema, as the tests show")
}

fn listen(values: &[Placed], key: &str) -> Listen {
    match placed(values, key).value {
        Value::Listen(listen) => listen,
        _ => Listen::Off,
    }
}

fn number(values: &[Placed], key: &str) -> u64 {
    match placed(values, key).value {
        Value::Number(number) => number,
        _ => 0,
    }
}

fn size(values: &[Placed], key: &str) -> usize {
    usize::try_from(number(values, key)).unwrap_or(usize::MAX)
}

fn switch(values: &[Placed], key: &str) -> bool {
    placed(values, key).value == Value::Switch(true)
}

fn text<'a>(values: &'a [Placed], key: &str) -> &'a str {
    match &placed(values, key).value {
        Value::Text(text) => text,
        _ => "",
    }
}
