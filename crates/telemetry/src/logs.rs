//! Logs: one event a line on standard error, short for people or JSON for machines.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::registry::LookupSpan;

/// How a log line looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// `12:34:56.789  WARN eureka: lease ran out service="stock"`
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
///
/// # Errors
/// When the filter is not understood, or logging was set up before.
pub fn init(format: LogFormat, filter: &str) -> Result<(), LogsError> {
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let subscriber = subscriber(format, filter, colours, std::io::stderr)?;
    tracing::subscriber::set_global_default(subscriber).map_err(|_| LogsError::Already)
}

fn subscriber<W>(
    format: LogFormat,
    filter: &str,
    colours: bool,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, LogsError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder()
        .parse(filter)
        .map_err(|source| LogsError::Filter { filter: filter.to_owned(), source })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    Ok(match format {
        LogFormat::Human => {
            Box::new(builder.with_ansi(colours).event_format(Line { colours }).finish())
        }
        LogFormat::Json => Box::new(builder.json().flatten_event(true).finish()),
    })
}

/// One event a line, whatever is in it: time of day (UTC), level, part, message, fields.
struct Line {
    colours: bool,
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let level = *event.metadata().level();
        let (colour, plain) = if self.colours { colour(level) } else { ("", "") };
        let part = part(event.metadata().target());
        let time = time_of_day(since.as_millis());
        write!(writer, "{time} {colour}{level:>5}{plain} {part}: ")?;
        let mut fields = String::new();
        context.format_fields(Writer::new(&mut fields), event)?;
        for character in fields.chars() {
            match character.is_control() {
                true => write!(writer, "{}", character.escape_default())?,
                false => writer.write_char(character)?,
            }
        }
        writeln!(writer)
    }
}

/// What begins and ends a level's colour on a terminal.
fn colour(level: Level) -> (&'static str, &'static str) {
    let begin = match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        _ => "\x1b[2m",
    };
    (begin, "\x1b[0m")
}

/// `eureka` for `rialto_eureka::door`: which part speaks, without saying whose it is.
fn part(target: &str) -> &str {
    let package = target.split("::").next().unwrap_or(target);
    package.strip_prefix("rialto_").unwrap_or(package)
}

fn time_of_day(epoch_ms: u128) -> String {
    let ms = epoch_ms % 86_400_000;
    let (hours, minutes) = (ms / 3_600_000, ms / 60_000 % 60);
    format!("{hours:02}:{minutes:02}:{:02}.{:03}", ms / 1_000 % 60, ms % 1_000)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;

    #[test]
    fn time_of_day_wraps_at_midnight() {
        assert_eq!(time_of_day(0), "00:00:00.000");
        assert_eq!(time_of_day(86_400_000 + 45_296_789), "12:34:56.789");
    }

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What two events, one of them too fine for the filter, look like.
    fn written(format: LogFormat) -> String {
        let page = Page::default();
        let writer = page.clone();
        let subscriber = subscriber(format, "info", false, move || writer.clone());
        tracing::subscriber::with_default(subscriber.expect("the filter is valid"), || {
            tracing::warn!(service = "stock", ttl_ms = 30_000, "lease\nran out");
            tracing::debug!("not shown");
        });
        String::from_utf8(page.0.lock().clone()).expect("logs are text")
    }

    #[test]
    fn people_get_one_short_line() {
        let line = written(LogFormat::Human);
        let (time, rest) = line.split_at("12:34:56.789".len());
        assert!(time.bytes().filter(|byte| *byte == b':').count() == 2, "{line}");
        let expected = r#"  WARN telemetry: lease\nran out service="stock" ttl_ms=30000"#;
        assert_eq!(rest, format!("{expected}\n"));
    }

    #[test]
    fn machines_get_one_object_a_line() {
        let line = written(LogFormat::Json);
        assert_eq!(line.matches('\n').count(), 1);
        for part in ["\"level\":\"WARN\"", "\"service\":\"stock\"", "\"ttl_ms\":30000"] {
            assert!(line.contains(part), "{part} is not in {line}");
        }
    }

    #[test]
    fn a_bad_filter_is_named() {
        let error = init(LogFormat::Human, "info,==").expect_err("the filter is not valid");
        assert!(error.to_string().contains("info,=="));
    }
}
