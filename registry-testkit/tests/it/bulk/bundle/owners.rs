use serde_json::json;

use super::{Site, locked};

/// A package without owners belongs to every account that may publish where the bundle is applied.
#[tokio::test]
async fn owners_that_cannot_be_read_are_not_taken_for_none() {
    for odd in [json!({ "eva": "x" }), json!([7]), json!([{ "email": "eva@source.example" }])] {
        let site = Site::new().await;
        site.upstream.change("fig", |packument| packument["maintainers"] = odd);
        let failures = site.create("one.tar", locked(&[("fig", "1.0.0")]), None).await.unwrap_err();
        assert_eq!(failures.len(), 1, "{failures:?}");
        assert!(failures[0].contains("owners that cannot be read"), "{failures:?}");
        assert_eq!(site.files(), [""; 0]);
    }
}
