use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// Bytes that JSON has as base64.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Base64(pub(super) Vec<u8>);

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<Source: Deserializer<'de>>(source: Source) -> Result<Self, Source::Error> {
        let text = Cow::<'de, str>::deserialize(source)?;
        STANDARD.decode(text.as_bytes()).map(Self).map_err(|_| Source::Error::custom("a field is not base64"))
    }
}

/// A number that JSON has as a text, as protocol buffers write it, or as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Int64(pub(super) i64);

impl<'de> Deserialize<'de> for Int64 {
    fn deserialize<Source: Deserializer<'de>>(source: Source) -> Result<Self, Source::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Number(i64),
            Text(String),
        }

        match Either::deserialize(source)? {
            Either::Number(number) => Ok(Self(number)),
            Either::Text(text) => {
                text.parse().map(Self).map_err(|_| Source::Error::custom("a field is not a number"))
            }
        }
    }
}
