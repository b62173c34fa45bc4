use std::time::Duration;

use similar::{ChangeTag, TextDiff};

/// The largest file that is compared, in bytes.
const LARGEST: usize = 512 << 10;
/// The longest line of a file that people wrote.
const LONGEST_LINE: usize = 2_000;
/// The most lines of a file that are shown.
const MOST_LINES: usize = 600;
/// How long the smallest difference is looked for; after that, a larger one is shown.
const TIMEOUT: Duration = Duration::from_millis(200);
/// The unchanged lines around each change.
const CONTEXT: usize = 3;

/// The difference of two texts.
#[derive(Debug)]
pub(crate) struct FileDiff {
    pub(crate) added: usize,
    pub(crate) removed: usize,
    pub(crate) lines: Vec<DiffLine>,
    /// Whether there are more lines than these.
    pub(crate) is_cut: bool,
}

/// A line of a difference.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum DiffLine {
    /// Lines are left out here, up to these numbers.
    Gap {
        old: usize,
        new: usize,
    },
    Same {
        old: usize,
        new: usize,
        text: String,
    },
    Removed {
        old: usize,
        text: String,
    },
    Added {
        new: usize,
        text: String,
    },
}

/// Why a file is named and not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotShown {
    Binary,
    TooLarge,
    Minified,
}

impl NotShown {
    /// Says why a file is not worth reading.
    pub(crate) fn of(content: &[u8]) -> Option<Self> {
        if content.iter().take(8 << 10).any(|byte| *byte == 0) {
            return Some(Self::Binary);
        }
        if content.len() > LARGEST {
            return Some(Self::TooLarge);
        }
        if std::str::from_utf8(content).is_err() {
            return Some(Self::Binary);
        }
        content.split(|byte| *byte == b'\n').any(|line| line.len() > LONGEST_LINE).then_some(Self::Minified)
    }

    /// The reason in words.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Binary => "Binary, so it is not shown",
            Self::TooLarge => "Larger than 512 KiB, so it is not shown",
            Self::Minified => {
                "Its lines are longer than 2,000 bytes, as those of minified code, so they are not shown"
            }
        }
    }
}

/// Compares two texts line by line, in bounded time.
pub(crate) fn diff_texts(old: &[u8], new: &[u8]) -> Result<FileDiff, NotShown> {
    if let Some(reason) = NotShown::of(old).or_else(|| NotShown::of(new)) {
        return Err(reason);
    }
    let (old, new) = (String::from_utf8_lossy(old), String::from_utf8_lossy(new));
    let diff = TextDiff::configure().timeout(TIMEOUT).diff_lines(&*old, &*new);
    let (mut added, mut removed, mut lines, mut is_cut) = (0, 0, Vec::new(), false);
    for group in diff.grouped_ops(CONTEXT) {
        for (place, operation) in group.iter().enumerate() {
            if place == 0 {
                let gap =
                    DiffLine::Gap { old: operation.old_range().start, new: operation.new_range().start };
                push(&mut lines, gap, &mut is_cut);
            }
            for change in diff.iter_changes(operation) {
                let text = change.value().trim_end_matches(['\n', '\r']).to_owned();
                let (old, new) =
                    (change.old_index().map_or(0, |at| at + 1), change.new_index().map_or(0, |at| at + 1));
                let line = match change.tag() {
                    ChangeTag::Equal => DiffLine::Same { old, new, text },
                    ChangeTag::Delete => {
                        removed += 1;
                        DiffLine::Removed { old, text }
                    }
                    ChangeTag::Insert => {
                        added += 1;
                        DiffLine::Added { new, text }
                    }
                };
                push(&mut lines, line, &mut is_cut);
            }
        }
    }
    Ok(FileDiff { added, removed, lines, is_cut })
}

fn push(lines: &mut Vec<DiffLine>, line: DiffLine, is_cut: &mut bool) {
    if lines.len() < MOST_LINES {
        lines.push(line);
    } else {
        *is_cut = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_lines_have_their_numbers() {
        let diff = diff_texts(b"a\nb\nc\n", b"a\nx\nc\ny\n").unwrap();
        assert_eq!((diff.added, diff.removed, diff.is_cut), (2, 1, false));
        let expected = [
            DiffLine::Gap { old: 0, new: 0 },
            DiffLine::Same { old: 1, new: 1, text: "a".into() },
            DiffLine::Removed { old: 2, text: "b".into() },
            DiffLine::Added { new: 2, text: "x".into() },
            DiffLine::Same { old: 3, new: 3, text: "c".into() },
            DiffLine::Added { new: 4, text: "y".into() },
        ];
        assert_eq!(diff.lines, expected);
    }

    #[test]
    fn what_is_not_worth_reading_is_not_shown() {
        assert_eq!(diff_texts(b"a\0b", b"a").unwrap_err(), NotShown::Binary);
        assert_eq!(diff_texts(b"a", b"\xff\xfe").unwrap_err(), NotShown::Binary);
        assert_eq!(diff_texts(b"a", &b"a\n".repeat(300_000)).unwrap_err(), NotShown::TooLarge);
        assert_eq!(diff_texts(b"a", &b"a".repeat(3000)).unwrap_err(), NotShown::Minified);
    }

    #[test]
    fn texts_without_a_common_line_are_compared_in_bounded_time_and_space() {
        let lines = |name: &str| {
            (0..40_000).fold(String::new(), |all, number: u32| all + name + &number.to_string() + "\n")
        };
        let diff = diff_texts(lines("a").as_bytes(), lines("b").as_bytes()).unwrap();
        assert!(diff.is_cut && diff.lines.len() == MOST_LINES);
        assert_eq!((diff.added, diff.removed), (40_000, 40_000));
    }
}
