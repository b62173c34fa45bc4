use std::sync::Arc;
use std::time::Duration;

use registry_core::changes::DeliverySettings;
use registry_core::changes::sinks::{AwsAccessKey, Sns, SnsSettings};
use registry_testkit::fake_receiver::{FakeReceiver, Received};
use registry_testkit::{TestRegistry, install_tls_provider};
use serde_json::{Value, json};
use url::form_urlencoded::parse;

use super::publish;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

async fn registry_with(receiver: &FakeReceiver, topic: &str) -> TestRegistry {
    install_tls_provider();
    let topic = format!("arn:aws:sns:eu-west-1:123456789012:{topic}");
    let mut settings = SnsSettings::new(topic.parse().unwrap());
    settings.endpoint = Some(receiver.url().parse().unwrap());
    settings.access_key = Some(AwsAccessKey::new("AKIDEXAMPLE".to_owned(), SECRET.into()));
    let sink = Arc::new(Sns::new(settings).unwrap());
    TestRegistry::builder().change_sink("topic", sink, DeliverySettings::default()).start().await
}

async fn deliver(registry: &TestRegistry) {
    registry.registry().flush_events().await;
    registry.registry().deliver_changes().await;
}

/// The fields of a form, the message as JSON.
fn fields(received: &Received) -> Value {
    let fields = parse(&received.body).map(|(name, value)| {
        let value = match name.as_ref() {
            "Message" => serde_json::from_str(&value).unwrap(),
            "MessageDeduplicationId" => {
                assert_eq!(value.len(), 32, "the id of an event: {value}");
                json!("ID")
            }
            _ => json!(value),
        };
        (name.into_owned(), value)
    });
    fields.collect::<serde_json::Map<_, _>>().into()
}

#[tokio::test]
async fn a_change_is_published_by_a_signed_request() {
    let receiver = FakeReceiver::start().await;
    let registry = registry_with(&receiver, "npm").await;
    publish(&registry, "@acme/pear", "1.0.0").await;
    deliver(&registry).await;
    let post = receiver.received().remove(0);
    assert_eq!((post.method.as_str(), post.path.as_str()), ("POST", "/"));
    assert_eq!(post.header("content-type"), "application/x-www-form-urlencoded; charset=utf-8");
    let day = &post.header("x-amz-date")[..8];
    let credential = format!("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{day}/eu-west-1/sns/aws4_request, ");
    let signed = "SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date, Signature=";
    let authorization = post.header("authorization");
    assert!(authorization.starts_with(&format!("{credential}{signed}")), "{authorization}");
    let mut fields = fields(&post);
    let event = fields["Message"]["data"].take();
    assert_eq!((&event["seq"], &event["principal"]), (&json!(1), &json!("ana")));
    insta::assert_json_snapshot!(fields, @r#"
    {
      "Action": "Publish",
      "Version": "2010-03-31",
      "TopicArn": "arn:aws:sns:eu-west-1:123456789012:npm",
      "Message": {
        "type": "package.published",
        "timestamp": "2026-01-02T03:04:05Z",
        "data": null
      },
      "MessageAttributes.entry.1.Name": "kind",
      "MessageAttributes.entry.1.Value.DataType": "String",
      "MessageAttributes.entry.1.Value.StringValue": "published",
      "MessageAttributes.entry.2.Name": "package",
      "MessageAttributes.entry.2.Value.DataType": "String",
      "MessageAttributes.entry.2.Value.StringValue": "@acme/pear"
    }
    "#);
}

#[tokio::test]
async fn a_fifo_topic_keeps_the_changes_of_a_package_in_order_and_each_once() {
    let receiver = FakeReceiver::start().await;
    let registry = registry_with(&receiver, "npm.fifo").await;
    receiver.answer_next(&[500]);
    publish(&registry, "@acme/pear", "1.0.0").await;
    deliver(&registry).await;
    registry.clock().advance(Duration::from_mins(1));
    deliver(&registry).await;
    let groups: Vec<_> =
        receiver.received().iter().map(|post| fields(post)["MessageGroupId"].clone()).collect();
    assert!(groups.len() > 1 && groups.iter().all(|group| group == "@acme/pear"), "{groups:?}");
    let id = |post: &Received| {
        let id = parse(&post.body).find(|(name, _)| name == "MessageDeduplicationId");
        id.map(|(_, id)| id.into_owned()).unwrap()
    };
    let ids: Vec<_> = receiver.received().iter().map(id).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[tokio::test]
async fn a_refusal_is_retried_and_says_what_sns_said() {
    let receiver = FakeReceiver::start().await;
    let registry = registry_with(&receiver, "npm").await;
    let refusal = "<ErrorResponse><Error><Type>Sender</Type><Code>AuthorizationError</Code>\
        <Message>ana is not authorized to perform: SNS:Publish</Message></Error></ErrorResponse>";
    receiver.answer_next_with(403, refusal);
    publish(&registry, "pear", "1.0.0").await;
    deliver(&registry).await;
    let state = registry.registry().delivery_states().await.unwrap().remove(0);
    assert_eq!((state.behind, state.given_up), (1, 0));
    assert_eq!(
        state.error.as_deref(),
        Some(
            "the answer was 403 Forbidden: AuthorizationError: ana is not authorized to perform: SNS:Publish"
        )
    );
    registry.clock().advance(Duration::from_mins(1));
    deliver(&registry).await;
    assert_eq!(registry.registry().delivery_states().await.unwrap()[0].behind, 0);
}

#[test]
fn a_topic_without_a_public_endpoint_needs_one_in_the_settings() {
    install_tls_provider();
    let settings = SnsSettings::new("arn:aws-iso:sns:us-iso-east-1:123456789012:npm".parse().unwrap());
    assert!(Sns::new(settings).unwrap_err().to_string().contains("set `endpoint`"));
}
