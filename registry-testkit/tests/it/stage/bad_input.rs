use http::Method;
use registry_testkit::publish_document::{Defect, PublishDocument};
use serde_json::json;

use super::{forget_events, one, stage, with_pear};

#[tokio::test]
async fn what_cannot_be_published_cannot_be_staged_and_leaves_nothing() {
    let registry = with_pear().await;
    let before = registry.stored().await;
    for defect in Defect::ALL {
        let document = PublishDocument::new("pear", "1.1.0").with(*defect);
        let (published, staged) =
            (registry.ana().publish(&document).await, registry.ana().stage(&document).await);
        // A document without attachments is no publish at all there.
        if published.status != staged.status {
            assert!(published.status.is_client_error(), "{defect:?}");
        }
        assert!(staged.status.is_client_error(), "{defect:?}: {}", staged.text());
        assert!(!staged.error().is_empty());
    }
    assert_eq!(registry.stored().await, before);
}

#[tokio::test]
async fn a_taken_version_number_is_not_staged() {
    let registry = with_pear().await;
    let ana = registry.ana();
    let id = stage(&ana, "pear", "2.0.0").await;
    let _ = ana.publish(&PublishDocument::new("pear", "3.0.0")).await.assert_status(201);
    let mut packument = ana.get("/pear").await.json();
    packument["versions"].as_object_mut().unwrap().shift_remove("3.0.0");
    let revision = packument["_rev"].as_str().unwrap();
    let _ = ana.put(&format!("/pear/-rev/{revision}"), &packument).await.assert_status(200);
    forget_events(&registry).await;
    let before = registry.stored().await;
    // Published, staged, unpublished, and differing in build metadata alone.
    for version in ["1.0.0", "2.0.0", "3.0.0", "2.0.0+build"] {
        let document = PublishDocument::new("pear", version);
        for refused in [ana.stage(&document).await, ana.publish(&document).await] {
            let expected = if version.starts_with("2.0.0") {
                format!(
                    "pear@2.0.0 is staged as {id}, so its number is taken: publish it with `npm stage approve ID`, or free \
                     the number with `npm stage reject ID`; `npm stage list pear` shows the ID"
                )
            } else {
                format!(
                    "You cannot publish over the previously published versions: {version}. A version number \
                     cannot be reused, not even after an unpublish: raise the version in package.json"
                )
            };
            assert_eq!(refused.assert_status(403).error(), expected);
        }
    }
    assert_eq!(registry.stored().await, before);
    registry.registry().flush_events().await;
    assert_eq!(registry.events().take(), []);
}

#[tokio::test]
async fn addresses_that_are_none_are_refused() {
    let registry = with_pear().await;
    let ana = registry.ana();
    let id = stage(&ana, "pear", "1.1.0").await;
    let nothing = "00000000-0000-4000-8000-000000000000";
    let (pear, unknown) = (one(&id), one(nothing));
    for (method, path, status) in [
        (Method::GET, unknown.clone(), 404),
        (Method::GET, format!("{unknown}/tarball"), 404),
        (Method::POST, format!("{unknown}/approve"), 404),
        (Method::DELETE, unknown, 404),
        (Method::GET, "/-/stage/not-an-id".into(), 404),
        (Method::GET, format!("/-/stage/{}", id.replace('-', "")), 404),
        (Method::GET, "/-/stage/..%2f..%2f_accounts".into(), 400),
        (Method::GET, format!("{pear}/other"), 404),
        (Method::GET, format!("{pear}/approve"), 405),
        (Method::PUT, pear.clone(), 405),
        (Method::POST, "/-/stage".into(), 405),
        (Method::GET, "/-/stage/package/pear".into(), 405),
        (Method::POST, "/-/stage/package/_secret".into(), 400),
        (Method::POST, "/-/stage/package/pear/1.0.0".into(), 404),
        (Method::POST, "/-/stage/package/plum".into(), 400),
    ] {
        let answer =
            ana.ask(method.clone(), &path, PublishDocument::new("pear", "9.0.0").build().to_string()).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        assert!(!answer.error().is_empty(), "{method} {path}");
    }
    // In capitals it is the same id.
    let _ = ana.get(&one(&id.to_uppercase())).await.assert_status(200);
    let _ = ana.post("/-/stage/package/pear", &json!({})).await.assert_status(400);
}
