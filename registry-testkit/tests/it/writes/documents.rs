//! Documents that clients read, change and send back whole. All that such a document changes happens, or nothing does and
//! the answer says what to do instead.

use registry_testkit::TestRegistry;
use registry_testkit::http_client::TestResponse;
use registry_testkit::publish_document::PublishDocument;
use serde_json::{Value, json};

use super::{pear, text, with_pear};

/// Refuses with 400, and says what to do. Nothing happens.
async fn refuses(registry: &TestRegistry, path: &str, document: &Value, says: &str) {
    let before = registry.stored().await;
    let answer = registry.ana().put(path, document).await;
    assert_eq!(answer.status, 400, "{document}");
    assert!(answer.error().contains(says), "{}", answer.error());
    assert_eq!(registry.stored().await, before, "{document}");
}

/// A registry with a package that has something in all fields that are compared.
async fn with_much() -> TestRegistry {
    let registry = with_pear(&["1.0.0"]).await;
    let document = PublishDocument::new("pear", "1.1.0")
        .field("dependencies", json!({ "fig": "^1.0.0" }))
        .field("bundleDependencies", json!(["fig"]))
        .field("scripts", json!({ "test": "node test.js" }))
        .field("engines", json!({ "node": ">=20" }))
        .field("os", json!(["linux", "darwin"]))
        .field("config", json!({ "port": 8080.0, "ratio": 1e3 }))
        .field("bin", json!({ "pear": "index.js" }));
    let _ = registry.ana().publish(&document).await.assert_status(201);
    registry
}

fn rev_path(document: &Value) -> String {
    format!("/pear/-rev/{}", text(document, "_rev"))
}

fn leave_out(document: &mut Value, version: &str) {
    document["versions"].as_object_mut().unwrap().shift_remove(version);
}

#[tokio::test]
async fn a_document_that_removes_a_version_and_deprecates_another_one_does_neither() {
    let registry = with_pear(&["1.0.0", "1.1.0"]).await;
    let mut document = pear(&registry).await;
    leave_out(&mut document, "1.1.0");
    document["dist-tags"]["latest"] = json!("1.0.0");
    document["versions"]["1.0.0"]["deprecated"] = json!("old");
    refuses(&registry, &rev_path(&document), &document, "one change at a time").await;
    document["versions"]["1.0.0"].as_object_mut().unwrap().shift_remove("deprecated");
    let _ = registry.ana().put(&rev_path(&document), &document).await.assert_status(200);
}

#[tokio::test]
async fn a_document_of_two_revisions_removes_nothing() {
    let registry = with_pear(&["1.0.0", "1.1.0"]).await;
    let mut old = pear(&registry).await;
    let _ = registry.ana().publish(&PublishDocument::new("pear", "1.2.0")).await.assert_status(201);
    leave_out(&mut old, "1.0.0");
    let before = registry.stored().await;
    let now = pear(&registry).await;
    let _ = registry.ana().put(&rev_path(&now), &old).await.assert_status(409);
    assert_eq!(registry.stored().await, before);
}

#[tokio::test]
async fn a_document_of_another_package_or_of_a_deleted_one_changes_nothing() {
    let registry = with_pear(&["1.0.0"]).await;
    let document = pear(&registry).await;
    for (field, value, says) in [
        ("name", json!("plum"), "another package"),
        ("_id", json!("plum"), "another package"),
        ("_deleted", json!(true), "npm unpublish"),
    ] {
        let mut document = document.clone();
        document["versions"]["1.0.0"]["deprecated"] = json!("old");
        document[field] = value;
        refuses(&registry, "/pear", &document, says).await;
    }
}

#[tokio::test]
async fn what_is_no_text_takes_no_deprecation_back() {
    let registry = with_pear(&["1.0.0"]).await;
    let mut document = pear(&registry).await;
    document["versions"]["1.0.0"]["deprecated"] = json!("old");
    let _ = registry.ana().put("/pear", &document).await.assert_status(200);
    for odd in [json!(1), json!(0), json!(["old"]), json!({})] {
        let mut document = pear(&registry).await;
        document["versions"]["1.0.0"]["deprecated"] = odd;
        refuses(&registry, "/pear", &document, "is not a text").await;
    }
}

#[tokio::test]
async fn a_version_that_is_left_out_is_not_passed_over() {
    let registry = with_pear(&["1.0.0", "1.1.0"]).await;
    let mut document = pear(&registry).await;
    leave_out(&mut document, "1.1.0");
    refuses(&registry, "/pear", &document, "npm unpublish pear@1.1.0").await;
    document["versions"]["1.0.0"]["deprecated"] = json!("old");
    refuses(&registry, "/pear", &document, "npm unpublish pear@1.1.0").await;
    document.as_object_mut().unwrap().shift_remove("_rev");
    refuses(&registry, "/pear", &document, "npm unpublish pear@1.1.0").await;
}

#[tokio::test]
async fn what_decides_about_installs_is_not_passed_over() {
    for (field, value) in [
        ("name", json!("fig")),
        ("version", json!("1.0.1")),
        ("dependencies", json!({ "fig": "^2.0.0" })),
        ("dependencies", json!({ "fig": "^1.0.0", "left-pad": "1" })),
        ("dependencies", json!({})),
        ("dependencies", Value::Null),
        ("optionalDependencies", json!({ "fig": "^1.0.0" })),
        ("devDependencies", json!({ "fig": "^1.0.0" })),
        ("peerDependencies", json!({ "fig": "^1.0.0" })),
        ("bundleDependencies", json!([])),
        ("scripts", json!({ "postinstall": "node evil.js" })),
        ("engines", json!({ "node": ">=22" })),
        ("os", json!(["linux"])),
        ("cpu", json!(["x64"])),
        ("bin", json!({ "pear": "other.js" })),
        ("exports", json!("./other.js")),
        ("dist.integrity", json!("sha512-AAAA")),
        ("dist.shasum", json!("0000000000000000000000000000000000000000")),
    ] {
        let registry = with_much().await;
        let mut document = pear(&registry).await;
        document["versions"]["1.0.0"]["deprecated"] = json!("old");
        let manifest = &mut document["versions"]["1.1.0"];
        match field.strip_prefix("dist.") {
            Some(field) => manifest["dist"][field] = value,
            None if value.is_null() => drop(manifest.as_object_mut().unwrap().shift_remove(field)),
            None => manifest[field] = value,
        }
        refuses(&registry, "/pear", &document, &format!("{field} of 1.1.0")).await;
        refuses(&registry, &rev_path(&document), &document, "publish a new version").await;
    }
}

#[tokio::test]
async fn owners_and_tags_have_requests_of_their_own() {
    let registry = with_pear(&["1.0.0", "1.1.0"]).await;
    let _ = registry.user("ben").await;
    let whole = pear(&registry).await;
    for deprecates in [false, true] {
        let mut document = whole.clone();
        if deprecates {
            document["versions"]["1.0.0"]["deprecated"] = json!("old");
        }
        let mut owners = document.clone();
        owners["maintainers"] = json!([{ "name": "ana" }, { "name": "ben" }]);
        let mut moved = document.clone();
        moved["dist-tags"]["latest"] = json!("1.0.0");
        let mut added = document.clone();
        added["dist-tags"]["next"] = json!("1.0.0");
        let mut removed = document.clone();
        removed["dist-tags"] = json!({});
        for path in ["/pear".to_owned(), rev_path(&whole)] {
            refuses(&registry, &path, &owners, "npm owner").await;
            for tags in [&moved, &added, &removed] {
                refuses(&registry, &path, tags, "npm dist-tag").await;
            }
        }
    }
    let mut without_versions = json!({ "_id": "pear", "_rev": whole["_rev"] });
    without_versions["maintainers"] = json!([{ "name": "ana" }, { "name": "ben" }]);
    without_versions["dist-tags"] = json!({ "latest": "1.0.0" });
    refuses(&registry, &rev_path(&whole), &without_versions, "npm dist-tag").await;
    let mut unpublish = whole.clone();
    leave_out(&mut unpublish, "1.1.0");
    unpublish["dist-tags"] = json!({ "latest": "1.0.0" });
    unpublish["maintainers"] = json!([{ "name": "ben" }]);
    refuses(&registry, &rev_path(&whole), &unpublish, "npm owner").await;
}

/// npm moves `latest` where its version goes. Anything else would be passed over.
#[tokio::test]
async fn latest_moves_only_from_a_version_that_goes() {
    let registry = with_pear(&["1.0.0", "1.1.0", "1.2.0"]).await;
    let whole = pear(&registry).await;
    for latest in [json!("1.0.0"), json!("1.1.0"), json!("9.9.9"), Value::Null] {
        let mut document = whole.clone();
        leave_out(&mut document, "1.1.0");
        document["dist-tags"]["latest"] = latest.clone();
        if latest.is_null() {
            document["dist-tags"] = json!({});
        }
        refuses(&registry, &rev_path(&whole), &document, "npm dist-tag").await;
    }
    let star = json!({ "_rev": whole["_rev"], "users": { "ana": true }, "dist-tags": { "latest": "1.0.0" } });
    let _ = registry.ana().publish(&PublishDocument::new("pear", "1.3.0")).await.assert_status(201);
    let before = registry.stored().await;
    let _ = registry.ana().put(&rev_path(&star), &star).await.assert_status(409);
    assert_eq!(registry.stored().await, before);
    let mut document = pear(&registry).await;
    leave_out(&mut document, "1.3.0");
    for gone in ["9.9.9", ""] {
        document["dist-tags"]["latest"] = json!(gone);
        refuses(&registry, &rev_path(&document), &document, "not a version that stays").await;
    }
    document["dist-tags"]["latest"] = json!("1.0.0");
    let _ = registry.ana().put(&rev_path(&document), &document).await.assert_status(200);
    assert_eq!(pear(&registry).await["dist-tags"]["latest"], "1.2.0", "which the registry decides");
}

#[tokio::test]
async fn what_no_request_changes_is_not_passed_over() {
    let registry = with_pear(&["1.0.0"]).await;
    let document = PublishDocument::new("pear", "1.1.0")
        .field("description", json!("sweet"))
        .field("keywords", json!(["fruit"]))
        .field("repository", json!({ "type": "git", "url": "git+https://forge.example/pear.git" }));
    let _ = registry.ana().publish(&document).await.assert_status(201);
    let whole = pear(&registry).await;
    for (field, value) in [
        ("readme", json!("changed")),
        ("readmeFilename", json!("OTHER.md")),
        ("description", json!("sour")),
        ("description", json!("")),
        ("keywords", json!([])),
        ("license", json!("ISC")),
        ("homepage", json!("https://pear.example")),
        ("repository", json!("acme/pear")),
        ("bugs", json!({ "url": "https://pear.example" })),
        ("author", json!({ "name": "eva" })),
        ("contributors", json!(["eva"])),
        ("time", json!({ "1.0.0": "2000-01-01T00:00:00.000Z" })),
        ("time", json!({ "0.1.0": "2000-01-01T00:00:00.000Z" })),
        ("access", json!("restricted")),
        ("access", json!(7)),
    ] {
        let mut document = whole.clone();
        document["versions"]["1.0.0"]["deprecated"] = json!("old");
        document[field] = value.clone();
        refuses(&registry, "/pear", &document, &format!("changes `{field}`")).await;
        let mut star = json!({ "_rev": whole["_rev"], "users": { "ana": true } });
        star[field] = value;
        refuses(&registry, &rev_path(&whole), &star, &format!("changes `{field}`")).await;
    }
    let mut document = whole.clone();
    document["versions"]["1.0.0"]["deprecated"] = json!("old");
    document["access"] = json!("public");
    let _ = registry.ana().publish(&PublishDocument::new("pear", "1.2.0")).await.assert_status(201);
    let _ = registry.ana().put("/pear", &document).await.assert_status(200);
    assert_eq!(pear(&registry).await.get("description"), None, "which a publish meanwhile changed");
}

#[tokio::test]
async fn a_star_beside_another_change_is_not_half_done() {
    let registry = with_pear(&["1.0.0"]).await;
    let _ = registry.user("ben").await;
    let mut document = pear(&registry).await;
    document["users"] = json!({ "ana": true });
    document["versions"]["1.0.0"]["deprecated"] = json!("old");
    refuses(&registry, "/pear", &document, "one change at a time").await;
    let owners = json!([{ "name": "ana" }, { "name": "ben" }]);
    let document = json!({ "_rev": document["_rev"], "users": { "ana": true }, "maintainers": owners });
    refuses(&registry, &rev_path(&document), &document, "one change at a time").await;
}

#[tokio::test]
async fn a_deprecation_is_a_text() {
    let registry = with_pear(&["1.0.0"]).await;
    for odd in [json!(1), json!({ "message": "old" }), json!(["old"])] {
        let mut document = pear(&registry).await;
        document["versions"]["1.0.0"]["deprecated"] = odd;
        refuses(&registry, "/pear", &document, "a text").await;
    }
}

/// Clients reformat what they read, leave out what they do not know, and send what only the registry decides.
#[tokio::test]
async fn what_clients_make_of_a_document_by_themselves_is_no_change() {
    let registry = with_much().await;
    let before = pear(&registry).await;
    let mut document = before.clone();
    document["versions"]["1.0.0"]["deprecated"] = json!("old");
    document.as_object_mut().unwrap().sort_keys();
    document["_attachments"] = json!({});
    document["_revisions"] = json!([]);
    document["readme"] = Value::Null;
    document["time"]["modified"] = json!("2000-01-01T00:00:00.000Z");
    document["access"] = Value::Null;
    document["maintainers"] = json!([{ "name": "ana", "email": "" }]);
    let manifest = document["versions"]["1.1.0"].as_object_mut().unwrap();
    manifest.sort_keys();
    for field in ["_id", "_npmUser", "maintainers", "_nodeVersion", "readmeFilename"] {
        manifest.shift_remove(field);
    }
    manifest["dist"]["tarball"] = json!("https://elsewhere.example/pear-1.1.0.tgz");
    manifest["dist"].as_object_mut().unwrap().shift_remove("fileCount");
    manifest["config"] = json!({ "ratio": 1000, "port": 8080 });
    manifest["dependencies"].as_object_mut().unwrap().sort_keys();
    for (field, value) in [
        ("optionalDependencies", json!({})),
        ("peerDependencies", Value::Null),
        ("cpu", json!([])),
        ("description", json!("new")),
        ("_hasShrinkwrap", json!(false)),
        ("hasInstallScript", json!(false)),
    ] {
        manifest.insert(field.into(), value);
    }
    let _ = registry.ana().put("/pear", &document).await.assert_status(200);
    let mut expected = before;
    let after = pear(&registry).await;
    expected["versions"]["1.0.0"]["deprecated"] = json!("old");
    expected["_rev"] = after["_rev"].clone();
    assert_eq!(after, expected);
}

/// A manifest without a name is not one that was read before. Of it the deprecation counts.
#[tokio::test]
async fn a_manifest_may_be_the_deprecation_alone() {
    let registry = with_much().await;
    let versions = json!({ "1.0.0": { "deprecated": "old" }, "1.1.0": {} });
    let _ = registry.ana().put("/pear", &json!({ "versions": versions })).await.assert_status(200);
    assert_eq!(pear(&registry).await["versions"]["1.0.0"]["deprecated"], "old");
}

async fn deprecate(registry: &TestRegistry, mut document: Value, version: &str) -> TestResponse {
    document["versions"][version]["deprecated"] = json!("old");
    registry.ana().put("/pear", &document).await
}

/// npm does not try again after a 409, and a publish is no reason for one.
#[tokio::test]
async fn a_publish_meanwhile_does_not_break_a_deprecation() {
    let registry = with_pear(&["1.0.0", "1.1.0"]).await;
    let seen = pear(&registry).await;
    for (version, tag) in [("1.2.0", "latest"), ("2.0.0-rc.1", "next")] {
        let document = PublishDocument::new("pear", version).tag(tag);
        let _ = registry.ana().publish(&document).await.assert_status(201);
    }
    let _ = deprecate(&registry, seen.clone(), "1.0.0").await.assert_status(200);
    let after = pear(&registry).await;
    assert_eq!(after["versions"]["1.0.0"]["deprecated"], "old");
    assert_eq!(after["versions"].as_object().unwrap().len(), 4);
    assert_eq!(after["dist-tags"], json!({ "latest": "1.2.0", "next": "2.0.0-rc.1" }));
    // Of two deprecations, the second would take back the first.
    let _ = deprecate(&registry, seen, "1.1.0").await.assert_status(409);
}

#[tokio::test]
async fn any_other_change_meanwhile_does() {
    let registry = with_pear(&["1.0.0", "1.1.0"]).await;
    let ana = registry.ana();
    let seen = pear(&registry).await;
    let _ = ana.publish(&PublishDocument::new("pear", "1.2.0")).await.assert_status(201);
    let _ = ana.put("/-/package/pear/dist-tags/old", &json!("1.0.0")).await.assert_status(200);
    let _ = deprecate(&registry, seen, "1.0.0").await.assert_status(409);

    // A version that was seen is not one that is newer.
    let mut seen = pear(&registry).await;
    let _ = ana.delete("/-/package/pear/dist-tags/old").await.assert_status(200);
    leave_out(&mut seen, "1.2.0");
    let _ = deprecate(&registry, seen, "1.0.0").await.assert_status(409);

    // Nor is one of which the revision is invented.
    let mut seen = pear(&registry).await;
    leave_out(&mut seen, "1.2.0");
    seen["time"].as_object_mut().unwrap().shift_remove("1.2.0");
    let number: u64 = text(&seen, "_rev").split('-').next().unwrap().parse().unwrap();
    seen["_rev"] = json!(format!("{}-00000000000000000000000000000000", number - 1));
    let _ = deprecate(&registry, seen, "1.0.0").await.assert_status(409);

    // An unpublish decides about all versions, so it must have seen them.
    let mut seen = pear(&registry).await;
    let _ = ana.publish(&PublishDocument::new("pear", "1.3.0")).await.assert_status(201);
    leave_out(&mut seen, "1.0.0");
    let _ = ana.put(&rev_path(&seen), &seen).await.assert_status(409);
}

#[tokio::test]
async fn a_publish_meanwhile_allows_no_other_change_of_tags() {
    let registry = with_pear(&["1.0.0", "1.1.0"]).await;
    let mut seen = pear(&registry).await;
    let _ = registry.ana().publish(&PublishDocument::new("pear", "1.2.0")).await.assert_status(201);
    seen["versions"]["1.0.0"]["deprecated"] = json!("old");
    seen["dist-tags"]["old"] = json!("1.0.0");
    refuses(&registry, "/pear", &seen, "npm dist-tag").await;
}

/// A star changes no revision, and a stale revision does not prevent a star.
#[tokio::test]
async fn a_star_needs_no_present_revision() {
    let registry = with_pear(&["1.0.0"]).await;
    let seen = pear(&registry).await;
    let _ = registry.ana().publish(&PublishDocument::new("pear", "1.1.0")).await.assert_status(201);
    let star = json!({ "_id": "pear", "_rev": seen["_rev"], "users": { "ben": true } });
    let _ = registry.user("ben").await.put("/pear", &star).await.assert_status(200);
    assert_eq!(pear(&registry).await["users"], json!({ "ben": true }));
}
