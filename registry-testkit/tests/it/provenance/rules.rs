use insta::assert_snapshot;
use registry_core::provenance::{ProvenanceRule, ProvenanceRules};
use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::test_sigstore::{Build, TestSigstore};

use super::{build, document, trusting};

/// `@acme/pear` is built by one workflow of one repository, on its main branch or for a tag.
async fn with_rule(sigstore: &TestSigstore) -> TestRegistry {
    let mut rule = ProvenanceRule::new("@acme/*");
    rule.repository = Some("acme/pear".to_owned());
    rule.workflow = Some("publish.yml".to_owned());
    rule.refs = vec!["refs/heads/main".to_owned(), "refs/tags/v*".to_owned()];
    let mut settings = trusting(sigstore);
    settings.rules = ProvenanceRules::compile(vec![rule]).unwrap();
    TestRegistry::builder().provenance(settings).start().await
}

async fn refusal(registry: &TestRegistry, build: Option<&Build>, sigstore: &TestSigstore) -> String {
    let before = registry.stored().await;
    let document = document("1.0.0");
    let document = match build {
        Some(build) => document.provenance(&sigstore.bundle(build)),
        None => document,
    };
    let answer = registry.ana().publish(&document).await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert_eq!(registry.stored().await, before);
    answer.json()["error"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_rule_requires_one_workflow_of_one_repository() {
    let sigstore = TestSigstore::new();
    let registry = with_rule(&sigstore).await;
    let told = |build: Build| {
        let (registry, sigstore) = (&registry, &sigstore);
        async move { refusal(registry, Some(&build), sigstore).await }
    };
    assert_snapshot!(refusal(&registry, None, &sigstore).await, @"@acme/pear is only published with provenance: publish with `npm publish --provenance` in a build of repository https://github.com/acme/pear, workflow publish.yml, refs/heads/main or refs/tags/v*");
    let other = Build { repository: "https://github.com/acme/plum".to_owned(), ..build("1.0.0") };
    assert_snapshot!(told(other).await, @"@acme/pear is not published by this build, whose repository is https://github.com/acme/plum: publish with `npm publish --provenance` in a build of repository https://github.com/acme/pear, workflow publish.yml, refs/heads/main or refs/tags/v*");
    assert_snapshot!(told(Build { workflow: "other.yml".to_owned(), ..build("1.0.0") }).await, @"@acme/pear is not published by this build, whose workflow is https://github.com/acme/pear/.github/workflows/other.yml@ref…: publish with `npm publish --provenance` in a build of repository https://github.com/acme/pear, workflow publish.yml, refs/heads/main or refs/tags/v*");
    assert_snapshot!(told(Build { git_ref: "refs/heads/fix".to_owned(), ..build("1.0.0") }).await, @"@acme/pear is not published by this build, whose ref is refs/heads/fix: publish with `npm publish --provenance` in a build of repository https://github.com/acme/pear, workflow publish.yml, refs/heads/main or refs/tags/v*");
    let right = document("1.0.0").provenance(&sigstore.bundle(&build("1.0.0")));
    let _ = registry.ana().publish(&right).await.assert_status(201);
    let tagged = Build { git_ref: "refs/tags/v1.1.0".to_owned(), ..build("1.1.0") };
    let tagged = document("1.1.0").provenance(&sigstore.bundle(&tagged));
    let _ = registry.ana().publish(&tagged).await.assert_status(201);
    let _ = registry.ana().publish(&PublishDocument::new("@other/pear", "1.0.0")).await.assert_status(201);
}

/// What was staged before the rule came does not go around it.
#[tokio::test]
async fn a_rule_that_came_after_a_stage_holds_for_its_approval() {
    let sigstore = TestSigstore::new();
    let open = TestRegistry::new().await;
    let mut rule = ProvenanceRule::new("@acme/*");
    rule.repository = Some("acme/pear".to_owned());
    let mut settings = trusting(&sigstore);
    settings.rules = ProvenanceRules::compile(vec![rule]).unwrap();
    let approve = async |registry: &TestRegistry, staged: serde_json::Value| {
        let id = staged["stageId"].as_str().unwrap().to_owned();
        let token = open.ana().token().unwrap().to_owned();
        let client = registry.anonymous().with_token(&token);
        client.post(&format!("/-/stage/{id}/approve"), &serde_json::json!({})).await
    };
    let plain = open.ana().stage(&document("1.0.0")).await.assert_status(201).json();
    let strict = TestRegistry::builder().provenance(settings).start_on(&open).await;
    let before = strict.stored().await;
    let refused = approve(&strict, plain).await;
    assert_eq!(refused.status, 403, "{}", refused.text());
    assert!(refused.text().contains("is only published with provenance"), "{}", refused.text());
    assert_eq!(strict.stored().await, before);

    let token = open.ana().token().unwrap().to_owned();
    let ana = strict.anonymous().with_token(&token);
    let proven = document("1.1.0").provenance(&sigstore.bundle(&build("1.1.0")));
    let staged = ana.stage(&proven).await.assert_status(201).json();
    let _ = approve(&strict, staged).await.assert_status(201);
}

#[tokio::test]
async fn a_rule_holds_for_stages_too() {
    let sigstore = TestSigstore::new();
    let registry = with_rule(&sigstore).await;
    let before = registry.stored().await;
    let _ = registry.ana().stage(&document("1.0.0")).await.assert_status(403);
    assert_eq!(registry.stored().await, before);
}
