//! The binaries, in processes of their own, with the Runtime API that they ask for work.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use registry_testkit::fake_lambda_runtime::{LambdaFunction, Outcome};
use registry_testkit::publish_document::PublishDocument;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::events::{Asked, Given, Sender};

const REGISTRY: &str = env!("CARGO_BIN_EXE_registry-lambda");
const AUTHORIZER: &str = env!("CARGO_BIN_EXE_registry-authorizer");
const RULES: &str =
    "[[packages]]\nmatch = \"**\"\nread = [\"@authenticated\"]\npublish = [\"@authenticated\"]";

fn storage(folder: &TempDir) -> String {
    format!("file:{}", folder.path().display())
}

async fn start(binary: &str, folder: &TempDir, variables: &[(&str, &str)]) -> LambdaFunction {
    let storage = storage(folder);
    let usual = [("REGISTRY_STORAGE", storage.as_str()), ("REGISTRY_CONFIG", RULES)];
    LambdaFunction::start(Path::new(binary), &[&usual, variables].concat()).await
}

async fn sign_up(function: &mut LambdaFunction) -> String {
    let body = json!({ "name": "ana", "password": "correct horse battery", "email": "ana@registry.example" });
    let asked = Asked::of("PUT", "/-/user/org.couchdb.user:ana").body(body.to_string());
    let answer = function.invoke(asked.event(Sender::LoadBalancer).to_string()).await;
    let given = Given::of(&answer.json());
    let session: Value = serde_json::from_slice(&given.body).unwrap();
    session["token"].as_str().unwrap_or_else(|| panic!("{session} {}", function.stderr())).to_owned()
}

#[tokio::test]
async fn a_function_publishes_installs_and_outlives_bad_events() {
    let folder = tempfile::tempdir().unwrap();
    let mut function = start(REGISTRY, &folder, &[("REGISTRY_LAMBDA_RESPONSE", "streaming")]).await;
    let token = sign_up(&mut function).await;
    let bearer = format!("Bearer {token}");
    let body = PublishDocument::new("@acme/one", "1.0.0").build().to_string();
    let asked = Asked::of("PUT", "/@acme%2fone").header("authorization", &bearer).body(body);
    let answer = function.invoke(asked.event(Sender::HttpApi).to_string()).await;
    assert_eq!(Given::of(&answer.json()).status, 201);

    for event in ["null", "{}", "[1]", "\"x\"", "{\"version\":\"2.0\"}"] {
        let outcome = function.invoke(event).await;
        assert!(matches!(&outcome, Outcome::Failed(_)), "{event} {outcome:?}");
    }
    let mut event = Asked::get("/@acme%2fone").event(Sender::RestApi);
    event["headers"]["host"] = "not a host\"".into();
    event["multiValueHeaders"]["host"] = json!(["not a host\""]);
    let Outcome::Streamed { prelude, .. } = function.invoke(event.to_string()).await else {
        panic!("not streamed")
    };
    assert!(matches!(prelude["statusCode"].as_u64(), Some(400 | 401)), "{prelude}");

    let asked = Asked::get("/@acme/one/-/one-1.0.0.tgz").header("authorization", &bearer);
    let streamed = function.invoke(asked.event(Sender::FunctionUrl).to_string()).await;
    let Outcome::Streamed { prelude, body } = streamed else { panic!("not streamed: {streamed:?}") };
    assert_eq!(
        (&prelude["statusCode"], &prelude["headers"]["content-length"]),
        (&200.into(), &body.len().to_string().into())
    );
    let whole = function.invoke(asked.event(Sender::HttpApi).to_string()).await.json();
    assert_eq!(STANDARD.decode(whole["body"].as_str().unwrap()).unwrap(), body);

    // Everything that happened is in the audit log already: Lambda may stop the process after any answer.
    let logged = std::fs::read_dir(folder.path().join("objects/_log"))
        .or_else(|_| std::fs::read_dir(folder.path().join("_log")));
    assert!(logged.unwrap().count() > 0);
    let log = function.stderr();
    assert!(log.contains("registry_lambda::access"), "{log}");
    assert!(!log.contains(&token), "the token is logged");
}

/// npm prints the `error` of an answer.
#[tokio::test]
async fn a_publish_that_lambda_does_not_take_is_told_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let small = format!("{RULES}\n[limits]\npublish_body_mib = 1");
    for (config, most) in [(RULES, 6_258_788), (small.as_str(), 1 << 20)] {
        let mut function = start(REGISTRY, &folder, &[("REGISTRY_CONFIG", config)]).await;
        let token = if config == RULES { sign_up(&mut function).await } else { log_in(&mut function).await };
        for (length, status) in [(most, 400), (most + 1, 413)] {
            let asked = Asked::of("PUT", "/@acme%2fone").header("authorization", &format!("Bearer {token}"));
            let asked = asked.body("x".repeat(length));
            let answer = function.invoke(asked.event(Sender::HttpApi).to_string()).await;
            let given = Given::of(&answer.json());
            assert_eq!(given.status, status, "{length}");
            let told = String::from_utf8(given.body).unwrap();
            let way = "registry-server publish FILE.tgz --as USER --storage s3://BUCKET/PREFIX";
            assert_eq!(told.contains(way), status == 413, "{told}");
            assert!(!told.contains(&folder.path().display().to_string()), "{told}");
        }
    }
}

async fn log_in(function: &mut LambdaFunction) -> String {
    let body = json!({ "name": "ana", "password": "correct horse battery" });
    let asked = Asked::of("PUT", "/-/user/org.couchdb.user:ana").body(body.to_string());
    let given = Given::of(&function.invoke(asked.event(Sender::HttpApi).to_string()).await.json());
    let session: Value = serde_json::from_slice(&given.body).unwrap();
    session["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_authorizer_knows_the_same_people() {
    let folder = tempfile::tempdir().unwrap();
    let mut registry = start(REGISTRY, &folder, &[]).await;
    let token = sign_up(&mut registry).await;
    let mut authorizer = start(AUTHORIZER, &folder, &[("REGISTRY_PATH_PREFIX", "/registry")]).await;
    let event = |token: &str| {
        let arn = "arn:aws:execute-api:eu-west-1:123456789012:abc123/prod/GET/registry/pear";
        json!({ "type": "TOKEN", "authorizationToken": format!("Bearer {token}"), "methodArn": arn })
            .to_string()
    };
    assert_eq!(authorizer.invoke(event(&token)).await.json()["principalId"], "ana");
    assert!(matches!(authorizer.invoke("{}").await, Outcome::Failed(_)));
    assert_eq!(authorizer.invoke(event("npm_unknown")).await.json()["principalId"], "nobody");
}

#[tokio::test]
async fn what_is_wrong_with_the_environment_is_told() {
    for (variables, told) in [
        (&[][..], "set REGISTRY_STORAGE"),
        (&[("REGISTRY_STORAGE", "memory:")], "no access rules"),
        (&[("REGISTRY_STORAGE", "ftp://x")], "not a storage URL"),
        (
            &[
                ("REGISTRY_STORAGE", "memory:"),
                ("REGISTRY_CONFIG", RULES),
                ("REGISTRY_LAMBDA_RESPONSE", "both"),
            ],
            "streaming",
        ),
        (
            &[
                ("REGISTRY_STORAGE", "memory:"),
                ("REGISTRY_CONFIG", RULES),
                ("REGISTRY_STORAGE_MUST_EXIST", "true"),
            ],
            "storage.must_exist is true",
        ),
        (
            &[
                ("REGISTRY_STORAGE", "memory:"),
                ("REGISTRY_CONFIG", RULES),
                ("REGISTRY_STORAGE_MUST_EXIST", "yes"),
            ],
            "write true or false",
        ),
        (
            &[
                ("REGISTRY_STORAGE", "memory:"),
                ("REGISTRY_CONFIG", RULES),
                ("REGISTRY_LAMBDA_RESPONCE", "streaming"),
            ],
            "did you mean REGISTRY_LAMBDA_RESPONSE?",
        ),
        (
            &[("REGISTRY_STORAGE", "memory:"), ("REGISTRY_CONFIG", RULES), ("REGISTRY_LISTEN", "0.0.0.0:80")],
            "only registry-server reads it",
        ),
        // A deployment of codebox-npm: what its variables say is understood, up to the secret that is missing.
        (
            &[("bucket", "acme-npm"), ("region", "eu-west-1"), ("githubClientId", "Iv1.client")],
            "client secret",
        ),
    ] {
        let mut function = LambdaFunction::start(Path::new(REGISTRY), variables).await;
        assert_eq!(function.invoke("{}").await, Outcome::Gone);
        assert!(function.stderr().contains(told), "{told}: {}", function.stderr());
    }
}
