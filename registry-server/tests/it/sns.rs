//! Changes on a topic of a server that speaks as Amazon SNS does and checks signatures.

use std::io::Write as _;
use std::path::Path;

use registry_testkit::http_client::HttpClient;
use registry_testkit::object_stores::Ministack;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::server_process::ServerProcess;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::sign_up;

#[tokio::test]
async fn a_fifo_topic_gets_the_changes_of_the_server_with_the_credentials_of_the_bucket() {
    let Some(ministack) = Ministack::start().await else { return };
    let topic = ministack.add_topic("npm.fifo").await;
    let folder = TempDir::with_prefix("sns-").unwrap();
    let config = folder.path().join("registry.toml");
    let mut file = std::fs::File::create(&config).unwrap();
    let endpoint = ministack.base_url();
    write!(file, "[sns.deploys]\ntopic_arn = \"{topic}\"\nendpoint = \"{endpoint}\"\n").unwrap();
    let arguments = ["--config", config.to_str().unwrap()];
    let binary = Path::new(env!("CARGO_BIN_EXE_registry-server"));
    let environment = ministack.address().environment();
    let server = ServerProcess::start_on(binary, &arguments, "s3://registry", &environment).await;
    let http = HttpClient::new(server.base_url());
    let token = sign_up(&http, "ana").await;
    for version in ["1.0.0", "1.0.1"] {
        let document = PublishDocument::new("@acme/pear", version).build();
        let request = http.put("/@acme%2fpear").bearer(&token).json(&document);
        let _ = request.send().await.assert_status(201);
    }
    let mut messages = Vec::new();
    while messages.len() < 2 {
        let more = ministack.take_messages("npm.fifo").await;
        assert!(!more.is_empty(), "no message came: {}", server.stderr());
        messages.extend(more);
    }
    let versions: Vec<_> = messages.iter().map(|message| body(message)["data"]["version"].clone()).collect();
    assert_eq!(versions, ["1.0.0", "1.0.1"]);
    for message in &messages {
        assert!(message.contains("<Name>MessageGroupId</Name><Value>@acme/pear</Value>"), "{message}");
        assert!(message.contains("<StringValue>published</StringValue>"), "{message}");
        let id = body(message)["data"]["event-id"].clone();
        let deduplication =
            format!("<Name>MessageDeduplicationId</Name><Value>{}</Value>", id.as_str().unwrap());
        assert!(message.contains(&deduplication), "{message}");
    }
    for (name, value) in environment {
        let is_secret = name.contains("SECRET");
        assert!(!is_secret || !server.stderr().contains(&value), "{}", server.stderr());
    }
    assert!(server.stop().await.success());
}

/// The JSON within the XML of a message.
fn body(message: &str) -> Value {
    let (_, rest) = message.split_once("<Body>").unwrap();
    let text = rest.split_once("</Body>").unwrap().0;
    let text = text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    serde_json::from_str(&text).unwrap()
}
