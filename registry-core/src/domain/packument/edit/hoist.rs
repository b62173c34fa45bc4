use std::borrow::Cow;

use serde_json::value::to_raw_value;
use serde_json::{Map, Value};

use super::EditError;
use crate::domain::packument::Packument;
use crate::domain::publication::{Release, hoisted_fields};

impl Packument<'_> {
    /// Copies the top-level fields of the version that `latest` names to the packument.
    pub(super) fn hoist(&mut self, manifest: &Map<String, Value>) -> Result<(), EditError> {
        for (field, value) in hoisted_fields(manifest) {
            self.set_other(field, value)?;
        }
        Ok(())
    }

    pub(super) fn hoist_readme(&mut self, release: &Release) -> Result<(), EditError> {
        let readme = release.readme.as_deref().map(Value::from);
        let filename = release.readme_filename.as_deref().map(Value::from);
        self.set_other("readme", readme.as_ref())?;
        self.set_other("readmeFilename", filename.as_ref())
    }

    pub(super) fn set_other(&mut self, field: &'static str, value: Option<&Value>) -> Result<(), EditError> {
        match value {
            None => {
                self.other.shift_remove(field);
            }
            Some(value) => {
                self.other.insert(field.into(), Cow::Owned(to_raw_value(value)?));
            }
        }
        Ok(())
    }
}
