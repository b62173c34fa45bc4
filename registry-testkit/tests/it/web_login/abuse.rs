use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use registry_core::Body;
use registry_core::limits::Limits;
use registry_testkit::http_client::TestResponse;
use registry_testkit::test_registry::{PASSWORD, TestClient};
use registry_testkit::{Browser, TestRegistry};
use serde_json::json;

use super::{ANA, Begun, WRONG, events, forget_events};

/// Wrong, and none that a sign-up would refuse: those are counted beside.
pub(super) const GUESS: &str = "purple guess";

pub(super) fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(super) async fn legacy(client: &TestClient, name: &str, password: &str) -> TestResponse {
    let path = format!("/-/user/org.couchdb.user:{name}");
    client.put(&path, &json!({ "name": name, "password": password })).await
}

pub(super) async fn basic(client: &TestClient, password: &str) -> TestResponse {
    let credential = STANDARD.encode(format!("ana:{password}"));
    let request = Request::get("/-/whoami").header("authorization", format!("Basic {credential}"));
    client.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn who_guesses_waits_longer_and_longer() {
    let registry = TestRegistry::new().await;
    let guesser = registry.anonymous().from_address(address("192.0.2.1"));
    for _ in 0..5 {
        let _ = legacy(&guesser, "ana", GUESS).await.assert_status(401);
    }
    forget_events(&registry).await;
    for seconds in [1, 2, 4, 8] {
        let refused = legacy(&guesser, "ana", PASSWORD).await.assert_status(429);
        assert_eq!(refused.header("retry-after"), Some(seconds.to_string().as_str()));
        assert!(refused.error().contains(&format!("wait {seconds} seconds")), "{}", refused.error());
        registry.clock().advance(Duration::from_secs(seconds));
        let _ = legacy(&guesser, "ana", GUESS).await.assert_status(401);
    }
    assert_eq!(events(&registry).await.lines().count(), 4, "what is refused is no guess");
    // A session that she has goes on, and from elsewhere she logs in.
    let _ = registry.ana().from_address(address("192.0.2.1")).get("/-/whoami").await.assert_status(200);
    let elsewhere = registry.anonymous().from_address(address("192.0.2.2"));
    let _ = legacy(&elsewhere, "ana", PASSWORD).await.assert_status(201);
    registry.clock().advance(Duration::from_secs(16));
    let _ = legacy(&guesser, "ana", PASSWORD).await.assert_status(201);
    let _ = legacy(&guesser, "ana", GUESS).await.assert_status(401);
    let _ = legacy(&guesser, "ana", PASSWORD).await.assert_status(201);
}

#[tokio::test]
async fn it_does_not_matter_which_way_they_guess() {
    let registry = TestRegistry::new().await;
    let guesser = registry.anonymous().from_address(address("192.0.2.1"));
    let browser = Browser::in_process(guesser.clone());
    let begun = Begun::at(&guesser).await;
    let page = browser.open(&begun.page).await;
    for _ in 0..2 {
        let _ = basic(&guesser, "wrong").await.assert_status(401);
        let _ = browser.press(&page, "log-in", &WRONG).await.assert_status(401);
    }
    let _ = legacy(&guesser, "ana", GUESS).await.assert_status(401);
    let _ = basic(&guesser, PASSWORD).await.assert_status(429);
    let _ = legacy(&guesser, "ana", PASSWORD).await.assert_status(429);
    let refused = browser.press(&page, "log-in", &ANA).await.assert_status(429);
    assert_eq!(refused.response.header("retry-after"), Some("1"));
    assert!(refused.text().contains("too many failed logins"), "{}", refused.text());
    registry.clock().advance(Duration::from_secs(1));
    let _ = browser.press(&page, "log-in", &ANA).await.assert_status(303);
    let _ = basic(&guesser, PASSWORD).await.assert_status(200);
}

#[tokio::test]
async fn clients_that_send_a_password_with_each_request_may_send_many_at_once() {
    let registry = TestRegistry::new().await;
    let client = registry.anonymous().from_address(address("192.0.2.1"));
    let answers = futures::future::join_all((0..40).map(|_| basic(&client, PASSWORD))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
}

#[tokio::test]
async fn digits_cannot_be_guessed_either() {
    let registry = TestRegistry::new().await;
    let ana = registry.ana();
    let mode = json!({ "tfa": { "password": PASSWORD, "mode": "auth-and-writes" } });
    let answer = ana.post("/-/npm/v1/user", &mode).await.assert_status(200).json();
    let app = registry_testkit::Authenticator::scan(answer["tfa"].as_str().unwrap());
    let digits = |registry: &TestRegistry| app.digits_at(registry_core::clock::Clock::now(registry.clock()));
    let confirm = json!({ "tfa": [digits(&registry)] });
    let _ = ana.post("/-/npm/v1/user", &confirm).await.assert_status(200);
    registry.clock().advance(Duration::from_mins(2));
    let tokens = "/-/npm/v1/tokens";
    let new = json!({ "name": "ci", "password": PASSWORD });
    for number in 0..5 {
        let guess = ana.with_one_time_password(&format!("00000{number}"));
        let _ = guess.post(tokens, &new).await.assert_status(401);
    }
    let right = ana.with_one_time_password(&digits(&registry));
    let _ = right.post(tokens, &new).await.assert_status(429);
    registry.clock().advance(Duration::from_secs(1));
    let _ = right.post(tokens, &new).await.assert_status(201);
}

fn at_most(times: u32) -> Option<NonZeroU32> {
    NonZeroU32::new(times)
}

#[tokio::test]
async fn an_address_makes_so_many_accounts() {
    let mut limits = Limits::default();
    limits.sign_ups_per_hour = at_most(2);
    let registry = TestRegistry::builder().limits(limits).start().await;
    let one = registry.anonymous().from_address(address("2001:db8::1"));
    let same = registry.anonymous().from_address(address("2001:db8::2"));
    let other = registry.anonymous().from_address(address("2001:db8:0:1::1"));
    for name in [".", "Ana", "-"] {
        let _ = legacy(&one, name, PASSWORD).await.assert_status(400);
    }
    let _ = legacy(&one, "ben", PASSWORD).await.assert_status(201);
    let _ = legacy(&same, "cem", PASSWORD).await.assert_status(201);
    let refused = legacy(&one, "dee", PASSWORD).await.assert_status(429);
    assert_eq!(refused.header("retry-after"), Some("1800"));
    let _ = legacy(&one, "ben", PASSWORD).await.assert_status(201);
    let _ = legacy(&other, "dee", PASSWORD).await.assert_status(201);
    registry.clock().advance(Duration::from_mins(30));
    let _ = legacy(&one, "eli", PASSWORD).await.assert_status(201);
}

#[tokio::test]
async fn requests_are_counted_to_principals_and_those_of_strangers_to_addresses() {
    let mut limits = Limits::default();
    limits.requests_per_minute = at_most(3);
    let registry = TestRegistry::builder().limits(limits).start().await;
    let (here, there) = (address("192.0.2.1"), address("192.0.2.2"));
    let ana = registry.ana();
    for place in [here, there, here] {
        let _ = ana.from_address(place).get("/-/whoami").await.assert_status(200);
    }
    let refused = ana.from_address(there).get("/-/whoami").await.assert_status(429);
    assert_eq!(refused.header("retry-after"), Some("20"));
    assert_eq!(refused.error(), "too many requests: wait 20 seconds, then send requests more slowly");
    let stranger = registry.anonymous().from_address(here);
    let _ = stranger.get("/-/ping").await.assert_status(200);
    let bad = stranger.with_token("npm_wrong");
    for _ in 0..2 {
        let _ = bad.get("/-/whoami").await.assert_status(401);
    }
    let _ = bad.get("/-/whoami").await.assert_status(429);
    let _ = stranger.get("/-/ping").await.assert_status(429);
    registry.clock().advance(Duration::from_secs(20));
    let _ = ana.from_address(here).get("/-/whoami").await.assert_status(200);
    let _ = stranger.get("/-/ping").await.assert_status(200);
}

#[tokio::test]
async fn an_address_begins_so_many_logins() {
    let registry = TestRegistry::new().await;
    let client = registry.anonymous().from_address(address("192.0.2.1"));
    for _ in 0..100 {
        let _ = Begun::at(&client).await;
    }
    let stored = registry.keys().await.len();
    let _ = client.post("/-/v1/login", &json!({})).await.assert_status(429);
    assert_eq!(registry.keys().await.len(), stored);
    let _ = Begun::at(&registry.anonymous().from_address(address("192.0.2.2"))).await;
}
