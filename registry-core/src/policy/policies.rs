use std::sync::Arc;

use crate::Error;
use crate::advisories::{AdvisoryIndex, AdvisoryStore, AdvisoryView};
use crate::clock::Clock;
use crate::domain::PackageName;
use crate::error::PolicyError;
use crate::measurements::PolicyMeasurements;
use crate::storage::Storage;

use super::block_list::BlockList;
use super::package_policy::PolicySet;
use super::rules::RulesInForce;
use super::{BlockListSettings, BlockedVersions, PackagePolicy, PolicyRules, VersionOrigin, VersionPolicy};

/// The policies of a registry, and the list that administrators change.
#[derive(Debug)]
pub(crate) struct Policies {
    /// Without the list.
    set: Arc<PolicySet>,
    list: Option<BlockList>,
    rules: Arc<RulesInForce>,
    advisories: Arc<AdvisoryStore>,
}

impl Policies {
    pub(crate) fn new(
        rules: PolicyRules,
        embedders: Vec<Arc<dyn VersionPolicy>>,
        list: Option<BlockListSettings>,
        advisories: &Arc<AdvisoryStore>,
        store: &Arc<Storage>,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let rules = Arc::new(RulesInForce::new(rules));
        let of_settings = Arc::clone(&rules) as Arc<dyn VersionPolicy>;
        let policies: Vec<_> = std::iter::once(of_settings).chain(embedders).collect();
        let list = list.map(|settings| BlockList::new(settings, policies.clone(), store, clock));
        let set = Arc::new(PolicySet { policies, clock: Arc::clone(clock) });
        Self { set, list, rules, advisories: Arc::clone(advisories) }
    }

    /// Replaces the rules of the settings.
    pub(crate) fn set_rules(&self, rules: PolicyRules) {
        self.rules.replace(rules);
    }

    /// Returns how the files of the rules do.
    pub(crate) fn measurements(&self) -> PolicyMeasurements {
        self.rules.measurements()
    }

    /// Returns the policies that concern a package now. Fails if the list of administrators cannot be read, or a file or advisories
    /// that a policy asks for.
    pub(crate) async fn of(
        &self,
        package: &PackageName,
        origin: VersionOrigin<'_>,
    ) -> Result<PackagePolicy, Error> {
        self.require_files(package, origin)?;
        let policy = match &self.list {
            None => PackagePolicy::new(&self.set, package, origin),
            Some(list) => PackagePolicy::new(&list.policies().await?, package, origin),
        };
        self.with_advisories(package, policy, |advisories| advisories).await
    }

    /// Reads the files of the rules again that changed. Fails if one cannot be read that concerns the package.
    fn require_files(&self, package: &PackageName, origin: VersionOrigin<'_>) -> Result<(), Error> {
        self.rules.look_at_files(self.set.clock.now());
        if self.rules.lack_a_file(package, origin) {
            return Err(Error::Policy(PolicyError::FileUnreadable));
        }
        Ok(())
    }

    /// Adds the advisories that the policies ask for, as `shown`.
    async fn with_advisories(
        &self,
        package: &PackageName,
        policy: PackagePolicy,
        shown: impl FnOnce(AdvisoryView) -> AdvisoryView + Send,
    ) -> Result<PackagePolicy, Error> {
        Ok(match policy.advisory_need() {
            None => policy,
            Some(need) => policy.with_advisories(package, shown(self.advisories.view(need).await?)),
        })
    }

    /// Returns the policies for a package that the caller may not know of: what administrators wrote about it is left out, so that
    /// it looks like one that was never here. Fails as [`Self::of`] does.
    pub(crate) async fn of_unseen(&self, package: &PackageName) -> Result<PackagePolicy, Error> {
        let origin = VersionOrigin::Elsewhere;
        self.require_files(package, origin)?;
        let policy = PackagePolicy::new(&self.set, package, origin);
        self.with_advisories(package, policy, AdvisoryView::without_own).await
    }

    /// Returns the policy of rules that are not in force, to try them. Fails as [`Self::of`] does.
    pub(crate) async fn trial(
        &self,
        rules: &PolicyRules,
        package: &PackageName,
        origin: VersionOrigin<'_>,
    ) -> Result<PackagePolicy, Error> {
        let policy = PackagePolicy::of_rules(rules, &self.set.clock, package, origin);
        self.with_advisories(package, policy, |advisories| advisories).await
    }

    /// Returns the list of administrators as stored now.
    pub(crate) async fn blocked(&self) -> Result<Vec<BlockedVersions>, Error> {
        self.require_list()?.read().await
    }

    /// Reads the list again at the next read of a package, since it changed.
    pub(crate) fn forget_list(&self) {
        if let Some(list) = &self.list {
            list.forget();
        }
    }

    /// Fails where administrators can block nothing.
    pub(crate) fn require_block_list(&self) -> Result<(), Error> {
        self.require_list().map(drop)
    }

    /// Returns the advisories in the store; `None` if there are none.
    pub(crate) async fn advisories(&self) -> Result<Option<Arc<AdvisoryIndex>>, Error> {
        self.advisories.index().await
    }

    fn require_list(&self) -> Result<&BlockList, Error> {
        self.list.as_ref().ok_or(Error::Policy(PolicyError::ListOff))
    }
}
