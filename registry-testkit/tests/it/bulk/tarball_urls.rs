use std::collections::BTreeMap;

use registry_core::bulk::{BulkMode, MovedPackage, TarballBase};
use registry_testkit::TestRegistry;
use registry_testkit::codebox_npm::{API_ENDPOINT, CodeboxNpm};
use registry_testkit::faulty::{Fault, Gate, Operation};
use registry_testkit::publish_document::PublishDocument;

use super::{MANY, calls_of, fail_at, outcome, records};

const MOVED: &str = "https://npm.example.com/registry";

fn base() -> TarballBase {
    MOVED.parse().unwrap()
}

async fn moved_in() -> TestRegistry {
    let registry = TestRegistry::new().await;
    CodeboxNpm::sample().copy_to(&registry.memory()).await.unwrap();
    registry
}

async fn apply(registry: &TestRegistry) -> Vec<MovedPackage> {
    records(registry.registry().move_tarball_urls(Some(base()), BulkMode::Apply)).await
}

/// What is in the store once every URL is moved: nothing else differs.
async fn expected(registry: &TestRegistry) -> BTreeMap<String, String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let moved = |(key, bytes): (String, bytes::Bytes)| {
        let text = text(&bytes);
        let is_packument = key.ends_with("/index.json");
        let moved = text.replace(API_ENDPOINT, MOVED).replace("\"undefined/", &format!("\"{MOVED}/"));
        (key, if is_packument { moved } else { text })
    };
    registry.stored().await.into_iter().map(moved).collect()
}

async fn stored(registry: &TestRegistry) -> BTreeMap<String, String> {
    let stored = registry.stored().await.into_iter();
    stored.map(|(key, bytes)| (key, String::from_utf8_lossy(&bytes).into_owned())).collect()
}

#[tokio::test]
async fn every_url_of_codebox_npm_is_moved_and_nothing_else() {
    let registry = moved_in().await;
    let _ = registry.ana().publish(&PublishDocument::new("fig", "1.0.0")).await.assert_status(201);
    let expected = expected(&registry).await;
    let packages = apply(&registry).await;
    let told: Vec<_> = packages
        .iter()
        .map(|package| format!("{} {:?} {}", package.package, package.bases, package.moved))
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    @acme/tools {"https://old.registry.example/prod/registry": 2} 2
    OldPear {"https://old.registry.example/prod/registry": 1} 1
    fig {} 0
    left-pear {"https://old.registry.example/prod/registry": 3} 3
    no-endpoint {"undefined": 1} 1
    "#);
    assert_eq!(stored(&registry).await, expected);
    assert!(apply(&registry).await.iter().all(|package| package.moved == 0), "nothing is left to do");
}

#[tokio::test]
async fn the_old_code_and_this_registry_serve_all_tarballs_afterwards() {
    let registry = moved_in().await;
    apply(&registry).await;
    let codebox = CodeboxNpm::on(MOVED, &registry.memory()).await.unwrap();
    for (name, path, version) in [
        ("@acme%2ftools", "@acme/tools/-/tools", "1.1.0"),
        ("left-pear", "left-pear/-/left-pear", "2.0.0-beta.1"),
        ("no-endpoint", "no-endpoint/-/no-endpoint", "1.0.0"),
    ] {
        let packument = codebox.package(name).body;
        let url = packument["versions"][version]["dist"]["tarball"].as_str().unwrap();
        let file = url.strip_prefix(&format!("{MOVED}/{name}/-/")).unwrap();
        let old = codebox.tarball(name, file).unwrap();
        let new = registry.anonymous().get(&format!("/{path}-{version}.tgz")).await.assert_status(200);
        assert_eq!(new.body, old, "{name}");
    }
}

#[tokio::test]
async fn without_a_host_and_in_a_dry_run_nothing_is_written() {
    let registry = moved_in().await;
    let before = stored(&registry).await;
    let _ = registry.store().take_calls();
    let report = records(registry.registry().move_tarball_urls(None, BulkMode::Apply)).await;
    assert_eq!(report.iter().map(|package| package.bases.values().sum::<usize>()).sum::<usize>(), 7);
    let would = records(registry.registry().move_tarball_urls(Some(base()), BulkMode::DryRun)).await;
    assert_eq!(would.iter().map(|package| package.moved).sum::<usize>(), 7);
    assert_eq!(calls_of(&registry, Operation::Put), [""; 0]);
    assert_eq!(stored(&registry).await, before);
}

#[tokio::test]
async fn a_run_that_fails_at_any_write_is_finished_by_the_next() {
    let writes = 4;
    for fault in [Fault::BeforeEffect, Fault::AfterEffect] {
        for number in 0..writes {
            let registry = moved_in().await;
            let expected = expected(&registry).await;
            fail_at(&registry, Operation::Put, number, fault.clone());
            let failed = outcome(registry.registry().move_tarball_urls(Some(base()), BulkMode::Apply)).await;
            assert_eq!((failed.0.len(), failed.1.len()), (3, 1), "the others are moved");
            apply(&registry).await;
            assert_eq!(stored(&registry).await, expected);
        }
    }
}

#[tokio::test]
async fn a_version_that_is_published_meanwhile_stays() {
    let registry = moved_in().await;
    let gate = Gate::new();
    let at = |path: &str| path == "left-pear/index.json";
    registry.store().fail_next_at(Operation::Put, at, Fault::Hold(gate.clone()));
    let other = registry.replica().await;
    let publish = async {
        gate.reached().await;
        // The owner, by what codebox-npm stored.
        let jon = other.user("jon").await;
        let _ = jon.publish(&PublishDocument::new("left-pear", "3.0.0")).await.assert_status(201);
        gate.open();
    };
    let _ = tokio::join!(apply(&registry), publish);
    let packument = String::from_utf8(registry.stored().await["left-pear/index.json"].to_vec()).unwrap();
    assert!(packument.contains("left-pear-3.0.0.tgz"), "{packument}");
    assert!(!packument.contains(API_ENDPOINT), "{packument}");
}

#[tokio::test]
async fn a_damaged_packument_fails_alone() {
    let registry = moved_in().await;
    registry.put("broken/index.json", "{").await;
    let (moved, failures) =
        outcome(registry.registry().move_tarball_urls(Some(base()), BulkMode::Apply)).await;
    assert_eq!(moved.iter().map(|package| package.moved).sum::<usize>(), 7);
    assert_eq!(failures.len(), 1);
    assert!(failures[0].starts_with("cannot read or change the package broken: "), "{}", failures[0]);
}

#[tokio::test]
async fn a_thousand_packages_and_more_are_moved() {
    let registry = TestRegistry::new().await;
    for number in 0..MANY {
        let name = format!("pear-{number}");
        let url = format!("{API_ENDPOINT}/{name}/-/{name}-1.0.0.tgz");
        let json = format!(r#"{{"name":"{name}","versions":{{"1.0.0":{{"dist":{{"tarball":"{url}"}}}}}}}}"#);
        registry.put(&format!("{name}/index.json"), json).await;
    }
    assert_eq!(apply(&registry).await.iter().filter(|package| package.moved == 1).count(), MANY);
    assert!(!stored(&registry).await.values().any(|text| text.contains(API_ENDPOINT)));
}
