//! Nacos's switches: those that mean something here can be set, the others are shown as they are.

use serde_json::{Value, json};

use super::Naming;
use crate::{Code, Problem};

/// Switches that can be set, until the next start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Switches {
    push: bool,
    health_check: bool,
    check_times: u32,
}

impl Default for Switches {
    fn default() -> Self {
        Self { push: true, health_check: true, check_times: 3 }
    }
}

impl Switches {
    /// Whether subscribers are told of changes.
    pub(super) const fn push_enabled(self) -> bool {
        self.push
    }

    /// Whether the health of persistent instances is checked.
    pub(super) const fn health_check_enabled(self) -> bool {
        self.health_check
    }

    /// How many equal results in a row change the health of an instance.
    pub(super) const fn check_times(self) -> u32 {
        self.check_times
    }

    fn set(&mut self, entry: &str, value: &str) -> Result<(), Problem> {
        let wrong = || {
            let message = format!("{value:?} is no value of the switch {entry}");
            Problem::new(400, Code::ParameterInvalid, message)
        };
        match entry {
            "pushEnabled" | "push" => self.push = value.parse().map_err(|_| wrong())?,
            "healthCheckEnabled" | "check" => {
                self.health_check = value.parse().map_err(|_| wrong())?;
            }
            "checkTimes" => {
                let times = value.parse().ok().filter(|times| (1..=100).contains(times));
                self.check_times = times.ok_or_else(wrong)?;
            }
            _ => {
                let message = format!(
                    "the switch {entry} cannot be set here; pushEnabled, healthCheckEnabled and \
                     checkTimes can"
                );
                return Err(Problem::new(400, Code::ParameterInvalid, message));
            }
        }
        Ok(())
    }
}

impl Naming {
    /// The switches as JSON, as the real server shows them.
    #[must_use]
    pub fn switches(&self) -> Value {
        let switches = *self.shared.switches.lock();
        json!({
            "masters": null, "adWeightMap": {}, "defaultPushCacheMillis": 10000,
            "clientBeatInterval": 5000, "defaultCacheMillis": 3000, "distroThreshold": 0.7,
            "healthCheckEnabled": switches.health_check, "autoChangeHealthCheckEnabled": true,
            "distroEnabled": true, "enableStandalone": true, "pushEnabled": switches.push,
            "checkTimes": switches.check_times,
            "httpHealthParams": {"max": 5000, "min": 500, "factor": 0.85},
            "tcpHealthParams": {"max": 5000, "min": 1000, "factor": 0.75},
            "mysqlHealthParams": {"max": 3000, "min": 2000, "factor": 0.65},
            "incrementalList": [], "serverStatusSynchronizationPeriodMillis": 2000,
            "serviceStatusSynchronizationPeriodMillis": 5000, "disableAddIP": false,
            "sendBeatOnly": false, "lightBeatEnabled": true, "limitedUrlMap": {},
            "distroServerExpiredMillis": 10000, "pushGoVersion": "0.1.0",
            "pushJavaVersion": "0.1.0", "pushPythonVersion": "0.4.3", "pushCVersion": "1.0.12",
            "pushCSharpVersion": "0.9.0", "enableAuthentication": false,
            "overriddenServerStatus": null, "defaultInstanceEphemeral": true,
            "healthCheckWhiteList": [], "name": "00-00---000-NACOS_SWITCH_DOMAIN-000---00-00",
            "checksum": null
        })
    }

    /// Sets a switch, until the next start.
    ///
    /// # Errors
    /// When there is none of that name that could be set, or the value is none for it.
    pub fn set_switch(&self, entry: &str, value: &str) -> Result<(), Problem> {
        self.shared.switches.lock().set(entry, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_means_something_can_be_set() {
        let mut switches = Switches::default();
        switches.set("pushEnabled", "false").unwrap();
        switches.set("check", "false").unwrap();
        switches.set("checkTimes", "5").unwrap();
        assert!(!switches.push_enabled() && !switches.health_check_enabled());
        assert_eq!(switches.check_times(), 5);
        for (entry, value) in
            [("pushEnabled", "1"), ("checkTimes", "0"), ("checkTimes", "x"), ("masters", "a")]
        {
            assert_eq!(switches.set(entry, value).unwrap_err().status, 400, "{entry}");
        }
    }
}
