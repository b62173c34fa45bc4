use registry_testkit::clients::{BUN, package};

use super::{Manager, Place, REFUSAL};

const MANAGER: Manager = Manager {
    pinned: &BUN,
    publish: &[&["publish"]],
    add: &["add"],
    lock_file: "bun.lock",
    frozen: &["install", "--frozen-lockfile"],
};

#[tokio::test]
async fn a_version_is_published_once() {
    let place = Place::of(&MANAGER).await;
    let refused = place.publish_twice().await;
    let _ = refused.assert_printed("403 Forbidden").assert_printed(REFUSAL);
}

#[tokio::test]
async fn packages_are_installed_and_locked() {
    let place = Place::of(&MANAGER).await;
    let lock = place.install_from_lock().await;
    for (name, file) in
        [("@acme/base", "base-1.2.0.tgz"), ("middle", "middle-1.2.0.tgz"), ("@acme/top", "top-1.2.0.tgz")]
    {
        let integrity = &place.packument(name).await["versions"]["1.2.0"]["dist"]["integrity"];
        let address = format!("\"{}/{name}/-/{file}\"", place.server.base_url());
        let line = lock.lines().find(|line| line.contains(&address));
        let line = line.unwrap_or_else(|| panic!("no {address} in\n{lock}"));
        assert!(line.contains(&integrity.to_string()), "no {integrity} in {line}");
    }
}

#[tokio::test]
async fn a_package_is_shown() {
    let place = Place::of(&MANAGER).await;
    let _ = place.publish(&package("@acme/one", "1.0.0")).await.assert_success();
    let shown = place.run(&["info", "@acme/one"]).await.assert_success();
    let _ = shown.assert_printed("@acme/one@1.0.0").assert_printed("- ana <ana@registry.example>");
    let missing = place.run(&["info", "@acme/none"]).await;
    let _ = missing.assert_failure();
}

#[tokio::test]
async fn a_user_is_named() {
    let place = Place::of(&MANAGER).await;
    let whoami = place.run(&["pm", "whoami"]).await.assert_success();
    assert_eq!(whoami.stdout, "ana\n");
    place.client.home().set_token("npm_unknown0000000000000000000000000000");
    let _ = place.run(&["pm", "whoami"]).await.assert_failure();
}
