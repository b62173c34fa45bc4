use std::sync::Arc;

use crate::Error;
use crate::clock::Clock;
use crate::domain::PackageName;
use crate::storage::Storage;

use super::block_list::{BlockChange, BlockList};
use super::package_policy::PolicySet;
use super::{BlockListSettings, BlockedVersions, PackagePolicy, VersionOrigin, VersionPolicy};

/// The policies of a registry, and the list that administrators change.
#[derive(Debug)]
pub(crate) struct Policies {
    /// Without the list.
    set: Arc<PolicySet>,
    list: Option<BlockList>,
}

impl Policies {
    pub(crate) fn new(
        policies: Vec<Arc<dyn VersionPolicy>>,
        list: Option<BlockListSettings>,
        store: &Arc<Storage>,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let list = list.map(|settings| BlockList::new(settings, policies.clone(), store, clock));
        Self { set: Arc::new(PolicySet { policies, clock: Arc::clone(clock) }), list }
    }

    /// Returns the policies that concern a package now. Fails if the list of administrators cannot be read.
    pub(crate) async fn of(
        &self,
        package: &PackageName,
        origin: VersionOrigin<'_>,
    ) -> Result<PackagePolicy, Error> {
        let Some(list) = &self.list else {
            if self.set.policies.is_empty() {
                return Ok(PackagePolicy::none());
            }
            return Ok(PackagePolicy::new(&self.set, package, origin));
        };
        let set = list.policies().await?;
        Ok(if set.policies.is_empty() {
            PackagePolicy::none()
        } else {
            PackagePolicy::new(&set, package, origin)
        })
    }

    /// Returns the list of administrators as stored now.
    pub(crate) async fn blocked(&self) -> Result<Vec<BlockedVersions>, Error> {
        self.require_list()?.read().await
    }

    /// Changes the list of administrators. Returns the entry that was set or removed.
    pub(crate) async fn change_blocked(&self, change: BlockChange) -> Result<BlockedVersions, Error> {
        self.require_list()?.change(change).await
    }

    fn require_list(&self) -> Result<&BlockList, Error> {
        self.list.as_ref().ok_or(Error::Policy(crate::error::PolicyError::ListOff))
    }
}
