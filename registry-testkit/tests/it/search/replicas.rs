//! Several processes on one store: what one writes, the others find.

use std::collections::BTreeSet;

use futures::future::join_all;
use http::Method;
use registry_testkit::TestRegistry;
use registry_testkit::faulty::{FaultPlan, Operation};
use registry_testkit::publish_document::PublishDocument;
use serde_json::{Value, json};

use super::{found, publish, search};

async fn pear_of(registry: &TestRegistry) -> Value {
    search(&registry.anonymous(), "text=pear").await["objects"][0].clone()
}

#[tokio::test]
async fn every_change_is_found_by_another_process_at_once() {
    let one = TestRegistry::new().await;
    let other = one.replica().await;
    let ana = one.ana();
    let _ = one.user("ben").await;
    assert_eq!(pear_of(&other).await, Value::Null);

    publish(&one, "pear", "1.0.0").await;
    assert_eq!(pear_of(&other).await["package"]["version"], "1.0.0");

    let next = PublishDocument::new("pear", "2.0.0").field("description", json!("sweeter"));
    let _ = ana.publish(&next).await.assert_status(201);
    let pear = pear_of(&other).await["package"].clone();
    assert_eq!((&pear["version"], &pear["description"]), (&json!("2.0.0"), &json!("sweeter")));

    let _ = ana.put("/-/package/pear/dist-tags/latest", &json!("1.0.0")).await.assert_status(200);
    assert_eq!(pear_of(&other).await["package"]["version"], "1.0.0");

    let mut packument = ana.get("/pear").await.json();
    packument["versions"]["1.0.0"]["deprecated"] = json!("sour");
    let _ = ana.put("/pear", &packument).await.assert_status(200);
    assert_eq!(pear_of(&other).await["flags"]["deprecated"], true);

    let _ = ana.put("/-/package/pear/owners", &json!({ "user": "ben" })).await.assert_status(200);
    assert_eq!(pear_of(&other).await["package"]["maintainers"][1]["username"], "ben");

    let mut packument = ana.get("/pear").await.json();
    packument["versions"].as_object_mut().unwrap().shift_remove("1.0.0");
    let revision = packument["_rev"].as_str().unwrap().to_owned();
    let _ = ana.put(&format!("/pear/-rev/{revision}"), &packument).await.assert_status(200);
    assert_eq!(pear_of(&other).await["package"]["version"], "2.0.0");

    let revision = ana.get("/pear").await.json()["_rev"].as_str().unwrap().to_owned();
    let _ = ana.ask(Method::DELETE, &format!("/pear/-rev/{revision}"), "").await.assert_status(200);
    assert_eq!(pear_of(&other).await, Value::Null);

    publish(&one, "pear", "3.0.0").await;
    assert_eq!(pear_of(&other).await["package"]["version"], "3.0.0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn all_of_many_packages_published_at_once_are_found() {
    for faults in [FaultPlan::NONE, FaultPlan { delayed: 1.0, ..FaultPlan::NONE }] {
        let one = TestRegistry::builder().faults(faults).start().await;
        let other = one.replica().await;
        // Before any package, so that nothing but the writes can have entered them.
        assert_eq!(found(&one.ana(), "text=pear").await, [""; 0]);
        let publishing = (0..50).map(|number| {
            let ana = if number % 2 == 0 { one.ana() } else { other.ana() };
            let document = PublishDocument::new(&format!("pear-{number}"), "1.0.0");
            tokio::spawn(async move { ana.publish(&document).await.status.as_u16() })
        });
        let statuses: Vec<_> = join_all(publishing).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(statuses, [201; 50]);
        let expected: BTreeSet<_> = (0..50).map(|number| format!("pear-{number}")).collect();
        for registry in [&one, &other, &one.replica().await] {
            let names = found(&registry.ana(), "text=pear&size=100").await;
            assert_eq!(names.into_iter().collect::<BTreeSet<_>>(), expected);
        }
        // However many write, one of each process is at a part of the index at a time.
        let puts = |registry: &TestRegistry| {
            let calls = registry.store().calls().into_iter();
            calls
                .filter(|(operation, path)| *operation == Operation::Put && path.starts_with("_search/"))
                .count()
        };
        assert!(puts(&one) + puts(&other) <= 2 * 16 + 2 * 50, "{} and {}", puts(&one), puts(&other));
    }
}

fn operations(registry: &TestRegistry, before: usize) -> Vec<String> {
    let calls = registry.store().calls().split_off(before);
    calls.into_iter().map(|(operation, path)| format!("{operation:?} {path}")).collect()
}

#[tokio::test]
async fn a_search_of_an_unchanged_index_reads_nothing_again_and_lists_nothing() {
    let registry = TestRegistry::new().await;
    publish(&registry, "pear", "1.0.0").await;
    assert_eq!(found(&registry.anonymous(), "text=pear").await, ["pear"]);
    let before = registry.store().calls().len();
    assert_eq!(found(&registry.anonymous(), "text=pear").await, ["pear"]);
    let expected: Vec<_> = (0..16).map(|shard| format!("GetIfChanged _search/{shard:02x}.json")).collect();
    assert_eq!(operations(&registry, before), expected);
}

#[tokio::test]
async fn many_searches_at_once_share_their_looks() {
    let slow = FaultPlan { delayed: 1.0, ..FaultPlan::NONE };
    let registry = TestRegistry::builder().faults(slow).start().await;
    publish(&registry, "pear", "1.0.0").await;
    assert_eq!(found(&registry.anonymous(), "text=pear").await, ["pear"]);
    let before = registry.store().calls().len();
    let anonymous = registry.anonymous();
    for names in join_all((0..50).map(|_| found(&anonymous, "text=pear"))).await {
        assert_eq!(names, ["pear"]);
    }
    let looks = operations(&registry, before).len();
    assert!(looks <= 3 * 16, "{looks} operations for 50 searches");
}

#[tokio::test]
async fn a_write_costs_one_operation_more_and_a_star_none() {
    let registry = TestRegistry::new().await;
    publish(&registry, "pear", "1.0.0").await;
    let of_index = |operations: Vec<String>| -> Vec<String> {
        operations.into_iter().filter(|operation| operation.contains("_search/")).collect()
    };
    let before = registry.store().calls().len();
    publish(&registry, "pear", "1.1.0").await;
    let operations_of_publish = of_index(operations(&registry, before));
    assert_eq!(operations_of_publish.len(), 1, "{operations_of_publish:?}");
    assert!(operations_of_publish[0].starts_with("Put "), "{operations_of_publish:?}");

    let before = registry.store().calls().len();
    let _ = registry.ana().put("/-/user/v1/star", &json!({ "package": "pear" })).await.assert_status(200);
    let _ = registry.ana().put("/-/package/pear/dist-tags/old", &json!("1.0.0")).await.assert_status(200);
    assert_eq!(of_index(operations(&registry, before)), [""; 0]);
}
