use registry_core::bulk::BulkMode;
use registry_core::domain::retention::Keep;
use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;

use crate::bulk::told;

use super::{DAY, NOTHING, download, name, pass, publish, removed, retain, rules, table};

const USED_IN_TEN_DAYS: Keep = Keep { downloaded_days: Some(10), ..NOTHING };

/// `pear` with 1.0.0, 1.1.0 and 2.0.0, where downloads have been counted for `days`.
async fn counted_for(days: u32) -> TestRegistry {
    let registry = TestRegistry::builder().downloads().start().await;
    for version in ["1.0.0", "1.1.0", "2.0.0"] {
        publish(&registry, &PublishDocument::new("pear", version)).await;
    }
    publish(&registry, &PublishDocument::new("plum", "1.0.0")).await;
    download(&registry, "plum", "1.0.0").await;
    pass(&registry, days).await;
    registry
}

#[tokio::test]
async fn a_download_keeps_a_version_for_all_of_its_days() {
    let registry = counted_for(40).await;
    download(&registry, "pear", "1.0.0").await;
    let left = async || removed(&registry, USED_IN_TEN_DAYS, BulkMode::DryRun).await;
    assert_eq!(left().await, ["pear@1.1.0"]);
    pass(&registry, 10).await;
    assert_eq!(left().await, ["pear@1.1.0"], "ten days are not over");
    pass(&registry, 1).await;
    assert_eq!(left().await, ["pear@1.0.0", "pear@1.1.0"]);
}

/// A version that was used before the counts began looks like one that was not.
#[tokio::test]
async fn days_that_were_not_counted_keep_every_version() {
    let uncounted = TestRegistry::builder().downloads().start().await;
    for version in ["1.0.0", "2.0.0"] {
        publish(&uncounted, &PublishDocument::new("pear", version)).await;
    }
    let (packages, failures) = retain(&uncounted, USED_IN_TEN_DAYS, BulkMode::Apply).await;
    assert_eq!(failures, [""; 0]);
    insta::assert_snapshot!(table(&packages), @r#"
    pear (rule 1)
      1.0.0                              no downloads counted lately
      2.0.0                              tagged latest, no downloads counted lately
    "#);
    for days in [0, 5, 10] {
        let registry = counted_for(days).await;
        let left = removed(&registry, USED_IN_TEN_DAYS, BulkMode::Apply).await;
        assert_eq!(left, [""; 0], "after {days} days");
    }
    let registry = counted_for(11).await;
    let left = removed(&registry, USED_IN_TEN_DAYS, BulkMode::Apply).await;
    assert_eq!(left, ["pear@1.0.0", "pear@1.1.0"]);
    let (packages, _) = retain(&counted_for(5).await, USED_IN_TEN_DAYS, BulkMode::DryRun).await;
    insta::assert_snapshot!(table(&packages), @r#"
    pear (rule 1)
      1.0.0                              downloads counted since 2026-01-02 only
      1.1.0                              downloads counted since 2026-01-02 only
      2.0.0                              tagged latest, downloads counted since 2026-01-02 only
    plum (rule 1)
      1.0.0                              tagged latest, downloaded on 2026-01-03
    "#);
}

/// Downloads of each package are asked for as long as its own rule says.
#[tokio::test]
async fn each_package_has_the_days_of_its_rule() {
    let registry = counted_for(60).await;
    for version in ["1.0.0", "2.0.0"] {
        publish(&registry, &PublishDocument::new("fig", version)).await;
    }
    for package in ["pear", "fig"] {
        download(&registry, package, "1.0.0").await;
    }
    pass(&registry, 20).await;
    let keep = |days| Keep { downloaded_days: Some(days), ..NOTHING };
    let names = registry.registry().hosted_packages().await.unwrap();
    let rules = rules(&[("pear", keep(30)), ("fig", keep(10)), ("plum", NOTHING)]);
    let retained = registry.registry().retain_packages(names, rules, BulkMode::Apply).await.unwrap();
    let (packages, failures) = super::outcome(retained).await;
    assert_eq!(failures, [""; 0]);
    insta::assert_snapshot!(table(&packages), @r#"
    fig (rule 2)
      2.0.0                              tagged latest
      1.0.0                              -
    pear (rule 1)
      1.0.0                              downloaded on 2026-03-03
      2.0.0                              tagged latest
      1.1.0                              -
    plum (rule 3)
      1.0.0                              tagged latest
    "#);
}

#[tokio::test]
async fn counts_that_cannot_be_read_remove_nothing() {
    let registry = counted_for(40).await;
    download(&registry, "pear", "1.0.0").await;
    let keys = registry.keys().await;
    let counts: Vec<_> = keys.iter().filter(|key| key.starts_with("_downloads/")).collect();
    let key = counts.last().unwrap();
    let whole = registry.stored().await[*key].clone();
    registry.put(key, "{").await;
    let names = vec![name("pear")];
    let run = async || {
        let rules = rules(&[("**", USED_IN_TEN_DAYS)]);
        registry.registry().retain_packages(names.clone(), rules, BulkMode::Apply).await.err()
    };
    let error = told(&run().await.unwrap());
    assert!(error.contains(key.as_str()), "{error}");
    assert_eq!(super::versions(&registry, "pear").await, ["1.0.0", "1.1.0", "2.0.0"]);
    registry.put(key, whole).await;
    assert!(run().await.is_none());
}

#[tokio::test]
async fn a_rule_that_asks_for_downloads_is_refused_where_none_are_counted() {
    let registry = TestRegistry::new().await;
    for version in ["1.0.0", "2.0.0"] {
        publish(&registry, &PublishDocument::new("pear", version)).await;
    }
    let retained = registry.registry().retain_packages(
        vec![name("pear")],
        rules(&[("**", USED_IN_TEN_DAYS)]),
        BulkMode::Apply,
    );
    insta::assert_snapshot!(retained.await.err().unwrap(), @"this registry counts no downloads: ask its operator to turn that on");
    assert_eq!(super::versions(&registry, "pear").await.len(), 2);
}

/// A server that runs with counting turned off leaves days without downloads, and they prove nothing.
#[tokio::test]
async fn a_week_without_any_download_is_not_taken_for_one_in_which_all_were_counted() {
    let registry = counted_for(40).await;
    registry.clock().advance(DAY * 8);
    assert_eq!(removed(&registry, USED_IN_TEN_DAYS, BulkMode::Apply).await, [""; 0]);
    pass(&registry, 10).await;
    assert_eq!(removed(&registry, USED_IN_TEN_DAYS, BulkMode::Apply).await, [""; 0]);
    pass(&registry, 2).await;
    let left = removed(&registry, USED_IN_TEN_DAYS, BulkMode::Apply).await;
    assert_eq!(left, ["pear@1.0.0", "pear@1.1.0"]);
}
