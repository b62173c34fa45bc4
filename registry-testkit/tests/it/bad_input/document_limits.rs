//! No part of a package grows beyond its limit, through whatever door; and each limit is told by its own name.

use http::Method;
use registry_core::limits::Limits;
use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;
use serde_json::json;

use super::Ground;

async fn ground() -> Ground {
    Ground::with_limits(|limits| {
        limits.manifest_bytes = 4000;
        limits.readme_bytes = 2000;
        limits.owners = 1;
        limits.deprecation_bytes = 100;
        limits.dist_tags = 2;
        limits.packument_bytes = 12_000;
    })
    .await
}

#[tokio::test]
async fn a_large_manifest_is_refused() {
    let ground = ground().await;
    for length in [4000, 400_000] {
        let document = PublishDocument::new("plum", "1.0.0").build();
        let mut large = document.clone();
        large["versions"]["1.0.0"]["x"] = "x".repeat(length).into();
        for (method, path) in [(Method::PUT, "/plum"), (Method::POST, "/-/stage/package/plum")] {
            let answer = ground.ana.ask(method, path, large.to_string()).await;
            let error = ground.refused(path, &answer).await;
            assert_eq!(answer.status, 413, "{error}");
            assert!(error.contains("manifest"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_large_readme_is_refused() {
    let ground = ground().await;
    let mut on_top = PublishDocument::new("plum", "1.0.0").build();
    on_top["readme"] = "x".repeat(2001).into();
    let mut inside = PublishDocument::new("plum", "1.0.0").build();
    inside["versions"]["1.0.0"]["readme"] = "x".repeat(2001).into();
    for document in [on_top.clone(), inside] {
        let error = ground.refuses_to_publish("a readme", &document).await;
        assert!(error.contains("readme"), "{error}");
    }
    on_top["readme"] = "x".repeat(2000).into();
    let _ = ground.ana.put("/plum", &on_top).await.assert_status(201);
}

#[tokio::test]
async fn many_owners_are_refused() {
    let ground = ground().await;
    let revision = ground.revision().await;
    let owner = |number: usize| json!({ "name": format!("user-{number}"), "email": "" });
    let owners: Vec<_> = (0..1000).map(owner).collect();
    let document = json!({ "_id": "pear", "_rev": revision, "maintainers": owners });
    let path = format!("/pear/-rev/{revision}");
    let error = ground.refuses(Method::PUT, &path, document.to_string()).await;
    assert!(error.contains("owners"), "{error}");
    // One at a time, too.
    ground.registry.user("ben").await;
    let stored = ground.registry.stored().await;
    let ground = Ground { stored, ..ground };
    let one_more = json!({ "user": "ben" }).to_string();
    let error = ground.refuses(Method::PUT, "/-/package/pear/owners", one_more).await;
    assert!(error.contains("owners"), "{error}");
}

#[tokio::test]
async fn a_long_deprecation_is_refused() {
    let ground = ground().await;
    let mut document = ground.ana.get("/pear").await.json();
    document["versions"]["1.0.0"]["deprecated"] = "x".repeat(101).into();
    let error = ground.refuses(Method::PUT, "/pear", document.to_string()).await;
    assert!(error.contains("deprecation"), "{error}");
    let mut published = PublishDocument::new("plum", "1.0.0").build();
    published["versions"]["1.0.0"]["deprecated"] = "x".repeat(101).into();
    let error = ground.refuses_to_publish("a deprecation", &published).await;
    assert!(error.contains("deprecation"), "{error}");
}

#[tokio::test]
async fn many_dist_tags_are_refused() {
    let ground = ground().await;
    let _ =
        ground.ana.ask(Method::PUT, "/-/package/pear/dist-tags/beta", "\"1.0.0\"").await.assert_status(200);
    let stored = ground.registry.stored().await;
    let ground = Ground { stored, ..ground };
    let error = ground.refuses(Method::PUT, "/-/package/pear/dist-tags/next", "\"1.0.0\"").await;
    assert!(error.contains("dist-tags"), "{error}");
    let tagged = PublishDocument::new("pear", "1.2.0").tag("next").build();
    let answer = ground.ana.put("/pear", &tagged).await;
    assert_eq!(answer.status, 413, "{}", answer.text());
    // A tag that is there may name another version.
    let _ =
        ground.ana.ask(Method::PUT, "/-/package/pear/dist-tags/beta", "\"1.1.0\"").await.assert_status(200);
}

#[tokio::test]
async fn a_large_packument_does_not_grow_and_may_shrink() {
    let ground = ground().await;
    let mut version = 0;
    let error = loop {
        version += 1;
        let mut document = PublishDocument::new("pear", &format!("2.0.{version}")).build();
        document["versions"][format!("2.0.{version}")]["x"] = "x".repeat(2000).into();
        let answer = ground.ana.put("/pear", &document).await;
        if answer.status != 201 {
            assert_eq!(answer.status, 413);
            break answer.text();
        }
        assert!(version < 10);
    };
    assert!(error.contains("versions of this package"), "{error}");
    let _ = ground.ana.ask(Method::DELETE, "/-/package/pear/dist-tags/none", "").await.assert_status(404);
    let mut document = ground.ana.get("/pear").await.json();
    document["versions"].as_object_mut().unwrap().shift_remove("2.0.1");
    let path = format!("/pear/-rev/{}", document["_rev"].as_str().unwrap());
    let _ = ground.ana.ask(Method::PUT, &path, document.to_string()).await.assert_status(200);
}

/// Limits may be set lower than what is there.
#[tokio::test]
async fn what_is_beyond_a_limit_may_become_smaller() {
    let ground = ground().await;
    for version in ["1.2.0", "1.3.0"] {
        let mut document = PublishDocument::new("pear", version).build();
        document["versions"][version]["x"] = "x".repeat(2000).into();
        let _ = ground.ana.put("/pear", &document).await.assert_status(201);
    }
    let mut limits = Limits::default();
    limits.packument_bytes = 100;
    let ana = TestRegistry::builder().limits(limits).start_on(&ground.registry).await.ana();
    let grown = ana.publish(&PublishDocument::new("pear", "1.4.0")).await;
    assert_eq!(grown.status, 413, "{}", grown.text());
    let mut document = ana.get("/pear").await.json();
    document["versions"].as_object_mut().unwrap().shift_remove("1.2.0");
    let path = format!("/pear/-rev/{}", document["_rev"].as_str().unwrap());
    let _ = ana.ask(Method::PUT, &path, document.to_string()).await.assert_status(200);
}
