use std::borrow::Cow;

use serde_json::json;
use serde_json::value::to_raw_value;

use super::EditError;
use crate::domain::Version;
use crate::domain::packument::{Packument, Person};
use crate::domain::publication::Release;

impl Packument<'_> {
    /// Rejects a version whose number is taken or staged.
    ///
    /// # Errors
    ///
    /// [`EditError::VersionTaken`] and [`EditError::VersionStaged`].
    pub(crate) fn require_free(&self, version: &Version) -> Result<(), EditError> {
        if self.is_version_reserved(version) {
            return Err(EditError::VersionTaken { version: version.clone() });
        }
        self.staged_as(version).map_or(Ok(()), |staged| {
            Err(EditError::VersionStaged { name: self.name.clone(), version: version.clone(), id: staged.id })
        })
    }

    /// Adds a version. `owner` becomes the owner of a package that never had a version and has no owner. `now` is the
    /// time as RFC 3339.
    ///
    /// # Errors
    ///
    /// Those of [`Packument::require_free`].
    pub(crate) fn add_version(
        &mut self,
        mut release: Release,
        owner: Person,
        now: &str,
    ) -> Result<(), EditError> {
        self.require_free(&release.version)?;
        if self.is_new() {
            if self.maintainers.is_empty() {
                self.maintainers = vec![owner];
            }
            self.time.insert("created".into(), now.into());
        }
        let version = release.version.to_string();
        // npm treats a package with this field as unpublished, regardless of its versions.
        self.time.shift_remove("unpublished");
        self.set_modified(now);
        self.time.insert(version.clone(), now.into());
        self.dist_tags.insert(release.tag.to_string(), version.clone());
        let has_latest = self.live_dist_tags().any(|(tag, _)| tag == "latest");
        if !has_latest {
            self.dist_tags.insert("latest".into(), version.clone());
        }
        release.manifest.insert("maintainers".into(), json!(self.maintainers));
        if self.latest() == Some(&version) {
            self.hoist(&release.manifest)?;
            self.hoist_readme(&release)?;
        }
        self.versions.insert(version.into(), Cow::Owned(to_raw_value(&release.manifest)?));
        Ok(())
    }
}
