use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use crate::domain::tarball::{fits, make_fit};

use super::JsonKey;

/// The result of scanning a manifest once.
pub(super) struct Scan<'json> {
    /// The last `dist`, of any type.
    pub(super) dist: Option<&'json RawValue>,
    /// Whether all fields that an install reads have the types that clients expect.
    pub(super) fits: bool,
}

impl<'json> Scan<'json> {
    /// Returns `None` if the manifest is not an object.
    pub(super) fn of(manifest: &'json RawValue) -> Option<Self> {
        serde_json::Deserializer::from_str(manifest.get()).deserialize_map(Fields).ok()
    }
}

/// Returns a manifest with the types that clients expect, by npm's own rules; unchanged if it has them, or cannot be
/// parsed as a whole.
pub(super) fn fitting(manifest: &RawValue) -> Cow<'_, RawValue> {
    let made = || {
        let mut fields: Map<String, Value> = serde_json::from_str(manifest.get()).ok()?;
        make_fit(&mut fields);
        to_raw_value(&fields).ok()
    };
    match Scan::of(manifest) {
        Some(Scan { fits: false, .. }) => made().map_or(Cow::Borrowed(manifest), Cow::Owned),
        _ => Cow::Borrowed(manifest),
    }
}

struct Fields;

impl<'json> Visitor<'json> for Fields {
    type Value = Scan<'json>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a manifest")
    }

    fn visit_map<Source: MapAccess<'json>>(self, mut map: Source) -> Result<Self::Value, Source::Error> {
        let mut scan = Scan { dist: None, fits: true };
        while let Some(field) = map.next_key::<JsonKey<'json>>()? {
            let value: &'json RawValue = map.next_value()?;
            match field.as_str() {
                "dist" => scan.dist = Some(value),
                field => scan.fits &= fits(field, value),
            }
        }
        Ok(scan)
    }
}
