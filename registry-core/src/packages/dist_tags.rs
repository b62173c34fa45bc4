use indexmap::IndexMap;

use crate::access::Action;
use crate::auth::Caller;
use crate::clock::timestamp;
use crate::domain::packument::Packument;
use crate::domain::{DistTag, PackageName, Version};
use crate::events::EventKind;
use crate::{Error, Registry};

use super::commit::{Change, Decision};

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
            packument.require_existing()?;
            right.check(packument)?;
            let now = timestamp(registry.parts.clock.now());
            let is_changed = packument.set_dist_tag(&set, &target, &now)?;
            Ok(if is_changed { Decision::Commit(true) } else { Decision::Keep(false) })
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
            packument.require_existing()?;
            right.check(packument)?;
            packument.remove_dist_tag(&removed, &timestamp(registry.parts.clock.now()))?;
            Ok(Decision::Commit(()))
        };
        let tag = tag.to_owned();
        let tell = async move |change: Change<()>| change.emit(EventKind::DistTagRemoved { tag });
        self.change(caller, name, decide, tell).await.map(drop)
    }
}
