//! Signing in with an issuer of OpenID Connect, against one on this machine.

use std::sync::Arc;
use std::time::Duration;

use registry_core::auth::openid::{IssuerSettings, OpenId, OpenIdSettings};
use registry_core::auth::{AuthProvider, Credential, Identified};
use registry_core::clock::Clock as _;
use registry_core::storage::ObjectStoreBlobs;
use registry_testkit::conformance::{self, KnownAccount};
use registry_testkit::fake_issuer::{CLIENT_ID, CLIENT_SECRET, FakeIssuer};
use registry_testkit::{FixedClock, SeededRandomness, install_tls_provider};
use serde_json::{Value, json};
use url::Url;

/// What tokens of programs are meant for.
const API: &str = "https://registry.example/api";

struct Ground {
    fake: FakeIssuer,
    clock: Arc<FixedClock>,
    store: Arc<ObjectStoreBlobs>,
    settings: OpenIdSettings,
}

impl Ground {
    async fn new() -> Self {
        install_tls_provider();
        let fake = FakeIssuer::start().await;
        let mut issuer = IssuerSettings::new(fake.url());
        issuer.proxy_from_environment = false;
        let mut settings = OpenIdSettings::new(issuer, CLIENT_ID);
        settings.client_secret = Some(CLIENT_SECRET.into());
        let store = Arc::new(ObjectStoreBlobs::in_memory());
        Self { fake, clock: Arc::new(FixedClock::new()), store, settings }
    }

    /// A provider that remembers nothing yet, as in another process.
    fn provider(&self) -> OpenId {
        let (store, clock) = (Arc::clone(&self.store), Arc::clone(&self.clock));
        OpenId::new(self.settings.clone(), store, clock, Arc::new(SeededRandomness::new(1))).unwrap()
    }

    /// What the issuer says of ana now, to this audience.
    fn ana(&self, audience: &str) -> Value {
        let now = self.clock.now().timestamp();
        json!({
            "iss": self.fake.url(), "aud": audience, "sub": "7", "iat": now, "exp": now + 300,
            "preferred_username": "ana", "email": "ana@registry.example", "email_verified": true, "groups": ["acme", "acme/platform"],
        })
    }

    fn ana_with(&self, claim: &str, value: Value) -> Value {
        let mut claims = self.ana(CLIENT_ID);
        claims[claim] = value;
        claims
    }

    /// A login that ends with these claims.
    async fn log_in(&self, claims: Value) -> Identified {
        let login = self.provider().start_web_login(&callback()).await.unwrap().unwrap();
        let query = self.fake.sign_in(&login.url, claims);
        // Another process ends it.
        self.provider().finish_web_login(&login.state, &query).await.unwrap()
    }
}

fn callback() -> Url {
    Url::parse("https://registry.example/-/v1/login/callback").unwrap()
}

#[tokio::test]
async fn openid_keeps_the_contract() {
    let mut ground = Ground::new().await;
    ground.settings.audience = Some(API.into());
    let credential = Credential::Bearer(ground.fake.sign(&ground.ana(API)).into());
    let known = KnownAccount::with_credential("ana", credential);
    conformance::auth_provider(async || Arc::new(ground.provider()) as Arc<dyn AuthProvider>, &known).await;
}

#[tokio::test]
async fn a_login_in_the_browser_brings_name_and_groups() {
    let ground = Ground::new().await;
    let Identified::Principal(ana) = ground.log_in(ground.ana(CLIENT_ID)).await else { panic!("not let in") };
    assert_eq!((ana.name.as_str(), ana.email.as_deref()), ("ana", Some("ana@registry.example")));
    assert_eq!(ana.groups, ["openid:acme", "openid:acme/platform"]);
    // From then on tokens of the registry are answered, for a day.
    let known = ground.provider().look_up("ana").await.unwrap().unwrap();
    assert_eq!(known.principal, ana);
    ground.clock.advance(Duration::from_hours(24));
    assert_eq!(ground.provider().look_up("ana").await.unwrap(), None);
}

#[tokio::test]
async fn only_the_browser_that_began_a_login_ends_it_and_once() {
    let ground = Ground::new().await;
    let provider = ground.provider();
    let one = provider.start_web_login(&callback()).await.unwrap().unwrap();
    let other = provider.start_web_login(&callback()).await.unwrap().unwrap();
    let query = ground.fake.sign_in(&one.url, ground.ana(CLIENT_ID));
    assert_eq!(provider.finish_web_login(&other.state, &query).await.unwrap(), Identified::Rejected);
    // Its code in another login: the verifier is another one.
    let state = other.url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let code = query.split('&').next().unwrap();
    let mixed = format!("{code}&state={state}");
    assert_eq!(provider.finish_web_login(&other.state, &mixed).await.unwrap(), Identified::Rejected);

    let login = provider.start_web_login(&callback()).await.unwrap().unwrap();
    let query = ground.fake.sign_in(&login.url, ground.ana(CLIENT_ID));
    let elsewhere = format!("{query}&iss=https%3A%2F%2Feve.example");
    assert_eq!(provider.finish_web_login(&login.state, &elsewhere).await.unwrap(), Identified::Rejected);
    assert!(matches!(provider.finish_web_login(&login.state, &query).await, Ok(Identified::Principal(_))));
    assert_eq!(provider.finish_web_login(&login.state, &query).await.unwrap(), Identified::Rejected);
}

#[tokio::test]
async fn tokens_of_another_login_let_no_user_in() {
    let ground = Ground::new().await;
    let now = ground.clock.now().timestamp();
    for (claim, value) in [
        ("nonce", json!("of another login")),
        ("aud", json!("another client")),
        ("azp", json!("another client")),
        ("iss", json!("https://eve.example")),
        ("exp", json!(now - 31)),
        ("sub", json!(null)),
        ("preferred_username", json!("../ana")),
        ("preferred_username", json!(null)),
    ] {
        let ended = ground.log_in(ground.ana_with(claim, value.clone())).await;
        assert!(!matches!(ended, Identified::Principal(_)), "{claim} {value}: {ended:?}");
    }
    assert_eq!(ground.provider().look_up("ana").await.unwrap(), None);
}

#[tokio::test]
async fn a_name_stays_with_who_had_it_first() {
    let ground = Ground::new().await;
    assert!(matches!(ground.log_in(ground.ana(CLIENT_ID)).await, Identified::Principal(_)));
    for name in ["ana", "Ana"] {
        let mut eve = ground.ana_with("sub", json!("8"));
        eve["preferred_username"] = name.into();
        assert_eq!(ground.log_in(eve).await, Identified::Rejected);
    }
}

#[tokio::test]
async fn signed_tokens_are_credentials_only_where_an_audience_is_set() {
    let ground = Ground::new().await;
    let provider = ground.provider();
    for audience in [CLIENT_ID, API] {
        let token = Credential::Bearer(ground.fake.sign(&ground.ana(audience)).into());
        assert_eq!(provider.identify(&token).await.unwrap(), Identified::NotMine);
    }
    for audience in ["npm:registry.example", CLIENT_ID, ""] {
        let mut settings = ground.settings.clone();
        settings.audience = Some(audience.into());
        let (store, clock) = (Arc::clone(&ground.store), Arc::clone(&ground.clock));
        let made = OpenId::new(settings, store, clock, Arc::new(SeededRandomness::new(1)));
        assert!(made.is_err(), "{audience}");
    }
}

#[tokio::test]
async fn keys_that_change_between_begin_and_end_do_no_harm() {
    let ground = Ground::new().await;
    let provider = ground.provider();
    let login = provider.start_web_login(&callback()).await.unwrap().unwrap();
    ground.fake.rotate(false);
    ground.clock.advance(Duration::from_secs(31));
    let query = ground.fake.sign_in(&login.url, ground.ana(CLIENT_ID));
    assert!(matches!(provider.finish_web_login(&login.state, &query).await, Ok(Identified::Principal(_))));
}

#[tokio::test]
async fn a_mail_address_is_a_name_only_where_the_issuer_calls_it_verified() {
    let mut ground = Ground::new().await;
    ground.settings.name_claim = "email".into();
    ground.settings.audience = Some(API.into());
    for (verified, is_let_in) in [
        (json!(true), true),
        (json!("true"), true),
        (json!(false), false),
        (json!("false"), false),
        (json!(1), false),
        (Value::Null, false),
    ] {
        for trusted in [false, true] {
            ground.settings.trust_unverified_email = trusted;
            let mut claims = ground.ana(API);
            claims["email_verified"] = verified.clone();
            let credential = Credential::Bearer(ground.fake.sign(&claims).into());
            let identified = ground.provider().identify(&credential).await;
            if is_let_in || trusted {
                let Ok(Identified::Principal(ana)) = identified else { panic!("{verified}: {identified:?}") };
                assert_eq!(ana.name, "ana@registry.example");
            } else {
                let refused = identified.unwrap_err().to_string();
                assert!(refused.contains("not verified"), "{verified}: {refused}");
            }
        }
    }
    let mut claims = ground.ana(API);
    claims.as_object_mut().unwrap().remove("email_verified");
    ground.settings.trust_unverified_email = false;
    let credential = Credential::Bearer(ground.fake.sign(&claims).into());
    assert!(ground.provider().identify(&credential).await.is_err(), "missing is not verified");
}

#[tokio::test]
async fn an_unverified_mail_address_is_not_shown() {
    let ground = Ground::new().await;
    for (verified, shown) in [(json!(true), true), (json!(false), false), (Value::Null, false)] {
        let ended = ground.log_in(ground.ana_with("email_verified", verified.clone())).await;
        let Identified::Principal(ana) = ended else { panic!("{verified}: {ended:?}") };
        assert_eq!(ana.email.is_some(), shown, "{verified}");
    }
}
