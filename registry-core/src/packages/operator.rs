//! What an operator does at the command line, who has the store and so everything in it.

use std::sync::Arc;

use secrecy::SecretString;

use crate::access::Action;
use crate::auth::{Caller, Shown};
use crate::domain::packument::Packument;
use crate::domain::publication::Publication;
use crate::events::Via;
use crate::{Error, Registry};

use crate::accounts::names::Account;

impl Registry {
    /// The caller for what an operator does in the name of an account, which must exist. Nobody is asked to prove
    /// anything, since whoever has the store can make a token of any account. All rules hold for them as for the
    /// account: what the access rules and the teams give, who owns what, and the second factor where the account or the
    /// package asks for one.
    pub async fn act_for(
        &self,
        account: &str,
        one_time_password: Option<SecretString>,
    ) -> Result<Caller, Error> {
        let found = self.account_of(account).await?;
        let Account { provider, profile } =
            found.ok_or_else(|| Error::AccountNotFound { account: account.to_owned() })?;
        let principal = self.admit(provider.id(), profile.principal).await?;
        let (principal, memberships) = self.with_memberships(principal).await?;
        let shown = Some(Shown::Operator);
        let principal = Some(Arc::new(principal));
        let caller = Caller { principal, memberships, one_time_password, shown, ..Caller::default() };
        Ok(caller.coming_via(Via::CommandLine))
    }

    /// Whether [`Registry::publish`] would be let through at this moment, and why not, without a second factor being asked
    /// for and without anything published.
    pub async fn check_publish(&self, caller: &Caller, publication: &Publication) -> Result<(), Error> {
        let registry = self.holding_access();
        let Publication { name, version, .. } = publication;
        let right = registry.require_write(caller, name, Action::Publish)?;
        registry.require_hosted_here(name)?;
        let found = registry.read_index(name).await?;
        let Some(index) = registry.parts.store.or_proven_absent(found).await? else {
            return registry.require_free_name(name).await;
        };
        let packument = Packument::parse(name, &index.blob.bytes)?;
        let allowed = right.check_name(&packument);
        registry.report_denial(caller, name, allowed)?;
        Ok(packument.require_free(version)?)
    }
}
