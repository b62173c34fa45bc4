use registry_core::advisories::{AdvisoryDump, AdvisorySettings, UnavailableAdvisories};
use registry_core::clock::{Clock as _, SystemClock};

use super::*;

/// An advisory in OSV's format for versions below `fixed`.
pub(super) fn vulnerable(id: &str, package: &str, severity: &str, fixed: &str) -> Value {
    json!({
        "id": id, "summary": "Pears rot", "database_specific": { "severity": severity },
        "affected": [{ "package": { "ecosystem": "npm", "name": package }, "ranges": [
            { "type": "SEMVER", "events": [{ "introduced": "0" }, { "fixed": fixed }] },
        ] }],
    })
}

pub(super) fn malware(package: &str, version: &str) -> Value {
    json!({
        "id": format!("MAL-{}", package.trim_start_matches('@').replace('/', ".")), "summary": "Malicious code",
        "affected": [{ "package": { "ecosystem": "npm", "name": package }, "versions": [version] }],
    })
}

/// Loads these advisories, in place of those before.
pub(super) async fn load(world: &World, advisories: &[Value]) {
    let mut dump = AdvisoryDump::new();
    for advisory in advisories {
        dump.add(advisory.to_string().as_bytes()).unwrap();
    }
    world.registry.update_advisories(dump, "a test", false).await.unwrap();
}

pub(super) fn advised(unavailable: UnavailableAdvisories) -> impl FnOnce(RegistryBuilder) -> RegistryBuilder {
    let settings = AdvisorySettings { unavailable, ..AdvisorySettings::default() };
    move |builder| builder.advisories(settings)
}

fn two_versions(world: &World) {
    let (old, new) = (("1.0.0", None, json!({})), ("1.2.0", None, json!({})));
    serve(&world.upstream, "pear", &[old, new]);
}

#[tokio::test]
async fn a_version_that_an_advisory_names_is_neither_listed_nor_served() {
    let world = World::new(&json!([{ "match": "**", "advisories": "high", "contact": "ask #security" }]));
    two_versions(&world);
    world.publish("@ours/fig", "1.0.0", &json!({})).await;
    world.publish("@ours/fig", "1.1.0", &json!({})).await;
    load(&world, &[vulnerable("GHSA-1", "pear", "HIGH", "1.2.0"), malware("@ours/fig", "1.1.0")]).await;
    assert_eq!(versions(&world.get("/pear").await), ["1.2.0"]);
    assert_eq!(versions(&world.abbreviated("/pear").await), ["1.2.0"]);
    let refused = world.get(&tarball("pear", "1.0.0")).await.assert_status(403);
    assert_eq!(
        refused.error(),
        "pear@1.0.0 is named by the advisory GHSA-1 (high; fixed in 1.2.0): Pears rot (rule advisories, it does not end by \
         itself). To use it now, ask #security"
    );
    let fig = world.get("/@ours/fig").await;
    assert_eq!(versions(&fig), ["1.0.0"]);
    assert_eq!(fig.json()["dist-tags"]["latest"], "1.0.0");
    let refused = world.get(&tarball("@ours/fig", "1.1.0")).await.assert_status(403);
    assert!(refused.error().contains("is malware by the advisory MAL-ours.fig"), "{}", refused.error());
}

#[tokio::test]
async fn an_advisory_below_the_threshold_refuses_nothing_and_one_that_is_ignored_neither() {
    let table = json!([{ "match": "**", "advisories": "high" }]);
    let world = World::new(&table);
    two_versions(&world);
    load(&world, &[vulnerable("GHSA-1", "pear", "MODERATE", "1.2.0")]).await;
    assert_eq!(versions(&world.get("/pear").await), ["1.0.0", "1.2.0"]);
    load(&world, &[vulnerable("GHSA-1", "pear", "CRITICAL", "1.2.0")]).await;
    assert_eq!(versions(&world.get("/pear").await), ["1.2.0"]);
    let settings = AdvisorySettings { ignored: vec!["GHSA-1".into()], ..AdvisorySettings::default() };
    let lenient = world.replica(&table, |builder| builder.advisories(settings));
    assert_eq!(versions(&lenient.get("/pear").await), ["1.0.0", "1.2.0"]);
}

#[tokio::test]
async fn an_update_counts_on_every_replica_within_its_seconds_and_documents_change_with_it() {
    let table = json!([{ "match": "**", "advisories": "low" }]);
    let one = World::new(&table);
    let other = one.replica(&table, |builder| builder);
    two_versions(&one);
    load(&one, &[malware("plum", "1.0.0")]).await;
    let paths = [tarball("pear", "1.0.0"), "/pear".to_owned()];
    for world in [&one, &other] {
        let _ = world.get(&paths[0]).await.assert_status(200);
        assert_eq!(versions(&world.get("/pear").await), ["1.0.0", "1.2.0"]);
    }
    let before = other.get("/pear").await;
    load(&one, &[vulnerable("GHSA-1", "pear", "LOW", "1.2.0")]).await;
    assert_eq!(versions(&one.get("/pear").await), ["1.2.0"], "at once where it was loaded");

    one.clock.advance(Duration::from_millis(4999));
    let _ = other.get(&paths[0]).await.assert_status(200);
    one.clock.advance(Duration::from_millis(1));
    let _ = other.get(&paths[0]).await.assert_status(403);
    let hidden = other.get("/pear").await;
    assert_eq!(versions(&hidden), ["1.2.0"]);
    assert_ne!(before.header("etag"), hidden.header("etag"));

    // The advisory is withdrawn.
    load(&other, &[malware("plum", "1.0.0")]).await;
    one.clock.advance(Duration::from_secs(5));
    for world in [&one, &other] {
        let _ = world.get(&paths[0]).await.assert_status(200);
        let shown = world.get("/pear").await;
        assert_eq!(versions(&shown), ["1.0.0", "1.2.0"]);
    }
}

#[tokio::test]
async fn old_dumps_are_deleted_once_no_process_can_read_them_any_more() {
    let world = World::new(&json!([{ "match": "**", "advisories": "low" }]));
    for version in ["1.0.0", "1.0.1"] {
        load(&world, &[malware("plum", version)]).await;
    }
    assert_eq!(dumps(&world).await, 2, "another process may still read the old one");
    // The age of an object is by the clock of the store, which is that of this machine.
    let behind = SystemClock.now() - world.clock.now();
    world.clock.advance(behind.to_std().unwrap() + Duration::from_hours(2));
    load(&world, &[malware("plum", "1.0.2")]).await;
    assert_eq!(dumps(&world).await, 1);
}

async fn dumps(world: &World) -> usize {
    use futures::TryStreamExt as _;
    use registry_core::storage::{BlobPath, BlobPrefix, BlobStore as _};
    let folder = BlobPrefix::folder(BlobPath::parse("_advisories/dumps").unwrap());
    world.store.list(&folder).try_collect::<Vec<_>>().await.unwrap().len()
}

#[tokio::test]
async fn own_advisories_stay_when_the_database_is_updated() {
    let world = World::new(&json!([{ "match": "**", "advisories": "low" }]));
    world.publish("@ours/fig", "1.0.0", &json!({})).await;
    world.publish("@ours/fig", "1.1.0", &json!({})).await;
    let own = vulnerable("ACME-1", "@ours/fig", "LOW", "1.1.0");
    let added = world.registry.add_advisory(own.to_string().as_bytes()).await.unwrap();
    let (id, packages) = (added.id, added.packages);
    assert_eq!((id.as_str(), packages[0].as_str()), ("ACME-1", "@ours/fig"));
    assert_eq!(versions(&world.get("/@ours/fig").await), ["1.1.0"], "without any database, too");
    load(&world, &[malware("plum", "1.0.0")]).await;
    assert_eq!(versions(&world.get("/@ours/fig").await), ["1.1.0"]);
    let listed = world.registry.list_advisories(None, false).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].id.as_str(), listed[0].versions.as_str()), ("ACME-1", "<1.1.0"));
    assert_eq!(world.registry.list_advisories(None, true).await.unwrap().len(), 2);
    world.registry.remove_advisory("ACME-1").await.unwrap();
    assert_eq!(versions(&world.get("/@ours/fig").await), ["1.0.0", "1.1.0"]);
    let unknown = world.registry.remove_advisory("ACME-1").await.unwrap_err();
    assert!(unknown.to_string().contains("ACME-1 is none of the advisories"), "{unknown}");
    for (wrong, said) in [
        ("{", "OSV's format"),
        (r#"{"id":"A-1","affected":[{"package":{"ecosystem":"PyPI","name":"pear"}}]}"#, "ecosystem npm"),
        (r#"{"id":"A-1","affected":[]}"#, "names nothing in `affected`"),
        (r#"{"id":"A-1","affected":[{"package":{"ecosystem":"npm","name":"a b"}}]}"#, "names no package"),
        (r#"{"id":"A-1","withdrawn":"2026-01-01T00:00:00Z"}"#, "withdrawn"),
    ] {
        let refused = world.registry.add_advisory(wrong.as_bytes()).await.unwrap_err().to_string();
        assert!(refused.contains(said), "{wrong}: {refused}");
    }
}

#[tokio::test]
async fn the_first_fixed_version_need_not_wait() {
    let table = json!([{ "match": "**", "minimum_age": "7 days" }]);
    let world = World::new(&table);
    // The clock of tests begins on 2026-01-02.
    let (old, young) = (Some("2025-11-01T00:00:00.000Z"), Some("2026-01-02T00:00:00.000Z"));
    let listed = [("1.0.0", old, json!({})), ("1.2.0", young, json!({})), ("1.2.1", young, json!({}))];
    serve(&world.upstream, "pear", &listed);
    assert_eq!(versions(&world.get("/pear").await), ["1.0.0"], "nothing is known against the version before");
    load(&world, &[vulnerable("GHSA-1", "pear", "LOW", "1.2.0")]).await;
    assert_eq!(versions(&world.get("/pear").await), ["1.0.0", "1.2.0"]);
    let _ = world.get(&tarball("pear", "1.2.0")).await.assert_status(200);
    let _ = world.get(&tarball("pear", "1.2.1")).await.assert_status(403);
    let explained = world.get("/-/package/pear/policy/1.2.0").await.json();
    let why = explained["versions"][0]["allowed_by"][0].as_str().unwrap();
    assert!(why.starts_with("a fix of GHSA-1, exempt from minimum_age"), "{why}");

    let settings = AdvisorySettings { exempt_fixes: false, ..AdvisorySettings::default() };
    let strict = world.replica(&table, |builder| builder.advisories(settings));
    assert_eq!(versions(&strict.get("/pear").await), ["1.0.0"]);

    // Another advisory names the fix itself.
    let worm = malware("pear", "1.2.0");
    load(&world, &[vulnerable("GHSA-1", "pear", "LOW", "1.2.0"), worm]).await;
    assert_eq!(versions(&world.get("/pear").await), ["1.0.0"]);
}

#[tokio::test]
async fn a_search_hit_that_an_advisory_names_is_left_out() {
    let world = World::new(&json!([{ "match": "**", "advisories": "low" }]));
    world.publish("@ours/fig", "1.0.0", &json!({})).await;
    load(&world, &[malware("@ours/fig", "1.0.0")]).await;
    let found = world.get("/-/v1/search?text=fig").await.assert_status(200).json();
    assert_eq!(found["objects"].as_array().unwrap().len(), 0, "{found}");
}
