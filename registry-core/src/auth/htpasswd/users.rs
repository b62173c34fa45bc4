use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::hash::Hash;

/// The users in the file.
#[derive(Default)]
pub(super) struct Users {
    by_name: HashMap<String, Hash>,
}

/// What is wrong with a line. Contains nothing of the password in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub(super) struct BadLine {
    line: usize,
    problem: String,
}

impl Users {
    /// Parses a file: `name:hash` per line, optionally with a comment after another colon. Empty lines and lines that
    /// begin with `#` are skipped.
    pub(super) fn parse(text: &[u8]) -> Result<Self, BadLine> {
        let mut users = Self::default();
        for (bytes, line) in text.split(|byte| *byte == b'\n').zip(1..) {
            let added = users.add(bytes);
            added.map_err(|BadEntry { problem, .. }| BadLine { line, problem })?;
        }
        Ok(users)
    }

    /// Adds the user of a line.
    fn add(&mut self, line: &[u8]) -> Result<(), BadEntry> {
        let bad = |user: Option<&str>, problem: String| BadEntry { user: user.map(str::to_owned), problem };
        let text = std::str::from_utf8(line).map_err(|_| bad(None, "it is not UTF-8".into()))?.trim();
        if text.is_empty() || text.starts_with('#') {
            return Ok(());
        }
        // A line without a colon may be a pasted password.
        let (name, rest) = text.split_once(':').ok_or_else(|| bad(None, "it is not `name:hash`".into()))?;
        check_name(name).map_err(|problem| bad(None, problem))?;
        let hash = rest.split(':').next().unwrap_or_default();
        let hash = Hash::parse(hash).map_err(|problem| {
            let problem =
                format!("the password of {name} {problem}; set it again with `htpasswd -B FILE {name}`");
            bad(Some(name), problem)
        })?;
        match self.by_name.entry(name.to_owned()) {
            Entry::Vacant(place) => place.insert(hash),
            Entry::Occupied(_) => {
                return Err(bad(Some(name), format!("{name} is in an earlier line too; remove one")));
            }
        };
        Ok(())
    }

    pub(super) fn get(&self, name: &str) -> Option<&Hash> {
        self.by_name.get(name)
    }

    /// Returns whether the file has this name, ignoring case.
    pub(super) fn has_name(&self, name: &str) -> bool {
        let small = name.to_lowercase();
        self.by_name.contains_key(name) || self.by_name.keys().any(|known| known.to_lowercase() == small)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Returns the hash that takes longest to check.
    pub(super) fn costliest(&self) -> Option<&Hash> {
        self.by_name.values().max_by_key(|hash| hash.cost())
    }
}

/// A line that is rejected, and the user, if its name can be told.
struct BadEntry {
    user: Option<String>,
    problem: String,
}

/// An htpasswd file of another registry, without the lines that [`Htpasswd`](super::Htpasswd) rejects.
///
/// ```
/// use registry_core::auth::SiftedHtpasswd;
/// let sifted = SiftedHtpasswd::of(b"ana:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\nben:rl0uE0Pv.2bIs\n");
/// assert_eq!(sifted.text, b"ana:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n");
/// assert_eq!(sifted.users, ["ana"]);
/// assert_eq!(sifted.rejected[0].user.as_deref(), Some("ben"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SiftedHtpasswd {
    /// The lines that are left.
    pub text: Vec<u8>,
    /// The users in them.
    pub users: Vec<String>,
    /// The other lines.
    pub rejected: Vec<RejectedLine>,
}

/// A line of an htpasswd file that [`Htpasswd`](super::Htpasswd) rejects.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RejectedLine {
    /// Its number, counted from 1.
    pub line: usize,
    /// The user, if the name can be told.
    pub user: Option<String>,
    /// What is wrong, and what to do. Contains nothing of the password.
    pub problem: String,
}

impl SiftedHtpasswd {
    /// Reads a file.
    pub fn of(text: &[u8]) -> Self {
        let (mut sifted, mut users) = (Self::default(), Users::default());
        for (bytes, line) in text.split_inclusive(|byte| *byte == b'\n').zip(1..) {
            match users.add(bytes) {
                Ok(()) => sifted.text.extend_from_slice(bytes),
                Err(BadEntry { user, problem }) => sifted.rejected.push(RejectedLine { line, user, problem }),
            }
        }
        sifted.users = users.by_name.into_keys().collect();
        sifted.users.sort_unstable();
        sifted
    }
}

/// Names occur in access rules and in URLs.
fn check_name(name: &str) -> Result<(), String> {
    let fits = |character: char| !character.is_whitespace() && !character.is_control() && character != '/';
    if (1..=255).contains(&name.len()) && name.chars().all(fits) {
        return Ok(());
    }
    Err("the name has 1 to 255 bytes and no white space, no control characters and no slash; choose another"
        .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_lines_of_apache_and_verdaccio() {
        let text = "# people\r\n\r\nana:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\r\n\
                    ben:$apr1$8sFt66rZ$eup.HOtZcQ/VrnApBM3rR/:autocreated 2020-01-01T00:00:00.000Z\n";
        let users = Users::parse(text.as_bytes()).unwrap();
        assert_eq!(users.len(), 2);
        assert!(users.get("ana").unwrap().is_of(b"secret") && users.get("ben").unwrap().is_of(b"secret"));
        assert!(users.get("Ana").is_none() && users.get("").is_none());
        assert!(users.costliest() == users.get("ben"));
        assert_eq!(Users::parse(b"").unwrap().len(), 0);
    }

    #[test]
    fn a_bad_line_is_reported_without_its_text() {
        let good = "ana:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=";
        for (line, said) in [
            (
                "ben:hunter2",
                "line 3: the password of ben is plain text, which is not supported; set it again with \
                 `htpasswd -B FILE ben`",
            ),
            ("hunter2", "line 3: it is not `name:hash`"),
            (good, "line 3: ana is in an earlier line too; remove one"),
            (
                "a b:x",
                "line 3: the name has 1 to 255 bytes and no white space, no control characters and no slash; choose another",
            ),
        ] {
            let refused = Users::parse(format!("{good}\n\n{line}\n").as_bytes()).err().unwrap();
            assert_eq!(refused.to_string(), said);
        }
        let refused = Users::parse(b"ana:\xff").err().unwrap();
        assert_eq!(refused.to_string(), "line 1: it is not UTF-8");
    }
}
