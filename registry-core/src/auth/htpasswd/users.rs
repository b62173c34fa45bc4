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
            let bad = |problem: String| BadLine { line, problem };
            let text = std::str::from_utf8(bytes).map_err(|_| bad("it is not UTF-8".into()))?.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            // A line without a colon may be a pasted password.
            let (name, rest) = text.split_once(':').ok_or_else(|| bad("it is not `name:hash`".into()))?;
            check_name(name).map_err(bad)?;
            let hash = rest.split(':').next().unwrap_or_default();
            let hash = Hash::parse(hash).map_err(|problem| {
                bad(format!("the password of {name} {problem}; set it again with `htpasswd -B FILE {name}`"))
            })?;
            match users.by_name.entry(name.to_owned()) {
                Entry::Vacant(place) => place.insert(hash),
                Entry::Occupied(_) => {
                    return Err(bad(format!("{name} is in an earlier line too; remove one")));
                }
            };
        }
        Ok(users)
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
