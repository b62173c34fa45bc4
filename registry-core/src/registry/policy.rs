use chrono::NaiveDate;

use crate::auth::Caller;
use crate::domain::{DownloadPeriod, PackageName};
use crate::packages::{CheckedVersion, PolicySimulation, VersionToCheck};
use crate::policy::{BlockRequest, BlockedVersions, ExplainedVersion, PolicyRules};
use crate::{Error, Registry};

impl Registry {
    /// Replaces the rules on which versions may be used, for reads that begin from now on.
    pub fn set_policy_rules(&self, rules: PolicyRules) {
        self.packages().set_policy_rules(rules);
    }

    /// Returns a line about a new name that was found to look like another within the last hour.
    pub(crate) fn name_notice(&self, name: &PackageName) -> Option<String> {
        self.packages().name_notice(name)
    }

    /// Says for each version of a package, or for one of them, whether policies allow it, and which rule decides. Without a
    /// caller, it answers an operator: no access check is made.
    pub async fn explain_versions(
        &self,
        caller: Option<&Caller>,
        name: &PackageName,
        version: Option<&str>,
    ) -> Result<Vec<ExplainedVersion>, Error> {
        self.packages().explain_versions(caller, name, version).await
    }

    /// Says what rules would have refused of the downloads since a day, today included, as far back as counts are kept. It changes
    /// nothing, and asks upstreams for packuments that are not cached.
    pub async fn simulate_policy(
        &self,
        rules: &PolicyRules,
        since: NaiveDate,
    ) -> Result<PolicySimulation, Error> {
        let today = self.today();
        let days = u32::try_from((today - since).num_days() + 1).unwrap_or(1);
        self.packages().simulate_policy(rules, DownloadPeriod::days_until(today, days)).await
    }

    /// Says what policies and advisories say of versions that are about to be installed, in the order in which their packages are
    /// named first. A version that neither this registry nor an upstream has is judged by its name and number.
    pub async fn check_versions(
        &self,
        caller: &Caller,
        versions: Vec<VersionToCheck>,
    ) -> Result<Vec<CheckedVersion>, Error> {
        self.packages().check_versions(caller, versions).await
    }

    /// Returns the blocked versions of the packages that the caller administers; without a caller, all of them, for an
    /// operator.
    pub async fn blocked_versions(&self, caller: Option<&Caller>) -> Result<Vec<BlockedVersions>, Error> {
        self.packages().blocked_versions(caller).await
    }

    /// Blocks versions of a package, which the caller must administer by an access rule or a team; without a caller, on behalf
    /// of an operator. All replicas stop to list and to serve them within
    /// [`BlockListSettings::cached_for`](crate::policy::BlockListSettings::cached_for). A block of the same range changes its
    /// reason and its end.
    pub async fn block_versions(
        &self,
        caller: Option<&Caller>,
        request: BlockRequest,
    ) -> Result<BlockedVersions, Error> {
        self.packages().block_versions(caller, request).await
    }

    /// Lifts the block of exactly this range of versions; `None` is the block of every version. Returns it. Needs the same
    /// rights as a block.
    pub async fn unblock_versions(
        &self,
        caller: Option<&Caller>,
        name: &PackageName,
        versions: Option<&str>,
    ) -> Result<BlockedVersions, Error> {
        self.packages().unblock_versions(caller, name, versions).await
    }
}
