use std::borrow::{Borrow, Cow};
use std::fmt;

use indexmap::Equivalent;
use serde::de::{Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::Person;

/// A key of a JSON object, borrowed from the document unless it contains an escape.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JsonKey<'json>(Cow<'json, str>);

impl JsonKey<'_> {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for JsonKey<'_> {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

impl<'json> From<&'json str> for JsonKey<'json> {
    fn from(text: &'json str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl Borrow<str> for JsonKey<'_> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Equivalent<JsonKey<'_>> for &str {
    fn equivalent(&self, key: &JsonKey<'_>) -> bool {
        *self == key.as_str()
    }
}

impl Serialize for JsonKey<'_> {
    fn serialize<Target: Serializer>(&self, serializer: Target) -> Result<Target::Ok, Target::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de: 'json, 'json> Deserialize<'de> for JsonKey<'json> {
    fn deserialize<Source: Deserializer<'de>>(deserializer: Source) -> Result<Self, Source::Error> {
        struct Borrowing;

        impl<'json> Visitor<'json> for Borrowing {
            type Value = JsonKey<'json>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a string")
            }

            fn visit_borrowed_str<Failure>(self, text: &'json str) -> Result<Self::Value, Failure> {
                Ok(JsonKey(Cow::Borrowed(text)))
            }

            fn visit_str<Failure>(self, text: &str) -> Result<Self::Value, Failure> {
                Ok(JsonKey(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(Borrowing)
    }
}

/// Parses `maintainers`, omitting entries that are not persons.
pub(super) fn people(value: &RawValue) -> Result<Vec<Person>, serde_json::Error> {
    let values: Vec<serde_json::Value> = serde_json::from_str(value.get())?;
    Ok(values.into_iter().filter_map(|value| serde_json::from_value(value).ok()).collect())
}

/// Returns the range of `part` within `whole`, from which it was borrowed.
pub(super) fn position(whole: &str, part: &str) -> Option<std::ops::Range<usize>> {
    let start = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    let end = start.checked_add(part.len())?;
    (end <= whole.len()).then_some(start..end)
}
