use registry_core::domain::PackageName;
use registry_testkit::publish_document::PublishDocument;

use super::{DAY, counting, download, flush, tarball};

#[tokio::test]
async fn statistics_tell_what_is_used_and_what_is_not() {
    let registry = counting().await;
    let _ = registry.ana().publish(&PublishDocument::new("pear", "1.1.0")).await.assert_status(201);
    download(&registry.anonymous(), "@acme/fig", 3).await;
    flush(&registry).await;
    registry.clock().advance(DAY * 40);
    download(&registry.anonymous(), "pear", 2).await;
    flush(&registry).await;
    let stats = registry.registry().storage_stats().await.unwrap();
    let downloads = stats.downloads.unwrap();
    let most: Vec<_> = downloads.most_used.iter().map(|used| (used.name.as_str(), used.downloads)).collect();
    assert_eq!((downloads.last_30_days, downloads.never_used, most), (2, 1, vec![("pear", 2)]));
}

#[tokio::test]
async fn the_last_use_of_each_version_is_known_for_those_that_retain_nothing_else() {
    let registry = counting().await;
    let _ = registry.ana().publish(&PublishDocument::new("pear", "1.1.0")).await.assert_status(201);
    let last = async |days| {
        let pear = PackageName::parse("pear").unwrap();
        let last = registry.registry().last_downloads(&pear, days).await.unwrap();
        last.iter().map(|(version, day)| format!("{version} {day}")).collect::<Vec<_>>().join(", ")
    };
    download(&registry.anonymous(), "pear", 1).await;
    let _ = registry.anonymous().get(&tarball("pear", "1.1.0")).await.assert_status(200);
    flush(&registry).await;
    registry.clock().advance(DAY * 5);
    download(&registry.anonymous(), "pear", 1).await;
    flush(&registry).await;
    assert_eq!(last(6).await, "1.0.0 2026-01-07, 1.1.0 2026-01-02");
    assert_eq!(last(5).await, "1.0.0 2026-01-07");
    registry.clock().advance(DAY * 5);
    assert_eq!(last(5).await, "");
}
