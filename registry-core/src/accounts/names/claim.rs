use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::accounts::Accounts;
use crate::auth::{AuthProvider, Principal};
use crate::error::LoginError;
use crate::storage::{Blob, BlobDecision, BlobETag, BlobPath, Edit, Key, Step};
use crate::vocabulary::is_confusing_name;

/// How long an interrupted sign-up may be resumed after its claim.
const UNFINISHED_FOR: TimeDelta = TimeDelta::minutes(10);

/// Stands in for a provider id: the name belongs to a token that was issued without a provider. No provider has this
/// id.
pub(crate) const ISSUED_TOKEN: &str = "(issued token)";

/// Stands in for a provider id: the name owns an imported package and has no account yet. An operator says whose it is. No
/// provider has this id.
pub(crate) const RESERVED: &str = "(reserved)";

/// The provider whose accounts are in the store before they log in, so that it never creates one with a rejected
/// name.
pub(crate) const LOCAL: &str = "local";

/// The owner of a name, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NameClaim {
    /// As its owner spells it.
    name: String,
    /// The id of the provider.
    provider: String,
    /// The stable id of the account at the provider, if that is not the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// When the name was claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    claimed: Option<DateTime<Utc>>,
}

impl NameClaim {
    pub(super) fn of(provider: &str, principal: &Principal, now: DateTime<Utc>) -> Self {
        let Principal { name, subject, .. } = principal;
        let (name, subject) = (name.clone(), subject.clone());
        Self { name, provider: provider.to_owned(), subject, claimed: Some(now) }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn provider(&self) -> &str {
        &self.provider
    }

    /// Returns the principal under the claimed spelling, if the name is theirs.
    pub(super) fn admit(&self, provider: &str, mut principal: Principal) -> Option<Principal> {
        let is_theirs = match &self.subject {
            Some(subject) => principal.subject.as_ref() == Some(subject),
            // Without a subject, `Ana` may be another account than `ana`.
            None => principal.name == self.name,
        };
        (is_theirs && self.provider == provider).then(|| {
            principal.name.clone_from(&self.name);
            principal
        })
    }

    /// Whether the name waits for an operator to say whose it is.
    pub(crate) fn is_reserved(&self) -> bool {
        self.provider == RESERVED
    }

    fn refusal(&self) -> Error {
        let name = self.name.clone();
        Error::Login(if self.is_reserved() {
            LoginError::NameReserved { name }
        } else {
            LoginError::NameElsewhere { name, provider: self.provider.clone() }
        })
    }

    pub(super) fn to_json(&self) -> Result<Bytes, Error> {
        Ok(serde_json::to_vec_pretty(self).map_err(Error::internal)?.into())
    }
}

impl Accounts {
    /// Admits a principal that `provider` identified. An unclaimed name becomes theirs, unless another provider has
    /// an account of that name, or the name is easily confused with another one.
    pub(crate) async fn admit(&self, provider: &str, principal: Principal) -> Result<Principal, Error> {
        // Only an operator issues a token for a name.
        let takes_reserved = provider == ISSUED_TOKEN;
        self.claim(ClaimName { accounts: self, provider, principal, takes_reserved }).await
    }

    /// Admits the principal that an operator gives a name to, also a reserved one.
    pub(crate) async fn admit_for_operator(
        &self,
        provider: &str,
        principal: Principal,
    ) -> Result<Principal, Error> {
        self.claim(ClaimName { accounts: self, provider, principal, takes_reserved: true }).await
    }

    async fn claim(&self, mut edit: ClaimName<'_>) -> Result<Principal, Error> {
        let path = Key::NameClaim(&key_of(&edit.principal.name)).path()?;
        Ok(self.parts.store.update(&path, &mut edit).await?.outcome)
    }

    /// Claims a name for an account that is about to be created. Returns `None` for an owned name, even one of this
    /// provider, whose account may be temporarily unreadable. A claim that is minutes old may be of an interrupted
    /// sign-up, which is resumed if nothing of an account exists.
    pub(crate) async fn claim_for_new(&self, provider: &str, name: &str) -> Result<Option<Principal>, Error> {
        let principal = Principal::user(name);
        let now = self.parts.clock.now();
        if let Some((claim, _)) = self.read_name_claim(name).await? {
            let is_fresh = claim.claimed.is_some_and(|claimed| now - claimed < UNFINISHED_FOR);
            let two_factor = self.parts.store.get(&Key::TwoFactor(name).path()?).await?;
            let may_go_on = is_fresh && two_factor.is_none();
            return Ok(claim.admit(provider, principal).filter(|_| may_go_on));
        }
        match self.admit(provider, principal).await {
            Ok(principal) => Ok(Some(principal)),
            Err(Error::Login(
                LoginError::NameElsewhere { .. }
                | LoginError::NameDisputed { .. }
                | LoginError::NameReserved { .. },
            )) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Ends the time in which an interrupted sign-up may be resumed, so that no other user signs up under the name of an
    /// account that is removed.
    pub(crate) async fn close_sign_up(&self, name: &str) -> Result<(), Error> {
        let path = Key::NameClaim(&key_of(name)).path()?;
        let closed = self.parts.store.update_with(&path, |stored| {
            let Some(blob) = stored else { return Ok(BlobDecision::Keep(())) };
            let mut claim = parse(&path, blob)?;
            claim.claimed = None;
            Ok::<_, Error>(BlobDecision::Write(claim.to_json()?, ()))
        });
        closed.await
    }

    /// Admits the principal of a token or of a look-up. A token from before names were claimed stays valid until its
    /// name is claimed.
    pub(crate) async fn admit_known(
        &self,
        provider: &str,
        principal: Principal,
    ) -> Result<Option<Principal>, Error> {
        Ok(match self.name_claim(&principal.name).await? {
            Some(claim) => claim.admit(provider, principal),
            None => Some(principal),
        })
    }

    /// Admits the holder of a token without a provider. A token from before names were claimed claims its name now;
    /// where a provider has an account of that name, it stays valid until that account claims the name.
    pub(crate) async fn admit_issued(&self, principal: &Principal) -> Result<Option<Principal>, Error> {
        match self.admit(ISSUED_TOKEN, principal.clone()).await {
            Ok(principal) => Ok(Some(principal)),
            Err(Error::Login(LoginError::NameElsewhere { .. })) => Ok(None),
            Err(Error::Login(LoginError::NameDisputed { .. } | LoginError::ConfusingName { .. })) => {
                Ok(Some(principal.clone()))
            }
            Err(error) => Err(error),
        }
    }

    /// Returns the owner of a name, ignoring case. Cached as long as tokens are: the claim of an owner never changes.
    pub(super) async fn name_claim(&self, name: &str) -> Result<Option<Arc<NameClaim>>, Error> {
        let key = key_of(name);
        if let Some(claim) = self.parts.tokens.name_claim(&key) {
            return Ok(Some(claim));
        }
        let Some((claim, _)) = self.read_name_claim(name).await? else { return Ok(None) };
        let claim = Arc::new(claim);
        if claim.is_reserved() {
            return Ok(Some(claim));
        }
        self.parts.tokens.remember_name_claim(key, &claim);
        Ok(Some(claim))
    }

    pub(super) async fn read_name_claim(&self, name: &str) -> Result<Option<(NameClaim, BlobETag)>, Error> {
        let path = Key::NameClaim(&key_of(name)).path()?;
        // An unreadable claim must not make the name look free.
        let found = self.parts.store.get_proven(&path).await?;
        let Some(blob) = found else { return Ok(None) };
        Ok(Some((parse(&path, &blob)?, blob.etag)))
    }

    /// Rejects an unclaimed name that another provider has an account of. An unreachable provider is an error, since
    /// it may have one.
    async fn require_unknown_elsewhere(&self, provider: &str, name: &str) -> Result<(), Error> {
        let others = self.parts.providers.iter().filter(|other| other.id() != provider);
        match self.providers_with(name, others).await?.first() {
            None => Ok(()),
            Some(other) => Err(Error::Login(LoginError::NameDisputed {
                name: name.to_owned(),
                one: other.id().to_owned(),
                other: provider.to_owned(),
            })),
        }
    }

    /// Rejects a name that another provider owns, or has an account of.
    pub(crate) async fn require_free_for(&self, provider: &str, name: &str) -> Result<(), Error> {
        match self.read_name_claim(name).await? {
            Some((claim, _)) if claim.is_reserved() || claim.provider == provider => Ok(()),
            Some((claim, _)) => Err(claim.refusal()),
            None => self.require_unknown_elsewhere(provider, name).await,
        }
    }

    /// Returns the providers that have, or had, an account of this name.
    pub(super) async fn providers_with<'accounts>(
        &self,
        name: &str,
        providers: impl Iterator<Item = &'accounts Arc<dyn AuthProvider>>,
    ) -> Result<Vec<&'accounts Arc<dyn AuthProvider>>, Error> {
        let asked = providers.map(async |provider| {
            let has = provider.has_name(name).await?;
            Ok::<_, Error>(has.then_some(provider))
        });
        Ok(try_join_all(asked).await?.into_iter().flatten().collect())
    }
}

/// A claim of a name by a principal. A stored claim shows whether this attempt succeeded.
struct ClaimName<'a> {
    accounts: &'a Accounts,
    provider: &'a str,
    principal: Principal,
    /// Whether a reserved name becomes theirs.
    takes_reserved: bool,
}

impl Edit for ClaimName<'_> {
    type Outcome = Principal;
    type Error = Error;

    const RECOGNIZES_ATTEMPTS: bool = true;
    /// A user waits for the answer.
    const PATIENCE: Duration = Duration::from_secs(2);

    async fn attempt(&mut self, _: &[Principal]) -> Result<Step<Principal>, Error> {
        let (accounts, provider, principal) = (self.accounts, self.provider, self.principal.clone());
        let mut base = None;
        if let Some(claim) = accounts.name_claim(&principal.name).await? {
            let reserved = self.takes_reserved && claim.is_reserved();
            let found = if reserved { accounts.read_name_claim(&principal.name).await? } else { None };
            match found {
                Some((claim, etag)) if claim.is_reserved() => base = Some(etag),
                _ => return claim.admit(provider, principal).map(Step::Done).ok_or_else(|| claim.refusal()),
            }
        }
        if provider != LOCAL && is_confusing_name(&principal.name) {
            return Err(Error::Login(LoginError::ConfusingName { name: principal.name }));
        }
        accounts.require_unknown_elsewhere(provider, &principal.name).await?;
        accounts.parts.store.confirm_absence().await?;
        let claim = NameClaim::of(provider, &principal, accounts.parts.clock.now());
        Ok(Step::Write { bytes: claim.to_json()?, base, outcome: principal })
    }
}

pub(super) fn parse(path: &BlobPath, blob: &Blob) -> Result<NameClaim, Error> {
    serde_json::from_slice(&blob.bytes)
        .map_err(|error| Error::Damaged(format!("{path} does not say who owns the name: {error}").into()))
}

pub(super) fn key_of(name: &str) -> String {
    name.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(subject: Option<&str>) -> NameClaim {
        NameClaim {
            name: "ana".into(),
            provider: "one".into(),
            subject: subject.map(Into::into),
            claimed: None,
        }
    }

    #[test]
    fn a_name_belongs_to_one_provider_and_one_subject() {
        let ana = |name: &str, subject: Option<&str>| Principal {
            subject: subject.map(Into::into),
            ..Principal::user(name)
        };
        let name = |principal: Option<Principal>| principal.map(|principal| principal.name);
        for (claim, provider, principal, admitted) in [
            (claim(None), "one", ana("ana", None), true),
            (claim(None), "two", ana("ana", None), false),
            (claim(None), "one", ana("Ana", None), false),
            // Claimed before its provider supplied subjects.
            (claim(None), "one", ana("ana", Some("7")), true),
            (claim(Some("7")), "one", ana("ana", Some("7")), true),
            (claim(Some("7")), "one", ana("Ana", Some("7")), true),
            (claim(Some("7")), "one", ana("ana", Some("8")), false),
            (claim(Some("7")), "one", ana("ana", None), false),
            (claim(Some("7")), "two", ana("ana", Some("7")), false),
        ] {
            let expected = admitted.then(|| "ana".to_owned());
            assert_eq!(name(claim.admit(provider, principal.clone())), expected, "{claim:?} {principal:?}");
        }
    }
}
