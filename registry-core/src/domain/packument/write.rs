use serde::Serialize;
use serde::ser::SerializeMap as _;

use super::protection::is_default;
use super::{Packument, PackumentError};

impl Packument<'_> {
    /// Serializes the document as stored.
    pub fn to_json(&self) -> Result<Vec<u8>, PackumentError> {
        let mut json =
            Vec::with_capacity(self.versions.values().map(|manifest| manifest.get().len() + 32).sum());
        serde_json::to_writer(&mut json, &Stored(self))
            .map_err(|source| PackumentError { name: self.name.clone(), source })?;
        Ok(json)
    }
}

struct Stored<'a>(&'a Packument<'a>);

impl Serialize for Stored<'_> {
    fn serialize<Target: serde::Serializer>(&self, serializer: Target) -> Result<Target::Ok, Target::Error> {
        let packument = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("_id", &packument.name)?;
        map.serialize_entry("_rev", &packument.revision)?;
        map.serialize_entry("name", &packument.name)?;
        for (field, value) in &packument.other {
            map.serialize_entry(field, value)?;
        }
        map.serialize_entry("dist-tags", &packument.dist_tags)?;
        map.serialize_entry("versions", &packument.versions)?;
        map.serialize_entry("time", &packument.time)?;
        map.serialize_entry("maintainers", &packument.maintainers)?;
        if !packument.users.is_empty() {
            map.serialize_entry("users", &packument.users)?;
        }
        if !packument.tombstones.is_empty() {
            map.serialize_entry("_tombstones", &packument.tombstones)?;
        }
        if !packument.staged.is_empty() {
            map.serialize_entry("_staged", &packument.staged)?;
        }
        if !packument.approved.is_empty() {
            map.serialize_entry("_approved", &packument.approved)?;
        }
        if !packument.history.is_empty() {
            map.serialize_entry("_history", &packument.history)?;
        }
        if !packument.outbox.is_empty() {
            map.serialize_entry("_outbox", &packument.outbox)?;
        }
        if !is_default(&packument.protection) {
            map.serialize_entry("_access", &packument.protection)?;
        }
        if !is_default(&packument.imported) {
            map.serialize_entry("_imported", &packument.imported)?;
        }
        map.end()
    }
}
