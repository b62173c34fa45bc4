//! The newest npm, which runs on a newer Node.js and has lost some commands: what it has in common with npm 11 still
//! works. Tokens, profiles, second factors, organizations, staged versions and builds are told of both, where
//! `with_each_npm!` is.

use std::path::Path;

use registry_testkit::Browser;
use registry_testkit::clients::{Answer, Client, CommandOutput, NPM_12, Screen, package};
use serde_json::{Value, json};

use crate::support::{PASSWORD, Registry, sign_up};

/// How long what comes after the path of a login's page is.
const SESSION: usize = 10 + 1 + 32 + 1 + 40;

async fn npm_of(registry: &Registry, name: &str) -> Client {
    let token = sign_up(&registry.http(), name).await;
    Client::with_token(&NPM_12, registry.server.base_url(), &token).await
}

async fn printed(npm: &Client, arguments: &[&str]) -> String {
    npm.run(arguments).await.assert_success().stdout
}

async fn publish(npm: &Client, name: &str, version: &str, flags: &[&str]) -> CommandOutput {
    let folder = npm.home().project(&package(name, version));
    npm.run_in(&folder, &[&["publish"], flags].concat()).await
}

#[tokio::test]
async fn it_logs_in_with_the_browser_and_out() {
    let registry = Registry::start().await;
    sign_up(&registry.http(), "ana").await;
    let npm = Client::new(&NPM_12, registry.server.base_url()).await;
    assert_eq!(printed(&npm, &["--version"]).await, format!("{}\n", NPM_12.version));
    npm.home().set_token("npm_expired");
    let screen = Screen::new();
    let at_the_browser = async {
        let before = format!("{}/-/v1/login/", registry.server.base_url());
        let browser = Browser::over_http();
        let page = browser.open(&screen.address(&before, SESSION).await).await.assert_status(200);
        let fields = [("name", "ana"), ("password", PASSWORD)];
        let _ = browser.press(&page, "log-in", &fields).await.assert_status(303);
    };
    let folder = npm.home().work_folder();
    let (login, ()) =
        tokio::join!(npm.run_watched(&folder, &["login", "--browser=false"], &[], &screen), at_the_browser);
    let _ = login.assert_success().assert_printed("Logged in on");
    assert_eq!(printed(&npm, &["whoami"]).await, "ana\n");
    let token = npm.home().token().unwrap();
    let _ = npm.run(&["logout"]).await.assert_success();
    let _ = npm.run(&["whoami"]).await.assert_failure().assert_printed("npm error code ENEEDAUTH");
    let _ = registry.http().get("/-/whoami").bearer(&token).send().await.assert_status(401);
}

/// The guide to clients says so.
#[tokio::test]
async fn it_has_no_sign_up_and_no_stars() {
    let npm = Client::new(&NPM_12, "http://127.0.0.1:1/").await;
    for command in ["adduser", "unstar", "stars"] {
        let _ = npm.run(&[command]).await.assert_failure().assert_printed("Unknown command");
    }
    assert!(printed(&npm, &["star", "--help"]).await.contains("npm start"));
}

#[tokio::test]
async fn it_logs_in_in_the_terminal() {
    let registry = Registry::configured("[login]\nweb = false\n").await;
    sign_up(&registry.http(), "ana").await;
    let answers = [Answer::new("Username:", "ana"), Answer::secret("Password:", PASSWORD)];
    // Told to, and because the browser is not offered.
    for login in [&["login", "--auth-type=legacy"][..], &["login", "--browser=false"]] {
        let npm = Client::new(&NPM_12, registry.server.base_url()).await;
        let _ = npm.run_on_terminal(&npm.home().work_folder(), login, &answers).await.assert_success();
        assert_eq!(printed(&npm, &["whoami"]).await, "ana\n");
    }
    let npm = Client::new(&NPM_12, registry.server.base_url()).await;
    let _ = npm.run(&["adduser"]).await.assert_failure().assert_printed("Unknown command");
}

#[tokio::test]
async fn it_publishes_installs_and_manages_packages() {
    let registry = Registry::start().await;
    let npm = npm_of(&registry, "ana").await;
    assert_eq!(publish(&npm, "@acme/one", "1.0.0", &[]).await.assert_success().stdout, "+ @acme/one@1.0.0\n");
    let _ = publish(&npm, "@acme/one", "1.1.0", &[]).await.assert_success();
    let _ = publish(&npm, "@acme/one", "2.0.0-beta.1", &["--tag", "beta"]).await.assert_success();
    let taken = publish(&npm, "@acme/one", "1.0.0", &["--force"]).await.assert_failure();
    let _ = taken.assert_printed("cannot publish over the previously published versions");
    // This npm answers a list, also of one.
    let tags = printed(&npm, &["view", "@acme/one", "dist-tags", "--json"]).await;
    let tags: Value = serde_json::from_str(&tags).unwrap();
    assert_eq!(tags, json!([{ "latest": "1.1.0", "beta": "2.0.0-beta.1" }]));

    let app = npm.home().project(&package("app", "1.0.0").dependency("@acme/one", "^1.0.0"));
    let _ = npm.run_in(&app, &["install"]).await.assert_success();
    let installed = app.join("node_modules/@acme/one/package.json");
    let installed: Value = serde_json::from_slice(&std::fs::read(installed).unwrap()).unwrap();
    assert_eq!(installed["version"], "1.1.0");
    let _ = npm.run_in(&app, &["ci"]).await.assert_success();
    let _ = npm.run_in(&app, &["outdated"]).await.assert_success();

    let stable = ["dist-tag", "add", "@acme/one@1.0.0", "stable"];
    assert_eq!(printed(&npm, &stable).await, "+stable: @acme/one@1.0.0\n");
    let tags = "beta: 2.0.0-beta.1\nlatest: 1.1.0\nstable: 1.0.0\n";
    assert_eq!(printed(&npm, &["dist-tag", "ls", "@acme/one"]).await, tags);
    let removed = printed(&npm, &["dist-tag", "rm", "@acme/one", "stable"]).await;
    assert_eq!(removed, "-stable: @acme/one@1.0.0\n");

    let _ = npm.run(&["deprecate", "@acme/one@1.1.0", "use two"]).await.assert_success();
    let other = npm.home().project(&package("other", "1.0.0"));
    let warned = npm.run_in(&other, &["install", "@acme/one@1.1.0"]).await.assert_success();
    let _ = warned.assert_printed("npm warn deprecated @acme/one@1.1.0: use two");
    assert_eq!(printed(&npm, &["view", "@acme/one@1.1.0", "deprecated"]).await, "use two\n");
    let _ = npm.run(&["undeprecate", "@acme/one@1.1.0"]).await.assert_success();
    assert_eq!(printed(&npm, &["view", "@acme/one@1.1.0", "deprecated"]).await, "");

    sign_up(&registry.http(), "ben").await;
    assert_eq!(printed(&npm, &["owner", "add", "ben", "@acme/one"]).await, "+ ben (@acme/one)\n");
    let owners = "ana <ana@registry.example>\nben <ben@registry.example>\n";
    assert_eq!(printed(&npm, &["owner", "ls", "@acme/one"]).await, owners);
    assert_eq!(printed(&npm, &["owner", "rm", "ben", "@acme/one"]).await, "- ben (@acme/one)\n");

    assert_eq!(printed(&npm, &["unpublish", "@acme/one@1.1.0"]).await, "- @acme/one@1.1.0\n");
    let _ =
        npm.run(&["view", "@acme/one@1.1.0"]).await.assert_failure().assert_printed("npm error code E404");
    assert_eq!(printed(&npm, &["unpublish", "--force", "@acme/one"]).await, "- @acme/one\n");
    let _ = npm.run(&["view", "@acme/one"]).await.assert_failure().assert_printed("npm error code E404");
}

#[tokio::test]
async fn it_searches_pings_and_audits() {
    let registry = Registry::start().await;
    let npm = npm_of(&registry, "ana").await;
    let _ = publish(&npm, "@acme/pear", "1.0.0", &[]).await.assert_success();
    let found = printed(&npm, &["search", "--json", "pear"]).await;
    assert_eq!(serde_json::from_str::<Value>(&found).unwrap()[0]["name"], "@acme/pear");
    let _ = npm.run(&["ping"]).await.assert_success().assert_printed("PONG");
    let app = npm.home().project(&package("app", "1.0.0").dependency("@acme/pear", "1.0.0"));
    let _ = npm.run_in(&app, &["install"]).await.assert_success();
    assert_clean(&npm, &app).await;
}

async fn assert_clean(npm: &Client, folder: &Path) {
    let audited = npm.run_in(folder, &["audit"]).await.assert_success();
    let _ = audited.assert_printed("found 0 vulnerabilities");
}
