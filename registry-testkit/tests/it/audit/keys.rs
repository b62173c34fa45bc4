use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};

use super::{Front, KEYS, assert_refused};

fn key(id: &str) -> Value {
    json!({
        "expires": null, "keyid": format!("SHA256:{id}"), "keytype": "ecdsa-sha2-nistp256",
        "scheme": "ecdsa-sha2-nistp256", "key": format!("MFkw{id}"),
    })
}

fn keys(ids: &[&str]) -> Value {
    json!({ "keys": ids.iter().map(|id| key(id)).collect::<Vec<_>>() })
}

#[tokio::test]
async fn the_keys_of_all_upstreams_are_merged() {
    let front = Front::start();
    front.npm.tell("keys", &keys(&["a", "b"]).to_string());
    front.other.tell("keys", &keys(&["b", "c"]).to_string());
    let (status, body) = front.get(KEYS).await;
    assert_eq!((status.as_u16(), body), (200, keys(&["a", "b", "c"])));
}

#[tokio::test]
async fn without_any_there_is_no_such_endpoint() {
    let front = Front::start();
    assert_refused(front.get(KEYS).await, 404, "no signing keys");
    front.npm.tell("keys", &keys(&[]).to_string());
    front.clock.advance(Duration::from_mins(10));
    assert_refused(front.get(KEYS).await, 404, "no signing keys");
}

#[tokio::test]
async fn keys_are_asked_for_once_in_a_while() {
    let front = Front::start();
    front.npm.tell("keys", &keys(&["a"]).to_string());
    let once = [vec!["keys".to_owned()], vec!["keys".to_owned()]];
    let answers = join_all((0..20).map(|_| front.get(KEYS))).await;
    assert!(answers.iter().all(|answer| answer.1 == keys(&["a"])));
    assert_eq!(front.take_asked(), once);

    front.npm.tell("keys", &keys(&["b"]).to_string());
    front.clock.advance(Duration::from_secs(299));
    assert_eq!(front.get(KEYS).await.1, keys(&["a"]));
    assert_eq!(front.take_asked(), [vec![], Vec::<String>::new()]);
    front.clock.advance(Duration::from_secs(1));
    assert_eq!(front.get(KEYS).await.1, keys(&["b"]));
    assert_eq!(front.take_asked(), once);
}

#[tokio::test]
async fn what_is_known_outlasts_the_upstream() {
    let front = Front::start();
    front.npm.tell("keys", &keys(&["a"]).to_string());
    front.get(KEYS).await;
    front.clock.advance(Duration::from_hours(1));
    front.npm.set_down(true);
    front.take_asked();
    for _ in 0..3 {
        assert_eq!(front.get(KEYS).await.1, keys(&["a"]));
    }
    assert_eq!(front.npm.take_asked(), ["keys"], "it is left alone for a while");
    front.npm.set_down(false);
    front.npm.tell("keys", &keys(&["b"]).to_string());
    front.clock.advance(Duration::from_secs(15));
    assert_eq!(front.get(KEYS).await.1, keys(&["b"]));
}

#[tokio::test]
async fn an_odd_key_costs_none_of_the_others() {
    let front = Front::start();
    front.other.tell("keys", &keys(&["c"]).to_string());
    for odd in [
        json!({}),
        json!(null),
        json!("key"),
        json!({ "keyid": 7, "key": "MFkw" }),
        json!({ "keyid": "SHA256:x" }),
    ] {
        front.clock.advance(Duration::from_mins(10));
        front.npm.tell("keys", &json!({ "keys": [key("a"), odd, key("b")] }).to_string());
        let (status, body) = front.get(KEYS).await;
        assert_eq!((status.as_u16(), body), (200, keys(&["a", "b", "c"])), "{odd}");
    }
}

#[tokio::test]
async fn an_upstream_that_never_answered_is_an_error() {
    let front = Front::start();
    front.npm.set_down(true);
    assert_eq!(front.get(KEYS).await.0, 503);
    front.npm.take_asked();
    assert_eq!(front.get(KEYS).await.0, 503);
    assert!(front.npm.take_asked().is_empty());
    front.npm.set_down(false);
    for answer in ["[]", r#"{"keys":[{}]}"#, r#"{"keys":{}}"#, "<html>"] {
        front.clock.advance(Duration::from_secs(15));
        front.npm.tell("keys", answer);
        assert_eq!(front.get(KEYS).await.0, 502, "{answer}");
    }
}
