use std::fmt;
use std::sync::Arc;

/// The longest segment of a path in bytes: the file name limit of common disks.
const LONGEST_SEGMENT: usize = 255;
/// The longest path in bytes: the key limit of S3, less room for a prefix.
const LONGEST_PATH: usize = 900;

/// The path of a blob: segments joined by `/`, safe on every store and every disk.
///
/// No segment is empty, `.` or `..`, contains a control character or a backslash, or is longer than 255 bytes; the
/// whole is at most 900 bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobPath(Arc<str>);

/// A folder of a store, or its root. Prefixes match whole segments: `a` contains `a/b`, but not `ab`.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct BlobPrefix(Option<BlobPath>);

/// Why a path is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BlobPathError {
    /// A segment is empty, `.` or `..`.
    #[error("a path segment is empty, `.` or `..`")]
    Segment,
    /// A segment contains a control character or a backslash.
    #[error("a path holds a control character or a backslash")]
    Character,
    /// A segment is longer than 255 bytes, or the path longer than 900.
    #[error("a path segment is longer than {LONGEST_SEGMENT} bytes, or the path longer than {LONGEST_PATH}")]
    Length,
}

impl BlobPath {
    /// Validates a path.
    pub fn parse(path: &str) -> Result<Self, BlobPathError> {
        if path.len() > LONGEST_PATH {
            return Err(BlobPathError::Length);
        }
        for segment in path.split('/') {
            if matches!(segment, "" | "." | "..") {
                return Err(BlobPathError::Segment);
            }
            if segment.len() > LONGEST_SEGMENT {
                return Err(BlobPathError::Length);
            }
            if segment.bytes().any(|byte| byte.is_ascii_control() || byte == b'\\') {
                return Err(BlobPathError::Character);
            }
        }
        Ok(Self(path.into()))
    }

    /// Returns the path, segments joined by `/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the segments, in order.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}

impl BlobPrefix {
    /// The root: every path is below it.
    pub const ROOT: Self = Self(None);

    /// Creates the prefix of the folder `path`.
    pub fn folder(path: BlobPath) -> Self {
        Self(Some(path))
    }

    /// Returns the folder, or `None` for the root.
    pub fn path(&self) -> Option<&BlobPath> {
        self.0.as_ref()
    }

    /// Whether `path` is below this folder, at any depth.
    pub fn holds(&self, path: &BlobPath) -> bool {
        self.remainder(path).is_some()
    }

    /// Returns the part of `path` after this folder, or `None` if the path is not below it.
    pub fn remainder<'path>(&self, path: &'path BlobPath) -> Option<&'path str> {
        match &self.0 {
            None => Some(path.as_str()),
            Some(folder) => path.as_str().strip_prefix(folder.as_str())?.strip_prefix('/'),
        }
    }
}

impl fmt::Display for BlobPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for BlobPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "BlobPath({})", self.0)
    }
}

impl fmt::Display for BlobPrefix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => formatter.write_str("/"),
            Some(path) => write!(formatter, "{path}/"),
        }
    }
}

impl fmt::Debug for BlobPrefix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "BlobPrefix({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_could_leave_the_folder() {
        for path in ["", "/a", "a/", "a//b", ".", "..", "a/../b", "a/./b"] {
            assert_eq!(BlobPath::parse(path), Err(BlobPathError::Segment), "{path:?}");
        }
        for path in ["a\0b", "a\\b", "a\n", "\u{7f}"] {
            assert_eq!(BlobPath::parse(path), Err(BlobPathError::Character), "{path:?}");
        }
        for path in ["a".repeat(256), "a/".repeat(500) + "a"] {
            assert_eq!(BlobPath::parse(&path), Err(BlobPathError::Length));
        }
        assert!(BlobPath::parse("@scope/name/-/0a/n-1.0.0+b.tgz").is_ok());
    }

    #[test]
    fn a_prefix_matches_whole_segments() {
        let folder = BlobPrefix::folder(BlobPath::parse("a/b").unwrap());
        assert!(folder.holds(&BlobPath::parse("a/b/c/d").unwrap()));
        for outside in ["a/b", "a/bc", "a/bc/d", "b"] {
            assert!(!folder.holds(&BlobPath::parse(outside).unwrap()), "{outside}");
        }
        assert!(BlobPrefix::ROOT.holds(&BlobPath::parse("a").unwrap()));
    }
}
