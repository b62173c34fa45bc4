use registry_testkit::faulty::{Fault, Operation};
use registry_testkit::publish_document::PublishDocument;
use serde_json::{Value, json};

use super::question::Question;
use super::{FAULTS, Fate, House, ask_with_faults};

fn rules() -> Value {
    json!([{ "match": "**", "read": ["@all"], "publish": ["@authenticated"], "origin": ["hosted", "npm"] }])
}

#[tokio::test(start_paused = true)]
async fn what_was_ever_hosted_never_comes_from_elsewhere() {
    for name in ["web", "@acme/web"] {
        for fate in [Fate::Published, Fate::Unpublished, Fate::Lost] {
            for question in Question::all(name) {
                let house = House::start(&rules()).await;
                house.prepare(name, fate).await;
                house.ask(&question, &format!("{question}, {fate:?}")).await;
                // Neither in another process.
                let other = House { registry: house.registry.replica().await, upstream: house.upstream };
                other.ask(&question, &format!("{question}, {fate:?}, elsewhere")).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn neither_where_the_store_fails_on_a_published_one() {
    ask_with_faults(&rules(), "web", Fate::Published).await;
}

#[tokio::test(start_paused = true)]
async fn neither_where_the_store_fails_on_an_unpublished_one() {
    ask_with_faults(&rules(), "web", Fate::Unpublished).await;
}

#[tokio::test(start_paused = true)]
async fn neither_where_the_store_fails_on_one_that_is_lost() {
    ask_with_faults(&rules(), "web", Fate::Lost).await;
}

/// A store that cannot say whether a name is hosted is no reason to ask elsewhere.
#[tokio::test]
async fn a_store_that_does_not_know_asks_no_upstream() {
    for question in Question::all("web") {
        for fault in FAULTS {
            let house = House::start(&rules()).await;
            house.prepare("web", Fate::Missing).await;
            for operation in [Operation::Get, Operation::GetIfChanged] {
                for _ in 0..100 {
                    house.registry.store().fail_next_at(operation, super::is_of_a_package, fault.clone());
                }
            }
            house.ask(&question, &format!("{question}, {fault:?}")).await;
        }
    }
}

#[tokio::test]
async fn nothing_is_begun_under_a_name_that_an_upstream_has_or_cannot_be_asked_for() {
    for is_down in [false, true] {
        let house = House::start(&rules()).await;
        house.prepare("web", Fate::Missing).await;
        house.upstream.set_down(is_down);
        let before = house.registry.keys().await;
        let ana = house.registry.ana();
        let answer = ana.publish(&PublishDocument::new("web", "1.0.0")).await;
        assert_eq!(answer.status, if is_down { 503 } else { 403 });
        assert!(!answer.error().is_empty());
        let mut after = house.registry.keys().await;
        after.retain(|key| !key.starts_with("_upstream/"));
        assert_eq!(after, before);
        // What is hosted already asks no upstream.
        house.upstream.set_down(false);
        let _ = ana.publish(&PublishDocument::new("ours", "1.0.0")).await.assert_status(201);
        house.upstream.set_down(true);
        house.upstream.take_asked();
        let _ = ana.publish(&PublishDocument::new("ours", "1.1.0")).await.assert_status(201);
        assert_eq!(house.upstream.take_asked(), [""; 0]);
    }
}

/// A publish that failed half-way has begun nothing, and so the next one asks again.
#[tokio::test(start_paused = true)]
async fn a_publish_that_failed_does_not_open_the_door() {
    let house = House::start(&rules()).await;
    let ana = house.registry.ana();
    house.registry.store().fail_next_at(Operation::Put, super::is_of_a_package, Fault::Refused);
    house.registry.store().fail_next_at(Operation::PutStream, super::is_of_a_package, Fault::Refused);
    assert!(ana.publish(&PublishDocument::new("web", "1.0.0")).await.status.is_server_error());
    house.upstream.publish("web", "1.0.0", b"evil");
    house.registry.clock().advance(std::time::Duration::from_mins(1));
    let _ = ana.publish(&PublishDocument::new("web", "1.0.0")).await.assert_status(403);
}
