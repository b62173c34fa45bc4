use std::sync::Arc;

use crate::Error;
use crate::accounts::Accounts;
use crate::auth::{AuthProvider, Profile};
use crate::error::LoginError;

/// An account, and the provider that owns its name.
pub(crate) struct Account<'accounts> {
    pub(crate) provider: &'accounts Arc<dyn AuthProvider>,
    pub(crate) profile: Profile,
}

impl Accounts {
    /// Returns the account of this name at the provider that owns the name.
    pub(crate) async fn account_of(&self, name: &str) -> Result<Option<Account<'_>>, Error> {
        let Some(provider) = self.owner_of(name).await? else { return Ok(None) };
        let Some(mut profile) = provider.look_up(name).await? else { return Ok(None) };
        let admitted = self.admit_known(provider.id(), profile.principal).await?;
        let Some(principal) = admitted else { return Ok(None) };
        profile.principal = principal;
        Ok(Some(Account { provider, profile }))
    }

    /// Returns the provider that owns a name, if it is still registered. An unclaimed name belongs to the one
    /// provider that has an account of it; two are an error.
    pub(crate) async fn owner_of(&self, name: &str) -> Result<Option<&Arc<dyn AuthProvider>>, Error> {
        if let Some(claim) = self.name_claim(name).await? {
            return Ok(self.provider(claim.provider()));
        }
        let providers = &self.parts.providers;
        if let [only] = providers.as_slice() {
            return Ok(Some(only));
        }
        match *self.providers_with(name, providers.iter()).await? {
            [] => Ok(None),
            [owner] => Ok(Some(owner)),
            [one, other, ..] => Err(Error::Login(LoginError::NameDisputed {
                name: name.to_owned(),
                one: one.id().to_owned(),
                other: other.id().to_owned(),
            })),
        }
    }
}
