//! Signing in, publishing and installing with the real npm.

use std::fs;
use std::path::Path;

use registry_testkit::clients::{Npm, package};
use serde_json::{Value, json};

use crate::support::{PASSWORD, Registry, publish};

fn read_json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

async fn view(npm: &Npm, arguments: &[&str]) -> String {
    let arguments: Vec<_> = ["view"].iter().chain(arguments).copied().collect();
    npm.run(&arguments).await.assert_success().stdout.trim().to_owned()
}

#[tokio::test]
async fn an_account_is_made_and_left_and_entered_again() {
    let registry = Registry::start().await;
    let npm = registry.stranger().await;
    let welcome = format!("Logged in on {}.", npm.home().registry());

    let _ = npm.adduser("ana", PASSWORD).await.assert_success().assert_printed(&welcome);
    assert_eq!(npm.run(&["whoami"]).await.assert_success().stdout, "ana\n");

    let _ = npm.run(&["logout"]).await.assert_success();
    assert_eq!(npm.home().token(), None);
    let _ = npm.run(&["whoami"]).await.assert_failure().assert_printed("npm error code ENEEDAUTH");

    let _ = npm.login("ana", "a wrong password").await.assert_failure().assert_printed("npm error code E401");
    let _ = npm.login("ana", PASSWORD).await.assert_success().assert_printed(&welcome);
    assert_eq!(npm.run(&["whoami"]).await.assert_success().stdout, "ana\n");
}

#[tokio::test]
async fn a_taken_name_is_not_signed_up_again() {
    let registry = Registry::start().await;
    let ana = registry.user("ana").await;
    let other = registry.stranger().await;
    let _ = other.adduser("ana", "another password").await.assert_failure();
    assert_eq!(other.home().token(), None);
    assert_eq!(ana.run(&["whoami"]).await.assert_success().stdout, "ana\n");
}

#[tokio::test]
async fn login_ignores_a_token_that_is_no_longer_good() {
    let registry = Registry::start().await;
    let npm = registry.user("ana").await;
    npm.home().set_token("npm_expired0000000000000000000000000000");
    let _ = npm.run(&["whoami"]).await.assert_failure().assert_printed("npm error code E401");
    let _ = npm.login("ana", PASSWORD).await.assert_success();
    assert_eq!(npm.run(&["whoami"]).await.assert_success().stdout, "ana\n");
}

#[tokio::test]
async fn ping_needs_no_account() {
    let registry = Registry::start().await;
    let npm = registry.stranger().await;
    let _ = npm.run(&["ping"]).await.assert_success().assert_printed("npm notice PONG ");
}

#[tokio::test]
async fn a_package_is_published_with_all_that_npm_expects_of_it() {
    let registry = Registry::start().await;
    let npm = registry.user("ana").await;
    let folder = npm.home().project(
        &package("one", "1.0.0")
            .field("description", json!("the first"))
            .field("license", json!("MIT"))
            .command("one"),
    );
    assert_eq!(npm.run_in(&folder, &["publish"]).await.assert_success().stdout, "+ one@1.0.0\n");

    let packument = registry.http().get("/one").send().await.assert_status(200).json();
    assert_eq!(packument["name"], "one");
    assert_eq!(packument["description"], "the first");
    assert_eq!(packument["dist-tags"], json!({ "latest": "1.0.0" }));
    assert_eq!(packument["readme"], "# one\n");
    assert_eq!(packument["maintainers"], json!([{ "name": "ana", "email": "ana@registry.example" }]));
    assert!(packument["time"]["created"].is_string() && packument["time"]["1.0.0"].is_string());
    let version = &packument["versions"]["1.0.0"];
    assert_eq!(version["bin"], json!({ "one": "bin/one.js" }));
    assert_eq!(version["_npmUser"], json!({ "name": "ana", "email": "ana@registry.example" }));
    let dist = &version["dist"];
    assert_eq!(dist["tarball"], format!("{}/one/-/one-1.0.0.tgz", registry.server.base_url()));
    assert_eq!(dist["fileCount"], 4);
    assert!(dist["unpackedSize"].as_u64().unwrap() > 100);
    assert!(dist["integrity"].as_str().unwrap().starts_with("sha512-"));
}

#[tokio::test]
async fn a_scoped_package_needs_no_access_flag() {
    let registry = Registry::start().await;
    let npm = registry.user("ana").await;
    let folder = npm.home().project(&package("@acme/one", "1.0.0"));
    assert_eq!(npm.run_in(&folder, &["publish"]).await.assert_success().stdout, "+ @acme/one@1.0.0\n");
    assert_eq!(view(&npm, &["@acme/one", "version"]).await, "1.0.0");
}

#[tokio::test]
async fn the_first_version_is_latest_whatever_its_tag() {
    let registry = Registry::start().await;
    let npm = registry.user("ana").await;
    let folder = npm.home().project(&package("one", "1.0.0"));
    let _ = npm.run_in(&folder, &["publish", "--tag", "beta"]).await.assert_success();
    let tags = npm.run(&["dist-tag", "ls", "one"]).await.assert_success().stdout;
    assert_eq!(tags, "beta: 1.0.0\nlatest: 1.0.0\n");
}

#[tokio::test]
async fn a_prerelease_with_a_tag_leaves_latest_alone() {
    let registry = Registry::start().await;
    let npm = registry.user("ana").await;
    publish(&npm, &package("one", "1.0.0")).await;
    let folder = npm.home().project(&package("one", "2.0.0-rc.1"));
    let _ = npm.run_in(&folder, &["publish", "--tag", "next"]).await.assert_success();
    let tags = npm.run(&["dist-tag", "ls", "one"]).await.assert_success().stdout;
    assert_eq!(tags, "latest: 1.0.0\nnext: 2.0.0-rc.1\n");
}

#[tokio::test]
async fn a_version_is_published_once() {
    let registry = Registry::start().await;
    let npm = registry.user("ana").await;
    publish(&npm, &package("one", "1.0.0")).await;
    let before = view(&npm, &["one@1.0.0", "dist.integrity"]).await;

    let folder = npm.home().project(&package("one", "1.0.0").file("index.js", "module.exports = 'other';\n"));
    let refusal = "You cannot publish over the previously published versions: 1.0.0.";
    let _ = npm.run_in(&folder, &["publish"]).await.assert_failure().assert_printed(refusal);
    // With --force npm does not look first, and this is the server's own refusal.
    let forced = npm.run_in(&folder, &["publish", "--force"]).await.assert_failure();
    let _ = forced.assert_printed("npm error code E403").assert_printed(refusal);
    assert_eq!(view(&npm, &["one@1.0.0", "dist.integrity"]).await, before);
}

#[tokio::test]
async fn npm_view_shows_the_whole_a_field_a_version_and_a_tag() {
    let registry = Registry::start().await;
    let npm = registry.user("ana").await;
    publish(&npm, &package("one", "1.0.0").field("license", json!("MIT"))).await;
    publish(&npm, &package("one", "1.1.0").field("license", json!("MIT"))).await;
    let _ = npm.run(&["dist-tag", "add", "one@1.0.0", "stable"]).await.assert_success();

    let all = npm.run(&["view", "one"]).await.assert_success();
    let _ = all.assert_printed("one@1.1.0 | MIT | deps: none | versions: 2").assert_printed("stable: 1.0.0");
    assert_eq!(view(&npm, &["one", "license"]).await, "MIT");
    assert_eq!(view(&npm, &["one@1.0.0", "_id"]).await, "one@1.0.0");
    assert_eq!(view(&npm, &["one@stable", "version"]).await, "1.0.0");
    let versions: Value = serde_json::from_str(&view(&npm, &["one", "versions", "--json"]).await).unwrap();
    assert_eq!(versions, json!(["1.0.0", "1.1.0"]));
    let _ = npm.run(&["view", "missing"]).await.assert_failure().assert_printed("npm error code E404");
}

#[tokio::test]
async fn packages_are_installed_with_what_they_depend_on() {
    let registry = Registry::start().await;
    let npm = registry.user("ana").await;
    publish(&npm, &package("@acme/base", "1.2.0")).await;
    publish(&npm, &package("middle", "1.0.0").dependency("@acme/base", "^1.0.0")).await;
    publish(&npm, &package("@acme/top", "1.0.0").dependency("middle", "^1.0.0").command("top")).await;

    let project = npm.home().project(&package("project", "0.0.0"));
    let installed = npm.run_in(&project, &["install", "@acme/top", "middle"]).await.assert_success();
    assert_eq!(npm.home().redacted(&installed), "\nadded 3 packages in [time]\n");
    let printed = npm.run_in(&project, &["exec", "--no", "top"]).await.assert_success().stdout;
    assert_eq!(printed, "@acme/top@1.0.0\n");

    let lock = read_json(&project.join("package-lock.json"));
    let base = registry.server.base_url();
    for (name, file) in
        [("@acme/top", "top-1.0.0.tgz"), ("middle", "middle-1.0.0.tgz"), ("@acme/base", "base-1.2.0.tgz")]
    {
        let locked = &lock["packages"][format!("node_modules/{name}")];
        assert_eq!(locked["resolved"], format!("{base}/{name}/-/{file}"));
        assert!(locked["integrity"].as_str().unwrap().starts_with("sha512-"), "{locked}");
    }

    // A colleague with nothing cached gets the same from the lock file alone.
    let colleague = registry.user("bob").await;
    let copy = colleague.home().project(
        &package("project", "0.0.0").dependency("@acme/top", "^1.0.0").dependency("middle", "^1.0.0"),
    );
    fs::copy(project.join("package-lock.json"), copy.join("package-lock.json")).unwrap();
    let _ = colleague.run_in(&copy, &["ci"]).await.assert_success();
    assert_eq!(read_json(&copy.join("node_modules/@acme/base/package.json"))["version"], "1.2.0");
}

/// npm packs what a bundled package needs from where it was hoisted to, and nothing else that is in the folder.
#[tokio::test]
async fn a_bundled_package_is_published_with_what_it_needs() {
    let registry = Registry::start().await;
    let npm = registry.user("ana").await;
    publish(&npm, &package("@acme/base", "1.0.0")).await;
    publish(&npm, &package("middle", "1.0.0").dependency("@acme/base", "^1.0.0")).await;
    publish(&npm, &package("other", "1.0.0")).await;
    let top = package("top", "1.0.0").dependency("middle", "^1.0.0").dependency("other", "^1.0.0");
    let top = npm.home().project(&top.field("bundleDependencies", json!(["middle"])));
    let _ = npm.run_in(&top, &["install"]).await.assert_success();
    let _ = npm.run_in(&top, &["publish"]).await.assert_success();

    let project = npm.home().project(&package("project", "0.0.0"));
    let _ = npm.run_in(&project, &["install", "top"]).await.assert_success();
    let bundled = project.join("node_modules/top/node_modules");
    assert!(bundled.join("middle").is_dir() && bundled.join("@acme/base").is_dir());
    assert!(!bundled.join("other").exists() && project.join("node_modules/other").is_dir());
}

#[tokio::test]
async fn a_second_install_only_asks_whether_anything_changed() {
    let registry = Registry::start().await;
    let npm = registry.user("ana").await;
    publish(&npm, &package("@acme/base", "1.0.0")).await;
    publish(&npm, &package("top", "1.0.0").dependency("@acme/base", "^1.0.0")).await;
    let project = npm.home().project(&package("project", "0.0.0").dependency("top", "^1.0.0"));
    let _ = npm.run_in(&project, &["install"]).await.assert_success();
    fs::remove_dir_all(project.join("node_modules")).unwrap();
    fs::remove_file(project.join("package-lock.json")).unwrap();

    let again =
        npm.run_in(&project, &["install", "--prefer-online", "--loglevel=http"]).await.assert_success();
    // npm says "revalidated" where the server answered 304 and the cached packument was used.
    let printed = npm.home().redacted(&again);
    for name in ["top", "@acme%2fbase"] {
        let line = format!("GET 200 [registry]/{name} [time] (cache revalidated)");
        assert!(printed.contains(&line), "no line {line:?} in\n{printed}");
    }
}

#[tokio::test]
async fn publishing_needs_an_account() {
    let registry = Registry::start().await;
    let npm = registry.stranger().await;
    let folder = npm.home().project(&package("one", "1.0.0"));
    let _ =
        npm.run_in(&folder, &["publish"]).await.assert_failure().assert_printed("npm error code ENEEDAUTH");

    npm.home().set_token("npm_unknown0000000000000000000000000000");
    let refused = npm.run_in(&folder, &["publish"]).await.assert_failure();
    let _ = refused
        .assert_printed("npm error code E401")
        .assert_printed("your authentication token seems to be invalid");
    let _ = registry.http().get("/one").send().await.assert_status(404);
}

#[tokio::test]
async fn after_logout_the_token_is_worth_nothing() {
    let registry = Registry::start().await;
    let npm = registry.user("ana").await;
    let token = npm.home().token().unwrap();
    let _ = npm.run(&["logout"]).await.assert_success();
    let folder = npm.home().project(&package("one", "1.0.0"));
    let _ =
        npm.run_in(&folder, &["publish"]).await.assert_failure().assert_printed("npm error code ENEEDAUTH");
    npm.home().set_token(&token);
    let _ = npm.run_in(&folder, &["publish"]).await.assert_failure().assert_printed("npm error code E401");
}

/// npm installs what a shrinkwrap names, whatever `package.json` says.
#[tokio::test]
async fn a_shrinkwrap_that_names_another_registry_is_written_anew_as_the_error_says() {
    let registry = Registry::start().await;
    let npm = registry.user("ana").await;
    publish(&npm, &package("fig", "1.0.0")).await;
    let dependencies = json!({ "fig": "^1.0.0" });
    let folder = npm.home().project(&package("tool", "1.0.0").field("dependencies", dependencies));
    // Lock files are written without addresses here, unless that is turned off.
    let with_addresses = "--no-omit-lockfile-registry-resolved";
    let _ = npm.run_in(&folder, &["install", with_addresses]).await.assert_success();
    let _ = npm.run_in(&folder, &["shrinkwrap", with_addresses]).await.assert_success();
    let shrinkwrap = folder.join("npm-shrinkwrap.json");
    assert!(read_json(&shrinkwrap)["packages"]["node_modules/fig"]["resolved"].is_string());
    // The server does not know by which address it is reached.
    let remedy = "npm shrinkwrap --omit-lockfile-registry-resolved";
    let refused = npm.run_in(&folder, &["publish"]).await.assert_failure();
    assert!(refused.stderr.contains(remedy), "{}", refused.stderr);
    let remedy: Vec<_> = remedy.split(' ').skip(1).collect();
    let _ = npm.run_in(&folder, &remedy).await.assert_success();
    assert_eq!(npm.run_in(&folder, &["publish"]).await.assert_success().stdout, "+ tool@1.0.0\n");
    let user = npm.home().project(&package("user", "1.0.0"));
    let _ = npm.run_in(&user, &["install", "tool"]).await.assert_success();
    assert!(user.join("node_modules/tool/node_modules/fig/package.json").exists());
}
