use crate::auth::Caller;
use crate::domain::{PackageName, Version};
use crate::packages::FetchReport;
use crate::policy::{BlockedVersions, RecallRequest};
use crate::{Error, Registry};

impl Registry {
    /// Recalls a version of a package, which the caller must administer by an access rule or a team; without a caller, on
    /// behalf of an operator. All replicas stop to list and to serve it within
    /// [`BlockListSettings::cached_for`](crate::policy::BlockListSettings::cached_for), and dist-tags that name it move to the
    /// newest version that is allowed. [`Self::blocked_versions`] lists recalled versions, too.
    pub async fn recall_version(
        &self,
        caller: Option<&Caller>,
        request: RecallRequest,
    ) -> Result<BlockedVersions, Error> {
        self.packages().recall_version(caller, request).await
    }

    /// Undoes the recall of a version, and returns it. Needs the same rights as a recall.
    pub async fn undo_recall(
        &self,
        caller: Option<&Caller>,
        name: &PackageName,
        version: &Version,
    ) -> Result<BlockedVersions, Error> {
        self.packages().undo_recall(caller, name, version).await
    }

    /// Says who downloaded a version, as far as that is recorded. A caller must administer the package by an access rule or a
    /// team, and learns the days alone; without a caller, it answers an operator, who learns the accounts and addresses too. Then it
    /// reads the whole audit log.
    pub async fn fetch_report(
        &self,
        caller: Option<&Caller>,
        name: &PackageName,
        version: &Version,
    ) -> Result<FetchReport, Error> {
        self.packages().fetch_report(caller, name, version).await
    }
}
