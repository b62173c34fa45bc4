//! Operations at the operator's command line, which has direct access to the store.

use std::sync::Arc;

use secrecy::SecretString;

use crate::Error;
use crate::access::Action;
use crate::accounts::names::Account;
use crate::auth::{Caller, PresentedCredential};
use crate::domain::packument::Packument;
use crate::domain::publication::Publication;
use crate::error::AccountError;
use crate::events::Via;
use crate::packages::Packages;

impl Packages {
    pub(crate) async fn on_behalf_of(
        &self,
        account: &str,
        one_time_password: Option<SecretString>,
    ) -> Result<Caller, Error> {
        let accounts = self.accounts();
        let found = accounts.account_of(account).await?;
        let Account { provider, profile } =
            found.ok_or_else(|| Error::Account(AccountError::NotFound { account: account.to_owned() }))?;
        let principal = accounts.admit(provider.id(), profile.principal).await?;
        let (principal, memberships) = self.parts.memberships.with_memberships(principal).await?;
        let shown = Some(PresentedCredential::Operator);
        let principal = Some(Arc::new(principal));
        let caller = Caller { principal, memberships, one_time_password, shown, ..Caller::default() };
        Ok(caller.coming_via(Via::CommandLine))
    }

    pub(crate) async fn check_publish(
        &self,
        caller: &Caller,
        publication: &Publication,
    ) -> Result<(), Error> {
        let packages = self.with_access_snapshot();
        let Publication { name, version, .. } = publication;
        let right = packages.authorization.require_write(caller, name, Action::Publish)?;
        packages.proxy().require_hosted_here(name)?;
        let found = packages.catalog().read_packument(name).await?;
        let Some(index) = packages.parts.store.or_proven_absent(found).await? else {
            return packages.proxy().require_free_name(caller, name).await;
        };
        let packument = Packument::parse(name, &index.blob.bytes)?;
        let allowed = right.require_ownership_of_name(&packument);
        packages.authorization.report_denial(caller, name, allowed)?;
        Ok(packument.require_free(version)?)
    }
}
