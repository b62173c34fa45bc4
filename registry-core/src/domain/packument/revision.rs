use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A `_rev`: the number of changes of a packument, and an id unique to the last one. `7-9f86d081884c7d65…`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Revision {
    number: u64,
    id: [u8; 16],
}

/// The text is not a `_rev`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is not a revision (`_rev`) that this registry issued")]
pub struct RevisionError;

impl Revision {
    /// Returns the revision after this one. `id` is random.
    #[must_use]
    pub fn next(&self, id: [u8; 16]) -> Self {
        Self { number: self.number + 1, id }
    }

    /// Returns the revision of a document that was stored without one: number 0, with an id derived from the content.
    pub fn of_content(json: &[u8]) -> Self {
        let digest = Sha256::digest(json);
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        Self { number: 0, id }
    }

    /// Returns the revision that readers see of whom these versions are hidden. It has the same number.
    pub(super) fn without<'a>(&self, hidden: impl Iterator<Item = &'a str>) -> Self {
        let mut hidden: Vec<_> = hidden.collect();
        hidden.sort_unstable();
        let hash = Sha256::new().chain_update(self.id).chain_update(hidden.join(" "));
        let mut id = [0; 16];
        id.copy_from_slice(&hash.finalize()[..16]);
        Self { number: self.number, id }
    }

    /// Returns the number of changes.
    pub fn number(&self) -> u64 {
        self.number
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.number, const_hex::encode(self.id))
    }
}

impl FromStr for Revision {
    type Err = RevisionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, id) = text.split_once('-').ok_or(RevisionError)?;
        let id = const_hex::decode_to_array(id).map_err(|_| RevisionError)?;
        Ok(Self { number: number.parse().map_err(|_| RevisionError)?, id })
    }
}

impl TryFrom<String> for Revision {
    type Error = RevisionError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        // CouchDB's own revisions have ids of other lengths; hashing keeps them distinct.
        text.parse().or_else(|_| {
            let number =
                text.split('-').next().and_then(|number| number.parse().ok()).ok_or(RevisionError)?;
            Ok(Self { number, ..Self::of_content(text.as_bytes()) })
        })
    }
}

impl From<Revision> for String {
    fn from(revision: Revision) -> Self {
        revision.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_and_counts_on() {
        let first = Revision::default().next([7; 16]);
        assert_eq!(first.to_string(), "1-07070707070707070707070707070707");
        assert_eq!(first.to_string().parse(), Ok(first.clone()));
        assert_eq!(first.next([8; 16]).number(), 2);
    }

    #[test]
    fn refuses_what_clients_send_in_place_of_one() {
        for text in ["undefined", "", "1", "1-", "-1", "1-zz", "1-0707"] {
            assert_eq!(text.parse::<Revision>(), Err(RevisionError), "{text}");
        }
    }
}
