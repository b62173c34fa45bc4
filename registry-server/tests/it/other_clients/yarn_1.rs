use std::fs;

use registry_testkit::clients::{Answer, Client, YARN_1, package};

use super::{Manager, Place, REFUSAL};
use crate::support::PASSWORD;

const MANAGER: Manager = Manager {
    pinned: &YARN_1,
    publish: &[&["publish", "--non-interactive"]],
    add: &["add"],
    lock_file: "yarn.lock",
    frozen: &["install", "--frozen-lockfile"],
};

#[tokio::test]
async fn a_version_is_published_once() {
    let place = Place::of(&MANAGER).await;
    let refused = place.publish_twice().await;
    assert_eq!(refused.status.code(), Some(1));
    let _ = refused.assert_printed("Couldn't publish package").assert_printed(REFUSAL);
}

#[tokio::test]
async fn packages_are_installed_and_locked() {
    let place = Place::of(&MANAGER).await;
    let lock = place.install_from_lock().await;
    for (name, file) in
        [("@acme/base", "base-1.2.0.tgz"), ("middle", "middle-1.2.0.tgz"), ("@acme/top", "top-1.2.0.tgz")]
    {
        let dist = &place.packument(name).await["versions"]["1.2.0"]["dist"];
        let (shasum, integrity) = (dist["shasum"].as_str().unwrap(), dist["integrity"].as_str().unwrap());
        let address = format!("{}/{name}/-/{file}", place.server.base_url());
        let resolved = format!("  resolved \"{address}#{shasum}\"\n  integrity {integrity}\n");
        assert!(lock.contains(&resolved), "no {resolved} in\n{lock}");
    }
}

/// yarn 1 calls an answer of 400, 401 or 404 without a text in `error` a success.
#[tokio::test]
async fn a_publish_that_is_refused_or_lost_is_a_failure() {
    let place = Place::of(&MANAGER).await;
    let base_url = place.server.base_url();
    let nowhere = format!("{base_url}/-/nowhere");
    let unknown = "npm_unknown0000000000000000000000000000";
    for (registry, token, tag, reason) in [
        (base_url, place.token.as_str(), "1.x", "1.x"),
        (base_url, unknown, "latest", "your token is not valid for this registry"),
        (&nowhere, &place.token, "latest", "there is nothing at this address"),
    ] {
        let client = Client::with_token(&YARN_1, registry, token).await;
        let folder = client.home().project(&package("one", "1.0.0"));
        let publish = [MANAGER.publish[0], &["--tag", tag]].concat();
        let output = client.run_in(&folder, &publish).await;
        assert_eq!(output.status.code(), Some(1), "{output}");
        let _ = output.assert_printed("error Couldn't publish package").assert_printed(reason);
    }
}

#[tokio::test]
async fn a_publish_without_a_token_signs_in_and_out_again() {
    let place = Place::of(&MANAGER).await;
    let client = Client::new(&YARN_1, place.server.base_url()).await;
    let folder = client.home().project(&package("@acme/one", "1.0.0"));
    let answers = [
        Answer::new("npm username: ", "ana"),
        Answer::new("npm email: ", "ana@registry.example"),
        Answer::secret("npm password: ", PASSWORD),
    ];
    let publish = ["publish", "--new-version", "1.0.0"];
    let published = client.run_on_terminal(&folder, &publish, &answers).await.assert_success();
    let _ = published
        .assert_printed("Logged in.")
        .assert_printed("Published.")
        .assert_printed("Revoked login token.");
    assert_eq!(place.packument("@acme/one").await["dist-tags"]["latest"], "1.0.0");
}

#[tokio::test]
async fn a_package_is_shown_tagged_and_deprecated() {
    let place = Place::of(&MANAGER).await;
    let _ = place.publish(&package("@acme/one", "1.0.0")).await.assert_success();
    let _ = place.publish(&package("@acme/one", "1.1.0")).await.assert_success();
    let _ = place.run(&["info", "@acme/one", "version"]).await.assert_success().assert_printed("1.1.0");

    let _ = place.printed(&["tag", "add", "@acme/one@1.0.0", "stable"]).await;
    let tags = place.run(&["tag", "list", "@acme/one"]).await.assert_success();
    let _ = tags.assert_printed("info latest: 1.1.0").assert_printed("info stable: 1.0.0");
    let _ = place.printed(&["tag", "remove", "@acme/one", "stable"]).await;
    let tags = place.run(&["tag", "list", "@acme/one"]).await.assert_success();
    assert!(!tags.printed("stable"), "{tags}");

    place.deprecate("@acme/one", "1.1.0", "use two instead").await;
    let project = place.client.home().project(&package("project", "0.0.0"));
    let added = place.client.run_in(&project, &["add", "@acme/one"]).await.assert_success();
    let _ = added.assert_printed("warning @acme/one@1.1.0: use two instead");
}

/// yarn 1 changes owners without having read them, and would leave only the new one.
#[tokio::test]
async fn owners_are_listed_and_not_overwritten() {
    let place = Place::of(&MANAGER).await;
    let _ = place.publish(&package("one", "1.0.0")).await.assert_success();
    let _bob = place.colleague("bob").await;
    let refused = place.run(&["owner", "add", "bob", "one"]).await.assert_failure();
    let _ = refused.assert_printed("make this change with npm or pnpm");
    let owners = place.run(&["owner", "list", "one"]).await.assert_success();
    assert!(!owners.printed("bob"), "{owners}");
    let _ = owners.assert_printed("info ana <ana@registry.example>");
}

/// yarn 1 sends no request when it is told to log in: it keeps a name, and asks for the password at each write.
#[tokio::test]
async fn a_name_is_kept_and_forgotten() {
    let place = Place::of(&MANAGER).await;
    let client = Client::new(&YARN_1, place.server.base_url()).await;
    let folder = client.home().project(&package("@acme/one", "1.0.0"));
    let answers = [Answer::new("npm username: ", "ana"), Answer::new("npm email: ", "ana@registry.example")];
    let _ = client.run_on_terminal(&folder, &["login"], &answers).await.assert_success();
    let publish = ["publish", "--new-version", "1.0.0"];
    let wrong = [Answer::secret("npm password: ", "not the password")];
    let _ = client.run_on_terminal(&folder, &publish, &wrong).await.assert_failure();
    let right = [Answer::secret("npm password: ", PASSWORD)];
    let _ = client.run_on_terminal(&folder, &publish, &right).await.assert_success();
    assert_eq!(place.packument("@acme/one").await["maintainers"][0]["name"], "ana");
    let forgotten = client.run_in(&folder, &["logout"]).await.assert_success();
    let _ = forgotten.assert_printed("Cleared login credentials.");
    let kept = fs::read_to_string(client.home().path().join(".yarnrc")).unwrap();
    assert!(!kept.contains("ana"), "{kept}");
}

/// They ask at addresses that no registry has, and are told that there is nothing.
#[tokio::test]
async fn what_yarn_1_cannot_do_fails() {
    let place = Place::of(&MANAGER).await;
    let _ = place.publish(&package("one", "1.0.0")).await.assert_success();
    let before = place.packument("one").await;
    for command in [
        &["team", "create", "@acme:crew"][..],
        &["team", "list", "@acme"],
        &["access", "public", "one"],
        &["owner", "remove", "ana", "one"],
    ] {
        let refused = place.run(command).await;
        assert_eq!(refused.status.code(), Some(1), "{refused}");
    }
    assert_eq!(place.packument("one").await, before);
}
