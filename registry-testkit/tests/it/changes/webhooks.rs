use std::sync::Arc;

use registry_core::access::PackagePattern;
use registry_core::changes::DeliverySettings;
use registry_core::changes::sinks::{CodeboxLog, CodeboxLogSettings, Webhook, WebhookSettings};
use registry_core::storage::ObjectStoreBlobs;
use registry_testkit::fake_receiver::{FakeReceiver, Received};
use registry_testkit::{FixedClock, TestRegistry, install_tls_provider};
use serde_json::{Value, json};

use super::publish;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn settings(receiver: &FakeReceiver) -> WebhookSettings {
    let url = format!("{}/hooks?key=hidden", receiver.url());
    WebhookSettings::new(url.parse().unwrap(), SECRET.parse().unwrap())
}

async fn registry_with(settings: WebhookSettings) -> TestRegistry {
    install_tls_provider();
    let webhook = Webhook::new(settings, Arc::new(FixedClock::new())).unwrap();
    TestRegistry::builder().change_sink("hook", Arc::new(webhook), DeliverySettings::default()).start().await
}

async fn deliver(registry: &TestRegistry) {
    registry.registry().flush_events().await;
    registry.registry().deliver_changes().await;
}

fn types(received: &[Received]) -> Vec<String> {
    received.iter().map(|received| received.json()["type"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_webhook_is_posted_as_the_specification_says() {
    let receiver = FakeReceiver::start().await;
    let registry = registry_with(settings(&receiver)).await;
    publish(&registry, "pear", "1.0.0").await;
    deliver(&registry).await;
    let post = receiver.received().remove(0);
    assert_eq!((post.method.as_str(), post.path.as_str()), ("POST", "/hooks?key=hidden"));
    assert_eq!(post.header("content-type"), "application/json");
    assert_eq!(post.header("webhook-timestamp"), "1767323045");
    let body = post.json();
    assert_eq!(body["type"], "package.published");
    assert_eq!(body["timestamp"], "2026-01-02T03:04:05Z");
    assert_eq!(body["data"]["seq"], 1);
    assert_eq!(body["data"]["package"], "pear");
    assert_eq!(body["data"]["principal"], "ana");
    assert_eq!(body["data"]["event-id"], post.header("webhook-id"));
    // Made with Node.js by the words of the specification: see `verify`.
    assert!(verify(&post).await, "{post:?}");
}

/// Verifies a signature with another implementation of HMAC than the registry's.
async fn verify(received: &Received) -> bool {
    let script = "
        const [id, timestamp, signature, body, secret] = process.argv.slice(1);
        const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
        const made = require('crypto').createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
        process.exit(signature === `v1,${made}` ? 0 : 1);";
    let mut node = tokio::process::Command::new("node");
    node.arg("-e").arg(script).arg(received.header("webhook-id")).arg(received.header("webhook-timestamp"));
    node.arg(received.header("webhook-signature"))
        .arg(std::str::from_utf8(&received.body).unwrap())
        .arg(SECRET);
    node.status().await.unwrap().success()
}

#[tokio::test]
async fn a_webhook_gets_only_what_it_is_for() {
    let receiver = FakeReceiver::start().await;
    let mut settings = settings(&receiver);
    settings.packages = vec![PackagePattern::parse("@acme/*").unwrap()];
    settings.kinds = vec!["published".to_owned()];
    let registry = registry_with(settings).await;
    publish(&registry, "pear", "1.0.0").await;
    publish(&registry, "@acme/fig", "1.0.0").await;
    let _ =
        registry.ana().put("/-/package/@acme%2ffig/dist-tags/next", &json!("1.0.0")).await.assert_status(200);
    deliver(&registry).await;
    assert_eq!(types(&receiver.received()), ["package.published"]);
    assert_eq!(receiver.received()[0].json()["data"]["package"], "@acme/fig");
    assert_eq!(registry.registry().delivery_states().await.unwrap()[0].behind, 0);
}

#[tokio::test]
async fn only_a_success_is_an_acceptance_and_errors_name_no_secret() {
    let receiver = FakeReceiver::start().await;
    let registry = registry_with(settings(&receiver)).await;
    for status in [302, 400, 500] {
        receiver.answer_next(&[status]);
        publish(&registry, &format!("pear{status}"), "1.0.0").await;
        let before = receiver.received().len();
        deliver(&registry).await;
        assert_eq!(receiver.received().len() - before, 1, "a change alone is not sent again at once");
        let state = registry.registry().delivery_states().await.unwrap().remove(0);
        let error = state.error.unwrap();
        assert!(error.contains(&status.to_string()) && !error.contains("hidden"), "{error}");
        registry.clock().advance(std::time::Duration::from_mins(31));
        deliver(&registry).await;
        assert_eq!(registry.registry().delivery_states().await.unwrap()[0].behind, 0);
    }
}

/// What a receiver got, each as package and version.
fn told(received: &[Received]) -> Vec<String> {
    let told = |received: &Received| {
        let data = received.json()["data"].take();
        format!("{} {}", data["package"].as_str().unwrap(), data["version"].as_str().unwrap())
    };
    received.iter().map(told).collect()
}

#[tokio::test]
async fn a_refused_change_holds_up_its_package_alone() {
    let receiver = FakeReceiver::start().await;
    let registry = registry_with(settings(&receiver)).await;
    receiver.refuse("\"package\":\"pear\"", 422);
    for (name, version) in [("pear", "1.0.0"), ("fig", "1.0.0"), ("pear", "1.0.1"), ("fig", "1.0.1")] {
        publish(&registry, name, version).await;
    }
    deliver(&registry).await;
    let got = told(&receiver.received());
    assert!(["fig 1.0.0", "fig 1.0.1"].iter().all(|fig| got.iter().any(|got| got == fig)), "{got:?}");
    assert!(!got.contains(&"pear 1.0.1".to_owned()), "before the refused one: {got:?}");
    let state = registry.registry().delivery_states().await.unwrap().remove(0);
    assert_eq!((state.delivered, state.behind, state.failing_since), (4, 2, None));
    assert_eq!(state.error.as_deref(), Some("the answer was 422 Unprocessable Entity"));
    let [refused] = state.refused.as_slice() else { panic!("{:?}", state.refused) };
    assert_eq!((refused.subject.as_str(), refused.waiting), ("pear", 2));

    publish(&registry, "pear", "1.0.2").await;
    publish(&registry, "fig", "1.0.2").await;
    let before = receiver.received().len();
    deliver(&registry).await;
    assert_eq!(told(&receiver.received()[before..]), ["fig 1.0.2"]);

    receiver.relent();
    let other = registry.replica().await;
    drop(registry);
    other.clock().advance(std::time::Duration::from_secs(2));
    deliver(&other).await;
    assert_eq!(
        told(&receiver.received()[before..]),
        ["fig 1.0.2", "pear 1.0.0", "pear 1.0.1", "pear 1.0.2"],
        "in order"
    );
    let state = other.registry().delivery_states().await.unwrap().remove(0);
    assert_eq!((state.behind, state.refused.len(), state.error), (0, 0, None));
}

#[tokio::test]
async fn a_change_that_stays_refused_is_given_up_after_three_days_and_the_next_of_its_package_comes() {
    let receiver = FakeReceiver::start().await;
    let registry = registry_with(settings(&receiver)).await;
    receiver.refuse("\"version\":\"1.0.0\"", 400);
    publish(&registry, "pear", "1.0.0").await;
    publish(&registry, "pear", "1.0.1").await;
    deliver(&registry).await;
    registry.clock().advance(std::time::Duration::from_hours(71));
    deliver(&registry).await;
    assert!(!told(&receiver.received()).contains(&"pear 1.0.1".to_owned()));
    registry.clock().advance(std::time::Duration::from_hours(1));
    deliver(&registry).await;
    assert_eq!(told(&receiver.received()).last().unwrap(), "pear 1.0.1");
    let state = registry.registry().delivery_states().await.unwrap().remove(0);
    assert_eq!((state.behind, state.given_up, state.refused.len()), (0, 1, 0));
}

#[tokio::test]
async fn a_receiver_that_refuses_everything_is_not_flooded_and_gets_all_later() {
    let receiver = FakeReceiver::start().await;
    let registry = registry_with(settings(&receiver)).await;
    receiver.refuse("", 401);
    for number in 0..40 {
        publish(&registry, &format!("pear-{number}"), "1.0.0").await;
    }
    deliver(&registry).await;
    let state = registry.registry().delivery_states().await.unwrap().remove(0);
    assert_eq!((state.behind, state.refused.len()), (40, 32));
    assert!(state.failing_since.is_some());
    let before = receiver.received().len();
    deliver(&registry).await;
    assert_eq!(receiver.received().len(), before, "not before the pause is over");
    receiver.relent();
    registry.clock().advance(std::time::Duration::from_mins(31));
    deliver(&registry).await;
    let state = registry.registry().delivery_states().await.unwrap().remove(0);
    assert_eq!((state.behind, state.failing_since), (0, None));
    let mut got = told(&receiver.received()[before..]);
    got.sort();
    got.dedup();
    assert_eq!(got.len(), 40);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "the snapshot has most of them")]
async fn the_log_of_codebox_gets_its_old_format_with_its_old_credentials() {
    install_tls_provider();
    let receiver = FakeReceiver::start().await;
    let url = format!("{}/v1/send", receiver.url());
    let mut settings = CodeboxLogSettings::new(
        url.parse().unwrap(),
        "client".to_owned(),
        "insights-secret".to_owned().into(),
    );
    settings.log_topic = Some("arn:aws:sns:eu-west-1:1:npm".to_owned());
    let first = TestRegistry::builder().change_feed().start().await;
    let memory: ObjectStoreBlobs = first.memory();
    let sink = CodeboxLog::new(settings, Arc::new(memory)).unwrap();
    let registry = TestRegistry::builder()
        .change_sink("codebox", Arc::new(sink), DeliverySettings::default())
        .start_on(&first)
        .await;
    publish(&registry, "pear", "1.0.0").await;
    let _ = registry.ana().put("/-/package/pear/dist-tags/next", &json!("1.0.0")).await.assert_status(200);
    let _ = registry.ana().delete("/-/package/pear/dist-tags/next").await.assert_status(200);
    deliver(&registry).await;
    let posts = receiver.received();
    for received in &posts {
        assert_eq!(received.header("authorization"), "Bearer client:insights-secret");
        assert_eq!(received.header("logtopic"), "arn:aws:sns:eu-west-1:1:npm");
    }
    let bodies: Vec<Value> = posts.iter().map(Received::json).collect();
    let keys: Vec<_> = bodies[0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["user", "timestamp", "level", "namespace", "command", "body"]);
    insta::assert_snapshot!(serde_json::to_string_pretty(&bodies).unwrap(), @r#"
[
  {
    "user": {
      "name": "ana",
      "avatar": null
    },
    "timestamp": "2026-01-02T03:04:05Z",
    "level": "info",
    "namespace": "info:package:put",
    "command": {
      "name": "publish",
      "args": []
    },
    "body": {
      "name": "pear",
      "version": "1.0.0",
      "dist-tags": {
        "latest": "1.0.0"
      }
    }
  },
  {
    "user": {
      "name": "ana",
      "avatar": null
    },
    "timestamp": "2026-01-02T03:04:05Z",
    "level": "info",
    "namespace": "info:dist-tags:put",
    "command": {
      "name": "dist-tag",
      "args": [
        "add",
        "pear",
        "next"
      ]
    },
    "body": {
      "name": "pear",
      "tag": "next",
      "version": "1.0.0",
      "dist-tags": {
        "latest": "1.0.0"
      }
    }
  },
  {
    "user": {
      "name": "ana",
      "avatar": null
    },
    "timestamp": "2026-01-02T03:04:05Z",
    "level": "info",
    "namespace": "info:dist-tags:delete",
    "command": {
      "name": "dist-tag",
      "args": [
        "rm",
        "pear",
        "next"
      ]
    },
    "body": {
      "name": "pear",
      "tag": "next",
      "dist-tags": {
        "latest": "1.0.0"
      }
    }
  }
]
"#);
}
