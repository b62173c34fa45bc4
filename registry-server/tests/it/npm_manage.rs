//! Tags, deprecation, unpublishing, owners and stars with the real npm.

use registry_testkit::clients::{Npm, PinnedClient, package};
use serde_json::json;

use crate::support::{Registry, publish, with_each_npm};

with_each_npm!(npm_sends_back_the_document_that_it_read);

async fn printed_by(npm: &Npm, arguments: &[&str]) -> String {
    npm.run(arguments).await.assert_success().stdout
}

#[tokio::test]
async fn a_tag_is_added_listed_moved_and_removed() {
    let registry = Registry::start().await;
    let npm = registry.user("ana").await;
    publish(&npm, &package("@acme/one", "1.0.0")).await;
    publish(&npm, &package("@acme/one", "1.1.0")).await;

    let add = |specification: &'static str| ["dist-tag", "add", specification, "stable"];
    assert_eq!(printed_by(&npm, &add("@acme/one@1.0.0")).await, "+stable: @acme/one@1.0.0\n");
    let ls = ["dist-tag", "ls", "@acme/one"];
    assert_eq!(printed_by(&npm, &ls).await, "latest: 1.1.0\nstable: 1.0.0\n");
    assert_eq!(printed_by(&npm, &add("@acme/one@1.1.0")).await, "+stable: @acme/one@1.1.0\n");
    assert_eq!(printed_by(&npm, &ls).await, "latest: 1.1.0\nstable: 1.1.0\n");
    let removed = printed_by(&npm, &["dist-tag", "rm", "@acme/one", "stable"]).await;
    assert_eq!(removed, "-stable: @acme/one@1.1.0\n");
    assert_eq!(printed_by(&npm, &ls).await, "latest: 1.1.0\n");
}

#[tokio::test]
async fn latest_stays_and_a_tag_names_a_version_that_is_there() {
    let registry = Registry::start().await;
    let npm = registry.user("ana").await;
    publish(&npm, &package("one", "1.0.0")).await;
    let removed = npm.run(&["dist-tag", "rm", "one", "latest"]).await.assert_failure();
    let _ = removed.assert_printed("npm error code E4").assert_printed("latest");
    let added = npm.run(&["dist-tag", "add", "one@9.9.9", "stable"]).await.assert_failure();
    let _ = added.assert_printed("npm error code E4").assert_printed("9.9.9");
    assert_eq!(printed_by(&npm, &["dist-tag", "ls", "one"]).await, "latest: 1.0.0\n");
}

#[tokio::test]
async fn a_deprecated_range_warns_at_install_until_it_is_undone() {
    let registry = Registry::start().await;
    let npm = registry.user("ana").await;
    for version in ["1.0.0", "1.1.0", "2.0.0"] {
        publish(&npm, &package("one", version)).await;
    }
    let project = npm.home().project(&package("project", "0.0.0"));
    let warning = "npm warn deprecated one@1.1.0: use two instead";

    let _ = npm.run(&["deprecate", "one@<2", "use two instead"]).await.assert_success();
    let _ = npm.run_in(&project, &["install", "one@1.1.0"]).await.assert_success().assert_printed(warning);
    let newest = npm.run_in(&project, &["install", "one@2.0.0"]).await.assert_success();
    assert!(!newest.printed("deprecated"), "{newest}");
    assert_eq!(printed_by(&npm, &["view", "one@1.0.0", "deprecated"]).await, "use two instead\n");

    let _ = npm.run(&["deprecate", "one@<2", ""]).await.assert_success();
    let packument = registry.http().get("/one").send().await.assert_status(200).json();
    assert_eq!(packument["versions"]["1.0.0"].get("deprecated"), None);
    let again = npm.run_in(&project, &["install", "one@1.1.0"]).await.assert_success();
    assert!(!again.printed("deprecated"), "{again}");
}

#[tokio::test]
async fn an_unpublished_version_is_gone_and_its_number_is_taken_for_ever() {
    let registry = Registry::start().await;
    let npm = registry.user("ana").await;
    publish(&npm, &package("@acme/one", "1.0.0")).await;
    publish(&npm, &package("@acme/one", "1.1.0")).await;

    assert_eq!(printed_by(&npm, &["unpublish", "@acme/one@1.1.0"]).await, "- @acme/one@1.1.0\n");
    assert_eq!(printed_by(&npm, &["dist-tag", "ls", "@acme/one"]).await, "latest: 1.0.0\n");
    let _ =
        npm.run(&["view", "@acme/one@1.1.0"]).await.assert_failure().assert_printed("npm error code E404");
    let http = registry.http();
    let _ = http.get("/@acme/one/-/one-1.1.0.tgz").send().await.assert_status(404);
    let _ = http.get("/@acme/one/-/one-1.0.0.tgz").send().await.assert_status(200);

    let folder = npm.home().project(&package("@acme/one", "1.1.0"));
    let _ = npm.run_in(&folder, &["publish"]).await.assert_failure().assert_printed("npm error code E403");
    publish(&npm, &package("@acme/one", "1.1.1")).await;
    assert_eq!(printed_by(&npm, &["dist-tag", "ls", "@acme/one"]).await, "latest: 1.1.1\n");
}

#[tokio::test]
async fn an_unpublished_package_is_gone_and_its_numbers_are_taken_for_ever() {
    let registry = Registry::start().await;
    let npm = registry.user("ana").await;
    publish(&npm, &package("one", "1.0.0")).await;
    publish(&npm, &package("one", "1.1.0")).await;

    let _ =
        npm.run(&["unpublish", "one"]).await.assert_failure().assert_printed("Run with --force to do this");
    assert_eq!(printed_by(&npm, &["unpublish", "one", "--force"]).await, "- one\n");
    let _ = npm.run(&["view", "one"]).await.assert_failure().assert_printed("npm error code E404");
    let _ = registry.http().get("/one/-/one-1.0.0.tgz").send().await.assert_status(404);

    let folder = npm.home().project(&package("one", "1.0.0"));
    let _ = npm.run_in(&folder, &["publish"]).await.assert_failure().assert_printed("npm error code E403");
    publish(&npm, &package("one", "2.0.0")).await;
    assert_eq!(printed_by(&npm, &["view", "one", "versions", "--json"]).await, "[\n  \"2.0.0\"\n]\n");
}

#[tokio::test]
async fn owners_are_listed_added_and_removed_by_owners() {
    let registry = Registry::start().await;
    let (ana, bob, carol) =
        (registry.user("ana").await, registry.user("bob").await, registry.user("carol").await);
    publish(&ana, &package("@acme/one", "1.0.0")).await;
    let ls = ["owner", "ls", "@acme/one"];
    assert_eq!(printed_by(&ana, &ls).await, "ana <ana@registry.example>\n");

    let usurped = carol.run(&["owner", "add", "carol", "@acme/one"]).await.assert_failure();
    let _ = usurped.assert_printed("npm error code EOWNERMUTATE").assert_printed("403 Forbidden");
    assert_eq!(printed_by(&ana, &["owner", "add", "bob", "@acme/one"]).await, "+ bob (@acme/one)\n");
    assert_eq!(printed_by(&carol, &ls).await, "ana <ana@registry.example>\nbob <bob@registry.example>\n");
    publish(&bob, &package("@acme/one", "1.1.0")).await;
    assert_eq!(printed_by(&bob, &["owner", "rm", "ana", "@acme/one"]).await, "- ana (@acme/one)\n");
    let returned = ana.run(&["owner", "add", "ana", "@acme/one"]).await.assert_failure();
    let _ = returned.assert_printed("403 Forbidden");
    assert_eq!(printed_by(&carol, &ls).await, "bob <bob@registry.example>\n");
    let missing = bob.run(&["owner", "add", "nobody", "@acme/one"]).await.assert_failure();
    let _ = missing.assert_printed("npm error code E404");
}

#[tokio::test]
async fn the_last_owner_stays() {
    let registry = Registry::start().await;
    let npm = registry.user("ana").await;
    publish(&npm, &package("one", "1.0.0")).await;
    let _ = npm.run(&["owner", "rm", "ana", "one"]).await.assert_failure().assert_printed("EOWNERRM");

    // npm itself refuses, but yarn and curl would not.
    let http = registry.http();
    let packument = http.get("/one").send().await.assert_status(200).json();
    let revision = packument["_rev"].as_str().unwrap();
    let no_owners = json!({ "_id": "one", "_rev": revision, "maintainers": [] });
    let token = npm.home().token().unwrap();
    let refused = http.put(&format!("/one/-rev/{revision}")).bearer(&token).json(&no_owners).send().await;
    assert!(refused.status.is_client_error(), "{}", refused.text());
    assert!(!refused.error().is_empty());
    assert_eq!(printed_by(&npm, &["owner", "ls", "one"]).await, "ana <ana@registry.example>\n");
}

#[tokio::test]
async fn a_reader_stars_and_unstars() {
    let registry = Registry::start().await;
    let (ana, bob) = (registry.user("ana").await, registry.user("bob").await);
    publish(&ana, &package("@acme/one", "1.0.0")).await;
    publish(&ana, &package("two", "1.0.0")).await;

    let _ = bob.run(&["star", "@acme/one"]).await.assert_success().assert_printed("@acme/one");
    let _ = bob.run(&["star", "two"]).await.assert_success();
    let mut stars: Vec<_> = printed_by(&bob, &["stars"]).await.lines().map(str::to_owned).collect();
    stars.sort();
    assert_eq!(stars, ["@acme/one", "two"]);
    let packument = registry.http().get("/@acme%2fone").send().await.assert_status(200).json();
    assert_eq!(packument["users"], json!({ "bob": true }));

    let _ = bob.run(&["unstar", "@acme/one"]).await.assert_success();
    assert_eq!(printed_by(&bob, &["stars"]).await, "two\n");
    assert_eq!(printed_by(&ana, &["stars", "bob"]).await, "two\n");
}

/// All that decides about installs comes back as it was served, so that nothing is taken for a change of it.
async fn npm_sends_back_the_document_that_it_read(pinned: &PinnedClient) {
    let registry = Registry::start().await;
    let npm = registry.user_of(pinned, "ana").await;
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        publish(&npm, &package("@acme/one", version).with_much()).await;
    }
    let before = registry.http().get("/@acme%2fone").send().await.assert_status(200).json();
    let _ = npm.run(&["deprecate", "@acme/one@1.0.0", "old"]).await.assert_success();
    let _ = npm.run(&["unpublish", "@acme/one@1.1.0"]).await.assert_success();
    let after = registry.http().get("/@acme%2fone").send().await.assert_status(200).json();
    let mut expected = before["versions"].clone();
    expected["1.0.0"]["deprecated"] = json!("old");
    expected.as_object_mut().unwrap().shift_remove("1.1.0");
    assert_eq!(after["versions"], expected);
}
