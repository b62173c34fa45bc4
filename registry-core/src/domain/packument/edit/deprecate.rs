use std::borrow::Cow;

use indexmap::IndexMap;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use super::EditError;
use crate::domain::Version;
use crate::domain::packument::Packument;

impl Packument<'_> {
    /// Sets what installs say of each version; an empty message takes the deprecation back. Returns the versions that
    /// changed by their message. `now` is the moment as RFC 3339 has it.
    ///
    /// # Errors
    ///
    /// [`EditError::VersionNotFound`].
    pub fn deprecate_versions(
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

    /// Sets what installs say of one version. Returns whether that changed it.
    ///
    /// # Errors
    ///
    /// [`EditError::VersionNotFound`].
    pub fn deprecate(&mut self, version: &Version, message: &str) -> Result<bool, EditError> {
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

/// The deprecation of a stored manifest.
pub(crate) fn deprecation(manifest: &RawValue) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Deprecated {
        deprecated: Option<Value>,
    }
    let Deprecated { deprecated } = serde_json::from_str(manifest.get()).ok()?;
    deprecation_text(deprecated.as_ref())
}

/// How clients spell a deprecation: a message; and an empty one, `false` or nothing for none.
pub(crate) fn deprecation_text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(message) if !message.is_empty() => Some(message.clone()),
        Value::Bool(true) => Some("this version is deprecated".into()),
        _ => None,
    }
}
