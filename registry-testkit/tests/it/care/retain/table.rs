use registry_core::bulk::BulkMode;
use registry_core::domain::retention::Keep;
use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;
use serde_json::json;

use super::{DAY, download, outcome, pass, publish, rules, table, versions};

/// A package of a year with releases, prereleases of three channels, tags and downloads, and others beside it.
async fn grown() -> TestRegistry {
    let registry = TestRegistry::builder().downloads().start().await;
    for other in ["@acme/fig", "plum"] {
        publish(&registry, &PublishDocument::new(other, "1.0.0")).await;
    }
    download(&registry, "plum", "1.0.0").await;
    for (version, tag) in [
        ("1.0.0", "latest"),
        ("0.0.0-canary-0f1e2d-20260101", "canary"),
        ("0.0.0-canary-00aa11-20260201", "canary"),
        ("1.1.0", "latest"),
        ("2.0.0-beta.1", "beta"),
        ("2.0.0-beta.2", "beta"),
        ("2.0.0-beta.10", "beta"),
        ("2.0.0-rc.1", "rc"),
        ("2.0.0", "latest"),
        ("2.1.0", "latest"),
        ("3.0.0-7", "next"),
        ("1.1.1", "previous"),
        ("3.0.0-8", "next"),
        ("2.2.0", "latest"),
    ] {
        publish(&registry, &PublishDocument::new("@acme/pear", version).tag(tag)).await;
        pass(&registry, 20).await;
    }
    download(&registry, "@acme/pear", "1.0.0").await;
    pass(&registry, 40).await;
    download(&registry, "@acme/pear", "2.0.0-beta.1").await;
    let _ = registry.ana().delete("/-/package/@acme%2fpear/dist-tags/rc").await.assert_status(200);
    pass(&registry, 10).await;
    publish(&registry, &PublishDocument::new("@acme/pear", "2.2.1-beta.1").tag("beta")).await;
    pass(&registry, 2).await;
    registry
}

#[tokio::test]
async fn what_stays_and_why() {
    let registry = grown().await;
    let keep = Keep { releases: Some(2), prereleases: Some(2), published_days: 7, downloaded_days: Some(30) };
    let all = Keep { releases: Some(1), ..Keep::default() };
    let rules = rules(&[("@acme/pear", keep), ("@acme/*", all)]);
    let names = registry.registry().hosted_packages().await.unwrap();
    let before = registry.stored().await;
    let run = async |mode| {
        let retained = registry.registry().retain_packages(names.clone(), rules.clone(), mode).await.unwrap();
        outcome(retained).await
    };
    let (planned, failures) = run(BulkMode::DryRun).await;
    assert_eq!(failures, [""; 0]);
    insta::assert_snapshot!(table(&planned), @r#"
    @acme/fig (rule 2)
      1.0.0                              tagged latest, release 1 from the top
    @acme/pear (rule 1)
      0.0.0-canary-0f1e2d-20260101       canary 2 from the latest
      0.0.0-canary-00aa11-20260201       tagged canary, canary 1 from the latest
      2.0.0-beta.1                       downloaded on 2026-11-18
      2.0.0-beta.10                      beta 2 from the latest
      2.0.0-rc.1                         rc 1 from the latest
      2.1.0                              release 2 from the top
      3.0.0-7                            prerelease 2 from the latest
      1.1.1                              tagged previous
      3.0.0-8                            tagged next, prerelease 1 from the latest
      2.2.0                              tagged latest, release 1 from the top
      2.2.1-beta.1                       tagged beta, beta 1 from the latest, published on 2026-11-28
      1.0.0                              -
      1.1.0                              -
      2.0.0-beta.2                       -
      2.0.0                              -
    plum (no rule)
    "#);
    assert_eq!(registry.stored().await, before, "a dry run writes nothing");

    registry.registry().flush_events().await;
    let _ = registry.events().take();
    let (done, failures) = run(BulkMode::Apply).await;
    assert_eq!((done, failures), (planned.clone(), Vec::new()), "what was said is what is done");
    let pear = planned.iter().find(|package| package.name.as_str() == "@acme/pear").unwrap();
    let kept: Vec<_> = pear.kept.iter().map(|kept| kept.version.clone()).collect();
    assert_eq!(versions(&registry, "@acme/pear").await, kept);
    registry.registry().flush_events().await;
    insta::assert_debug_snapshot!(registry.events().take(), @r#"
    [
        Event {
            id: None,
            time: 2026-11-30T03:04:05Z,
            principal: None,
            trust: None,
            token: None,
            address: None,
            client: None,
            request: None,
            via: Some(
                CommandLine,
            ),
            package: Some(
                PackageName(@acme/pear),
            ),
            kind: Unpublished {
                versions: [
                    Version(1.0.0),
                    Version(1.1.0),
                    Version(2.0.0-beta.2),
                    Version(2.0.0),
                ],
            },
            access: None,
            count: None,
        },
    ]
    "#);
    let after = registry.stored().await;
    let gone: Vec<_> = before.keys().filter(|key| !after.contains_key(*key)).cloned().collect();
    assert_eq!(gone.len(), pear.removed.len(), "their tarballs are gone, and nothing else: {gone:?}");
    for removed in &pear.removed {
        assert!(gone.iter().any(|key| key.ends_with(&format!("/pear-{}.tgz", removed.version))), "{gone:?}");
        // Its number is never free again.
        let again = PublishDocument::new("@acme/pear", &removed.version).tag("again");
        let _ = registry.ana().publish(&again).await.assert_status(403);
    }
    let tags = registry.anonymous().get("/-/package/@acme%2fpear/dist-tags").await.json();
    assert_eq!(
        tags,
        json!({"latest": "2.2.0", "canary": "0.0.0-canary-00aa11-20260201", "beta": "2.2.1-beta.1", "next": "3.0.0-8",
            "previous": "1.1.1"})
    );
    let (again, _) = run(BulkMode::Apply).await;
    assert!(again.iter().all(|package| package.removed.is_empty() && package.leftovers == 0), "{again:?}");
}

/// The highest version stays whatever the rule says, or `latest` would move to a prerelease.
#[tokio::test]
async fn a_package_without_latest_keeps_the_version_that_would_be() {
    let registry = TestRegistry::new().await;
    for version in ["1.0.0", "1.1.0", "2.0.0-beta.1", "2.0.0-beta.2"] {
        publish(&registry, &PublishDocument::new("pear", version)).await;
    }
    super::super::edit_index(&registry, "pear", |index| index["dist-tags"] = json!({})).await;
    let registry = registry.replica().await;
    let (packages, failures) = super::retain(&registry, super::NOTHING, BulkMode::Apply).await;
    assert_eq!(failures, [""; 0]);
    insta::assert_snapshot!(table(&packages), @r#"
    pear (rule 1)
      1.1.0                              highest version
      1.0.0                              -
      2.0.0-beta.1                       -
      2.0.0-beta.2                       -
    "#);
    let tags = registry.anonymous().get("/-/package/pear/dist-tags").await.json();
    assert_eq!(tags, json!({"latest": "1.1.0"}));
}

/// What a bucket of codebox-npm may hold, and what was edited by hand.
#[tokio::test]
async fn what_is_not_known_stays() {
    let registry = TestRegistry::new().await;
    for version in ["1.0.0", "1.1.0", "1.2.0", "2.0.0"] {
        publish(&registry, &PublishDocument::new("pear", version)).await;
    }
    registry.clock().advance(DAY * 30);
    super::super::edit_index(&registry, "pear", |index| {
        index["time"]["1.0.0"] = json!("long ago");
        index["time"].as_object_mut().unwrap().shift_remove("1.1.0");
        let odd = index["versions"]["1.0.0"].clone();
        index["versions"]["newest"] = odd;
        index["dist-tags"]["none"] = json!("9.9.9");
    })
    .await;
    let registry = registry.replica().await;
    let (packages, failures) = super::retain(&registry, super::NOTHING, BulkMode::DryRun).await;
    assert_eq!(failures, [""; 0]);
    insta::assert_snapshot!(table(&packages), @r#"
    pear (rule 1)
      1.0.0                              time of publishing unknown
      1.1.0                              time of publishing unknown
      2.0.0                              tagged latest
      newest                             not a version, time of publishing unknown
      1.2.0                              -
    "#);
}
