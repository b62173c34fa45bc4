use registry_core::bulk::BulkMode;
use registry_core::domain::retention::Keep;
use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;

use crate::bulk::import::Source;

use super::{NOTHING, pass, publish, removed, retain, table};

/// Three versions of 2020, which came here now, where downloads have been counted for longer than any rule asks for.
async fn imported() -> TestRegistry {
    let source = Source::default();
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        source.publish(&PublishDocument::new("pear", version));
    }
    let registry = TestRegistry::builder().downloads().start().await;
    publish(&registry, &PublishDocument::new("plum", "1.0.0")).await;
    pass(&registry, 20).await;
    let (packages, failures) = source.import(&registry, &["pear"]).await;
    assert_eq!((packages[0].added, failures), (3, Vec::new()));
    registry
}

/// They are years old, and no user had the time to use them here.
#[tokio::test]
async fn what_came_with_an_import_is_young_until_its_days_here_are_over() {
    let registry = imported().await;
    let keep = Keep { published_days: 7, ..NOTHING };
    pass(&registry, 6).await;
    let (packages, failures) = retain(&registry, keep, BulkMode::Apply).await;
    assert_eq!(failures, [""; 0]);
    insta::assert_snapshot!(table(&packages), @r#"
    pear (rule 1)
      1.0.0                              imported on 2026-01-22
      1.1.0                              imported on 2026-01-22
      1.2.0                              tagged latest, imported on 2026-01-22
    plum (rule 1)
      1.0.0                              tagged latest
    "#);
    pass(&registry, 1).await;
    assert_eq!(removed(&registry, keep, BulkMode::DryRun).await, ["pear@1.0.0", "pear@1.1.0"]);
}

#[tokio::test]
async fn a_rule_on_downloads_gives_it_all_of_its_days() {
    let registry = imported().await;
    let keep = Keep { downloaded_days: Some(10), ..NOTHING };
    pass(&registry, 9).await;
    assert_eq!(removed(&registry, keep, BulkMode::DryRun).await, [""; 0]);
    pass(&registry, 1).await;
    assert_eq!(removed(&registry, keep, BulkMode::DryRun).await, ["pear@1.0.0", "pear@1.1.0"]);
}
