use registry_core::bulk::BulkMode;
use registry_testkit::TestRegistry;
use registry_testkit::http_client::TestResponse;
use registry_testkit::publish_document::PublishDocument;
use serde_json::json;

use super::owners::owner;
use super::{Source, notes, stored};

const PEAR: &str = "@acme/pear";

async fn imported_pear() -> (Source, TestRegistry) {
    let (source, registry) = (Source::with_pear(), TestRegistry::new().await);
    source.imported(&registry, PEAR).await;
    (source, registry)
}

#[track_caller]
fn succeed(answer: &TestResponse) {
    assert!(answer.status.is_success(), "{answer:?}");
}

/// Moves every part of the package at the source that can be changed here, too.
fn move_on(source: &Source) {
    source.publish(&PublishDocument::new(PEAR, "1.2.0").field("description", json!("yellow")));
    source.change(PEAR, |packument| {
        packument["versions"]["1.0.0"].as_object_mut().unwrap().shift_remove("deprecated");
        packument["versions"]["1.1.0"]["deprecated"] = json!("use 1.2.0");
        packument["dist-tags"].as_object_mut().unwrap().shift_remove("old");
        packument["dist-tags"]["next"] = json!("1.2.0");
        packument["maintainers"] = json!([{ "name": "ben", "email": "ben@source.example" }]);
    });
}

#[tokio::test]
async fn what_only_imports_wrote_follows_the_source() {
    let (source, registry) = imported_pear().await;
    move_on(&source);
    let again = source.imported(&registry, PEAR).await;
    assert_eq!((again.added, again.unchanged, notes(&again)), (1, 2, String::new()));
    let packument = stored(&registry, PEAR).await;
    assert_eq!(packument["dist-tags"], json!({ "latest": "1.2.0", "next": "1.2.0" }));
    assert_eq!(packument["maintainers"], json!([{ "name": "ben", "email": "ben@source.example" }]));
    let deprecated = |version: &str| packument["versions"][version]["deprecated"].clone();
    assert_eq!((deprecated("1.0.0"), deprecated("1.1.0")), (json!(null), json!("use 1.2.0")));
    assert_eq!(packument["description"], "yellow");
    assert_eq!(packument["time"]["created"], "2020-03-01T01:02:03.456Z");
    assert_eq!(packument["time"]["modified"], "2026-01-02T03:04:05.000Z", "it changed here now");
}

#[tokio::test]
async fn what_was_changed_here_stays_and_is_told() {
    let (source, registry) = imported_pear().await;
    let eva = owner(&registry, "eva").await;
    let _ = eva.publish(&PublishDocument::new(PEAR, "9.0.0")).await.assert_status(201);
    succeed(&eva.put("/-/package/@acme%2fpear/dist-tags/old", &json!("1.1.0")).await);
    let mut seen = eva.get("/@acme%2fpear").await.json();
    seen["versions"]["1.0.0"]["deprecated"] = json!("never use it");
    succeed(&eva.put("/@acme%2fpear", &seen).await);
    let owners = json!([{ "name": "eva", "email": "eva@registry.example" }, { "name": "ana", "email": "" }]);
    let seen = eva.get("/@acme%2fpear").await.json();
    let document = json!({ "_id": PEAR, "_rev": seen["_rev"], "maintainers": owners });
    let revision = seen["_rev"].as_str().unwrap();
    succeed(&eva.put(&format!("/@acme%2fpear/-rev/{revision}"), &document).await);
    let before = stored(&registry, PEAR).await;

    move_on(&source);
    let again = source.imported(&registry, PEAR).await;
    assert_eq!((again.added, again.unchanged), (1, 2));
    insta::assert_snapshot!(notes(&again), @r"
    the dist-tag latest was changed here, and stays
    the dist-tag old was changed here, and stays
    the deprecation of 1.0.0 was changed here, and stays
    the owners were changed here, and stay
    ");
    let after = stored(&registry, PEAR).await;
    assert_eq!(after["dist-tags"], json!({ "latest": "9.0.0", "old": "1.1.0", "next": "1.2.0" }));
    assert_eq!(after["maintainers"], before["maintainers"]);
    assert_eq!(after["versions"]["1.0.0"]["deprecated"], "never use it");
    assert_eq!(after["versions"]["1.1.0"]["deprecated"], "use 1.2.0", "nobody changed that one here");
}

#[tokio::test]
async fn what_was_unpublished_on_one_side_stays_as_it_is_here() {
    let (source, registry) = imported_pear().await;
    let eva = owner(&registry, "eva").await;
    let seen = eva.get("/@acme%2fpear").await.json();
    let mut document = seen.clone();
    document["versions"].as_object_mut().unwrap().shift_remove("1.1.0");
    document["dist-tags"] = json!({ "latest": "1.0.0" });
    let revision = seen["_rev"].as_str().unwrap();
    succeed(&eva.put(&format!("/@acme%2fpear/-rev/{revision}"), &document).await);
    source.change(PEAR, |packument| {
        packument["versions"].as_object_mut().unwrap().shift_remove("1.0.0");
        packument["dist-tags"] = json!({ "latest": "1.1.0" });
    });
    let again = source.imported(&registry, PEAR).await;
    assert_eq!((again.added, again.unchanged), (0, 0));
    insta::assert_snapshot!(notes(&again), @r"
    1.0.0 was unpublished at the source, and stays here
    1.1.0 was unpublished here, and stays so
    ");
    let packument = stored(&registry, PEAR).await;
    assert_eq!(packument["versions"].as_object().unwrap().keys().collect::<Vec<_>>(), ["1.0.0"]);
}

/// Nothing tells whether they were unpublished, so they stay.
#[tokio::test]
async fn versions_that_are_gone_at_the_source_are_told() {
    let (source, registry) = imported_pear().await;
    let eva = owner(&registry, "eva").await;
    let _ = eva.publish(&PublishDocument::new(PEAR, "9.0.0")).await.assert_status(201);
    source.change(PEAR, |packument| {
        for field in ["versions", "time"] {
            packument[field].as_object_mut().unwrap().shift_remove("1.0.0");
        }
        packument["dist-tags"] = json!({ "latest": "1.1.0" });
        packument["maintainers"] = json!([]);
    });
    let told_of = async |partial, mode| {
        let import = source.import_as(&registry, |options| {
            options.names = vec![PEAR.parse().unwrap()];
            options.partial = partial;
            options.mode = mode;
        });
        let (packages, failures) = import.await;
        assert_eq!(failures, [""; 0]);
        notes(&packages[0])
    };
    let told = async |mode| told_of(false, mode).await;
    let dry_run = told(BulkMode::DryRun).await;
    insta::assert_snapshot!(dry_run, @r"
    1.0.0 was imported before and is not at the source any more, and stays here
    the dist-tag latest was changed here, and stays
    the source names no owners any more, and those that are here stay
    ");
    for _ in 0..2 {
        assert_eq!(told(BulkMode::Apply).await, dry_run);
    }
    // A bundle has few of the versions.
    let of_a_part = told_of(true, BulkMode::Apply).await;
    assert_eq!(dry_run.lines().skip(1).collect::<Vec<_>>(), of_a_part.lines().collect::<Vec<_>>());
    let packument = stored(&registry, PEAR).await;
    assert_eq!(
        packument["versions"].as_object().unwrap().keys().collect::<Vec<_>>(),
        ["1.0.0", "1.1.0", "9.0.0"]
    );
}

/// A dry run says what would stay, also of a dist-tag that names a version which is yet to come.
#[tokio::test]
async fn a_dry_run_tells_what_stays() {
    let (source, registry) = imported_pear().await;
    let eva = owner(&registry, "eva").await;
    let _ = eva.publish(&PublishDocument::new(PEAR, "9.0.0")).await.assert_status(201);
    move_on(&source);
    let before = registry.stored().await;
    let (packages, failures) = source
        .import_as(&registry, |options| {
            options.names = vec![PEAR.parse().unwrap()];
            options.mode = BulkMode::DryRun;
        })
        .await;
    assert_eq!(failures, [""; 0]);
    assert_eq!(notes(&packages[0]), "the dist-tag latest was changed here, and stays");
    assert_eq!(registry.stored().await, before);
}

/// A package that was published here takes versions of the source, and nothing that was decided here is changed.
#[tokio::test]
async fn a_package_of_this_registry_gets_what_it_lacks() {
    let (source, registry) = (Source::default(), TestRegistry::new().await);
    let fig = |version: &str| PublishDocument::new("fig", version);
    for version in ["1.0.0", "1.1.0", "2.0.0"] {
        source.publish(&fig(version));
    }
    source.change("fig", |packument| packument["dist-tags"]["beta"] = json!("2.0.0"));
    for version in ["1.0.0", "1.1.0"] {
        let _ = registry.ana().publish(&fig(version)).await.assert_status(201);
    }
    let (mut packages, failures) = source.import_into_published(&registry, "fig").await;
    assert_eq!(failures, [""; 0]);
    let imported = packages.remove(0);
    assert_eq!((imported.added, imported.unchanged), (1, 2));
    insta::assert_snapshot!(notes(&imported), @r"
    the dist-tag latest was changed here, and stays
    the owners were changed here, and stay
    ");
    let packument = stored(&registry, "fig").await;
    assert_eq!(packument["dist-tags"], json!({ "latest": "1.1.0", "beta": "2.0.0" }));
    assert_eq!(packument["maintainers"][0]["name"], "ana");
    let imported = json!({
        "dist-tags": { "beta": "2.0.0" }, "versions": ["1.0.0", "1.1.0", "2.0.0"],
        "added": { "2026-01-02T03:04:05.000Z": ["2.0.0"] },
    });
    assert_eq!(packument["_imported"], imported);
}

/// Users of another registry are others, unless the operator says that they are the same.
#[tokio::test]
async fn stars_come_where_users_are_the_same_and_stay_as_they_decided() {
    let (source, registry) = imported_pear().await;
    let star = |names: &[&str]| {
        source.change(PEAR, |packument| {
            packument["users"] = names.iter().map(|name| ((*name).to_owned(), json!(true))).collect();
        });
    };
    let import = async || {
        let asked = source.import_as(&registry, |options| {
            options.names = vec![PEAR.parse().unwrap()];
            options.stars = true;
        });
        assert_eq!(asked.await.1, [""; 0]);
        stored(&registry, PEAR).await["users"].clone()
    };
    let starred_by = async |name: &str| {
        let path = format!("/-/_view/starredByUser?key=%22{name}%22");
        registry.anonymous().get(&path).await.json()["rows"].as_array().unwrap().len()
    };
    assert_eq!(stored(&registry, PEAR).await["users"], json!(null));
    star(&["ana", "ben"]);
    assert_eq!(import().await, json!({ "ana": true, "ben": true }));
    assert_eq!((starred_by("ana").await, starred_by("ben").await), (1, 1));
    let before = registry.stored().await;
    import().await;
    assert_eq!(registry.stored().await, before);

    // Ana decides here, and Ben there.
    let revision = registry.anonymous().get("/@acme%2fpear").await.json()["_rev"].clone();
    let document = json!({ "_id": PEAR, "_rev": revision, "users": {} });
    succeed(&registry.ana().put("/@acme%2fpear", &document).await);
    star(&["ana", "eva"]);
    assert_eq!(import().await, json!({ "eva": true }));
    assert_eq!((starred_by("ana").await, starred_by("ben").await, starred_by("eva").await), (0, 0, 1));
    star(&[]);
    assert_eq!(import().await, json!(null));
}
