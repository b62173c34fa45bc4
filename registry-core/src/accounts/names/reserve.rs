use crate::Error;
use crate::accounts::Accounts;
use crate::auth::Principal;
use crate::error::AccountError;
use crate::storage::{BlobDecision, Key};
use crate::vocabulary::{is_confusing_name, is_usual_name};

use super::claim::{NameClaim, RESERVED, key_of, parse};

impl Accounts {
    /// Reserves a name that no account has, so that no user takes it by signing up. Returns whether it is reserved, now or
    /// since before. Without `writes`, it only tells.
    pub(crate) async fn reserve_name(&self, name: &str, writes: bool) -> Result<bool, Error> {
        // A name that cannot be a key can belong to no account.
        let Ok(path) = Key::NameClaim(&key_of(name)).path() else { return Ok(false) };
        if let Some((claim, _)) = self.read_name_claim(name).await? {
            return Ok(claim.is_reserved());
        }
        // A provider that does not answer may not know the name, and to reserve it is safe.
        let known = self.providers_with(name, self.parts.providers.iter()).await;
        if known.is_ok_and(|known| !known.is_empty()) {
            return Ok(false);
        }
        if !writes {
            return Ok(true);
        }
        self.parts.store.confirm_absence().await?;
        let claim = NameClaim::of(RESERVED, &Principal::user(name), self.parts.clock.now());
        let reserved = self.parts.store.update_with(&path, |stored| match stored {
            Some(blob) => Ok(BlobDecision::Keep(parse(&path, blob)?.is_reserved())),
            None => Ok::<_, Error>(BlobDecision::Write(claim.to_json()?, true)),
        });
        reserved.await
    }

    /// Whether an account here has this name, or could get it. Fails if a provider cannot tell of a name that is none of the
    /// usual ones, as those of an htpasswd file may be.
    pub(crate) async fn can_be_account(&self, name: &str) -> Result<bool, Error> {
        if is_usual_name(name) && !is_confusing_name(name) {
            return Ok(true);
        }
        // A name that cannot be a key can belong to no account.
        if Key::NameClaim(&key_of(name)).path().is_err() {
            return Ok(false);
        }
        if self.read_name_claim(name).await?.is_some_and(|(claim, _)| !claim.is_reserved()) {
            return Ok(true);
        }
        Ok(!self.providers_with(name, self.parts.providers.iter()).await?.is_empty())
    }

    /// Gives a name to a provider on behalf of an operator: its user of that name, or with this subject, owns it from then on.
    pub(crate) async fn admit_name(
        &self,
        name: &str,
        provider: &str,
        subject: Option<&str>,
    ) -> Result<(), Error> {
        let Some(known) = self.provider(provider) else {
            let providers: Vec<_> = self.parts.providers.iter().map(|provider| provider.id()).collect();
            let (provider, known) = (provider.to_owned(), providers.join(", "));
            return Err(Error::Account(AccountError::NoSuchProvider { provider, known }));
        };
        let mut principal = Principal::user(name);
        principal.subject = subject.map(Into::into);
        self.admit_for_operator(known.id(), principal).await?;
        Ok(())
    }
}
