//! Stores of before names were claimed.

use std::sync::Arc;

use registry_core::auth::AuthProvider as _;
use registry_core::auth::openid::{IssuerSettings, OpenId, OpenIdSettings};
use registry_testkit::fake_issuer::{CLIENT_ID, FakeIssuer};
use registry_testkit::{FixedClock, SeededRandomness, TestRegistry, install_tls_provider};
use serde_json::json;

use super::{People, client_of, log_in, owner};

const BEN: &str = "correct horse battery";

/// A registry with local accounts of before.
async fn registry(people: &People) -> TestRegistry {
    let registry = TestRegistry::builder().last_provider(people.as_provider()).start().await;
    registry.user("ben").await;
    for name in ["ana", "ben"] {
        registry.remove(&format!("_names/{name}.json")).await;
    }
    registry
}

#[tokio::test]
async fn tokens_and_accounts_go_on_and_names_are_claimed_at_the_next_sign_in() {
    let people = People::new("elsewhere", &["cleo"]);
    let registry = registry(&people).await;
    assert_eq!(registry.ana().get("/-/whoami").await.json()["username"], "ana");
    assert_eq!(owner(&registry, "ana").await, None, "a token claims nothing");
    let _ = log_in(&registry, "ben", BEN).await.assert_status(201);
    assert_eq!(owner(&registry, "ben").await.as_deref(), Some("local"));
    let cleo = registry.anonymous().with_token(&people.bearer("cleo"));
    assert_eq!(cleo.get("/-/whoami").await.json()["username"], "cleo");
    assert_eq!(owner(&registry, "cleo").await.as_deref(), Some("elsewhere"));
}

#[tokio::test]
async fn a_name_that_another_provider_has_is_not_claimed_before_its_owner_comes() {
    let people = People::new("elsewhere", &["ben"]);
    people.remove("ben");
    let registry = registry(&people).await;
    people.add("ben");
    // The order does not matter: of two that have the name, neither is let in.
    let eve = registry.anonymous().with_token(&people.bearer("ben"));
    let refused = eve.get("/-/whoami").await.assert_status(403).error();
    assert!(refused.contains("local") && refused.contains("elsewhere"), "{refused}");
    let _ = log_in(&registry, "ben", BEN).await.assert_status(422);
    assert_eq!(owner(&registry, "ben").await, None);
    // Tokens of before go on, and change no account of which it is not known whose it is.
    let ben = registry.user("ben").await;
    assert_eq!(ben.get("/-/whoami").await.json()["username"], "ben");
    let _ = ben.post("/-/npm/v1/user", &json!({ "fullname": "Ben" })).await.assert_status(403);
    assert_eq!(people.changes(), 0);
    // The operator decides.
    people.remove("ben");
    let _ = log_in(&registry, "ben", BEN).await.assert_status(201);
    people.add("ben");
    let _ = eve.get("/-/whoami").await.assert_status(403);
}

#[tokio::test]
async fn a_token_of_before_ends_where_another_provider_owns_its_name_now() {
    let people = People::new("elsewhere", &["ben"]);
    let registry = registry(&people).await;
    let made = log_in(&registry, "ben", &people.password("ben")).await;
    assert_eq!(made.status, 422, "local has a ben");
    registry.put("_names/ben.json", r#"{ "name": "ben", "provider": "elsewhere" }"#).await;
    let ben = registry.user("ben").await;
    let _ = ben.get("/-/whoami").await.assert_status(401);
    let made = log_in(&registry, "ben", &people.password("ben")).await.assert_status(201);
    assert_eq!(client_of(&registry, &made).get("/-/whoami").await.json()["username"], "ben");
    let refused = log_in(&registry, "ben", BEN).await.assert_status(422).error();
    assert!(refused.contains("the provider elsewhere"), "{refused}");
}

#[tokio::test]
async fn a_user_of_an_issuer_keeps_an_earlier_name_however_old_it_is() {
    install_tls_provider();
    let fake = FakeIssuer::start().await;
    let mut issuer = IssuerSettings::new(fake.url());
    issuer.proxy_from_environment = false;
    let calm = TestRegistry::new().await;
    let store = Arc::clone(calm.registry().store());
    let clock = Arc::new(FixedClock::new());
    let settings = OpenIdSettings::new(issuer, CLIENT_ID);
    let provider = OpenId::new(settings, store, clock, Arc::new(SeededRandomness::new(1))).unwrap();
    assert!(!provider.has_name("ben").await.unwrap());
    let before = json!({
        "issuer": fake.url(), "subject": "7", "name": "ben", "email": null, "groups": [],
        "checked": "2020-01-01T00:00:00Z", "left": false,
    });
    calm.put("_accounts/openid/ben.json", before.to_string()).await;
    assert!(provider.look_up("ben").await.unwrap().is_none(), "it is too long ago for tokens");
    assert!(provider.has_name("Ben").await.unwrap(), "and yet the name is theirs");
    let registry = TestRegistry::builder().last_provider(Arc::new(provider)).start_on(&calm).await;
    let _ = log_in(&registry, "ben", "a long password of eve").await.assert_status(401);
    assert!(!calm.keys().await.contains(&"_accounts/ben.json".to_owned()));
}
