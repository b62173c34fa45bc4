use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};

/// The id of a staged version: a random UUID, in lowercase and with hyphens.
///
/// ```
/// use registry_core::domain::StageId;
/// let id = StageId::from_random([7; 16]);
/// assert_eq!(id.to_string(), "07070707-0707-4707-8707-070707070707");
/// assert_eq!("07070707-0707-4707-8707-070707070707".parse(), Ok(id));
/// assert!("07070707070747078707070707070707".parse::<StageId>().is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StageId(Uuid);

/// The text is not the id of a staged version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is not the id of a staged version, which is a UUID: `npm stage list` shows the ids")]
pub struct StageIdError;

impl StageId {
    /// Creates an id from these bytes, which must be random: an id discloses nothing, but must not be guessable.
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(Builder::from_random_bytes(bytes).into_uuid())
    }
}

impl fmt::Display for StageId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(formatter)
    }
}

impl fmt::Debug for StageId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "StageId({self})")
    }
}

impl FromStr for StageId {
    type Err = StageIdError;

    /// Accepts capitals, but none of the other forms of UUIDs.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const HYPHENATED: usize = 36;
        if text.len() != HYPHENATED {
            return Err(StageIdError);
        }
        Uuid::try_parse(text).map(Self).map_err(|_| StageIdError)
    }
}

impl TryFrom<String> for StageId {
    type Error = StageIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<StageId> for String {
    fn from(id: StageId) -> Self {
        id.to_string()
    }
}
