use insta::assert_snapshot;
use registry_testkit::TestRegistry;
use serde_json::{Value, json};

const BEN: &str = "/-/user/org.couchdb.user:ben";

fn document(password: &str) -> Value {
    json!({
        "_id": "org.couchdb.user:ben",
        "name": "ben",
        "password": password,
        "email": "ben@registry.example",
        "type": "user",
        "roles": [],
        "date": "2026-01-02T03:04:05.000Z",
    })
}

#[tokio::test]
async fn signing_up_logging_in_and_logging_out() {
    let registry = TestRegistry::new().await;
    let anonymous = registry.anonymous();
    let answer = anonymous.put(BEN, &document("a good password")).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    201 Created
    cache-control: no-cache
    content-type: application/json

    {
      "ok": true,
      "success": true,
      "id": "org.couchdb.user:ben",
      "rev": "1-0",
      "token": "npm_JJMNEt2m6v0bG8VZzkNB5rBzwv7125CrpCAl"
    }

    store:
      _accounts/ana.json
      _accounts/ben.json
      _names/ana.json
      _names/ben.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      _tokens/cb60941395268724ae079ad177cde211a5b5cf922de9e430ec353ea77685947b.json

    events:
      {"principal":"ben","kind":"signed-up"}
    "#);

    let answer = anonymous.put(BEN, &document("a good password")).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    201 Created
    cache-control: no-cache
    content-type: application/json

    {
      "ok": true,
      "success": true,
      "id": "org.couchdb.user:ben",
      "rev": "1-0",
      "token": "npm_li7SgemdScYAlnZoNvkG6S2COYkYBxcDW7Lr"
    }

    store:
      _accounts/ana.json
      _accounts/ben.json
      _names/ana.json
      _names/ben.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      _tokens/cb60941395268724ae079ad177cde211a5b5cf922de9e430ec353ea77685947b.json
      _tokens/f542b2e98ab210ebe5eb71aafc344c9021bee419a6a6ef021d35a53f1a66ab9f.json

    events:
      {"principal":"ben","kind":"logged-in"}
    "#);

    let token = answer.json()["token"].as_str().unwrap().to_owned();
    let answer = registry.anonymous().delete(&format!("/-/user/token/{token}")).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    200 OK
    cache-control: no-cache
    content-type: application/json

    {
      "ok": true,
      "success": true
    }

    store:
      _accounts/ana.json
      _accounts/ben.json
      _names/ana.json
      _names/ben.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      _tokens/cb60941395268724ae079ad177cde211a5b5cf922de9e430ec353ea77685947b.json

    events:
      {"principal":"ben","kind":"logged-out"}
    "#);
}

#[tokio::test]
async fn a_wrong_password_opens_nothing() {
    let registry = TestRegistry::new().await;
    let _ = registry.anonymous().put(BEN, &document("a good password")).await.assert_status(201);
    let answer = registry.anonymous().put(BEN, &document("a bad password")).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    401 Unauthorized
    cache-control: no-cache
    content-type: application/json
    npm-notice: incorrect username or password, or the username belongs to another user
    www-authenticate: Bearer

    {
      "error": "incorrect username or password, or the username belongs to another user",
      "message": "incorrect username or password, or the username belongs to another user"
    }

    store:
      _accounts/ana.json
      _accounts/ben.json
      _names/ana.json
      _names/ben.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      _tokens/cb60941395268724ae079ad177cde211a5b5cf922de9e430ec353ea77685947b.json

    events:
      {"principal":"ben","kind":"signed-up"}
      {"kind":"login-failed","name":"ben"}
    "#);
}

#[tokio::test]
async fn whoami_names_the_caller() {
    let registry = TestRegistry::new().await;
    let answer = registry.ana().get("/-/whoami").await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    200 OK
    cache-control: no-cache
    content-type: application/json

    {
      "username": "ana"
    }

    store:
      _accounts/ana.json
      _names/ana.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json

    events:
    "#);
    let answer = registry.anonymous().get("/-/whoami").await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    401 Unauthorized
    cache-control: no-cache
    content-type: application/json
    npm-notice: you must be signed in to do this: run `npm login` with this registry, then try again
    www-authenticate: Bearer

    {
      "error": "you must be signed in to do this: run `npm login` with this registry, then try again",
      "message": "you must be signed in to do this: run `npm login` with this registry, then try again"
    }

    store:
      _accounts/ana.json
      _names/ana.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json

    events:
    "#);
    let answer = registry.ana().get("/-/user/org.couchdb.user:ana").await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    200 OK
    cache-control: no-cache
    content-type: application/json

    {
      "_id": "org.couchdb.user:ana",
      "name": "ana",
      "email": "ana@registry.example",
      "type": "user",
      "roles": []
    }

    store:
      _accounts/ana.json
      _names/ana.json
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json

    events:
    "#);
}

#[tokio::test]
async fn neither_password_nor_token_is_in_the_store_or_in_an_event() {
    let registry = TestRegistry::new().await;
    let answer = registry.anonymous().put(BEN, &document("a good password")).await.assert_status(201);
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    registry.registry().flush_events().await;
    let events = registry.events().kinds();
    let stored = registry.stored().await;
    let everything = stored.iter().map(|(key, bytes)| format!("{key}\n{}", String::from_utf8_lossy(bytes)));
    for text in everything.chain([events]) {
        assert!(!text.contains("a good password") && !text.contains(&token), "{text}");
    }
}
