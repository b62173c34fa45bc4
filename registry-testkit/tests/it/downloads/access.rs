use registry_core::access::AccessRules;
use registry_testkit::TestRegistry;
use registry_testkit::faulty::{Fault, Operation};
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::test_registry::TestClient;
use serde_json::json;

use super::{download, flush};

/// `pear` for all, `@acme/secret` for carol, and `hidden`, which all might read if ana had not made it private. Each was
/// downloaded once, twice and four times.
async fn with_secrets() -> TestRegistry {
    let rules = json!([
        { "match": "@acme/*", "read": ["user:carol", "user:ana"], "publish": ["user:ana"] },
        { "match": "**", "read": ["@all"], "publish": ["@authenticated"] },
    ]);
    let rules = AccessRules::compile(&serde_json::from_value::<Vec<_>>(rules).unwrap()).unwrap();
    let registry = TestRegistry::builder().downloads().access(rules).start().await;
    let ana = registry.ana();
    for (name, times) in [("pear", 1), ("@acme/secret", 2), ("@open/hidden", 4)] {
        let _ = ana.publish(&PublishDocument::new(name, "1.0.0")).await.assert_status(201);
        download(&ana, name, times).await;
    }
    let private = json!({ "access": "private" });
    let _ = ana.post("/-/package/@open%2fhidden/access", &private).await.assert_status(200);
    flush(&registry).await;
    registry
}

async fn total(client: &TestClient) -> u64 {
    let answer = client.get("/downloads/point/last-week").await.assert_status(200);
    answer.json()["downloads"].as_u64().unwrap()
}

#[tokio::test]
async fn counts_answer_as_a_read_of_the_package_does() {
    let registry = with_secrets().await;
    for client in [registry.anonymous(), registry.user("ben").await] {
        for name in ["@acme/secret", "@acme/absent", "@open/hidden", "@open/absent"] {
            let read = client.get(&format!("/{name}")).await;
            for path in ["downloads/point/last-week/", "downloads/range/last-week/"] {
                let answer = client.get(&format!("/{path}{name}")).await;
                assert_eq!((answer.status, answer.text()), (read.status, read.text()), "{path}{name}");
            }
            let answer = client.get(&format!("/versions/{name}/last-week")).await;
            assert_eq!((answer.status, answer.text()), (read.status, read.text()), "{name}");
        }
    }
    let carol = registry.user("carol").await;
    let secret = carol.get("/downloads/point/last-week/@acme/secret").await.assert_status(200);
    assert_eq!(secret.json()["downloads"], 2);
}

/// What the store is asked for by a request to a process that just began, and the status of its answer.
async fn asked_for(registry: &TestRegistry, path: &str) -> (u16, Vec<String>) {
    let replica = registry.replica().await;
    replica.store().take_calls();
    let status = replica.anonymous().get(path).await.status.as_u16();
    (status, replica.store().take_calls().into_iter().map(|(_, path)| path).collect())
}

#[tokio::test]
async fn no_count_is_read_of_what_is_hidden_or_absent_so_that_no_time_tells_them_apart() {
    let registry = with_secrets().await;
    for name in ["@open/hidden", "@open/absent", "@acme/secret", "@acme/absent", "absent"] {
        let read = asked_for(&registry, &format!("/{name}")).await;
        for path in ["downloads/point/last-week/", "downloads/range/last-year/"] {
            assert_eq!(asked_for(&registry, &format!("/{path}{name}")).await, read, "{path}{name}");
        }
        assert_eq!(asked_for(&registry, &format!("/versions/{name}/last-week")).await, read, "{name}");
    }
    let (status, asked) = asked_for(&registry, "/downloads/point/last-year/absent,missing").await;
    assert_eq!(status, 200);
    assert!(asked.iter().all(|path| !path.starts_with("_downloads/")), "{asked:?}");
}

#[tokio::test]
async fn totals_have_only_what_the_caller_may_read() {
    let registry = with_secrets().await;
    assert_eq!(total(&registry.anonymous()).await, 1);
    assert_eq!(total(&registry.user("ben").await).await, 1);
    assert_eq!(total(&registry.user("carol").await).await, 3);
    assert_eq!(total(&registry.ana()).await, 7);
}

#[tokio::test]
async fn many_at_once_hide_what_one_at_a_time_hides() {
    let rules = json!([
        { "match": "secret", "read": ["user:carol", "user:ana"], "publish": ["user:ana"] },
        { "match": "**", "read": ["@all"], "publish": ["@authenticated"] },
    ]);
    let rules = AccessRules::compile(&serde_json::from_value::<Vec<_>>(rules).unwrap()).unwrap();
    let registry = TestRegistry::builder().downloads().access(rules).start().await;
    for name in ["pear", "secret"] {
        let _ = registry.ana().publish(&PublishDocument::new(name, "1.0.0")).await.assert_status(201);
        download(&registry.ana(), name, 1).await;
    }
    flush(&registry).await;
    for (client, secret) in [(registry.anonymous(), 0), (registry.user("carol").await, 1)] {
        let answer =
            client.get("/downloads/point/last-week/pear,secret,absent").await.assert_status(200).json();
        assert_eq!((&answer["pear"]["downloads"], &answer["absent"]), (&1.into(), &json!(null)));
        assert_eq!(answer["secret"]["downloads"].as_u64().unwrap_or_default(), secret);
        assert!(answer.as_object().unwrap().contains_key("secret"));
    }
}

#[tokio::test]
async fn an_error_is_never_a_yes() {
    let registry = with_secrets().await;
    let ben = registry.user("ben").await;
    for path in ["/downloads/point/last-week", "/downloads/point/last-week/@open/hidden"] {
        for operation in [Operation::GetIfChanged, Operation::Get] {
            let registry = registry.replica().await;
            let ben = TestClient::new(registry.registry().clone(), ben.token().map(str::to_owned));
            let is_index = |path: &str| path == "@open/hidden/index.json";
            registry.store().fail_next_at(operation, is_index, Fault::BeforeEffect);
            let answer = ben.get(path).await;
            let is_met = registry.store().faults_to_come() == 0;
            let expected: &[u16] = if is_met { &[503] } else { &[200, 404] };
            assert!(expected.contains(&answer.status.as_u16()), "{path}: {}", answer.text());
            let counted = answer.json()["downloads"].as_u64().unwrap_or_default();
            assert!(counted <= 1, "the downloads of the hidden package are in {}", answer.text());
        }
    }
}
