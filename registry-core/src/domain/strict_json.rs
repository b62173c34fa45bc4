//! JSON that every parser reads alike: no duplicate keys in an object, limited nesting.
//!
//! Parsers disagree about duplicate keys (the first wins, or the last), so a document with one can mean different
//! things to the registry and to a client.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::shorten::shorten;

/// Why bytes are not strict JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StrictJsonError(String);

/// Parses a document.
pub(crate) fn parse_strict_json(bytes: &[u8]) -> Result<Value, StrictJsonError> {
    read(bytes, Strict { keep: true })
}

/// Validates a document without building a value: memory is used only for the keys of the objects that are open.
pub(crate) fn check_strict_json(bytes: &[u8]) -> Result<(), StrictJsonError> {
    read(bytes, Strict { keep: false }).map(drop)
}

fn read(bytes: &[u8], strict: Strict) -> Result<Value, StrictJsonError> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = strict.deserialize(&mut deserializer).map_err(|error| explain(&error))?;
    deserializer.end().map_err(|error| explain(&error))?;
    Ok(value)
}

fn explain(error: &serde_json::Error) -> StrictJsonError {
    let message = error.to_string();
    StrictJsonError(if message.starts_with("recursion limit exceeded") {
        "arrays and objects are nested deeper than 127 levels".to_owned()
    } else {
        message
    })
}

/// Builds the value, or `null` for everything if `keep` is false.
#[derive(Clone, Copy)]
struct Strict {
    keep: bool,
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<Source: Deserializer<'de>>(self, source: Source) -> Result<Value, Source::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<Failure: Error>(self) -> Result<Value, Failure> {
        Ok(Value::Null)
    }

    fn visit_bool<Failure: Error>(self, value: bool) -> Result<Value, Failure> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<Failure: Error>(self, value: u64) -> Result<Value, Failure> {
        Ok(value.into())
    }

    fn visit_i64<Failure: Error>(self, value: i64) -> Result<Value, Failure> {
        Ok(value.into())
    }

    fn visit_f64<Failure: Error>(self, value: f64) -> Result<Value, Failure> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<Failure: Error>(self, value: &str) -> Result<Value, Failure> {
        Ok(if self.keep { Value::String(value.to_owned()) } else { Value::Null })
    }

    fn visit_seq<Items: SeqAccess<'de>>(self, mut items: Items) -> Result<Value, Items::Error> {
        let mut kept = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            if self.keep {
                kept.push(item);
            }
        }
        Ok(Value::Array(kept))
    }

    fn visit_map<Entries: MapAccess<'de>>(self, mut entries: Entries) -> Result<Value, Entries::Error> {
        let mut kept = Map::new();
        let mut seen = HashSet::new();
        while let Some(key) = entries.next_key_seed(Key)? {
            if seen.contains(&key) {
                return Err(Error::custom(format_args!("duplicate key {:?}", shorten(&key))));
            }
            let value = entries.next_value_seed(self)?;
            if self.keep {
                kept.insert(key.clone().into_owned(), value);
            }
            seen.insert(key);
        }
        Ok(Value::Object(kept))
    }
}

/// A key, borrowed from the document unless it contains escapes.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<Source: Deserializer<'de>>(self, source: Source) -> Result<Self::Value, Source::Error> {
        source.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_borrowed_str<Failure: Error>(self, key: &'de str) -> Result<Self::Value, Failure> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<Failure: Error>(self, key: &str) -> Result<Self::Value, Failure> {
        Ok(Cow::Owned(key.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal(document: &str) -> String {
        let refusal = parse_strict_json(document.as_bytes()).unwrap_err();
        assert_eq!(check_strict_json(document.as_bytes()), Err(refusal.clone()), "both say the same");
        refusal.to_string()
    }

    #[test]
    fn reads_what_serde_json_reads() {
        let document = r#" {"a": [1, -2, 2.5, true, null, "x\n", {"b": {}, "a": []}], "é": "\u00e9"} "#;
        assert_eq!(
            parse_strict_json(document.as_bytes()),
            Ok(serde_json::from_str::<Value>(document).unwrap())
        );
        assert_eq!(check_strict_json(document.as_bytes()), Ok(()));
    }

    #[test]
    fn a_key_twice_is_refused_at_any_depth_and_however_it_is_written() {
        assert_eq!(refusal(r#"{"name":1,"name":1}"#), r#"duplicate key "name" at line 1 column 16"#);
        for document in [r#"[{"a":{"b":1,"b":2}}]"#, r#"{"b":1,"\u0062":2}"#, r#"{"b":{"b":1},"c":2,"b":3}"#]
        {
            assert!(refusal(document).starts_with(r#"duplicate key "b""#), "{document}");
        }
        assert_eq!(check_strict_json(br#"{"a":{"a":1},"b":{"a":1}}"#), Ok(()));
    }

    #[test]
    fn nesting_has_an_end() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(check_strict_json(nested(127).as_bytes()), Ok(()));
        assert_eq!(refusal(&nested(128)), "arrays and objects are nested deeper than 127 levels");
        assert_eq!(
            refusal(&"{\"a\":".repeat(100_000)),
            "arrays and objects are nested deeper than 127 levels"
        );
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for document in ["", "{", "{}{}", "{'a':1}", "[1,]", "nul", "\u{feff}{}", "1e999", r#"{"\ud800":1}"#]
        {
            refusal(document);
        }
        assert!(check_strict_json(b"\"\xff\"").is_err());
    }

    #[test]
    fn a_long_key_does_not_make_a_long_message() {
        let key = "é".repeat(100_000);
        assert!(refusal(&format!(r#"{{"{key}":1,"{key}":2}}"#)).len() < 200);
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json_where_no_key_is_repeated(document in "[\\[\\]{}\",:ab01e.\\- ]{0,24}") {
            let plain = serde_json::from_str::<Value>(&document);
            match parse_strict_json(document.as_bytes()) {
                Ok(value) => prop_assert_eq!(value, plain.unwrap()),
                Err(error) => prop_assert!(plain.is_err() || error.to_string().starts_with("duplicate key")),
            }
        }
    }
}
