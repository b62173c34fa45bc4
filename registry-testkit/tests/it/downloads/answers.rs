use std::fmt::Write as _;

use insta::assert_snapshot;
use registry_core::domain::PackageName;
use registry_testkit::TestRegistry;

use super::{DAY, counting, download, flush, tarball};
use registry_testkit::publish_document::PublishDocument;

/// Two versions of `pear` and one of `@acme/fig`, downloaded on two days.
async fn downloaded() -> TestRegistry {
    let registry = counting().await;
    let _ = registry.ana().publish(&PublishDocument::new("pear", "1.1.0")).await.assert_status(201);
    download(&registry.anonymous(), "pear", 3).await;
    download(&registry.anonymous(), "@acme/fig", 1).await;
    flush(&registry).await;
    registry.clock().advance(DAY * 2);
    let _ = registry.anonymous().get(&tarball("pear", "1.1.0")).await.assert_status(200);
    flush(&registry).await;
    registry
}

async fn answers(registry: &TestRegistry, paths: &[&str]) -> String {
    let mut answers = String::new();
    for path in paths {
        let answer = registry.anonymous().get(path).await;
        let _ = writeln!(answers, "{path}\n  {} {}", answer.status.as_u16(), answer.text());
    }
    answers
}

#[tokio::test]
async fn counts_have_the_shapes_of_npm() {
    let registry = downloaded().await;
    let answer = registry.anonymous().get("/downloads/point/last-week/pear").await;
    let snapshot = registry.snapshot_of(&answer).await;
    let (head, _) = snapshot.split_once("\nstore:\n").unwrap();
    assert_snapshot!(head, @r#"
200 OK
cache-control: no-cache
content-type: application/json

{
  "downloads": 4,
  "start": "2025-12-29",
  "end": "2026-01-04",
  "package": "pear"
}
"#);
    let paths = [
        "/downloads/point/last-day/pear",
        "/downloads/point/last-month/@acme%2ffig",
        "/downloads/point/last-year/@acme/fig",
        "/downloads/point/2026-01-02/pear",
        "/downloads/point/2026-01-03:2026-01-04/pear",
        "/downloads/point/2025-01-01:2025-01-31/pear",
        "/downloads/point/last-week",
        "/downloads/range/2026-01-01:2026-01-04/pear",
        "/downloads/range/2026-01-02:2026-01-04",
        "/downloads/point/last-week/pear,plum,pear",
        "/downloads/range/2026-01-02/pear,plum",
        "/versions/pear/last-week",
        "/versions/@acme%2Ffig/last-week",
        "/versions/@acme/fig/last-week",
    ];
    assert_snapshot!(answers(&registry, &paths).await, @r#"
/downloads/point/last-day/pear
  200 {"downloads":1,"start":"2026-01-04","end":"2026-01-04","package":"pear"}
/downloads/point/last-month/@acme%2ffig
  200 {"downloads":1,"start":"2025-12-06","end":"2026-01-04","package":"@acme/fig"}
/downloads/point/last-year/@acme/fig
  200 {"downloads":1,"start":"2025-01-05","end":"2026-01-04","package":"@acme/fig"}
/downloads/point/2026-01-02/pear
  200 {"downloads":3,"start":"2026-01-02","end":"2026-01-02","package":"pear"}
/downloads/point/2026-01-03:2026-01-04/pear
  200 {"downloads":1,"start":"2026-01-03","end":"2026-01-04","package":"pear"}
/downloads/point/2025-01-01:2025-01-31/pear
  200 {"downloads":0,"start":"2025-01-01","end":"2025-01-31","package":"pear"}
/downloads/point/last-week
  200 {"downloads":5,"start":"2025-12-29","end":"2026-01-04"}
/downloads/range/2026-01-01:2026-01-04/pear
  200 {"start":"2026-01-01","end":"2026-01-04","package":"pear","downloads":[{"downloads":0,"day":"2026-01-01"},{"downloads":3,"day":"2026-01-02"},{"downloads":0,"day":"2026-01-03"},{"downloads":1,"day":"2026-01-04"}]}
/downloads/range/2026-01-02:2026-01-04
  200 {"start":"2026-01-02","end":"2026-01-04","downloads":[{"downloads":4,"day":"2026-01-02"},{"downloads":0,"day":"2026-01-03"},{"downloads":1,"day":"2026-01-04"}]}
/downloads/point/last-week/pear,plum,pear
  200 {"pear":{"downloads":4,"start":"2025-12-29","end":"2026-01-04","package":"pear"},"plum":null}
/downloads/range/2026-01-02/pear,plum
  200 {"pear":{"start":"2026-01-02","end":"2026-01-02","package":"pear","downloads":[{"downloads":3,"day":"2026-01-02"}]},"plum":null}
/versions/pear/last-week
  200 {"package":"pear","downloads":{"1.0.0":3,"1.1.0":1}}
/versions/@acme%2Ffig/last-week
  200 {"package":"@acme/fig","downloads":{"1.0.0":1}}
/versions/@acme/fig/last-week
  200 {"package":"@acme/fig","downloads":{"1.0.0":1}}
"#);
}

#[tokio::test]
async fn what_cannot_be_answered_is_refused() {
    let registry = downloaded().await;
    let many = format!("/downloads/point/last-week/{}", vec!["pear"; 129].join(","));
    let paths = [
        "/downloads/point/last-decade/pear",
        "/downloads/point/2026-02-30/pear",
        "/downloads/range/2026-01-04:2026-01-02/pear",
        "/downloads/range/2020-01-01:2026-01-02",
        "/downloads/point/last-week/plum",
        "/downloads/range/last-week/plum",
        "/versions/plum/last-week",
        "/downloads/point/last-week/pear,@acme/fig",
        "/downloads/point/last-week/pear,",
        "/downloads/point/last-week/.pear",
        "/downloads/point/last-week/pear/1.0.0",
        "/versions/pear/last-month",
    ];
    assert_snapshot!(answers(&registry, &paths).await, @r#"
/downloads/point/last-decade/pear
  400 {"error":"\"last-decade\" is not a period: write last-day, last-week, last-month, last-year, a day such as 2026-01-31, or two days such as 2026-01-01:2026-01-31","message":"\"last-decade\" is not a period: write last-day, last-week, last-month, last-year, a day such as 2026-01-31, or two days such as 2026-01-01:2026-01-31"}
/downloads/point/2026-02-30/pear
  400 {"error":"\"2026-02-30\" is not a period: write last-day, last-week, last-month, last-year, a day such as 2026-01-31, or two days such as 2026-01-01:2026-01-31","message":"\"2026-02-30\" is not a period: write last-day, last-week, last-month, last-year, a day such as 2026-01-31, or two days such as 2026-01-01:2026-01-31"}
/downloads/range/2026-01-04:2026-01-02/pear
  400 {"error":"the period ends before it begins: write the earlier day first, as in 2026-01-02:2026-01-04","message":"the period ends before it begins: write the earlier day first, as in 2026-01-02:2026-01-04"}
/downloads/range/2020-01-01:2026-01-02
  400 {"error":"the period from 2020-01-01 to 2026-01-02 is longer than 18 months: ask for parts of it","message":"the period from 2020-01-01 to 2026-01-02 is longer than 18 months: ask for parts of it"}
/downloads/point/last-week/plum
  404 {"error":"the package plum does not exist in this registry","message":"the package plum does not exist in this registry"}
/downloads/range/last-week/plum
  404 {"error":"the package plum does not exist in this registry","message":"the package plum does not exist in this registry"}
/versions/plum/last-week
  404 {"error":"the package plum does not exist in this registry","message":"the package plum does not exist in this registry"}
/downloads/point/last-week/pear,@acme/fig
  400 {"error":"@acme/fig has a scope: ask for its downloads alone","message":"@acme/fig has a scope: ask for its downloads alone"}
/downloads/point/last-week/pear,
  400 {"error":"a package name cannot be empty","message":"a package name cannot be empty"}
/downloads/point/last-week/.pear
  400 {"error":"a package name cannot start with a period or an underscore","message":"a package name cannot start with a period or an underscore"}
/downloads/point/last-week/pear/1.0.0
  404 {"error":"there is nothing at this address; check the path, and the registry URL that the client uses","message":"there is nothing at this address; check the path, and the registry URL that the client uses"}
/versions/pear/last-month
  404 {"error":"there is nothing at this address; check the path, and the registry URL that the client uses","message":"there is nothing at this address; check the path, and the registry URL that the client uses"}
"#);
    let answer = registry.anonymous().get(&many).await.assert_status(400);
    assert_eq!(
        answer.error(),
        "129 packages are more than the 128 that one request may name: ask for them in parts"
    );
}

#[tokio::test]
async fn counts_that_cannot_be_read_are_left_out() {
    let registry = downloaded().await;
    let keys = registry.keys().await;
    let day = keys.iter().find(|key| key.starts_with("_downloads/days/")).unwrap();
    let month = keys.iter().find(|key| key.ends_with("/05.json")).unwrap();
    let paths = ["/downloads/point/last-week/pear", "/downloads/point/last-week", "/versions/pear/last-week"];
    for (damaged, expected) in [
        (day, ["\"downloads\":3,", "\"downloads\":4,", "{\"1.0.0\":3}"]),
        (month, ["\"downloads\":1,", "\"downloads\":2,", "{\"1.1.0\":1}"]),
    ] {
        let whole = registry.stored().await[damaged].clone();
        for damage in ["", "{", r#"{"folded":{},"packages":{"pear":{"1.1.0":{"4":-1}}}}"#] {
            registry.put(damaged, damage).await;
            for (path, expected) in paths.iter().zip(expected) {
                let answer = registry.anonymous().get(path).await.assert_status(200);
                assert!(answer.text().contains(expected), "{damaged} {damage:?} {path}: {}", answer.text());
            }
            let _ = registry.anonymous().get(&tarball("pear", "1.0.0")).await.assert_status(200);
        }
        registry.put(damaged, whole).await;
    }
}

#[tokio::test]
async fn what_decides_by_counts_fails_if_any_cannot_be_read() {
    let registry = downloaded().await;
    let keys = registry.keys().await;
    let pear = PackageName::parse("pear").unwrap();
    let day = keys.iter().find(|key| key.starts_with("_downloads/days/")).unwrap();
    let month = keys.iter().find(|key| key.ends_with("/05.json")).unwrap();
    for damaged in [day, month] {
        let whole = registry.stored().await[damaged].clone();
        registry.put(damaged, "{").await;
        assert!(registry.registry().last_downloads(&pear, 30).await.is_err(), "{damaged}");
        assert!(registry.registry().storage_stats().await.is_err(), "{damaged}");
        registry.put(damaged, whole).await;
    }
    assert_eq!(registry.registry().last_downloads(&pear, 30).await.unwrap().len(), 2);
}

#[tokio::test]
async fn sums_that_are_too_large_are_the_largest_number() {
    let registry = downloaded().await;
    let counts = r#"{"packages":{"pear":{"1.0.0":18446744073709551615,"1.1.0":7}}}"#;
    for key in ["_downloads/days/2026-01-03/a-0.json", "_downloads/days/2026-01-04/a-1.json"] {
        registry.put(key, counts).await;
    }
    for path in ["/downloads/point/last-week/pear", "/downloads/point/last-week"] {
        let answer = registry.anonymous().get(path).await.assert_status(200);
        assert_eq!(answer.json()["downloads"], u64::MAX, "{path}");
    }
    let answer = registry.anonymous().get("/versions/pear/last-week").await.assert_status(200);
    assert_eq!(answer.json()["downloads"], serde_json::json!({ "1.0.0": u64::MAX, "1.1.0": 15 }));
}
