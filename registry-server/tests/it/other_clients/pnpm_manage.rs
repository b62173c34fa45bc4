//! Tags, deprecation, unpublishing, owners and stars, for which pnpm has requests of its own.

use registry_testkit::clients::package;
use serde_json::json;

use super::{Place, pnpm::MANAGER};

/// A registry with `@acme/one` in these versions.
async fn place_with(versions: &[&str]) -> Place {
    let place = Place::of(&MANAGER).await;
    for version in versions {
        let _ = place.publish(&package("@acme/one", version)).await.assert_success();
    }
    place
}

#[tokio::test]
async fn a_tag_is_added_listed_and_removed() {
    let place = place_with(&["1.0.0", "1.1.0"]).await;
    let ls = ["dist-tag", "ls", "@acme/one"];
    let added = place.printed(&["dist-tag", "add", "@acme/one@1.0.0", "stable"]).await;
    assert_eq!(added, "+stable: @acme/one@1.0.0\n");
    assert_eq!(place.printed(&ls).await, "latest: 1.1.0\nstable: 1.0.0\n");
    let _ = place.printed(&["dist-tag", "rm", "@acme/one", "stable"]).await;
    assert_eq!(place.printed(&ls).await, "latest: 1.1.0\n");
    let missing = place.run(&["dist-tag", "add", "@acme/one@9.9.9", "stable"]).await;
    let _ = missing.assert_failure();
    assert_eq!(place.printed(&ls).await, "latest: 1.1.0\n");
}

#[tokio::test]
async fn a_package_is_viewed() {
    let place = place_with(&["1.0.0", "1.1.0"]).await;
    let seen = place.run(&["view", "@acme/one"]).await.assert_success();
    let _ = seen.assert_printed("@acme/one@1.1.0").assert_printed("- ana <ana@registry.example>");
    let versions = place.printed(&["view", "@acme/one", "versions", "--json"]).await;
    assert_eq!(serde_json::from_str::<serde_json::Value>(&versions).unwrap(), json!(["1.0.0", "1.1.0"]));
    let _ = place.run(&["view", "@acme/none"]).await.assert_failure().assert_printed("404");
}

#[tokio::test]
async fn a_deprecated_range_warns_until_it_is_taken_back() {
    let place = place_with(&["1.0.0", "1.1.0", "2.0.0"]).await;
    let project = place.client.home().project(&package("project", "0.0.0"));
    let add = ["add", "--reporter=append-only", "@acme/one@1.1.0"];
    let warning = "deprecated @acme/one@1.1.0";

    let _ = place.printed(&["deprecate", "@acme/one@<2", "use two instead"]).await;
    assert_eq!(place.printed(&["view", "@acme/one@1.0.0", "deprecated"]).await, "use two instead\n");
    let _ = place.client.run_in(&project, &add).await.assert_success().assert_printed(warning);
    let _ = place.printed(&["undeprecate", "@acme/one@<2"]).await;
    for manifest in place.packument("@acme/one").await["versions"].as_object().unwrap().values() {
        assert_eq!(manifest.get("deprecated"), None);
    }
}

/// All that decides about installs comes back as it was served, so that nothing is taken for a change of it.
#[tokio::test]
async fn pnpm_sends_back_the_document_that_it_read() {
    let place = Place::of(&MANAGER).await;
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        let _ = place.publish(&package("@acme/one", version).with_much()).await.assert_success();
    }
    let before = place.packument("@acme/one").await;
    let _ = place.printed(&["deprecate", "@acme/one@1.0.0", "old"]).await;
    let _ = place.printed(&["star", "@acme/one"]).await;
    let _ = place.printed(&["unpublish", "@acme/one@1.1.0"]).await;
    let after = place.packument("@acme/one").await;
    let mut expected = before["versions"].clone();
    expected["1.0.0"]["deprecated"] = json!("old");
    expected.as_object_mut().unwrap().shift_remove("1.1.0");
    assert_eq!(after["versions"], expected);
    assert_eq!(after["users"], json!({ "ana": true }));
}

#[tokio::test]
async fn an_unpublished_range_is_gone() {
    let place = place_with(&["1.0.0", "1.1.0", "1.2.0"]).await;
    let removed = place.printed(&["unpublish", "@acme/one@>=1.1"]).await;
    assert_eq!(removed, "Successfully unpublished 2 version(s) of @acme/one\n");
    let packument = place.packument("@acme/one").await;
    assert_eq!(packument["dist-tags"], json!({ "latest": "1.0.0" }));
    assert_eq!(packument["versions"].as_object().unwrap().keys().collect::<Vec<_>>(), ["1.0.0"]);
    let again = place.publish(&package("@acme/one", "1.2.0")).await.assert_failure();
    let _ = again.assert_printed("(status 403 Forbidden)");
}

#[tokio::test]
async fn owners_are_listed_added_and_removed() {
    let place = place_with(&["1.0.0"]).await;
    let bob = place.colleague("bob").await;
    let ls = ["owner", "ls", "@acme/one"];
    assert_eq!(place.printed(&ls).await, "ana <ana@registry.example>\n");
    let usurped = bob.run(&["owner", "add", "@acme/one", "bob"]).await.assert_failure();
    let _ = usurped.assert_printed("ERR_PNPM_FORBIDDEN");
    let _ = place.printed(&["owner", "add", "@acme/one", "bob"]).await;
    assert_eq!(place.printed(&ls).await, "ana <ana@registry.example>\nbob <bob@registry.example>\n");
    let _ = place.printed(&["owner", "rm", "@acme/one", "ana"]).await;
    assert_eq!(place.printed(&ls).await, "bob <bob@registry.example>\n");
    let last = bob.run(&["owner", "rm", "@acme/one", "bob"]).await.assert_failure();
    let _ = last.assert_printed("must keep at least one owner");
    let missing = bob.run(&["owner", "add", "@acme/one", "nobody"]).await.assert_failure();
    let _ = missing.assert_printed("the user nobody does not exist");
}

#[tokio::test]
async fn a_reader_stars_and_unstars() {
    let place = place_with(&["1.0.0"]).await;
    let bob = place.colleague("bob").await;
    let stars = async |arguments: &[&str]| bob.run(arguments).await.assert_success().stdout;
    assert_eq!(stars(&["stars"]).await, "");
    let _ = bob.run(&["star", "@acme/one"]).await.assert_success();
    assert_eq!(stars(&["stars"]).await, "@acme/one\n");
    assert_eq!(place.printed(&["stars", "bob"]).await, "@acme/one\n");
    assert_eq!(place.printed(&["stars"]).await, "");
    let _ = bob.run(&["unstar", "@acme/one"]).await.assert_success();
    assert_eq!(stars(&["stars"]).await, "");
}
