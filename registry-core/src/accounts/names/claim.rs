use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::accounts::Accounts;
use crate::auth::{AuthProvider, Principal};
use crate::storage::{Edit, Key, Step};
use crate::vocabulary::is_confusing_name;

/// For how long a sign-up that was cut off between its claim and its account may be taken up again.
const UNFINISHED_FOR: TimeDelta = TimeDelta::minutes(10);

/// In the place of a provider: the name is of a token that was issued without one. No provider has such an id.
pub(crate) const ISSUED_TOKEN: &str = "(issued token)";

/// The provider whose accounts are in the store already when they log in: it makes none of a name that is refused.
const LOCAL: &str = "local";

/// Who owns a name, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NameClaim {
    /// As its owner spells it.
    name: String,
    /// The id of the provider.
    provider: String,
    /// What the provider tells its people apart by, where that is not the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// When the name was claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    claimed: Option<DateTime<Utc>>,
}

impl NameClaim {
    fn of(provider: &str, principal: &Principal, now: DateTime<Utc>) -> Self {
        let Principal { name, subject, .. } = principal;
        let (name, subject) = (name.clone(), subject.clone());
        Self { name, provider: provider.to_owned(), subject, claimed: Some(now) }
    }

    pub(super) fn provider(&self) -> &str {
        &self.provider
    }

    /// The principal, if the name is theirs, as they spelled it when they first came.
    pub(super) fn admit(&self, provider: &str, mut principal: Principal) -> Option<Principal> {
        let is_theirs = match &self.subject {
            Some(subject) => principal.subject.as_ref() == Some(subject),
            // Without a subject, `Ana` may be another person than `ana`.
            None => principal.name == self.name,
        };
        (is_theirs && self.provider == provider).then(|| {
            principal.name.clone_from(&self.name);
            principal
        })
    }

    fn refusal(&self) -> Error {
        Error::NameElsewhere { name: self.name.clone(), provider: self.provider.clone() }
    }
}

impl Accounts {
    /// Lets a principal in whom `provider` vouches for, under the name that is theirs. A name that nobody owns yet becomes
    /// theirs, if no other provider has a person of it, and if it is not easily taken for another one.
    pub(crate) async fn admit(&self, provider: &str, principal: Principal) -> Result<Principal, Error> {
        let path = Key::NameClaim(&key_of(&principal.name)).path()?;
        let mut edit = ClaimName { accounts: self, provider, principal };
        Ok(self.parts.store.update(&path, &mut edit).await?.outcome)
    }

    /// Claims a name for an account that is to be made. `None` where the name has an owner, also this very provider: its
    /// account may only be out of sight. A claim that is minutes old may be that of a sign-up that was cut off, and is taken up
    /// again as long as nothing of an account is there.
    pub(crate) async fn claim_for_new(&self, provider: &str, name: &str) -> Result<Option<Principal>, Error> {
        let principal = Principal::user(name);
        let now = self.parts.clock.now();
        if let Some(claim) = self.read_name_claim(name).await? {
            let is_fresh = claim.claimed.is_some_and(|claimed| now - claimed < UNFINISHED_FOR);
            let two_factor = self.parts.store.get(&Key::TwoFactor(name).path()?).await?;
            let may_go_on = is_fresh && two_factor.is_none();
            return Ok(claim.admit(provider, principal).filter(|_| may_go_on));
        }
        match self.admit(provider, principal).await {
            Ok(principal) => Ok(Some(principal)),
            Err(Error::NameElsewhere { .. } | Error::NameDisputed { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Lets a principal in whom a token stands for, or a look-up found. A token of before names were claimed goes on as
    /// long as nobody owns its name.
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

    /// Lets the holder of a token in whom no provider knows. One of before names were claimed claims its name now, for
    /// nothing else tells that it is taken; where a provider has a person of that name, it goes on until they come.
    pub(crate) async fn admit_issued(&self, principal: &Principal) -> Result<Option<Principal>, Error> {
        match self.admit(ISSUED_TOKEN, principal.clone()).await {
            Ok(principal) => Ok(Some(principal)),
            Err(Error::NameElsewhere { .. }) => Ok(None),
            Err(Error::NameDisputed { .. } | Error::ConfusingName { .. }) => Ok(Some(principal.clone())),
            Err(error) => Err(error),
        }
    }

    /// Who owns a name, capitals aside. Believed as long as tokens are: it is never changed.
    pub(super) async fn name_claim(&self, name: &str) -> Result<Option<Arc<NameClaim>>, Error> {
        let key = key_of(name);
        if let Some(claim) = self.parts.tokens.name_claim(&key) {
            return Ok(Some(claim));
        }
        let Some(claim) = self.read_name_claim(name).await? else { return Ok(None) };
        let claim = Arc::new(claim);
        self.parts.tokens.remember_name_claim(key, &claim);
        Ok(Some(claim))
    }

    async fn read_name_claim(&self, name: &str) -> Result<Option<NameClaim>, Error> {
        let path = Key::NameClaim(&key_of(name)).path()?;
        // A name that only seems to be free would be claimed by whom it does not belong to.
        let found = self.parts.store.get_proven(&path).await?;
        let Some(blob) = found else { return Ok(None) };
        let claim = serde_json::from_slice(&blob.bytes).map_err(|error| {
            Error::Damaged(format!("{path} does not say who owns the name: {error}").into())
        })?;
        Ok(Some(claim))
    }

    /// Refuses a name that nobody owns yet, and of which another provider has a person. A provider that cannot be asked
    /// may have one.
    async fn require_unknown_elsewhere(&self, provider: &str, name: &str) -> Result<(), Error> {
        let others = self.parts.providers.iter().filter(|other| other.id() != provider);
        match self.providers_with(name, others).await?.first() {
            None => Ok(()),
            Some(other) => Err(Error::NameDisputed {
                name: name.to_owned(),
                one: other.id().to_owned(),
                other: provider.to_owned(),
            }),
        }
    }

    /// Those of the providers that have, or had, a person of this name.
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

/// The claim of a name in which a principal comes. Whose it is shows in the claim that is stored.
struct ClaimName<'a> {
    accounts: &'a Accounts,
    provider: &'a str,
    principal: Principal,
}

impl Edit for ClaimName<'_> {
    type Outcome = Principal;
    type Error = Error;

    const RECOGNIZES_ATTEMPTS: bool = true;
    /// A person is waiting.
    const PATIENCE: Duration = Duration::from_secs(2);

    async fn attempt(&mut self, _: &[Principal]) -> Result<Step<Principal>, Error> {
        let (accounts, provider, principal) = (self.accounts, self.provider, self.principal.clone());
        if let Some(claim) = accounts.name_claim(&principal.name).await? {
            return claim.admit(provider, principal).map(Step::Done).ok_or_else(|| claim.refusal());
        }
        if provider != LOCAL && is_confusing_name(&principal.name) {
            return Err(Error::ConfusingName { name: principal.name });
        }
        accounts.require_unknown_elsewhere(provider, &principal.name).await?;
        accounts.parts.store.confirm_absence().await?;
        let claim = NameClaim::of(provider, &principal, accounts.parts.clock.now());
        let json = serde_json::to_vec_pretty(&claim).map_err(Error::internal)?;
        Ok(Step::Write { bytes: json.into(), base: None, outcome: principal })
    }
}

fn key_of(name: &str) -> String {
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
    fn a_name_is_of_one_provider_and_one_subject() {
        let ana = |name: &str, subject: Option<&str>| Principal {
            subject: subject.map(Into::into),
            ..Principal::user(name)
        };
        let name = |principal: Option<Principal>| principal.map(|principal| principal.name);
        for (claim, provider, principal, admitted) in [
            (claim(None), "one", ana("ana", None), true),
            (claim(None), "two", ana("ana", None), false),
            (claim(None), "one", ana("Ana", None), false),
            // Its provider did not tell subjects before.
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
