//! What must be so of every event. `cargo fuzz` compiles this file too: see `registry-core/fuzz/fuzz_targets/event.rs`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use registry_lambda::authorizer::Authorizer;
use registry_lambda::{AuthorizerResponse, Frontend, LambdaRequest, ResponseMode};
use registry_testkit::fuzzing::{Ground, Held};
use serde_json::{Map, Value};

thread_local! {
    static GROUND: Ground = Ground::new();
}

/// Stands for ana's token.
const TOKEN: &str = "$TOKEN$";

/// Any JSON as an event, for the registry and for the authorizer: it gets an answer in the form that its sender takes, and
/// a caller without a token publishes nothing.
///
/// # Panics
///
/// If one of that is not so.
pub(crate) fn event(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    GROUND.with(|ground| {
        ground.with(async |held: &Held| {
            let is_ana = text.contains(TOKEN);
            let token = held.registry.ana().token().map(str::to_owned).unwrap_or_default();
            let text = text.replace(TOKEN, &token);
            decide(held, &text, is_ana).await;
            answer(held, &text).await;
            assert!(is_ana || !held.changed_packages().await, "published without a token");
        });
    });
}

async fn answer(held: &Held, text: &str) {
    let Ok(event) = serde_json::from_str::<LambdaRequest>(text) else { return };
    let method = |event: &Value| {
        event.pointer("/requestContext/http/method").or(event.get("httpMethod")).cloned().unwrap_or_default()
    };
    let is_head = serde_json::from_str(text).is_ok_and(|event: Value| method(&event) == "HEAD");
    let mode = if text.len().is_multiple_of(2) { ResponseMode::Buffered } else { ResponseMode::Streaming };
    let frontend = Frontend::new(held.registry.registry().clone(), mode);
    let answer = frontend.answer(event).await.into_json().await;
    let answer = answer.unwrap_or_else(|error| panic!("no JSON: {error}"));
    let status = answer["statusCode"].as_u64();
    assert!(status.is_some_and(|status| (200..500).contains(&status)), "{answer}");
    assert_headers(&answer);
    let body = answer["body"].as_str().unwrap_or_else(|| panic!("no body: {answer}"));
    let body = match &answer["isBase64Encoded"] {
        Value::Bool(false) => body.as_bytes().to_vec(),
        Value::Bool(true) => STANDARD.decode(body).unwrap_or_else(|error| panic!("{error}: {answer}")),
        other => panic!("isBase64Encoded: {other}"),
    };
    if status.is_some_and(|status| status >= 400) && !(is_head && body.is_empty()) {
        // Pages of the login in a browser are refused as pages.
        let is_told = serde_json::from_slice(&body)
            .map_or(body.starts_with(b"<!DOCTYPE html>"), |json: Value| json["error"].is_string());
        assert!(is_told, "{answer}");
    }
}

/// In one form alone, and texts that a header can be.
fn assert_headers(answer: &Value) {
    let lists = |headers: &Map<String, Value>| -> Vec<Value> {
        headers.values().flat_map(|value| value.as_array().cloned().unwrap_or_default()).collect()
    };
    let values: Vec<Value> = match (&answer["headers"], &answer["multiValueHeaders"]) {
        (Value::Object(headers), Value::Null) => headers.values().cloned().collect(),
        (Value::Null, Value::Object(headers)) => lists(headers),
        _ => panic!("headers in both forms, or none: {answer}"),
    };
    assert!(!values.is_empty(), "{answer}");
    for value in values {
        assert!(value.as_str().is_some_and(|value| !value.contains(['\r', '\n', '\0'])), "{value}");
    }
}

async fn decide(held: &Held, text: &str, is_ana: bool) {
    let response =
        if text.len().is_multiple_of(3) { AuthorizerResponse::Simple } else { AuthorizerResponse::Iam };
    let authorizer = Authorizer::of(held.registry.registry().clone(), response, "/registry", None);
    let Ok(decision) = authorizer.decide(text).await else { return };
    assert!(decision["context"].is_object(), "{decision}");
    if decision["isAuthorized"].is_boolean() {
        return;
    }
    assert!(decision["principalId"].as_str().is_some_and(|name| !name.is_empty()), "{decision}");
    let statements = decision["policyDocument"]["Statement"].as_array();
    assert!(statements.is_some_and(|statements| !statements.is_empty()), "{decision}");
    for statement in statements.into_iter().flatten() {
        let resource = statement["Resource"].as_str().unwrap_or_else(|| panic!("{decision}"));
        let writes = resource.contains("/PUT/registry*") || resource.contains("/DELETE/registry*");
        assert!(is_ana || statement["Effect"] == "Deny" || !writes, "{decision}");
    }
}
