//! Names that differ only in capitals: the first package has the name, and rules hold for all spellings.

use std::sync::Arc;

use futures::future::{join, join_all};
use registry_core::access::{AccessRules, RuleSettings};
use registry_core::storage::{BlobPath, BlobStore as _, When};
use registry_testkit::faulty::{Fault, Gate, Operation};
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::test_registry::TestClient;
use registry_testkit::{ScriptedUpstream, TestRegistry};
use serde_json::json;

async fn publish(client: &TestClient, name: &str) -> (u16, String) {
    let answer = client.publish(&PublishDocument::new(name, "1.0.0")).await;
    let error = if answer.status.is_success() { String::new() } else { answer.error() };
    (answer.status.as_u16(), error)
}

async fn in_front_of(upstream: &ScriptedUpstream) -> TestRegistry {
    let rules = json!([
        { "match": "@acme/*", "read": ["@all"], "publish": ["@authenticated"] },
        { "match": "**", "read": ["@all"], "publish": ["@authenticated"], "origin": ["hosted", "npm"] },
    ]);
    let rules: Vec<RuleSettings> = serde_json::from_value(rules).unwrap();
    let rules = AccessRules::compile_with_upstreams(&rules, &["npm"]).unwrap();
    TestRegistry::builder().access(rules).upstream("npm", Arc::new(upstream.clone())).start().await
}

/// Puts a package into the store as registries did that knew nothing of spellings.
async fn put_older(registry: &TestRegistry, path: &str, name: &str) {
    let packument = json!({
        "name": name, "dist-tags": { "latest": "0.1.0" },
        "versions": { "0.1.0": { "name": name, "version": "0.1.0" } },
    });
    let path = BlobPath::parse(&format!("{path}/index.json")).unwrap();
    let _ = registry.store().put(&path, packument.to_string().into(), When::Always).await.unwrap();
}

#[tokio::test]
async fn a_new_name_that_differs_from_a_hosted_one_in_capitals_is_refused() {
    let registry = TestRegistry::new().await;
    let (ana, ben) = (registry.ana(), registry.user("ben").await);
    for (first, second) in [("leftpad", "LeftPad"), ("RightPad", "rightpad"), ("@Pear/Tree", "@pear/tree")] {
        assert_eq!(publish(&ana, first).await.0, 201, "{first}");
        for client in [&ana, &ben] {
            let (status, error) = publish(client, second).await;
            assert_eq!(status, 403, "{second}");
            assert!(error.contains(first) && error.contains("capitals"), "{error}");
            let staged = client.stage(&PublishDocument::new(second, "1.0.0")).await;
            let _ = staged.assert_status(403);
        }
        let _ =
            registry.anonymous().get(&format!("/{}", second.replace('/', "%2f"))).await.assert_status(404);
        let more = ana.publish(&PublishDocument::new(first, "1.1.0")).await;
        let _ = more.assert_status(201);
    }
    let tarballs: Vec<_> = registry.keys().await.into_iter().filter(|key| key.contains(".tgz")).collect();
    assert_eq!(tarballs.len(), 6, "two of each package: {tarballs:?}");
}

#[tokio::test]
async fn a_staged_package_has_its_name_too() {
    let registry = TestRegistry::new().await;
    let _ = registry.ana().stage(&PublishDocument::new("LeftPad", "1.0.0")).await.assert_status(201);
    assert_eq!(publish(&registry.user("ben").await, "leftpad").await.0, 403);
    assert_eq!(publish(&registry.ana(), "LEFTPAD").await.0, 403);
}

#[tokio::test]
async fn packages_of_an_older_store_have_their_names_and_go_on() {
    let registry = TestRegistry::new().await;
    put_older(&registry, "=j=s=o=n=stream", "JSONStream").await;
    put_older(&registry, "OldPear", "OldPear").await;
    put_older(&registry, "apple", "apple").await;
    // Both of these exist.
    put_older(&registry, "@acme/fig", "@acme/fig").await;
    put_older(&registry, "@acme/=fig", "@acme/Fig").await;
    let ana = registry.ana();
    for name in ["jsonstream", "JsonStream", "oldpear", "Apple", "@ACME/fig", "@acme/FIG"] {
        assert_eq!(publish(&ana, name).await.0, 403, "{name}");
    }
    for name in ["JSONStream", "OldPear", "apple", "@acme/fig", "@acme/Fig"] {
        assert_eq!(publish(&ana, name).await, (201, String::new()), "{name}");
    }
}

/// Of many who begin one name in other capitals at once, on several replicas, one succeeds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_replicas_that_begin_a_name_in_other_capitals_one_succeeds() {
    for round in 0..8 {
        let one = TestRegistry::new().await;
        let other = one.replica().await;
        let ben = other.user("ben").await;
        let spellings = [format!("left{round}"), format!("Left{round}"), format!("LEFT{round}")];
        let clients = [one.ana(), ben, other.ana()];
        let all = spellings.iter().zip(&clients).map(|(name, client)| publish(client, name));
        let answers = join_all(all).await;
        let succeeded = answers.iter().filter(|(status, _)| *status == 201).count();
        assert_eq!(succeeded, 1, "{answers:?}");
        assert!(answers.iter().all(|(status, _)| matches!(status, 201 | 403)), "{answers:?}");
        let suffix = format!("{round}/index.json");
        let begun = one.keys().await.into_iter().filter(|key| key.ends_with(&suffix)).count();
        assert_eq!(begun, 1);
    }
}

/// The name was free when the slower one asked, and it has stored its tarball.
#[tokio::test]
async fn a_replica_that_is_overtaken_begins_no_name_and_leaves_nothing() {
    let one = TestRegistry::new().await;
    let other = one.replica().await;
    let gate = Gate::new();
    one.store().fail_next_at(Operation::Put, |path| path == "_spellings/left", Fault::Hold(gate.clone()));
    let ana = one.ana();
    let overtake = async {
        gate.reached().await;
        let answer = publish(&other.ana(), "left").await;
        gate.open();
        answer
    };
    let (slow, fast) = join(publish(&ana, "Left"), overtake).await;
    assert_eq!(fast.0, 201, "{fast:?}");
    assert!(slow.0 == 403 && slow.1.contains("capitals"), "{slow:?}");
    let tarballs: Vec<_> = one.keys().await.into_iter().filter(|key| key.contains(".tgz")).collect();
    assert_eq!(tarballs.len(), 1, "{tarballs:?}");
}

#[tokio::test]
async fn a_new_name_that_differs_from_an_upstreams_in_capitals_is_refused() {
    let upstream = ScriptedUpstream::default();
    upstream.publish("react", "1.0.0", b"react");
    upstream.publish("JSONStream", "1.0.0", b"stream");
    let registry = in_front_of(&upstream).await;
    let (status, error) = publish(&registry.ana(), "React").await;
    assert_eq!(status, 403);
    assert!(error.contains("react") && error.contains("npm") && error.contains("capitals"), "{error}");
    // Refused by the upstream's own word, it left nothing behind that keeps others from the name.
    assert!(!registry.keys().await.iter().any(|key| key.starts_with("_spellings/")));
    let _ = registry.anonymous().get("/JSONStream").await.assert_status(200);
    let _ = registry.anonymous().get("/react").await.assert_status(200);
    assert_eq!(publish(&registry.ana(), "OurStream").await, (201, String::new()));
}

#[tokio::test]
async fn no_spelling_of_a_name_that_rules_keep_here_reaches_an_upstream() {
    let upstream = ScriptedUpstream::default();
    upstream.publish("@ACME/secret", "9.0.0", b"evil");
    let registry = in_front_of(&upstream).await;
    upstream.take_asked();
    for path in
        ["/@ACME%2fsecret", "/@Acme/secret", "/@ACME/secret/-/secret-9.0.0.tgz", "/@ACME/secret/9.0.0"]
    {
        let _ = registry.anonymous().get(path).await.assert_status(404);
    }
    assert!(upstream.take_asked().is_empty());
    assert_eq!(publish(&registry.ana(), "@acme/secret").await.0, 201);
    assert_eq!(publish(&registry.ana(), "@ACME/secret").await.0, 403);
}
