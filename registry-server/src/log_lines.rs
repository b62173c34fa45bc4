//! Writes log lines on a separate thread, so that a slow reader of the log delays no request.
//!
//! ```
//! use std::io::Write as _;
//! use registry_server::log_lines::LogLines;
//! use tracing_subscriber::fmt::MakeWriter as _;
//! let (reader, writer) = std::io::pipe().unwrap();
//! let (lines, flusher) = LogLines::start(writer).unwrap();
//! lines.make_writer().write_all(b"one line\n").unwrap();
//! drop(flusher);
//! assert_eq!(std::io::read_to_string(reader).unwrap(), "one line\n");
//! ```

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// The most bytes of buffered lines. Further lines are dropped and counted: the registry does not wait for its log.
const WAITING_BYTES: usize = 4 << 20;

/// The capacity that an emptied buffer keeps, so that one burst does not hold memory forever.
const KEPT_BYTES: usize = 64 << 10;

/// How long lines are batched, so that a busy server writes a hundred times a second rather than once per request.
const GATHERING_TIME: Duration = Duration::from_millis(10);

/// Accepts log lines. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LogLines(Arc<Shared>);

/// How long an ending process waits until its last lines are written.
const CLOSING_TIME: Duration = Duration::from_secs(1);

/// Writes the buffered lines on drop, and ends the thread.
#[derive(Debug)]
#[must_use = "lines are written as long as this lives"]
pub struct Flusher(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<u8>,
    dropped: u64,
    closing: bool,
    closed: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LogLines {
    /// Starts the thread that writes to `output`.
    pub fn start(output: impl Write + Send + 'static) -> io::Result<(Self, Flusher)> {
        let shared = Arc::new(Shared::default());
        Builder::new().name("log".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || {
                write_until_closed(&shared, output);
                shared.lock().closed = true;
                shared.changed.notify_all();
            }
        })?;
        Ok((Self(Arc::clone(&shared)), Flusher(shared)))
    }
}

impl<'lines> MakeWriter<'lines> for LogLines {
    type Writer = LogLine<'lines>;

    fn make_writer(&'lines self) -> LogLine<'lines> {
        LogLine(&self.0)
    }
}

/// One log line, passed whole in one `write`.
#[derive(Debug)]
pub struct LogLine<'lines>(&'lines Shared);

impl Write for LogLine<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut state = self.0.lock();
        if state.waiting.len() + line.len() > WAITING_BYTES {
            state.dropped += 1;
            return Ok(line.len());
        }
        let thread_sleeps = state.waiting.is_empty();
        state.waiting.extend_from_slice(line);
        drop(state);
        if thread_sleeps {
            self.0.changed.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        self.0.lock().closing = true;
        self.0.changed.notify_all();
        let _closed = self.0.changed.wait_timeout_while(self.0.lock(), CLOSING_TIME, |state| !state.closed);
    }
}

fn write_until_closed(shared: &Shared, mut output: impl Write) {
    let mut lines = Vec::new();
    loop {
        let mut state = shared
            .changed
            .wait_while(shared.lock(), |state| state.waiting.is_empty() && !state.closing)
            .unwrap_or_else(PoisonError::into_inner);
        if !state.closing {
            state = shared
                .changed
                .wait_timeout_while(state, GATHERING_TIME, |state| !state.closing)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        std::mem::swap(&mut state.waiting, &mut lines);
        let dropped = std::mem::take(&mut state.dropped);
        let closing = state.closing;
        drop(state);

        // If stderr is closed or its disk is full, the lines have no reader.
        let _ = output.write_all(&lines);
        if dropped > 0 {
            let _ = writeln!(output, "{dropped} log lines were dropped: their reader is too slow");
        }
        let _ = output.flush();
        if closing {
            return;
        }
        lines.clear();
        lines.shrink_to(KEPT_BYTES);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// A writer that reports a write, and blocks in it until it is released.
    struct Stuck {
        begun: Sender<()>,
        go_on: Receiver<()>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.begun.send(());
            let _ = self.go_on.recv();
            self.written.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_stuck_reader_delays_no_writer_and_costs_bounded_memory() {
        let (begun, has_begun) = channel();
        let (let_go, go_on) = channel();
        let written = Arc::new(Mutex::new(Vec::new()));
        let (lines, flusher) =
            LogLines::start(Stuck { begun, go_on, written: Arc::clone(&written) }).unwrap();

        lines.make_writer().write_all(b"first\n").unwrap();
        has_begun.recv().unwrap();
        let long = vec![b'x'; 1 << 20];
        for _ in 0..10 {
            lines.make_writer().write_all(&long).unwrap();
        }
        assert_eq!(lines.0.lock().waiting.len(), WAITING_BYTES);

        drop(let_go);
        drop(flusher);
        let written = String::from_utf8(written.lock().unwrap().clone()).unwrap();
        assert!(written.starts_with("first\nxxx"));
        assert!(written.ends_with("x6 log lines were dropped: their reader is too slow\n"));
    }
}
