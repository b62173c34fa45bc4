//! The short names that Windows derives from long ones, such as `LONGNA~1.JS` for `long-name.js`.
//!
//! A disk with short names opens `long-name.js` by both. So a package with both files would lose one of them there.

use std::collections::HashSet;
use std::hash::Hash;

/// The long and the short names of a package.
///
/// Rejects a few more names than Windows would confuse, since the number in a short name depends on the disk.
#[derive(Default)]
pub(super) struct ShortNames<Digest> {
    of_long: HashSet<Digest>,
    short: HashSet<Digest>,
}

impl<Digest: Hash + Eq> ShortNames<Digest> {
    /// Adds a folded name, and returns whether Windows might confuse it with an earlier one in the same folder.
    ///
    /// `digest` combines the folder and the parts of the short name into one value.
    pub(super) fn add(&mut self, name: &str, digest: impl Fn(&Parts<'_>) -> Digest) -> bool {
        if let Some((start, extension)) = short_name(name) {
            let mut clashes = false;
            for start in possible_starts(start) {
                for extension in [extension, ANY] {
                    let digest = digest(&Parts { start, extension });
                    clashes |= self.of_long.contains(&digest);
                    self.short.insert(digest);
                }
            }
            return clashes;
        }
        if has_short_form(name) {
            return false;
        }
        let (start, extension) = shortened(name);
        let digest = digest(&Parts { start: &start, extension: &extension });
        let clashes = self.short.contains(&digest);
        self.of_long.insert(digest);
        clashes
    }
}

/// The parts of a long name that its short name contains.
#[derive(Debug, Hash, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    start: &'a str,
    extension: &'a str,
}

/// Stands for a part that depends on the code page of the system.
const ANY: &str = "*";

/// How many characters of a long name are certainly in its short one; a checksum may replace the rest.
const CERTAIN: usize = 2;

/// Returns the part before the `~` and the extension of a possible short name.
fn short_name(name: &str) -> Option<(&str, &str)> {
    if !has_short_form(name) {
        return None;
    }
    let (base, extension) = name.split_once('.').unwrap_or((name, ""));
    let (start, number) = base.rsplit_once('~')?;
    let is_number = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
    is_number.then_some((start, extension))
}

/// Whether a name is short enough to need no short name.
fn has_short_form(name: &str) -> bool {
    let (base, extension) = name.split_once('.').unwrap_or((name, ""));
    let is_plain = |sign: u8| sign.is_ascii() && !b" .+,;=[]".contains(&sign);
    (1..=8).contains(&base.len())
        && extension.len() <= 3
        && base.bytes().chain(extension.bytes()).all(is_plain)
}

/// Returns the beginnings of long names that may have a short name with this `start`.
fn possible_starts(start: &str) -> impl Iterator<Item = &str> {
    let certain = &start[..start.len().min(CERTAIN)];
    let before_checksum = start
        .split_at_checked(start.len().saturating_sub(4))
        .filter(|(_, checksum)| {
            checksum.len() == 4 && checksum.bytes().all(|digit| digit.is_ascii_hexdigit())
        })
        .map(|(before, _)| before)
        .filter(|before| before.len() < CERTAIN);
    [certain, ANY].into_iter().chain(before_checksum)
}

/// Returns the beginning and the extension of the short name of a long one.
fn shortened(name: &str) -> (String, String) {
    let name = name.trim_start_matches('.');
    let (base, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    (beginning(base, CERTAIN), beginning(extension, 3))
}

fn beginning(text: &str, length: usize) -> String {
    let signs = text.chars().filter(|sign| ![' ', '.'].contains(sign));
    let signs = signs.map(|sign| if "+,;=[]".contains(sign) { '_' } else { sign });
    let beginning: String = signs.take(length).collect();
    if beginning.is_ascii() { beginning } else { ANY.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clash(one: &str, other: &str) -> bool {
        let digest = |parts: &Parts<'_>| format!("{parts:?}");
        let mut names = ShortNames::default();
        assert!(!names.add(one, digest), "{one:?} alone");
        names.add(other, digest)
    }

    #[test]
    fn a_short_name_clashes_with_the_long_one_it_may_come_from() {
        for (short, long) in [
            ("longna~1.js", "long-name.js"),
            ("long-n~1.js", "long-name.js"),
            ("long-n~2.jso", "long-name-2.json"),
            ("lo3f9a~1.js", "long-name.js"),
            ("npmign~1", ".npmignore"),
            ("a3f9a~1.lon", "a.longer"),
            ("a~1.lon", "a.longer"),
            ("ab~1.js", "a.b.js"),
            ("a_b~1.js", "a+b.js"),
            ("12~1.js", "ßß-long-name.js"),
            ("long-f~1", "long-folder"),
            ("longf~10.js", "longfilename.js"),
        ] {
            assert!(clash(short, long), "{short} and {long}");
            assert!(clash(long, short), "{long} and {short}");
        }
    }

    #[test]
    fn other_names_do_not() {
        for (one, other) in [
            ("long-name.js", "long-name.ts"),
            ("longna~1.js", "other-name.js"),
            ("longna~1.js", "long-name.ts"),
            ("longna~1.js", "long.js"),
            ("longna~1.js", "longna~2.js"),
            ("index.js~", "index.js"),
            ("index.js.~1~", "index.js"),
            ("a~b.js", "a-long-name.js"),
        ] {
            assert!(!clash(one, other), "{one} and {other}");
            assert!(!clash(other, one), "{other} and {one}");
        }
    }
}
