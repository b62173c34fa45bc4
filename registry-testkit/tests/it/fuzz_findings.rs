//! What fuzzers found, one by one. Tarballs are among `registry-core/tests/it/tarball/readers.rs`.

use registry_core::domain::PackageName;
use registry_core::storage::{BlobStore as _, Key, When};
use registry_testkit::TestRegistry;
use serde_json::json;

/// A header cannot say years before 1970 and after 9999. Writing one panicked.
#[tokio::test]
async fn a_time_of_change_that_no_header_can_say_is_left_out() {
    let registry = TestRegistry::new().await;
    let path = Key::Packument(&PackageName::parse("pear").unwrap()).path().unwrap();
    for (modified, header) in [
        ("1969-12-31T23:59:59.999Z", None),
        ("1970-01-01T00:00:00.000Z", Some("Thu, 01 Jan 1970 00:00:00 GMT")),
        // No caller is told what is yet to come.
        ("9999-12-31T23:59:59.999Z", None),
        ("+10000-01-01T00:00:00.000Z", None),
        ("+262142-12-31T23:59:59.999Z", None),
        ("-262142-01-01T00:00:00.000Z", None),
    ] {
        let packument =
            json!({ "name": "pear", "versions": { "1.0.0": {} }, "time": { "modified": modified } });
        let _ = registry.store().put(&path, packument.to_string().into(), When::Always).await.unwrap();
        let answer = registry.anonymous().get("/pear").await.assert_status(200);
        assert_eq!(answer.header("last-modified"), header, "{modified}");
        assert_eq!(answer.json()["time"]["modified"], modified);
    }
}
