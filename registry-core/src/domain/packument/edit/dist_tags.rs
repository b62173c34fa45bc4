use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::EditError;
use crate::domain::packument::Packument;
use crate::domain::{DistTag, Version};

impl Packument<'_> {
    /// Points `tag` to `version`. Returns whether it changed. `now` is the time as RFC 3339.
    ///
    /// # Errors
    ///
    /// [`EditError::VersionNotFound`].
    pub(crate) fn set_dist_tag(
        &mut self,
        tag: &DistTag,
        version: &Version,
        now: &str,
    ) -> Result<bool, EditError> {
        let Some(manifest) = self.versions.get(version.as_str()) else {
            return Err(EditError::VersionNotFound { selector: version.to_string() });
        };
        if self.dist_tags.get(tag.as_str()).is_some_and(|known| known == version.as_str()) {
            return Ok(false);
        }
        if tag.is_latest() {
            let manifest: Map<String, Value> = serde_json::from_str(manifest.get())?;
            self.hoist(&manifest)?;
        }
        self.dist_tags.insert(tag.to_string(), version.to_string());
        self.set_modified(now);
        Ok(true)
    }

    /// Removes a tag, including one that could no longer be set.
    ///
    /// # Errors
    ///
    /// [`EditError::TagNotFound`].
    pub(crate) fn remove_dist_tag(&mut self, tag: &str, now: &str) -> Result<(), EditError> {
        if self.dist_tags.shift_remove(tag).is_none() {
            return Err(EditError::TagNotFound { tag: tag.to_owned() });
        }
        self.set_modified(now);
        Ok(())
    }

    /// Removes the tags that name no version, and chooses `latest` anew if it is one of them. Returns them with what they
    /// named. `now` is the time as RFC 3339.
    pub(crate) fn remove_dangling_dist_tags(
        &mut self,
        now: &str,
    ) -> Result<Vec<(String, String)>, EditError> {
        let (live, dangling) =
            self.dist_tags.drain(..).partition(|(_, version)| self.versions.contains_key(version.as_str()));
        self.dist_tags = live;
        let dangling: IndexMap<String, String> = dangling;
        if dangling.contains_key("latest") {
            self.move_latest()?;
        }
        if !dangling.is_empty() {
            self.set_modified(now);
        }
        Ok(dangling.into_iter().collect())
    }

    /// Returns the tags that a client wants, with `latest` unchanged. A new or moved tag must be valid; an unchanged
    /// one may predate the rules.
    pub(super) fn agreed_dist_tags(
        &self,
        wanted: &IndexMap<String, String>,
    ) -> Result<IndexMap<String, String>, EditError> {
        let known = &self.dist_tags;
        let kept = known.iter().filter(|(tag, _)| *tag == "latest" || wanted.contains_key(*tag));
        let mut agreed: IndexMap<_, _> = kept.map(|(tag, version)| (tag.clone(), version.clone())).collect();
        for (tag, version) in wanted {
            if tag == "latest" || known.get(tag) == Some(version) {
                continue;
            }
            DistTag::parse(tag)?;
            if !self.versions.contains_key(version.as_str()) {
                return Err(EditError::TagOfMissingVersion { tag: tag.clone(), version: version.clone() });
            }
            agreed.insert(tag.clone(), version.clone());
        }
        Ok(agreed)
    }

    /// If the version of `latest` was removed, points it to the highest version, prereleases last.
    pub(super) fn move_latest(&mut self) -> Result<(), EditError> {
        if self.latest().is_none() {
            let versions = self.versions.keys().filter_map(|version| Version::parse(version.as_str()).ok());
            let Some(highest) = versions.max_by_key(|version| (!version.is_prerelease(), version.clone()))
            else {
                return Ok(());
            };
            self.dist_tags.insert("latest".into(), highest.to_string());
        }
        let manifest = self.latest().and_then(|latest| self.versions.get(latest));
        if let Some(manifest) = manifest {
            let manifest: Map<String, Value> = serde_json::from_str(manifest.get())?;
            self.hoist(&manifest)?;
        }
        Ok(())
    }
}
