use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use crate::domain::Version;
use crate::domain::shorten::shorten;
use crate::file_stamp::{FileStamp, read_stamped};
use crate::vocabulary::VersionSelector;

/// The most entries of a file. They are compared one by one.
const MOST: usize = 20_000;

/// A line of a file: versions, and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FileEntry {
    pub(super) selector: VersionSelector,
    pub(super) reason: Option<Box<str>>,
}

/// A list of versions in a file, which is read again when it changes.
#[derive(Debug)]
pub(super) struct SelectorFile {
    path: PathBuf,
    known: RwLock<Known>,
    /// How often what is known changed.
    generation: AtomicU64,
    is_unreadable: AtomicBool,
}

#[derive(Debug)]
struct Known {
    entries: Arc<[FileEntry]>,
    /// The file when it was read last, usable or not; `None` if there was none.
    seen: Option<FileStamp>,
    /// Whether a further change would be visible in the stamp.
    is_settled: bool,
}

impl SelectorFile {
    /// Reads the file for the first time. The error says what is wrong with it.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let (entries, stamp) = read(path)?;
        // There is no clock yet to tell whether the file had settled, so the first look reads it again.
        let known = RwLock::new(Known { entries, seen: Some(stamp), is_settled: false });
        let (generation, is_unreadable) = (AtomicU64::new(0), AtomicBool::new(false));
        Ok(Self { path: path.to_owned(), known, generation, is_unreadable })
    }

    /// Reads the file again if it changed. Returns whether that failed.
    pub(super) fn look(&self, now: SystemTime) -> bool {
        let stamp = FileStamp::of_path(&self.path).ok();
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if stamp.is_some() && known.is_settled && known.seen == stamp {
            return false;
        }
        let (seen, entries) = (known.seen, Arc::clone(&known.entries));
        drop(known);
        let was_unreadable = self.is_unreadable();
        let (entries, read_stamp, problem) = match read(&self.path) {
            Ok((entries, stamp)) => (entries, Some(stamp), None),
            Err(problem) => (entries, stamp, Some(problem)),
        };
        let file = self.path.display();
        match &problem {
            Some(problem) if !was_unreadable || seen != stamp => tracing::error!(
                "cannot use the list of versions in {file}: {problem}. Until it is mended, the policy does what unreadable_file says"
            ),
            None if was_unreadable || seen != read_stamp => {
                tracing::info!(%file, entries = entries.len(), "read the list of versions again");
            }
            _ => {}
        }
        let is_settled = read_stamp.is_some_and(|stamp| stamp.is_settled(now));
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.entries != entries || was_unreadable != problem.is_some() {
            self.generation.fetch_add(1, Ordering::Relaxed);
        }
        *known = Known { entries, seen: read_stamp, is_settled };
        self.is_unreadable.store(problem.is_some(), Ordering::Relaxed);
        problem.is_some()
    }

    /// Whether the file could not be used when it was read last.
    pub(super) fn is_unreadable(&self) -> bool {
        self.is_unreadable.load(Ordering::Relaxed)
    }

    /// A number that changes with the entries.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// Returns the entries as they were read last.
    pub(super) fn entries(&self) -> Arc<[FileEntry]> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner).entries)
    }

    /// Whether an entry is for a package of this name.
    pub(super) fn names(&self, package: &str) -> bool {
        self.entries().iter().any(|entry| entry.selector.names(package))
    }

    /// Whether an entry selects a version.
    pub(super) fn selects(&self, package: &str, version: Option<&Version>) -> bool {
        self.entries().iter().any(|entry| entry.selector.selects(package, version))
    }
}

fn read(path: &Path) -> Result<(Arc<[FileEntry]>, FileStamp), String> {
    let (content, stamp) = read_stamped(path).map_err(|error| format!("cannot read it: {error}"))?;
    let text = std::str::from_utf8(&content).map_err(|_| "it is not UTF-8".to_owned())?;
    Ok((parse(text)?.into(), stamp))
}

/// Reads `NAME@RANGE`, and behind two spaces or a tab the reason. A range may contain single spaces.
fn parse(text: &str) -> Result<Vec<FileEntry>, String> {
    let mut entries = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.chars().any(|letter| letter.is_control() && letter != '\t') {
            // A lone carriage return would hide an entry in the reason of another.
            return Err(format!("line {number}: it has a control character: end each line with a line feed"));
        }
        let end = [line.find("  "), line.find('\t')].into_iter().flatten().min().unwrap_or(line.len());
        let (selector, reason) = line.split_at(end);
        let reason = reason.trim();
        let selector = selector
            .trim_end()
            .parse::<VersionSelector>()
            .map_err(|error| format!("line {number}: {error}. A reason stands behind two spaces or a tab"))?;
        let reason = (!reason.is_empty()).then(|| shorten(reason).escape_debug().to_string().into());
        entries.push(FileEntry { selector, reason });
        if entries.len() > MOST {
            return Err(format!("line {number}: it has more than {MOST} entries"));
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_versions_and_a_reason() {
        let text = "# what we refuse\n\npear@1.2.3  a worm\nfig@>=1.0.0 <2.0.0\tsteals # tokens\n@acme/*\n";
        let read = parse(text).unwrap();
        let told = read.iter().map(|entry| (entry.selector.to_string(), entry.reason.as_deref()));
        let expected = [
            ("pear@1.2.3".to_owned(), Some("a worm")),
            ("fig@>=1.0.0 <2.0.0".to_owned(), Some("steals # tokens")),
            ("@acme/*".to_owned(), None),
        ];
        assert_eq!(told.collect::<Vec<_>>(), expected);
        for (text, said) in [
            ("pear@1.2.3 a worm", "line 1: "),
            ("fig\npear@new  x", "line 2: "),
            ("pear@", "line 1: "),
            ("a b", "two spaces or a tab"),
            ("fig\npear@2.0.0  bad\rplum", "line 2: it has a control character"),
        ] {
            assert!(parse(text).unwrap_err().contains(said), "{text}");
        }
    }
}
