use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use registry_testkit::fake_receiver::FakeReceiver;
use registry_testkit::http_client::HttpClient;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::server_process::ServerProcess;
use serde_json::{Value, json};

use super::{RULES, storage, with_pear};
use crate::running::{registry_server, run, stderr_of_failure};
use crate::support::{Registry, sign_up};

/// The checks that are wrong, and their advice. What the machine of the test lacks is left out.
fn wrong(stdout: &[u8]) -> Vec<(String, String)> {
    let stdout = std::str::from_utf8(stdout).unwrap();
    let checks = stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let text = |check: &Value, field: &str| check[field].as_str().unwrap_or_default().to_owned();
    let wrong = checks.filter(|check| check["state"] == "wrong");
    let wrong = wrong.map(|check| (text(&check, "check"), text(&check, "advice")));
    wrong.filter(|(check, _)| !["disk", "open files"].contains(&check.as_str())).collect()
}

/// The rules, and an upstream for a scope of its own.
fn rules_with_upstream(url: &str) -> String {
    let rule = "[[packages]]\nmatch = \"@up/*\"\nread = [\"@all\"]\norigin = [\"up\"]";
    format!("{rule}\n{RULES}\n[upstreams.up]\nurl = \"{url}\"")
}

#[tokio::test]
async fn a_healthy_server_passes_and_nothing_is_left_in_its_storage() {
    let registry = with_pear().await;
    fs::set_permissions(registry.storage(), fs::Permissions::from_mode(0o700)).unwrap();
    let upstream = Registry::start().await;
    let rules = rules_with_upstream(upstream.server.base_url());
    let output = run(&["doctor", "--storage", &storage(&registry), "--config", &rules]);
    assert_eq!(wrong(&output.stdout), [], "{output:?}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    for check in ["settings", "folder", "disk", "open files", "storage", "clock", "upstream"] {
        assert!(stdout.contains(&format!("{{\"check\":\"{check}\",")), "no {check} in {stdout}");
    }
    assert!(
        !registry.storage().join("objects/_probe").read_dir().is_ok_and(|mut files| files.next().is_some())
    );
}

#[tokio::test]
async fn what_is_wrong_comes_with_advice_and_an_exit_code() {
    let registry = with_pear().await;
    for folder in [registry.storage().to_owned(), registry.storage().join("objects")] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
    // Taken, and then free: no server is there.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let rules = rules_with_upstream(&format!("http://127.0.0.1:{port}"));
    let output = run(&["doctor", "--storage", &storage(&registry), "--config", &rules]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let wrong = wrong(&output.stdout);
    assert_eq!(wrong.iter().map(|(check, _)| check.as_str()).collect::<Vec<_>>(), ["folder", "upstream"]);
    assert!(wrong[0].1.starts_with("run chmod 700 "), "{wrong:?}");
    assert!(wrong[1].1.starts_with("check its url, its token"), "{wrong:?}");
}

#[tokio::test]
async fn few_open_files_a_missing_storage_and_invalid_settings_are_wrong() {
    let registry = with_pear().await;
    let binary = registry_server(&[]).get_program().to_owned();
    let mut shell = Command::new("sh");
    let limited = "ulimit -n 128; exec \"$0\" doctor --storage \"$1\" --config \"$2\"";
    let output = shell.args(["-c", limited]).arg(binary).args([&storage(&registry), RULES]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(
        stdout.contains("a process of this user may open 128") && stdout.contains("LimitNOFILE"),
        "{stdout}"
    );

    let elsewhere = format!("file:{}/nothing-here", registry.storage().display());
    let output = run(&["doctor", "--storage", &elsewhere, "--config", RULES]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(wrong(&output.stdout)[0].0, "storage");
    assert!(!registry.storage().join("nothing-here").exists());

    let output = run(&["doctor", "--listen", "0.0.0.0:80", "--storage", &storage(&registry)]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(wrong(&output.stdout)[0].0, "settings");
    let refused = stderr_of_failure(&run(&["doctor", "--storage", "memory:"]), 1);
    assert!(refused.contains("nothing persists in the storage memory"), "{refused}");
}

/// The doctor runs beside the server, and only reads what the server wrote down.
#[tokio::test]
async fn failing_deliveries_are_named_without_what_may_be_secret() {
    let folder = tempfile::TempDir::with_prefix("doctor-").unwrap();
    let (down, choosy) = (FakeReceiver::start().await, FakeReceiver::start().await);
    down.refuse("", 503);
    choosy.refuse("\"package\":\"pear\"", 422);
    let (secret, key) = (folder.path().join("secret"), folder.path().join("key"));
    fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
    fs::write(&key, "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n").unwrap();
    let (secret, key) = (secret.display().to_string(), key.display().to_string());
    let webhook = |name: &str, receiver: &FakeReceiver| {
        format!(
            "[webhooks.{name}]\nurl = \"{}/in-path?key=hidden\"\nsecret_file = {secret:?}\n",
            receiver.url()
        )
    };
    let hooks = format!("[hooks]\nkey_file = {key:?}\nallow_private_addresses = true\n");
    let webhooks = [webhook("down", &down), webhook("choosy", &choosy)].concat();
    let config = format!("public_url = \"http://npm.registry.example\"\n{RULES}\n{webhooks}{hooks}");
    let file = folder.path().join("registry.toml");
    fs::write(&file, config).unwrap();
    let (file, storage) = (file.display().to_string(), folder.path().join("storage"));
    let binary = Path::new(env!("CARGO_BIN_EXE_registry-server"));
    let server = ServerProcess::start(binary, &["--config", &file], &storage).await;
    let http = HttpClient::new(server.base_url());
    let token = sign_up(&http, "ana").await;
    let endpoint = format!("{}/of-ana?key=hidden", down.url());
    let hook = json!({ "type": "package", "name": "pear", "endpoint": endpoint, "secret": "swordfish" });
    let _ = http
        .request(http::Method::POST, "/-/npm/v1/hooks/hook")
        .bearer(&token)
        .json(&hook)
        .send()
        .await
        .assert_status(201);
    let document = PublishDocument::new("pear", "1.0.0").build();
    let _ = http.put("/pear").bearer(&token).json(&document).send().await.assert_status(201);
    // A second attempt begins after the first one is written down.
    let _ = (down.wait_for(3).await, choosy.wait_for(2).await);
    assert!(server.stop().await.success());

    let storage = format!("file:{}", storage.display());
    let output = run(&["doctor", "--storage", &storage, "--config", &file]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(
        !stdout.contains("hidden") && !stdout.contains("in-path") && !stdout.contains("of-ana"),
        "{stdout}"
    );
    let lines: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let message = |check: &str, start: &str| {
        let mut found = lines.iter().filter(|line| line["check"] == check);
        let found = found.find(|line| line["message"].as_str().unwrap().starts_with(start));
        let found = found.unwrap_or_else(|| panic!("no {start} in {stdout}"));
        (found["state"].as_str().unwrap().to_owned(), found["message"].as_str().unwrap().to_owned())
    };
    let (state, down) = message("deliveries", "[webhooks.down] at 127.0.0.1 fails since 20");
    assert!(state == "wrong" && down.contains("UTC: the answer was 503"), "{down}");
    assert!(down.ends_with("; 1 change not delivered"), "{down}");
    let (state, choosy) =
        message("deliveries", "[webhooks.choosy] at 127.0.0.1 refuses a change of 1 package");
    assert!(state == "warning" && choosy.contains("pear since 20"), "{choosy}");
    assert!(choosy.contains("the answer was 422 Unprocessable Entity; 1 change not delivered"), "{choosy}");
    let (state, hook) = message("hooks", "hook ");
    assert!(state == "warning" && hook.contains(" of ana at 127.0.0.1 fails since 20"), "{hook}");
}
