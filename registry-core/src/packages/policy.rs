use crate::Error;
use crate::access::{Action, Verdict};
use crate::auth::Caller;
use crate::concurrency::detached;
use crate::domain::PackageName;
use crate::domain::packument::{Audience, Packument, Revision};
use crate::error::{PackageError, PolicyError};
use crate::events::EventKind;
use crate::packages::Packages;
use crate::policy::{
    BlockChange, BlockRequest, BlockedVersions, ExplainedVersion, PolicyRules, checked_range,
};

impl Packages {
    /// Replaces the rules of the settings.
    pub(crate) fn set_policy_rules(&self, rules: PolicyRules) {
        self.parts.catalog.policies.set_rules(rules);
    }

    /// Returns a line about a new name that was found to look like another within the last hour.
    pub(crate) fn name_notice(&self, name: &PackageName) -> Option<String> {
        self.catalog().name_notice(name)
    }

    /// Says what policies decide about the versions of a package, or about one of them. Without a reader, it answers an
    /// operator, who needs no right.
    pub(crate) async fn explain_versions(
        &self,
        reader: Option<&Caller>,
        name: &PackageName,
        version: Option<&str>,
    ) -> Result<Vec<ExplainedVersion>, Error> {
        if let Some(caller) = reader {
            self.authorization.require_read(caller, name)?;
        }
        let read = || async {
            let catalog = self.catalog();
            let Some(stored) = catalog.if_hosted(name, || catalog.read_packument(name)).await? else {
                return Box::pin(self.proxy().explain_upstream_versions(name)).await;
            };
            let packument = Packument::parse(name, &stored.blob.bytes)?;
            if let Some(caller) = reader {
                self.authorization.require_audience(caller, name, &Audience::of(&packument))?;
            }
            packument.require_existing()?;
            Ok(catalog.hosted_policy(name).await?.explain_hosted(&packument))
        };
        let mut explained = self.catalog().read_again_if_published(read).await?;
        if let Some(version) = version {
            explained.retain(|explained| explained.version == version);
            if explained.is_empty() {
                let selector = format!("{name}@{version}");
                return Err(Error::Package(PackageError::VersionNotFound { selector }));
            }
        }
        Ok(explained)
    }

    /// Returns the blocked versions of the packages that the caller administers; without a caller, all of them, for an
    /// operator.
    pub(crate) async fn blocked_versions(
        &self,
        caller: Option<&Caller>,
    ) -> Result<Vec<BlockedVersions>, Error> {
        if let Some(caller) = caller {
            self.authorization.require_signed_in(caller, None, Action::Administer.into())?;
        }
        let mut blocked = self.parts.catalog.policies.blocked().await?;
        if let Some(caller) = caller {
            blocked.retain(|block| self.administers(caller, &block.package));
        }
        Ok(blocked)
    }

    /// Blocks versions on behalf of an administrator of the package; without a caller, on behalf of an operator.
    pub(crate) async fn block_versions(
        &self,
        caller: Option<&Caller>,
        request: BlockRequest,
    ) -> Result<BlockedVersions, Error> {
        let (packages, caller) = (self.clone(), caller.cloned());
        detached(async move {
            let by = caller.as_ref().and_then(Caller::name).map(str::to_owned);
            if let Some(caller) = &caller {
                packages.require_administrator(caller, &request.package)?;
            }
            let entry = request.into_entry(by, packages.parts.clock.now())?;
            packages.change_blocked(caller, BlockChange::Block(entry)).await
        })
        .await
    }

    /// Lifts a block on behalf of an administrator of the package; without a caller, on behalf of an operator.
    pub(crate) async fn unblock_versions(
        &self,
        caller: Option<&Caller>,
        name: &PackageName,
        versions: Option<&str>,
    ) -> Result<BlockedVersions, Error> {
        let (packages, caller, name) = (self.clone(), caller.cloned(), name.clone());
        let versions = checked_range(versions)?;
        detached(async move {
            if let Some(caller) = &caller {
                packages.require_administrator(caller, &name)?;
            }
            packages.change_blocked(caller, BlockChange::Unblock(name, versions)).await
        })
        .await
    }

    pub(super) async fn change_blocked(
        &self,
        caller: Option<Caller>,
        change: BlockChange,
    ) -> Result<BlockedVersions, Error> {
        let by = match caller {
            Some(caller) => self.accounts().require_two_factor(&caller).await?,
            None => Caller::operator(),
        };
        self.blocking().change(&by, change).await
    }

    pub(super) fn administers(&self, caller: &Caller, name: &PackageName) -> bool {
        self.authorization.administer_verdict(caller, name) == Verdict::Allowed
    }

    /// Rejects a caller who does not administer the package by a rule: its owners do not decide what others use.
    pub(super) fn require_administrator(&self, caller: &Caller, name: &PackageName) -> Result<(), Error> {
        self.authorization.require_signed_in(caller, Some(name), Action::Administer.into())?;
        if self.administers(caller, name) {
            return Ok(());
        }
        let by = self.authorization.denied_by(Action::Administer, caller, name);
        self.authorization.emit(
            caller,
            Some(name),
            EventKind::Denied { action: Action::Administer.into(), by },
        );
        Err(Error::Policy(PolicyError::NotAnAdministrator { name: name.clone() }))
    }

    /// Returns the stored revision of which a client saw `seen`, where policies hide versions from readers.
    pub(super) async fn stored_revision(
        &self,
        name: &PackageName,
        seen: Revision,
    ) -> Result<Revision, Error> {
        let policy = self.catalog().hosted_policy(name).await?;
        if policy.stamp() == 0 {
            return Ok(seen);
        }
        let Some(stored) = self.catalog().read_packument(name).await? else { return Ok(seen) };
        let mut packument = Packument::parse(name, &stored.blob.bytes)?;
        let stored = packument.revision.clone();
        if let Some(decisions) = policy.decide_hosted(&packument) {
            packument.hide(&decisions);
        }
        Ok(if packument.revision == seen { stored } else { seen })
    }
}
