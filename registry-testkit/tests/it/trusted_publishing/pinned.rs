//! A trust is of the repository whose build came first, whatever is called like it later, and not of pull requests.

use registry_core::clock::Clock as _;
use registry_core::domain::trust::TrustKind;
use registry_testkit::fake_issuer::{FakeIssuer, gitlab_claims};
use registry_testkit::faulty::{Fault, Gate, Operation};
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::{TestRegistry, install_tls_provider};
use serde_json::{Value, json};

use super::{AUDIENCE, Ground, TRUST, exchange, settings, trust};

const DOCUMENT: &str = "_trust/=40acme=2fpear.json";

async fn pinned(ground: &Ground) -> Value {
    let stored = ground.registry.stored().await;
    let document: Value = serde_json::from_slice(&stored[DOCUMENT]).unwrap();
    document["trusts"][0]["pinned"].clone()
}

/// What comes of a build that says this of itself, and was not seen before.
async fn status(ground: &Ground, number: usize, claims: &[(&str, Value)]) -> u16 {
    let mut build = ground.build_with("jti", json!(format!("build {number}")));
    for (claim, value) in claims {
        build[*claim] = value.clone();
    }
    let token = ground.issuer.sign(&build);
    exchange(&ground.registry, "@acme/pear", &token).await.status.as_u16()
}

#[tokio::test]
async fn a_repository_made_anew_under_the_name_is_another_one() {
    let ground = Ground::new().await;
    let id = ground.trusting().await;
    assert_eq!(pinned(&ground).await, Value::Null);
    assert_eq!(status(&ground, 1, &[]).await, 201);
    assert_eq!(pinned(&ground).await, json!({ "repository_id": "1296269", "repository_owner_id": "583231" }));
    assert_eq!(status(&ground, 2, &[]).await, 201);
    let anew = json!("99");
    for (number, claim) in ["repository_id", "repository_owner_id"].into_iter().enumerate() {
        ground.forget().await;
        assert_eq!(status(&ground, 10 + number, &[(claim, anew.clone())]).await, 401);
        let reason = ground.reason().await;
        assert!(
            reason.contains(&format!("{claim} is 99")) && reason.contains("revoke the trust"),
            "{reason}"
        );
        assert_eq!(status(&ground, 20 + number, &[(claim, Value::Null)]).await, 401, "a missing one is none");
    }
    let token = ground.issuer.sign(&ground.build_with("repository_id", anew.clone()));
    let refused = exchange(&ground.registry, "@acme/pear", &token).await.assert_status(401).error();
    assert!(refused.contains("`npm trust revoke`"), "{refused}");

    // An owner who knows that it is theirs trusts it anew.
    let ana = ground.registry.ana();
    let _ = ana.delete(&format!("{TRUST}/{id}")).await.assert_status(204);
    let _ = ana.post(TRUST, &trust()).await.assert_status(201);
    assert_eq!(status(&ground, 30, &[("repository_id", anew)]).await, 201);
    assert_eq!(status(&ground, 31, &[]).await, 401, "and no longer the old one");
}

#[tokio::test]
async fn ids_that_come_later_are_pinned_then() {
    let ground = Ground::new().await;
    ground.trusting().await;
    let without = [("repository_id", Value::Null), ("repository_owner_id", Value::Null)];
    assert_eq!(status(&ground, 1, &without).await, 201);
    assert_eq!(pinned(&ground).await, Value::Null);
    assert_eq!(status(&ground, 2, &without[..1]).await, 201);
    assert_eq!(pinned(&ground).await, json!({ "repository_owner_id": "583231" }));
    assert_eq!(status(&ground, 3, &[("repository_owner_id", json!("1"))]).await, 401);
    assert_eq!(status(&ground, 4, &[]).await, 201);
    assert_eq!(status(&ground, 5, &without[..1]).await, 401);
}

#[tokio::test]
async fn of_two_repositories_at_once_one_is_pinned() {
    let ground = Ground::new().await;
    ground.trusting().await;
    // Keys of the issuer are asked for, and the first build is on its way.
    let gate = Gate::new();
    ground.registry.store().fail_next_at(Operation::Put, |path| path == DOCUMENT, Fault::Hold(gate.clone()));
    let replica = ground.registry.replica().await;
    let other = ground.issuer.sign(&ground.build_with("repository_id", json!("99")));
    let (held, status) = futures::join!(status(&ground, 1, &[]), async {
        gate.reached().await;
        let answer = exchange(&replica, "@acme/pear", &other).await;
        gate.open();
        answer.status.as_u16()
    });
    assert_eq!((held, status), (401, 201));
    assert_eq!(pinned(&ground).await["repository_id"], "99");
}

#[tokio::test]
async fn a_pin_whose_answer_was_lost_holds() {
    let ground = Ground::new().await;
    ground.trusting().await;
    ground.registry.store().fail_next_at(Operation::Put, |path| path == DOCUMENT, Fault::AfterEffect);
    assert_eq!(status(&ground, 1, &[]).await, 503);
    assert_eq!(status(&ground, 1, &[]).await, 201, "its token is not used up");
    assert_eq!(status(&ground, 2, &[("repository_id", json!("99"))]).await, 401);
}

#[tokio::test]
async fn builds_of_pull_requests_publish_nothing_unless_they_are_let() {
    let events = [json!("pull_request"), json!("pull_request_target"), Value::Null];
    let ground = Ground::new().await;
    ground.trusting().await;
    for (number, event) in events.iter().enumerate() {
        ground.forget().await;
        assert_eq!(status(&ground, number, &[("event_name", event.clone())]).await, 401, "{event}");
        assert!(ground.reason().await.contains("pull request"));
    }
    let token = ground.issuer.sign(&ground.build_with("event_name", json!("pull_request_target")));
    let refused = exchange(&ground.registry, "@acme/none", &token).await.assert_status(401).error();
    assert!(refused.contains("event_name is pull_request_target"), "{refused}");
    assert_eq!(pinned(&ground).await, Value::Null, "and they pin nothing");
    assert_eq!(status(&ground, 10, &[]).await, 201);

    let ground = Ground::with(registry_testkit::test_registry::TestRegistryBuilder::pull_requests).await;
    ground.trusting().await;
    for (number, event) in events.iter().enumerate() {
        assert_eq!(status(&ground, number, &[("event_name", event.clone())]).await, 201, "{event}");
    }
}

#[tokio::test]
async fn projects_of_gitlab_are_pinned_too_and_merge_requests_refused() {
    install_tls_provider();
    let issuer = FakeIssuer::start().await;
    let builder = TestRegistry::builder().public_url("https://registry.example");
    let registry = builder.trusted_issuer("gitlab", TrustKind::Gitlab, settings(&issuer)).start().await;
    let ana = registry.ana();
    let _ = ana.publish(&PublishDocument::new("@acme/pear", "1.0.0")).await.assert_status(201);
    let trust = json!([{
        "type": "gitlab",
        "claims": { "project_path": "acme/pear", "ci_config_ref_uri": { "file": ".gitlab-ci.yml" } },
        "permissions": ["createPackage"],
    }]);
    let _ = ana.post(TRUST, &trust).await.assert_status(201);
    let now = registry.clock().now();
    for (number, (claim, value, expected)) in [
        ("pipeline_source", json!("merge_request_event"), 401),
        ("project_id", json!("22"), 201),
        ("project_id", json!("23"), 401),
        ("namespace_id", json!("73"), 401),
        ("project_id", json!(22), 201),
    ]
    .into_iter()
    .enumerate()
    {
        let mut claims = gitlab_claims(issuer.url(), "acme/pear", ".gitlab-ci.yml", AUDIENCE, now);
        claims["jti"] = json!(number.to_string());
        claims[claim] = value;
        let answer = exchange(&registry, "@acme/pear", &issuer.sign(&claims)).await;
        assert_eq!(answer.status.as_u16(), expected, "{claim}: {}", answer.text());
    }
}
