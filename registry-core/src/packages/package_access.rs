use crate::accounts::whoami;
use crate::error::AccountError;
use std::collections::BTreeMap;

use crate::Error;
use crate::access::{Action, TeamPermission, Verdict};
use crate::auth::Caller;
use crate::clock::timestamp;
use crate::domain::PackageName;
use crate::domain::packument::{MfaPolicy, Packument, Protection};
use crate::events::EventKind;
use crate::packages::Packages;

use super::commit::PackumentDecision;
use crate::organizations::{GrantedPackages, Organizations};

/// A change of a package's access. `None` leaves a setting as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PackageAccessChange {
    /// Whether the package becomes private: visible only to its owners and to principals whom rules or teams name.
    pub restricted: Option<bool>,
    /// When a change of the package requires a second factor.
    pub mfa: Option<MfaPolicy>,
}

/// An account that may do something with a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collaborator {
    /// The account.
    pub account: String,
    /// The email address, where one is known. It may be empty.
    pub email: String,
    /// What the account may do with the package.
    pub permission: TeamPermission,
}

impl Packages {
    pub(crate) async fn package_access(
        &self,
        caller: &Caller,
        name: &PackageName,
    ) -> Result<Protection, Error> {
        Ok(self.summary(caller, name).await?.protection)
    }

    pub(crate) async fn is_public_package(&self, caller: &Caller, name: &PackageName) -> Result<bool, Error> {
        let protection = self.package_access(caller, name).await?;
        Ok(!protection.restricted && self.authorization.is_public(name))
    }

    pub(crate) async fn set_package_access(
        &self,
        caller: &Caller,
        name: &PackageName,
        wanted: PackageAccessChange,
    ) -> Result<Protection, Error> {
        let right = self.authorization.require_write(caller, name, Action::Administer)?;
        let (packages, wants_mfa) = (self.clone(), wanted.mfa.is_some_and(|mfa| mfa != MfaPolicy::None));
        let could_show_none = wants_mfa && !self.accounts().could_show_two_factor(caller).await?;
        let decide = move |packument: &mut Packument<'_>| {
            right.require_changeable(packument, None)?;
            let before = packument.protection;
            if could_show_none && wanted.mfa != Some(before.mfa) {
                return Err(Error::Account(AccountError::NoTwoFactorToRequire {
                    name: packument.name.clone(),
                }));
            }
            packument.protection = Protection {
                restricted: wanted.restricted.unwrap_or(before.restricted),
                mfa: wanted.mfa.unwrap_or(before.mfa),
            };
            if packument.protection == before {
                return Ok(PackumentDecision::Keep((before, false)));
            }
            packument.time.insert("modified".into(), timestamp(packages.parts.clock.now()));
            Ok(PackumentDecision::Commit((packument.protection, true)))
        };
        let events = |(protection, changed): &(Protection, bool)| {
            let Protection { restricted, mfa } = *protection;
            changed.then_some(EventKind::PackageAccessChanged { restricted, mfa })
        };
        Ok(self.change(caller, name, decide, events).await?.value.0)
    }

    pub(crate) async fn collaborators(
        &self,
        caller: &Caller,
        name: &PackageName,
    ) -> Result<Vec<Collaborator>, Error> {
        whoami(caller)?;
        let owners = self.owners(caller, name).await?;
        let administer_verdict = match self.authorization.administer_verdict(caller, name) {
            Verdict::Allowed => true,
            Verdict::AllowedToOwners => owners.iter().any(|owner| Some(owner.name.as_str()) == caller.name()),
            Verdict::Denied => false,
        };
        let granted = if administer_verdict {
            self.parts.memberships.granted_accounts(name).await?
        } else {
            BTreeMap::new()
        };
        let mut collaborators: Vec<_> = owners
            .into_iter()
            .map(|owner| Collaborator {
                account: owner.name,
                email: owner.email,
                permission: TeamPermission::ReadWrite,
            })
            .collect();
        for (account, permission) in granted {
            if collaborators.iter().any(|known| known.account == account) {
                continue;
            }
            let profile = self.accounts().look_up_account(&account).await?;
            let email = profile.and_then(|profile| profile.email).unwrap_or_default();
            collaborators.push(Collaborator { account, email, permission });
        }
        Ok(collaborators)
    }

    pub(crate) async fn packages_of(&self, caller: &Caller, account: &str) -> Result<GrantedPackages, Error> {
        self.accounts().require_account_read(caller)?;
        self.accounts().profile(caller, account).await?;
        let mut packages = if caller.name() == Some(account) {
            Organizations::granted_to(caller)
        } else {
            GrantedPackages::new()
        };
        for owned in self.searches().packages_owned_by(caller, account).await? {
            packages.insert(owned, TeamPermission::ReadWrite);
        }
        Ok(packages)
    }
}
