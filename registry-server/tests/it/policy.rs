//! Policies on versions, with the real npm and the commands of an operator.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use registry_testkit::clients::{Npm, package};
use registry_testkit::server_process::ServerProcess;
use serde_json::Value;
use tempfile::TempDir;

use crate::running::run;
use crate::support::{Registry, publish, sign_up};

/// Two registries: one with a good and a bad version of `pear`, and one in front of it with these settings.
struct World {
    upstream: Registry,
    front: ServerProcess,
    storage: TempDir,
    settings: String,
}

impl World {
    async fn start(settings: &str) -> Self {
        let upstream = Registry::start().await;
        let ana = upstream.user("ana").await;
        publish(&ana, &package("pear", "1.0.0")).await;
        publish(&ana, &package("pear", "1.1.0")).await;
        let storage = TempDir::with_prefix("policy-").unwrap();
        let settings = format!(
            "{settings}\n[block_list]\nseconds = 0\n[upstreams.npm]\nurl = \"{}\"\n[[packages]]\nmatch = \"**\"\n\
             read = [\"@all\"]\npublish = [\"@authenticated\"]\nadminister = [\"user:ada\"]\norigin = [\"hosted\", \"npm\"]\n",
            upstream.server.base_url()
        );
        let binary = Path::new(env!("CARGO_BIN_EXE_registry-server"));
        let front = ServerProcess::start(binary, &["--config", &settings], storage.path()).await;
        Self { upstream, front, storage, settings }
    }

    /// Runs `registry-server policy …` on the storage.
    fn policy(&self, arguments: &[&str]) -> Output {
        self.operate(&[&["policy"], arguments].concat())
    }

    /// Runs a command on the storage.
    fn operate(&self, command: &[&str]) -> Output {
        let storage = format!("file:{}", self.storage.path().display());
        run(&[command, &["--config", &self.settings, "--storage", &storage]].concat())
    }

    async fn status(&self, path: &str) -> u16 {
        let http = registry_testkit::http_client::HttpClient::new(self.front.base_url());
        http.get(path).send().await.status.as_u16()
    }
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

const BAD: &str = "/pear/-/pear-1.1.0.tgz";

#[tokio::test]
async fn npm_installs_what_is_allowed_and_says_why_not_the_rest() {
    let world = World::start(
        "[[policy]]\nmatch = \"**\"\norigin = [\"npm\"]\nblock = [\"pear@1.1.0\"]\ncontact = \"ask #security\"\n",
    )
    .await;
    let npm = Npm::new(world.front.base_url()).await;
    let app = npm.home().project(&package("app", "1.0.0").dependency("pear", "^1.0.0"));
    let installed = npm.run_in(&app, &["install"]).await.assert_success();
    let manifest = std::fs::read_to_string(app.join("node_modules/pear/package.json")).unwrap();
    assert!(manifest.contains("\"1.0.0\""), "{manifest}");
    assert!(
        installed.stderr.contains("pear@1.1.0 is hidden: it is blocked by pear@1.1.0"),
        "{}",
        installed.stderr
    );

    let other = npm.home().project(&package("other", "1.0.0"));
    let refused = npm.run_in(&other, &["install", "pear@1.1.0"]).await.assert_failure();
    assert!(refused.stderr.contains("No matching version found for pear@1.1.0"), "{}", refused.stderr);
    assert!(refused.stderr.contains("ask #security"), "{}", refused.stderr);

    // A lock file from a registry without the rule.
    let open = Npm::new(world.upstream.server.base_url()).await;
    let locked = open.home().project(&package("locked", "1.0.0").dependency("pear", "^1.0.0"));
    let _ = open.run_in(&locked, &["install"]).await.assert_success();
    let lock = std::fs::read_to_string(locked.join("package-lock.json")).unwrap();
    assert!(lock.contains("pear-1.1.0.tgz"), "{lock}");
    let again = npm.home().project(&package("again", "1.0.0").dependency("pear", "^1.0.0"));
    let lock =
        lock.replace(world.upstream.server.base_url(), world.front.base_url()).replace("locked", "again");
    std::fs::write(again.join("package-lock.json"), lock).unwrap();
    let refused = npm.run_in(&again, &["ci"]).await.assert_failure();
    assert!(refused.stderr.contains("403"), "{}", refused.stderr);
    assert!(refused.stderr.contains("is blocked by pear@1.1.0 (rule block"), "{}", refused.stderr);
    assert!(!again.join("node_modules/pear").exists());
}

#[tokio::test]
async fn an_operator_blocks_versions_of_a_running_server_and_asks_why() {
    let world = World::start("[[policy]]\nmatch = \"**\"\nminimum_age = \"1 second\"\n").await;
    assert_eq!(stdout(&world.policy(&["list"])), "");
    let blocked = stdout(&world.policy(&["block", "pear@>=1.1.0 <2", "--reason", "worm", "--until", "30d"]));
    assert!(blocked.starts_with("blocked pear@>=1.1.0 <2 since "), "{blocked}");
    assert!(blocked.contains(" until ") && blocked.ends_with(": worm\n"), "{blocked}");
    assert_eq!(world.status(BAD).await, 403);
    assert_eq!(format!("blocked {}", stdout(&world.policy(&["list"]))), blocked);
    let listed: Value = serde_json::from_str(&stdout(&world.policy(&["list", "--json"]))).unwrap();
    assert_eq!((&listed["package"], &listed["versions"]), (&"pear".into(), &">=1.1.0 <2".into()));

    let explained = world.policy(&["explain", "pear"]);
    assert_eq!(explained.status.code(), Some(3), "{}", String::from_utf8_lossy(&explained.stderr));
    let text = String::from_utf8(explained.stdout).unwrap();
    assert!(text.contains("1.0.0 served: minimum_age of policy 1, match = \"**\""), "{text}");
    assert!(text.contains("1.1.0 refused: it is blocked: worm (rule block, until "), "{text}");
    assert!(stdout(&world.policy(&["explain", "pear@1.0.0"])).starts_with("1.0.0 served"));

    let unknown = world.policy(&["unblock", "pear@2.x"]);
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("pear@2.x is not in the list"));
    assert_eq!(
        stdout(&world.policy(&["unblock", "pear@>=1.1.0 <2"])),
        "no longer blocked: pear@>=1.1.0 <2\n"
    );
    // It may be younger than a second still.
    let is_served = async {
        while world.status(BAD).await != 200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(30), is_served).await.is_ok(), "it stays blocked");
    for (arguments, said) in [
        (&["block", "pear@new", "--reason", "x"][..], "is not a range"),
        (&["block", "a b", "--reason", "x"], "name"),
        (&["block", "pear", "--reason", " "], "needs a reason"),
        (&["block", "pear", "--reason", "x", "--until", "2020-01-01"], "in the past"),
        (&["block", "pear", "--reason", "x", "--until", "soon"], "is not a time"),
    ] {
        let refused = world.policy(arguments);
        assert_eq!(refused.status.code(), Some(1));
        let stderr = String::from_utf8_lossy(&refused.stderr);
        assert!(stderr.contains(said), "{arguments:?}: {stderr}");
    }
    assert_eq!(stdout(&world.policy(&["list"])), "");

    let storage = format!("file:{}", world.storage.path().display());
    let log =
        stdout(&run(&["log", "--package", "pear", "--action", "versions-blocked", "--storage", &storage]));
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(log.contains("versions-blocked pear") && log.contains("reason=worm"), "{log}");
}

#[tokio::test]
async fn an_operator_recalls_a_version_and_learns_who_has_it() {
    let world = World::start("[log]\ndownloads = true\n[downloads]\nflush_seconds = 1\n").await;
    assert_eq!(world.status(BAD).await, 200);
    assert_eq!(world.status("/pear/-/pear-1.0.0.tgz").await, 200);
    // The server writes its counts once a second, and its audit log at about the same time.
    let counted = async {
        while !stdout(&world.operate(&["recall", "report", "pear@1.1.0"])).contains("downloaded by\n") {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        while !stdout(&world.operate(&["recall", "report", "pear@1.1.0"])).contains("was downloaded 1 times")
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_mins(1), counted).await.is_ok(), "nothing is counted");
    let recalled = stdout(&world.operate(&["recall", "pear@1.1.0", "--reason", "steals tokens"]));
    assert!(recalled.starts_with("recalled pear@1.1.0 recalled since "), "{recalled}");
    assert!(recalled.contains(": steals tokens\npear@1.1.0 was downloaded 1 times"), "{recalled}");
    assert!(recalled.contains("anonymous from 127.0.0.1"), "{recalled}");
    assert!(recalled.contains("not recorded\n") && recalled.contains("caches of clients"), "{recalled}");
    assert_eq!(world.status(BAD).await, 403);
    let listed = stdout(&world.operate(&["recall", "list", "--json"]));
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!((&listed["versions"], &listed["recalled"]), (&"1.1.0".into(), &"request".into()));
    let blocks = stdout(&world.policy(&["list"]));
    assert!(blocks.contains("pear@1.1.0 recalled since"), "{blocks}");
    let not_blocked = world.policy(&["unblock", "pear@1.1.0"]);
    assert!(String::from_utf8_lossy(&not_blocked.stderr).contains("is not in the list of blocked versions"));
    assert_eq!(stdout(&world.operate(&["recall", "undo", "pear@1.1.0"])), "no longer recalled: pear@1.1.0\n");
    assert_eq!(world.status(BAD).await, 200);
    for (arguments, said) in [
        (&["recall", "pear", "--reason", "x"][..], "names no version"),
        (&["recall", "pear@1.x", "--reason", "x"], "is no version"),
        (&["recall", "undo", "pear@1.1.0"], "is not recalled"),
    ] {
        let refused = world.operate(arguments);
        assert_eq!(refused.status.code(), Some(1));
        let stderr = String::from_utf8_lossy(&refused.stderr);
        assert!(stderr.contains(said), "{arguments:?}: {stderr}");
    }
    let incomplete = run(&["recall", "pear@1.1.0"]);
    assert_eq!(incomplete.status.code(), Some(2), "a recall says why");

    let rules = world.storage.path().join("new.toml");
    std::fs::write(&rules, "[[policy]]\nmatch = \"**\"\nminimum_age = \"7 days\"\n").unwrap();
    let simulate = ["simulate", "--since", "2d", "--policy", rules.to_str().unwrap()];
    let simulated = stdout(&world.policy(&simulate));
    // The second download of the bad version may not be counted yet.
    assert!(simulated.contains(" downloads refused by minimum_age: it was published on "), "{simulated}");
    assert!(
        simulated.contains(" downloads would have been refused, of 2 versions; 0 cannot be judged\n"),
        "{simulated}"
    );
    let lines = stdout(&world.policy(&[&simulate[..], &["--json"]].concat()));
    let total: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!((&total["refused"], &total["versions"]), (&total["downloads"], &2.into()), "{lines}");
    let without = world.policy(&["simulate"]);
    assert!(String::from_utf8_lossy(&without.stderr).contains("there is no rule to try"));
    std::fs::write(&rules, "[[policy]]\nmatch = \"**\"\nmaximum_age = \"7 days\"\n").unwrap();
    let wrong = world.policy(&simulate);
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("new.toml: "), "{wrong:?}");
}

/// npm reads the packument before it publishes, to compare the version with the highest one.
#[tokio::test]
async fn npm_publishes_and_unpublishes_while_versions_are_hidden() {
    let registry = Registry::configured(
        "[[policy]]\nmatch = \"**\"\nminimum_age = \"1 day\"\nexempt = [\"plum@1.x\"]\n\
         [[packages]]\nmatch = \"**\"\nread = [\"@all\"]\npublish = [\"@authenticated\"]\n",
    )
    .await;
    let ana = registry.user("ana").await;
    for version in ["1.0.0", "1.1.0"] {
        publish(&ana, &package("pear", version)).await;
    }
    let _ = registry.http().get("/pear").send().await.assert_status(403);
    for version in ["1.0.0", "1.1.0", "2.0.0"] {
        publish(&ana, &package("plum", version)).await;
    }
    let folder = ana.home().project(&package("app", "1.0.0"));
    let _ = ana.run_in(&folder, &["unpublish", "plum@1.0.0"]).await.assert_success();
    let _ = ana.run_in(&folder, &["deprecate", "plum@1.1.0", "old"]).await.assert_success();
    let shown = registry.http().get("/plum").send().await.assert_status(200).json();
    let versions: Vec<_> = shown["versions"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(versions, ["1.1.0"]);
    assert_eq!(shown["versions"]["1.1.0"]["deprecated"], "old");
    let stored = std::fs::read_to_string(registry.storage().join("objects/plum/index.json")).unwrap();
    assert!(stored.contains("\"latest\":\"2.0.0\""), "what the client did not see stays: {stored}");
}

#[tokio::test]
async fn sighup_freezes_a_running_server() {
    let upstream = Registry::start().await;
    let ana = upstream.user("ana").await;
    publish(&ana, &package("pear", "1.0.0")).await;
    let folder = TempDir::with_prefix("frozen-").unwrap();
    let file = folder.path().join("registry.toml");
    let settings = format!("[upstreams.npm]\nurl = \"{}\"\n", upstream.server.base_url());
    std::fs::write(&file, &settings).unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_registry-server"));
    let arguments = ["--config", file.to_str().unwrap()];
    let server = ServerProcess::start(binary, &arguments, &folder.path().join("storage")).await;
    let http = registry_testkit::http_client::HttpClient::new(server.base_url());
    let path = "/pear/-/pear-1.0.0.tgz";
    let _ = http.get(path).send().await.assert_status(200);

    let frozen = format!("{settings}[[policy]]\nmatch = \"**\"\nfreeze = \"2020-01-01T00:00:00Z\"\n");
    std::fs::write(&file, frozen).unwrap();
    let process = server.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed())).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::HUP).unwrap();
    crate::running::wait_for("the rules are read again", || {
        Some(()).filter(|()| server.stderr().contains("the policies were read again"))
    });
    let refused = http.get(path).send().await.assert_status(403);
    assert!(refused.error().contains("after the freeze of 2020-01-01T00:00:00Z"), "{}", refused.error());

    // An administrator's token is good for the list over HTTP.
    let token = sign_up(&http, "ana").await;
    let _ = http.get("/-/policy/blocks").bearer(&token).send().await.assert_status(200);
}
