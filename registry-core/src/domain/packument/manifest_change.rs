use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::Packument;
use super::scan::fitting;

/// The fields that affect an install, and that no client changes on its own in a manifest that it read.
const COMPARED: [&str; 22] = [
    "name",
    "version",
    "dependencies",
    "optionalDependencies",
    "devDependencies",
    "peerDependencies",
    "peerDependenciesMeta",
    "dependenciesMeta",
    "acceptDependencies",
    "bundleDependencies",
    "overrides",
    "scripts",
    "gypfile",
    "bin",
    "directories",
    "main",
    "exports",
    "type",
    "engines",
    "os",
    "cpu",
    "libc",
];

/// The fields of `dist` for which the same holds. The registry decides the others, including `tarball`.
const COMPARED_OF_DIST: [(&str, &str); 2] = [("integrity", "dist.integrity"), ("shasum", "dist.shasum")];

/// The manifest of a published version in a document that a client read, changed and sent back.
///
/// Its deprecation counts. Fields that affect installs must be unchanged; all others are ignored, since clients
/// reformat them, omit them, and send fields that only the registry decides.
///
/// ```
/// use registry_core::domain::packument::ManifestChange;
/// let sent = r#"{"version":"1.0.0","name":"pear","dependencies":{"fig":"2"},"deprecated":"old"}"#;
/// let sent: ManifestChange = serde_json::from_str(sent).unwrap();
/// assert_eq!(sent.deprecated.unwrap(), "old");
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ManifestChange {
    /// The deprecation message.
    pub deprecated: Option<Value>,
    /// The compared fields, without empty ones.
    compared: Map<String, Value>,
    /// Whether the manifest is a complete one, rather than the deprecation alone.
    is_whole: bool,
}

impl ManifestChange {
    /// Returns the first field that affects installs and differs from the stored, and so from the served, value.
    pub(crate) fn changed_field(&self, stored: &RawValue) -> Option<String> {
        let served: Self = serde_json::from_str(fitting(stored).get()).unwrap_or_default();
        let mut said = self.compared.iter();
        let changed = said
            .find(|(field, value)| served.compared.get(*field).is_none_or(|served| !is_same(value, served)));
        let mut served = served.compared.into_iter();
        changed.map(|(field, _)| field.clone()).or_else(|| {
            let left_out = |(field, _): &(String, Value)| !self.compared.contains_key(field);
            served.find(left_out).filter(|_| self.is_whole).map(|(field, _)| field)
        })
    }
}

impl<'de> Deserialize<'de> for ManifestChange {
    fn deserialize<Source: Deserializer<'de>>(source: Source) -> Result<Self, Source::Error> {
        source.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = ManifestChange;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a manifest")
    }

    fn visit_map<Source: MapAccess<'de>>(self, mut map: Source) -> Result<Self::Value, Source::Error> {
        let mut manifest = ManifestChange::default();
        while let Some(field) = map.next_key::<String>()? {
            match field.as_str() {
                "deprecated" => manifest.deprecated = map.next_value()?,
                "bundledDependencies" => manifest.note("bundleDependencies", map.next_value()?),
                "dist" => {
                    let dist: Value = map.next_value()?;
                    for (field, name) in COMPARED_OF_DIST {
                        manifest.note(name, dist.get(field).cloned().unwrap_or_default());
                    }
                }
                field if COMPARED.contains(&field) => manifest.note(field, map.next_value()?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        manifest.is_whole = ["name", "version"].iter().all(|field| manifest.compared.contains_key(*field));
        Ok(manifest)
    }
}

impl ManifestChange {
    /// `null`, an empty list and an empty object count as missing.
    fn note(&mut self, field: &str, value: Value) {
        let says_nothing = match &value {
            Value::Null => true,
            Value::Array(values) => values.is_empty(),
            Value::Object(fields) => fields.is_empty(),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        };
        if says_nothing {
            self.compared.shift_remove(field);
        } else {
            self.compared.insert(field.to_owned(), value);
        }
    }
}

impl Packument<'_> {
    /// Whether a field at the top of a document that a client sends back is another one than it read. `null` and an empty text
    /// say what nothing says.
    pub fn differs_at_top(&self, field: &str, sent: &Value) -> bool {
        let stored = self.other.get(field).and_then(|stored| serde_json::from_str(stored.get()).ok());
        let is_nothing = |value: &Value| value.is_null() || value == "";
        match stored.filter(|stored| !is_nothing(stored)) {
            Some(stored) => !is_same(sent, &stored) && !sent.is_null(),
            None => !is_nothing(sent),
        }
    }

    /// Whether such a document has another publish time. Clients may set `modified` to the time of their change.
    pub fn differs_in_time(&self, of: &str, sent: &Value) -> bool {
        of != "modified" && self.time.get(of).is_none_or(|stored| sent != stored.as_str())
    }
}

/// Whether two values are equal for a client that reads one and writes the other: fields may be reordered, and `1.0` is
/// 1.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let is_in = |(field, value): (&String, &Value)| {
                other.get(field).is_some_and(|other| is_same(value, other))
            };
            one.len() == other.len() && one.iter().all(is_in)
        }
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn changed(stored: &Value, sent: &Value) -> Option<String> {
        let stored = serde_json::value::to_raw_value(stored).unwrap();
        serde_json::from_value::<ManifestChange>(sent.clone()).unwrap().changed_field(&stored)
    }

    #[test]
    fn values_may_be_written_in_another_way() {
        let stored = json!({ "name": "a", "version": "1.0.0", "overrides": { "x": 1.0, "y": { "a": "1", "b": "2" } } });
        let sent =
            json!({ "overrides": { "y": { "b": "2", "a": "1" }, "x": 1 }, "version": "1.0.0", "name": "a" });
        assert_eq!(changed(&stored, &sent), None);
        let sent = json!({ "overrides": { "y": { "b": "2" }, "x": 1 }, "version": "1.0.0", "name": "a" });
        assert_eq!(changed(&stored, &sent), Some("overrides".into()));
    }

    #[test]
    fn bundled_dependencies_have_two_spellings() {
        let stored = json!({ "name": "a", "version": "1.0.0", "bundleDependencies": ["b"] });
        let sent = json!({ "name": "a", "version": "1.0.0", "bundledDependencies": ["b"] });
        assert_eq!(changed(&stored, &sent), None);
        let sent = json!({ "name": "a", "version": "1.0.0", "bundledDependencies": ["c"] });
        assert_eq!(changed(&stored, &sent), Some("bundleDependencies".into()));
    }

    #[test]
    fn what_was_served_is_what_counts() {
        let stored = json!({ "name": "a", "version": "1.0.0", "dependencies": ["b@1"] });
        assert_eq!(changed(&stored, &json!({ "dependencies": { "b": "1" } })), None);
    }

    #[test]
    fn a_manifest_that_was_not_read_leaves_out_what_it_likes() {
        let stored = json!({ "name": "a", "version": "1.0.0", "scripts": { "install": "x" } });
        assert_eq!(changed(&stored, &json!({ "deprecated": "old" })), None);
        assert_eq!(changed(&stored, &json!({ "name": "a", "version": "1.0.0" })), Some("scripts".into()));
    }
}
