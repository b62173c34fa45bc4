use registry_core::auth::Caller;
use registry_core::packages::ChangeDocument;

use super::*;

fn ana() -> Caller {
    Principal::user("ana").into()
}

/// Sends back what `GET` returned after `edit`, as npm does to unpublish.
async fn send_back(world: &World, read: &TestResponse, edit: impl FnOnce(&mut Value)) -> Result<(), String> {
    let mut document = read.json();
    let revision = document["_rev"].as_str().unwrap().to_owned();
    edit(&mut document);
    let document: ChangeDocument = serde_json::from_value(document).unwrap();
    let name = PackageName::parse("@ours/fig").unwrap();
    let changed = world.registry.change_by_document(&ana(), &name, document, Some(&revision)).await;
    changed.map_err(|error| error.to_string())
}

fn without_1_0_0(document: &mut Value) {
    document["versions"].as_object_mut().unwrap().shift_remove("1.0.0");
    document["time"].as_object_mut().unwrap().shift_remove("1.0.0");
}

/// A package with 1.0.0 and 1.1.0, and with 2.0.0, which is hidden for an hour.
async fn with_hidden() -> World {
    let policy = json!([{ "match": "**", "minimum_age": "1 hour", "exempt": ["@ours/fig@1.x"] }]);
    let world = World::new(&policy);
    for version in ["1.0.0", "1.1.0", "2.0.0"] {
        world.publish("@ours/fig", version, &json!({})).await;
    }
    world
}

#[tokio::test]
async fn an_unpublish_removes_no_version_that_its_client_did_not_see() {
    let world = with_hidden().await;
    let read = world.get("/@ours/fig").await;
    assert_eq!(versions(&read), ["1.0.0", "1.1.0"]);
    send_back(&world, &read, without_1_0_0).await.unwrap();
    let plain = world.replica(&json!([]), |builder| builder).get("/@ours/fig").await;
    assert_eq!(versions(&plain), ["1.1.0", "2.0.0"]);
    assert_eq!(plain.json()["dist-tags"], json!({ "latest": "2.0.0" }), "a tag that moved for readers stays");
}

#[tokio::test]
async fn a_document_that_was_read_before_a_version_appeared_or_disappeared_is_outdated() {
    let world = with_hidden().await;
    let read = world.get("/@ours/fig").await;
    world.clock.advance(Duration::from_hours(1));
    let refused = send_back(&world, &read, without_1_0_0).await.unwrap_err();
    assert!(refused.contains("conflict"), "{refused}");
    let read = world.get("/@ours/fig").await;
    world.registry.set_policy_rules(rules_of(&json!([{ "match": "**", "block": ["@ours/fig@2.0.0"] }])));
    let refused = send_back(&world, &read, without_1_0_0).await.unwrap_err();
    assert!(refused.contains("conflict"), "{refused}");
    let plain = world.replica(&json!([]), |builder| builder).get("/@ours/fig").await;
    assert_eq!(versions(&plain), ["1.0.0", "1.1.0", "2.0.0"], "nothing was removed");
}

#[tokio::test]
async fn a_deprecation_and_the_removal_of_the_package_work_while_versions_are_hidden() {
    let world = with_hidden().await;
    let mut document = world.get("/@ours/fig").await.json();
    document["versions"]["1.0.0"]["deprecated"] = "old".into();
    let document: ChangeDocument = serde_json::from_value(document).unwrap();
    let name = PackageName::parse("@ours/fig").unwrap();
    world.registry.change_by_document(&ana(), &name, document, None).await.unwrap();
    let read = world.get("/@ours/fig").await.json();
    assert_eq!(read["versions"]["1.0.0"]["deprecated"], "old");
    let revision = read["_rev"].as_str().unwrap().parse().unwrap();
    world.registry.unpublish_package(&ana(), &name, Some(revision)).await.unwrap();
    let _ = world.get("/@ours/fig").await.assert_status(404);
}

#[tokio::test]
async fn a_hidden_version_is_published_all_the_same() {
    let world = with_hidden().await;
    let tarball = Tarball::of_manifest(json!({ "name": "@ours/fig", "version": "2.0.0" }));
    let again =
        Publication::from_tarball(tarball.pack().into(), DistTag::latest(), &Limits::default()).unwrap();
    let refused = world.registry.publish(&ana(), again).await.unwrap_err().to_string();
    assert!(refused.contains("previously published"), "{refused}");
}
