use insta::assert_snapshot;

use super::{DAY, counted, counting, download, flush, stored};

#[tokio::test]
async fn days_before_yesterday_move_into_their_month() {
    let registry = counting().await;
    let other = registry.replica().await;
    for replica in [&registry, &other] {
        download(&replica.anonymous(), "pear", 2).await;
        download(&replica.anonymous(), "@acme/fig", 1).await;
        flush(replica).await;
    }
    registry.clock().advance(DAY);
    download(&registry.anonymous(), "pear", 1).await;
    flush(&registry).await;
    assert_eq!(
        stored(&registry).await.matches("_downloads/days/").count(),
        3,
        "yesterday may still be written"
    );
    registry.clock().advance(DAY);
    download(&registry.anonymous(), "pear", 1).await;
    flush(&registry).await;
    assert_snapshot!(stored(&registry).await, @r#"
_downloads/days/2026-01-03/A-1.json {"packages":{"pear":{"1.0.0":1}}}
_downloads/days/2026-01-04/A-2.json {"packages":{"pear":{"1.0.0":1}}}
_downloads/months/2026-01/05.json {"folded":{"A-0":"2026-01-04","B-0":"2026-01-04"},"packages":{"pear":{"1.0.0":{"2":4}}}}
_downloads/months/2026-01/15.json {"folded":{"A-0":"2026-01-04","B-0":"2026-01-04"},"packages":{"@acme/fig":{"1.0.0":{"2":2}}}}
"#);
    assert_eq!((counted(&registry, "pear").await, counted(&registry, "@acme/fig").await), (6, 2));
    let range = registry.anonymous().get("/downloads/range/last-week/pear").await.assert_status(200).json();
    let days: Vec<_> =
        range["downloads"].as_array().unwrap().iter().map(|day| day["downloads"].as_u64().unwrap()).collect();
    assert_eq!(days, [0, 0, 0, 0, 4, 1, 1]);
}

#[tokio::test]
async fn an_id_leaves_its_shard_long_after_its_object() {
    let registry = counting().await;
    for _ in 0..8 {
        download(&registry.anonymous(), "pear", 1).await;
        flush(&registry).await;
        registry.clock().advance(DAY);
    }
    let stored = stored(&registry).await;
    let shard = stored.lines().find(|line| line.starts_with("_downloads/months/")).unwrap();
    assert_snapshot!(shard, @r#"_downloads/months/2026-01/05.json {"folded":{"A-3":"2026-01-07","A-4":"2026-01-08","A-5":"2026-01-09"},"packages":{"pear":{"1.0.0":{"2":1,"3":1,"4":1,"5":1,"6":1,"7":1}}}}"#);
    assert_eq!(counted(&registry, "pear").await, 8);
}

#[tokio::test]
async fn a_registry_folds_once_a_day_and_only_after_it_wrote() {
    let registry = counting().await;
    download(&registry.anonymous(), "pear", 1).await;
    flush(&registry).await;
    let lists = |registry: &registry_testkit::TestRegistry| {
        let calls = registry.store().take_calls();
        calls.iter().filter(|(_, path)| path.starts_with("_downloads/days/") && path.ends_with('/')).count()
    };
    assert_eq!(lists(&registry), 1);
    download(&registry.anonymous(), "pear", 1).await;
    flush(&registry).await;
    assert_eq!(lists(&registry), 0);
    registry.clock().advance(DAY);
    flush(&registry).await;
    assert_eq!(lists(&registry), 0);
    download(&registry.anonymous(), "pear", 1).await;
    flush(&registry).await;
    assert_eq!(lists(&registry), 1);
}

#[tokio::test]
async fn months_that_are_no_longer_kept_are_deleted() {
    let registry = counting().await;
    download(&registry.anonymous(), "pear", 1).await;
    flush(&registry).await;
    registry.clock().advance(DAY * 3);
    download(&registry.anonymous(), "pear", 1).await;
    flush(&registry).await;
    // January 2026 ends 550 days before 2027-08-04.
    for (days, months) in [(576, 1), (1, 0)] {
        registry.clock().advance(DAY * days);
        download(&registry.anonymous(), "pear", 1).await;
        flush(&registry).await;
        let stored = stored(&registry).await;
        assert_eq!(stored.matches("_downloads/months/2026-01/").count(), months, "{stored}");
    }
}
