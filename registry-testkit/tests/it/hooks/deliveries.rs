use std::time::Duration;

use registry_testkit::fake_receiver::{FakeReceiver, Received};
use registry_testkit::faulty::{Fault, Operation};
use serde_json::{Value, json};

use super::{SECRET, builder, deliver, hook, keys, lines, publish};

#[tokio::test]
async fn a_publish_is_posted_as_npm_documents_it() {
    let (registry, receiver) = (builder().start().await, FakeReceiver::start().await);
    let made = hook(&registry.ana(), "package", "@acme/pear", &receiver).await;
    publish(&registry.ana(), "@acme/pear", "1.0.0").await;
    deliver(&registry).await;
    let post = receiver.received().remove(0);
    assert_eq!((post.method.as_str(), post.path.as_str()), ("POST", "/hook"));
    assert_eq!(post.header("content-type"), "application/json");
    assert!(verify(&post).await, "{post:?}");
    let mut body = post.json();
    let payload = body["payload"].take();
    assert_eq!(payload["name"], "@acme/pear");
    let tarball = &payload["versions"]["1.0.0"]["dist"]["tarball"];
    assert_eq!(tarball, "https://npm.registry.example/@acme/pear/-/pear-1.0.0.tgz");
    insta::assert_json_snapshot!(body, @r#"
    {
      "event": "package:publish",
      "name": "@acme/pear",
      "type": "package",
      "version": "1.0.0",
      "hookOwner": {
        "username": "ana"
      },
      "payload": null,
      "change": {
        "version": "1.0.0",
        "dist-tag": "latest"
      },
      "time": 1767323045000
    }
    "#);
    let path = format!("/-/npm/v1/hooks/hook/{}", made["id"].as_str().unwrap());
    let told = registry.ana().get(&path).await.assert_status(200).json();
    assert_eq!((&told["delivered"], &told["response_code"]), (&json!(true), &json!(204)));
    assert_eq!(told["last_delivery"], "2026-01-02T03:04:05.000Z");
    assert!(!keys(&registry).await.iter().any(|key| key.starts_with("_hook_deliveries")));
}

/// Verifies a signature with another implementation of HMAC than the registry's.
async fn verify(received: &Received) -> bool {
    let script = "
        const [signature, body, secret] = process.argv.slice(1);
        const made = require('crypto').createHmac('sha256', secret).update(body).digest('hex');
        process.exit(signature === `sha256=${made}` ? 0 : 1);";
    let mut node = tokio::process::Command::new("node");
    node.arg("-e").arg(script).arg(received.header("x-npm-signature"));
    node.arg(std::str::from_utf8(&received.body).unwrap()).arg(SECRET);
    node.status().await.unwrap().success()
}

#[tokio::test]
async fn each_change_has_its_name() {
    let (registry, receiver) = (builder().start().await, FakeReceiver::start().await);
    let ana = registry.ana();
    let _ = hook(&ana, "package", "pear", &receiver).await;
    publish(&ana, "pear", "1.0.0").await;
    publish(&ana, "pear", "1.1.0").await;
    let _ = ana.put("/-/package/pear/dist-tags/next", &json!("1.0.0")).await.assert_status(200);
    let _ = ana.delete("/-/package/pear/dist-tags/next").await.assert_status(200);
    for message in ["too old", ""] {
        let mut document = ana.get("/pear").await.assert_status(200).json();
        document["versions"]["1.0.0"]["deprecated"] = message.into();
        assert!(ana.put("/pear", &document).await.status.is_success());
    }
    let _ = ana.put("/-/user/package/pear/star", &Value::Null).await;
    let _ = ana.delete("/-/user/package/pear/star").await;
    let document = ana.get("/pear").await.assert_status(200).json();
    let revision = document["_rev"].as_str().unwrap();
    assert!(ana.delete(&format!("/pear/-rev/{revision}")).await.status.is_success());
    deliver(&registry).await;
    insta::assert_snapshot!(lines(&receiver).join("\n"), @r#"
    package:publish pear {"version":"1.0.0","dist-tag":"latest"}
    package:publish pear {"version":"1.1.0","dist-tag":"latest"}
    package:dist-tag pear {"dist-tag":"next","version":"1.0.0"}
    package:dist-tag-rm pear {"dist-tag":"next"}
    package:deprecated pear {"deprecated":"1.0.0","message":"too old"}
    package:undeprecated pear {"deprecated":"1.0.0"}
    package:star pear {"user":"ana"}
    package:unstar pear {"user":"ana"}
    package:unpublish pear {"version":"1.0.0","versions":["1.0.0","1.1.0"]}
    "#);
    assert_eq!(receiver.received().last().unwrap().json()["payload"], Value::Null);
}

#[tokio::test]
async fn hooks_of_a_scope_and_of_an_owner_get_their_packages_alone() {
    let registry = builder().start().await;
    let (scope, owner) = (FakeReceiver::start().await, FakeReceiver::start().await);
    let ben = registry.user("ben").await;
    let _ = hook(&ben, "scope", "@acme", &scope).await;
    let _ = hook(&ben, "owner", "ana", &owner).await;
    publish(&registry.ana(), "@acme/pear", "1.0.0").await;
    publish(&registry.ana(), "fig", "1.0.0").await;
    publish(&ben, "@other/plum", "1.0.0").await;
    publish(&ben, "@acme/plum", "1.0.0").await;
    deliver(&registry).await;
    let names = |receiver: &FakeReceiver| -> Vec<String> {
        receiver.received().iter().map(|post| post.json()["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&scope), ["@acme/pear", "@acme/plum"]);
    assert_eq!(names(&owner), ["@acme/pear", "fig"]);
}

#[tokio::test]
async fn a_dead_hook_is_tried_again_and_holds_up_no_other() {
    let registry = builder().start().await;
    let (dead, alive) = (FakeReceiver::start().await, FakeReceiver::start().await);
    let ana = registry.ana();
    let failing = hook(&ana, "package", "pear", &dead).await;
    let _ = hook(&ana, "package", "pear", &alive).await;
    dead.answer_next(&[500, 404]);
    publish(&ana, "pear", "1.0.0").await;
    publish(&ana, "pear", "1.1.0").await;
    deliver(&registry).await;
    assert_eq!((dead.received().len(), alive.received().len()), (1, 2));
    let path = format!("/-/npm/v1/hooks/hook/{}", failing["id"].as_str().unwrap());
    let told = ana.get(&path).await.assert_status(200).json();
    assert_eq!((&told["delivered"], &told["response_code"]), (&json!(false), &json!(500)));
    deliver(&registry).await;
    assert_eq!(dead.received().len(), 1, "not before the pause is over");
    registry.clock().advance(Duration::from_secs(2));
    deliver(&registry).await;
    registry.clock().advance(Duration::from_secs(3));
    deliver(&registry).await;
    let versions: Vec<_> =
        dead.received().iter().map(|post| post.json()["change"]["version"].clone()).collect();
    assert_eq!(versions, ["1.0.0", "1.0.0", "1.0.0", "1.1.0"], "in order");
    assert_eq!(alive.received().len(), 2);
}

#[tokio::test]
async fn a_change_that_a_hook_never_accepts_is_given_up_after_a_day() {
    let (registry, receiver) = (builder().start().await, FakeReceiver::start().await);
    let _ = hook(&registry.ana(), "package", "pear", &receiver).await;
    receiver.answer_next(&[500, 500]);
    publish(&registry.ana(), "pear", "1.0.0").await;
    deliver(&registry).await;
    registry.clock().advance(Duration::from_hours(25));
    deliver(&registry).await;
    assert_eq!(receiver.received().len(), 2);
    assert!(!keys(&registry).await.iter().any(|key| key.starts_with("_hook_deliveries")));
}

#[tokio::test]
async fn a_change_that_a_hook_refuses_holds_up_its_package_alone() {
    let (registry, receiver) = (builder().start().await, FakeReceiver::start().await);
    let ana = registry.ana();
    let _ = hook(&ana, "scope", "@acme", &receiver).await;
    receiver.refuse("\"name\":\"@acme/pear\"", 422);
    publish(&ana, "@acme/pear", "1.0.0").await;
    publish(&ana, "@acme/fig", "1.0.0").await;
    publish(&ana, "@acme/pear", "1.0.1").await;
    deliver(&registry).await;
    let told = |receiver: &FakeReceiver| -> Vec<String> {
        let told = receiver.received().into_iter().map(|received| received.json());
        let told = told.map(|told| {
            format!("{} {}", told["name"].as_str().unwrap(), told["change"]["version"].as_str().unwrap())
        });
        told.collect()
    };
    assert_eq!(told(&receiver), ["@acme/pear 1.0.0", "@acme/fig 1.0.0"]);
    publish(&ana, "@acme/fig", "1.0.1").await;
    deliver(&registry).await;
    assert_eq!(told(&receiver)[2..], ["@acme/fig 1.0.1"], "and the refused one after its pause");
    let [failing] = &registry.registry().failing_hooks().await.unwrap()[..] else { panic!("none fails") };
    assert_eq!((failing.account.as_str(), failing.host.as_str(), failing.waiting), ("ana", "127.0.0.1", 2));
    assert_eq!(failing.error, "the answer was 422 Unprocessable Entity");
    receiver.relent();
    let other = registry.replica().await;
    drop(registry);
    other.clock().advance(Duration::from_secs(2));
    deliver(&other).await;
    assert_eq!(told(&receiver)[3..], ["@acme/pear 1.0.0", "@acme/pear 1.0.1"], "in order");
    assert_eq!(other.registry().failing_hooks().await.unwrap(), []);
    assert!(!keys(&other).await.iter().any(|key| key.starts_with("_hook_deliveries")));
}

#[tokio::test]
async fn many_silent_hooks_are_called_by_turns_and_delay_no_other() {
    const SILENT: usize = 40;
    let registry = builder().start().await;
    let (silent, alive) = (FakeReceiver::start().await, FakeReceiver::start().await);
    let ana = registry.ana();
    for _ in 0..SILENT {
        let _ = hook(&ana, "package", "pear", &silent).await;
    }
    let _ = hook(&ana, "package", "pear", &alive).await;
    silent.answer_next(&[500; SILENT]);
    publish(&ana, "pear", "1.0.0").await;
    deliver(&registry).await;
    assert_eq!((silent.received().len(), alive.received().len()), (SILENT, 1));
    silent.fall_silent();
    registry.clock().advance(Duration::from_secs(2));
    for version in 1..=3 {
        publish(&ana, "pear", &format!("1.{version}.0")).await;
        // No test waits for 10 seconds, the time of one silent hook.
        let _ = tokio::time::timeout(Duration::from_secs(5), alive.wait_for(1 + version)).await.unwrap();
    }
    let called = silent.wait_for(SILENT + 16).await;
    assert_eq!(called.len(), SILENT + 16);
}

#[tokio::test]
async fn another_replica_delivers_what_waits() {
    let (registry, receiver) = (builder().start().await, FakeReceiver::start().await);
    let _ = hook(&registry.ana(), "package", "pear", &receiver).await;
    // The process ends after the change is routed, and before it is delivered.
    registry.store().fail_next_at(Operation::Put, |path| path.starts_with("_hook_states"), Fault::Refused);
    publish(&registry.ana(), "pear", "1.0.0").await;
    registry.registry().flush_events().await;
    registry.registry().deliver_changes().await;
    let other = registry.replica().await;
    drop(registry);
    deliver(&other).await;
    assert_eq!(lines(&receiver).len(), 1);
}
