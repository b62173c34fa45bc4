//! `registry-server publish`: straight to the storage of a server, which serves what was published at once.

use std::fs;
use std::io::{Read as _, Write as _};
use std::process::{Output, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use registry_testkit::clients::{Npm, on_terminal, package};
use registry_testkit::tarball::Tarball;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::running::{registry_server, run, stderr_of_failure};
use crate::support::{Registry, files_below, publish as npm_publish};

const BINARY: &str = env!("CARGO_BIN_EXE_registry-server");

/// A folder with tarballs, and the storage that they are published to.
struct Desk {
    registry: Registry,
    folder: TempDir,
}

impl Desk {
    async fn new(config: &str) -> Self {
        Self { registry: Registry::configured(config).await, folder: TempDir::with_prefix("desk-").unwrap() }
    }

    fn pack(&self, file: &str, tarball: &Tarball) -> String {
        let path = self.folder.path().join(file);
        fs::write(&path, tarball.pack()).unwrap();
        path.display().to_string()
    }

    fn storage(&self) -> String {
        format!("file:{}", self.registry.storage().display())
    }

    fn run(&self, arguments: &[&str]) -> Output {
        run(&[&["publish", "--storage", &self.storage()], arguments].concat())
    }

    /// Every file in the storage but locks, which are there from the first write.
    fn files(&self) -> Vec<String> {
        let below = |folder: &str| files_below(&self.registry.storage().join(folder)).into_keys();
        // The log tells of denials, and the key signs all packages: neither is a part of one.
        let is_of_package = |path: &String| !["_log/", "_signing/"].iter().any(|of| path.starts_with(of));
        below("objects").chain(below("staging")).filter(is_of_package).collect()
    }

    /// What was printed, with the folders of this test by short names.
    fn tidied(&self, printed: &[u8]) -> String {
        let text = String::from_utf8(printed.to_vec()).unwrap();
        let text = text.replace(&self.folder.path().display().to_string(), "DESK");
        text.replace(&self.registry.storage().display().to_string(), "STORAGE")
    }
}

/// So many bytes that no compression makes fewer.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(next).take(length / 8).flatten().collect()
}

#[tokio::test]
async fn npm_installs_what_was_published_beside_the_server() {
    let desk = Desk::new("[log]\naudit = true").await;
    let npm = desk.registry.user("ana").await;
    let manifest = json!({
        "name": "@acme/one", "version": "1.0.0", "bin": "./cli.js", "repository": "acme/one",
        "publishConfig": { "tag": "next" }
    });
    let one = Tarball::of_manifest(manifest).file("cli.js", b"#!/usr/bin/env node\nconsole.log('it runs')\n");
    let one = desk.pack("one.tgz", &one.file("README.md", b"# One"));
    let two = desk.pack("two.tgz", &Tarball::new("@acme/one", "1.1.0"));
    let published = desk.run(&["--as", "ana", &one]);
    assert_eq!(desk.tidied(&published.stdout), "+ @acme/one@1.0.0\n", "{published:?}");
    let published = desk.run(&["--as", "ana", "--json", &two]);
    let json: Value = serde_json::from_slice(&published.stdout).unwrap();
    assert_eq!((&json["id"], &json["entryCount"]), (&json!("@acme/one@1.1.0"), &json!(1)), "{json}");
    assert_eq!(json["integrity"].as_str().unwrap().len(), "sha512-".len() + 88);

    let tags = npm.run(&["dist-tag", "ls", "@acme/one"]).await.assert_success().stdout;
    assert_eq!(tags, "latest: 1.1.0\nnext: 1.0.0\n");
    let view = npm.run(&["view", "@acme/one@1.0.0", "--json"]).await.assert_success().stdout;
    let view: Value = serde_json::from_str(&view).unwrap();
    assert_eq!(view["bin"], json!({ "one": "cli.js" }));
    assert_eq!(view["repository"]["url"], "git+https://github.com/acme/one.git");
    assert_eq!(view["_npmUser"], "ana <ana@registry.example>");
    let folder = npm.home().project(&package("project", "0.0.0"));
    let _ = npm.run_in(&folder, &["install", "@acme/one@1.0.0"]).await.assert_success();
    assert!(npm.run_in(&folder, &["exec", "one"]).await.assert_success().printed("it runs"));

    let log = run(&["log", "--storage", &desk.storage(), "--action", "published", "--json"]);
    let first: Value =
        serde_json::from_slice(log.stdout.split(|byte| *byte == b'\n').next().unwrap()).unwrap();
    assert_eq!((&first["principal"], &first["via"]), (&json!("ana"), &json!("command-line")), "{first}");
}

#[tokio::test]
async fn what_is_refused_leaves_nothing_and_says_what_to_do() {
    let rules = "[[packages]]\nmatch = \"@acme/*\"\nread = [\"@all\"]\npublish = [\"user:ana\"]\n\
                 [[packages]]\nmatch = \"**\"\nread = [\"@all\"]\npublish = [\"@authenticated\"]";
    let desk = Desk::new(rules).await;
    let ana = desk.registry.user("ana").await;
    let _ = desk.registry.user("ben").await;
    npm_publish(&ana, &package("pear", "1.0.0")).await;
    let acme = desk.pack("acme.tgz", &Tarball::new("@acme/one", "1.0.0"));
    let pear = desk.pack("pear.tgz", &Tarball::new("pear", "1.0.0"));
    let newer = desk.pack("newer.tgz", &Tarball::new("pear", "1.1.0"));
    let beta = desk.pack("beta.tgz", &Tarball::new("apple", "1.0.0-beta.1"));
    let bad = desk.pack("bad.tgz", &Tarball::without_manifest());
    let elsewhere = desk.folder.path().join("nothing-here").display().to_string();
    let (folder, elsewhere) = (desk.folder.path().display().to_string(), format!("file:{elsewhere}"));
    let before = desk.files();
    let refusals = [
        &[acme.as_str()][..],
        &["--as", "eva", &acme],
        &["--as", "ben", &acme],
        &["--as", "ben", &newer],
        &["--as", "ana", &pear, &newer],
        &["--as", "ana", &beta],
        &["--as", "ana", &bad],
        &["--as", "ana", &folder],
        &["--as", "ana", "/no/such.tgz"],
        &["--as", "ana", "--access", "restricted", &newer],
        &["--as", "ana", "--storage", &elsewhere, &newer],
        &["--as", "ana", "--storage", "memory:", &newer],
    ]
    .map(|arguments| {
        let arguments = [&["publish", "--config", rules], arguments].concat();
        let own = arguments.contains(&"--storage");
        let storage = desk.storage();
        let output = run(&if own { arguments } else { [&arguments[..], &["--storage", &storage]].concat() });
        let said = stderr_of_failure(&output, 1);
        desk.tidied(said.as_bytes())
    });
    assert_eq!(desk.files(), before);
    assert!(!desk.folder.path().join("nothing-here").exists());
    insta::assert_snapshot!(refusals.join(""), @r"
    registry-server: no publisher is named: add --as USER, the name of an account, or set REGISTRY_TOKEN to a token of one
    registry-server: the user eva does not exist in this registry
    registry-server: publishing @acme/one@1.0.0 with the tag latest, 139 B from DESK/acme.tgz
    registry-server: DESK/acme.tgz was not published: ben may not publish @acme/one: `registry-server access explain ben publish @acme/one` says why, with the same --config or --storage
    registry-server: publishing pear@1.1.0 with the tag latest, 134 B from DESK/newer.tgz
    registry-server: DESK/newer.tgz was not published: ben may not publish pear: `registry-server access explain ben publish pear` says why, with the same --config or --storage
    registry-server: publishing pear@1.0.0 with the tag latest, 134 B from DESK/pear.tgz
    registry-server: DESK/pear.tgz was not published: You cannot publish over the previously published versions: 1.0.0. A version number cannot be reused, not even after an unpublish: raise the version in package.json; not tried: DESK/newer.tgz
    registry-server: DESK/beta.tgz was not published: 1.0.0-beta.1 is a prerelease, which would become `latest`, which clients install by default: name a tag, such as --tag next
    registry-server: DESK/bad.tgz was not published: the tarball is rejected: the tarball has no package/package.json; pack the folder that holds package.json
    registry-server: DESK was not published: it is a folder: make a tarball of it with `npm pack`, and publish that
    registry-server: /no/such.tgz was not published: it cannot be read: No such file or directory (os error 2)
    registry-server: DESK/newer.tgz was not published: packages without a scope cannot be published with restricted access: publish with --access public
    registry-server: there is no registry in file:DESK/nothing-here: name the server's storage with --storage or --config, mount it, or start the server once
    registry-server: nothing persists in the storage memory: name the server's storage with --storage or --config
    ");
    let tag = stderr_of_failure(&desk.run(&["--as", "ana", "--tag", "1.0.0", &newer]), 2);
    assert!(tag.contains("--tag"), "{tag}");
}

#[tokio::test]
async fn a_dry_run_checks_everything_and_writes_nothing() {
    let desk = Desk::new("[log]\naudit = true").await;
    let ana = desk.registry.user("ana").await;
    npm_publish(&ana, &package("pear", "1.0.0")).await;
    let newer = desk.pack("newer.tgz", &Tarball::new("pear", "1.1.0"));
    let taken = desk.pack("taken.tgz", &Tarball::new("pear", "1.0.0"));
    let before = desk.files();
    let output = desk.run(&["--as", "ana", "--dry-run", &newer, &taken]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(desk.tidied(&output.stdout), "+ pear@1.1.0\n");
    insta::assert_snapshot!(desk.tidied(&output.stderr), @r"
    registry-server: no access rules in these settings: if the registry has some, name its registry.toml with --config
    registry-server: would publish pear@1.1.0 with the tag latest, 134 B from DESK/newer.tgz
    registry-server: would publish pear@1.0.0 with the tag latest, 134 B from DESK/taken.tgz
    registry-server: DESK/taken.tgz cannot be published: You cannot publish over the previously published versions: 1.0.0. A version number cannot be reused, not even after an unpublish: raise the version in package.json
    ");
    assert_eq!(desk.files(), before);
}

#[tokio::test]
async fn it_stops_at_the_first_failure_and_says_what_is_published() {
    let desk = Desk::new("[log]\naudit = true").await;
    let ana = desk.registry.user("ana").await;
    let [one, three] = ["1.0.0", "3.0.0"].map(|version| desk.pack(version, &Tarball::new("pear", version)));
    let two = desk.pack("two.tgz", &Tarball::without_manifest());
    let output = desk.run(&["--as", "ana", &one, &two, &three]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(desk.tidied(&output.stdout), "+ pear@1.0.0\n");
    let last = desk.tidied(&output.stderr).lines().last().unwrap().to_owned();
    insta::assert_snapshot!(last, @"registry-server: DESK/two.tgz was not published: the tarball is rejected: the tarball has no package/package.json; pack the folder that holds package.json; published before it: pear@1.0.0; not tried: DESK/3.0.0");
    let versions = ana.run(&["view", "pear", "versions", "--json"]).await.assert_success().stdout;
    assert_eq!(serde_json::from_str::<Value>(&versions).unwrap(), json!(["1.0.0"]));
}

#[tokio::test]
async fn lines_tell_of_each_quarter_where_there_is_no_terminal_and_a_bar_where_there_is() {
    let desk = Desk::new("[log]\naudit = true").await;
    let _ = desk.registry.user("ana").await;
    let large = |version| Tarball::new("pear", version).file("noise", &noise(20 << 20));
    let one = desk.pack("one.tgz", &large("1.0.0"));
    let two = desk.pack("two.tgz", &large("2.0.0"));
    let output = desk.run(&["--as", "ana", &one]);
    assert!(output.status.success());
    insta::assert_snapshot!(desk.tidied(&output.stderr), @r"
    registry-server: no access rules in these settings: if the registry has some, name its registry.toml with --config
    registry-server: publishing pear@1.0.0 with the tag latest, 20.01 MiB from DESK/one.tgz
    registry-server: DESK/one.tgz: 25 % stored
    registry-server: DESK/one.tgz: 50 % stored
    registry-server: DESK/one.tgz: 75 % stored
    ");

    let storage = desk.storage();
    let arguments = ["publish", "--as", "ana", "--storage", &storage, &two];
    let mut command = tokio::process::Command::new(BINARY);
    command.args(arguments).env_remove("REGISTRY_TOKEN");
    let shown = on_terminal(command, "registry-server publish").await.assert_success();
    assert!(shown.printed("20.01 MiB of 20.01 MiB,"), "{shown}");
    assert!(shown.printed("+ pear@2.0.0"), "{shown}");
}

#[tokio::test]
async fn an_interrupt_publishes_nothing_more() {
    let desk = Desk::new("[log]\naudit = true").await;
    let _ = desk.registry.user("ana").await;
    let pipe = desk.folder.path().join("pipe.tgz");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (before, pipe_name, storage) = (desk.files(), pipe.display().to_string(), desk.storage());
    let mut command = registry_server(&["publish", "--as", "ana", "--storage", &storage, &pipe_name]);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    // It opens when the command reads, which is after it began to listen for signals.
    let mut writer = fs::OpenOptions::new().write(true).open(&pipe).unwrap();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let mut said = Vec::new();
    while !String::from_utf8_lossy(&said).contains("stopping; send the signal again to stop at once\n") {
        let mut byte = [0];
        stderr.read_exact(&mut byte).unwrap();
        said.extend(byte);
    }
    writer.write_all(&Tarball::new("pear", "1.0.0").pack()).unwrap();
    drop(writer);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert_eq!(
        desk.tidied(rest.as_bytes()).lines().last().unwrap(),
        "registry-server: DESK/pipe.tgz was not published: interrupted"
    );
    assert_eq!(desk.files(), before);
}

#[tokio::test]
async fn a_token_proves_who_publishes() {
    let desk = Desk::new("[log]\naudit = true").await;
    let _ = desk.registry.user("ana").await;
    let made = run(&["token", "create", "ana", "--package", "pear", "--storage", &desk.storage()]);
    let token = String::from_utf8(made.stdout).unwrap();
    let with_token = |token: &str, file: &str| {
        let storage = desk.storage();
        let mut command = registry_server(&["publish", "--storage", &storage, file]);
        command.env("REGISTRY_TOKEN", token).output().unwrap()
    };
    let pear = desk.pack("pear.tgz", &Tarball::new("pear", "1.0.0"));
    let apple = desk.pack("apple.tgz", &Tarball::new("apple", "1.0.0"));
    let refused = stderr_of_failure(&with_token(token.trim(), &apple), 1);
    assert!(refused.contains("your token does not permit you to publish"), "{refused}");
    let refused = stderr_of_failure(&with_token("npm_unknown", &pear), 1);
    assert!(
        refused.contains("REGISTRY_TOKEN is not accepted") && !refused.contains("npm_unknown"),
        "{refused}"
    );
    assert_eq!(with_token(token.trim(), &pear).stdout, b"+ pear@1.0.0\n");
}

#[tokio::test]
async fn npm_shows_the_way_for_what_is_too_large() {
    let desk = Desk::new("[limits]\npublish_body_mib = 1").await;
    let ana = desk.registry.user("ana").await;
    let text = STANDARD.encode(noise(1 << 20));
    let folder = ana.home().project(&package("pear", "1.0.0").file("noise.txt", &text));
    let refused = ana.run_in(&folder, &["publish"]).await.assert_failure();
    let refused = refused.assert_printed("413").assert_printed("registry-server publish FILE.tgz");
    assert!(!refused.printed(&desk.storage()), "where it is kept is not for everybody");
    let _ = ana.run_in(&folder, &["pack"]).await.assert_success();
    let file = folder.join("pear-1.0.0.tgz").display().to_string();
    assert_eq!(desk.run(&["--as", "ana", &file]).stdout, b"+ pear@1.0.0\n");
    let _ = Npm::new(desk.registry.server.base_url()).await.run(&["view", "pear"]).await.assert_success();
}
