use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use registry_core::auth::{
    AuthError, AuthProvider, Credential, DeviceLogin, DevicePoll, Identified, Principal, Profile,
    ProfileDetails,
};
use registry_testkit::TestRegistry;
use registry_testkit::http_client::TestResponse;
use registry_testkit::test_registry::TestClient;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::{events, forget_events};

/// A provider with a page for codes.
#[derive(Debug, Default)]
struct WithCodes {
    started: AtomicU32,
    asked: AtomicU32,
    /// Who entered the code; `Err` where they refused.
    entered: Mutex<Option<Result<&'static str, ()>>>,
}

#[async_trait]
impl AuthProvider for WithCodes {
    fn id(&self) -> &'static str {
        "with-codes"
    }

    async fn identify(&self, _: &Credential) -> Result<Identified, AuthError> {
        Ok(Identified::NotMine)
    }

    async fn look_up(&self, name: &str) -> Result<Option<Profile>, AuthError> {
        let principal = (name == "ana").then(|| Principal::user(name));
        Ok(principal.map(|principal| Profile { principal, email: None, details: ProfileDetails::default() }))
    }

    async fn start_device_login(&self) -> Result<Option<DeviceLogin>, AuthError> {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        Ok(Some(DeviceLogin {
            url: "https://provider.example/device".parse().unwrap(),
            user_code: format!("WDJB-{number:04}"),
            interval: Duration::from_secs(5),
            expires_in: Duration::from_mins(15),
            state: format!("state-{number}").into(),
        }))
    }

    async fn poll_device_login(&self, state: &SecretString) -> Result<DevicePoll, AuthError> {
        assert!(state.expose_secret().starts_with("state-"));
        self.asked.fetch_add(1, Ordering::Relaxed);
        Ok(match *self.entered.lock().unwrap() {
            None => DevicePoll::Waiting { slower_by: Duration::from_secs(1) },
            Some(Ok(name)) => DevicePoll::Finished(Identified::Principal(Principal::user(name))),
            Some(Err(())) => DevicePoll::Finished(Identified::Rejected),
        })
    }
}

impl fmt::Display for WithCodes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the provider with codes")
    }
}

/// A registry with that provider behind its own accounts.
struct Ground {
    registry: TestRegistry,
    provider: Arc<WithCodes>,
}

impl Ground {
    async fn new() -> Self {
        let provider = Arc::new(WithCodes::default());
        let known = Arc::clone(&provider) as Arc<dyn AuthProvider>;
        let registry = TestRegistry::builder().provider(known).accounts(false).start().await;
        forget_events(&registry).await;
        Self { registry, provider }
    }

    /// Logs in at a terminal, and answers the digits that it is shown.
    async fn begin(&self) -> String {
        digits_in(&log_in(&self.registry.anonymous(), "ana").await)
    }

    fn enter(&self, entered: Result<&'static str, ()>) {
        *self.provider.entered.lock().unwrap() = Some(entered);
    }

    fn asked(&self) -> u32 {
        self.provider.asked.load(Ordering::Relaxed)
    }

    fn with(&self, digits: &str) -> TestClient {
        self.registry.anonymous().with_one_time_password(digits)
    }

    async fn sessions(&self) -> usize {
        self.registry.keys().await.iter().filter(|key| key.starts_with("_sessions/")).count()
    }
}

async fn log_in(client: &TestClient, name: &str) -> TestResponse {
    let body = json!({ "name": name, "password": "device" });
    client.put(&format!("/-/user/org.couchdb.user:{name}"), &body).await
}

#[track_caller]
fn digits_in(response: &TestResponse) -> String {
    assert_eq!(response.status, 401, "{}", response.text());
    assert_eq!(response.header("www-authenticate"), Some("otp"));
    assert!(response.error().contains("one-time pass"), "npm knows the challenge by that");
    let notice = response.header("npm-notice").unwrap();
    let (before, after) = notice.rsplit_once(" enter ").unwrap();
    assert!(
        before.starts_with("Open https://provider.example/device on any device and enter the code WDJB-")
    );
    let digits = after.strip_suffix(" here.").unwrap();
    assert!(digits.len() == 12 && digits.bytes().all(|byte| byte.is_ascii_digit()), "{notice}");
    assert!(!response.text().contains(digits), "the terminal alone is shown them");
    digits.to_owned()
}

#[tokio::test]
async fn a_code_that_was_entered_anywhere_logs_the_terminal_in() {
    let ground = Ground::new().await;
    let digits = ground.begin().await;
    assert_eq!(ground.sessions().await, 1);
    // Too early: the same again, and the provider is not asked more often than it wants to be.
    for _ in 0..2 {
        assert_eq!(digits_in(&log_in(&ground.with(&digits), "ana").await), digits);
    }
    assert_eq!(ground.asked(), 1);
    ground.enter(Ok("ana"));
    assert_eq!(digits_in(&log_in(&ground.with(&digits), "ana").await), digits);
    ground.registry.clock().advance(Duration::from_secs(6));
    // Another server does as well, and people write digits in groups.
    let replica = ground.registry.replica().await;
    forget_events(&replica).await;
    let spaced = format!("{} {}", &digits[..6], &digits[6..]);
    let elsewhere = replica.anonymous().with_one_time_password(&spaced);
    let token = log_in(&elsewhere, "ana").await.assert_status(201).json()["token"].clone();
    assert_eq!(ground.asked(), 2);
    assert_eq!(ground.sessions().await, 0);
    let ana = ground.registry.anonymous().with_token(token.as_str().unwrap());
    assert_eq!(ana.get("/-/whoami").await.assert_status(200).json()["username"], "ana");
    assert_eq!(events(&ground.registry).await, r#"{"kind":"web-login-started"}"#);
    assert_eq!(events(&replica).await, r#"{"kind":"logged-in"}"#);
    let _ = log_in(&ground.with(&digits), "ana").await.assert_status(401);
}

#[tokio::test]
async fn unknown_digits_and_those_of_another_user_ask_no_provider() {
    let ground = Ground::new().await;
    let digits = ground.begin().await;
    ground.enter(Ok("ana"));
    let _ = log_in(&ground.with("000000000000"), "ana").await.assert_status(401);
    let _ = log_in(&ground.with(&digits), "ben").await.assert_status(401);
    ground.registry.clock().advance(Duration::from_mins(15));
    let _ = log_in(&ground.with(&digits), "ana").await.assert_status(401);
    assert_eq!(ground.asked(), 0);
    // A caller who guesses has to wait.
    for _ in 0..8 {
        let _ = log_in(&ground.with("000000000000"), "ana").await;
    }
    let _ = log_in(&ground.with("000000000000"), "ana").await.assert_status(429);
}

#[tokio::test]
async fn a_user_who_refuses_or_is_another_one_is_not_logged_in() {
    for (entered, words, reason) in
        [(Err(()), "did not confirm your login", "provider"), (Ok("eve"), "entered by eve", "other-account")]
    {
        let ground = Ground::new().await;
        let digits = ground.begin().await;
        ground.enter(entered);
        let refused = log_in(&ground.with(&digits), "ana").await.assert_status(422);
        assert!(refused.error().contains(words), "{}", refused.error());
        assert_eq!(ground.sessions().await, 0);
        ground.registry.registry().flush_events().await;
        let told = serde_json::to_value(ground.registry.events().take().last().unwrap()).unwrap();
        assert_eq!((&told["kind"], &told["reason"]), (&json!("web-login-refused"), &json!(reason)));
        let _ = log_in(&ground.with(&digits), "ana").await.assert_status(401);
    }
}

#[tokio::test]
async fn without_a_provider_of_codes_the_word_is_a_password_like_any_other() {
    let registry = TestRegistry::new().await;
    let refused = log_in(&registry.anonymous(), "dan").await.assert_status(401);
    assert!(refused.error().contains("a password has at least 8 characters"), "{}", refused.error());
    let _ =
        log_in(&registry.anonymous().with_one_time_password("000000000000"), "dan").await.assert_status(401);
}

/// Otherwise a guesser would ask for a code after every few passwords.
#[tokio::test]
async fn a_code_does_not_reset_the_count_of_wrong_passwords() {
    let ground = Ground::new().await;
    let client = ground.registry.anonymous();
    let guess = json!({ "name": "ana", "password": "a wrong password" });
    let mut statuses = Vec::new();
    for _ in 0..12 {
        statuses.push(client.put("/-/user/org.couchdb.user:ana", &guess).await.status.as_u16());
        let _ = log_in(&client, "ana").await;
    }
    assert_eq!((statuses[0], statuses[11]), (401, 429), "{statuses:?}");
}
