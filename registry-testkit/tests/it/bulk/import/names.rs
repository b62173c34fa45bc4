use std::sync::Arc;

use registry_core::access::{AccessRules, RuleSettings};
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::{ScriptedUpstream, TestRegistry};
use serde_json::{Value, json};

use super::Source;

/// A registry in front of another one, whose packages come from `origin`.
async fn in_front_of(upstream: &ScriptedUpstream, origin: Value) -> TestRegistry {
    let rules = json!([
        { "match": "**", "read": ["@all"], "publish": ["@authenticated"], "origin": origin },
    ]);
    let rules: Vec<RuleSettings> = serde_json::from_value(rules).unwrap();
    let access = AccessRules::compile_with_upstreams(&rules, &["npm"]).unwrap();
    TestRegistry::builder().access(access).upstream("npm", Arc::new(upstream.clone())).start().await
}

fn source_of(names: &[&str]) -> Source {
    let source = Source::default();
    for name in names {
        source.publish(&PublishDocument::new(name, "1.0.0"));
    }
    source
}

/// The names of all packages that are imported, and the failures.
async fn listed(source: &Source, scopes: &[&str], all: bool) -> (Vec<String>, Vec<String>) {
    let registry = TestRegistry::new().await;
    let imported = source.import_as(&registry, |options| {
        options.scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        options.all = all;
    });
    let (packages, failures) = imported.await;
    (packages.iter().map(|imported| imported.package.to_string()).collect(), failures)
}

#[tokio::test]
async fn a_name_that_is_not_free_here_is_refused_before_a_tarball_is_fetched() {
    let source = source_of(&["pear", "Fig", "plum"]);
    let upstream = source_of(&["pear"]).upstream;
    upstream.set_name("another registry");
    let registry = in_front_of(&upstream, json!(["hosted", "npm"])).await;
    let _ = registry.ana().publish(&PublishDocument::new("fig", "1.0.0")).await.assert_status(201);
    let hosted = async || {
        let keys = registry.keys().await;
        keys.into_iter().filter(|key| !key.starts_with("_upstream")).collect::<Vec<_>>()
    };
    let before = hosted().await;
    let (packages, failures) = source.import(&registry, &["pear", "Fig"]).await;
    assert_eq!(packages, []);
    insta::assert_snapshot!(failures.join("\n"), @r"
    cannot read or change the package pear: pear exists in the registry npm that this one stands in front of: publish under another name or scope
    cannot read or change the package Fig: the name Fig differs from the package fig only in capitals, and would be confused with it: publish to fig, or choose another name
    ");
    let asked = source.upstream.take_asked();
    assert!(asked.iter().all(|asked| asked.starts_with("packument ")), "{asked:?}");
    assert_eq!(hosted().await, before);

    let proxied = in_front_of(&upstream, json!(["npm"])).await;
    let (packages, failures) = source.import(&proxied, &["plum"]).await;
    assert_eq!(packages, []);
    insta::assert_snapshot!(failures.join("\n"), @"cannot read or change the package plum: packages named plum are not published here: the registry's rules take them from npm; publish under another name or scope");
}

/// Readers get the same package as before, now from here.
#[tokio::test]
async fn a_package_of_an_upstream_is_taken_over_from_that_upstream() {
    let source = source_of(&["pear"]);
    let registry = in_front_of(&source.upstream, json!(["hosted", "npm"])).await;
    let _ = registry.anonymous().get("/pear").await.assert_status(200);
    assert_eq!(source.imported(&registry, "pear").await.added, 1);
    source.upstream.set_down(true);
    let pear = registry.anonymous().get("/pear").await.assert_status(200).json();
    assert_eq!(pear["maintainers"][0]["name"], "eva");
    let _ = registry.anonymous().get("/pear/-/pear-1.0.0.tgz").await.assert_status(200);
}

/// An old name may have capitals and what else npm no longer permits.
#[tokio::test]
async fn a_name_that_npm_no_longer_permits_is_imported() {
    let (source, registry) = (source_of(&["JSONStream", "old!"]), TestRegistry::new().await);
    for name in ["JSONStream", "old!"] {
        assert_eq!(source.imported(&registry, name).await.added, 1, "{name}");
    }
}

#[tokio::test]
async fn a_scope_is_searched_page_by_page() {
    let many: Vec<String> = (0..260).map(|number| format!("@acme/p{number:03}")).collect();
    let source = source_of(&["@acme-2/pear", "acme", "@other/acme"]);
    for name in &many {
        source.publish(&PublishDocument::new(name, "1.0.0"));
    }
    let (packages, failures) = listed(&source, &["acme"], false).await;
    assert_eq!((packages.len(), failures), (260, Vec::new()));
    assert!(packages.iter().all(|name| name.starts_with("@acme/")), "{packages:?}");
}

#[tokio::test]
async fn all_packages_are_those_of_the_list_each_once() {
    let source = source_of(&["fig", "@acme/pear"]);
    source.upstream.set_packument("Not a name", json!({}));
    let (packages, failures) = listed(&source, &["acme"], true).await;
    assert_eq!(packages, ["@acme/pear", "fig"]);
    insta::assert_snapshot!(failures.join("\n"), @r#"cannot list the packages of the source: it names a package "Not a name", and a package name can only contain URL-friendly characters: leave it there"#);
    let (packages, failures) = listed(&source, &["nobody"], false).await;
    assert_eq!(packages, [""; 0]);
    insta::assert_snapshot!(failures.join("\n"), @"cannot list the packages of the source: its search finds no package of @nobody for this login: name the packages");
    source.upstream.set_down(true);
    let (_, failures) = listed(&source, &["acme"], true).await;
    insta::assert_snapshot!(failures.join("\n"), @r"
    cannot list the packages of the source: the source scripted upstream did not answer as it should: it is down
    cannot list the packages of the source: the source scripted upstream did not answer as it should: it is down
    ");
}
