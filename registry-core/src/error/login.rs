use super::shown;

/// Why a caller is not signed in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoginError {
    /// The credential is invalid or no longer valid.
    #[error("your token is not valid for this registry: run `npm login`, then try again")]
    InvalidCredential,
    /// The token has expired.
    #[error(
        "your token expired at {}: run `npm login`, or make a new token with `npm token create`",
        crate::clock::timestamp(*at)
    )]
    TokenExpired {
        /// When it expired.
        at: chrono::DateTime<chrono::Utc>,
    },
    /// The token may not be used from the caller's network.
    #[error(
        "your token may not be used from this network address: use it from one of the networks it was made for, or \
         make another one with `npm token create`"
    )]
    AddressNotPermitted,
    /// The name or the password is wrong.
    #[error("incorrect username or password, or the username belongs to another user")]
    WrongPassword,
    /// The name or the password is wrong, at a login that creates no account, or without a provider that creates
    /// accounts. The text does not disclose whether the name is taken.
    #[error("incorrect username or password, or the username belongs to another user. {}", no_account_text(*.sign_up))]
    WrongPasswordOrNoAccount {
        /// Whether the caller can create an account.
        sign_up: bool,
    },
    /// The name or the password is wrong, and no new account can have this password.
    #[error(
        "incorrect username or password, or the username belongs to another user. To make a new account: \
         {reason}"
    )]
    WrongPasswordForAnyAccount {
        /// Why no account can have it, and what to do.
        reason: String,
    },
    /// The password that a change requires is missing or wrong.
    #[error("the password of your account is wrong: try again with the password that you log in with")]
    WrongOwnPassword,
    /// The second factor in the request is wrong, or was used before.
    #[error(
        "the one-time password is wrong, or was used already: try again with the next digits that your authenticator app \
         shows"
    )]
    WrongOneTimePassword,
    /// Too many recent wrong passwords or one-time passwords.
    #[error(
        "too many failed logins with this name or from this address: wait {seconds} seconds, then try again. \
         Your tokens keep working"
    )]
    TooManyFailures {
        /// The seconds to wait.
        seconds: u64,
    },
    /// Too many accounts were created from one address.
    #[error(
        "too many accounts were created from this address: try again in {seconds} seconds, or ask the \
         registry's operator to make one for you"
    )]
    TooManySignUps {
        /// The seconds to wait.
        seconds: u64,
    },
    /// Too many requests of one principal or address.
    #[error("too many requests: wait {seconds} seconds, then send requests more slowly")]
    TooManyRequests {
        /// The seconds to wait.
        seconds: u64,
    },
    /// Browser logins are off.
    #[error(
        "this registry has no login in the browser: log in with name and password (npm login --auth-type=legacy)"
    )]
    WebLoginOff,
    /// The browser login does not exist, or no longer.
    #[error("this login has ended or does not exist: run the command in your terminal again")]
    WebLoginGone,
    /// A browser login was opened in one browser and continued in another one.
    #[error(
        "this login began in another browser, or this browser stores no cookies: continue in the other \
         browser, or run the command in your terminal again"
    )]
    WebLoginElsewhere,
    /// The provider did not vouch for the user in the browser.
    #[error("{provider} did not identify you: try again, or run the command in your terminal again")]
    WebLoginRejected {
        /// The provider, as it displays itself.
        provider: String,
    },
    /// A form did not come from the registry's own page.
    #[error("this form has expired or is not from this page: open the page again, and fill it in again")]
    WebLoginForm,
    /// No provider creates accounts.
    #[error("sign-up is off at this registry: ask its operator for an account")]
    NoSignUp,
    /// The name of the new account belongs to another account, or is not available.
    #[error(
        "no account can be created with this name: choose another one, or sign in if the account is yours"
    )]
    NameTaken,
    /// The name belongs to a user of another provider, or to another user of the same provider.
    #[error(
        "the name {name} belongs to the provider {provider} here: sign in with that provider. To move the \
         name, ask the registry's operator to remove that account and the claim of the name (see `_names` in \
         the storage)"
    )]
    NameElsewhere {
        /// The name, as its owner spells it.
        name: String,
        /// The id of the provider that owns it.
        provider: String,
    },
    /// The name owns packages that were imported, and waits for an operator to say whose it is.
    #[error(
        "the name {} owns packages that were imported, and is reserved: ask the registry's operator to give it to you \
         (`registry-server account admit`)",
        shown(name)
    )]
    NameReserved {
        /// The name.
        name: String,
    },
    /// The name has no owner yet, and users of two providers have it.
    #[error(
        "the providers {one} and {other} both have the name {}, and neither user owns it yet: ask the \
         registry's operator to remove it from one of them, then sign in again",
        shown(name)
    )]
    NameDisputed {
        /// The name.
        name: String,
        /// A provider that has it.
        one: String,
        /// Another one.
        other: String,
    },
    /// The name is new, and easily confused with another one.
    #[error(
        "the account name {} ends in a period, a hyphen or an underscore, so it is easily confused with \
         another one: sign in with a name that ends in a letter or a digit",
        shown(name)
    )]
    ConfusingName {
        /// The name.
        name: String,
    },
    /// A provider rejects the login, and says why.
    #[error("{reason}")]
    Rejected {
        /// What is wrong, and what to do.
        reason: String,
    },
}

fn no_account_text(sign_up: bool) -> &'static str {
    if sign_up {
        "If you have no account here, make one with `npm adduser`, or on the page that `npm login` opens"
    } else {
        "If you have no account here: sign-up is off at this registry, so ask its operator for one"
    }
}
