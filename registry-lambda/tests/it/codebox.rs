//! A deployment of codebox-npm that moves by replacing the code: its variables, its bucket, its people.

use std::path::Path;

use registry_testkit::codebox_npm::CodeboxNpm;
use registry_testkit::fake_github::{CLIENT_ID, CLIENT_SECRET, FakeGithub};
use registry_testkit::fake_lambda_runtime::LambdaFunction;
use registry_testkit::fake_receiver::FakeReceiver;
use registry_testkit::fake_s3::{BUCKET, FakeS3};
use registry_testkit::publish_document::PublishDocument;
use serde_json::Value;

use crate::events::{Asked, Given, Sender};

const REGISTRY: &str = env!("CARGO_BIN_EXE_registry-lambda");

/// Every variable that a function of codebox-npm saw, by the name of its deployment and by that of the function.
const NAMES: [[&str; 2]; 13] = [
    ["CODEBOX_BUCKET", "bucket"],
    ["CODEBOX_REGION", "region"],
    ["CODEBOX_REGISTRY", "registry"],
    ["CODEBOX_ADMINS", "admins"],
    ["CODEBOX_RESTRICTED_ORGS", "restrictedOrgs"],
    ["CODEBOX_GITHUB_URL", "githubUrl"],
    ["CODEBOX_GITHUB_CLIENT_ID", "githubClientId"],
    ["CODEBOX_GITHUB_SECRET", "githubSecret"],
    ["CODEBOX_INSIGHTS_CLIENT_ID", "clientId"],
    ["CODEBOX_INSIGHTS_SECRET", "secret"],
    ["CODEBOX_LOG_TOPIC", "logTopic"],
    ["CODEBOX_API_ENDPOINT", "apiEndpoint"],
    ["CODEBOX_LOG_URL", "logUrl"],
];

struct Deployment {
    function: LambdaFunction,
    s3: FakeS3,
    github: FakeGithub,
    log: FakeReceiver,
}

impl Deployment {
    /// Ana is an admin and ben is none; both are in the organization, and eve is not. `form` says by which names the
    /// variables go.
    async fn start(form: usize) -> Self {
        let (s3, github) = (FakeS3::start().await, FakeGithub::start().await);
        let log = FakeReceiver::start().await;
        let log_url = format!("{}/v1/send", log.url());
        for login in ["ana", "ben"] {
            github.add_user(login);
            github.join(login, "acme");
        }
        github.add_user("eve");
        s3.want_encryption();
        for (key, content) in CodeboxNpm::sample().objects() {
            s3.put(key, content.clone());
        }
        let api = format!("{}api/v3/", github.url());
        let values = [
            BUCKET,
            "eu-west-1",
            "http://127.0.0.1:9/",
            "ana,jon",
            "acme",
            api.as_str(),
            CLIENT_ID,
            CLIENT_SECRET,
            "insights-client",
            "insights-secret",
            "arn:aws:sns:eu-west-1:123456789012:codebox",
            "https://abc123.execute-api.eu-west-1.amazonaws.com/prod/registry",
            log_url.as_str(),
        ];
        let names = NAMES.iter().map(|names| names[form]);
        let variables: Vec<_> = names.zip(values).chain(s3.variables()).collect();
        let function = LambdaFunction::start(Path::new(REGISTRY), &variables).await;
        Self { function, s3, github, log }
    }

    /// What the REST API that codebox-npm had passes on.
    async fn ask(&mut self, token: &str, asked: Asked) -> (u64, Value) {
        let asked = asked.header("authorization", &format!("Bearer {token}"));
        let answer = self.function.invoke(asked.event(Sender::RestApi).to_string()).await;
        let given = Given::of(&answer.json());
        (given.status, serde_json::from_slice(&given.body).unwrap_or(Value::Null))
    }
}

async fn moves(form: usize) {
    let mut deployment = Deployment::start(form).await;
    let github = &deployment.github;
    let (ana, ben, eve) = (github.app_token("ana"), github.app_token("ben"), github.app_token("eve"));
    let package = || Asked::get("/registry/@acme%2ftools");
    let (status, packument) = deployment.ask(&ben, package()).await;
    assert_eq!(status, 200, "{packument} {}", deployment.function.stderr());
    // Where the old code put it, below the address of the deployment, which has not changed.
    let url = packument["versions"]["1.1.0"]["dist"]["tarball"].as_str().unwrap();
    let path =
        url.strip_prefix("https://abc123.execute-api.eu-west-1.amazonaws.com/prod").unwrap().to_owned();
    assert_eq!(deployment.ask(&ben, Asked::get(&path)).await.0, 200, "{path}");
    let old_path = "/registry/@acme%2ftools/-/%40acme%2Ftools-1.1.0.tgz";
    assert_eq!(deployment.ask(&ben, Asked::get(old_path)).await.0, 200);
    assert!(matches!(deployment.ask(&eve, package()).await.0, 401 | 403 | 404));

    let body = PublishDocument::new("@acme/tools", "1.2.0").build().to_string();
    let publish = || Asked::of("PUT", "/registry/@acme%2ftools").body(body.clone());
    let tag = || Asked::of("PUT", "/registry/-/package/@acme%2ftools/dist-tags/stable").body("\"1.0.0\"");
    assert_eq!(deployment.ask(&ben, publish()).await.0, 403);
    assert_eq!(deployment.ask(&ben, tag()).await.0, 403);
    assert_eq!(deployment.ask(&ana, publish()).await.0, 201);
    assert_eq!(deployment.ask(&ana, tag()).await.1["dist-tags"]["stable"], "1.0.0");
    let (_, packument) = deployment.ask(&ben, package()).await;
    assert_eq!(packument["dist-tags"]["latest"], "1.2.0");
    assert_eq!(deployment.ask(&ana, Asked::get("/registry/-/whoami")).await.1["username"], "ana");

    // The bucket refuses what is not encrypted, so all of it was. What no client wrote to is unchanged.
    let stored = deployment.s3.objects();
    for (key, content) in CodeboxNpm::sample().objects() {
        assert!(key == "@acme/tools/index.json" || stored[key] == content, "{key} was changed");
    }
    let log = deployment.function.stderr();
    // Its log gets what it got, dist-tags included.
    let received = deployment.log.wait_for(2).await;
    let told = received.iter().map(|received| {
        assert_eq!(received.header("authorization"), "Bearer insights-client:insights-secret");
        assert_eq!(received.header("logtopic"), "arn:aws:sns:eu-west-1:123456789012:codebox");
        let body = received.json();
        format!("{} {}", body["namespace"].as_str().unwrap(), body["body"]["name"].as_str().unwrap())
    });
    assert_eq!(told.collect::<Vec<_>>(), ["info:package:put @acme/tools", "info:dist-tags:put @acme/tools"]);
    for secret in [CLIENT_SECRET, "insights-secret", &ana, &ben, &eve] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[tokio::test]
async fn the_variables_of_its_deployment_are_enough() {
    moves(0).await;
}

#[tokio::test]
async fn the_variables_of_its_functions_are_enough() {
    moves(1).await;
}
