//! Logs: one event a line on standard error, short for people or JSON for machines.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

/// How a log line looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// `12:34:56.789 WARN eureka: lease ran out service=stock`
    #[default]
    Human,
    /// One JSON object a line, with the full date.
    Json,
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogsError {
    /// The filter is not understood.
    #[error(
        "log filter {filter:?} is not valid; use for example info or info,rialto_gateway=debug"
    )]
    Filter {
        /// The filter as given.
        filter: String,
        /// What is wrong with it.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// Somebody else set up logging in this process before.
    #[error("logging is already set up in this process")]
    Already,
}

/// Sets up logging for the whole process, once.
pub fn init(format: LogFormat, filter: &str) -> Result<(), LogsError> {
    let filter = EnvFilter::builder()
        .parse(filter)
        .map_err(|source| LogsError::Filter { filter: filter.to_owned(), source })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let done = match format {
        LogFormat::Human => {
            let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
            builder.with_ansi(colours).with_timer(TimeOfDay).compact().try_init()
        }
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    done.map_err(|_| LogsError::Already)
}

/// Hours, minutes, seconds and milliseconds, UTC.
struct TimeOfDay;

impl FormatTime for TimeOfDay {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        writer.write_str(&time_of_day(since.as_millis()))
    }
}

fn time_of_day(epoch_ms: u128) -> String {
    let ms = epoch_ms % 86_400_000;
    let (hours, minutes) = (ms / 3_600_000, ms / 60_000 % 60);
    format!("{hours:02}:{minutes:02}:{:02}.{:03}", ms / 1_000 % 60, ms % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_of_day_wraps_at_midnight() {
        assert_eq!(time_of_day(0), "00:00:00.000");
        assert_eq!(time_of_day(86_400_000 + 45_296_789), "12:34:56.789");
    }

    #[test]
    fn a_bad_filter_is_named() {
        let error = init(LogFormat::Human, "info,==").expect_err("the filter is not valid");
        assert!(error.to_string().contains("info,=="));
    }
}
