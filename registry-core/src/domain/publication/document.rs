use std::borrow::Cow;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::domain::packument::JsonKey;
use crate::domain::strict_json;

use super::PublishError;

/// The document that clients send to publish, unverified.
#[derive(Deserialize)]
pub(super) struct Document<'json> {
    #[serde(rename = "_id", borrow)]
    pub(super) id: Option<Cow<'json, str>>,
    #[serde(borrow)]
    pub(super) name: Option<Cow<'json, str>>,
    #[serde(borrow)]
    pub(super) access: Option<Cow<'json, str>>,
    #[serde(borrow)]
    pub(super) readme: Option<&'json RawValue>,
    #[serde(rename = "dist-tags", default)]
    pub(super) dist_tags: IndexMap<String, String>,
    #[serde(borrow, default)]
    pub(super) versions: IndexMap<JsonKey<'json>, &'json RawValue>,
    #[serde(rename = "_attachments", borrow, default)]
    pub(super) attachments: IndexMap<JsonKey<'json>, Attachment<'json>>,
}

/// A file in the document.
#[derive(Deserialize)]
pub(super) struct Attachment<'json> {
    #[serde(borrow)]
    pub(super) content_type: Option<Cow<'json, str>>,
    #[serde(borrow)]
    pub(super) data: Cow<'json, str>,
    pub(super) length: Option<u64>,
}

impl<'json> Document<'json> {
    pub(super) fn parse(json: &'json [u8]) -> Result<Self, PublishError> {
        strict_json::check_strict_json(json)?;
        serde_json::from_slice(json).map_err(|error| PublishError::shape(error.to_string()))
    }
}
