//! `registry-server log`, from outside.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use http::Method;
use registry_testkit::http_client::HttpClient;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::server_process::ServerProcess;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::running::{registry_server, run, stderr_of_failure};
use crate::support::{PASSWORD, account, sign_up, start_server, user_path};

/// A folder that two servers wrote to, one after the other, and that none writes to any more.
async fn busy_storage() -> tempfile::TempDir {
    let storage = tempfile::tempdir().unwrap();
    let (one, other) = (start_server(storage.path()).await, start_server(storage.path()).await);
    let http = [&one, &other].map(|server| HttpClient::new(server.base_url()));
    let ana = sign_up(&http[0], "ana").await;
    let pear = PublishDocument::new("pear", "1.0.0").build();
    let _ = http[0].put("/pear").bearer(&ana).json(&pear).send().await.assert_status(201);
    let ben = sign_up(&http[1], "ben").await;
    let pear = PublishDocument::new("pear", "1.1.0").build();
    let _ = http[1].put("/pear").bearer(&ben).json(&pear).send().await.assert_status(403);
    let _ = http[1].put("/pear").json(&pear).send().await.assert_status(401);
    let wrong = account("ana", "open sesame");
    let _ = http[1].put(&user_path("ana")).json(&wrong).send().await.assert_status(401);
    // A server that is told to stop delivers what it has.
    assert!(one.stop().await.success());
    assert!(other.stop().await.success());
    storage
}

#[tokio::test]
async fn the_log_is_read_and_filtered_from_the_storage() {
    let storage = busy_storage().await;
    let url = format!("file:{}", storage.path().display());
    let show = |arguments: &[&str]| {
        let output = run(&[&["log", "--storage", &url], arguments].concat());
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let everything = show(&[]);
    let without_time: Vec<&str> = everything.lines().map(|line| line.split_once(' ').unwrap().1).collect();
    let integrity = without_time[1].split(' ').find(|part| part.starts_with("integrity=sha512-")).unwrap();
    assert_eq!(
        without_time,
        [
            "ana 127.0.0.1 signed-up -",
            &format!(
                "ana 127.0.0.1 published pear version=1.0.0 tag=latest {integrity} \
                 (publish allowed-to-owners by rule 1 **: @authenticated in publish)"
            ),
            "ben 127.0.0.1 signed-up -",
            "ben 127.0.0.1 denied pear action=publish (denied by ownership, as the user is no owner of the package; by the \
             rules alone: publish allowed-to-owners by rule 1 **: @authenticated in publish)",
            "- 127.0.0.1 denied pear action=publish (publish denied by rule 1 **)",
            "- 127.0.0.1 login-failed - name=ana",
        ]
    );
    let lines = |arguments: &[&str]| show(arguments).lines().count();
    assert_eq!(lines(&["--user", "ana"]), 3);
    assert_eq!(lines(&["--user", "ben"]), 2);
    assert_eq!(lines(&["--package", "pear"]), 3);
    assert_eq!(lines(&["--action", "published"]), 1);
    assert_eq!(lines(&["--action", "publish"]), 3);
    assert_eq!(lines(&["--denied"]), 3);
    assert_eq!(lines(&["--denied", "--user", "ben", "--package", "pear"]), 1);
    assert_eq!(lines(&["--since", "1h"]), 6);
    assert_eq!(lines(&["--until", "1h"]), 0);
    let json: Vec<Value> =
        show(&["--json", "--user", "ben"]).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(json[1]["access"]["verdict"], "allowed-to-owners");
    assert_eq!(json[1]["kind"], "denied");

    let secrets = format!("npm_[0-9A-Za-z]{{36}}|open sesame|{PASSWORD}");
    let found = Command::new("grep").args(["-rlE", &secrets]).arg(storage.path()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "", "a secret is in the storage");

    for (action, told) in [("foo", "logged-in"), ("publishd", "'published'"), ("Published", "'published'")] {
        let stderr = stderr_of_failure(&run(&["log", "--storage", &url, "--action", action]), 2);
        assert!(stderr.contains(told), "no {told} in {stderr}");
    }
    let refused = run(&["log", "--storage", &url, "--since", "yesterday"]);
    assert!(stderr_of_failure(&refused, 1).contains("\"yesterday\" is not a time"));
}

/// A denial names what denied it, and not the rule that would allow it.
#[tokio::test]
async fn the_log_says_what_denied_a_request() {
    let storage = tempfile::tempdir().unwrap();
    let server = start_server(storage.path()).await;
    let http = HttpClient::new(server.base_url());
    let (ana, ben) = (sign_up(&http, "ana").await, sign_up(&http, "ben").await);
    let publish = PublishDocument::new("@acme/pear", "1.0.0").build();
    let _ = http.put("/@acme%2fpear").bearer(&ana).json(&publish).send().await.assert_status(201);
    let restricted = json!({ "access": "restricted" });
    let path = "/-/package/@acme%2fpear/access";
    let restricted = http.request(Method::POST, path).bearer(&ana).json(&restricted).send().await;
    assert!(restricted.status.is_success(), "{}", restricted.text());
    let token = async |options: Value| {
        let made = http
            .request(Method::POST, "/-/npm/v1/tokens")
            .bearer(&ana)
            .json(&options)
            .send()
            .await
            .assert_status(201);
        made.json()["token"].as_str().unwrap().to_owned()
    };
    let reader = token(json!({ "password": PASSWORD, "readonly": true })).await;
    let elsewhere = token(json!({ "password": PASSWORD, "cidr_whitelist": ["192.0.2.0/24"] })).await;
    let next = PublishDocument::new("@acme/pear", "1.1.0").build();
    let _ = http.put("/@acme%2fpear").bearer(&reader).json(&next).send().await.assert_status(403);
    let _ = http.get("/@acme%2fpear").bearer(&elsewhere).send().await.assert_status(401);
    let _ = http.get("/@acme%2fpear").bearer(&ben).send().await.assert_status(404);
    let _ = http.get("/-/npm/v1/tokens").bearer(&reader).send().await.assert_status(200);
    assert!(server.stop().await.success());

    let url = format!("file:{}", storage.path().display());
    let show = |flag: &[&str]| {
        let output = run(&[&["log", "--storage", &url, "--denied"], flag].concat());
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let text = show(&[]);
    let without_time: Vec<&str> = text.lines().map(|line| line.split_once(' ').unwrap().1).collect();
    assert_eq!(
        without_time,
        [
            "ana 127.0.0.1 denied @acme/pear action=publish (denied by the limits of the token; by the rules alone: \
             publish allowed-to-owners by rule 1 **: @authenticated in publish)",
            "ana 127.0.0.1 credential-refused - reason=token used outside its networks",
            "ben 127.0.0.1 denied @acme/pear action=read (denied by the package, which its owners made private; by the \
             rules alone: read allowed by rule 1 **: @authenticated in publish)",
        ]
    );
    let json: Vec<Value> =
        show(&["--json"]).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(json[0]["by"], "token");
    assert_eq!(json[1]["reason"], "token-elsewhere");
    assert_eq!(json[2]["by"], "private-package");
}

#[tokio::test]
async fn the_log_is_followed_as_it_grows() {
    let storage = tempfile::tempdir().unwrap();
    let server = start_server(storage.path()).await;
    let http = HttpClient::new(server.base_url());
    sign_up(&http, "ana").await;
    let url = format!("file:{}", storage.path().display());
    let command = registry_server(&["log", "--follow", "--storage", &url]);
    let mut following = tokio::process::Command::from(command).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    let mut next = async || {
        let line = tokio::time::timeout(Duration::from_secs(30), lines.next_line()).await;
        line.unwrap().unwrap().unwrap()
    };
    assert!(next().await.ends_with("ana 127.0.0.1 signed-up -"));
    for name in ["ben", "eve"] {
        sign_up(&http, name).await;
        let line = next().await;
        assert!(line.ends_with(&format!("{name} 127.0.0.1 signed-up -")), "{line}");
    }
}

#[tokio::test]
async fn a_server_that_stops_tells_what_it_only_counted() {
    let storage = tempfile::tempdir().unwrap();
    let server = start_server(storage.path()).await;
    let http = HttpClient::new(server.base_url());
    let pear = PublishDocument::new("pear", "1.0.0").build();
    for _ in 0..30 {
        let _ = http.put("/pear").json(&pear).send().await.assert_status(401);
    }
    assert!(server.stop().await.success());
    let url = format!("file:{}", storage.path().display());
    let shown = run(&["log", "--storage", &url, "--json", "--denied"]);
    assert!(shown.status.success(), "{shown:?}");
    let shown = String::from_utf8(shown.stdout).unwrap();
    let lines = shown.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let told: u64 = lines.map(|line| line["count"].as_u64().unwrap_or(1)).sum();
    assert_eq!(told, 30, "{shown}");
}

#[tokio::test]
async fn the_log_can_be_turned_off() {
    let storage = tempfile::tempdir().unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_registry-server"));
    let arguments = ["--config", "log.audit = false"];
    let server = ServerProcess::start(binary, &arguments, storage.path()).await;
    sign_up(&HttpClient::new(server.base_url()), "ana").await;
    assert!(server.stop().await.success());
    assert!(!storage.path().join("objects/_log").exists());
    assert!(storage.path().join("objects/_accounts").exists());
}
