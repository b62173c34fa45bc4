use std::sync::Arc;

use crate::Error;
use crate::accounts::Accounts;
use crate::auth::{AuthProvider, Profile};

/// An account, at the provider that owns its name.
pub(crate) struct Account<'accounts> {
    pub(crate) provider: &'accounts Arc<dyn AuthProvider>,
    pub(crate) profile: Profile,
}

impl Accounts {
    /// The account of this name, of which the provider that owns the name knows alone.
    pub(crate) async fn account_of(&self, name: &str) -> Result<Option<Account<'_>>, Error> {
        let Some(provider) = self.owner_of(name).await? else { return Ok(None) };
        let Some(mut profile) = provider.look_up(name).await? else { return Ok(None) };
        let admitted = self.admit_known(provider.id(), profile.principal).await?;
        let Some(principal) = admitted else { return Ok(None) };
        profile.principal = principal;
        Ok(Some(Account { provider, profile }))
    }

    /// The provider that owns a name, if it is still registered. Where nobody has claimed the name yet, it is the one
    /// provider that has a person of it; of two, neither is.
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
            [one, other, ..] => Err(Error::NameDisputed {
                name: name.to_owned(),
                one: one.id().to_owned(),
                other: other.id().to_owned(),
            }),
        }
    }
}
