use registry_core::care::FindingKind;
use registry_testkit::TestRegistry;
use registry_testkit::codebox_npm::CodeboxNpm;
use registry_testkit::faulty::{Fault, Operation};
use registry_testkit::publish_document::PublishDocument;
use serde_json::json;

use super::{YEARS, edit_index, found, key_of, tarball_key, verify_all, verify_options, with_pear};

#[tokio::test]
async fn a_sound_store_has_no_findings_and_is_not_changed() {
    let registry = with_pear(&["1.0.0", "1.1.0"]).await;
    let ana = registry.ana();
    let _ = ana.publish(&PublishDocument::new("@acme/JSONStream", "1.0.0")).await.assert_status(201);
    let _ = ana.stage(&PublishDocument::new("pear", "2.0.0")).await.assert_status(201);
    registry.clock().advance(YEARS);
    let before = registry.stored().await;
    let verified = verify_all(&registry, verify_options(true)).await;
    let counted: Vec<_> =
        verified.iter().map(|package| (package.name.as_str(), package.versions, package.bytes > 0)).collect();
    assert_eq!(counted, [("@acme/JSONStream", 1, true), ("pear", 2, true)]);
    assert!(verified.iter().all(|package| package.findings.is_empty()), "{verified:?}");
    assert_eq!(registry.stored().await, before);
}

#[tokio::test]
async fn a_flipped_byte_and_a_missing_tarball_are_found_and_not_repaired() {
    let registry = with_pear(&["1.0.0", "1.1.0", "1.2.0"]).await;
    let key = key_of("pear", "1.0.0");
    let mut bytes = registry.stored().await[&key].to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    registry.put(&key, bytes).await;
    registry.remove(&key_of("pear", "1.1.0")).await;
    let findings = found(&registry, true).await;
    let digest = |version| PublishDocument::new("pear", version).integrity();
    let findings = findings.replace(&digest("1.0.0"), "PUBLISHED");
    let lines: Vec<_> = findings.lines().collect();
    assert_eq!(lines.len(), 2, "{findings}");
    assert!(
        lines[0].starts_with(&format!("pear@1.0.0: the tarball {key} is not the one that was published"))
    );
    assert!(lines[0].ends_with(
        "index.json names PUBLISHED; restore the tarball from a backup, or unpublish the version"
    ));
    assert!(
        lines[1].starts_with("pear@1.1.0: the tarball pear/-/") && lines[1].contains(" is gone; restore")
    );
}

/// What such an index does not name is no orphan: it is the index that is wrong.
#[tokio::test]
async fn an_index_of_another_package_or_without_its_versions_is_damaged_and_costs_no_tarball() {
    for (edit, reason) in [
        (json!({ "name": "plum" }), "it is the packument of plum"),
        (json!({ "name": "plum", "versions": {} }), "it is the packument of plum"),
        (json!({ "versions": {} }), "it has dist-tags and no versions"),
        (json!({ "versions": {}, "dist-tags": { "next": "1.0.0" } }), "it has dist-tags and no versions"),
    ] {
        let registry = with_pear(&["1.0.0"]).await;
        edit_index(&registry, "pear", |index| {
            index.as_object_mut().unwrap().extend(edit.as_object().unwrap().clone());
        })
        .await;
        registry.clock().advance(YEARS);
        let before = registry.stored().await;
        let findings = found(&registry, true).await;
        assert!(findings.starts_with(&format!("pear: index.json cannot be read ({reason}); ")), "{findings}");
        assert_eq!(findings.lines().count(), 1, "{findings}");
        assert!(super::sweep_packages(&registry, false).await.is_empty(), "{reason}");
        assert_eq!(registry.stored().await, before, "{reason}");
    }
}

/// The index was changed and not the tarball, which is therefore no orphan, however old.
#[tokio::test]
async fn a_foreign_digest_is_told_apart_from_a_missing_tarball() {
    let registry = with_pear(&["1.0.0"]).await;
    let other = PublishDocument::new("pear", "9.9.9").integrity();
    edit_index(&registry, "pear", |index| {
        index["versions"]["1.0.0"]["dist"]["integrity"] = json!(other);
    })
    .await;
    registry.clock().advance(YEARS);
    let findings = found(&registry, true).await;
    assert!(
        findings.starts_with("pear@1.0.0: index.json names the digest of another tarball: "),
        "{findings}"
    );
    assert_eq!(findings.lines().count(), 1, "{findings}");
    assert!(super::sweep_packages(&registry, false).await.is_empty());
    assert!(registry.keys().await.contains(&key_of("pear", "1.0.0")));
}

#[tokio::test]
async fn a_tarball_of_another_package_and_a_wrong_shasum_are_found() {
    let registry = with_pear(&["1.0.0", "1.1.0", "1.2.0", "1.3.0"]).await;
    edit_index(&registry, "pear", |index| {
        let versions = &mut index["versions"];
        versions["1.0.0"]["dist"]["tarball"] = json!("plum/-/plum-1.0.0.tgz");
        versions["1.1.0"]["dist"]["shasum"] = json!("00");
        versions["1.2.0"] = json!({ "name": "pear" });
        let dist = versions["1.3.0"]["dist"].as_object_mut().unwrap();
        dist.remove("integrity");
    })
    .await;
    registry.clock().advance(YEARS);
    let verified = verify_all(&registry, verify_options(true)).await;
    let kinds: Vec<_> = verified[0].findings.iter().map(|finding| &finding.kind).collect();
    assert!(matches!(kinds[0], FindingKind::WrongShasum { version, .. } if version == "1.1.0"), "{kinds:?}");
    assert!(
        matches!(kinds[1], FindingKind::ForeignDigest { version, .. } if version == "1.3.0"),
        "{kinds:?}"
    );
    assert!(
        matches!(kinds[2], FindingKind::ForeignTarball { version, .. } if version == "1.0.0"),
        "{kinds:?}"
    );
    assert!(
        matches!(kinds[3], FindingKind::DamagedManifest { version, .. } if version == "1.2.0"),
        "{kinds:?}"
    );
    assert_eq!(kinds.len(), 4, "{kinds:?}");
    // Of no version is it certain that its tarball is an orphan.
    for version in ["1.0.0", "1.2.0", "1.3.0"] {
        assert!(registry.keys().await.contains(&key_of("pear", version)), "{version}");
    }
}

#[tokio::test]
async fn dangling_tags_are_removed_by_compare_and_swap_and_told_of() {
    let registry = with_pear(&["1.0.0"]).await;
    edit_index(&registry, "pear", |index| {
        index["dist-tags"]["beta"] = json!("2.0.0");
        index["dist-tags"]["next"] = json!("1.0.0");
    })
    .await;
    registry.registry().flush_events().await;
    registry.events().take();
    let findings = found(&registry, false).await;
    insta::assert_snapshot!(findings, @r#"pear: the tag "beta" names "2.0.0", which is not a version of the package; --repair removes it, and points latest to the highest version; npm dist-tag add sets it"#);
    // The first write gets no answer, so it is made again.
    registry.store().fail_next(Operation::Put, Fault::BeforeEffect);
    let findings = found(&registry, true).await;
    assert!(findings.ends_with("which is not a version of the package; repaired\n"), "{findings}");
    assert_eq!(registry.store().faults_to_come(), 0);
    assert_eq!(found(&registry, true).await, "");
    let tags = registry.anonymous().get("/-/package/pear/dist-tags").await.assert_status(200).json();
    assert_eq!(tags, json!({ "latest": "1.0.0", "next": "1.0.0" }));
    registry.registry().flush_events().await;
    let events = registry.events().take();
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(serde_json::to_value(&events[0]).unwrap()["via"], "command-line");
}

#[tokio::test]
async fn a_dangling_latest_is_chosen_anew() {
    let registry = with_pear(&["1.0.0", "1.2.0", "2.0.0-beta.1"]).await;
    edit_index(&registry, "pear", |index| index["dist-tags"]["latest"] = json!("7.0.0")).await;
    assert!(found(&registry, true).await.ends_with("; repaired\n"));
    let tags = registry.anonymous().get("/-/package/pear/dist-tags").await.assert_status(200).json();
    assert_eq!(tags, json!({ "latest": "1.2.0" }));
    let _ = registry.anonymous().get("/pear/latest").await.assert_status(200);
}

#[tokio::test]
async fn a_packument_that_may_not_be_read_is_a_finding_and_others_are_verified() {
    let registry = with_pear(&["1.0.0"]).await;
    let _ = registry.ana().publish(&PublishDocument::new("fig", "1.0.0")).await.assert_status(201);
    registry.store().fail_next_at(Operation::Get, |path| path == "fig/index.json", Fault::Refused);
    let findings = found(&registry, false).await;
    assert!(findings.starts_with("fig: the storage refuses to read index.json ("), "{findings}");
    assert_eq!(registry.store().faults_to_come(), 0);
}

#[tokio::test]
async fn damaged_and_lost_packuments_are_found_and_nothing_of_them_is_deleted() {
    let registry = with_pear(&["1.0.0"]).await;
    let ana = registry.ana();
    for name in ["plum", "fig", "kiwi"] {
        let _ = ana.publish(&PublishDocument::new(name, "1.0.0")).await.assert_status(201);
    }
    registry.put("pear/index.json", "{").await;
    registry.remove("plum/index.json").await;
    registry.remove("fig/index.json").await;
    registry.remove(&key_of("fig", "1.0.0")).await;
    registry.clock().advance(YEARS);
    let before = registry.stored().await;
    insta::assert_snapshot!(found(&registry, true).await, @r"
    fig: index.json is gone; no client can read the package until this is mended: restore index.json from a backup, or free the name: delete the folder of the package and its entry in _spellings/, both below objects/ in a folder
    pear: index.json cannot be read (EOF while parsing an object at line 1 column 1); no client can read the package until this is mended: restore index.json from a backup, or free the name: delete the folder of the package and its entry in _spellings/, both below objects/ in a folder
    plum: index.json is gone; no client can read the package until this is mended: restore index.json from a backup, or free the name: delete the folder of the package and its entry in _spellings/, both below objects/ in a folder
    ");
    assert!(super::sweep_packages(&registry, false).await.is_empty());
    assert_eq!(registry.stored().await, before);
}

#[tokio::test]
async fn old_orphans_are_deleted_and_young_ones_are_left_to_their_publish() {
    let registry = with_pear(&["1.0.0"]).await;
    let bytes = PublishDocument::new("pear", "1.1.0").tarball();
    let loser = tarball_key("pear", "1.0.0", b"the loser of a race");
    registry.put(&key_of("pear", "1.1.0"), bytes).await;
    registry.put(&loser, "the loser of a race").await;
    registry.put("pear/notes.txt", "not ours").await;
    assert_eq!(found(&registry, true).await, "", "a publish may be on its way");
    registry.clock().advance(YEARS);
    let findings = found(&registry, false).await;
    assert_eq!(findings.lines().count(), 2, "{findings}");
    assert!(
        findings.lines().all(|line| line.starts_with("pear: no version has the tarball pear/-/")),
        "{findings}"
    );
    let findings = found(&registry, true).await;
    assert!(findings.lines().all(|line| line.ends_with("; repaired")), "{findings}");
    let keys = registry.keys().await;
    let left: Vec<_> = keys.iter().filter(|key| key.starts_with("pear/")).collect();
    assert_eq!(left, [&key_of("pear", "1.0.0"), "pear/index.json", "pear/notes.txt"]);
    assert_eq!(found(&registry, true).await, "");
}

#[tokio::test]
async fn a_store_that_fails_is_no_finding_but_a_tarball_that_cannot_be_read_is() {
    let registry = with_pear(&["1.0.0"]).await;
    registry.store().fail_next(Operation::Open, Fault::BeforeEffect);
    let findings = found(&registry, false).await;
    assert!(
        findings.starts_with("pear@1.0.0: the tarball pear/-/") && findings.contains(" cannot be read ("),
        "{findings}"
    );
    registry.store().fail_next(Operation::List, Fault::BeforeEffect);
    let names = vec!["pear".parse().unwrap()];
    let verified = registry.registry().verify_packages(names, verify_options(false));
    let verified: Result<Vec<_>, _> = futures::TryStreamExt::try_collect(verified).await;
    assert!(verified.is_err(), "{verified:?}");
}

#[tokio::test]
async fn a_bucket_of_codebox_is_sound_until_a_byte_is_flipped() {
    let mut codebox = CodeboxNpm::new("https://old.registry.example/prod/registry");
    for (path, name) in [("@acme%2fone", "@acme/one"), ("pear", "pear")] {
        let published = codebox.publish(path, &PublishDocument::new(name, "1.0.0").build());
        assert_eq!(published.status, 200);
    }
    let registry = TestRegistry::new().await;
    for (key, bytes) in codebox.objects() {
        registry.put(key, bytes.clone()).await;
    }
    registry.clock().advance(YEARS);
    assert_eq!(found(&registry, true).await, "");
    registry.put("@acme/one/1.0.0.tgz", "else").await;
    let findings = found(&registry, true).await;
    assert!(
        findings.starts_with("@acme/one@1.0.0: the tarball @acme/one/1.0.0.tgz is not the one"),
        "{findings}"
    );
    // Without the index, they are all that is left of a package.
    registry.remove("pear/index.json").await;
    assert!(found(&registry, true).await.contains("pear: index.json is gone"));
    assert!(registry.keys().await.contains(&"pear/1.0.0.tgz".to_owned()));
}
