//! The server on buckets of S3 servers, over the wire.

use std::path::Path;

use futures::TryStreamExt as _;
use registry_core::storage::{BlobPrefix, BlobStore as _, open_bucket};
use registry_testkit::clients::{Npm, package};
use registry_testkit::http_client::HttpClient;
use registry_testkit::install_tls_provider;
use registry_testkit::object_stores::{LostAnswer, Ministack, S3rver, StoreAddress, StoreProxy};
use registry_testkit::server_process::ServerProcess;

use crate::running::{registry_server, run, stderr_of_failure};
use crate::support::{publish, sign_up};

async fn start(address: &StoreAddress, arguments: &[&str]) -> ServerProcess {
    let binary = Path::new(env!("CARGO_BIN_EXE_registry-server"));
    ServerProcess::start_on(binary, arguments, "s3://registry/team", &address.environment()).await
}

/// The keys of the whole bucket.
async fn keys(address: &StoreAddress) -> Vec<String> {
    install_tls_provider();
    let bucket = open_bucket(&address.url(""), address.options()).unwrap();
    let listed: Vec<_> = bucket.list(&BlobPrefix::ROOT).try_collect().await.unwrap();
    listed.into_iter().map(|blob| blob.path.to_string()).collect()
}

#[tokio::test]
async fn npm_lives_on_a_bucket_and_survives_a_restart() {
    let Some(ministack) = Ministack::start().await else { return };
    let address = ministack.address();
    let server = start(&address, &[]).await;
    let token = sign_up(&HttpClient::new(server.base_url()), "ana").await;
    let npm = Npm::with_token(server.base_url(), &token).await;
    publish(&npm, &package("@acme/one", "1.0.0").file("index.js", "module.exports = 1\n")).await;
    publish(&npm, &package("@acme/one", "1.1.0")).await;
    let _ = npm.run(&["dist-tag", "add", "@acme/one@1.0.0", "stable"]).await.assert_success();
    let _ = npm.run(&["unpublish", "@acme/one@1.1.0"]).await.assert_success();
    assert!(server.stop().await.success());

    let server = start(&address, &[]).await;
    let npm = Npm::with_token(server.base_url(), &token).await;
    let tags = npm.run(&["dist-tag", "ls", "@acme/one"]).await.assert_success().stdout;
    assert_eq!(tags, "latest: 1.0.0\nstable: 1.0.0\n");
    let project = npm.home().project(&package("project", "0.0.0"));
    let _ = npm.run_in(&project, &["install", "@acme/one"]).await.assert_success();
    let installed = project.join("node_modules/@acme/one/index.js");
    assert_eq!(std::fs::read_to_string(installed).unwrap(), "module.exports = 1\n");

    let keys = keys(&address).await;
    assert!(keys.iter().all(|key| key.starts_with("team/")), "{keys:?}");
    let tarballs: Vec<_> = keys.iter().filter(|key| key.contains("/-/")).collect();
    assert_eq!(tarballs.len(), 1, "{keys:?}");
    for secret in ["aws_access_key_id", "aws_secret_access_key"] {
        let secret = &address.options()[secret];
        assert!(!server.stderr().contains(secret), "{}", server.stderr());
    }
}

#[tokio::test]
async fn npm_follows_the_url_that_the_bucket_signed() {
    let Some(ministack) = Ministack::start().await else { return };
    let config = tempfile::NamedTempFile::with_suffix(".toml").unwrap();
    std::fs::write(&config, "[storage]\nredirect_above_mib = 0\n").unwrap();
    let server = start(&ministack.address(), &["--config", config.path().to_str().unwrap()]).await;
    let http = HttpClient::new(server.base_url());
    let npm = Npm::with_token(server.base_url(), &sign_up(&http, "ana").await).await;
    publish(&npm, &package("one", "1.0.0").file("index.js", "module.exports = 1\n")).await;

    let packument = http.get("/one").send().await.assert_status(200).json();
    let tarball = packument["versions"]["1.0.0"]["dist"]["tarball"].as_str().unwrap();
    let path = tarball.strip_prefix(server.base_url()).unwrap();
    let redirected = http.get(path).send().await.assert_status(302);
    let signed = redirected.header("location").unwrap();
    assert!(signed.starts_with(&format!("{}/registry/team/", ministack.base_url())), "{signed}");
    let unsigned = signed.split_once('?').unwrap().0.strip_prefix(&ministack.base_url()).unwrap();
    let _ = HttpClient::new(&ministack.base_url()).get(unsigned).send().await.assert_status(403);

    let project = npm.home().project(&package("project", "0.0.0"));
    let _ = npm.run_in(&project, &["install", "one"]).await.assert_success();
    let installed = project.join("node_modules/one/index.js");
    assert_eq!(std::fs::read_to_string(installed).unwrap(), "module.exports = 1\n");
}

/// The client of the bucket sends such a write again, and then meets its own.
#[tokio::test]
async fn a_publish_whose_answer_from_the_bucket_was_lost_is_no_conflict() {
    let Some(ministack) = Ministack::start().await else { return };
    let proxy = StoreProxy::of(&ministack.base_url()).await;
    let server = start(&ministack.address().with("aws_endpoint", &proxy.base_url()), &[]).await;
    let http = HttpClient::new(server.base_url());
    let npm = Npm::with_token(server.base_url(), &sign_up(&http, "ana").await).await;
    for version in ["1.0.0", "1.1.0"] {
        proxy.lose_next_answer("/one/index.json", LostAnswer::BadGateway);
        publish(&npm, &package("one", version)).await;
        assert!(!proxy.is_about_to_lose(), "the packument of {version} was not written through the proxy");
    }
    let packument = http.get("/one").send().await.assert_status(200).json();
    let versions: Vec<_> = packument["versions"].as_object().unwrap().keys().collect();
    assert_eq!(versions, ["1.0.0", "1.1.0"]);
}

#[tokio::test]
async fn a_bucket_that_would_lose_publishes_is_refused() {
    let s3rver = S3rver::start().await;
    let address = s3rver.address();
    let output =
        registry_server(&["--listen", "127.0.0.1:0", "--log", "off", "--storage", "s3://registry/team"])
            .envs(address.environment())
            .output()
            .unwrap();
    assert_eq!(
        stderr_of_failure(&output, 1),
        "registry-server: the storage s3://registry/team cannot be used: this store ignores If-None-Match: \
         8 creations of one key succeeded, so publishes would be lost; use a store with conditional writes, or \
         turn them on\n"
    );
    assert_eq!(keys(&address).await, Vec::<String>::new());
}

#[test]
fn a_wrong_option_is_told_with_the_right_one_and_without_secrets() {
    for (option, told) in [
        (
            "aws_regoin = \"eu-west-1\"",
            "`aws_regoin` is not an option of s3:// storage; did you mean `aws_region`?",
        ),
        (
            "colour = \"blue\"",
            "`colour` is not an option of s3:// storage; see the options of the storage in the guide to the configuration",
        ),
        (
            "timeout = \"soon\"",
            "`soon` cannot be timeout; write a number and a unit, such as `10 s` or `500 ms`, of at most 1 h",
        ),
        (
            "retry_timeout = \"1 h\"",
            "`1 h` cannot be retry_timeout; write a number and a unit, such as `10 s` or `500 ms`, of at most 5 min",
        ),
    ] {
        let config = tempfile::NamedTempFile::with_suffix(".toml").unwrap();
        let options = format!("options = {{ aws_secret_access_key = \"hush\", {option} }}");
        std::fs::write(&config, format!("[storage]\nurl = \"s3://registry/team\"\n{options}\n")).unwrap();
        let output =
            run(&["--listen", "127.0.0.1:0", "--log", "off", "--config", config.path().to_str().unwrap()]);
        let said = stderr_of_failure(&output, 1);
        assert_eq!(said, format!("registry-server: cannot open the storage s3://registry/team: {told}\n"));
    }
}
