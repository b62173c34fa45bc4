use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use registry_core::auth::{
    AccountChange, AccountChanged, AuthError, AuthProvider, Credential, DeviceLogin, DevicePoll, Identified,
    LocalAccounts, LoggedIn, PasswordCost, PasswordLogin, Principal, Profile, SignedUp, WebLogin,
};
use registry_core::storage;
use registry_testkit::conformance::{self, KnownAccount};
use registry_testkit::{FixedClock, SeededRandomness};
use secrecy::SecretString;
use url::Url;

#[path = "../../../registry-core/src/auth/local_accounts/tests/store.rs"]
#[expect(clippy::unwrap_used, reason = "a store for tests may panic")]
mod store;

fn ana() -> KnownAccount {
    KnownAccount::with_password("ana", "orange tree")
}

async fn local_accounts(sign_up: bool) -> LocalAccounts {
    let clock = Arc::new(FixedClock::new().ticking());
    let accounts =
        LocalAccounts::new(Arc::new(store::MapStore::default()), clock, Arc::new(SeededRandomness::new(1)))
            .with_password_cost(PasswordCost::cheapest());
    let login = PasswordLogin { name: "ana".into(), password: "orange tree".into(), email: None };
    assert!(matches!(accounts.sign_up(&login).await, Ok(SignedUp::Principal(_))));
    accounts.with_sign_up(sign_up)
}

#[tokio::test]
async fn local_accounts_keep_the_contract() {
    for sign_up in [true, false] {
        conformance::auth_provider(async || Arc::new(local_accounts(sign_up).await) as _, &ana()).await;
    }
}

/// Local accounts with something a provider must not do.
#[derive(Debug)]
struct Flawed {
    accounts: LocalAccounts,
    flaw: Flaw,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    None,
    TrustsTheNameAlone,
    KeepsNoAccounts,
    CallsAnUnknownNameWrong,
    MakesAccountsAgain,
    ShowsThePassword,
    FinishesAnyWebLogin,
    ChangesAnyPassword,
    KeepsSessions,
    FinishesAnyDeviceLogin,
    RefusesToRevokeTwice,
}

impl fmt::Display for Flawed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.flaw {
            Flaw::ShowsThePassword => formatter.write_str("accounts with orange tree"),
            _ => formatter.write_str("accounts"),
        }
    }
}

#[async_trait]
impl AuthProvider for Flawed {
    fn id(&self) -> &'static str {
        self.accounts.id()
    }

    async fn identify(&self, credential: &Credential) -> Result<Identified, AuthError> {
        match credential {
            Credential::Basic { name, .. } if self.flaw == Flaw::TrustsTheNameAlone => {
                Ok(Identified::Principal(Principal::user(name)))
            }
            _ => self.accounts.identify(credential).await,
        }
    }

    async fn log_in(&self, login: &PasswordLogin) -> Result<LoggedIn, AuthError> {
        match self.accounts.log_in(login).await? {
            LoggedIn::NoSuchAccount if self.flaw == Flaw::CallsAnUnknownNameWrong => {
                Ok(LoggedIn::WrongPassword)
            }
            answer => Ok(answer),
        }
    }

    async fn offers_sign_up(&self, login: &PasswordLogin) -> Result<bool, AuthError> {
        self.accounts.offers_sign_up(login).await
    }

    async fn sign_up(&self, login: &PasswordLogin) -> Result<SignedUp, AuthError> {
        match self.accounts.sign_up(login).await? {
            SignedUp::NameTaken if self.flaw == Flaw::MakesAccountsAgain => {
                Ok(SignedUp::Principal(Principal::user(&login.name)))
            }
            answer => Ok(answer),
        }
    }

    async fn look_up(&self, name: &str) -> Result<Option<Profile>, AuthError> {
        let found = self.accounts.look_up(name).await?;
        Ok(found.filter(|_| self.flaw != Flaw::KeepsNoAccounts))
    }

    async fn change_account(&self, name: &str, change: &AccountChange) -> Result<AccountChanged, AuthError> {
        match (self.accounts.change_account(name, change).await?, self.flaw) {
            (AccountChanged::WrongPassword, Flaw::ChangesAnyPassword) => {
                let found = self.accounts.look_up(name).await?;
                Ok(found.map_or(AccountChanged::NotOffered, AccountChanged::Profile))
            }
            (AccountChanged::Profile(mut profile), Flaw::KeepsSessions) => {
                profile.details.sessions_since = None;
                Ok(AccountChanged::Profile(profile))
            }
            (changed, _) => Ok(changed),
        }
    }

    async fn start_web_login(&self, callback: &Url) -> Result<Option<WebLogin>, AuthError> {
        self.accounts.start_web_login(callback).await
    }

    async fn finish_web_login(&self, state: &str, query: &str) -> Result<Identified, AuthError> {
        match self.flaw {
            Flaw::FinishesAnyWebLogin => Ok(Identified::Principal(Principal::user("ana"))),
            _ => self.accounts.finish_web_login(state, query).await,
        }
    }

    async fn start_device_login(&self) -> Result<Option<DeviceLogin>, AuthError> {
        self.accounts.start_device_login().await
    }

    async fn poll_device_login(&self, state: &SecretString) -> Result<DevicePoll, AuthError> {
        match self.flaw {
            Flaw::FinishesAnyDeviceLogin => {
                Ok(DevicePoll::Finished(Identified::Principal(Principal::user("ana"))))
            }
            _ => self.accounts.poll_device_login(state).await,
        }
    }

    async fn revoke(&self, credential: &Credential) -> Result<(), AuthError> {
        match self.flaw {
            Flaw::RefusesToRevokeTwice => Err(AuthError::Unacceptable { reason: "already revoked".into() }),
            _ => self.accounts.revoke(credential).await,
        }
    }
}

async fn check(flaw: Flaw) {
    let make = async || Arc::new(Flawed { accounts: local_accounts(true).await, flaw }) as _;
    conformance::auth_provider(make, &ana()).await;
}

#[tokio::test]
async fn a_wrapper_that_does_nothing_keeps_the_contract() {
    check(Flaw::None).await;
}

#[tokio::test]
#[should_panic(expected = "is no good credential")]
async fn a_provider_that_trusts_the_name_alone_is_found_out() {
    check(Flaw::TrustsTheNameAlone).await;
}

#[tokio::test]
#[should_panic(expected = "can be looked up")]
async fn a_provider_that_cannot_look_up_its_accounts_is_found_out() {
    check(Flaw::KeepsNoAccounts).await;
}

#[tokio::test]
#[should_panic(expected = "is left to the next provider")]
async fn a_provider_that_keeps_others_from_being_asked_is_found_out() {
    check(Flaw::CallsAnUnknownNameWrong).await;
}

#[tokio::test]
#[should_panic(expected = "a name that is taken is made again")]
async fn a_provider_that_makes_accounts_again_is_found_out() {
    check(Flaw::MakesAccountsAgain).await;
}

#[tokio::test]
#[should_panic(expected = "a secret is shown")]
async fn a_provider_that_shows_a_password_is_found_out() {
    check(Flaw::ShowsThePassword).await;
}

#[tokio::test]
#[should_panic(expected = "lets a user in")]
async fn a_provider_that_finishes_any_web_login_is_found_out() {
    check(Flaw::FinishesAnyWebLogin).await;
}

#[tokio::test]
#[should_panic(expected = "a wrong old password changes nothing")]
async fn a_provider_that_changes_any_password_is_found_out() {
    check(Flaw::ChangesAnyPassword).await;
}

#[tokio::test]
#[should_panic(expected = "a new password ends the sessions")]
async fn a_provider_that_keeps_sessions_is_found_out() {
    check(Flaw::KeepsSessions).await;
}

#[tokio::test]
#[should_panic(expected = "no user has typed a code")]
async fn a_provider_that_finishes_any_device_login_is_found_out() {
    check(Flaw::FinishesAnyDeviceLogin).await;
}

#[tokio::test]
#[should_panic(expected = "to revoke is idempotent")]
async fn a_provider_that_refuses_to_revoke_is_found_out() {
    check(Flaw::RefusesToRevokeTwice).await;
}
