//! What each sender is answered, to the letter, and what it tells of the client.

use registry_core::randomness::Randomness as _;
use registry_lambda::{Frontend, ResponseMode};
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::{SeededRandomness, TestRegistry};
use serde_json::{Value, json};

use crate::events::{Asked, Given, Sender};

async fn ask(frontend: &Frontend, event: Value) -> Value {
    frontend.answer(serde_json::from_value(event).unwrap()).await.into_json().await.unwrap()
}

#[tokio::test]
async fn each_sender_has_its_form() {
    let registry = TestRegistry::new().await;
    let frontend = Frontend::new(registry.registry().clone(), ResponseMode::Buffered);
    let mut shapes = Vec::new();
    for sender in Sender::ALL {
        shapes
            .push(json!([format!("{sender:?}"), ask(&frontend, Asked::get("/-/ping").event(sender)).await]));
    }
    insta::assert_snapshot!(shapes.iter().map(Value::to_string).collect::<Vec<_>>().join("\n"), @r#"
["RestApi",{"statusCode":200,"multiValueHeaders":{"cache-control":["no-cache"],"content-length":["2"],"content-type":["application/json"],"x-content-type-options":["nosniff"]},"body":"{}","isBase64Encoded":false}]
["HttpApi",{"statusCode":200,"headers":{"cache-control":"no-cache","content-length":"2","content-type":"application/json","x-content-type-options":"nosniff"},"body":"{}","isBase64Encoded":false}]
["FunctionUrl",{"statusCode":200,"headers":{"cache-control":"no-cache","content-length":"2","content-type":"application/json","x-content-type-options":"nosniff"},"body":"{}","isBase64Encoded":false}]
["LoadBalancer",{"statusCode":200,"statusDescription":"200 OK","headers":{"cache-control":"no-cache","content-length":"2","content-type":"application/json","x-content-type-options":"nosniff"},"body":"{}","isBase64Encoded":false}]
["LoadBalancerWithLists",{"statusCode":200,"statusDescription":"200 OK","multiValueHeaders":{"cache-control":["no-cache"],"content-length":["2"],"content-type":["application/json"],"x-content-type-options":["nosniff"]},"body":"{}","isBase64Encoded":false}]
"#);
}

#[tokio::test]
async fn tarball_urls_begin_where_the_client_asked() {
    let registry = TestRegistry::builder().path_prefix("/registry").start().await;
    let _ = registry.ana().publish(&PublishDocument::new("@acme/one", "1.0.0")).await.assert_status(201);
    let frontend = Frontend::new(registry.registry().clone(), ResponseMode::Buffered);
    let mut urls = Vec::new();
    for sender in Sender::ALL {
        let given = Given::of(&ask(&frontend, Asked::get("/registry/@acme%2fone").event(sender)).await);
        let packument: Value = serde_json::from_slice(&given.body).unwrap();
        let url = packument["versions"]["1.0.0"]["dist"]["tarball"].as_str().unwrap();
        urls.push(format!("{sender:?} {url}"));
    }
    insta::assert_snapshot!(urls.join("\n"), @r#"
RestApi https://registry.example/prod/registry/@acme/one/-/one-1.0.0.tgz
HttpApi https://registry.example/prod/registry/@acme/one/-/one-1.0.0.tgz
FunctionUrl https://registry.example/registry/@acme/one/-/one-1.0.0.tgz
LoadBalancer https://registry.example/registry/@acme/one/-/one-1.0.0.tgz
LoadBalancerWithLists https://registry.example/registry/@acme/one/-/one-1.0.0.tgz
"#);
}

/// A client may send whatever it likes in these headers.
#[tokio::test]
async fn a_client_cannot_name_another_host() {
    let registry = TestRegistry::new().await;
    let _ = registry.ana().publish(&PublishDocument::new("pear", "1.0.0")).await.assert_status(201);
    let frontend = Frontend::new(registry.registry().clone(), ResponseMode::Buffered);
    for sender in Sender::ALL {
        let asked = Asked::get("/pear").header("x-forwarded-host", "evil.example");
        let given = Given::of(&ask(&frontend, asked.event(sender)).await);
        assert!(!String::from_utf8_lossy(&given.body).contains("evil.example"), "{sender:?}");
    }
}

#[tokio::test]
async fn events_are_delivered_before_the_answer_and_know_the_address() {
    for sender in Sender::ALL {
        let registry = TestRegistry::new().await;
        let frontend = Frontend::new(registry.registry().clone(), ResponseMode::Buffered);
        let token = format!("Bearer {}", registry.ana().token().unwrap());
        let body = PublishDocument::new("pear", "1.0.0").build().to_string();
        let asked = Asked::of("PUT", "/pear").header("authorization", &token).body(body);
        // What a client says of its address comes before what the load balancer adds.
        let asked = asked.header("x-forwarded-for", "203.0.113.9");
        let given = Given::of(&ask(&frontend, asked.event(sender)).await);
        assert_eq!(given.status, 201);
        let events = registry.events().take();
        let published = events.last().unwrap();
        assert_eq!(published.address, Some("192.0.2.1".parse().unwrap()), "{sender:?}");
    }
}

#[tokio::test]
async fn what_is_too_long_to_send_is_told() {
    let registry = TestRegistry::new().await;
    let mut noise = vec![0; 6_000_000];
    SeededRandomness::new(1).fill(&mut noise);
    let _ = registry
        .ana()
        .publish(&PublishDocument::new("big", "1.0.0").file("noise", &noise))
        .await
        .assert_status(201);
    let path = "/big/-/big-1.0.0.tgz";
    let whole = registry.anonymous().get(path).await.assert_status(200).body;
    assert!(whole.len() > 5_000_000);

    let frontend = Frontend::new(registry.registry().clone(), ResponseMode::Buffered);
    for sender in Sender::ALL {
        let given = Given::of(&ask(&frontend, Asked::get(path).event(sender)).await);
        assert_eq!(given.status, 500, "{sender:?}");
        assert!(given.error().contains("REGISTRY_LAMBDA_RESPONSE=streaming"), "{}", given.error());
    }
    let frontend = Frontend::new(registry.registry().clone(), ResponseMode::Streaming);
    let given = Given::of(&ask(&frontend, Asked::get(path).event(Sender::FunctionUrl)).await);
    assert_eq!((given.status, given.body.len()), (200, whole.len()));
}
