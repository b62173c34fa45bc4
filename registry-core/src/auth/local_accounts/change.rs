use std::sync::atomic::Ordering;

use secrecy::SecretString;

use crate::auth::{AccountChange, AccountChanged, AuthError, NewPassword, ProfileField};
use crate::storage::{BlobError, Contended, Edit, Key, Step, update};

use super::account::Account;
use super::{LocalAccounts, acceptable, unavailable};

impl LocalAccounts {
    /// Changes an account by compare-and-swap. The old password is checked against the account that is replaced, so
    /// that of two concurrent changes with one password only the first succeeds.
    pub(super) async fn change(
        &self,
        name: &str,
        change: &AccountChange,
    ) -> Result<AccountChanged, AuthError> {
        check(change).map_err(|reason| AuthError::Unacceptable { reason })?;
        if let Some(password) = &change.password {
            self.check_strength(&password.new, &[name]).await?;
        }
        let path = Key::Account(name).path().map_err(unavailable)?;
        let mut edit = EditAccount { accounts: self, name, change };
        let updated = update(&*self.store, &*self.randomness, &path, &mut edit).await?;
        if let (Some(_), Some(NewPassword { old, .. })) = (updated.stored, &change.password) {
            self.changes.fetch_add(1, Ordering::SeqCst);
            self.recent.forget(self.recent.hash(name, old));
        }
        Ok(updated.outcome)
    }

    /// Sets a password without the old one.
    pub(super) async fn reset(
        &self,
        name: &str,
        password: &SecretString,
    ) -> Result<AccountChanged, AuthError> {
        acceptable::check_password(password).map_err(|reason| AuthError::Unacceptable { reason })?;
        let turn = self.passwords.turn().await.map_err(unavailable)?;
        let hash = self.passwords.hash(turn, password, &*self.randomness).await.map_err(unavailable)?;
        let path = Key::Account(name).path().map_err(unavailable)?;
        let mut edit = ResetPassword { accounts: self, name, hash };
        let outcome = update(&*self.store, &*self.randomness, &path, &mut edit).await?.outcome;
        self.changes.fetch_add(1, Ordering::SeqCst);
        Ok(outcome)
    }

    /// Removes an account. Returns whether there was one.
    pub(super) async fn remove(&self, name: &str) -> Result<bool, AuthError> {
        if self.account(name).await?.is_none() {
            return Ok(false);
        }
        self.store.delete(&Key::Account(name).path().map_err(unavailable)?).await?;
        self.changes.fetch_add(1, Ordering::SeqCst);
        Ok(true)
    }

    fn apply(&self, change: &AccountChange, account: &mut Account) {
        let now = self.clock.now();
        account.updated = now;
        if change.password.is_some() {
            account.sessions_since = Some(now);
        }
        for (field, text) in &change.fields {
            match (field, text) {
                (ProfileField::Email, email) => account.email.clone_from(email),
                (field, Some(text)) => {
                    account.fields.insert(field.as_str().into(), text.clone());
                }
                (field, None) => {
                    account.fields.remove(field.as_str());
                }
            }
        }
    }
}

impl From<BlobError> for AuthError {
    fn from(error: BlobError) -> Self {
        unavailable(error)
    }
}

impl From<Contended> for AuthError {
    fn from(_: Contended) -> Self {
        unavailable("too many clients are changing the account")
    }
}

/// A change of one account, with the old password checked against the stored hash.
struct EditAccount<'a> {
    accounts: &'a LocalAccounts,
    name: &'a str,
    change: &'a AccountChange,
}

impl Edit for EditAccount<'_> {
    type Outcome = AccountChanged;
    type Error = AuthError;

    async fn attempt(&mut self, _: &[AccountChanged]) -> Result<Step<AccountChanged>, AuthError> {
        let Self { accounts, name, change } = *self;
        let Some((mut account, etag)) = accounts.stored_account(name).await? else {
            return Ok(Step::Done(AccountChanged::NotOffered));
        };
        if let Some(password) = &change.password {
            let turn = accounts.passwords.turn().await.map_err(unavailable)?;
            let right = accounts.passwords.check(turn, &password.old, &account.password).await;
            if !right.map_err(unavailable)? {
                return Ok(Step::Done(AccountChanged::WrongPassword));
            }
            let turn = accounts.passwords.turn().await.map_err(unavailable)?;
            let hash = accounts.passwords.hash(turn, &password.new, &*accounts.randomness).await;
            account.password = hash.map_err(unavailable)?;
        }
        accounts.apply(change, &mut account);
        let json = serde_json::to_vec_pretty(&account).map_err(unavailable)?;
        let outcome = AccountChanged::Profile(account.profile());
        Ok(Step::Write { bytes: json.into(), base: Some(etag), outcome })
    }
}

/// A new password of one account, without the old one.
struct ResetPassword<'a> {
    accounts: &'a LocalAccounts,
    name: &'a str,
    hash: String,
}

impl Edit for ResetPassword<'_> {
    type Outcome = AccountChanged;
    type Error = AuthError;

    async fn attempt(&mut self, _: &[AccountChanged]) -> Result<Step<AccountChanged>, AuthError> {
        let Some((mut account, etag)) = self.accounts.stored_account(self.name).await? else {
            return Ok(Step::Done(AccountChanged::NotOffered));
        };
        let now = self.accounts.clock.now();
        account.password.clone_from(&self.hash);
        account.updated = now;
        account.sessions_since = Some(now);
        let json = serde_json::to_vec_pretty(&account).map_err(unavailable)?;
        let outcome = AccountChanged::Profile(account.profile());
        Ok(Step::Write { bytes: json.into(), base: Some(etag), outcome })
    }
}

/// Returns what is wrong with a change.
fn check(change: &AccountChange) -> Result<(), String> {
    if let Some(password) = &change.password {
        acceptable::check_password(&password.new)?;
    }
    for (field, text) in &change.fields {
        match field {
            ProfileField::Email => acceptable::check_email(text.as_deref())?,
            field => acceptable::check_field(*field, text.as_deref().unwrap_or_default())?,
        }
    }
    Ok(())
}
