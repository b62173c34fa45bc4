use indexmap::IndexMap;

use super::EditError;
use crate::domain::Version;
use crate::domain::packument::Packument;

impl Packument<'_> {
    /// Removes versions. Their numbers stay taken forever. `now` is the time as RFC 3339.
    ///
    /// `dist_tags` are the tags that the client wants afterward, except `latest`, which stays unless its version is
    /// removed; then it moves to the highest version. Tags of removed versions go.
    ///
    /// # Errors
    ///
    /// [`EditError::VersionNotFound`], and for the tags [`EditError::Tag`] and [`EditError::TagOfMissingVersion`].
    pub(crate) fn remove_versions(
        &mut self,
        versions: &[Version],
        dist_tags: Option<&IndexMap<String, String>>,
        now: &str,
    ) -> Result<(), EditError> {
        for version in versions {
            if self.versions.shift_remove(version.as_str()).is_none() {
                return Err(EditError::VersionNotFound { selector: version.to_string() });
            }
            self.time.shift_remove(version.as_str());
            self.tombstones.insert(version.to_string(), now.into());
        }
        if let Some(wanted) = dist_tags {
            self.dist_tags = self.agreed_dist_tags(wanted)?;
        }
        self.after_removal(now)
    }

    /// Removes the whole package. Returns the versions that it had. `now` is the time as RFC 3339.
    ///
    /// # Errors
    ///
    /// [`EditError::Json`] never occurs: no manifest is left to read.
    pub(crate) fn remove_all_versions(&mut self, now: &str) -> Result<Vec<Version>, EditError> {
        let versions = self.versions.keys().filter_map(|version| Version::parse(version.as_str()).ok());
        let versions: Vec<_> = versions.collect();
        for version in &versions {
            self.time.shift_remove(version.as_str());
            self.tombstones.insert(version.to_string(), now.into());
        }
        // A key that is not a valid version was never installable.
        self.versions.clear();
        self.after_removal(now)?;
        Ok(versions)
    }

    fn after_removal(&mut self, now: &str) -> Result<(), EditError> {
        let versions = &self.versions;
        self.dist_tags.retain(|_, version| versions.contains_key(version.as_str()));
        self.set_modified(now);
        if !self.versions.is_empty() {
            return self.move_latest();
        }
        self.time.insert("unpublished".into(), now.into());
        // An approval would bring back a package whose owner did not know of the staged version.
        self.staged.values_mut().for_each(|staged| staged.unpublished = true);
        Ok(())
    }
}
