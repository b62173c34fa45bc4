//! Access rules from outside: `access explain`, and SIGHUP.

use std::path::Path;
use std::process::Output;

use registry_testkit::http_client::HttpClient;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::server_process::ServerProcess;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::running::{run, stderr_of_failure, wait_for};
use crate::support::sign_up;

const RULES: &str = r#"
[[packages]]
match = "@acme/*"
read = ["group:local:crew"]
publish = ["user:ana"]

[[packages]]
match = "@old/*"
publish = ["user:ana"]
origin = ["npm"]

[[packages]]
match = "pe*"
read = ["@all"]
publish = ["@authenticated"]
administer = ["group:local:Admins"]

[upstreams.npm]
url = "http://127.0.0.1:9/"
"#;

/// A server with a configuration file that a test writes again.
struct Configured {
    server: ServerProcess,
    folder: TempDir,
}

impl Configured {
    async fn start(configuration: &str) -> Self {
        let folder = TempDir::with_prefix("configured-").unwrap();
        let file = folder.path().join("registry.toml");
        std::fs::write(&file, configuration).unwrap();
        let arguments = ["--config", file.to_str().unwrap()];
        let binary = Path::new(env!("CARGO_BIN_EXE_registry-server"));
        let server = ServerProcess::start(binary, &arguments, &folder.path().join("storage")).await;
        Self { server, folder }
    }

    fn http(&self) -> HttpClient {
        HttpClient::new(self.server.base_url())
    }

    /// Writes the configuration again, sends SIGHUP and waits until the log has `said` once more than before.
    fn change(&self, configuration: &str, said: &str) -> String {
        let times = |log: &str| log.matches(said).count();
        let before = times(&self.server.stderr());
        std::fs::write(self.folder.path().join("registry.toml"), configuration).unwrap();
        let process = self.server.id().and_then(|id| Pid::from_raw(id.cast_signed())).unwrap();
        kill_process(process, Signal::HUP).unwrap();
        wait_for(said, || Some(self.server.stderr()).filter(|log| times(log) > before))
    }
}

const OPEN: &str = "[[packages]]\nmatch = \"**\"\nread = [\"@all\"]\npublish = [\"@authenticated\"]\n";
const CLOSED: &str = "[[packages]]\nmatch = \"**\"\nread = [\"user:ana\"]\npublish = [\"user:ana\"]\n";
const READ_AGAIN: &str = "SIGHUP: the access rules and the policies were read again and apply from now on";
const WRONG: &str = "SIGHUP: the configuration is wrong, so everything stays as it was";

#[tokio::test]
async fn sighup_changes_the_rules_of_a_running_server() {
    let registry = Configured::start(OPEN).await;
    let http = registry.http();
    let ana = sign_up(&http, "ana").await;
    let document = PublishDocument::new("pear", "1.0.0").build();
    let _ = http.put("/pear").bearer(&ana).json(&document).send().await.assert_status(201);
    let _ = http.get("/pear").send().await.assert_status(200);

    registry.change(CLOSED, READ_AGAIN);
    let _ = http.get("/pear").send().await.assert_status(401);
    let _ = http.get("/pear").bearer(&ana).send().await.assert_status(200);

    // What is wrong changes nothing, and the log says what is.
    for (broken, why) in [
        ("[[packages]]\nmatch = \"[\"", "the rule at line 1"),
        ("[[pack", "line 1: this is not TOML"),
        (
            "[[packages]]\nmatch = \"**\"\norigin = [\"npm\"]\n[upstreams.npm]\nurl = \"http://127.0.0.1:9\"",
            "upstreams that the server was started with",
        ),
    ] {
        let log = registry.change(broken, WRONG);
        assert!(log.contains(why), "no {why} in {log}");
        let _ = http.get("/pear").send().await.assert_status(401);
    }

    // What only a restart can change is said, and the rules beside it change all the same.
    let log =
        registry.change(&format!("path_prefix = \"/x\"\n[accounts]\nsign_up = false\n{OPEN}"), READ_AGAIN);
    assert!(log.contains("wait for a restart: path_prefix, accounts"), "{log}");
    let _ = http.get("/pear").send().await.assert_status(200);
    assert!(registry.server.stop().await.success());
}

#[tokio::test]
async fn sighup_reports_a_changed_storage_option_and_hides_its_value() {
    let with_key = |key: &str| format!("[storage.options]\naws_secret_access_key = \"{key}\"\n{OPEN}");
    let registry = Configured::start(&with_key("first-key")).await;
    let log = registry.change(&with_key("second-key"), READ_AGAIN);
    assert!(log.contains("wait for a restart: storage\n"), "{log}");
    assert!(!log.contains("-key"), "{log}");
    assert!(registry.server.stop().await.success());
}

#[tokio::test]
async fn sighup_without_a_file_is_no_end() {
    let storage = TempDir::new().unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_registry-server"));
    let server = ServerProcess::start(binary, &[], storage.path()).await;
    let process = server.id().and_then(|id| Pid::from_raw(id.cast_signed())).unwrap();
    kill_process(process, Signal::HUP).unwrap();
    wait_for("the log line", || server.stderr().contains("started without --config").then_some(()));
    let _ = HttpClient::new(server.base_url()).get("/-/ping").send().await.assert_status(200);
    assert!(server.stop().await.success());
}

#[track_caller]
fn assert_explained(output: &Output, code: i32, expected: &str) {
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    assert_eq!((output.status.code(), &*output.stderr), (Some(code), &b""[..]), "{output:?}");
}

#[tokio::test]
async fn explain_tells_which_rule_decides() {
    let registry = Configured::start(RULES).await;
    let http = registry.http();
    let ana = sign_up(&http, "ana").await;
    let document = PublishDocument::new("pebble", "1.0.0").build();
    let _ = http.put("/pebble").bearer(&ana).json(&document).send().await.assert_status(201);

    let config = registry.folder.path().join("registry.toml");
    let storage = format!("file:{}", registry.folder.path().join("storage").display());
    let explain = |arguments: &[&str]| {
        let common = ["access", "explain", "--config", config.to_str().unwrap(), "--storage", &storage];
        run(&[&common, arguments].concat())
    };
    assert_explained(
        &explain(&["ana", "publish", "@acme/web"]),
        0,
        "ana may publish @acme/web\n\
         rule: number 1, match = \"@acme/*\", which has user:ana in publish\n\
         account: known to local accounts\n\
         groups: none\n",
    );
    assert_explained(
        &explain(&["ben", "read", "@acme/web"]),
        3,
        "ben may not read @acme/web\n\
         rule: number 1, match = \"@acme/*\", which does not list this user\n\
         account: unknown; treated as a signed-in user with this name\n\
         groups: none\n",
    );
    assert_explained(
        &explain(&["ben", "read", "@acme/web", "--group", "local:crew", "--group", "other"]),
        0,
        "ben may read @acme/web\n\
         rule: number 1, match = \"@acme/*\", which has group:local:crew in read\n\
         account: unknown; treated as a signed-in user with this name\n\
         groups: local:crew, other\n",
    );
    assert_explained(
        &explain(&["ana", "administer", "pebble"]),
        0,
        "ana may administer pebble\n\
         rule: number 3, match = \"pe*\", which has @authenticated in publish, for packages they own\n\
         owners: ana\n\
         account: known to local accounts\n\
         groups: none\n",
    );
    assert_explained(
        &explain(&["ben", "publish", "pebble"]),
        3,
        "ben may not publish pebble\n\
         rule: number 3, match = \"pe*\", which has @authenticated in publish, for packages they own\n\
         owners: ana\n\
         account: unknown; treated as a signed-in user with this name\n\
         groups: none\n",
    );
    assert_explained(
        &explain(&["ben", "publish", "pear"]),
        0,
        "ben may publish pear\n\
         rule: number 3, match = \"pe*\", which has @authenticated in publish, for packages they own\n\
         owners: none yet: the package does not exist, and its first publisher will own it\n\
         account: unknown; treated as a signed-in user with this name\n\
         groups: none\n",
    );
    assert_explained(
        &explain(&["ana", "publish", "@old/web"]),
        3,
        "ana may not publish @old/web\n\
         rule: number 2, match = \"@old/*\", which has user:ana in publish\n\
         origin: packages of this name come from an upstream and are never published here\n\
         account: known to local accounts\n\
         groups: none\n",
    );
    assert_explained(
        &explain(&["anonymous", "read", "pebble"]),
        0,
        "a caller who is not signed in may read pebble\nrule: number 3, match = \"pe*\", which has @all in read\n",
    );
    assert_explained(
        &explain(&["anonymous", "read", "left-pad"]),
        3,
        "a caller who is not signed in may not read left-pad\n\
         rule: none matches left-pad, and what no rule allows is denied\n",
    );
    assert_explained(
        &explain(&["anonymous", "read", "@acme/web"]),
        3,
        "a caller who is not signed in may not read @acme/web\n\
         rule: number 1, match = \"@acme/*\", which does not list @all in read\n",
    );
    assert_explained(
        &explain(&["anonymous", "publish", "pear"]),
        3,
        "a caller who is not signed in may not publish pear\n\
         rule: number 3, match = \"pe*\"; whatever a rule lists, only signed-in users change packages\n",
    );
    stderr_of_failure(&explain(&["ana", "read", "../etc"]), 1);
    stderr_of_failure(&explain(&["ana", "eat", "pear"]), 2);
}
