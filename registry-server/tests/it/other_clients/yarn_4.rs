use registry_testkit::clients::{Answer, Client, NPM, YARN_4, package};

use super::{Manager, Place, REFUSAL, installed_version};
use crate::support::PASSWORD;

const MANAGER: Manager = Manager {
    pinned: &YARN_4,
    // It publishes only from a folder that it has installed.
    publish: &[&["install"], &["npm", "publish"]],
    add: &["add"],
    lock_file: "yarn.lock",
    frozen: &["install", "--immutable"],
};

#[tokio::test]
async fn a_version_is_published_once() {
    let place = Place::of(&MANAGER).await;
    let refused = place.publish_twice().await;
    let _ = refused.assert_printed(REFUSAL).assert_printed("Response Code: 403 (Forbidden)");
}

#[tokio::test]
async fn packages_are_installed_and_locked() {
    let place = Place::of(&MANAGER).await;
    let lock = place.install_from_lock().await;
    for name in ["@acme/base", "middle", "@acme/top"] {
        // No `__archiveUrl`: the address is the one that every npm registry has.
        let resolution = format!("  resolution: \"{name}@npm:1.2.0\"\n");
        assert!(lock.contains(&resolution), "no {resolution} in\n{lock}");
    }
}

/// yarn 4 publishes it with the version as it is, and npm looks for one without.
#[tokio::test]
async fn build_metadata_is_dropped_as_npm_does() {
    let place = Place::of(&MANAGER).await;
    let _ = place.publish(&package("@acme/one", "1.2.0+sha.1")).await.assert_success();
    let packument = place.packument("@acme/one").await;
    assert_eq!(packument["dist-tags"]["latest"], "1.2.0");
    assert_eq!(packument["versions"]["1.2.0"]["version"], "1.2.0");
    for pinned in [&YARN_4, &NPM] {
        let client = Client::with_token(pinned, place.server.base_url(), &place.token).await;
        let project = client.home().project(&package("project", "0.0.0"));
        let add: &[&str] = if *pinned == NPM { &["install"] } else { &["add"] };
        for name in ["@acme/one", "@acme/one@1.2.0+sha.1"] {
            let _ = client.run_in(&project, &[add, &[name]].concat()).await.assert_success();
            assert_eq!(installed_version(&project, "@acme/one"), "1.2.0+sha.1", "by {}", pinned.command);
        }
    }
}

#[tokio::test]
async fn yarn_gates_by_age_as_published_times_say() {
    let place = Place::of(&MANAGER).await;
    let _ = place.publish(&package("one", "1.0.0")).await.assert_success();
    let gated = package("gated", "0.0.0").file(".yarnrc.yml", "npmMinimalAgeGate: 1d\n");
    let gated = place.client.home().project(&gated);
    let refused = place.client.run_in(&gated, &["add", "one"]).await.assert_failure();
    let _ = refused.assert_printed("quarantined");
    let project = place.client.home().project(&package("project", "0.0.0"));
    let _ = place.client.run_in(&project, &["add", "one"]).await.assert_success();
    assert_eq!(installed_version(&project, "one"), "1.0.0");
}

#[tokio::test]
async fn a_scope_is_exempt_from_the_age_gate_where_the_project_says_so() {
    let place = Place::of(&MANAGER).await;
    let _ = place.publish(&package("@acme/one", "1.0.0")).await.assert_success();
    let _ = place.publish(&package("two", "1.0.0")).await.assert_success();
    let settings = "npmMinimalAgeGate: 1d\nnpmPreapprovedPackages: [\"@acme/*\"]\n";
    let project = place.client.home().project(&package("project", "0.0.0").file(".yarnrc.yml", settings));
    let _ = place.client.run_in(&project, &["add", "@acme/one"]).await.assert_success();
    assert_eq!(installed_version(&project, "@acme/one"), "1.0.0");
    let _ = place.client.run_in(&project, &["add", "two"]).await.assert_failure();
}

#[tokio::test]
async fn a_user_logs_in_and_out() {
    let place = Place::of(&MANAGER).await;
    let client = Client::new(&YARN_4, place.server.base_url()).await;
    let folder = client.home().project(&package("project", "0.0.0"));
    let whoami = ["npm", "whoami"];
    let _ = client.run_in(&folder, &whoami).await.assert_failure();

    let answers =
        |password: &'static str| [Answer::new("Username:", "ana"), Answer::secret("Password:", password)];
    let login = ["npm", "login"];
    let refused = client.run_on_terminal(&folder, &login, &answers("not the password")).await;
    let _ = refused.assert_failure().assert_printed("Invalid authentication");
    let _ = client.run_on_terminal(&folder, &login, &answers(PASSWORD)).await.assert_success();
    let _ = client.run_in(&folder, &whoami).await.assert_success().assert_printed("YN0000: ana");
    let _ = client.run_in(&folder, &["npm", "logout"]).await.assert_success();
    let _ = client.run_in(&folder, &whoami).await.assert_failure();
}

#[tokio::test]
async fn a_package_is_shown_and_tagged() {
    let place = Place::of(&MANAGER).await;
    let _ = place.publish(&package("@acme/one", "1.0.0")).await.assert_success();
    let _ = place.publish(&package("@acme/one", "1.1.0")).await.assert_success();
    let fields = "name,version,dist-tags";
    let shown = place.printed(&["npm", "info", "@acme/one", "--json", "--fields", fields]).await;
    assert_eq!(
        shown,
        "{\"name\":\"@acme/one\",\"version\":\"1.1.0\",\"dist-tags\":{\"latest\":\"1.1.0\"}}\n"
    );

    let _ = place.printed(&["npm", "tag", "add", "@acme/one@1.0.0", "stable"]).await;
    let list = ["npm", "tag", "list", "@acme/one"];
    let tags = place.run(&list).await.assert_success();
    let _ = tags.assert_printed("@acme/one@latest → 1.1.0").assert_printed("@acme/one@stable → 1.0.0");
    let _ = place.printed(&["npm", "tag", "remove", "@acme/one", "stable"]).await;
    let tags = place.run(&list).await.assert_success();
    assert!(!tags.printed("stable"), "{tags}");
}
