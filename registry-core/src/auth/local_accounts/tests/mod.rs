mod store;

use std::error::Error as _;
use std::sync::Mutex;

use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt as _;
use futures::future::join_all;
use url::Url;

use super::*;
use crate::auth::NewPassword;
use crate::storage;
use crate::storage::BlobPath;
use store::MapStore;

#[derive(Debug)]
struct SetClock(Mutex<DateTime<Utc>>);

impl SetClock {
    fn advance(&self, by: TimeDelta) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for SetClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

#[derive(Debug)]
struct Sevens;

impl Randomness for Sevens {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(7);
    }
}

struct Fixture {
    store: Arc<MapStore>,
    clock: Arc<SetClock>,
    accounts: LocalAccounts,
}

fn fixture() -> Fixture {
    let store = Arc::new(MapStore::default());
    let clock = Arc::new(SetClock(Mutex::new(DateTime::from_timestamp(1_767_323_045, 0).unwrap())));
    let accounts = LocalAccounts::new(Arc::clone(&store) as _, Arc::clone(&clock) as _, Arc::new(Sevens))
        .with_password_cost(PasswordCost::cheapest());
    Fixture { store, clock, accounts }
}

async fn with_ana() -> Fixture {
    let fixture = fixture();
    let signed_up = fixture.accounts.sign_up(&login("ana", "orange tree")).await.unwrap();
    assert!(matches!(signed_up, SignedUp::Principal(_)));
    fixture
}

fn login(name: &str, password: &str) -> PasswordLogin {
    PasswordLogin { name: name.into(), password: password.into(), email: Some("ana@mail.example".into()) }
}

fn basic(name: &str, password: &str) -> Credential {
    Credential::Basic { name: name.into(), password: password.into() }
}

fn ana() -> Principal {
    Principal::user("ana").with_email("ana@mail.example")
}

fn path_of_ana() -> BlobPath {
    Key::Account("ana").path().unwrap()
}

#[tokio::test]
async fn an_account_is_created_once_and_then_logs_in() {
    let Fixture { accounts, .. } = fixture();
    assert_eq!(accounts.log_in(&login("ana", "orange tree")).await.unwrap(), LoggedIn::NoSuchAccount);
    assert_eq!(accounts.sign_up(&login("ana", "orange tree")).await.unwrap(), SignedUp::Principal(ana()));
    assert_eq!(accounts.sign_up(&login("ana", "apple tree")).await.unwrap(), SignedUp::NameTaken);
    assert_eq!(accounts.log_in(&login("ana", "orange tree")).await.unwrap(), LoggedIn::Principal(ana()));
    assert_eq!(accounts.log_in(&login("ana", "apple tree")).await.unwrap(), LoggedIn::WrongPassword);
    assert_eq!(accounts.log_in(&login("ana", &"x".repeat(1025))).await.unwrap(), LoggedIn::WrongPassword);
    assert_eq!(accounts.log_in(&login("ben", "orange tree")).await.unwrap(), LoggedIn::NoSuchAccount);
    let Profile { principal, email, .. } = accounts.look_up("ana").await.unwrap().unwrap();
    assert_eq!((principal, email.as_deref()), (ana(), Some("ana@mail.example")));
    assert_eq!(accounts.look_up("ben").await.unwrap(), None);
}

#[tokio::test]
async fn the_stored_account_holds_a_hash_and_no_password() {
    let Fixture { store, .. } = with_ana().await;
    let stored = store.get(&path_of_ana()).await.unwrap().unwrap().bytes;
    insta::assert_snapshot!(std::str::from_utf8(&stored).unwrap(), @r#"
    {
      "name": "ana",
      "email": "ana@mail.example",
      "password": "$argon2id$v=19$m=8,t=1,p=1$BwcHBwcHBwcHBwcHBwcHBw$HC2yBxss+XvxO3QZNoANp5fFjo1kwDO7f3VFaE3epiU",
      "created": "2026-01-02T03:04:05.000Z",
      "updated": "2026-01-02T03:04:05.000Z"
    }
    "#);
}

#[tokio::test]
async fn one_of_many_concurrent_sign_ups_gets_the_name() {
    let Fixture { accounts, .. } = fixture();
    let passwords: Vec<String> = (0..8).map(|number| format!("plum orchard {number}")).collect();
    let sign_ups: Vec<PasswordLogin> = passwords.iter().map(|password| login("ana", password)).collect();
    let outcomes = join_all(sign_ups.iter().map(|sign_up| accounts.sign_up(sign_up))).await;
    let outcomes: Vec<SignedUp> = outcomes.into_iter().map(Result::unwrap).collect();
    let winners: Vec<usize> = (0..8).filter(|at| outcomes[*at] == SignedUp::Principal(ana())).collect();
    let [winner] = winners[..] else { panic!("{outcomes:?}") };
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == SignedUp::NameTaken).count(), 7);
    for (at, sign_up) in sign_ups.iter().enumerate() {
        let expected = if at == winner { LoggedIn::Principal(ana()) } else { LoggedIn::WrongPassword };
        assert_eq!(accounts.log_in(sign_up).await.unwrap(), expected, "{at}");
    }
}

#[tokio::test]
async fn an_invalid_sign_up_is_rejected_with_a_reason() {
    let Fixture { store, accounts, .. } = fixture();
    let long = "a".repeat(65);
    for name in ["", "Ana", ".ana", "-ana", "_ana", "a/b", "a b", "änna", "a:b", "a\0", &long] {
        let refused = accounts.sign_up(&login(name, "orange tree")).await.unwrap_err();
        assert!(matches!(refused, AuthError::Unacceptable { .. }), "{name:?}");
        assert!(
            refused.to_string().starts_with("an account name has 1 to 64 lowercase letters"),
            "{refused}"
        );
        assert_eq!(accounts.log_in(&login(name, "orange tree")).await.unwrap(), LoggedIn::NoSuchAccount);
        assert_eq!(accounts.look_up(name).await.unwrap(), None);
    }
    for (password, said) in [
        ("", "a password has at least 8 characters; choose a longer one"),
        ("Xk4!vq9", "a password has at least 8 characters; choose a longer one"),
        (&"x".repeat(1025), "a password has at most 1024 bytes; choose a shorter one"),
    ] {
        assert_eq!(accounts.sign_up(&login("ana", password)).await.unwrap_err().to_string(), said);
    }
    let with_email = |email: &str| PasswordLogin { email: Some(email.into()), ..login("ana", "orange tree") };
    for email in ["a\n@mail.example", &"x".repeat(255)] {
        let refused = accounts.sign_up(&with_email(email)).await.unwrap_err();
        assert!(refused.to_string().starts_with("an email address has"), "{refused}");
    }
    assert_eq!(store.get(&path_of_ana()).await.unwrap(), None);

    for name in ["a", "0", "ana.maria-2_b", &"a".repeat(64)] {
        let signed_up = accounts.sign_up(&login(name, "orange tree")).await.unwrap();
        assert!(matches!(signed_up, SignedUp::Principal(principal) if principal.name == name), "{name}");
    }
    let signed_up = accounts.sign_up(&with_email("")).await.unwrap();
    assert_eq!(signed_up, SignedUp::Principal(Principal::user("ana")));
}

#[tokio::test]
async fn without_sign_up_only_existing_accounts_log_in() {
    let accounts = with_ana().await.accounts.with_sign_up(false);
    assert_eq!(accounts.sign_up(&login("ben", "orange tree")).await.unwrap(), SignedUp::NotOffered);
    assert_eq!(accounts.log_in(&login("ana", "orange tree")).await.unwrap(), LoggedIn::Principal(ana()));
}

#[tokio::test]
async fn basic_credentials_are_like_a_login_and_tokens_are_for_others() {
    let Fixture { accounts, .. } = with_ana().await;
    let right = accounts.identify(&basic("ana", "orange tree")).await.unwrap();
    assert_eq!(right, Identified::Principal(ana()));
    assert_eq!(accounts.identify(&basic("ana", "apple tree")).await.unwrap(), Identified::Rejected);
    assert_eq!(accounts.identify(&basic("ben", "orange tree")).await.unwrap(), Identified::NotMine);
    let token = Credential::Bearer("orange tree".into());
    assert_eq!(accounts.identify(&token).await.unwrap(), Identified::NotMine);
    accounts.revoke(&token).await.unwrap();
    let callback = Url::parse("https://registry.example/done").unwrap();
    assert_eq!(accounts.start_web_login(&callback).await.unwrap(), None);
    assert_eq!(accounts.finish_web_login("", "").await.unwrap(), Identified::NotMine);
}

#[tokio::test]
async fn a_right_password_is_not_hashed_again_for_half_a_minute() {
    let Fixture { clock, accounts, .. } = with_ana().await;
    let (right, wrong) = (basic("ana", "orange tree"), basic("ana", "apple tree"));
    assert_eq!(accounts.identify(&right).await.unwrap(), Identified::Principal(ana()));
    assert_eq!(accounts.identify(&wrong).await.unwrap(), Identified::Rejected);

    // While all permits are taken, only requests that need no hashing complete.
    let turns = (accounts.passwords.turn().await.unwrap(), accounts.passwords.turn().await.unwrap());
    clock.advance(TimeDelta::milliseconds(29_999));
    assert_eq!(accounts.identify(&right).now_or_never().unwrap().unwrap(), Identified::Principal(ana()));
    assert!(accounts.identify(&wrong).now_or_never().is_none());
    assert!(accounts.identify(&basic("anao", "range tree")).now_or_never().is_none());
    // The account was read just now and is cached for a while.
    clock.advance(TimeDelta::seconds(5));
    assert!(accounts.identify(&right).now_or_never().is_none());
    clock.advance(TimeDelta::minutes(-1));
    assert!(
        accounts.identify(&right).now_or_never().is_none(),
        "a clock that was set back lengthens nothing"
    );
    drop(turns);
    assert_eq!(accounts.identify(&right).await.unwrap(), Identified::Principal(ana()));
}

/// Another process on the same store.
fn other_process(fixture: &Fixture) -> LocalAccounts {
    LocalAccounts::new(Arc::clone(&fixture.store) as _, Arc::clone(&fixture.clock) as _, Arc::new(Sevens))
        .with_password_cost(PasswordCost::cheapest())
}

fn new_password(old: &str, new: &str) -> AccountChange {
    let password = Some(NewPassword { old: old.into(), new: new.into() });
    AccountChange { password, ..AccountChange::default() }
}

#[tokio::test]
async fn a_changed_password_ends_at_once_here_and_in_seconds_in_other_processes() {
    let fixture = with_ana().await;
    let other = other_process(&fixture);
    let unbelieving = other_process(&fixture).with_password_cache(Duration::ZERO);
    let old = basic("ana", "orange tree");
    for accounts in [&fixture.accounts, &other, &unbelieving] {
        assert_eq!(accounts.identify(&old).await.unwrap(), Identified::Principal(ana()));
    }
    let change = new_password("orange tree", "walnut bridge");
    let changed = fixture.accounts.change_account("ana", &change).await.unwrap();
    assert!(matches!(changed, AccountChanged::Profile(_)));
    assert_eq!(fixture.accounts.identify(&old).await.unwrap(), Identified::Rejected);
    assert_eq!(unbelieving.identify(&old).await.unwrap(), Identified::Rejected);
    fixture.clock.advance(TimeDelta::milliseconds(4_999));
    assert_eq!(other.identify(&old).await.unwrap(), Identified::Principal(ana()), "believed a while longer");
    fixture.clock.advance(TimeDelta::milliseconds(1));
    assert_eq!(other.identify(&old).await.unwrap(), Identified::Rejected);
}

#[tokio::test]
async fn a_check_overtaken_by_a_change_is_not_cached() {
    let Fixture { store, accounts, .. } = with_ana().await;
    let old = basic("ana", "orange tree");
    let turns = (accounts.passwords.turn().await.unwrap(), accounts.passwords.turn().await.unwrap());
    let mut under_way = Box::pin(accounts.identify(&old));
    assert!((&mut under_way).now_or_never().is_none());
    // What a change does after it is stored.
    store.delete(&path_of_ana()).await.unwrap();
    accounts.changes.fetch_add(1, Ordering::SeqCst);
    drop(turns);
    assert_eq!(under_way.await.unwrap(), Identified::Principal(ana()), "it began before");
    assert_eq!(accounts.identify(&old).await.unwrap(), Identified::NotMine);
}

#[tokio::test]
async fn a_weak_password_is_rejected_for_new_accounts_and_accepted_for_existing_ones() {
    let Fixture { store, accounts, .. } = with_ana().await;
    for weak in ["password", "12345678", "ana12345", "P@ssw0rd1"] {
        let refused = accounts.sign_up(&login("ben", weak)).await.unwrap_err();
        assert!(refused.to_string().starts_with("this password is easily guessed"), "{weak}: {refused}");
        let taken = accounts.sign_up(&login("ana", weak)).await.unwrap_err();
        assert_eq!(taken.to_string(), refused.to_string(), "no matter whose name it is");
        assert_eq!(accounts.refuses_password(&login("ana", weak)).await.unwrap(), Some(refused.to_string()));
        let refused = accounts.change_account("ana", &new_password("orange tree", weak)).await;
        assert!(matches!(refused, Err(AuthError::Unacceptable { .. })), "{weak}");
    }
    assert_eq!(accounts.refuses_password(&login("ben", "orange tree")).await.unwrap(), None);

    // As an earlier version stored it.
    let stored = store.get(&path_of_ana()).await.unwrap().unwrap().bytes;
    let mut stored: serde_json::Value = serde_json::from_slice(&stored).unwrap();
    let turn = accounts.passwords.turn().await.unwrap();
    let hash = accounts.passwords.hash(turn, &"abc".into(), &Sevens).await.unwrap();
    stored["password"] = hash.into();
    let _ = store.put(&path_of_ana(), stored.to_string().into(), When::Always).await.unwrap();
    assert_eq!(accounts.log_in(&login("ana", "abc")).await.unwrap(), LoggedIn::Principal(ana()));
    let right = accounts.identify(&basic("ana", "abc")).await.unwrap();
    assert_eq!(right, Identified::Principal(ana()));
    let changed = accounts.change_account("ana", &new_password("abc", "walnut bridge")).await.unwrap();
    assert!(matches!(changed, AccountChanged::Profile(_)));
}

/// A runtime with one thread for hashing, so that a test can keep it busy.
fn runtime_with_one_hashing_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap()
}

/// Keeps that thread busy until the returned sender is dropped.
fn keep_hashing_thread_busy() -> std::sync::mpsc::Sender<()> {
    let (release, released) = std::sync::mpsc::channel();
    tokio::task::spawn_blocking(move || released.recv());
    release
}

#[test]
fn concurrent_requests_share_one_hash() {
    runtime_with_one_hashing_thread().block_on(async {
        let Fixture { accounts, .. } = with_ana().await;
        let right = basic("ana", "orange tree");
        let turns = (accounts.passwords.turn().await.unwrap(), accounts.passwords.turn().await.unwrap());
        let mut waiting = Box::pin(accounts.identify(&right));
        assert!((&mut waiting).now_or_never().is_none());
        accounts.recent.remember(accounts.recent.hash("ana", &"orange tree".into()), &ana());
        let _busy = keep_hashing_thread_busy();
        drop(turns);
        assert!(waiting.now_or_never().is_some(), "what is remembered meanwhile needs no hashing");
    });
}

#[test]
fn an_unknown_name_takes_as_long_as_a_known_one() {
    for name in ["ana", "ben", "Not A Name"] {
        runtime_with_one_hashing_thread().block_on(async {
            let Fixture { accounts, .. } = with_ana().await;
            let _busy = keep_hashing_thread_busy();
            // The store of these tests answers at once, so a pending future waits for a hash.
            assert!(
                accounts.log_in(&login(name, &"x".repeat(1025))).now_or_never().is_some(),
                "{name}, too long"
            );
            assert!(accounts.log_in(&login(name, "apple tree")).now_or_never().is_none(), "{name}");
        });
    }
}

#[tokio::test]
async fn a_damaged_account_is_an_error_that_shows_no_secret() {
    let Fixture { store, accounts, .. } = with_ana().await;
    let whole = store.get(&path_of_ana()).await.unwrap().unwrap().bytes;
    let whole = std::str::from_utf8(&whole).unwrap();
    let other_name = whole.replace(r#""ana""#, r#""ben""#);
    let no_hash = whole.replace("$argon2id", "argon2id");
    for (damaged, said) in [
        (&whole[..40], "_accounts/ana.json holds no account: unexpected JSON at line 3, column"),
        (r#""$argon2id$secret""#, "_accounts/ana.json holds no account: unexpected JSON at line 1, column"),
        (&other_name, "_accounts/ana.json holds no account: it is the account of another user"),
        (&no_hash, "_accounts/ana.json holds no account: its password is no hash"),
    ] {
        let _ = store.put(&path_of_ana(), damaged.to_owned().into(), When::Always).await.unwrap();
        let error = accounts.log_in(&login("ana", "orange tree")).await.unwrap_err();
        assert_eq!(error.to_string(), "local accounts did not answer");
        let source = error.source().unwrap().to_string();
        assert!(source.starts_with(said), "{source}");
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        assert!(accounts.identify(&basic("ana", "orange tree")).await.is_err());
    }
}

#[tokio::test]
async fn debug_and_display_show_no_password() {
    let Fixture { accounts, .. } = with_ana().await;
    accounts.identify(&basic("ana", "orange tree")).await.unwrap();
    assert!(!format!("{accounts:?} {accounts}").contains("orange"));
    assert_eq!(accounts.to_string(), "local accounts");
    assert_eq!(accounts.id(), "local");
}

#[tokio::test]
async fn passwords_cost_what_owasp_recommends() {
    let Fixture { store, accounts, .. } = fixture();
    let accounts = accounts.with_password_cost(PasswordCost::default());
    accounts.sign_up(&login("ana", "orange tree")).await.unwrap();
    let stored = store.get(&path_of_ana()).await.unwrap().unwrap().bytes;
    let stored: serde_json::Value = serde_json::from_slice(&stored).unwrap();
    assert!(stored["password"].as_str().unwrap().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
}
