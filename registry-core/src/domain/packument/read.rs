use std::borrow::Cow;
use std::fmt;

use indexmap::IndexMap;
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::domain::PackageName;

use super::{JsonKey, Packument, PackumentError, Revision, raw};

impl<'json> Packument<'json> {
    /// Parses a stored packument, also one of codebox-npm. JSON without a name or versions is invalid: both are stored
    /// even for an unpublished package.
    pub fn parse(name: &PackageName, json: &'json [u8]) -> Result<Self, PackumentError> {
        Self::parse_with_name(name, json).map(|(packument, _)| packument)
    }

    /// Reads what was stored as the packument of `name`, or tells why it is not that. What it does not name counts as
    /// orphaned, so a document that lost its versions, or that belongs elsewhere, must not pass.
    pub(crate) fn parse_stored(name: &PackageName, json: &'json [u8]) -> Result<Self, String> {
        let (packument, named) = Self::parse_with_name(name, json).map_err(|error| {
            std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default()
        })?;
        if named.as_str() != name.as_str() {
            return Err(format!("it is the packument of {}", named.as_str()));
        }
        if packument.versions.is_empty() && !packument.dist_tags.is_empty() {
            return Err("it has dist-tags and no versions".to_owned());
        }
        Ok(packument)
    }

    /// The same, with the name that the document gives itself.
    pub(crate) fn parse_with_name(
        name: &PackageName,
        json: &'json [u8],
    ) -> Result<(Self, JsonKey<'json>), PackumentError> {
        parse(name, json).map_err(|source| PackumentError { name: name.clone(), source })
    }
}

/// Parses the text in one pass, which is the whole cost even for thousands of versions.
fn parse<'json>(
    name: &PackageName,
    json: &'json [u8],
) -> Result<(Packument<'json>, JsonKey<'json>), serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(json);
    let (mut packument, revision, stored_name) = reader.deserialize_map(Fields(name))?;
    reader.end()?;
    packument.revision = revision.unwrap_or_else(|| Revision::of_content(json));
    Ok((packument, stored_name))
}

struct Fields<'name>(&'name PackageName);

impl<'json> Visitor<'json> for Fields<'_> {
    type Value = (Packument<'json>, Option<Revision>, JsonKey<'json>);

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a packument")
    }

    fn visit_map<Map: MapAccess<'json>>(self, mut map: Map) -> Result<Self::Value, Map::Error> {
        let mut packument = Packument::new(self.0.clone());
        let (mut revision, mut name, mut has_versions) = (None, None, false);
        while let Some(field) = map.next_key::<JsonKey<'json>>()? {
            match field.as_str() {
                "_rev" => revision = Some(map.next_value()?),
                "dist-tags" => packument.dist_tags = map.next_value()?,
                "versions" => {
                    has_versions = true;
                    let versions: IndexMap<JsonKey<'json>, &'json RawValue> = map.next_value()?;
                    packument.versions = versions
                        .into_iter()
                        .map(|(version, manifest)| (version, Cow::Borrowed(manifest)))
                        .collect();
                }
                "time" => packument.time = map.next_value()?,
                "maintainers" => {
                    packument.maintainers =
                        raw::people(map.next_value()?).map_err(serde::de::Error::custom)?;
                }
                "users" => packument.users = map.next_value()?,
                "_tombstones" => packument.tombstones = map.next_value()?,
                "_staged" => packument.staged = map.next_value()?,
                "_approved" => packument.approved = map.next_value()?,
                "_history" => packument.history = map.next_value()?,
                "_outbox" => packument.outbox = map.next_value()?,
                "_access" => packument.protection = map.next_value()?,
                "_imported" => packument.imported = map.next_value()?,
                "name" => name = Some(map.next_value::<JsonKey<'json>>()?),
                "_id" | "_attachments" => {
                    map.next_value::<serde::de::IgnoredAny>()?;
                }
                _ => {
                    packument.other.insert(field, Cow::Borrowed(map.next_value()?));
                }
            }
        }
        match (name, has_versions) {
            (None, _) => Err(serde::de::Error::missing_field("name")),
            (_, false) => Err(serde::de::Error::missing_field("versions")),
            (Some(name), true) => Ok((packument, revision, name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Packument<'_>, PackumentError> {
        Packument::parse(&PackageName::parse("pear").unwrap(), json.as_bytes())
    }

    #[test]
    fn a_document_without_a_revision_has_one_of_its_content() {
        let json = r#"{"name":"pear","versions":{}}"#;
        assert_eq!(parse(json).unwrap().revision, Revision::of_content(json.as_bytes()));
        let stored = r#"{"name":"pear","versions":{},"_rev":"7-07070707070707070707070707070707"}"#;
        assert_eq!(parse(stored).unwrap().revision.number(), 7);
    }

    #[test]
    fn unknown_fields_are_preserved() {
        let packument =
            parse(r#"{"name":"pear","versions":{},"readme":"\u0070ear","x": [1, 2.50],"_attachments":{}}"#)
                .unwrap();
        let kept: Vec<_> =
            packument.other.iter().map(|(field, value)| (field.as_str(), value.get())).collect();
        assert_eq!(kept, [("readme", r#""\u0070ear""#), ("x", "[1, 2.50]")]);
    }

    #[test]
    fn the_last_of_several_fields_counts() {
        let packument =
            parse(r#"{"name":"pear","versions":{"1.0.0":{}},"a":1,"b":2,"versions":{"2.0.0":{}},"a":3}"#)
                .unwrap();
        assert_eq!(packument.versions.keys().map(JsonKey::as_str).collect::<Vec<_>>(), ["2.0.0"]);
        let kept: Vec<_> =
            packument.other.iter().map(|(field, value)| (field.as_str(), value.get())).collect();
        assert_eq!(kept, [("a", "3"), ("b", "2")]);
    }

    #[test]
    fn what_is_damaged_is_an_error() {
        for json in [
            "",
            "[]",
            "null",
            "{",
            "{}",
            r#"{"error":"Not found"}"#,
            r#"{"name":"pear","version":"1.0.0"}"#,
            r#"{"versions":{"1.0.0":{}}}"#,
            r#"{"name":{},"versions":{}}"#,
            r#"{"a":1}x"#,
            r#"{"name":"pear","versions":[]}"#,
            r#"{"name":"pear","versions":{},"_rev":7}"#,
            r#"{"name":"pear","versions":{},"time":{"a":1}}"#,
        ] {
            assert!(parse(json).is_err(), "{json}");
        }
    }
}
