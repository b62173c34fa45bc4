use std::fmt;
use std::fmt::Write as _;

/// What happened, step by step: as a fingerprint, and as lines to read where they are wanted.
#[derive(Debug)]
pub(super) struct Trace {
    fingerprint: u64,
    line: String,
    lines: Option<Vec<String>>,
}

impl Trace {
    pub(super) fn new(keeps_lines: bool) -> Self {
        // FNV-1a, with its published constants.
        Self { fingerprint: 0xcbf2_9ce4_8422_2325, line: String::new(), lines: keeps_lines.then(Vec::new) }
    }

    pub(super) fn note(&mut self, what: fmt::Arguments<'_>) {
        self.line.clear();
        // Writing to a string cannot fail.
        let _ = self.line.write_fmt(what);
        for byte in self.line.bytes() {
            self.fingerprint = (self.fingerprint ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        if let Some(lines) = &mut self.lines {
            lines.push(self.line.clone());
        }
    }

    /// The fingerprint and the lines.
    pub(super) fn end(self) -> (u64, Vec<String>) {
        (self.fingerprint, self.lines.unwrap_or_default())
    }
}
