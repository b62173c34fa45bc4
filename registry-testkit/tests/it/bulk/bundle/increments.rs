use std::fs;
use std::time::Duration;

use registry_core::bulk::{ApplyOptions, BulkMode};
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::{TestRegistry, amount};

use super::super::outcome;
use super::{Bundle, LOCKED, Site, apply, fig, locked};

/// Bytes that do not compress.
fn noise(seed: usize, length: usize) -> Vec<u8> {
    let mut state = seed as u64 + 1;
    let step = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_le_bytes()[5]
    };
    (0..length).map(step).collect()
}

#[tokio::test]
async fn one_changed_dependency_of_many_is_a_small_increment() {
    let (site, other) = (Site::new().await, TestRegistry::new().await);
    let names: Vec<String> = (0..amount("PACKAGES", 40)).map(|number| format!("plum-{number}")).collect();
    for (number, name) in names.iter().enumerate() {
        site.upstream.publish(&PublishDocument::new(name, "1.0.0").file("index.js", &noise(number, 12_000)));
    }
    let mut packages: Vec<_> = names.iter().map(|name| (name.as_str(), "1.0.0")).collect();
    let whole = site.created("whole.tar", &packages).await;
    site.upstream.publish(&PublishDocument::new(&names[0], "1.0.1").file("index.js", &noise(7_000, 12_000)));
    packages[0].1 = "1.0.1";
    // What is known of the upstream is as old as clients may be told.
    site.registry.clock().advance(Duration::from_hours(1));
    let (versions, small) = site.create("more.tar", locked(&packages), Some("whole.tar")).await.unwrap();
    assert_eq!(versions.iter().filter(|version| !version.is_in_base).count(), 1);
    assert!(small.bytes * 10 < whole.bytes, "{} of {} bytes", small.bytes, whole.bytes);

    let refused = site.apply(&other, "more.tar").await.unwrap();
    assert_eq!(refused.0, []);
    insta::assert_snapshot!(refused.1.join("\n"), @"it is an increment, and plum-1@1.0.0 is not here, which it leaves out: apply whole.tar, which was made at 2026-01-02T03:04:05.000Z, first");
    for (file, added, unchanged) in [("whole.tar", names.len(), 0), ("more.tar", 1, names.len() - 1)] {
        let (packages, failures) = site.apply(&other, file).await.unwrap();
        assert_eq!(failures, [""; 0]);
        let sum =
            |count: fn(&registry_core::bulk::ImportedPackage) -> u64| packages.iter().map(count).sum::<u64>();
        let found = (sum(|package| package.added), sum(|package| package.unchanged));
        assert_eq!(found, (added as u64, unchanged as u64), "{file}");
    }
    let found = other.anonymous().get(&format!("/{}", names[0])).await.assert_status(200).json();
    assert_eq!(found["versions"].as_object().unwrap().len(), 2);
}

#[tokio::test]
async fn an_increment_leaves_out_what_its_base_leaves_out() {
    let (site, other) = (Site::new().await, TestRegistry::new().await);
    let first = [("@acme/pear", "1.0.0"), ("fig", "1.0.0")];
    let second = [("@acme/pear", "1.1.0"), ("fig", "1.0.0")];
    let third = [("@acme/pear", "1.0.0"), ("@acme/pear", "1.1.0"), ("fig", "2.0.0")];
    site.created("1.tar", &first).await;
    let in_base = async |file: &str, packages: &[(&str, &str)], since: &str| -> Vec<String> {
        let (versions, _) = site.create(file, locked(packages), Some(since)).await.unwrap();
        let left_out = versions.into_iter().filter(|version| version.is_in_base);
        left_out.map(|version| format!("{}@{}", version.package, version.version)).collect()
    };
    assert_eq!(in_base("2.tar", &second, "1.tar").await, ["fig@1.0.0"]);
    // What the lock files no longer name is not in the second bundle, and so it is in the third.
    assert_eq!(in_base("3.tar", &third, "2.tar").await, ["@acme/pear@1.1.0"]);
    let with_first = [first.as_slice(), &[("@acme/pear", "1.1.0")]].concat();
    assert_eq!(in_base("4.tar", &with_first, "2.tar").await, ["@acme/pear@1.1.0", "fig@1.0.0"]);

    let missing = async |file: &str| site.apply(&other, file).await.unwrap().1.join("\n");
    let before = other.stored().await;
    insta::assert_snapshot!(missing("2.tar").await, @"it is an increment, and fig@1.0.0 is not here, which it leaves out: apply 1.tar, which was made at 2026-01-02T03:04:05.000Z, first");
    insta::assert_snapshot!(missing("4.tar").await, @"it is an increment, and @acme/pear@1.1.0 is not here, which it leaves out: apply 2.tar, which was made at 2026-01-02T03:04:05.000Z, first");
    assert_eq!(other.stored().await, before);
    for file in ["1.tar", "2.tar", "3.tar", "4.tar", "2.tar"] {
        let (_, failures) = site.apply(&other, file).await.unwrap();
        assert_eq!(failures, [""; 0], "{file}");
    }
    let dry_run = site.open("4.tar").await.check().await.unwrap();
    let mut options = ApplyOptions::default();
    options.mode = BulkMode::DryRun;
    let (packages, failures) = outcome(other.registry().apply_bundle(dry_run, options)).await;
    assert_eq!((packages.iter().map(|package| package.added).sum::<u64>(), failures), (0, Vec::new()));
}

#[tokio::test]
async fn what_was_decided_here_about_a_base_stays() {
    let (site, other) = (Site::new().await, TestRegistry::new().await);
    site.created("1.tar", &LOCKED).await;
    let more = [LOCKED.as_slice(), &[("fig", "2.0.0")]].concat();
    let _ = site.create("2.tar", locked(&more), Some("1.tar")).await.unwrap();

    // Another tarball has the number here.
    let _ = other.ana().publish(&fig("1.0.0").file("other", b"")).await.assert_status(201);
    let (packages, failures) = site.apply(&other, "2.tar").await.unwrap();
    assert_eq!(packages, []);
    assert!(failures[0].contains("@acme/pear@1.0.0 is not here"), "{failures:?}");
    let (packages, failures) = site.apply(&other, "1.tar").await.unwrap();
    assert_eq!(packages.iter().map(|package| package.added).sum::<u64>(), 1);
    assert!(failures[0].contains("fig was published here"), "{failures:?}");
    let (packages, failures) = site.apply_into_published(&other, "1.tar").await;
    assert_eq!(packages.iter().map(|package| package.added).sum::<u64>(), 1);
    insta::assert_snapshot!(failures.join("\n"), @"fig@1.0.0 is not imported: the version here has another tarball, and stays: find out which of the two is right");
    let (packages, failures) = site.apply(&other, "2.tar").await.unwrap();
    assert_eq!(packages, []);
    insta::assert_snapshot!(failures.join("\n"), @"it is an increment, and fig@1.0.0, which it leaves out, has another tarball here: find out which of the two is right");

    // It was unpublished here.
    let other = TestRegistry::new().await;
    let eva = other.user("eva").await;
    let _ = site.apply(&other, "1.tar").await.unwrap();
    let packument = eva.get("/fig").await.assert_status(200).json();
    let mut without = packument.clone();
    without["versions"].as_object_mut().unwrap().shift_remove("1.0.0");
    without["dist-tags"].as_object_mut().unwrap().shift_remove("old");
    let path = format!("/fig/-rev/{}", packument["_rev"].as_str().unwrap());
    let answer = eva.put(&path, &without).await;
    assert!(answer.status.is_success(), "{answer:?}");
    let (packages, failures) = site.apply(&other, "2.tar").await.unwrap();
    assert_eq!(failures, [""; 0]);
    assert_eq!(packages.iter().map(|package| package.added).sum::<u64>(), 1);
    let here = other.anonymous().get("/fig").await.json();
    assert_eq!(here["versions"].get("1.0.0"), None);
}

#[tokio::test]
async fn a_base_of_another_key_is_refused() {
    let (site, stranger) = (Site::new().await, Site::new().await);
    stranger.created("1.tar", &LOCKED).await;
    let refused = Bundle::open(&stranger.path("1.tar"), &[site.key().await]).await.unwrap_err();
    let told = refused.to_string().replace(&stranger.key().await.to_string(), "[key]");
    insta::assert_snapshot!(told, @"it is signed by the key [key], which is not trusted here: compare the id with what `registry-server bundle key` prints where the bundle was made, and name it with --key or in [bundles] trusted_keys");
    let refused =
        apply(&site.registry, &stranger.path("1.tar"), &site.key().await, ApplyOptions::default()).await;
    assert!(refused.is_err());
    fs::remove_file(stranger.path("1.tar")).unwrap();
    let gone = Bundle::open(&stranger.path("1.tar"), &[]).await.unwrap_err();
    assert!(gone.to_string().starts_with("cannot read"), "{gone}");
}
