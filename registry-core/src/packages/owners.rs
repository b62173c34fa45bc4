use crate::Error;
use crate::access::Action;
use crate::auth::Caller;
use crate::clock::timestamp;
use crate::domain::PackageName;
use crate::domain::packument::{Packument, Person, Revision};
use crate::error::{AccountError, PackageError};
use crate::events::EventKind;
use crate::packages::Packages;

use super::commit::PackumentDecision;

impl Packages {
    pub(crate) async fn owners(&self, caller: &Caller, name: &PackageName) -> Result<Vec<Person>, Error> {
        Ok(self.summary(caller, name).await?.owners.clone())
    }

    pub(crate) async fn set_owners(
        &self,
        caller: &Caller,
        name: &PackageName,
        owners: Vec<Person>,
        expected: Option<Revision>,
    ) -> Result<Revision, Error> {
        self.authorization.require_write(caller, name, Action::Administer)?;
        self.parts.limits.check_owners(owners.len())?;
        self.proxy().require_hosted_to_change(caller, name).await?;
        let known = self.owners(caller, name).await?;
        let mut wanted: Vec<Person> = Vec::with_capacity(owners.len());
        for owner in owners {
            if wanted.iter().any(|wanted| wanted.name == owner.name) {
                continue;
            }
            let person = match known.iter().find(|known| known.name == owner.name) {
                Some(known) => known.clone(),
                None => self.require_account(&owner.name).await?,
            };
            if !wanted.iter().any(|wanted| wanted.name == person.name) {
                wanted.push(person);
            }
        }
        self.change_owners(caller, name, expected, move |_| Ok(wanted.clone())).await
    }

    pub(crate) async fn add_owner(
        &self,
        caller: &Caller,
        name: &PackageName,
        owner: &str,
    ) -> Result<Revision, Error> {
        self.authorization.require_write(caller, name, Action::Administer)?;
        self.proxy().require_hosted_to_change(caller, name).await?;
        let person = self.require_account(owner).await?;
        self.change_owners(caller, name, None, move |owners| {
            let mut owners = owners.to_vec();
            if !owners.iter().any(|owner| owner.name == person.name) {
                owners.push(person.clone());
            }
            Ok(owners)
        })
        .await
    }

    pub(crate) async fn remove_owner(
        &self,
        caller: &Caller,
        name: &PackageName,
        owner: &str,
    ) -> Result<Revision, Error> {
        let (removed, package) = (owner.to_owned(), name.clone());
        self.change_owners(caller, name, None, move |owners| {
            let left: Vec<_> = owners.iter().filter(|owner| owner.name != removed).cloned().collect();
            if left.len() == owners.len() {
                return Err(Error::Package(PackageError::NotAnOwner {
                    account: removed.clone(),
                    name: package.clone(),
                }));
            }
            Ok(left)
        })
        .await
    }

    async fn change_owners(
        &self,
        caller: &Caller,
        name: &PackageName,
        expected: Option<Revision>,
        change: impl Fn(&[Person]) -> Result<Vec<Person>, Error> + Send + 'static,
    ) -> Result<Revision, Error> {
        let right = self.authorization.require_write(caller, name, Action::Administer)?;
        let packages = self.clone();
        let decide = move |packument: &mut Packument<'_>| {
            right.require_changeable(packument, expected.as_ref())?;
            let owners = change(&packument.maintainers)?;
            if owners == packument.maintainers {
                return Ok(PackumentDecision::Keep(None));
            }
            if owners.is_empty() {
                return Err(Error::Package(PackageError::LastOwner { name: packument.name.clone() }));
            }
            packument.maintainers.clone_from(&owners);
            packument.time.insert("modified".into(), timestamp(packages.parts.clock.now()));
            Ok(PackumentDecision::Commit(Some(owners)))
        };
        let events = |owners: &Option<Vec<Person>>| {
            let names = |owners: &Vec<Person>| owners.iter().map(|owner| owner.name.clone()).collect();
            owners.as_ref().map(|owners| EventKind::OwnersChanged { owners: names(owners) })
        };
        Ok(self.change(caller, name, decide, events).await?.revision)
    }

    async fn require_account(&self, account: &str) -> Result<Person, Error> {
        let profile = self
            .accounts()
            .look_up_account(account)
            .await?
            .ok_or_else(|| Error::Account(AccountError::NotFound { account: account.to_owned() }))?;
        Ok(Person { name: profile.principal.name, email: profile.email.unwrap_or_default() })
    }
}
