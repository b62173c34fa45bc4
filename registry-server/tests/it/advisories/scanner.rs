use std::path::Path;

use registry_testkit::clients::{BUN, Client, Npm, package};
use registry_testkit::http_client::HttpClient;
use registry_testkit::server_process::ServerProcess;

use super::*;
use crate::support::{publish, sign_up};

const SCANNER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scanner");

/// A server that refuses what advisories from `high` on name, and an account on it.
async fn server(place: &Place) -> (ServerProcess, String) {
    let settings = "[advisories]\nseconds = 0\n[[policy]]\nmatch = \"**\"\nadvisories = \"high\"\n\
                    [[packages]]\nmatch = \"**\"\nread = [\"@authenticated\"]\npublish = [\"@authenticated\"]\n";
    let binary = Path::new(env!("CARGO_BIN_EXE_registry-server"));
    let server = ServerProcess::start(binary, &["--config", settings], place.storage.path()).await;
    let token = sign_up(&HttpClient::new(server.base_url()), "ana").await;
    (server, token)
}

fn named(package: &str, severity: &str) -> String {
    let mut advisory = advisory("GHSA-1", package);
    advisory["database_specific"]["severity"] = severity.into();
    advisory.to_string()
}

#[tokio::test]
async fn bun_asks_the_registry_about_each_version_and_those_from_elsewhere() {
    let place = Place::new();
    let harmless = place.file("harmless.json", named("fig", "HIGH").as_bytes());
    let _ = stdout(&place.update(&harmless));
    let (server, token) = server(&place).await;
    let npm = Npm::with_token(server.base_url(), &token).await;
    for (name, version) in [("pear", "1.0.0"), ("plum", "1.0.0")] {
        publish(&npm, &package(name, version)).await;
    }
    // Published as an operator would.
    let work = npm.home().work_folder();
    let packed = npm.run_in(&work, &["pack", SCANNER]).await.assert_success();
    let _ = packed.assert_printed("registry-security-scanner-0.1.0.tgz");
    let _ = npm.run_in(&work, &["publish", "./registry-security-scanner-0.1.0.tgz"]).await.assert_success();

    let bun = Client::with_token(&BUN, server.base_url(), &token).await;
    let app = bun.home().project(&package("app", "1.0.0").dependency("pear", "^1.0.0"));
    let _ = bun.run_in(&app, &["add", "--dev", "registry-security-scanner"]).await.assert_success();
    fs::write(app.join("bunfig.toml"), "[install.security]\nscanner = \"registry-security-scanner\"\n")
        .unwrap();
    let _ = bun.run_in(&app, &["add", "plum"]).await.assert_success();

    // A tarball of a name that an advisory names, which does not come from the registry.
    let tarball = registry_testkit::tarball::Tarball::new("fig", "1.0.0").pack();
    fs::write(app.join("fig-1.0.0.tgz"), tarball).unwrap();
    let refused = bun.run_in(&app, &["add", "./fig-1.0.0.tgz"]).await.assert_failure();
    let _ = refused.assert_printed("is named by the advisory GHSA-1 (high; fixed in 1.1.0)");
    assert!(!app.join("node_modules/fig").exists());

    // Below the threshold it warns, and without a terminal bun takes a warning for a no.
    let mild = place.file("mild.json", named("fig", "LOW").as_bytes());
    let _ = stdout(&place.update(&mild));
    let warned = bun.run_in(&app, &["add", "./fig-1.0.0.tgz"]).await;
    let _ = warned.assert_printed("fig@1.0.0 is named by the advisory GHSA-1 (low): Pears rot");

    let bun = bun.with_variable("SCANNER_WARNINGS", "off");
    let _ = bun.run_in(&app, &["add", "./fig-1.0.0.tgz"]).await.assert_success();
    assert!(app.join("node_modules/fig").exists());
    let _ = bun.run_in(&app, &["remove", "fig"]).await;

    // The registry does not tell, so nothing is installed.
    drop(server);
    let silent = bun.run_in(&app, &["add", "./fig-1.0.0.tgz"]).await.assert_failure();
    assert!(!app.join("node_modules/fig").exists(), "{silent}");
}

#[tokio::test]
async fn many_versions_are_checked_at_once() {
    let place = Place::new();
    let database = place.file("database.json", named("fig", "HIGH").as_bytes());
    let _ = stdout(&place.update(&database));
    let (server, token) = server(&place).await;
    let npm = Npm::with_token(server.base_url(), &token).await;
    publish(&npm, &package("pear", "1.0.0")).await;
    let http = HttpClient::new(server.base_url());
    let asked = json!({ "packages": [
        { "name": "fig", "version": "1.0.0", "elsewhere": true },
        { "name": "pear", "version": "1.0.0" },
        { "name": "fig", "version": "1.1.0" },
        { "name": "not a name", "version": "1.0.0" },
    ] });
    let checked = http
        .request(http::Method::POST, "/-/policy/check")
        .bearer(&token)
        .json(&asked)
        .send()
        .await
        .assert_status(200)
        .json();
    let allowed: Vec<_> = checked["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["name"].as_str().unwrap(),
                one["version"].as_str().unwrap(),
                one["allowed"].as_bool().unwrap(),
                one["unknown"] == true,
            )
        })
        .collect();
    assert_eq!(
        allowed,
        [
            ("fig", "1.0.0", false, false),
            ("fig", "1.1.0", true, false),
            ("pear", "1.0.0", true, false),
            ("not a name", "1.0.0", true, true),
        ]
    );
    let refused = &checked["packages"][0];
    assert_eq!(refused["refusal"]["rule"], "advisories");
    assert_eq!(refused["advisories"][0]["id"], "GHSA-1");
    // Nothing is said to a stranger, who may read nothing.
    let unknown = http
        .request(http::Method::POST, "/-/policy/check")
        .json(&asked)
        .send()
        .await
        .assert_status(200)
        .json();
    assert!(unknown["packages"].as_array().unwrap().iter().all(|one| one["unknown"] == true), "{unknown}");
    let _ = http
        .request(http::Method::POST, "/-/policy/check")
        .bearer(&token)
        .json(&json!({ "packages": 7 }))
        .send()
        .await
        .assert_status(400);
}
