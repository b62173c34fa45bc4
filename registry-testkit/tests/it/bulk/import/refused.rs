use registry_testkit::TestRegistry;
use registry_testkit::publish_document::{Defect, PublishDocument};
use registry_testkit::tarball::Tarball;
use serde_json::json;

use super::{Source, stored, url};

fn fig(version: &str) -> PublishDocument {
    PublishDocument::new("fig", version)
}

/// Each version has another flaw, and one is good.
#[tokio::test]
async fn a_version_that_no_publish_could_have_is_refused_and_the_others_go_in() {
    let (source, registry) = (Source::default(), TestRegistry::new().await);
    let two_manifests =
        Tarball::new("fig", "1.0.2").file("package.json", br#"{"name":"fig","version":"6.6.6"}"#);
    source.publish(&fig("1.0.0"));
    source.publish(&fig("1.0.1").with(Defect::HiddenDependencyInTarball));
    source.publish(&fig("1.0.2").tarball_bytes(two_manifests.pack()));
    source.publish(&fig("1.0.3").with(Defect::OtherNameInTarball));
    source.publish(&fig("1.0.4").with(Defect::TruncatedTarball));
    for version in ["1.0.5", "1.0.6", "1.0.7", "1.0.8", "1.0.9"] {
        source.publish(&fig(version));
    }
    source.upstream.set_tarball(&url("fig", "1.0.5"), &fig("1.0.6").tarball());
    source.change("fig", |packument| {
        let versions = &mut packument["versions"];
        versions["1.0.6"]["dist"]["shasum"] = json!("0000000000000000000000000000000000000000");
        versions["1.0.7"]["dist"] = json!({ "tarball": versions["1.0.7"]["dist"]["tarball"] });
        versions["1.0.8"]["dist"]["tarball"] = json!("https://registry.example/files/gone.tgz");
        versions["1.0.9"]["name"] = json!("plum");
        versions["v2"] = versions["1.0.0"].clone();
        versions["2.0.0"] = json!(7);
    });
    let (packages, failures) = source.import(&registry, &["fig"]).await;
    insta::assert_snapshot!(failures.join("\n"), @r"
    fig@v2 is not imported: no client can install a version with such a key: leave it at the source: a version must look like 1.2.3 or 1.2.3-beta.4 (SemVer 2.0, without a leading `v`)
    fig@1.0.1 is not imported: its manifest at the source and the package.json in its tarball differ in `dependencies.hidden`, so clients would install something else than they see: publish a repaired version
    fig@1.0.2 is not imported: its tarball is refused: publish a repaired version: more than one entry of the tarball would be installed as package.json; leave only one
    fig@1.0.3 is not imported: its manifest at the source and the package.json in its tarball differ in `name`, so clients would install something else than they see: publish a repaired version
    fig@1.0.4 is not imported: its tarball is refused: publish a repaired version: the tarball's gzip stream is damaged or cut off; pack and publish again
    fig@1.0.5 is not imported: the bytes that the source sent do not have the dist.integrity of its packument: mend the source
    fig@1.0.6 is not imported: the bytes that the source sent do not have the dist.shasum of its packument: mend the source
    fig@1.0.7 is not imported: the source names no digest of its tarball: publish a tarball that you trust, in its place
    fig@1.0.8 is not imported: the source has no tarball of it
    fig@1.0.9 is not imported: its manifest at the source cannot be used, because its name is that of another package or version: mend it there
    fig@2.0.0 is not imported: the source has no tarball of it
    ");
    assert_eq!((packages[0].added, packages[0].unchanged), (1, 0));
    let packument = stored(&registry, "fig").await;
    assert_eq!(
        packument["dist-tags"],
        json!({ "latest": "1.0.0" }),
        "the tag of the source names a refused version"
    );
    let keys = registry.keys().await;
    let tarballs = keys.iter().filter(|key| key.starts_with("fig/-/")).count();
    assert_eq!(tarballs, 1, "{keys:?}");

    // Mended at the source, the rest goes in.
    source.publish(&fig("1.0.9"));
    let (packages, _) = source.import(&registry, &["fig"]).await;
    assert_eq!((packages[0].added, packages[0].unchanged), (1, 1));
    assert_eq!(stored(&registry, "fig").await["dist-tags"], json!({ "latest": "1.0.9" }));
}

/// What was imported before is no excuse.
#[tokio::test]
async fn a_tarball_that_the_source_lacks_is_a_failure_each_time() {
    let (source, registry) = (Source::default(), TestRegistry::new().await);
    source.publish(&fig("1.0.0"));
    source.publish(&fig("1.0.1"));
    source.change("fig", |packument| {
        packument["versions"]["1.0.1"]["dist"]["tarball"] = json!("https://registry.example/files/gone.tgz");
    });
    for unchanged in [0, 1, 1] {
        let (packages, failures) = source.import(&registry, &["fig"]).await;
        assert_eq!(failures, ["fig@1.0.1 is not imported: the source has no tarball of it"]);
        assert_eq!((packages[0].added, packages[0].unchanged), (1 - unchanged, unchanged));
    }
}

#[tokio::test]
async fn a_version_with_other_bytes_here_stays_and_is_told() {
    let (source, registry) = (Source::default(), TestRegistry::new().await);
    let _ = registry.ana().publish(&fig("1.0.0")).await.assert_status(201);
    let _ = registry.ana().stage(&fig("1.1.0")).await.assert_status(201);
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        source.publish(&fig(version).file("index.js", b"other bytes"));
    }
    source.change("fig", |packument| packument["versions"]["1.0.0"]["deprecated"] = json!("of other bytes"));
    let before = stored(&registry, "fig").await;
    let (packages, failures) = source.import_into_published(&registry, "fig").await;
    insta::assert_snapshot!(failures.join("\n"), @r"
    fig@1.0.0 is not imported: the version here has another tarball, and stays: find out which of the two is right
    fig@1.1.0 is not imported: its number is staged here, or taken by a version that differs in build metadata only
    ");
    assert_eq!((packages[0].added, packages[0].unchanged), (1, 0));
    let after = stored(&registry, "fig").await;
    assert_eq!(after["versions"]["1.0.0"], before["versions"]["1.0.0"]);
    assert_eq!(after["_staged"], before["_staged"]);
}

#[tokio::test]
async fn a_package_that_the_source_does_not_give_is_told() {
    let (source, registry) = (Source::with_pear(), TestRegistry::new().await);
    source.change("empty", |_| {});
    source.upstream.set_document("odd", "[]");
    let before = registry.stored().await;
    let (packages, failures) = source.import(&registry, &["missing", "empty", "odd"]).await;
    assert_eq!(packages, []);
    insta::assert_snapshot!(failures.join("\n"), @r"
    the source scripted upstream has no version of missing: check the name, the path of the URL, and whether the token or login may read it
    the source scripted upstream has no version of empty: check the name, the path of the URL, and whether the token or login may read it
    cannot read the package odd of the source: the source scripted upstream sent an invalid response: a document that is not a packument
    ");
    source.upstream.set_down(true);
    let (_, failures) = source.import(&registry, &["@acme/pear"]).await;
    insta::assert_snapshot!(failures.join("\n"), @"cannot read the package @acme/pear of the source: the source scripted upstream did not answer as it should: it is down");
    assert_eq!(registry.stored().await, before);

    source.upstream.set_down(false);
    source.upstream.cut_tarballs_after(Some(20));
    let (packages, failures) = source.import(&registry, &["@acme/pear"]).await;
    assert_eq!((packages[0].added, failures.len()), (0, 2), "{failures:?}");
    assert_eq!(registry.stored().await, before, "a package does not begin without a version");
    source.upstream.cut_tarballs_after(None);
    assert_eq!(source.imported(&registry, "@acme/pear").await.added, 2);
}

/// The names of all packages were entered before, so an entry without a packument would tell a lost package.
#[tokio::test]
async fn a_package_of_which_nothing_goes_in_leaves_its_name_free() {
    let (source, registry) = (Source::with_pear(), TestRegistry::new().await);
    source.publish(&PublishDocument::new("fig", "1.0.0"));
    let _ = source.imported(&registry, "fig").await;
    let before = registry.stored().await;
    source.upstream.cut_tarballs_after(Some(20));
    let (_, failures) = source.import(&registry, &["@acme/pear"]).await;
    assert_eq!(failures.len(), 2, "{failures:?}");
    assert_eq!(registry.stored().await, before);
    let _ = registry.anonymous().get("/@acme%2fpear").await.assert_status(404);
    source.upstream.cut_tarballs_after(None);
    assert_eq!(source.imported(&registry, "@acme/pear").await.added, 2);
    let _ = registry.anonymous().get("/@acme%2fpear").await.assert_status(200);
}

/// A package without owners belongs to every account that may publish.
#[tokio::test]
async fn owners_that_cannot_be_read_are_not_taken_for_none() {
    let registry = TestRegistry::new().await;
    for odd in [json!({ "eva": "x" }), json!([7]), json!([{ "email": "eva@source.example" }])] {
        let source = Source::with_pear();
        source.change("@acme/pear", |packument| packument["maintainers"] = odd);
        let before = registry.stored().await;
        let (packages, failures) = source.import(&registry, &["@acme/pear"]).await;
        assert_eq!((packages.len(), failures.len()), (0, 1), "{failures:?}");
        assert!(failures[0].contains("owners that cannot be read"), "{failures:?}");
        assert_eq!(registry.stored().await, before);
    }
    let source = Source::with_pear();
    source.change("@acme/pear", |packument| packument["maintainers"] = json!(["eva <eva@source.example>"]));
    let _ = source.imported(&registry, "@acme/pear").await;
    let document = PublishDocument::new("@acme/pear", "3.0.0");
    let _ = registry.ana().publish(&document).await.assert_status(403);
}
