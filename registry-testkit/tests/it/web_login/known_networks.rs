//! Networks where the holder of an account signed in. Guesses from elsewhere keep the holder from no login there, and
//! neither a stolen token nor a stolen password without the second factor makes a network one of them.

use std::net::IpAddr;
use std::time::Duration;

use registry_core::clock::Clock as _;
use registry_testkit::test_registry::{PASSWORD, TestClient};
use registry_testkit::{Authenticator, Browser, TestRegistry};
use serde_json::json;

use super::abuse::{GUESS, address, basic, legacy};
use super::{ANA, Begun};

const HOME: &str = "192.0.2.1";
/// At so many networks an account is known.
const KNOWN_NETWORKS: u8 = 8;

fn at(registry: &TestRegistry, text: &str) -> TestClient {
    registry.anonymous().from_address(address(text))
}

/// Signs ana in, and answers the token of the session.
async fn sign_in(client: &TestClient) -> String {
    let answer = legacy(client, "ana", PASSWORD).await.assert_status(201).json();
    answer["token"].as_str().unwrap().to_owned()
}

/// A flood of guesses from networks where ana never was, after which no password of hers is checked there.
async fn flood(registry: &TestRegistry) {
    for number in 0..120 {
        let _ = legacy(&at(registry, &format!("198.51.100.{number}")), "ana", GUESS).await;
    }
}

/// Whether the password of ana is checked at a network, also in a flood of guesses.
async fn is_known(registry: &TestRegistry, network: &str) -> bool {
    flood(registry).await;
    match legacy(&at(registry, network), "ana", PASSWORD).await.status.as_u16() {
        201 => true,
        429 => false,
        status => panic!("{status}"),
    }
}

async fn turn_on_second_factor(registry: &TestRegistry) -> Authenticator {
    let mode = json!({ "tfa": { "password": PASSWORD, "mode": "auth-only" } });
    let answer = registry.ana().post("/-/npm/v1/user", &mode).await.assert_status(200).json();
    let app = Authenticator::scan(answer["tfa"].as_str().unwrap());
    let confirm = json!({ "tfa": [app.digits_at(registry.clock().now())] });
    let _ = registry.ana().post("/-/npm/v1/user", &confirm).await.assert_status(200);
    registry.clock().advance(Duration::from_mins(2));
    app
}

#[tokio::test]
async fn guesses_from_everywhere_keep_no_holder_out_where_they_signed_in() {
    let registry = TestRegistry::new().await;
    let _ = sign_in(&at(&registry, HOME)).await;
    assert!(is_known(&registry, HOME).await);
    assert!(!is_known(&registry, "203.0.113.1").await);
}

#[tokio::test]
async fn a_stolen_token_makes_no_network_known() {
    let registry = TestRegistry::new().await;
    let token = sign_in(&at(&registry, HOME)).await;
    let thief = |number: u8| at(&registry, &format!("203.0.113.{number}"));
    for number in 0..40 {
        let stolen = thief(number).with_token(&token);
        let _ = stolen.get("/-/whoami").await.assert_status(200);
        registry.clock().advance(Duration::from_secs(6));
    }
    assert!(!is_known(&registry, "203.0.113.39").await);
    let mut checked = 0;
    for number in 0..40 {
        for _ in 0..5 {
            checked += u32::from(legacy(&thief(number), "ana", GUESS).await.status == 401);
        }
    }
    assert!(checked <= 10, "{checked} guesses were checked in a flood");
    let _ = sign_in(&at(&registry, HOME)).await;
}

#[tokio::test]
async fn nor_does_a_password_without_the_second_factor() {
    let registry = TestRegistry::new().await;
    let app = turn_on_second_factor(&registry).await;
    let home = at(&registry, HOME).with_one_time_password(&app.digits_at(registry.clock().now()));
    let _ = sign_in(&home).await;
    for number in 0..20 {
        let thief = at(&registry, &format!("203.0.113.{number}"));
        let _ = legacy(&thief, "ana", PASSWORD).await.assert_status(401);
        let _ = basic(&thief, PASSWORD).await.assert_status(401);
        let browser = Browser::in_process(thief.clone());
        let begun = Begun::at(&thief).await;
        let page = browser.open(&begun.page).await;
        let _ = browser.press(&page, "log-in", &ANA).await.assert_status(303);
    }
    flood(&registry).await;
    let _ = legacy(&at(&registry, "203.0.113.19"), "ana", PASSWORD).await.assert_status(429);
    // The password is right, and the second factor is asked for.
    let _ = legacy(&at(&registry, HOME), "ana", PASSWORD).await.assert_status(401);
}

#[tokio::test]
async fn every_complete_sign_in_makes_its_network_known() {
    let registry = TestRegistry::new().await;
    let app = turn_on_second_factor(&registry).await;
    let digits = || app.digits_at(registry.clock().now());
    let [by_basic, by_page] = ["203.0.113.1", "203.0.113.2"].map(|network| at(&registry, network));
    let _ = basic(&by_basic.with_one_time_password(&digits()), PASSWORD).await.assert_status(200);
    registry.clock().advance(Duration::from_mins(2));
    let browser = Browser::in_process(by_page.clone());
    let begun = Begun::at(&by_page).await;
    let page = browser.open(&begun.page).await;
    let pressed = browser.press(&page, "log-in", &ANA).await.assert_status(303);
    let page = browser.follow(&pressed).await;
    let _ = browser.press(&page, "code", &[("code", &digits())]).await.assert_status(303);
    flood(&registry).await;
    for known in [by_basic, by_page] {
        let _ = legacy(&known, "ana", PASSWORD).await.assert_status(401);
    }
    let _ = legacy(&at(&registry, "203.0.113.3"), "ana", PASSWORD).await.assert_status(429);
}

/// Guessers at all the other networks where the holder is known have counters of their own.
#[tokio::test]
async fn guessers_at_known_networks_keep_no_holder_out_at_another_one() {
    let registry = TestRegistry::new().await;
    let others: Vec<_> =
        (1..KNOWN_NETWORKS).map(|number| at(&registry, &format!("203.0.113.{number}"))).collect();
    for other in &others {
        let _ = sign_in(other).await;
    }
    let _ = sign_in(&at(&registry, HOME)).await;
    let mut checked = 0;
    for _ in 0..240 {
        registry.clock().advance(Duration::from_secs(30));
        for other in &others {
            checked += u32::from(legacy(other, "ana", GUESS).await.status == 401);
        }
        let _ = sign_in(&at(&registry, HOME)).await;
    }
    // Two hours, in which guessers at strange networks have 100 guesses checked, and one every 30 seconds.
    assert!((100..=340).contains(&checked), "{checked} guesses were checked");
    let _ = legacy(&others[0], "ana", PASSWORD).await.assert_status(429);
}

#[tokio::test]
async fn the_networks_of_the_latest_sign_ins_are_known() {
    let registry = TestRegistry::new().await;
    for number in 0..=KNOWN_NETWORKS {
        let _ = sign_in(&at(&registry, &format!("203.0.113.{number}"))).await;
    }
    assert!(!is_known(&registry, "203.0.113.0").await);
    assert!(is_known(&registry, "203.0.113.1").await);
}

/// A session is a proof of where it was begun, and of no other network. Its record tells, so that a restart forgets nothing
/// of that.
#[tokio::test]
async fn a_session_keeps_the_network_known_where_it_was_begun() {
    let registry = TestRegistry::new().await;
    let home = at(&registry, HOME);
    let session = home.with_token(&sign_in(&home).await);
    let _ = session.from_address(address("203.0.113.1")).get("/-/whoami").await.assert_status(200);
    registry.clock().advance(Duration::from_hours(20));
    let _ = session.get("/-/whoami").await.assert_status(200);
    registry.clock().advance(Duration::from_hours(20));
    assert!(!is_known(&registry, "203.0.113.1").await);
    assert!(is_known(&registry, HOME).await);

    let restarted = registry.replica().await;
    assert!(!is_known(&restarted, HOME).await);
    let session = at(&restarted, HOME).with_token(session.token().unwrap());
    let _ = session.get("/-/whoami").await.assert_status(200);
    assert!(is_known(&restarted, HOME).await);
    restarted.clock().advance(Duration::from_hours(25));
    assert!(!is_known(&restarted, HOME).await, "that was yesterday");
}

/// The page of a login in the browser is where the holder signs in. The client, which takes the token, is not.
#[tokio::test]
async fn the_session_of_a_login_in_the_browser_is_begun_at_the_browser() {
    let registry = TestRegistry::new().await;
    let terminal = at(&registry, "203.0.113.1");
    let browser = Browser::in_process(at(&registry, HOME));
    let begun = Begun::at(&terminal).await;
    let page = browser.open(&begun.page).await;
    let _ = browser.press(&page, "log-in", &ANA).await.assert_status(303);
    let answer = begun.poll(&terminal).await.assert_status(200).json();
    let session = terminal.with_token(answer["token"].as_str().unwrap());
    registry.clock().advance(Duration::from_hours(25));
    for network in [HOME, "203.0.113.1"] {
        let here: IpAddr = address(network);
        let _ = session.from_address(here).get("/-/whoami").await.assert_status(200);
        registry.clock().advance(Duration::from_secs(6));
    }
    assert!(is_known(&registry, HOME).await);
    assert!(!is_known(&registry, "203.0.113.1").await);
}

/// A guesser who found out the password signed in somewhere. With the new one, only the network of the change is known.
#[tokio::test]
async fn a_new_password_forgets_where_the_holder_signed_in() {
    let registry = TestRegistry::new().await;
    let _ = sign_in(&at(&registry, "203.0.113.1")).await;
    let new = "a new and long password";
    let change = json!({ "password": { "old": PASSWORD, "new": new } });
    let ana = registry.ana().from_address(address(HOME));
    let _ = ana.post("/-/npm/v1/user", &change).await.assert_status(200);
    flood(&registry).await;
    let _ = legacy(&at(&registry, "203.0.113.1"), "ana", new).await.assert_status(429);
    let _ = legacy(&at(&registry, HOME), "ana", new).await.assert_status(201);
}

/// A client that shows the right password with each request goes on after a few wrong ones, and is not slowed down.
#[tokio::test]
async fn the_right_password_prolongs_no_wait() {
    let registry = TestRegistry::new().await;
    let home = at(&registry, HOME);
    let _ = sign_in(&home).await;
    for _ in 0..9 {
        let _ = legacy(&home, "ana", GUESS).await.assert_status(401);
        registry.clock().advance(Duration::from_mins(10));
    }
    for _ in 0..20 {
        let _ = basic(&home, PASSWORD).await.assert_status(200);
    }
}
