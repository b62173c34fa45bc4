use registry_core::access::AccessRules;
use registry_testkit::fake_receiver::FakeReceiver;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::test_registry::TestRegistry;
use serde_json::{Value, json};

use super::{SECRET, builder, deliver, hook, keys, lines, publish};

#[tokio::test]
async fn a_hook_of_another_account_does_not_exist() {
    let (registry, receiver) = (builder().start().await, FakeReceiver::start().await);
    let made = hook(&registry.ana(), "package", "pear", &receiver).await;
    let ben = registry.user("ben").await;
    let before = registry.stored().await;
    let target = json!({ "endpoint": "https://hooks.example/", "secret": "mine" });
    let path = format!("/-/npm/v1/hooks/hook/{}", made["id"].as_str().unwrap());
    let unknown = format!("/-/npm/v1/hooks/hook/{}", "0".repeat(32));
    for path in [&path, &unknown, &"/-/npm/v1/hooks/hook/..%2f_accounts%2fana".to_owned()] {
        let (read, changed) = (ben.get(path).await, ben.put(path, &target).await);
        let deleted = ben.delete(path).await;
        for answer in [read, changed, deleted] {
            assert!([400, 404].contains(&answer.status.as_u16()), "{path}: {}", answer.text());
        }
    }
    let listed = ben.get("/-/npm/v1/hooks").await.assert_status(200).json();
    assert_eq!(listed["objects"], json!([]));
    assert_eq!(registry.stored().await, before);
    for (method, path) in
        [("GET", "/-/npm/v1/hooks"), ("POST", "/-/npm/v1/hooks/hook"), ("DELETE", path.as_str())]
    {
        let method = method.parse().unwrap();
        let _ = registry.anonymous().ask(method, path, "{}").await.assert_status(401);
    }
}

#[tokio::test]
async fn a_hook_gets_nothing_of_packages_that_its_account_may_not_read() {
    let rules = json!([
        { "match": "@acme/*", "read": ["user:ana"], "publish": ["user:ana"] },
        { "match": "**", "read": ["@all"], "publish": ["@authenticated"] },
    ]);
    let rules = AccessRules::compile(&serde_json::from_value::<Vec<_>>(rules).unwrap()).unwrap();
    let (registry, receiver) = (builder().access(rules).start().await, FakeReceiver::start().await);
    let ben = registry.user("ben").await;
    let _ = hook(&ben, "package", "@acme/pear", &receiver).await;
    let _ = hook(&ben, "scope", "@acme", &receiver).await;
    let _ = hook(&ben, "owner", "ana", &receiver).await;
    let _ = hook(&ben, "package", "fig", &receiver).await;
    publish(&registry.ana(), "@acme/pear", "1.0.0").await;
    // Private by the word of its owner, and not by a rule.
    let mut private = PublishDocument::new("fig", "1.0.0").build();
    private["access"] = json!("restricted");
    let _ = registry.ana().put("/fig", &private).await;
    let _ = registry.ana().post("/-/package/fig/access", &json!({ "access": "restricted" })).await;
    deliver(&registry).await;
    let names: Vec<Value> = receiver.received().iter().map(|post| post.json()["name"].clone()).collect();
    assert!(!names.contains(&json!("@acme/pear")), "{names:?}");
    assert!(!names.contains(&json!("fig")), "{names:?}");
    assert!(!keys(&registry).await.iter().any(|key| key.starts_with("_hook_deliveries")), "nothing waits");
}

#[tokio::test]
async fn rules_that_change_before_the_delivery_count() {
    let (registry, receiver) = (builder().start().await, FakeReceiver::start().await);
    let ben = registry.user("ben").await;
    let _ = hook(&ben, "package", "pear", &receiver).await;
    receiver.answer_next(&[500]);
    publish(&registry.ana(), "pear", "1.0.0").await;
    deliver(&registry).await;
    assert_eq!(receiver.received().len(), 1);
    registry.registry().set_access(AccessRules::closed());
    registry.clock().advance(std::time::Duration::from_secs(2));
    deliver(&registry).await;
    assert_eq!(receiver.received().len(), 1, "it is not tried again for who may no longer read it");
}

#[tokio::test]
async fn endpoints_at_private_addresses_are_refused() {
    let registry = TestRegistry::builder().hooks(false, 100).start().await;
    for endpoint in [
        "http://127.0.0.1:4873/",
        "http://127.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://10.0.0.1/",
        "http://192.168.1.1/hook",
        "http://169.254.169.254/latest/meta-data/",
        "http://2130706433/",
    ] {
        let body = json!({ "type": "package", "name": "pear", "endpoint": endpoint, "secret": SECRET });
        let refused = registry.ana().post("/-/npm/v1/hooks/hook", &body).await.assert_status(400);
        assert!(refused.error().starts_with("the endpoint is not at a public address"), "{endpoint}");
    }
    assert_eq!(keys(&registry).await, [""; 0]);
}

/// A name may lead elsewhere after the hook is made: its address is checked on connecting.
#[tokio::test]
async fn a_name_that_leads_to_this_machine_is_not_called() {
    let receiver = FakeReceiver::start().await;
    let registry = TestRegistry::builder().hooks(false, 100).start().await;
    let port = receiver.url().rsplit(':').next().unwrap().to_owned();
    let endpoint = format!("http://localhost:{port}/hook");
    let body = json!({ "type": "package", "name": "pear", "endpoint": endpoint, "secret": SECRET });
    let made = registry.ana().post("/-/npm/v1/hooks/hook", &body).await.assert_status(201).json();
    publish(&registry.ana(), "pear", "1.0.0").await;
    deliver(&registry).await;
    assert_eq!(lines(&receiver), [""; 0]);
    let path = format!("/-/npm/v1/hooks/hook/{}", made["id"].as_str().unwrap());
    let told = registry.ana().get(&path).await.assert_status(200).json();
    assert_eq!((&told["delivered"], &told["response_code"]), (&json!(false), &json!(0)));
}

#[tokio::test]
async fn a_secret_is_neither_in_the_store_nor_in_any_answer() {
    let (registry, receiver) = (builder().start().await, FakeReceiver::start().await);
    let made = hook(&registry.ana(), "package", "pear", &receiver).await;
    publish(&registry.ana(), "pear", "1.0.0").await;
    deliver(&registry).await;
    let list = registry.ana().get("/-/npm/v1/hooks").await.assert_status(200);
    assert!(!made.to_string().contains(SECRET) && !list.text().contains(SECRET));
    assert!(!format!("{:?}", registry.stored().await).contains(SECRET));
    assert!(!receiver.received()[0].body.windows(SECRET.len()).any(|bytes| bytes == SECRET.as_bytes()));
    let key = keys(&registry).await.into_iter().find(|key| key.starts_with("_hooks/")).unwrap();
    assert!(!String::from_utf8_lossy(&registry.stored().await[&key]).contains(SECRET));
}

#[tokio::test]
async fn the_hooks_of_a_removed_account_end() {
    let (registry, receiver) = (builder().start().await, FakeReceiver::start().await);
    let ben = registry.user("ben").await;
    let _ = hook(&ben, "package", "pear", &receiver).await;
    registry.registry().remove_account("ben").await.unwrap();
    assert_eq!(keys(&registry).await, [""; 0]);
    publish(&registry.ana(), "pear", "1.0.0").await;
    deliver(&registry).await;
    assert_eq!(lines(&receiver), [""; 0]);
}

/// As by a command on a machine that knows nothing of hooks.
#[tokio::test]
async fn the_hooks_of_an_account_that_was_removed_elsewhere_end_at_the_next_delivery() {
    let (registry, receiver) = (builder().start().await, FakeReceiver::start().await);
    let ben = registry.user("ben").await;
    let _ = hook(&ben, "package", "pear", &receiver).await;
    let elsewhere = TestRegistry::builder().start_on(&registry).await;
    elsewhere.registry().remove_account("ben").await.unwrap();
    publish(&registry.ana(), "pear", "1.0.0").await;
    deliver(&registry).await;
    assert_eq!(lines(&receiver), [""; 0]);
    deliver(&registry).await;
    assert_eq!(keys(&registry).await, [""; 0]);
}
