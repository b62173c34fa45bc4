use indexmap::IndexMap;

use crate::Error;
use crate::access::Action;
use crate::auth::Caller;
use crate::clock::timestamp;
use crate::domain::packument::Packument;
use crate::domain::{DistTag, PackageName, Version};
use crate::error::PackageError;
use crate::events::EventKind;
use crate::packages::Packages;

use super::commit::PackumentDecision;

impl Packages {
    pub(crate) async fn dist_tags(
        &self,
        caller: &Caller,
        name: &PackageName,
    ) -> Result<IndexMap<String, String>, Error> {
        Ok(self.summary(caller, name).await?.dist_tags.clone())
    }

    pub(crate) async fn set_dist_tag(
        &self,
        caller: &Caller,
        name: &PackageName,
        tag: DistTag,
        version: Version,
    ) -> Result<(), Error> {
        let right = self.authorization.require_write(caller, name, Action::Publish)?;
        let (packages, set, target) = (self.clone(), tag.clone(), version.clone());
        let decide = move |packument: &mut Packument<'_>| {
            packument.require_existing()?;
            right.require_ownership(packument)?;
            let now = timestamp(packages.parts.clock.now());
            let is_changed = packument.set_dist_tag(&set, &target, &now)?;
            Ok(if is_changed { PackumentDecision::Commit(true) } else { PackumentDecision::Keep(false) })
        };
        let events = move |changed: &bool| {
            changed.then(|| EventKind::DistTagSet { tag: tag.clone(), version: version.clone() })
        };
        self.change(caller, name, decide, events).await.map(drop)
    }

    /// Removes the tags that name no version, on behalf of an operator, and chooses `latest` anew if it is one of them.
    /// Returns them with what they named.
    pub(crate) async fn remove_dangling_dist_tags(
        &self,
        name: &PackageName,
    ) -> Result<Vec<(String, String)>, Error> {
        let packages = self.clone();
        let decide = move |packument: &mut Packument<'_>| {
            let removed = packument.remove_dangling_dist_tags(&timestamp(packages.parts.clock.now()))?;
            Ok(if removed.is_empty() {
                PackumentDecision::Keep(removed)
            } else {
                PackumentDecision::Commit(removed)
            })
        };
        let events = |removed: &Vec<(String, String)>| {
            removed.iter().map(|(tag, _)| EventKind::DistTagRemoved { tag: tag.clone() }).collect::<Vec<_>>()
        };
        let operator = Caller::operator();
        Ok(self.change(&operator, name, decide, events).await?.value)
    }

    pub(crate) async fn remove_dist_tag(
        &self,
        caller: &Caller,
        name: &PackageName,
        tag: &str,
    ) -> Result<(), Error> {
        let right = self.authorization.require_write(caller, name, Action::Publish)?;
        if tag == "latest" {
            return Err(Error::Package(PackageError::LatestTag));
        }
        let (packages, removed) = (self.clone(), tag.to_owned());
        let decide = move |packument: &mut Packument<'_>| {
            packument.require_existing()?;
            right.require_ownership(packument)?;
            packument.remove_dist_tag(&removed, &timestamp(packages.parts.clock.now()))?;
            Ok(PackumentDecision::Commit(()))
        };
        let tag = tag.to_owned();
        let events = move |(): &()| [EventKind::DistTagRemoved { tag: tag.clone() }];
        self.change(caller, name, decide, events).await.map(drop)
    }
}
