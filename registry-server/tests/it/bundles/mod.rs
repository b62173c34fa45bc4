//! The commands `bundle create`, `bundle apply` and `bundle key`, from outside.

mod clients;
mod killed;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use registry_testkit::http_client::HttpClient;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::server_process::ServerProcess;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::running::{registry_server, stderr_of_failure};
use crate::support::{Registry, sign_up, start_server};

/// A server in front of another one, and a folder for bundles.
struct Site {
    storage: TempDir,
    server: ServerProcess,
    token: String,
    upstream: Registry,
    upstream_token: String,
    files: TempDir,
}

/// Publishes a version with `dependencies`, as a client would.
async fn publish(base_url: &str, token: &str, document: &PublishDocument) {
    let body = document.build();
    let path = format!("/{}", body["_id"].as_str().unwrap().replace('/', "%2f"));
    let put = HttpClient::new(base_url).put(&path).bearer(token).json(&body);
    let _ = put.send().await.assert_status(201);
}

impl Site {
    /// Hosts `@acme/pear`, which needs `fig`, which the upstream has.
    async fn start() -> Self {
        let upstream = Registry::start().await;
        let upstream_token = sign_up(&upstream.http(), "eva").await;
        let fig = PublishDocument::new("fig", "1.0.0").file("index.js", b"module.exports = 'fig';\n");
        publish(upstream.server.base_url(), &upstream_token, &fig).await;
        let storage = TempDir::with_prefix("storage-").unwrap();
        let binary = Path::new(env!("CARGO_BIN_EXE_registry-server"));
        let arguments = ["--upstream", upstream.server.base_url()];
        let server = ServerProcess::start(binary, &arguments, storage.path()).await;
        let token = sign_up(&HttpClient::new(server.base_url()), "ana").await;
        let pear = PublishDocument::new("@acme/pear", "1.0.0")
            .field("dependencies", json!({ "fig": "^1.0.0" }))
            .file("index.js", b"module.exports = require('fig');\n");
        publish(server.base_url(), &token, &pear).await;
        let files = TempDir::with_prefix("bundles-").unwrap();
        Self { storage, server, token, upstream, upstream_token, files }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.files.path().join(file)
    }

    fn written(&self, file: &str, content: &str) -> String {
        let path = self.path(file);
        fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let upstream = self.upstream.server.base_url();
        on(self.storage.path(), &[arguments, &["--upstream", upstream]].concat())
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        finished(self.command(arguments)).await
    }

    /// Makes a bundle of lock files in the folder.
    async fn create(&self, bundle: &str, more: &[&str]) -> Output {
        let output = self.path(bundle).display().to_string();
        self.run(&[&["bundle", "create", "--output", &output], more].concat()).await
    }

    /// Makes a bundle of what `@acme/pear` needs.
    async fn created(&self, bundle: &str) {
        let lock = self.written("package-lock.json", &lock(&[("@acme/pear", "1.0.0"), ("fig", "1.0.0")]));
        let output = self.create(bundle, &["--lockfile", &lock]).await;
        assert!(output.status.success(), "{output:?}");
    }

    /// What `bundle key` prints, as a file.
    async fn key_file(&self) -> String {
        let printed = self.run(&["bundle", "key"]).await;
        assert!(printed.status.success(), "{printed:?}");
        self.written("team.pem", &String::from_utf8(printed.stdout).unwrap())
    }

    /// Applies a bundle of this site's to another storage.
    async fn apply(&self, storage: &Path, bundle: &str, more: &[&str]) -> Output {
        let bundle = self.path(bundle).display().to_string();
        finished(on(storage, &[&["bundle", "apply", &bundle], more].concat())).await
    }
}

/// The command on a storage, in an empty home.
fn on(storage: &Path, arguments: &[&str]) -> std::process::Command {
    let url = format!("file:{}", storage.display());
    let mut command = registry_server(&[arguments, &["--storage", &url]].concat());
    command.env("HOME", storage).current_dir(storage);
    command
}

async fn finished(mut command: std::process::Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

/// A storage that a server began, which knows no other registry.
async fn other_storage() -> TempDir {
    let folder = TempDir::with_prefix("other-").unwrap();
    assert!(start_server(folder.path()).await.stop().await.success());
    folder
}

/// A `package-lock.json` of these versions.
fn lock(packages: &[(&str, &str)]) -> String {
    let entries = packages
        .iter()
        .map(|(name, version)| (format!("node_modules/{name}"), json!({ "version": version })));
    let entries: serde_json::Map<String, Value> = entries.collect();
    json!({ "lockfileVersion": 3, "packages": entries }).to_string()
}

#[track_caller]
fn lines(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout.clone()).unwrap();
    printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[track_caller]
fn failed(output: &Output) -> String {
    stderr_of_failure(output, 1)
}

#[tokio::test]
async fn a_bundle_is_created_while_the_server_runs_and_applied_elsewhere() {
    let site = Site::start().await;
    let lock = site.written("package-lock.json", &lock(&[("@acme/pear", "1.0.0"), ("fig", "1.0.0")]));
    let created = site.create("team.bundle", &["--lockfile", &lock]).await;
    let mut printed = lines(&created);
    let totals = printed.pop().unwrap();
    // In the order in which they are read.
    for line in &mut printed {
        let number = line.as_object_mut().unwrap().shift_remove("number");
        assert!(number.is_some_and(|number| number == 1 || number == 2));
    }
    printed.sort_by_key(ToString::to_string);
    let printed: Vec<_> = printed.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(printed.join("\n"), @r#"
    {"package":"@acme/pear","version":"1.0.0","bytes":230,"in-base":false,"of":2}
    {"package":"fig","version":"1.0.0","bytes":187,"in-base":false,"of":2}
    "#);
    let id = totals["key"].as_str().unwrap().to_owned();
    assert_eq!(totals["bytes"], fs::metadata(site.path("team.bundle")).unwrap().len());
    assert_eq!(
        (&totals["versions"], &totals["in-base"], &totals["failures"]),
        (&json!(2), &json!(0), &json!(0))
    );

    let key = site.run(&["bundle", "key"]).await;
    let key = String::from_utf8(key.stdout).unwrap();
    assert!(key.starts_with(&format!("{id}\n-----BEGIN PUBLIC KEY-----\n")), "{key}");
    assert!(!key.contains("PRIVATE"), "{key}");
    let key = site.written("team.pem", &key);

    let other = other_storage().await;
    let running = start_server(other.path()).await;
    let dry_run = site.apply(other.path(), "team.bundle", &["--key", &key, "--dry-run"]).await;
    assert_eq!(lines(&dry_run).last().unwrap()["added"], 2);
    let http = HttpClient::new(running.base_url());
    let _ = http.get("/fig").send().await.assert_status(404);
    let applied = site.apply(other.path(), "team.bundle", &["--key", &key]).await;
    let mut applied_lines = lines(&applied);
    for line in &mut applied_lines {
        line["bytes"] = json!("…");
    }
    let printed: Vec<_> = applied_lines.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(printed.join("\n"), @r#"
    {"package":"@acme/pear","added":1,"unchanged":0,"bytes":"…","reserved-owners":["ana"],"number":1,"of":2}
    {"package":"fig","added":1,"unchanged":0,"bytes":"…","reserved-owners":["eva"],"number":2,"of":2}
    {"packages":2,"added":2,"unchanged":0,"refused":0,"bytes":"…","reserved-owners":["ana","eva"],"dry-run":false,"failures":0}
    "#);
    let stderr = String::from_utf8(applied.stderr).unwrap();
    assert!(stderr.contains(&format!("is signed by {id}")), "{stderr}");
    for path in ["/fig", "/@acme%2fpear", "/fig/-/fig-1.0.0.tgz", "/@acme/pear/-/pear-1.0.0.tgz"] {
        let _ = http.get(path).send().await.assert_status(200);
    }
    let verified = finished(on(other.path(), &["verify"])).await;
    assert!(verified.status.success(), "{verified:?}");
    let events = finished(on(other.path(), &["log", "--json"])).await;
    let events = String::from_utf8(events.stdout).unwrap();
    assert!(events.contains(&format!("by {id}")), "{events}");
}

#[tokio::test]
async fn a_bundle_is_taken_from_trusted_keys_only() {
    let site = Site::start().await;
    site.created("team.bundle").await;
    let key = site.key_file().await;
    let id = fs::read_to_string(&key).unwrap().lines().next().unwrap().to_owned();
    let (other, stranger) = (other_storage().await, other_storage().await);
    let strangers_key = finished(on(stranger.path(), &["bundle", "key"])).await;
    let strangers_key = site.written("other.pem", &String::from_utf8(strangers_key.stdout).unwrap());
    let html = site.written("page.pem", "<!doctype html>");
    let apply = async |more: &[&str]| site.apply(other.path(), "team.bundle", more).await;
    let mut told = Vec::new();
    for arguments in [
        &[][..],
        &["--key", &strangers_key],
        &["--key", &html],
        &["--key", "/no/such/file"],
        &["--key", "SHA256:pear"],
        &["--config", "[bundles]\ntrusted_keys = [\"pear\"]\n"],
    ] {
        let refused = failed(&apply(arguments).await);
        told.push(refused.replace(&site.files.path().display().to_string(), "[files]").replace(&id, "[id]"));
    }
    insta::assert_snapshot!(told.concat(), @"
    registry-server: no key is trusted here, so no bundle is: run `registry-server bundle key` where the bundle was made, bring what it prints here by a way that you trust, and name it with --key or in [bundles] trusted_keys
    registry-server: cannot apply [files]/team.bundle: it is signed by the key [id], which is not trusted here: compare the id with what `registry-server bundle key` prints where the bundle was made, and name it with --key or in [bundles] trusted_keys
    registry-server: [files]/page.pem cannot be used as a key: it has no `-----BEGIN PUBLIC KEY-----`: give what `registry-server bundle key` prints
    registry-server: cannot read the key in /no/such/file: No such file or directory (os error 2)
    registry-server: --key SHA256:pear cannot be used: the id of a key is SHA256: and 44 letters of base64, as `registry-server bundle key` prints it
    registry-server: the configuration given as text is wrong: line 2: `[bundles] trusted_keys`: the id of a key is SHA256: and 44 letters of base64, as `registry-server bundle key` prints it
    ");
    let config = format!("[bundles]\ntrusted_keys = [\"{id}\"]\n");
    for arguments in [&["--key", &key][..], &["--key", &strangers_key, "--key", &id], &["--config", &config]]
    {
        assert_eq!(lines(&apply(&[arguments, &["--dry-run"]].concat()).await).len(), 3, "{arguments:?}");
    }
    // The storage that made it needs to be told nothing.
    let own = site.run(&["bundle", "apply", site.path("team.bundle").to_str().unwrap(), "--dry-run"]).await;
    assert!(!String::from_utf8_lossy(&own.stdout).contains("not trusted"), "{own:?}");
}

#[tokio::test]
async fn what_is_wrong_with_files_is_told_and_nothing_is_left() {
    let site = Site::start().await;
    site.created("team.bundle").await;
    let (key, other) = (site.key_file().await, other_storage().await);
    let bytes = fs::read(site.path("team.bundle")).unwrap();
    let mut flipped = bytes.clone();
    let at = bytes.len() - 1_500;
    flipped[at] ^= 1;
    fs::write(site.path("flipped.bundle"), flipped).unwrap();
    fs::write(site.path("short.bundle"), &bytes[..bytes.len() - 1]).unwrap();
    fs::write(site.path("page.bundle"), "<!doctype html>".repeat(100)).unwrap();
    let before = crate::support::files_below(&other.path().join("objects"));
    for (file, expected) in [
        ("flipped.bundle", "has another digest: carry it over again"),
        ("short.bundle", "it ends after"),
        ("page.bundle", "it is not a bundle: it does not begin with bundle.json"),
        ("none.bundle", "cannot read"),
    ] {
        let output = site.apply(other.path(), file, &["--key", &key]).await;
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{stderr}");
        let told = stderr.lines().last().unwrap();
        assert!(told.starts_with("registry-server: cannot apply ") && told.contains(expected), "{told}");
    }
    let after = crate::support::files_below(&other.path().join("objects"));
    let of_packages = |files: &std::collections::BTreeMap<String, Vec<u8>>| -> Vec<String> {
        files.keys().filter(|path| !path.starts_with("_log/")).cloned().collect()
    };
    assert_eq!(of_packages(&after), of_packages(&before));

    let empty = site.written("empty.json", "{}");
    let nothing = site.written("nothing.json", &lock(&[]));
    let gone = site.written("gone.json", &lock(&[("fig", "9.0.0"), ("@acme/pear", "1.0.0")]));
    for (lock, told) in [
        (empty.as_str(), "it is no lock file that is known"),
        (&nothing, "the lock files take no package from a registry: there is nothing to bundle"),
        ("/no/such/file", "cannot read /no/such/file"),
        (&gone, "1 failure: mend its cause, and run the command again"),
    ] {
        let output = site.create("new.bundle", &["--lockfile", lock]).await;
        let stderr = String::from_utf8(output.stderr.clone()).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(told), "{stderr}");
        assert!(!site.path("new.bundle").exists());
    }
    let names: Vec<_> =
        fs::read_dir(site.files.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().starts_with('.')), "{names:?}");
}

#[tokio::test]
async fn an_increment_names_what_to_apply_first() {
    let site = Site::start().await;
    site.created("1.bundle").await;
    let fig = PublishDocument::new("fig", "1.1.0").file("index.js", b"module.exports = 'new';\n");
    publish(site.upstream.server.base_url(), &site.upstream_token, &fig).await;
    // The server may have kept what it knew.
    let plum = PublishDocument::new("@acme/plum", "1.0.0");
    publish(site.server.base_url(), &site.token, &plum).await;
    let wanted = [("@acme/pear", "1.0.0"), ("@acme/plum", "1.0.0"), ("fig", "1.0.0")];
    let lock = site.written("package-lock.json", &lock(&wanted));
    let since = site.path("1.bundle").display().to_string();
    let created = lines(&site.create("2.bundle", &["--lockfile", &lock, "--since", &since]).await);
    assert_eq!(created.last().unwrap()["in-base"], 2);
    let (key, other) = (site.key_file().await, other_storage().await);
    let refused = site.apply(other.path(), "2.bundle", &["--key", &key]).await;
    assert_eq!(refused.status.code(), Some(1));
    let refused = String::from_utf8(refused.stdout).unwrap();
    assert!(refused.contains("it is an increment, and @acme/pear@1.0.0 is not here"), "{refused}");
    assert!(refused.contains("apply 1.bundle, which was made at 2"), "{refused}");
    for (bundle, added) in [("1.bundle", 2), ("2.bundle", 1), ("2.bundle", 0)] {
        let applied = lines(&site.apply(other.path(), bundle, &["--key", &key]).await);
        assert_eq!(applied.last().unwrap()["added"], added, "{bundle}");
    }
    let stranger = other_storage().await;
    let mut refused = on(stranger.path(), &["bundle", "create", "--lockfile", &lock, "--since", &since]);
    refused.args(["--output", site.path("3.bundle").to_str().unwrap()]);
    assert!(failed(&finished(refused).await).contains("no key is trusted here"));
}

#[tokio::test]
async fn two_that_make_the_key_of_a_new_storage_have_the_same() {
    let storage = other_storage().await;
    let print = || finished(on(storage.path(), &["bundle", "key"]));
    let (first, second) = tokio::join!(print(), print());
    assert!(first.status.success(), "{first:?}");
    assert_eq!(first, second);
}

/// Also a disk whose quota is used up, as far as a file may grow.
#[cfg(unix)]
#[tokio::test]
async fn a_disk_that_is_full_leaves_no_bundle() {
    let site = Site::start().await;
    let large: Vec<u8> =
        (0..200_000_u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let pear = PublishDocument::new("@acme/large", "1.0.0").file("data", &large);
    publish(site.server.base_url(), &site.token, &pear).await;
    let lock = site.written("package-lock.json", &lock(&[("@acme/large", "1.0.0")]));
    let create = site.command(&[
        "bundle",
        "create",
        "--lockfile",
        &lock,
        "--output",
        site.path("a.bundle").to_str().unwrap(),
    ]);
    let mut limited = std::process::Command::new("sh");
    limited
        .arg("-c")
        .arg("ulimit -f 200; trap '' XFSZ; exec \"$0\" \"$@\"")
        .arg(create.get_program())
        .args(create.get_args());
    limited.env("HOME", site.files.path()).current_dir(site.files.path());
    let output = finished(limited).await;
    let shown = format!("{output:?}");
    assert_eq!(output.status.code(), Some(1), "{shown}");
    assert!(shown.contains("cannot write") && shown.contains("a.bundle"), "{shown}");
    let names: Vec<_> =
        fs::read_dir(site.files.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().contains("bundle")), "{names:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_storage_that_is_only_read_is_refused_at_once() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::process::CommandExt as _;

    let site = Site::start().await;
    site.created("team.bundle").await;
    let (key, other) = (site.key_file().await, other_storage().await);
    for file in [site.files.path().to_owned(), site.path("team.bundle"), site.path("team.pem")] {
        fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let folders = ["", "objects", "locks", "staging"].map(|part| other.path().join(part));
    let set = |mode| {
        for folder in &folders {
            fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    set(0o555);
    let bundle = site.path("team.bundle").display().to_string();
    let mut command = on(other.path(), &["bundle", "apply", &bundle, "--key", &key]);
    if rustix::process::geteuid().is_root() {
        // The superuser writes everywhere.
        command.uid(65_534);
    }
    let refused = failed(&finished(command).await);
    set(0o755);
    assert!(refused.contains("cannot be used") && refused.contains("refused"), "{refused}");
}
