use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::Value;

use super::{RULES, storage, with_pear};
use crate::running::{registry_server, run, stderr_of_failure};
use crate::support::Registry;

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
