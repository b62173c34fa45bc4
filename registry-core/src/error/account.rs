use super::shown;
use crate::domain::PackageName;

/// Why an account, its tokens or its second factor are not read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// The token does not permit operations on accounts.
    #[error(
        "your token is not for accounts, tokens, organisations and teams: run `npm login`, then try again with the \
         token of that session"
    )]
    TokenForbidsAccount,
    /// No provider can change this account.
    #[error("your account is not kept by this registry: change it where you log in")]
    AccountNotOurs,
    /// The token does not exist, or is not the caller's.
    #[error("you have no such token: `npm token list` shows those you have")]
    TokenNotFound,
    /// The package may only be changed with a second factor, which the caller's token bypasses.
    #[error(
        "{name} is changed with a one-time password only, and your token shows none: log in with `npm login` and publish \
         by hand, or let one of its owners run `npm access set mfa=automation {name}`"
    )]
    TokenWithoutTwoFactor {
        /// The package.
        name: PackageName,
    },
    /// The package may only be changed with a second factor, and the caller's account has none.
    #[error(
        "{name} is changed with a one-time password only, and your account has no second factor: set one up with \
         `npm profile enable-2fa`, then try again"
    )]
    NoTwoFactor {
        /// The package.
        name: PackageName,
    },
    /// The change would require a second factor for the package, and the caller's account has none.
    #[error(
        "with this setting you could not change {name} any more, since your account has no second factor: run \
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
