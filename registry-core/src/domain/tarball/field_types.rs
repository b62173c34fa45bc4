use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::bins::commands;
use super::dependencies::as_object;
use super::install_fields::engines;

/// The type that clients expect of a field that an install reads. pnpm does not find a version with another type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FieldType {
    /// An object of strings, to which npm also converts a list or a string of `name@range`.
    Dependencies,
    /// An object of strings, to which yarn 1 also converts a list such as `["node >=20"]`.
    Engines,
    /// An object of strings.
    Scripts,
    /// An object of strings, or one string.
    Commands,
    /// An object of objects.
    Objects,
    Object,
    /// A list of strings, or one string.
    Platforms,
    /// A list of strings, or a boolean for all.
    Bundle,
    /// A string, or a value that means none.
    Notice,
    Flag,
}

impl FieldType {
    fn of(field: &str) -> Option<Self> {
        Some(match field {
            "dependencies"
            | "devDependencies"
            | "optionalDependencies"
            | "peerDependencies"
            | "acceptDependencies" => Self::Dependencies,
            "engines" => Self::Engines,
            "scripts" => Self::Scripts,
            "bin" => Self::Commands,
            "peerDependenciesMeta" => Self::Objects,
            "directories" => Self::Object,
            "os" | "cpu" | "libc" => Self::Platforms,
            "bundleDependencies" | "bundledDependencies" => Self::Bundle,
            "deprecated" => Self::Notice,
            "hasInstallScript" | "_hasShrinkwrap" => Self::Flag,
            _ => return None,
        })
    }

    fn fits(self, value: &RawValue) -> bool {
        let values = || serde_json::from_str::<Values>(value.get()).unwrap_or_default();
        match (self, first(value)) {
            (Self::Dependencies | Self::Engines | Self::Scripts | Self::Commands, b'{')
            | (Self::Platforms | Self::Bundle, b'[') => values().are_texts,
            (Self::Objects, b'{') => values().are_objects,
            (Self::Object, b'{')
            | (Self::Commands | Self::Platforms | Self::Notice, b'"')
            | (Self::Bundle | Self::Notice | Self::Flag, b't' | b'f') => true,
            // `null` counts as missing, except where clients read the value of `deprecated`.
            (_, first) => first == b'n',
        }
    }

    /// Converts the value to the expected type; `None` if that is impossible. `name` is the package's name.
    fn fitting(self, value: Value, name: &str) -> Option<Value> {
        let texts = |mut object: Map<String, Value>| {
            object.retain(|_, value| value.is_string());
            Some(Value::Object(object))
        };
        match (self, value) {
            (_, Value::Null) => Some(Value::Null),
            (Self::Dependencies, value @ (Value::Object(_) | Value::Array(_) | Value::String(_))) => {
                texts(as_object(Some(&value)).into_owned())
            }
            (Self::Engines, Value::Array(list)) => Some(engines(&list)),
            (Self::Engines | Self::Scripts | Self::Commands, Value::Object(object)) => texts(object),
            (Self::Commands, list @ Value::Array(_)) => {
                let commands = commands(Some(&list), name);
                (!commands.is_empty()).then(|| serde_json::json!(commands))
            }
            (Self::Objects, Value::Object(mut object)) => {
                object.retain(|_, value| value.is_object());
                Some(Value::Object(object))
            }
            (Self::Platforms | Self::Bundle, Value::Array(list)) => {
                Some(Value::Array(list.into_iter().filter(Value::is_string).collect()))
            }
            (Self::Bundle, Value::Object(names)) => {
                Some(Value::Array(names.into_iter().map(|(name, _)| Value::String(name)).collect()))
            }
            (Self::Object, value @ Value::Object(_))
            | (Self::Commands | Self::Platforms | Self::Notice, value @ Value::String(_))
            | (Self::Bundle | Self::Notice | Self::Flag, value @ Value::Bool(_)) => Some(value),
            _ => None,
        }
    }
}

/// Whether clients expect a value of this type in this field of a manifest.
pub(in crate::domain) fn fits(field: &str, value: &RawValue) -> bool {
    FieldType::of(field).is_none_or(|expected| expected.fits(value))
}

/// Converts the fields that an install reads to the types that clients expect, by npm's own rules. Removes a value that
/// npm cannot convert.
pub(in crate::domain) fn make_fit(manifest: &mut Map<String, Value>) {
    let name = manifest.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    manifest.retain(|field, value| match FieldType::of(field) {
        None => true,
        Some(expected) => match expected.fitting(value.take(), &name) {
            Some(fitting) => {
                *value = fitting;
                true
            }
            None => false,
        },
    });
}

/// The fields of a `package.json` that clients read differently where they hold anything but texts.
const OBJECTS_OF_TEXTS: [&str; 4] = ["scripts", "dependencies", "optionalDependencies", "peerDependencies"];

/// The first script or field of dependencies that is not what all clients read the same: an object of texts, or nothing.
pub(super) fn odd_field(manifest: &Map<String, Value>) -> Option<String> {
    OBJECTS_OF_TEXTS.iter().find_map(|field| match manifest.get(*field) {
        Some(Value::Object(entries)) => {
            let odd = entries.iter().find(|(_, value)| !value.is_string())?;
            Some(format!("{field}.{}", odd.0))
        }
        value => (!is_nothing(value)).then(|| (*field).to_owned()),
    })
}

/// Whether a field holds what npm takes for nothing.
pub(super) fn is_nothing(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null | Value::Bool(false)) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(values)) => values.is_empty(),
        Some(Value::Object(fields)) => fields.is_empty(),
        Some(Value::Bool(true) | Value::Number(_)) => false,
    }
}

fn first(value: &RawValue) -> u8 {
    value.get().as_bytes().first().copied().unwrap_or_default()
}

/// The values of an object or a list.
#[derive(Default)]
struct Values {
    are_texts: bool,
    are_objects: bool,
}

impl Values {
    fn add(&mut self, value: &RawValue) {
        self.are_texts &= first(value) == b'"';
        self.are_objects &= first(value) == b'{';
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<Source: Deserializer<'de>>(deserializer: Source) -> Result<Self, Source::Error> {
        struct Every;

        impl<'de> Visitor<'de> for Every {
            type Value = Values;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object or a list")
            }

            fn visit_map<Source: MapAccess<'de>>(self, mut map: Source) -> Result<Values, Source::Error> {
                let mut values = Values { are_texts: true, are_objects: true };
                while map.next_key::<IgnoredAny>()?.is_some() {
                    values.add(map.next_value()?);
                }
                Ok(values)
            }

            fn visit_seq<Source: SeqAccess<'de>>(self, mut list: Source) -> Result<Values, Source::Error> {
                let mut values = Values { are_texts: true, are_objects: true };
                while let Some(value) = list.next_element()? {
                    values.add(value);
                }
                Ok(values)
            }
        }

        deserializer.deserialize_any(Every)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn has_fitting(manifest: &Value) -> bool {
        let fields = manifest.as_object().unwrap().iter();
        fields.clone().all(|(field, value)| fits(field, &serde_json::value::to_raw_value(value).unwrap()))
    }

    fn fitting(manifest: &Value) -> Value {
        let mut manifest = manifest.as_object().unwrap().clone();
        make_fit(&mut manifest);
        Value::Object(manifest)
    }

    #[test]
    fn convertible_types_become_the_expected_ones() {
        for (odd, expected) in [
            (json!({ "dependencies": [] }), json!({ "dependencies": {} })),
            (json!({ "dependencies": ["a@^1", 7] }), json!({ "dependencies": { "a": "^1" } })),
            (json!({ "peerDependencies": "a@1" }), json!({ "peerDependencies": { "a": "1" } })),
            (json!({ "devDependencies": { "a": "1", "b": 2 } }), json!({ "devDependencies": { "a": "1" } })),
            (json!({ "optionalDependencies": 7, "acceptDependencies": true }), json!({})),
            (json!({ "engines": ["node >=20"] }), json!({ "engines": { "node": ">=20" } })),
            (json!({ "engines": "node" }), json!({})),
            (json!({ "scripts": ["make"] }), json!({})),
            (json!({ "scripts": { "install": 7, "test": "tap" } }), json!({ "scripts": { "test": "tap" } })),
            (json!({ "bin": [] }), json!({})),
            (json!({ "bin": ["./a.js"] }), json!({ "bin": { "a.js": "a.js" } })),
            (json!({ "bin": { "a": 7, "b": "b.js" } }), json!({ "bin": { "b": "b.js" } })),
            (
                json!({ "peerDependenciesMeta": { "a": true, "b": {} } }),
                json!({ "peerDependenciesMeta": { "b": {} } }),
            ),
            (json!({ "peerDependenciesMeta": [] }), json!({})),
            (json!({ "directories": "lib" }), json!({})),
            (json!({ "os": ["linux", 7], "cpu": {}, "libc": 7 }), json!({ "os": ["linux"] })),
            (json!({ "bundleDependencies": { "a": "1" } }), json!({ "bundleDependencies": ["a"] })),
            (json!({ "deprecated": {}, "hasInstallScript": "yes", "_hasShrinkwrap": 1 }), json!({})),
        ] {
            assert!(!has_fitting(&odd), "{odd}");
            assert_eq!(fitting(&odd), expected);
            assert!(has_fitting(&expected), "{expected}");
        }
    }

    #[test]
    fn what_clients_expect_stays_as_it_is() {
        for manifest in [
            json!({ "dependencies": { "a": "1" }, "engines": { "node": "20" }, "scripts": {}, "bin": "a.js" }),
            json!({ "bin": { "a": "a.js" }, "peerDependenciesMeta": { "a": { "optional": true } } }),
            json!({ "os": "linux", "cpu": ["x64"], "directories": { "bin": 7 }, "bundleDependencies": false }),
            json!({ "deprecated": "rotten", "_hasShrinkwrap": true, "name": 7, "keywords": 7 }),
            json!({ "deprecated": false, "dependencies": null }),
        ] {
            assert!(has_fitting(&manifest), "{manifest}");
            assert_eq!(fitting(&manifest), manifest);
        }
    }
}
