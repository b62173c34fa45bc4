use registry_testkit::clients::{Answer, Client, PNPM, package};

use super::{Manager, Place, installed_version};
use crate::support::PASSWORD;

pub(super) const MANAGER: Manager = Manager {
    pinned: &PNPM,
    publish: &[&["publish"]],
    add: &["add"],
    lock_file: "pnpm-lock.yaml",
    frozen: &["install", "--frozen-lockfile"],
};

#[tokio::test]
async fn a_version_is_published_once() {
    let place = Place::of(&MANAGER).await;
    // pnpm breaks the lines of what the server says.
    let refused = place.publish_twice().await.assert_printed("ERR_PNPM_FAILED_TO_PUBLISH");
    let _ = refused
        .assert_printed("(status 403 Forbidden)")
        .assert_printed("You cannot publish over the previously published versions:");
}

#[tokio::test]
async fn packages_are_installed_and_locked() {
    let place = Place::of(&MANAGER).await;
    let lock = place.install_from_lock().await;
    for name in ["@acme/base", "middle", "@acme/top"] {
        let integrity = &place.packument(name).await["versions"]["1.2.0"]["dist"]["integrity"];
        // No `tarball` beside it: the address is the one that every npm registry has.
        let resolution = format!("resolution: {{integrity: {}}}\n", integrity.as_str().unwrap());
        assert!(lock.contains(&resolution), "no {resolution} in\n{lock}");
    }
}

#[tokio::test]
async fn pnpm_gates_by_age_as_published_times_say() {
    let place = Place::of(&MANAGER).await;
    let _ = place.publish(&package("one", "1.0.0")).await.assert_success();
    let project = place.client.home().project(&package("project", "0.0.0"));
    let gated =
        ["add", "one", "--config.minimum-release-age=1440", "--config.minimum-release-age-strict=true"];
    let _ = place.client.run_in(&project, &gated).await.assert_failure().assert_printed("minimumReleaseAge");
    let _ = place.client.run_in(&project, &["add", "one"]).await.assert_success();
    assert_eq!(installed_version(&project, "one"), "1.0.0");
}

#[tokio::test]
async fn a_scope_is_exempt_from_the_age_gate_where_the_project_says_so() {
    let place = Place::of(&MANAGER).await;
    let _ = place.publish(&package("@acme/one", "1.0.0")).await.assert_success();
    let _ = place.publish(&package("two", "1.0.0")).await.assert_success();
    let settings = "minimumReleaseAgeExclude:\n  - \"@acme/*\"\n";
    let project = package("project", "0.0.0").file("pnpm-workspace.yaml", settings);
    let project = place.client.home().project(&project);
    let gated =
        |name| ["add", name, "--config.minimum-release-age=1440", "--config.minimum-release-age-strict=true"];
    let _ = place.client.run_in(&project, &gated("@acme/one")).await.assert_success();
    assert_eq!(installed_version(&project, "@acme/one"), "1.0.0");
    let _ = place.client.run_in(&project, &gated("two")).await.assert_failure();
}

#[tokio::test]
async fn a_user_logs_in_and_out() {
    // Without a login in the browser, it asks in the terminal.
    let place = Place::configured(&MANAGER, &format!("{}\n[login]\nweb = false\n", super::PRIVATE)).await;
    let client = Client::new(&PNPM, place.server.base_url()).await;
    let _ = client.run(&["whoami"]).await.assert_failure().assert_printed("ERR_PNPM_WHOAMI_UNAUTHORIZED");

    let folder = client.home().work_folder();
    let answers = |password: &'static str| {
        [
            Answer::new("Username:", "ana"),
            Answer::secret("Password:", password),
            Answer::new("Email (this IS public):", "ana@registry.example"),
        ]
    };
    let refused = client.run_on_terminal(&folder, &["login"], &answers("not the password")).await;
    let _ = refused.assert_failure().assert_printed("incorrect username or password");
    let _ = client.run_on_terminal(&folder, &["login"], &answers(PASSWORD)).await.assert_success();
    assert_eq!(client.run(&["whoami"]).await.assert_success().stdout, "ana\n");

    let _ = client.run(&["logout"]).await.assert_success();
    let _ = client.run(&["whoami"]).await.assert_failure();
    // A free name is signed up.
    let new = Client::new(&PNPM, place.server.base_url()).await;
    let answers = [
        Answer::new("Username:", "ben"),
        Answer::secret("Password:", PASSWORD),
        Answer::new("Email (this IS public):", "ben@registry.example"),
    ];
    let _ = new.run_on_terminal(&new.home().work_folder(), &["adduser"], &answers).await.assert_success();
    assert_eq!(new.run(&["whoami"]).await.assert_success().stdout, "ben\n");
    assert_eq!(place.printed(&["whoami"]).await, "ana\n", "only one token was to end");
}

#[tokio::test]
async fn the_registry_answers_a_ping() {
    let place = Place::of(&MANAGER).await;
    let _ = place.run(&["ping"]).await.assert_success().assert_printed("PONG");
}

#[tokio::test]
async fn packages_are_searched_for() {
    let place = Place::of(&MANAGER).await;
    let _ = place.publish(&package("@acme/one", "1.0.0")).await.assert_success();
    let _ = place.publish(&package("two", "1.0.0")).await.assert_success();
    let found = place.run(&["search", "one"]).await.assert_success().assert_printed("@acme/one");
    assert!(!found.printed("two"), "{found}");
    let json = place.printed(&["search", "--json", "one"]).await;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json[0]["name"], "@acme/one");
    let stranger = Client::new(&PNPM, place.server.base_url()).await;
    let hidden = stranger.run(&["search", "one"]).await;
    assert!(!hidden.printed("@acme/one"), "{hidden}");
}
