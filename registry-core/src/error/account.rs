use super::shown;
use crate::domain::PackageName;

/// Why an account, its tokens or its second factor are not read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// The token does not permit operations on accounts.
    #[error(
        "your token does not permit operations on accounts, tokens, organizations and teams: run `npm \
         login`, then try again with the token of that session"
    )]
    TokenForbidsAccount,
    /// No provider can change this account.
    #[error("this registry does not manage your account: change it at the provider that you log in with")]
    AccountNotOurs,
    /// An operator wants to change an account that its provider does not let the registry change.
    #[error("the account {} is managed by {provider}, not by this registry: {action} there", shown(account))]
    ManagedElsewhere {
        /// The name.
        account: String,
        /// The provider, as it displays itself.
        provider: String,
        /// What the operator does there.
        action: &'static str,
    },
    /// An operator names a provider that the settings do not have.
    #[error("there is no provider {}: name one of {known}", shown(provider))]
    NoSuchProvider {
        /// The id that was given.
        provider: String,
        /// The ids of the providers, separated by commas.
        known: String,
    },
    /// An operator wants to add an account, and no provider keeps accounts in the storage.
    #[error(
        "no provider of this registry keeps accounts in the storage: turn [accounts] on, or add the user where users of \
         this registry are kept"
    )]
    NoneAdded,
    /// An operator names a token that does not exist.
    #[error("there is no such token: `registry-server token list` shows the ids of all")]
    NoSuchToken,
    /// The token does not exist, or is not the caller's.
    #[error("the token does not exist, or is not yours: `npm token list` shows your tokens")]
    TokenNotFound,
    /// The package may only be changed with a second factor, which the caller's token bypasses.
    #[error(
        "{name} requires a one-time password for changes, and your token cannot send one: run `npm login` \
         and publish with that session, or ask one of its owners to run `npm access set mfa=automation \
         {name}`"
    )]
    TokenWithoutTwoFactor {
        /// The package.
        name: PackageName,
    },
    /// The package may only be changed with a second factor, and the caller's account has none.
    #[error(
        "{name} requires a one-time password for changes, and your account has no second factor: set one up \
         with `npm profile enable-2fa`, then try again"
    )]
    NoTwoFactor {
        /// The package.
        name: PackageName,
    },
    /// The change would require a second factor for the package, and the caller's account has none.
    #[error(
        "with this setting you could no longer change {name}, because your account has no second factor: run \
         `npm profile enable-2fa` first, then try again"
    )]
    NoTwoFactorToRequire {
        /// The package.
        name: PackageName,
    },
    /// The account does not exist.
    #[error("the user {} does not exist in this registry", shown(account))]
    NotFound {
        /// The name.
        account: String,
    },
}
