use std::borrow::Cow;

use crate::domain::PackageName;

use super::RouteError;

/// The longest path in bytes.
pub(super) const LONGEST: usize = 8 << 10;
/// The most segments any route has: `/-/npm/v1/oidc/token/exchange/package/@scope/name`.
const MOST: usize = 9;

/// A path, split at its slashes and then decoded once.
///
/// The decoded text stays contiguous, so that adjacent segments can be read together: `@scope` and `name` are the same
/// text whether the slash between them was encoded or plain. A path without escapes is not copied.
#[derive(Debug)]
pub(super) struct Segments<'path> {
    text: Cow<'path, str>,
    /// The start and end of each segment in the text.
    bounds: [(usize, usize); MOST],
    count: usize,
}

impl<'path> Segments<'path> {
    /// Splits a raw path. One trailing slash is accepted; other empty segments are rejected.
    pub(super) fn split(raw_path: &'path str) -> Result<Self, RouteError> {
        if raw_path.len() > LONGEST {
            return Err(RouteError::TooLong);
        }
        let path = raw_path.strip_prefix('/').ok_or(RouteError::NotFound)?;
        let path = path.strip_suffix('/').unwrap_or(path);
        let text = decode(path)?;
        if text.chars().any(|character| character == '\\' || character.is_control()) {
            return Err(RouteError::Character);
        }
        if text.split('/').any(|part| matches!(part, "." | "..")) {
            return Err(RouteError::Traversal);
        }
        let mut bounds = [(0, 0); MOST];
        let mut count = 0;
        let mut start = 0;
        for segment in path.split('/') {
            // Each escape takes three bytes in the path and one in the text.
            let length = segment.len() - 2 * segment.bytes().filter(|byte| *byte == b'%').count();
            let bound = bounds.get_mut(count).ok_or(RouteError::NotFound)?;
            if length == 0 {
                return Err(RouteError::NotFound);
            }
            *bound = (start, start + length);
            count += 1;
            start += length + 1;
        }
        Ok(Self { text, bounds, count })
    }

    /// Returns the decoded path, without the slashes around it.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns one segment.
    pub(super) fn get(&self, index: usize) -> Option<&str> {
        let (start, end) = self.bounds[..self.count].get(index)?;
        Some(&self.text[*start..*end])
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Returns all segments, to be sliced to their count and matched.
    pub(super) fn list(&self) -> [&str; MOST] {
        self.bounds.map(|(start, end)| &self.text[start..end])
    }

    /// Returns adjacent segments as one text, with plain slashes between them.
    pub(super) fn joined(&self, first: usize, last: usize) -> &str {
        &self.text[self.bounds[first].0..self.bounds[last].1]
    }

    /// Returns the package name that begins at a segment, and the index of the next segment. A scoped name takes two
    /// segments if its slash is plain.
    pub(super) fn name_at(&self, first: usize) -> Result<(PackageName, usize), RouteError> {
        let segment = self.get(first).ok_or(RouteError::NotFound)?;
        let only_the_scope = segment.starts_with('@') && !segment.contains('/') && first + 1 < self.count;
        let last = if only_the_scope { first + 1 } else { first };
        Ok((PackageName::parse(self.joined(first, last))?, last + 1))
    }
}

pub(super) fn decode(path: &str) -> Result<Cow<'_, str>, RouteError> {
    if !path.contains('%') {
        return Ok(path.into());
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    loop {
        rest = match rest {
            [] => break,
            [b'%', high, low, after @ ..] => {
                bytes.push((hex_digit(*high)? << 4) | hex_digit(*low)?);
                after
            }
            [b'%', ..] => return Err(RouteError::Encoding),
            [byte, after @ ..] => {
                bytes.push(*byte);
                after
            }
        };
    }
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| RouteError::Encoding)
}

fn hex_digit(digit: u8) -> Result<u8, RouteError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(RouteError::Encoding),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_copied_only_to_decode_it() {
        assert!(matches!(
            Segments::split("/@acme/pear/1.0.0+b/").unwrap().text,
            Cow::Borrowed("@acme/pear/1.0.0+b")
        ));
        let Cow::Owned(text) = Segments::split("/@acme%2fpear/1.0.0%2Bb").unwrap().text else {
            panic!("borrowed")
        };
        assert_eq!(text, "@acme/pear/1.0.0+b");
    }
}
