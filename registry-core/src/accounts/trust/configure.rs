use crate::accounts::users::whoami;
use crate::error::{AccountError, TrustError};
use std::collections::BTreeMap;

use crate::Error;
use crate::access::{Action, PackagePattern};
use crate::accounts::Accounts;
use crate::accounts::tokens::TokenHolder;
use crate::auth::Caller;
use crate::concurrency::detached;
use crate::domain::PackageName;
use crate::domain::packument::{MfaPolicy, Packument};
use crate::domain::trust::TrustClaims;
use crate::events::EventKind;
use crate::randomness::random_bytes;
use crate::storage::{Decision, Key};

use super::record::Trusts;
use super::{Trust, TrustBy, TrustPermission, TrustRequest};

impl Accounts {
    pub(crate) async fn trusts(&self, caller: &Caller, name: &PackageName) -> Result<Vec<Trust>, Error> {
        self.require_trust_change(caller, name).await?;
        Ok(self.stored_trusts(name).await?.trusts)
    }

    pub(crate) async fn create_trust(
        &self,
        caller: &Caller,
        name: &PackageName,
        request: TrustRequest,
    ) -> Result<Trust, Error> {
        let (accounts, caller, name) = (self.clone(), caller.clone(), name.clone());
        detached(async move { accounts.create_trust_here(&caller, &name, request).await }).await
    }

    pub(crate) async fn revoke_trust(
        &self,
        caller: &Caller,
        name: &PackageName,
        id: &str,
    ) -> Result<(), Error> {
        let (accounts, caller, name, id) = (self.clone(), caller.clone(), name.clone(), id.to_owned());
        detached(async move { accounts.revoke_trust_here(&caller, &name, id).await }).await
    }

    async fn create_trust_here(
        &self,
        caller: &Caller,
        name: &PackageName,
        request: TrustRequest,
    ) -> Result<Trust, Error> {
        let mfa = self.require_trust_change(caller, name).await?;
        let TrustRequest { issuer, claims, mut permissions } = request;
        let publishing = &self.parts.trusted_publishing;
        let Some(kind) = publishing.issuer(&issuer).map(|issuer| issuer.kind) else {
            let known: Vec<_> = publishing.issuers.iter().map(|issuer| issuer.name.as_str()).collect();
            return Err(Error::request(if known.is_empty() {
                "this registry trusts no builds: ask its operator to name an issuer".to_owned()
            } else {
                format!("this registry trusts the builds of other issuers: use one of {}", known.join(", "))
            }));
        };
        let claims =
            TrustClaims::parse(kind, &claims).map_err(|error| Error::request(error.to_string()))?.to_json();
        require_plain(name)?;
        if permissions.is_empty() {
            permissions.push(TrustPermission::CreatePackage);
        }
        permissions.dedup();
        let account = whoami(caller)?;
        let TokenHolder::Account { provider, account } = self.holder_of(account).await? else {
            return Err(Error::Account(AccountError::NotFound { account: account.to_owned() }));
        };
        let by = TrustBy { provider, account };
        if !self.stored_trusts(name).await?.trusts.is_empty() {
            return Err(Error::Trust(TrustError::Exists { name: name.clone() }));
        }
        self.require_two_factor_to_delegate(caller, name, mfa).await?;
        let trust = Trust {
            id: self.new_trust_id(),
            issuer,
            claims,
            permissions,
            created: self.parts.clock.now(),
            by,
            pinned: BTreeMap::new(),
        };
        let path = Key::Trust(name).path()?;
        let created = self.parts.store.update_with(&path, |stored| {
            if !Trusts::read(stored)?.trusts.is_empty() {
                return Err(Error::Trust(TrustError::Exists { name: name.clone() }));
            }
            Ok(Decision::Write(Trusts { trusts: vec![trust.clone()] }.write()?, ()))
        });
        created.await?;
        let Trust { id, issuer, claims, .. } = trust.clone();
        self.authorization.emit(caller, Some(name), EventKind::TrustCreated { id, issuer, claims });
        Ok(trust)
    }

    async fn revoke_trust_here(&self, caller: &Caller, name: &PackageName, id: String) -> Result<(), Error> {
        let mfa = self.require_trust_change(caller, name).await?;
        if !self.stored_trusts(name).await?.trusts.iter().any(|trust| trust.id == id) {
            return Err(Error::Trust(TrustError::NotFound { name: name.clone() }));
        }
        self.require_two_factor_to_delegate(caller, name, mfa).await?;
        let path = Key::Trust(name).path()?;
        let revoked = self.parts.store.update_with(&path, |stored| {
            let mut stored = Trusts::read(stored)?;
            let before = stored.trusts.len();
            stored.trusts.retain(|trust| trust.id != id);
            if stored.trusts.len() == before {
                return Err(Error::Trust(TrustError::NotFound { name: name.clone() }));
            }
            Ok(Decision::Write(stored.write()?, ()))
        });
        revoked.await?;
        self.parts.tokens.remove_all();
        self.authorization.emit(caller, Some(name), EventKind::TrustRevoked { id });
        Ok(())
    }

    /// Rejects a caller who may not change who publishes the package, and a package that does not exist. Returns
    /// which second factor the package requires.
    async fn require_trust_change(&self, caller: &Caller, name: &PackageName) -> Result<MfaPolicy, Error> {
        let right = self.authorization.require_write(caller, name, Action::Administer)?;
        self.require_account_change(caller)?;
        let index = self.proxy().require_index_to_change(caller, name).await?;
        let packument = Packument::parse(name, &index.blob.bytes)?;
        packument.require_existing()?;
        self.authorization.report_denial(caller, name, right.check(&packument))?;
        Ok(packument.protection.mfa)
    }

    /// Returns a random UUID, the form of id that clients expect.
    fn new_trust_id(&self) -> String {
        let mut bytes: [u8; 16] = random_bytes(self.parts.randomness.as_ref());
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let hex = const_hex::encode(bytes);
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }
}

/// Tokens are limited by pattern, so a name with a `*`, which npm once allowed, would match other packages.
fn require_plain(name: &PackageName) -> Result<(), Error> {
    let is_plain = !name.as_str().contains('*') && PackagePattern::parse(name.as_str()).is_ok();
    if is_plain {
        Ok(())
    } else {
        Err(Error::request("a package with a name like this cannot be published by builds"))
    }
}
