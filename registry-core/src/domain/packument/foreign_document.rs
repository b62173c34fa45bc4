use std::fmt;

use indexmap::IndexMap;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::domain::PackageName;

use super::in_range::in_range;
use super::manifest::{DistView, write_with_tarball};
use super::nesting::is_readable;
use super::scan::{Scan, fitting};
use super::{JsonKey, PackumentError, Person, raw};

/// A packument of another registry, which is not trusted: a value of the wrong type is omitted, so that one invalid
/// field or version does not discard the others.
#[derive(Debug)]
pub struct ForeignDocument<'json> {
    pub(super) name: PackageName,
    /// All fields in order. `versions` only marks its position.
    pub(super) fields: IndexMap<JsonKey<'json>, Option<&'json RawValue>>,
    pub(super) versions: Entries<'json>,
}

/// The fields of an object; none for another type. Of a duplicate field the last counts, as it does for clients.
#[derive(Debug, Default)]
pub(super) struct Entries<'json>(pub(super) IndexMap<JsonKey<'json>, &'json RawValue>);

/// The parts of a foreign manifest that are read, of a version that can be served.
pub(super) struct ForeignManifest<'json> {
    /// An object.
    pub(super) dist: Option<&'json RawValue>,
    /// Whether all fields that an install reads have the types that clients expect.
    pub(super) fits: bool,
}

impl<'json> ForeignDocument<'json> {
    /// Parses a document of either form. Only a text that is not a JSON object is an error.
    pub fn parse(name: &PackageName, json: &'json [u8]) -> Result<Self, PackumentError> {
        let failed = |source| PackumentError { name: name.clone(), source };
        let mut reader = serde_json::Deserializer::from_slice(json);
        let (fields, versions) = reader.deserialize_map(Fields).map_err(failed)?;
        reader.end().map_err(failed)?;
        Ok(Self { name: name.clone(), fields, versions })
    }

    /// Returns when the package was unpublished, by the registry's account, if it has no version left.
    pub fn unpublished(&self) -> Option<String> {
        if !self.versions.0.is_empty() {
            return None;
        }
        let time = self.entries("time");
        let unpublished =
            time.0.get("unpublished").filter(|value| !matches!(value.get(), "null" | "false"))?;
        let told = text(unpublished).or_else(|| {
            let fields: Entries<'_> = serde_json::from_str(unpublished.get()).ok()?;
            text(fields.0.get("time")?)
        });
        let told = told.or_else(|| text(time.0.get("modified")?));
        Some(told.unwrap_or_else(|| "a day that its registry does not tell".to_owned()))
    }

    /// Whether there are any versions.
    pub(crate) fn has_versions(&self) -> bool {
        !self.versions.0.is_empty()
    }

    /// Returns the versions with their manifests and, where the document has them, their publish times.
    pub(crate) fn versions_with_times(&self) -> Vec<(&str, &'json RawValue, Option<String>)> {
        let time = self.entries("time").0;
        let listed = self.versions.0.iter().map(|(version, manifest)| {
            let version = version.as_str();
            (version, *manifest, time.get(version).and_then(|time| text(time)))
        });
        listed.collect()
    }

    /// Returns tag → version, for existing versions.
    pub fn dist_tags(&self) -> IndexMap<String, String> {
        let tags = self.entries("dist-tags").0.into_iter();
        let tags = tags.filter_map(|(tag, version)| Some((tag.as_str().to_owned(), text(version)?)));
        tags.filter(|(_, version)| self.manifest(version).is_some()).collect()
    }

    /// Returns the maintainers that the registry lists.
    pub fn maintainers(&self) -> Vec<Person> {
        let maintainers = self.fields.get("maintainers").copied().flatten();
        maintainers.and_then(|people| raw::people(people).ok()).unwrap_or_default()
    }

    /// Renders the manifest of the version that a version, a tag or a range selects, with its tarball below `base`.
    pub fn render_manifest(&self, selector: &str, base: &str) -> Result<Option<Vec<u8>>, PackumentError> {
        let Some((version, manifest)) = self.select(selector) else { return Ok(None) };
        let manifest = fitting(manifest);
        let dist = ForeignManifest::of(&manifest).and_then(|manifest| manifest.dist);
        let mut json = Vec::with_capacity(manifest.get().len() + base.len());
        write_with_tarball(&mut json, &self.name, &version, manifest.get(), dist, base)
            .map_err(|source| PackumentError { name: self.name.clone(), source })?;
        Ok(Some(json))
    }

    fn select(&self, selector: &str) -> Option<(String, &'json RawValue)> {
        if let Some(manifest) = self.manifest(selector) {
            return Some((selector.to_owned(), manifest));
        }
        let tags = self.entries("dist-tags").0;
        if let Some(version) = tags.get(selector) {
            let version = text(version)?;
            let manifest = self.manifest(&version)?;
            return Some((version, manifest));
        }
        let latest = tags.get("latest").and_then(|version| text(version));
        let versions = self.versions.0.iter().map(|(version, manifest)| (version.as_str(), *manifest));
        let found = in_range(selector, latest.as_deref(), versions);
        let served = found.into_iter().find(|(_, manifest)| ForeignManifest::of(manifest).is_some());
        served.map(|(version, manifest)| (version.to_owned(), manifest))
    }

    pub(super) fn manifest(&self, version: &str) -> Option<&'json RawValue> {
        self.versions.0.get(version).copied().filter(|manifest| ForeignManifest::of(manifest).is_some())
    }

    pub(super) fn entries(&self, field: &str) -> Entries<'json> {
        let value = self.fields.get(field).copied().flatten();
        let mut entries: Entries<'_> =
            value.and_then(|value| serde_json::from_str(value.get()).ok()).unwrap_or_default();
        entries.0.retain(|_, value| is_readable(value));
        entries
    }
}

impl<'json> ForeignManifest<'json> {
    /// Returns `None` for a version that cannot be served: it or its `dist` is not an object, its digest is missing, or
    /// it is nested deeper than all clients can read.
    pub(super) fn of(manifest: &'json RawValue) -> Option<Self> {
        if !is_readable(manifest) {
            return None;
        }
        let Scan { dist, fits } = Scan::of(manifest)?;
        let dist = dist.filter(|dist| dist.get() != "null");
        let is_served = dist.is_none_or(|dist| {
            dist.get().starts_with('{') && serde_json::from_str::<DistView<'_>>(dist.get()).is_ok()
        });
        is_served.then_some(Self { dist, fits })
    }
}

/// Returns the text of a JSON string; `None` for another type.
pub(super) fn text(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

/// The fields of a document, besides `versions`, whose entries clients rely on.
const ENTRIES: [&str; 2] = ["dist-tags", "time"];

struct Fields;

impl<'json> Visitor<'json> for Fields {
    type Value = (IndexMap<JsonKey<'json>, Option<&'json RawValue>>, Entries<'json>);

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a packument")
    }

    fn visit_map<Map: MapAccess<'json>>(self, mut map: Map) -> Result<Self::Value, Map::Error> {
        let (mut fields, mut versions) = (IndexMap::new(), Entries::default());
        while let Some(field) = map.next_key::<JsonKey<'json>>()? {
            if field.as_str() == "versions" {
                versions = map.next_value()?;
                fields.insert(field, None);
            } else {
                let value = map.next_value()?;
                // These are validated entry by entry, so that an invalid one does not discard the others.
                if ENTRIES.contains(&field.as_str()) || is_readable(value) {
                    fields.insert(field, Some(value));
                }
            }
        }
        Ok((fields, versions))
    }
}

impl<'de: 'json, 'json> Deserialize<'de> for Entries<'json> {
    fn deserialize<Source: Deserializer<'de>>(deserializer: Source) -> Result<Self, Source::Error> {
        struct Any;

        impl<'json> Visitor<'json> for Any {
            type Value = Entries<'json>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("anything")
            }

            fn visit_map<Map: MapAccess<'json>>(self, mut map: Map) -> Result<Self::Value, Map::Error> {
                let mut entries = IndexMap::new();
                while let Some((field, value)) = map.next_entry()? {
                    entries.insert(field, value);
                }
                Ok(Entries(entries))
            }

            fn visit_seq<Seq: SeqAccess<'json>>(self, mut seq: Seq) -> Result<Self::Value, Seq::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Entries::default())
            }

            fn visit_str<Failure>(self, _: &str) -> Result<Self::Value, Failure> {
                Ok(Entries::default())
            }

            fn visit_bool<Failure>(self, _: bool) -> Result<Self::Value, Failure> {
                Ok(Entries::default())
            }

            fn visit_i64<Failure>(self, _: i64) -> Result<Self::Value, Failure> {
                Ok(Entries::default())
            }

            fn visit_u64<Failure>(self, _: u64) -> Result<Self::Value, Failure> {
                Ok(Entries::default())
            }

            fn visit_f64<Failure>(self, _: f64) -> Result<Self::Value, Failure> {
                Ok(Entries::default())
            }

            fn visit_unit<Failure>(self) -> Result<Self::Value, Failure> {
                Ok(Entries::default())
            }
        }

        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> ForeignDocument<'_> {
        ForeignDocument::parse(&PackageName::parse("pear").unwrap(), json.as_bytes()).unwrap()
    }

    #[test]
    fn invalid_types_are_omitted() {
        for odd in ["null", "[]", "[1]", "1", "-1", "1.5", "true", "\"x\"", "{}"] {
            let json = format!(r#"{{"dist-tags":{odd},"versions":{odd},"time":{odd},"maintainers":{odd}}}"#);
            let document = parse(&json);
            assert!(document.dist_tags().is_empty() && document.maintainers().is_empty(), "{odd}");
            assert!(!document.has_versions() && document.unpublished().is_none(), "{odd}");
        }
        let document = parse(
            r#"{"dist-tags":{"latest":"1.0.0","odd":1,"gone":"2.0.0"},"versions":{"1.0.0":{"a":1},"2.0.0":7,
                "3.0.0":{"dist":[]},"4.0.0":{"dist":{"integrity":7}},"5.0.0":["x"]},"maintainers":[{"name":"ana"},7]}"#,
        );
        assert_eq!(
            document.dist_tags().into_iter().collect::<Vec<_>>(),
            [("latest".to_owned(), "1.0.0".to_owned())]
        );
        assert_eq!(document.select("latest").unwrap().1.get(), r#"{"a":1}"#);
        for selector in ["odd", "gone", "2.0.0", "3.0.0", "4.0.0", "5.0.0"] {
            assert!(document.select(selector).is_none(), "{selector}");
        }
        assert_eq!(document.maintainers().len(), 1);
    }

    #[test]
    fn a_package_without_versions_may_be_unpublished() {
        for (time, told) in [
            (r#"{"unpublished":"2026-01-01"}"#, Some("2026-01-01")),
            (r#"{"unpublished":{"time":"2026-01-02","name":"ana","tags":{}}}"#, Some("2026-01-02")),
            (r#"{"unpublished":{"time":7},"modified":"2026-01-03"}"#, Some("2026-01-03")),
            (r#"{"unpublished":{}}"#, Some("a day that its registry does not tell")),
            (r#"{"unpublished":null}"#, None),
            (r#"{"modified":"2026-01-03"}"#, None),
        ] {
            let json = format!(r#"{{"name":"pear","time":{time}}}"#);
            assert_eq!(parse(&json).unpublished().as_deref(), told, "{time}");
        }
        assert!(parse(r#"{"time":{"unpublished":{}},"versions":{"1.0.0":{}}}"#).unpublished().is_none());
    }
}
