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

use super::commit::{Change, Decision};

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
            right.check(packument)?;
            let now = timestamp(packages.parts.clock.now());
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
            right.check(packument)?;
            packument.remove_dist_tag(&removed, &timestamp(packages.parts.clock.now()))?;
            Ok(Decision::Commit(()))
        };
        let tag = tag.to_owned();
        let tell = async move |change: Change<()>| change.emit(EventKind::DistTagRemoved { tag });
        self.change(caller, name, decide, tell).await.map(drop)
    }
}
