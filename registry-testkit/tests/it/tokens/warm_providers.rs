use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use registry_core::auth::github::{Github, GithubSettings};
use registry_core::auth::{
    AccountChange, AccountChanged, AuthError, AuthProvider, Credential, DeviceLogin, DevicePoll, Htpasswd,
    Identified, LocalAccounts, LoggedIn, PasswordCost, PasswordLogin, Profile, SignedUp, WebLogin,
};
use registry_core::storage::ObjectStoreBlobs;
use registry_testkit::fake_github::FakeGithub;
use registry_testkit::faulty::Operation;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::test_registry::{PASSWORD, TestClient};
use registry_testkit::{FixedClock, SeededRandomness, TestRegistry, install_tls_provider};
use secrecy::SecretString;
use serde_json::json;
use url::Url;

/// Longer than any test takes, by the machine's clock.
const LONG: Duration = Duration::from_hours(1);
const PACKUMENT: &str = "/pear";

/// Counts how often a provider is asked anything. Passwords are hashed there and nowhere else.
#[derive(Debug)]
struct Counted<Provider> {
    provider: Provider,
    asked: AtomicUsize,
}

impl<Provider> Counted<Provider> {
    fn new(provider: Provider) -> Arc<Self> {
        Arc::new(Self { provider, asked: AtomicUsize::new(0) })
    }

    fn ask(&self) -> &Provider {
        self.asked.fetch_add(1, Ordering::Relaxed);
        &self.provider
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl<Provider: AuthProvider> AuthProvider for Counted<Provider> {
    fn id(&self) -> &'static str {
        self.provider.id()
    }

    async fn identify(&self, credential: &Credential) -> Result<Identified, AuthError> {
        self.ask().identify(credential).await
    }

    async fn log_in(&self, login: &PasswordLogin) -> Result<LoggedIn, AuthError> {
        self.ask().log_in(login).await
    }

    async fn offers_sign_up(&self, login: &PasswordLogin) -> Result<bool, AuthError> {
        self.ask().offers_sign_up(login).await
    }

    async fn sign_up(&self, login: &PasswordLogin) -> Result<SignedUp, AuthError> {
        self.ask().sign_up(login).await
    }

    async fn look_up(&self, name: &str) -> Result<Option<Profile>, AuthError> {
        self.ask().look_up(name).await
    }

    async fn has_name(&self, name: &str) -> Result<bool, AuthError> {
        self.ask().has_name(name).await
    }

    fn has_group(&self, name: &str) -> bool {
        self.provider.has_group(name)
    }

    async fn change_account(&self, name: &str, change: &AccountChange) -> Result<AccountChanged, AuthError> {
        self.ask().change_account(name, change).await
    }

    async fn start_web_login(&self, callback: &Url) -> Result<Option<WebLogin>, AuthError> {
        self.ask().start_web_login(callback).await
    }

    async fn finish_web_login(&self, state: &str, query: &str) -> Result<Identified, AuthError> {
        self.ask().finish_web_login(state, query).await
    }

    async fn start_device_login(&self) -> Result<Option<DeviceLogin>, AuthError> {
        self.ask().start_device_login().await
    }

    async fn poll_device_login(&self, state: &SecretString) -> Result<DevicePoll, AuthError> {
        self.ask().poll_device_login(state).await
    }

    async fn revoke(&self, credential: &Credential) -> Result<(), AuthError> {
        self.ask().revoke(credential).await
    }
}

impl<Provider: AuthProvider> fmt::Display for Counted<Provider> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.provider, formatter)
    }
}

async fn registry_of<Provider: AuthProvider>(provider: &Arc<Counted<Provider>>) -> TestRegistry {
    let provider = Arc::clone(provider) as Arc<dyn AuthProvider>;
    TestRegistry::builder().accounts(false).provider(provider).token_cache(LONG).start().await
}

/// A token of the registry's own for a user who logs in with a password.
async fn log_in(registry: &TestRegistry, name: &str, password: &str) -> TestClient {
    let document = json!({ "name": name, "password": password });
    let path = format!("/-/user/org.couchdb.user:{name}");
    let answer = registry.anonymous().put(&path, &document).await.assert_status(201).json();
    registry.anonymous().with_token(answer["token"].as_str().unwrap())
}

/// Which calls to the store a warm read costs.
async fn cost_of(registry: &TestRegistry, client: &TestClient) -> Vec<(Operation, String)> {
    for _ in 0..2 {
        let _ = client.get(PACKUMENT).await.assert_status(200);
    }
    let before = registry.store().calls().len();
    let _ = client.get(PACKUMENT).await.assert_status(200);
    registry.store().calls().split_off(before)
}

/// A warm read costs a signed-in user nothing more than an anonymous caller, and asks no provider.
async fn assert_free<Provider: AuthProvider>(
    registry: &TestRegistry,
    provider: &Counted<Provider>,
    client: &TestClient,
) {
    let _ = client.publish(&PublishDocument::new("pear", "1.0.0")).await.assert_status(201);
    let anonymous = cost_of(registry, &registry.anonymous()).await;
    assert!(anonymous.iter().all(|(_, path)| path == "pear/index.json"), "{anonymous:?}");
    let _ = client.get(PACKUMENT).await.assert_status(200);
    let before = provider.asked();
    assert!(before > 0, "it never was asked");
    assert_eq!(cost_of(registry, client).await, anonymous);
    assert_eq!(provider.asked(), before);
}

#[tokio::test]
async fn a_token_of_an_account_costs_nothing_when_it_is_warm() {
    let store = Arc::new(ObjectStoreBlobs::in_memory());
    let accounts = LocalAccounts::new(store, Arc::new(FixedClock::new()), Arc::new(SeededRandomness::new(7)));
    let provider = Counted::new(accounts.with_password_cost(PasswordCost::cheapest()));
    let registry = registry_of(&provider).await;
    let ben = log_in(&registry, "ben", PASSWORD).await;
    assert_free(&registry, &provider, &ben).await;
}

#[tokio::test]
async fn a_token_for_a_user_of_an_htpasswd_file_costs_nothing_when_it_is_warm() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("htpasswd");
    std::fs::write(&file, "ben:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n").unwrap();
    let htpasswd = Htpasswd::open(&file, Arc::new(FixedClock::new()), &SeededRandomness::new(7)).unwrap();
    let provider = Counted::new(htpasswd);
    let registry = registry_of(&provider).await;
    let ben = log_in(&registry, "ben", "secret").await;
    assert_free(&registry, &provider, &ben).await;
}

#[tokio::test]
async fn a_personal_token_of_github_costs_nothing_when_it_is_warm() {
    install_tls_provider();
    let fake = FakeGithub::start().await;
    fake.add_user("ben");
    let mut settings = GithubSettings::new(fake.url().clone());
    settings.proxy_from_environment = false;
    let store = Arc::new(ObjectStoreBlobs::in_memory());
    let (clock, randomness) = (Arc::new(FixedClock::new()), Arc::new(SeededRandomness::new(7)));
    let provider = Counted::new(Github::new(settings, store, clock, randomness).unwrap());
    let registry = registry_of(&provider).await;
    let personal = fake.personal_token("ben");
    let clients = [registry.anonymous().with_token(&personal), log_in(&registry, "ben", &personal).await];
    assert_free(&registry, &provider, &clients[0]).await;
    fake.take_asked();
    for client in clients {
        let anonymous = cost_of(&registry, &registry.anonymous()).await;
        let _ = client.get(PACKUMENT).await.assert_status(200);
        assert_eq!(cost_of(&registry, &client).await, anonymous);
    }
    assert_eq!(fake.take_asked(), Vec::<String>::new());
}
