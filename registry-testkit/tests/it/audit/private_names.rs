use std::time::Duration;

use registry_core::audit::AuditedPackages;
use registry_testkit::faulty::{Fault, Operation};
use serde_json::json;

use super::{BULK, Front, ana};

const NOTHING: [Vec<String>; 2] = [Vec::new(), Vec::new()];

#[tokio::test]
async fn names_without_an_upstream_are_sent_to_no_upstream() {
    let front = Front::start();
    front.npm.tell("advisories", "{}");
    let asked = json!({ "@ours/web": ["1.0.0"], "pear": ["1.0.0"] });
    let (status, body) = front.post(BULK, &asked).await;
    assert_eq!((status.as_u16(), body), (200, json!({})));
    assert_eq!(front.take_asked()[0], [r#"advisories {"pear":["1.0.0"]}"#]);

    let asked = json!({ "@ours/web": ["1.0.0"] });
    assert_eq!(front.post(BULK, &asked).await.0, 200);
    let tree =
        json!({ "name": "app", "version": "1.0.0", "dependencies": { "@ours/web": { "version": "1.0.0" } } });
    assert_eq!(front.post("/-/npm/v1/security/audits/quick", &tree).await.0, 200);
    assert_eq!(front.get("/-/npm/v1/attestations/@ours/web@1.0.0").await.0, 404);
    assert_eq!(front.take_asked(), NOTHING);
}

#[tokio::test]
async fn hosted_names_are_sent_to_no_upstream() {
    let front = Front::start();
    front.npm.tell("advisories", "{}");
    front.host("apple").await;
    front.host("@both/plum").await;
    let asked = json!({ "apple": ["1.0.0"], "@both/plum": ["1.0.0"] });
    let (status, body) = front.post(BULK, &asked).await;
    assert_eq!((status.as_u16(), body), (200, json!({})));
    let tree = json!({ "dependencies": { "apple": { "version": "1.0.0" } } });
    assert_eq!(front.post("/-/npm/v1/security/audits", &tree).await.0, 200);
    assert_eq!(front.get("/-/npm/v1/attestations/apple@1.0.0").await.0, 404);
    assert_eq!(front.take_asked(), NOTHING);

    // Unpublished, the name is ours still.
    front.registry.unpublish_package(&ana(), &"apple".parse().unwrap(), None).await.unwrap();
    assert_eq!(front.post(BULK, &asked).await.0, 200);
    assert_eq!(front.get("/-/npm/v1/attestations/apple@1.0.0").await.0, 404);
    assert_eq!(front.take_asked(), NOTHING);
}

#[tokio::test]
async fn a_name_that_the_store_cannot_look_up_is_sent_to_no_upstream() {
    let front = Front::start();
    front.npm.tell("advisories", "{}");
    front.host("apple").await;
    front.clock.advance(Duration::from_hours(1));
    let asked = json!({ "apple": ["1.0.0"], "pear": ["1.0.0"] });
    for fault in [Fault::BeforeEffect, Fault::Refused] {
        front.store.fail_next_at(Operation::Get, |path| path.starts_with("apple/"), fault);
        let (status, body) = front.post(BULK, &asked).await;
        assert_eq!((status.as_u16(), body), (200, json!({})));
        assert_eq!(front.store.faults_to_come(), 0);
        assert_eq!(front.take_asked()[0], [r#"advisories {"pear":["1.0.0"]}"#]);
    }
    for (path, status) in [("apple", 503), ("melon", 503)] {
        let of = format!("{path}/");
        front.store.fail_next_at(Operation::Get, move |path| path.starts_with(&of), Fault::BeforeEffect);
        assert_eq!(front.get(&format!("/-/npm/v1/attestations/{path}@1.0.0")).await.0, status);
        assert_eq!(front.take_asked(), NOTHING);
    }
}

#[tokio::test]
async fn names_that_the_caller_may_not_read_are_sent_to_no_upstream() {
    let front = Front::start();
    front.npm.tell("advisories", "{}");
    let asked = json!({ "@members/web": ["1.0.0"] });
    assert_eq!(front.post(BULK, &asked).await.0, 200);
    assert_eq!(front.get("/-/npm/v1/attestations/@members/web@1.0.0").await.0, 401);
    assert_eq!(front.take_asked(), NOTHING);

    let packages = AuditedPackages::from_bulk(asked.to_string().as_bytes()).unwrap();
    front.registry.advisories(&ana(), &packages).await.unwrap();
    assert_eq!(front.take_asked()[0], [r#"advisories {"@members/web":["1.0.0"]}"#]);
}

#[tokio::test]
async fn what_is_no_name_or_no_version_is_sent_to_no_upstream() {
    let front = Front::start();
    front.npm.tell("advisories", "{}");
    let asked = json!({
        "../secret": ["1.0.0"],
        "_x": ["1.0.0"],
        "pear": ["file:../secret", "git+ssh://git@code.example/secret.git", "^1.0.0", "1.0.0", "1.0.0"],
        "plum": ["http://files.example/secret.tgz"],
        "fig": [],
    });
    assert_eq!(front.post(BULK, &asked).await.0, 200);
    assert_eq!(front.take_asked()[0], [r#"advisories {"pear":["1.0.0"]}"#]);
}
