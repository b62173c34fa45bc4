use std::sync::atomic::Ordering;

use crate::auth::{AccountChange, AccountChanged, AuthError, NewPassword, ProfileField};
use crate::blob::{Key, PutOutcome, When};

use super::account::Account;
use super::{LocalAccounts, acceptable, unavailable};

/// How often a change is tried against others of the same account.
const ATTEMPTS: usize = 8;

impl LocalAccounts {
    /// Changes an account by compare-and-swap. The old password is checked against the account that is changed, so
    /// that of two who know it only the first changes it.
    pub(super) async fn change(
        &self,
        name: &str,
        change: &AccountChange,
    ) -> Result<AccountChanged, AuthError> {
        check(change).map_err(|reason| AuthError::Unacceptable { reason })?;
        if let Some(password) = &change.password {
            self.check_strength(&password.new, &[name]).await?;
        }
        for _ in 0..ATTEMPTS {
            let Some((mut account, etag)) = self.stored_account(name).await? else {
                return Ok(AccountChanged::NotOffered);
            };
            if let Some(password) = &change.password {
                let turn = self.passwords.turn().await.map_err(unavailable)?;
                let right = self.passwords.check(turn, &password.old, &account.password).await;
                if !right.map_err(unavailable)? {
                    return Ok(AccountChanged::WrongPassword);
                }
                let turn = self.passwords.turn().await.map_err(unavailable)?;
                let hash = self.passwords.hash(turn, &password.new, &*self.randomness).await;
                account.password = hash.map_err(unavailable)?;
            }
            self.apply(change, &mut account);
            let json = serde_json::to_vec_pretty(&account).map_err(unavailable)?;
            let path = Key::Account(name).path().map_err(unavailable)?;
            let stored = self.store.put(&path, json.into(), When::Matches(etag)).await;
            if let PutOutcome::Stored(_) = stored.map_err(unavailable)? {
                if let Some(NewPassword { old, .. }) = &change.password {
                    self.changes.fetch_add(1, Ordering::SeqCst);
                    self.recent.forget(self.recent.hash(name, old));
                }
                return Ok(AccountChanged::Profile(account.profile()));
            }
        }
        Err(unavailable("the account is being changed by too many at once"))
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

/// Says what is wrong with what somebody wants to have changed.
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
