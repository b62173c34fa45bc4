use registry_testkit::TestRegistry;
use registry_testkit::test_registry::PASSWORD;
use serde_json::json;

use super::{PROFILE, create, digits, enable};

#[tokio::test]
async fn no_secret_is_in_the_store_or_in_an_event() {
    let registry = TestRegistry::new().await;
    let ana = registry.ana();
    let token = create(&ana, json!({ "name": "ci" })).await["token"].as_str().unwrap().to_owned();
    let (app, codes) = enable(&registry, &ana, "auth-and-writes").await;
    let shown = digits(&registry, &app);
    let change = json!({ "password": { "old": PASSWORD, "new": "a new password" } });
    let _ = ana.with_one_time_password(&shown).post(PROFILE, &change).await.assert_status(200);

    let mut secrets = vec![token, PASSWORD.to_owned(), "a new password".to_owned()];
    secrets.push(ana.token().unwrap().to_owned());
    secrets.extend(codes);
    registry.registry().flush_events().await;
    let events = registry.events().kinds();
    let stored = registry.stored().await;
    let texts = stored.iter().map(|(key, bytes)| format!("{key}\n{}", String::from_utf8_lossy(bytes)));
    for text in texts.chain([events.clone()]) {
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "{secret} is in {text}");
        }
    }
    // What the app knows is in the store by necessity, and nowhere else.
    let factor: serde_json::Value = serde_json::from_slice(&stored["_two_factor/ana.json"]).unwrap();
    assert!(!events.contains(factor["secret"].as_str().unwrap()) && !events.contains(&shown), "{events}");
}
