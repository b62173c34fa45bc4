use std::future::Future;
use std::sync::Arc;

use futures::future::join_all;
use registry_core::auth::{
    AccountChange, AccountChanged, AuthError, AuthProvider, Credential, DevicePoll, Identified, LoggedIn,
    NewPassword, PasswordLogin, ProfileField, SignedUp,
};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

/// An account that the provider under test knows.
#[derive(Debug, Clone)]
pub struct KnownAccount {
    /// Its name.
    pub name: String,
    /// A good credential of it.
    pub credential: Credential,
    /// Its password, where the provider takes passwords.
    pub password: Option<SecretString>,
}

impl KnownAccount {
    /// An account of a provider that takes name and password, at a login and with each request.
    pub fn with_password(name: impl Into<String>, password: impl Into<SecretString>) -> Self {
        let (name, password) = (name.into(), password.into());
        let credential = Credential::Basic { name: name.clone(), password: password.clone() };
        Self { name, credential, password: Some(password) }
    }

    /// An account of a provider that takes no passwords.
    pub fn with_credential(name: impl Into<String>, credential: Credential) -> Self {
        Self { name: name.into(), credential, password: None }
    }
}

/// Names that no account can have, or that no account of a test has.
const UNKNOWN_NAMES: [&str; 9] =
    ["no-account-of-that-name", "", ".", "..", "../ana", "a/b", "line\nfeed", "nul\0", "名前"];

/// Checks that a provider keeps the contract of [`AuthProvider`].
///
/// `make` makes a provider that knows the account `known`, is not used by another test, and has no account whose
/// name begins with `conformance`.
///
/// # Panics
///
/// Where the contract is not kept.
pub async fn auth_provider<Making>(make: impl Fn() -> Making + Send + Sync, known: &KnownAccount)
where
    Making: Future<Output = Arc<dyn AuthProvider>> + Send,
{
    introduces_itself(&*make().await, &*make().await);
    knows_who_holds_a_credential(&*make().await, known).await;
    lets_no_other_user_in(&*make().await, known).await;
    logs_in_with_a_password(&*make().await, known).await;
    makes_accounts_once(&*make().await, known).await;
    changes_accounts_whole_or_not_at_all(&*make().await, known).await;
    finishes_no_web_login_that_it_did_not_start(&*make().await).await;
    finishes_no_device_login_before_its_user_does(&*make().await).await;
    revokes_more_than_once(&*make().await, known).await;
}

fn introduces_itself(provider: &dyn AuthProvider, again: &dyn AuthProvider) {
    let id = provider.id();
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    assert!(!id.is_empty() && id.bytes().all(fits), "the id {id:?} is a short word in small letters");
    assert_eq!(id, again.id(), "the id never changes");
    assert!(!provider.to_string().is_empty(), "a provider displays itself by a name, for logs");
}

async fn knows_who_holds_a_credential(provider: &dyn AuthProvider, known: &KnownAccount) {
    let first = identify(provider, &known.credential).await;
    let Identified::Principal(principal) = &first else {
        panic!("a good credential is answered with its principal, not with {first:?}");
    };
    assert_eq!(principal.name, known.name, "the principal has the name of the account");
    assert_eq!(identify(provider, &known.credential).await, first, "the same credential, the same answer");

    let Ok(Some(profile)) = provider.look_up(&known.name).await else {
        panic!("the account of a good credential can be looked up");
    };
    assert_eq!(profile.principal.name, principal.name, "both ways lead to the same name");
    assert_eq!(profile.principal.kind, principal.kind, "both ways lead to the same kind");
    assert_eq!(profile.email, profile.principal.email, "a profile has one email address");
    assert_eq!(profile.principal.subject, principal.subject, "both ways lead to the same subject");
    for name in UNKNOWN_NAMES {
        let found = provider.has_name(name).await;
        assert!(matches!(found, Ok(false)), "no account is called {name:?}, yet: {found:?}");
        let found = provider.look_up(name).await;
        assert!(matches!(found, Ok(None)), "there is no account {name:?} to look up, yet: {found:?}");
    }
}

async fn lets_no_other_user_in(provider: &dyn AuthProvider, known: &KnownAccount) {
    let basic =
        |name: &str, password: &str| Credential::Basic { name: name.into(), password: password.into() };
    let mut bad = vec![
        Credential::Bearer("npm_0123456789abcdefghijklmnopqrstuvwxyz".into()),
        Credential::Bearer("".into()),
        Credential::Bearer("line\nfeed".into()),
        basic(&known.name, "conformance: a wrong password"),
        basic(&known.name, ""),
        basic(&known.name, &"long".repeat(10_000)),
    ];
    bad.extend(UNKNOWN_NAMES.map(|name| basic(name, "conformance: a password")));
    bad.push(match &known.credential {
        Credential::Bearer(token) => Credential::Bearer(format!("{}x", token.expose_secret()).into()),
        Credential::Basic { name, password } => basic(name, &format!("{}x", password.expose_secret())),
    });
    // Before and after the good one, since an answer that is kept must be kept for its own credential alone.
    for _ in 0..2 {
        for credential in &bad {
            match provider.identify(credential).await {
                Ok(Identified::Rejected | Identified::NotMine) | Err(AuthError::Unacceptable { .. }) => {}
                answer => panic!("{credential:?} is no good credential, yet: {answer:?}"),
            }
        }
        identify(provider, &known.credential).await;
    }
}

async fn logs_in_with_a_password(provider: &dyn AuthProvider, known: &KnownAccount) {
    for name in UNKNOWN_NAMES {
        match provider.log_in(&login(name, "conformance: a password")).await {
            Ok(LoggedIn::NoSuchAccount) | Err(AuthError::Unacceptable { .. }) => {}
            answer => panic!("an unknown name is left to the next provider, {name:?} was not: {answer:?}"),
        }
    }
    let wrong = provider.log_in(&login(&known.name, "conformance: a wrong password")).await;
    let Some(password) = &known.password else {
        assert!(
            matches!(wrong, Ok(LoggedIn::NoSuchAccount) | Err(AuthError::Unacceptable { .. })),
            "a provider without passwords leaves them to the next, or says what to do instead"
        );
        return;
    };
    assert!(
        matches!(wrong, Ok(LoggedIn::WrongPassword) | Err(AuthError::Unacceptable { .. })),
        "a wrong password is called one, or it is said what to do instead, not {wrong:?}"
    );
    let right = provider.log_in(&login(&known.name, password.expose_secret())).await;
    let Ok(LoggedIn::Principal(principal)) = right else {
        panic!("a right password logs in, yet: {right:?}");
    };
    assert_eq!(principal.name, known.name, "a login leads to the same name as a credential");
    assert_hidden(password, &format!("{provider:?} {provider}"));
}

async fn makes_accounts_once(provider: &dyn AuthProvider, known: &KnownAccount) {
    let taken = provider.sign_up(&login(&known.name, "conformance: a password")).await;
    assert!(!matches!(taken, Ok(SignedUp::Principal(_))), "a name that is taken is made again: {taken:?}");

    let secret = SecretString::from("conformance: a secret");
    for name in &UNKNOWN_NAMES[1..] {
        match provider.sign_up(&login(name, secret.expose_secret())).await {
            Ok(SignedUp::NotOffered) => {}
            Err(error @ AuthError::Unacceptable { .. }) => {
                assert_hidden(&secret, &format!("{error:?} {error}"));
            }
            answer => panic!(
                "a name that cannot be in a URL is refused with a reason, {name:?} was not: {answer:?}"
            ),
        }
    }

    let ours = login("conformance", secret.expose_secret());
    let offered = provider.offers_sign_up(&ours).await;
    let Ok(offered) = offered else { panic!("a sign-up is offered or not, yet: {offered:?}") };
    match provider.sign_up(&ours).await {
        Ok(SignedUp::NotOffered) => {
            assert!(!offered, "what is offered can be had");
            return;
        }
        Ok(SignedUp::Principal(principal)) => {
            assert!(offered, "an account is made that was not offered");
            assert_eq!(principal.name, ours.name, "the new account has its name");
        }
        answer => panic!("a sign-up is accepted or not offered, yet: {answer:?}"),
    }
    for name in ["conformance", "CONFORMANCE"] {
        let has = provider.has_name(name).await;
        assert!(matches!(has, Ok(true)), "it has the name of the new account, capitals aside, yet: {has:?}");
    }
    let logged_in = provider.log_in(&ours).await;
    assert!(matches!(logged_in, Ok(LoggedIn::Principal(_))), "a new account logs in, yet: {logged_in:?}");
    let other = login("conformance", "conformance: another password");
    let again = provider.sign_up(&other).await;
    assert!(matches!(again, Ok(SignedUp::NameTaken)), "an account is made once, yet: {again:?}");
    let logged_in = provider.log_in(&other).await;
    assert!(
        matches!(logged_in, Ok(LoggedIn::WrongPassword)),
        "a second sign-up changes nothing, yet: {logged_in:?}"
    );

    let race: Vec<PasswordLogin> =
        (0..6).map(|number| login("conformance-race", &format!("conformance: password {number}"))).collect();
    let outcomes = join_all(race.iter().map(|login| provider.sign_up(login))).await;
    let won: Vec<bool> =
        outcomes.iter().map(|outcome| matches!(outcome, Ok(SignedUp::Principal(_)))).collect();
    assert_eq!(
        won.iter().filter(|won| **won).count(),
        1,
        "of sign-ups at once one gets the name: {outcomes:?}"
    );
    for (login, won) in race.iter().zip(won) {
        let logged_in = matches!(provider.log_in(login).await, Ok(LoggedIn::Principal(_)));
        assert_eq!(logged_in, won, "the user who got the name logs in, and no other");
    }
}

async fn changes_accounts_whole_or_not_at_all(provider: &dyn AuthProvider, known: &KnownAccount) {
    let homepage = |text: &str| AccountChange {
        fields: vec![(ProfileField::Homepage, Some(text.to_owned()))],
        ..AccountChange::default()
    };
    for name in UNKNOWN_NAMES {
        let changed = provider.change_account(name, &homepage("https://registry.example/")).await;
        assert!(
            matches!(changed, Ok(AccountChanged::NotOffered)),
            "there is no account {name:?} to change, yet: {changed:?}"
        );
    }
    let Some(password) = &known.password else { return };
    let to_new = |old: &str| AccountChange {
        password: Some(NewPassword { old: old.into(), new: "conformance: a new password".into() }),
        ..homepage("https://registry.example/new")
    };
    match provider.change_account(&known.name, &homepage("https://registry.example/old")).await {
        Ok(AccountChanged::NotOffered) => return,
        Ok(AccountChanged::Profile(_)) => {}
        answer => panic!("an account is changed or not, yet: {answer:?}"),
    }
    let homepage_now = async || match provider.look_up(&known.name).await {
        Ok(Some(profile)) => profile.details.get(ProfileField::Homepage).map(str::to_owned),
        answer => panic!("the account of a good credential can be looked up: {answer:?}"),
    };
    let refused = provider.change_account(&known.name, &to_new("conformance: a wrong password")).await;
    assert!(
        matches!(refused, Ok(AccountChanged::WrongPassword)),
        "a wrong old password changes nothing, yet: {refused:?}"
    );
    assert_eq!(homepage_now().await.as_deref(), Some("https://registry.example/old"), "not even the rest");
    let changed = provider.change_account(&known.name, &to_new(password.expose_secret())).await;
    let Ok(AccountChanged::Profile(profile)) = changed else {
        panic!("the right old password changes the account, yet: {changed:?}");
    };
    assert!(profile.details.sessions_since.is_some(), "a new password ends the sessions: {profile:?}");
    assert_eq!(homepage_now().await.as_deref(), Some("https://registry.example/new"), "all is changed");
    let old = provider.log_in(&login(&known.name, password.expose_secret())).await;
    assert!(matches!(old, Ok(LoggedIn::WrongPassword)), "the old password is over, yet: {old:?}");
    assert!(
        !matches!(provider.identify(&known.credential).await, Ok(Identified::Principal(_))),
        "a credential with the old password is over"
    );
    let new = provider.log_in(&login(&known.name, "conformance: a new password")).await;
    assert!(matches!(new, Ok(LoggedIn::Principal(_))), "the new password logs in, yet: {new:?}");
}

async fn finishes_no_web_login_that_it_did_not_start(provider: &dyn AuthProvider) {
    let Ok(callback) = Url::parse("https://registry.example/-/web-login/callback") else {
        unreachable!("a URL");
    };
    let started = match provider.start_web_login(&callback).await {
        Ok(started) => started,
        Err(error) => panic!("a web login starts or is not offered, yet: {error:?}"),
    };
    let mut states = vec![String::new(), "conformance: no state".into()];
    if let Some(login) = started {
        assert!(matches!(login.url.scheme(), "http" | "https"), "a browser can open {}", login.url);
        assert!(!login.url.as_str().contains("secret"), "no secret is in the URL: {}", login.url);
        states.push(login.state);
    }
    for state in states {
        for query in
            ["", "code=conformance", "code=conformance&state=conformance", "error=access_denied", "%zz"]
        {
            let finished = provider.finish_web_login(&state, query).await;
            assert!(
                !matches!(finished, Ok(Identified::Principal(_))),
                "{query:?} lets a user in: {finished:?}"
            );
        }
    }
}

async fn finishes_no_device_login_before_its_user_does(provider: &dyn AuthProvider) {
    let started = match provider.start_device_login().await {
        Ok(started) => started,
        Err(error) => panic!("a login at a terminal starts or is not offered, yet: {error:?}"),
    };
    let mut states = vec![SecretString::from(""), "conformance: no state".into()];
    if let Some(login) = started {
        assert!(matches!(login.url.scheme(), "http" | "https"), "a browser can open {}", login.url);
        assert!(!login.user_code.is_empty(), "there is something to type");
        assert!(!login.expires_in.is_zero(), "there is time to type it");
        assert_hidden(&login.state, &format!("{login:?}"));
        states.push(login.state);
    }
    for state in states {
        let polled = provider.poll_device_login(&state).await;
        assert!(
            !matches!(polled, Ok(DevicePoll::Finished(Identified::Principal(_)))),
            "no user has typed a code, and one is let in: {polled:?}"
        );
    }
}

async fn revokes_more_than_once(provider: &dyn AuthProvider, known: &KnownAccount) {
    let foreign = Credential::Bearer("npm_0123456789abcdefghijklmnopqrstuvwxyz".into());
    for credential in [&foreign, &foreign, &known.credential, &known.credential] {
        let revoked = provider.revoke(credential).await;
        assert!(
            revoked.is_ok(),
            "to revoke is idempotent, and leaves alone what is not the provider's: {revoked:?}"
        );
    }
}

async fn identify(provider: &dyn AuthProvider, credential: &Credential) -> Identified {
    match provider.identify(credential).await {
        Ok(identified) => identified,
        Err(error) => panic!("a good credential gets an answer, yet: {error:?}"),
    }
}

fn login(name: &str, password: &str) -> PasswordLogin {
    PasswordLogin { name: name.into(), password: password.into(), email: Some("ana@mail.example".into()) }
}

fn assert_hidden(secret: &SecretString, shown: &str) {
    assert!(!shown.contains(secret.expose_secret()), "a secret is shown: {shown}");
}
