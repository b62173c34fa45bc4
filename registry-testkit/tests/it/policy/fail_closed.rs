use registry_core::storage::{BlobPath, BlobStore as _, When};
use registry_testkit::faulty::{Fault, Operation};

use super::*;

/// Every read of the list fails from now on.
fn break_list(world: &World, times: usize) {
    for operation in [Operation::Get, Operation::GetIfChanged] {
        for _ in 0..times {
            world.store.fail_next_at(operation, |path| path == LIST, Fault::BeforeEffect);
        }
    }
}

async fn statuses(world: &World) -> Vec<u16> {
    let mut statuses = Vec::new();
    for path in [
        "/pear".to_owned(),
        "/pear/1.0.0".to_owned(),
        tarball("pear", "1.0.0"),
        "/@ours/fig".to_owned(),
        tarball("@ours/fig", "1.0.0"),
        "/-/package/@ours/fig/dist-tags".to_owned(),
    ] {
        let answer = world.get(&path).await;
        if answer.status == 503 {
            assert!(
                answer.error().contains("cannot read its list of blocked versions"),
                "{}",
                answer.error()
            );
        }
        statuses.push(answer.status.as_u16());
    }
    statuses
}

async fn world_with(unreadable: UnreadableBlockList) -> World {
    let world = World::with(&json!([]), listed(unreadable));
    serve(&world.upstream, "pear", &[("1.0.0", None, json!({}))]);
    world.publish("@ours/fig", "1.0.0", &json!({})).await;
    world
}

#[tokio::test]
async fn while_the_list_cannot_be_read_nothing_is_served() {
    let world = world_with(UnreadableBlockList::Refuse).await;
    assert_eq!(statuses(&world).await, [200; 6]);
    world.clock.advance(Duration::from_secs(5));
    break_list(&world, 6);
    assert_eq!(statuses(&world).await, [503; 6]);
}

#[tokio::test]
async fn the_list_as_it_was_read_last_may_stand_in_for_one_that_cannot_be_read() {
    let world = world_with(UnreadableBlockList::LastKnown).await;
    break_list(&world, 6);
    assert_eq!(statuses(&world).await, [503; 6], "before it was ever read");
    let known = world.replica(&json!([]), listed(UnreadableBlockList::LastKnown));
    known.block("pear", "*").await;
    assert_eq!(statuses(&known).await, [403, 403, 403, 200, 200, 200]);
    known.clock.advance(Duration::from_secs(5));
    assert_eq!(statuses(&known).await, [403, 403, 403, 200, 200, 200], "as it was read last");
}

#[tokio::test]
async fn a_damaged_list_is_not_an_empty_one() {
    for unreadable in [UnreadableBlockList::Refuse, UnreadableBlockList::LastKnown] {
        let world = world_with(unreadable).await;
        let path = BlobPath::parse(LIST).unwrap();
        for damaged in ["", "{", "[]", "{\"blocked\":[{\"package\":\"pear\"}]}"] {
            let _ = world.store.put(&path, damaged.into(), When::Always).await.unwrap();
            let fresh = world.replica(&json!([]), listed(unreadable));
            assert_eq!(statuses(&fresh).await, [503; 6], "{damaged}");
            let blocked = fresh
                .registry
                .block_versions(None, BlockRequest::new(PackageName::parse("pear").unwrap(), "it is bad"));
            assert!(blocked.await.is_err(), "what cannot be read is not replaced");
        }
    }
}

#[tokio::test]
async fn a_version_without_a_publish_time_is_refused_unless_it_is_said_otherwise() {
    for (table, status) in [
        (json!({ "match": "**", "minimum_age": "7 days" }), 403),
        (json!({ "match": "**", "freeze": "2026-01-01T00:00:00Z" }), 403),
        (json!({ "match": "**", "minimum_age": "7 days", "unknown_time": "allow" }), 200),
        (json!({ "match": "**", "minimum_age": "7 days", "exempt": ["pear"] }), 200),
    ] {
        for time in [json!({}), json!(null), json!({ "1.0.0": 7 }), json!({ "1.0.0": "soon" })] {
            let world = World::new(&json!([table]));
            serve(&world.upstream, "pear", &[("1.0.0", None, json!({}))]);
            let mut packument = world.replica(&json!([]), |builder| builder).get("/pear").await.json();
            packument["time"] = time.clone();
            packument["versions"]["1.0.0"]["dist"]["tarball"] =
                "https://registry.example/files/pear-1.0.0.tgz".into();
            world.upstream.set_packument("pear", packument);
            world.clock.advance(Duration::from_hours(1));
            let world = world.replica(&json!([table]), |builder| builder);
            for path in ["/pear".to_owned(), tarball("pear", "1.0.0")] {
                let answer = world.get(&path).await;
                assert_eq!(answer.status, status, "{table} {time} {path}: {}", answer.text());
                if status == 403 {
                    assert!(answer.error().contains("unknown_time"), "{}", answer.error());
                }
            }
        }
    }
}

#[tokio::test]
async fn an_abbreviated_packument_in_the_cache_says_nothing_about_ages() {
    let open = World::new(&json!([]));
    serve(&open.upstream, "pear", &[("1.0.0", Some("2025-11-01T00:00:00.000Z"), json!({}))]);
    assert!(open.abbreviated("/pear").await.json().get("time").is_none());
    let _ = open.get(&tarball("pear", "1.0.0")).await.assert_status(200);
    let careful = open.replica(&json!([{ "match": "**", "minimum_age": "7 days" }]), |builder| builder);
    // The publish times are in the full packument alone, which cannot be had.
    careful.upstream.set_down(true);
    for answer in [careful.get(&tarball("pear", "1.0.0")).await, careful.abbreviated("/pear").await] {
        assert_eq!(answer.status, 503, "{}", answer.text());
    }
    careful.upstream.set_down(false);
    let _ = careful.get(&tarball("pear", "1.0.0")).await.assert_status(200);
    assert_eq!(versions(&careful.abbreviated("/pear").await), ["1.0.0"]);
}
