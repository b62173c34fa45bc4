use std::time::Duration;

use registry_testkit::faulty::{Fault, Operation};
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::test_registry::PASSWORD;
use serde_json::json;

use super::{YEARS, key_of, sweep_options, sweep_packages, with_pear};

#[tokio::test]
async fn a_dry_run_names_what_a_sweep_deletes() {
    let registry = with_pear(&["1.0.0"]).await;
    let orphan = key_of("pear", "1.1.0");
    registry.put(&orphan, "orphan").await;
    registry.clock().advance(YEARS);
    let before = registry.stored().await;
    assert_eq!(sweep_packages(&registry, true).await, [(orphan.clone(), 6)]);
    assert_eq!(registry.stored().await, before);
    assert_eq!(sweep_packages(&registry, false).await, [(orphan.clone(), 6)]);
    assert!(!registry.keys().await.contains(&orphan));
    assert!(sweep_packages(&registry, false).await.is_empty());
}

/// A publish that failed leaves a tarball, which is old when it is published again.
#[tokio::test]
async fn a_publish_makes_its_tarball_young_again() {
    let registry = with_pear(&["1.0.0"]).await;
    let key = key_of("pear", "1.1.0");
    registry.put(&key, PublishDocument::new("pear", "1.1.0").tarball()).await;
    registry.store().take_calls();
    let _ = registry.ana().publish(&PublishDocument::new("pear", "1.1.0")).await.assert_status(201);
    let stored =
        registry.store().take_calls().into_iter().filter(|call| *call == (Operation::Put, key.clone()));
    assert_eq!(stored.count(), 2, "found there, and stored again");
}

/// A first publish that was interrupted before the name was claimed, and before the packument was stored.
#[tokio::test]
async fn what_is_left_of_first_publishes_is_deleted() {
    let registry = with_pear(&["1.0.0"]).await;
    let (orphan, begun) = (key_of("plum", "1.0.0"), key_of("fig", "1.0.0"));
    registry.put(&orphan, "orphan").await;
    registry.put(&begun, "orphan").await;
    registry.put("_spellings/fig", "fig").await;
    assert!(sweep_packages(&registry, false).await.is_empty());
    registry.clock().advance(YEARS);
    assert_eq!(sweep_packages(&registry, false).await, [(begun, 6), (orphan, 6)]);
    assert_eq!(super::found(&registry, false).await, "");
}

#[tokio::test]
async fn expired_tokens_sessions_and_records_go_with_their_markers() {
    let registry = with_pear(&[]).await;
    let ana = registry.ana();
    let made = |days| json!({ "password": PASSWORD, "name": format!("{days} days"), "expires": days });
    for days in [1, 30] {
        let _ = ana.post("/-/npm/v1/tokens", &made(days)).await.assert_status(201);
    }
    let _ = registry.anonymous().post("/-/v1/login", &json!({})).await.assert_status(200);
    registry.put("_used_id_tokens/2025123100/00", "").await;
    registry.put(&format!("_tokens_of/ana/{}", "0".repeat(64)), "").await;
    let counts = async |dry_run| {
        let swept = registry.registry().sweep_leftovers(sweep_options(dry_run)).await.unwrap();
        (swept.sessions, swept.tokens, swept.token_markers, swept.used_id_tokens, swept.staged)
    };
    assert_eq!(counts(true).await, (0, 0, 0, 1, 0), "nothing expired a day ago but what is of last year");
    registry.clock().advance(Duration::from_hours(3 * 24));
    let before = registry.stored().await;
    assert_eq!(counts(true).await, (1, 1, 0, 1, 0));
    assert_eq!(registry.stored().await, before);
    assert_eq!(counts(false).await, (1, 1, 0, 1, 0));
    let left = registry.keys().await;
    assert!(!left.iter().any(|key| key.starts_with("_sessions/") || key.starts_with("_used_id_tokens/")));
    // ana's session, and the token for 30 days.
    assert_eq!(left.iter().filter(|key| key.starts_with("_tokens/")).count(), 2);
    assert_eq!(left.iter().filter(|key| key.starts_with("_tokens_of/")).count(), 2);
    let _ = ana.get("/-/whoami").await.assert_status(200);
    // A marker without a token goes when it is old.
    registry.clock().advance(YEARS);
    assert_eq!(counts(false).await.2, 1);
}

#[tokio::test]
async fn leftovers_of_staged_versions_go_and_those_that_wait_stay() {
    let registry = with_pear(&["1.0.0"]).await;
    let ana = registry.ana();
    let stage = async |version| {
        let answer = ana.stage(&PublishDocument::new("pear", version)).await.assert_status(201).json();
        answer["stageId"].as_str().unwrap().to_owned()
    };
    let (waiting, approved, rejected) = (stage("1.1.0").await, stage("1.2.0").await, stage("1.3.0").await);
    // Their tidying up fails.
    for id in [&approved, &rejected] {
        let key = format!("_stage/{id}.json");
        registry.store().fail_next_at(Operation::Put, move |path| path == key, Fault::BeforeEffect);
    }
    let _ = ana.post(&format!("/-/stage/{approved}/approve"), &json!({})).await.assert_status(201);
    let _ = ana.delete(&format!("/-/stage/{rejected}")).await.assert_status(204);
    assert_eq!(registry.store().faults_to_come(), 0);
    let lonely = "07070707-0707-4707-8707-070707070707";
    registry.put(&format!("_stage/{lonely}.tgz"), "lonely").await;
    registry.put(&format!("_staged_of/pear/{lonely}"), "").await;
    let sweep = async || registry.registry().sweep_leftovers(sweep_options(false)).await.unwrap().staged;
    assert_eq!(sweep().await, 0, "they are young");
    registry.clock().advance(YEARS);
    // The tarball of the approved one, tarball and record of the rejected one, and the lonely ones.
    assert_eq!(sweep().await, 5);
    let keys = registry.keys().await;
    let left: Vec<_> = keys.iter().filter(|key| key.starts_with("_stage")).collect();
    let mut expected = [
        format!("_stage/{approved}.json"),
        format!("_stage/{waiting}.json"),
        format!("_stage/{waiting}.tgz"),
    ];
    expected.sort();
    assert_eq!(left[..3], expected.iter().collect::<Vec<_>>());
    assert_eq!(left[3..], [&format!("_staged_of/pear/{waiting}")]);
    let _ = ana.post(&format!("/-/stage/{waiting}/approve"), &json!({})).await.assert_status(201);
    let _ = registry.anonymous().get("/pear/-/pear-1.2.0.tgz").await.assert_status(200);
}
