use std::borrow::Cow;

use indexmap::IndexMap;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use super::EditError;
use crate::domain::Version;
use crate::domain::packument::Packument;

impl Packument<'_> {
    /// Sets the deprecation message of each version; an empty message removes the deprecation. Returns the versions
    /// whose message changed. `now` is the time as RFC 3339.
    ///
    /// # Errors
    ///
    /// [`EditError::VersionNotFound`].
    pub(crate) fn deprecate_versions(
        &mut self,
        messages: &IndexMap<Version, String>,
        now: &str,
    ) -> Result<IndexMap<String, Vec<Version>>, EditError> {
        let mut changed: IndexMap<String, Vec<Version>> = IndexMap::new();
        for (version, message) in messages {
            if self.deprecate(version, message)? {
                changed.entry(message.clone()).or_default().push(version.clone());
            }
        }
        if !changed.is_empty() {
            self.set_modified(now);
        }
        Ok(changed)
    }

    /// Sets the deprecation message of one version. Returns whether it changed.
    ///
    /// # Errors
    ///
    /// [`EditError::VersionNotFound`].
    pub(crate) fn deprecate(&mut self, version: &Version, message: &str) -> Result<bool, EditError> {
        let Some(manifest) = self.versions.get_mut(version.as_str()) else {
            return Err(EditError::VersionNotFound { selector: version.to_string() });
        };
        if deprecation(manifest).unwrap_or_default() == message {
            return Ok(false);
        }
        let mut fields: Map<String, Value> = serde_json::from_str(manifest.get())?;
        if message.is_empty() {
            fields.shift_remove("deprecated");
        } else {
            fields.insert("deprecated".into(), message.into());
        }
        *manifest = Cow::Owned(to_raw_value(&fields)?);
        Ok(true)
    }
}

/// Returns the deprecation of a stored manifest.
pub(crate) fn deprecation(manifest: &RawValue) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Deprecated {
        deprecated: Option<Value>,
    }
    let Deprecated { deprecated } = serde_json::from_str(manifest.get()).ok()?;
    deprecation_text(deprecated.as_ref())
}

/// Parses a deprecation as clients spell it: a message; or an empty one, `false` or nothing for none.
pub(crate) fn deprecation_text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(message) if !message.is_empty() => Some(message.clone()),
        Value::Bool(true) => Some("this version is deprecated".into()),
        _ => None,
    }
}
