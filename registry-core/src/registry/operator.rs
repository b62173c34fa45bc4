use secrecy::SecretString;

use crate::accounts::{AccountOverview, HeldToken, ListedAccount};
use crate::{Error, Registry};

/// Operations on the accounts and tokens of others, for operators: no access check is made.
impl Registry {
    /// Returns every name that an account has or had, in alphabetical order.
    pub async fn list_accounts(&self) -> Result<Vec<ListedAccount>, Error> {
        self.accounts().list_accounts().await
    }

    /// Returns an account, with its groups and its second factor.
    pub async fn account_overview(&self, account: &str) -> Result<AccountOverview, Error> {
        self.accounts().account_overview(account).await
    }

    /// Adds an account to the storage and returns its random password, whether or not users may sign up. A name that an
    /// import [reserved](crate::bulk::ImportedPackage::reserved_owners) becomes the account's. An error if the name is taken.
    pub async fn add_account(&self, account: &str, email: Option<&str>) -> Result<SecretString, Error> {
        self.accounts().add_account(account, email).await
    }

    /// Gives a name to the provider with this id, also one that an import
    /// [reserved](crate::bulk::ImportedPackage::reserved_owners): its user of that name owns it from then on, or only the one
    /// with this subject. An error if the name is another provider's.
    pub async fn admit_name(&self, name: &str, provider: &str, subject: Option<&str>) -> Result<(), Error> {
        self.accounts().admit_name(name, provider, subject).await
    }

    /// Removes an account with its tokens and its second factor. What it owns stays, and its name stays taken. An error if
    /// its provider does not let the registry remove it.
    pub async fn remove_account(&self, account: &str) -> Result<(), Error> {
        self.accounts().remove_account(account).await?;
        // Where this process has none, the next delivery removes them.
        #[cfg(feature = "hooks")]
        self.remove_hooks_of(account).await?;
        Ok(())
    }

    /// Sets a random password and returns it, which ends the sessions of the account. An error if its provider does not let
    /// the registry set it.
    pub async fn reset_password(&self, account: &str) -> Result<SecretString, Error> {
        self.accounts().reset_password(account).await
    }

    /// Removes the second factor of an account, of any provider. Returns whether there was one.
    pub async fn reset_two_factor(&self, account: &str) -> Result<bool, Error> {
        self.accounts().reset_two_factor(account).await
    }

    /// Returns the valid tokens of all accounts or of one, the newest first. Sessions are included.
    pub async fn all_tokens(&self, account: Option<&str>) -> Result<Vec<HeldToken>, Error> {
        self.accounts().all_tokens(account).await
    }

    /// Revokes a token of any account, by its key or by its secret. Returns the name of its holder. Running servers apply it
    /// within the time for which they cache tokens.
    pub async fn revoke_token_of_any(&self, key_or_token: &SecretString) -> Result<String, Error> {
        self.accounts().revoke_token_of_any(key_or_token).await
    }
}
