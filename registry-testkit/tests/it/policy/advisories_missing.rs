//! What happens where advisories are missing, damaged, or not signed.

use registry_core::advisories::{AdvisoryDump, UnavailableAdvisories};
use registry_core::storage::{BlobPath, BlobPrefix, BlobStore as _, When};
use registry_testkit::faulty::{Fault, Operation};

use super::advisories::{advised, load, malware, vulnerable};
use super::*;

const RECORD: &str = "_advisories/record.json";

fn table() -> Value {
    json!([{ "match": "pear", "advisories": "high" }])
}

fn world_with(unavailable: UnavailableAdvisories) -> World {
    let world = World::with(&table(), advised(unavailable));
    serve(&world.upstream, "pear", &[("1.0.0", None, json!({})), ("1.2.0", None, json!({}))]);
    serve(&world.upstream, "plum", &[("1.0.0", None, json!({}))]);
    world
}

async fn statuses(world: &World) -> [u16; 4] {
    let mut statuses = [0; 4];
    for (place, path) in
        ["/pear".to_owned(), "/pear/1.0.0".to_owned(), tarball("pear", "1.0.0"), "/plum".to_owned()]
            .iter()
            .enumerate()
    {
        statuses[place] = world.get(path).await.status.as_u16();
    }
    statuses
}

/// Every read of the record fails from now on.
fn break_record(world: &World) {
    for operation in [Operation::Get, Operation::GetIfChanged] {
        for _ in 0..8 {
            world.store.fail_next_at(operation, |path| path == RECORD, Fault::BeforeEffect);
        }
    }
}

async fn path_of_dump(world: &World) -> BlobPath {
    use futures::TryStreamExt as _;
    let folder = BlobPrefix::folder(BlobPath::parse("_advisories/dumps").unwrap());
    world.store.list(&folder).try_collect::<Vec<_>>().await.unwrap().pop().unwrap().path
}

#[tokio::test]
async fn without_advisories_what_a_rule_needs_them_for_is_not_served() {
    for unavailable in [UnavailableAdvisories::Refuse, UnavailableAdvisories::LastKnown] {
        let world = world_with(unavailable);
        assert_eq!(statuses(&world).await, [503, 503, 503, 200]);
        let refused = world.get("/pear").await;
        assert!(refused.error().contains("run `registry-server advisories update`"), "{}", refused.error());
        load(&world, &[malware("fig", "1.0.0")]).await;
        assert_eq!(statuses(&world).await, [200; 4]);
    }
    assert_eq!(statuses(&world_with(UnavailableAdvisories::Allow)).await, [200; 4]);
}

#[tokio::test]
async fn while_the_record_cannot_be_read_the_settings_decide() {
    for (unavailable, never_read, read_before) in [
        (UnavailableAdvisories::Refuse, [503, 503, 503, 200], [503, 503, 503, 200]),
        (UnavailableAdvisories::LastKnown, [503, 503, 503, 200], [200, 403, 403, 200]),
        (UnavailableAdvisories::Allow, [200; 4], [200, 403, 403, 200]),
    ] {
        let world = world_with(unavailable);
        load(&world, &[vulnerable("GHSA-1", "pear", "HIGH", "1.2.0")]).await;
        let fresh = world.replica(&table(), advised(unavailable));
        assert_eq!(statuses(&world).await, [200, 403, 403, 200]);
        world.clock.advance(Duration::from_secs(5));
        break_record(&world);
        assert_eq!(statuses(&world).await, read_before, "{unavailable:?}");
        break_record(&world);
        assert_eq!(statuses(&fresh).await, never_read, "{unavailable:?}");
    }
}

#[tokio::test]
async fn nothing_counts_that_no_key_of_the_registry_signed() {
    let world = world_with(UnavailableAdvisories::Refuse);
    load(&world, &[vulnerable("GHSA-1", "pear", "HIGH", "1.2.0")]).await;
    let other = world_with(UnavailableAdvisories::Refuse);
    load(&other, &[malware("fig", "1.0.0")]).await;
    let path = BlobPath::parse(RECORD).unwrap();
    let stored = world.store.get(&path).await.unwrap().unwrap().bytes;
    let of_another_registry = other.store.get(&path).await.unwrap().unwrap().bytes;
    let record: Value = serde_json::from_slice(&stored).unwrap();
    let changed = |field: &str, value: Value| {
        let mut changed = record.clone();
        changed[field] = value;
        changed.to_string()
    };
    let payload = record["payload"].as_str().unwrap();
    let mut unsigned = record.clone();
    unsigned.as_object_mut().unwrap().shift_remove("sig");
    for damaged in [
        String::new(),
        "{}".to_owned(),
        payload.to_owned(),
        unsigned.to_string(),
        changed("sig", "".into()),
        changed("sig", "MEUCIQ==".into()),
        changed("keyid", "SHA256:AAAA".into()),
        changed("payload", payload.replace("\"withdrawn\":0", "\"withdrawn\":1").into()),
        changed("payload", "{}".into()),
        String::from_utf8(of_another_registry.to_vec()).unwrap(),
    ] {
        let _ = world.store.put(&path, damaged.clone().into(), When::Always).await.unwrap();
        let fresh = world.replica(&table(), advised(UnavailableAdvisories::Refuse));
        assert_eq!(statuses(&fresh).await, [503, 503, 503, 200], "{damaged}");
        assert!(fresh.registry.advisory_status().await.is_err());
        let own = vulnerable("ACME-1", "pear", "LOW", "1.2.0").to_string();
        assert!(
            fresh.registry.add_advisory(own.as_bytes()).await.is_err(),
            "what cannot be read is not replaced"
        );
        let update = fresh.registry.update_advisories(AdvisoryDump::new(), "a test", false).await;
        assert!(update.is_err(), "own advisories would be lost");
    }
    let fresh = world.replica(&table(), advised(UnavailableAdvisories::Refuse));
    fresh.registry.update_advisories(AdvisoryDump::new(), "a test", true).await.unwrap();
    assert_eq!(statuses(&fresh).await, [200; 4], "the operator began anew");
}

#[tokio::test]
async fn a_damaged_dump_is_not_an_empty_one() {
    let world = world_with(UnavailableAdvisories::Refuse);
    load(&world, &[vulnerable("GHSA-1", "pear", "HIGH", "1.2.0")]).await;
    let path = path_of_dump(&world).await;
    let stored = world.store.get(&path).await.unwrap().unwrap().bytes;
    let mut flipped = stored.to_vec();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    for damaged in [Vec::new(), b"{}".to_vec(), stored[..stored.len() - 1].to_vec(), flipped] {
        let _ = world.store.put(&path, damaged.into(), When::Always).await.unwrap();
        let fresh = world.replica(&table(), advised(UnavailableAdvisories::Refuse));
        assert_eq!(statuses(&fresh).await, [503, 503, 503, 200]);
    }
    world.store.delete(&path).await.unwrap();
    let fresh = world.replica(&table(), advised(UnavailableAdvisories::Refuse));
    assert_eq!(statuses(&fresh).await, [503, 503, 503, 200], "it is missing");
    // The record is sound, so that an update mends the rest.
    load(&fresh, &[vulnerable("GHSA-1", "pear", "HIGH", "1.2.0")]).await;
    assert_eq!(statuses(&fresh).await, [200, 403, 403, 200]);
}

#[tokio::test]
async fn an_update_that_breaks_off_leaves_the_advisories_as_they_were() {
    for (operation, path) in [(Operation::Put, "_advisories/dumps/"), (Operation::Put, RECORD)] {
        for (fault, had_effect) in [(Fault::BeforeEffect, false), (Fault::AfterEffect, true)] {
            let world = world_with(UnavailableAdvisories::Refuse);
            load(&world, &[malware("fig", "1.0.0")]).await;
            world.store.fail_next_at(operation, move |at| at.starts_with(path), fault);
            let mut dump = AdvisoryDump::new();
            dump.add(vulnerable("GHSA-1", "pear", "HIGH", "1.2.0").to_string().as_bytes()).unwrap();
            assert!(world.registry.update_advisories(dump, "a test", false).await.is_err());
            // Either the old ones or the new ones, and a second attempt takes effect.
            let fresh = world.replica(&table(), advised(UnavailableAdvisories::Refuse));
            let was_stored = path == RECORD && had_effect;
            assert_eq!(statuses(&fresh).await[2], if was_stored { 403 } else { 200 }, "{path} {had_effect}");
            load(&world, &[vulnerable("GHSA-1", "pear", "HIGH", "1.2.0")]).await;
            assert_eq!(statuses(&world).await, [200, 403, 403, 200]);
        }
    }
}

/// Without advisories a version waits: that is the safe side.
#[tokio::test]
async fn what_cannot_be_read_exempts_no_fix() {
    let table = json!([{ "match": "**", "minimum_age": "7 days" }]);
    let world = World::new(&table);
    let (old, young) = (Some("2025-11-01T00:00:00.000Z"), Some("2026-01-02T00:00:00.000Z"));
    serve(&world.upstream, "pear", &[("1.0.0", old, json!({})), ("1.2.0", young, json!({}))]);
    load(&world, &[vulnerable("GHSA-1", "pear", "LOW", "1.2.0")]).await;
    assert_eq!(versions(&world.get("/pear").await), ["1.0.0", "1.2.0"]);
    world.clock.advance(Duration::from_secs(5));
    break_record(&world);
    assert_eq!(versions(&world.get("/pear").await), ["1.0.0"]);
}
