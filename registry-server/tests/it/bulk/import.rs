//! `import registry`, between two real servers.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Output;

use registry_testkit::amount;
use registry_testkit::conformance::ServedPackages;
use registry_testkit::fake_upstream::{FakeAnswer, FakeUpstream};
use registry_testkit::http_client::HttpClient;
use registry_testkit::publish_document::PublishDocument;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::failure;
use crate::running::{kill_after, registry_server};
use crate::support::{PASSWORD, Registry, files_below, forget_what_is_made_anew, sign_up, start_server};

const RULES: &str =
    "[[packages]]\nmatch = \"**\"\nread = [\"@authenticated\"]\npublish = [\"@authenticated\"]\n";

/// A server that shows packages to who is signed in.
pub(super) struct Source {
    pub(super) registry: Registry,
    pub(super) token: String,
}

impl Source {
    pub(super) async fn start(packages: &[(&str, &[&str])]) -> Self {
        let registry = Registry::configured(RULES).await;
        let token = sign_up(&registry.http(), "eva").await;
        let source = Self { registry, token };
        for (name, versions) in packages {
            for version in *versions {
                let document = PublishDocument::new(name, version).file("index.js", version.as_bytes());
                source.publish(name, &document).await;
            }
        }
        source
    }

    pub(super) async fn publish(&self, name: &str, document: &PublishDocument) {
        let path = format!("/{}", name.replace('/', "%2f"));
        let put = self.registry.http().put(&path).bearer(&self.token).json(&document.build());
        let _ = put.send().await.assert_status(201);
    }

    pub(super) fn url(&self) -> &str {
        self.registry.server.base_url()
    }

    fn command(&self, target: &Path, arguments: &[&str]) -> std::process::Command {
        let storage = format!("file:{}", target.display());
        let first = ["import", "registry", self.url(), "--storage", &storage, "--token-env", "SOURCE_TOKEN"];
        let mut command = registry_server(&[&first, arguments].concat());
        command.env("SOURCE_TOKEN", &self.token).env("HOME", target);
        command
    }

    pub(super) async fn import(&self, target: &Path, arguments: &[&str]) -> Output {
        let mut command = self.command(target, arguments);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }
}

/// A storage that a server began.
pub(super) async fn target() -> TempDir {
    let folder = TempDir::with_prefix("target-").unwrap();
    assert!(start_server(folder.path()).await.stop().await.success());
    folder
}

#[track_caller]
pub(super) fn lines(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout.clone()).unwrap();
    printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Path → content of what is stored of packages, without what each commit makes anew.
pub(super) fn packages(target: &Path) -> BTreeMap<String, Value> {
    let mut files = files_below(&target.join("objects"));
    files.retain(|path, _| !path.starts_with('_') || path.starts_with("_spellings/"));
    let content = |bytes: &Vec<u8>| match serde_json::from_slice::<Value>(bytes) {
        Ok(Value::Object(mut packument)) => {
            forget_what_is_made_anew(&mut packument);
            Value::Object(packument)
        }
        _ => json!(bytes),
    };
    files.iter().map(|(path, bytes)| (path.clone(), content(bytes))).collect()
}

async fn packument(http: &HttpClient, token: &str, name: &str) -> Value {
    let mut packument = http.get(&format!("/{name}")).bearer(token).send().await.assert_status(200).json();
    forget_what_is_made_anew(packument.as_object_mut().unwrap());
    packument
}

#[tokio::test]
async fn packages_move_from_one_running_server_to_another() {
    let source =
        Source::start(&[("@acme/pear", &["1.0.0", "1.1.0"]), ("fig", &["1.0.0"]), ("plum", &["1.0.0"])])
            .await;
    let target = target().await;
    let files = TempDir::new().unwrap();
    let file = |name: &str, content: &str| {
        let path = files.path().join(name);
        fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let names = file("names", "\nfig\n\n");
    let lock = json!({ "lockfileVersion": 3, "packages": { "node_modules/plum": { "version": "1.0.0" } } });
    let lock = file("package-lock.json", &lock.to_string());
    let wanted = ["--names", &names, "--scope", "@acme", "--lockfile", &lock];

    let dry_run = lines(&source.import(target.path(), &[&wanted[..], &["--dry-run"]].concat()).await);
    assert_eq!(dry_run.last().unwrap()["added"], 4);
    assert_eq!(packages(target.path()), BTreeMap::new());
    // A server runs on the storage meanwhile.
    let running = start_server(target.path()).await;
    let output = source.import(target.path(), &wanted).await;
    let printed = String::from_utf8(output.stdout.clone()).unwrap();
    let found = lines(&output);
    let bytes = found.last().unwrap()["bytes"].clone();
    let packages: Vec<_> = found.iter().map(|line| (&line["package"], &line["added"])).collect();
    assert_eq!(packages.len(), 4, "{printed}");
    assert_eq!(
        found.last().unwrap(),
        &json!({
            "packages": 3, "added": 4, "unchanged": 0, "refused": 0, "bytes": bytes, "reserved-owners": ["eva"], "elsewhere": 0,
            "dry-run": false,
            "failures": 0,
        })
    );
    let (there, here) = (source.registry.http(), HttpClient::new(running.base_url()));
    for name in ["@acme%2fpear", "fig", "plum"] {
        let expected = packument(&there, &source.token, name).await.to_string();
        let expected = expected.replace(source.url(), running.base_url());
        let imported = here.get(&format!("/{name}")).send().await.assert_status(200).json();
        let mut imported = imported.clone();
        forget_what_is_made_anew(imported.as_object_mut().unwrap());
        assert_eq!(imported, serde_json::from_str::<Value>(&expected).unwrap(), "{name}");
    }
    let again = lines(&source.import(target.path(), &wanted).await);
    assert_eq!((&again[3]["added"], &again[3]["unchanged"]), (&json!(0), &json!(4)));
    let storage = format!("file:{}", target.path().display());
    let verified = registry_server(&["verify", "--storage", &storage]).output().unwrap();
    assert!(verified.status.success(), "{verified:?}");
}

#[tokio::test]
async fn credentials_come_from_variables_and_files_and_are_never_shown() {
    let source = Source::start(&[("fig", &["1.0.0"])]).await;
    let target = target().await;
    let storage = format!("file:{}", target.path().display());
    let folder = TempDir::new().unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let login = format!("eva:{PASSWORD}");
    let import = async |arguments: &[&str]| {
        let first = ["import", "registry", source.url(), "fig", "--storage", &storage, "--log", "debug"];
        let mut command = registry_server(&[&first, arguments].concat());
        command.env("TOKEN", &source.token).env("LOGIN", &login).env("WRONG", "npm_quince").env("EMPTY", " ");
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let shown = format!("{output:?}");
        for secret in [source.token.as_str(), PASSWORD, "npm_quince"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        output
    };
    let token = file("token", &format!("{}\n", source.token));
    let login_file = file("login", &login);
    for arguments in [
        ["--token-env", "TOKEN"],
        ["--token-file", &token],
        ["--login-env", "LOGIN"],
        ["--login-file", &login_file],
    ] {
        assert_eq!(lines(&import(&arguments).await).len(), 2, "{arguments:?}");
    }
    for (arguments, told) in [
        (
            &[][..],
            "refuses fig with status 401: give the command a token with --token-env or --token-file, or a login with --login-env or \
             --login-file that may read it",
        ),
        (&["--token-env", "WRONG"], "does not accept the token or login of --token-env"),
        (&["--token-env", "NOT_SET"], "--token-env names the variable NOT_SET, which is not set"),
        (&["--token-env", "EMPTY"], "the variable EMPTY is empty"),
        (&["--login-env", "TOKEN"], "the login for the source has no colon: write it as USER:PASSWORD"),
        (&["--token-file", "/no/such/file"], "cannot read /no/such/file of --token-file"),
    ] {
        let output = import(arguments).await;
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let shown = format!("{output:?}");
        assert!(shown.contains(told), "{arguments:?}: {shown}");
    }
    let twice = import(&["--token-env", "TOKEN", "--login-env", "LOGIN"]).await;
    assert_eq!(twice.status.code(), Some(2));
}

#[tokio::test]
async fn what_is_wrong_with_a_source_is_told_and_nothing_is_written() {
    let target = target().await;
    let storage = format!("file:{}", target.path().display());
    let upstream = FakeUpstream::start(ServedPackages::sample()).await;
    let import = async |arguments: &[&str]| {
        let first = ["import", "registry", upstream.base_url(), "--storage", &storage];
        let mut command = registry_server(&[&first, arguments].concat());
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    };
    let told = |output: Output| {
        let _ = failure(&output);
        String::from_utf8(output.stdout)
            .unwrap()
            .replace(upstream.base_url().trim_start_matches("http://"), "[source]")
    };
    upstream
        .answer_everything(FakeAnswer::usual().header("content-type", "text/html").body("<!doctype html>"));
    insta::assert_snapshot!(told(import(&["pear", "--scope", "@acme", "--all"]).await), @r#"
    {"error":"cannot list the packages of the source: the source [source] sent an invalid response: a document that is not a JSON object, and calls it \"text/html\""}
    {"error":"cannot list the packages of the source: the source [source] sent an invalid response: a document that is not a JSON object, and calls it \"text/html\""}
    {"error":"cannot read the package pear of the source: the source [source] sent an invalid response: a document that is not a JSON object, and calls it \"text/html\"","number":1,"of":1}
    {"packages":0,"added":0,"unchanged":0,"refused":0,"bytes":0,"dry-run":false,"failures":3}
    "#);
    // Its tarballs are none.
    upstream.answer_as_usual();
    insta::assert_snapshot!(told(import(&["--all"]).await), @r#"
    {"error":"left-pad@1.0.0 is not imported: its tarball is refused: publish a repaired version: the tarball is not gzip; publish what `npm pack` writes"}
    {"error":"left-pad@1.1.0 is not imported: its tarball is refused: publish a repaired version: the tarball is not gzip; publish what `npm pack` writes"}
    {"package":"left-pad","added":0,"unchanged":0,"bytes":0,"number":1,"of":3}
    {"error":"@acme/web@2.0.0-rc.1 is not imported: its tarball is refused: publish a repaired version: the tarball is not gzip; publish what `npm pack` writes"}
    {"package":"@acme/web","added":0,"unchanged":0,"bytes":0,"number":2,"of":3}
    {"error":"JSONStream@0.10.0 is not imported: its tarball is refused: publish a repaired version: the tarball is not gzip; publish what `npm pack` writes"}
    {"package":"JSONStream","added":0,"unchanged":0,"bytes":0,"number":3,"of":3}
    {"packages":3,"added":0,"unchanged":0,"refused":4,"bytes":0,"dry-run":false,"failures":4}
    "#);
    assert_eq!(packages(target.path()), BTreeMap::new());

    let empty = target.path().join("empty");
    fs::write(&empty, "\n").unwrap();
    let wrong = target.path().join("wrong");
    fs::write(&wrong, "pear\nNot a name\n").unwrap();
    for (arguments, code, reason) in [
        (&[][..], 2, "required arguments were not provided"),
        (&["--names", empty.to_str().unwrap()], 1, "the files name no package: there is nothing to import"),
        (&["--names", wrong.to_str().unwrap()], 1, "line 2 is not the name of a package"),
        (&["--lockfile", wrong.to_str().unwrap()], 1, "it is no lock file that is known"),
        (&["--names", "/no/such/file"], 1, "cannot read /no/such/file"),
        (&["--scope", "a b"], 2, "URL-friendly"),
    ] {
        let output = import(arguments).await;
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
        assert!(stderr.contains(reason), "{arguments:?}: {stderr}");
    }
}

#[tokio::test]
async fn bytes_that_changed_at_the_source_are_not_imported() {
    let source = Source::start(&[("fig", &["1.0.0", "1.1.0"])]).await;
    let target = target().await;
    let tarballs = source.registry.storage().join("objects/fig/-");
    let changed = files_below(&tarballs).into_keys().find(|path| path.ends_with("fig-1.1.0.tgz")).unwrap();
    let mut bytes = fs::read(tarballs.join(&changed)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(tarballs.join(&changed), bytes).unwrap();
    let output = source.import(target.path(), &["fig"]).await;
    let _ = failure(&output);
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(
        stdout.contains(r#"{"error":"fig@1.1.0 is not imported: the bytes that the source sent"#),
        "{stdout}"
    );
    assert!(stdout.contains(r#""added":1,"unchanged":0,"refused":1"#), "{stdout}");
    let stored = packages(target.path());
    assert_eq!(stored.keys().filter(|path| path.contains("/-/")).count(), 1, "{:?}", stored.keys());
}

#[tokio::test]
async fn imports_that_are_killed_and_run_again_end_as_one_clean_run() {
    let names: Vec<String> = (0..amount("PACKAGES", 12)).map(|number| format!("fig-{number}")).collect();
    let source = Source::start(&[]).await;
    for name in &names {
        for version in ["1.0.0", "1.1.0"] {
            source
                .publish(name, &PublishDocument::new(name, version).file("index.js", name.as_bytes()))
                .await;
        }
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (clean, target) = (target().await, target().await);
    assert_eq!(lines(&source.import(clean.path(), &names).await).len(), names.len() + 1);
    let kills = amount("KILLS", 4);
    for kill in 0..kills {
        kill_after(source.command(target.path(), &names), kill * names.len() / kills).await;
    }
    // Two at once end as one.
    let (first, second) =
        tokio::join!(source.import(target.path(), &names), source.import(target.path(), &names));
    for output in [first, second] {
        assert_eq!(lines(&output).last().unwrap()["failures"], 0);
    }
    assert_eq!(packages(target.path()), packages(clean.path()));
}

#[cfg(unix)]
#[tokio::test]
async fn a_folder_that_is_only_read_is_refused_at_once() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::process::CommandExt as _;

    let source = Source::start(&[("fig", &["1.0.0"])]).await;
    let target = target().await;
    let folders = ["", "objects", "locks", "staging"].map(|part| target.path().join(part));
    let set = |mode| {
        for folder in &folders {
            fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    set(0o555);
    let mut command = source.command(target.path(), &["fig"]);
    if rustix::process::geteuid().is_root() {
        // The superuser writes everywhere.
        command.uid(65_534);
    }
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    set(0o755);
    let stderr = failure(&output);
    assert!(stderr.contains("cannot be used") && stderr.contains("refused"), "{stderr}");
    assert_eq!(packages(target.path()), BTreeMap::new());
}
