//! The access log: workers gather lines, one thread writes them.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use rialto_telemetry::Counter;

use crate::config::{AccessLog, LogFormat};
use crate::error::StartError;
use crate::limits::{LOG_BATCH_BYTES, LOG_BATCHES_MAX};

/// Writes batches of lines in a thread of its own, until every sender is gone.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    batches: SyncSender<Vec<u8>>,
    spare: Arc<parking_lot::Mutex<Vec<Vec<u8>>>>,
    waiting: Arc<AtomicU64>,
    dropped: Counter,
    pub(crate) format: LogFormat,
}

/// One worker's lines that were not handed over yet.
#[derive(Debug)]
pub(crate) struct Lines {
    writer: Writer,
    batch: Vec<u8>,
    /// The second that `stamp` shows.
    second: u64,
    stamp: String,
}

/// What is known of a request when it begins; the rest of its line follows when it ends.
pub(crate) struct Opening<'a> {
    pub(crate) client: &'a str,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) host: &'a str,
}

/// What is known of it when it ends. Names of routes, services and instances need no escaping.
pub(crate) struct Ending<'a> {
    pub(crate) wall_ms: u64,
    pub(crate) status: u16,
    pub(crate) route: &'a str,
    pub(crate) service: &'a str,
    pub(crate) instance: &'a str,
    pub(crate) tries: u32,
    pub(crate) bytes: u64,
    pub(crate) latency_us: u64,
    pub(crate) request_id: &'a [u8],
    pub(crate) trace_id: &'a [u8],
    /// Who ended it if not the instance, as in Envoy's response flags.
    pub(crate) flag: &'a str,
}

impl Writer {
    /// Opens the log and starts its thread; None when it is off.
    pub(crate) fn start(
        target: &AccessLog,
        format: LogFormat,
        dropped: Counter,
    ) -> Result<Option<Self>, StartError> {
        let sink: Box<dyn Write + Send> = match target {
            AccessLog::Off => return Ok(None),
            AccessLog::Stdout => Box::new(io::stdout()),
            AccessLog::File(path) => Box::new(
                open(path)
                    .map_err(|source| StartError::AccessLog { path: path.clone(), source })?,
            ),
        };
        let (batches, received) = sync_channel(LOG_BATCHES_MAX);
        let spare: Arc<parking_lot::Mutex<Vec<Vec<u8>>>> = Arc::default();
        let waiting: Arc<AtomicU64> = Arc::default();
        let writer = Self { batches, spare, waiting, dropped, format };
        let (spare, waiting) = (Arc::clone(&writer.spare), Arc::clone(&writer.waiting));
        std::thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || write_all(sink, &received, &spare, &waiting))
            .map_err(StartError::System)?;
        Ok(Some(writer))
    }

    pub(crate) fn lines(&self) -> Lines {
        Lines { writer: self.clone(), batch: Vec::new(), second: 0, stamp: String::new() }
    }

    /// Whether everything handed over has been written.
    pub(crate) fn is_drained(&self) -> bool {
        self.waiting.load(Ordering::Acquire) == 0
    }
}

fn open(path: &std::path::Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

fn write_all(
    mut sink: Box<dyn Write + Send>,
    batches: &Receiver<Vec<u8>>,
    spare: &parking_lot::Mutex<Vec<Vec<u8>>>,
    waiting: &AtomicU64,
) {
    let mut failed = false;
    while let Ok(mut batch) = batches.recv() {
        let written = sink.write_all(&batch).and_then(|()| sink.flush());
        if let Err(error) = &written
            && !failed
        {
            tracing::warn!(%error, "the access log cannot be written; its lines are lost");
        }
        failed = written.is_err();
        batch.clear();
        let mut spare = spare.lock();
        if spare.len() < LOG_BATCHES_MAX / 8 {
            spare.push(batch);
        }
        drop(spare);
        waiting.fetch_sub(1, Ordering::Release);
    }
}

impl Lines {
    /// Writes the beginning of a line to a request's own buffer.
    pub(crate) fn open(format: LogFormat, opening: &Opening<'_>, out: &mut Vec<u8>) {
        out.clear();
        match format {
            LogFormat::Json => {
                out.extend_from_slice(b",\"client\":\"");
                out.extend_from_slice(opening.client.as_bytes());
                out.extend_from_slice(b"\",\"method\":\"");
                out.extend_from_slice(opening.method.as_bytes());
                out.extend_from_slice(b"\",\"host\":\"");
                escape(out, opening.host);
                out.extend_from_slice(b"\",\"path\":\"");
                escape(out, opening.path);
                out.push(b'"');
            }
            LogFormat::Text => {
                out.push(b' ');
                out.extend_from_slice(opening.client.as_bytes());
                out.push(b' ');
                out.extend_from_slice(opening.method.as_bytes());
                out.push(b' ');
                out.extend_from_slice(opening.host.as_bytes());
                out.extend_from_slice(opening.path.as_bytes());
            }
        }
    }

    /// Adds a whole line.
    pub(crate) fn add(&mut self, opening: &[u8], ending: &Ending<'_>) {
        self.set_stamp(ending.wall_ms);
        let out = &mut self.batch;
        let ms = ending.wall_ms % 1_000;
        let digit = |number: u64| b'0' + u8::try_from(number % 10).unwrap_or_default();
        let millis = [digit(ms / 100), digit(ms / 10), digit(ms), b'Z'];
        match self.writer.format {
            LogFormat::Json => {
                out.extend_from_slice(b"{\"time\":\"");
                out.extend_from_slice(self.stamp.as_bytes());
                out.extend_from_slice(&millis);
                out.push(b'"');
                out.extend_from_slice(opening);
                json(out, ending);
            }
            LogFormat::Text => {
                out.extend_from_slice(self.stamp.as_bytes());
                out.extend_from_slice(&millis);
                out.extend_from_slice(opening);
                text(out, ending);
            }
        }
        if out.len() >= LOG_BATCH_BYTES {
            self.flush();
        }
    }

    /// Hands the gathered lines over. When the writer is too far behind they are dropped: a slow
    /// disk must not stop requests.
    pub(crate) fn flush(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let next = self.writer.spare.lock().pop().unwrap_or_default();
        let batch = std::mem::replace(&mut self.batch, next);
        self.writer.waiting.fetch_add(1, Ordering::AcqRel);
        if let Err(TrySendError::Full(batch) | TrySendError::Disconnected(batch)) =
            self.writer.batches.try_send(batch)
        {
            self.writer.waiting.fetch_sub(1, Ordering::AcqRel);
            let lines = memchr_count(&batch);
            self.writer.dropped.add(lines);
        }
    }

    fn set_stamp(&mut self, wall_ms: u64) {
        let second = wall_ms / 1_000;
        if self.second != second || self.stamp.is_empty() {
            self.second = second;
            self.stamp.clear();
            crate::reply::push_time(&mut self.stamp, second * 1_000);
            self.stamp.truncate("2026-11-24T23:30:00.".len());
        }
    }
}

fn memchr_count(batch: &[u8]) -> u64 {
    batch.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

fn json(out: &mut Vec<u8>, ending: &Ending<'_>) {
    let mut number = itoa::Buffer::new();
    out.extend_from_slice(b",\"status\":");
    out.extend_from_slice(number.format(ending.status).as_bytes());
    out.extend_from_slice(b",\"route\":\"");
    out.extend_from_slice(ending.route.as_bytes());
    if !ending.service.is_empty() {
        out.extend_from_slice(b"\",\"service\":\"");
        out.extend_from_slice(ending.service.as_bytes());
        out.extend_from_slice(b"\",\"instance\":\"");
        out.extend_from_slice(ending.instance.as_bytes());
        out.extend_from_slice(b"\",\"tries\":");
        out.extend_from_slice(number.format(ending.tries).as_bytes());
    } else {
        out.push(b'"');
    }
    out.extend_from_slice(b",\"bytes\":");
    out.extend_from_slice(number.format(ending.bytes).as_bytes());
    out.extend_from_slice(b",\"us\":");
    out.extend_from_slice(number.format(ending.latency_us).as_bytes());
    out.extend_from_slice(b",\"id\":\"");
    out.extend_from_slice(ending.request_id);
    if ending.trace_id != ending.request_id {
        out.extend_from_slice(b"\",\"trace\":\"");
        out.extend_from_slice(ending.trace_id);
    }
    if !ending.flag.is_empty() {
        out.extend_from_slice(b"\",\"flag\":\"");
        out.extend_from_slice(ending.flag.as_bytes());
    }
    out.extend_from_slice(b"\"}\n");
}

fn text(out: &mut Vec<u8>, ending: &Ending<'_>) {
    let mut number = itoa::Buffer::new();
    let dash = |word: &str| if word.is_empty() { "-".to_owned() } else { word.to_owned() };
    out.push(b' ');
    out.extend_from_slice(number.format(ending.status).as_bytes());
    out.push(b' ');
    out.extend_from_slice(number.format(ending.bytes).as_bytes());
    out.push(b' ');
    out.extend_from_slice(number.format(ending.latency_us).as_bytes());
    out.extend_from_slice(b"us route=");
    out.extend_from_slice(dash(ending.route).as_bytes());
    out.extend_from_slice(b" instance=");
    out.extend_from_slice(dash(ending.instance).as_bytes());
    out.extend_from_slice(b" id=");
    out.extend_from_slice(ending.request_id);
    out.extend_from_slice(b" flag=");
    out.extend_from_slice(dash(ending.flag).as_bytes());
    out.push(b'\n');
}

/// The inside of a JSON string.
fn escape(out: &mut Vec<u8>, text: &str) {
    if text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0..b' ' => out.push(b'?'),
            _ => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: LogFormat) -> String {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access.log");
        let target = AccessLog::File(path.clone());
        let writer = Writer::start(&target, format, Counter::default()).unwrap().unwrap();
        let mut lines = writer.lines();
        let mut opening = Vec::new();
        let begin =
            Opening { client: "127.0.0.1", method: "GET", path: "/a\"b", host: "shop.example" };
        Lines::open(format, &begin, &mut opening);
        let ending = Ending {
            wall_ms: 1_795_563_000_123,
            status: 200,
            route: "shop",
            service: "storefront",
            instance: "127.0.0.1:9001",
            tries: 1,
            bytes: 12,
            latency_us: 345,
            request_id: b"r1",
            trace_id: b"t1",
            flag: "",
        };
        lines.add(&opening, &ending);
        lines.flush();
        let begun = std::time::Instant::now();
        while !writer.is_drained() && begun.elapsed().as_secs() < 5 {
            std::thread::yield_now();
        }
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn a_json_line() {
        let text = written(LogFormat::Json);
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["time"], "2026-11-24T23:30:00.123Z");
        assert_eq!((&line["path"], &line["status"]), (&"/a\"b".into(), &200.into()));
        assert_eq!((&line["id"], &line["trace"]), (&"r1".into(), &"t1".into()));
        assert_eq!((&line["tries"], &line["us"]), (&1.into(), &345.into()));
    }

    #[test]
    fn a_text_line() {
        let expected = "2026-11-24T23:30:00.123Z 127.0.0.1 GET shop.example/a\"b 200 12 345us \
                        route=shop instance=127.0.0.1:9001 id=r1 flag=-\n";
        assert_eq!(written(LogFormat::Text), expected);
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_named() {
        let target = AccessLog::File("/nonexistent/access.log".into());
        let error = Writer::start(&target, LogFormat::Json, Counter::default()).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/access.log"), "{error}");
    }
}
