use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::access::Action;
use crate::auth::Caller;
use crate::clock::timestamp;
use crate::domain::packument::Packument;
use crate::domain::{DistTag, PackageName, Version};
use crate::events::EventKind;
use crate::{Error, Registry};

use super::commit::{Change, Decision};
use super::deprecate::require_existing;
use super::publish::{hoist, internal};

impl Registry {
    /// The dist-tags: tag → version.
    pub async fn dist_tags(
        &self,
        caller: &Caller,
        name: &PackageName,
    ) -> Result<IndexMap<String, String>, Error> {
        Ok(self.summary(caller, name).await?.dist_tags.clone())
    }

    /// Makes `tag` name `version`, which must exist.
    pub async fn set_dist_tag(
        &self,
        caller: &Caller,
        name: &PackageName,
        tag: DistTag,
        version: Version,
    ) -> Result<(), Error> {
        let right = self.require_write(caller, name, Action::Publish)?;
        let (registry, set, target) = (self.clone(), tag.clone(), version.clone());
        let decide = move |packument: &mut Packument<'_>| {
            require_existing(packument)?;
            right.check(packument)?;
            let Some(manifest) = packument.versions.get(target.as_str()) else {
                return Err(Error::VersionNotFound { selector: target.to_string() });
            };
            if packument.dist_tags.get(set.as_str()).is_some_and(|version| version == target.as_str()) {
                return Ok(Decision::Keep(false));
            }
            if set.is_latest() {
                let manifest: Map<String, Value> = serde_json::from_str(manifest.get()).map_err(internal)?;
                hoist(packument, &manifest)?;
            }
            packument.dist_tags.insert(set.to_string(), target.to_string());
            packument.time.insert("modified".into(), timestamp(registry.parts.clock.now()));
            Ok(Decision::Commit(true))
        };
        let tell = async move |change: Change<bool>| {
            if change.value {
                change.emit(EventKind::DistTagSet { tag, version });
            }
        };
        self.change(caller, name, decide, tell).await.map(drop)
    }

    /// Removes a tag, also one that could not be set today. `latest` stays: installs without a version ask for it.
    pub async fn remove_dist_tag(&self, caller: &Caller, name: &PackageName, tag: &str) -> Result<(), Error> {
        let right = self.require_write(caller, name, Action::Publish)?;
        if tag == "latest" {
            return Err(Error::LatestTag);
        }
        let (registry, removed) = (self.clone(), tag.to_owned());
        let decide = move |packument: &mut Packument<'_>| {
            require_existing(packument)?;
            right.check(packument)?;
            if packument.dist_tags.shift_remove(&removed).is_none() {
                return Err(Error::TagNotFound { tag: removed.clone() });
            }
            packument.time.insert("modified".into(), timestamp(registry.parts.clock.now()));
            Ok(Decision::Commit(()))
        };
        let tag = tag.to_owned();
        let tell = async move |change: Change<()>| change.emit(EventKind::DistTagRemoved { tag });
        self.change(caller, name, decide, tell).await.map(drop)
    }
}
