//! Another registry behind this one, which has `foo-bar-package` 1.0.0 and `serverless` 1.0.0.

use std::path::Path;

use registry_testkit::clients::Npm;
use registry_testkit::http_client::HttpClient;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::server_process::ServerProcess;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{Registry, sign_up};

struct InFront {
    server: ServerProcess,
    http: HttpClient,
    _upstream: Registry,
    _storage: TempDir,
}

async fn in_front() -> InFront {
    let upstream = Registry::start().await;
    let token = sign_up(&upstream.http(), "foo-user").await;
    for name in ["foo-bar-package", "serverless"] {
        let document = PublishDocument::new(name, "1.0.0").build();
        let put = upstream.http().put(&format!("/{name}")).bearer(&token).json(&document);
        let _ = put.send().await.assert_status(201);
    }
    let storage = TempDir::with_prefix("in-front-").unwrap();
    let arguments = ["--upstream", upstream.server.base_url()];
    let binary = Path::new(env!("CARGO_BIN_EXE_registry-server"));
    let server = ServerProcess::start(binary, &arguments, storage.path()).await;
    let http = HttpClient::new(server.base_url());
    InFront { server, http, _upstream: upstream, _storage: storage }
}

#[tokio::test]
async fn npm_info_of_upstream_prints_name_serverless() {
    let in_front = in_front().await;
    let npm = Npm::new(in_front.server.base_url()).await;
    let info = npm.run(&["info", "serverless", "name"]).await.assert_success();
    assert_eq!(info.stdout.trim(), "serverless");
}

#[tokio::test]
async fn get_not_private_200_npm_json() {
    let in_front = in_front().await;
    let packument = in_front.http.get("/foo-bar-package").send().await.assert_status(200).json();
    assert_eq!(packument["name"], "foo-bar-package");
    // codebox-npm left the upstream's own addresses in there, which clients could not reach with its token.
    assert_eq!(
        packument["versions"]["1.0.0"]["dist"]["tarball"],
        format!("{}/foo-bar-package/-/foo-bar-package-1.0.0.tgz", in_front.server.base_url())
    );
}

#[tokio::test]
async fn get_npm_error_status_passed() {
    let in_front = in_front().await;
    let answer = in_front.http.get("/no-such-package").send().await.assert_status(404);
    assert!(!answer.error().is_empty());
}

#[tokio::test]
async fn dist_tags_get_200_npm_tags() {
    let in_front = in_front().await;
    let tags =
        in_front.http.get("/-/package/foo-bar-package/dist-tags").send().await.assert_status(200).json();
    assert_eq!(tags, json!({ "latest": "1.0.0" }));
}

#[tokio::test]
async fn tarball_falls_to_npm_tar() {
    let in_front = in_front().await;
    let answer =
        in_front.http.get("/foo-bar-package/-/foo-bar-package-1.0.0.tgz").send().await.assert_status(200);
    assert_eq!(answer.body, PublishDocument::new("foo-bar-package", "1.0.0").tarball());
    let _ = in_front.http.get("/foo-bar-package/-/foo-bar-package-9.9.9.tgz").send().await.assert_status(404);
}

#[tokio::test]
async fn publish_name_exists_on_npm_403() {
    let in_front = in_front().await;
    let token = sign_up(&in_front.http, "foo-user").await;
    let document = PublishDocument::new("foo-bar-package", "2.0.0").build();
    let answer = in_front.http.put("/foo-bar-package").bearer(&token).json(&document).send().await;
    assert!(answer.assert_status(403).error().contains("exists in the registry"));
}
