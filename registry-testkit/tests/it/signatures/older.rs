use futures::TryStreamExt as _;
use futures::future::join;
use registry_core::bulk::BulkMode;
use registry_core::care::SignedPackage;
use registry_testkit::TestRegistry;
use registry_testkit::faulty::{Fault, Gate, Operation};

use serde_json::{Value, json};

use super::{ids, name, publish, verified};

/// `pear` with two versions from before versions were signed, and one from after.
async fn grown() -> TestRegistry {
    let before = TestRegistry::new().await;
    for version in ["1.0.0", "1.1.0"] {
        publish(&before, "pear", version).await;
    }
    let registry = TestRegistry::builder().signing().start_on(&before).await;
    publish(&registry, "pear", "1.2.0").await;
    registry
}

async fn sign(registry: &TestRegistry, mode: BulkMode) -> SignedPackage {
    let signed: Vec<_> =
        registry.registry().sign_packages(vec![name("pear")], mode).try_collect().await.unwrap();
    signed.into_iter().next().unwrap()
}

#[tokio::test]
async fn versions_from_before_are_signed_and_nothing_else_changes() {
    let registry = grown().await;
    let found = verified(&registry, "pear").await;
    assert_eq!((&*found["1.0.0"], &*found["1.1.0"]), ("missing", "missing"));
    let before = registry.stored().await;
    let planned = sign(&registry, BulkMode::DryRun).await;
    assert_eq!((planned.signed.len(), planned.unchanged), (2, 1));
    assert_eq!(registry.stored().await, before);

    let (old, revision) =
        (registry.ana().get("/pear").await, registry.ana().get("/pear").await.json()["_rev"].clone());
    let done = sign(&registry, BulkMode::Apply).await;
    assert_eq!(done, planned);
    let key = &ids(&registry).await[0];
    assert!(verified(&registry, "pear").await.values().all(|signed| signed == key));
    let (mut old, new) = (old.json(), registry.ana().get("/pear").await.json());
    for version in ["1.0.0", "1.1.0"] {
        let signatures = new["versions"][version]["dist"]["signatures"].clone();
        old["versions"][version]["dist"]["signatures"] = signatures;
    }
    assert_eq!(new["_rev"], revision, "an owner who looks at it now can change it afterward");
    assert_eq!(old, new);
    let again = sign(&registry, BulkMode::Apply).await;
    assert_eq!((again.signed.len(), again.unchanged), (0, 3));
}

/// A signature says that these are the bytes, so they are compared first.
#[tokio::test]
async fn a_tarball_that_was_changed_is_not_signed() {
    let registry = grown().await;
    let keys = registry.keys().await;
    let tarball = keys.iter().find(|key| key.ends_with("/pear-1.0.0.tgz")).unwrap();
    registry.put(tarball, "other bytes").await;
    let done = sign(&registry, BulkMode::Apply).await;
    assert_eq!(done.signed, ["1.1.0"]);
    insta::assert_snapshot!(done.findings[0], @"pear@1.0.0: the tarball pear/-/fc6ec8aac0af97a392e8a1d989c6930f/pear-1.0.0.tgz is not the one that was published: its digest is sha512-YQlUpVedr81Cqp/g2YQ8+WZG8/4AZ0WlacTY8C70fYz4YWEnQOo/0IPecsiibzYlnWpYyHwpKa4av9YZR8/T4w==, and index.json names sha512-/G7IqsCvl6OS6KHZicaTDybGE0dehON8+L3E/J0cSkxCAx5vxwG3xsqCQXZ9KPQoAOllOX6d/bJzI7wdxdr5uw==; restore the tarball from a backup, or unpublish the version");
    assert_eq!(verified(&registry, "pear").await["1.0.0"], "missing");
}

/// A change of the owner in between is kept, and what is unpublished meanwhile stays so.
#[tokio::test]
async fn what_others_do_meanwhile_is_kept() {
    let registry = grown().await;
    let replica = registry.replica().await;
    let gate = Gate::new();
    registry.store().fail_next_at(
        Operation::Put,
        |path| path == "pear/index.json",
        Fault::Hold(gate.clone()),
    );
    let other = async {
        gate.reached().await;
        let mut packument = replica.ana().get("/pear?write=true").await.json();
        packument["versions"].as_object_mut().unwrap().shift_remove("1.0.0");
        let revision = packument["_rev"].as_str().unwrap().to_owned();
        let _ = replica.ana().put(&format!("/pear/-rev/{revision}"), &packument).await.assert_status(200);
        gate.open();
    };
    let (done, ()) = join(sign(&registry, BulkMode::Apply), other).await;
    assert_eq!(done.signed, ["1.1.0"]);
    let found: Vec<_> = verified(&replica, "pear").await.into_keys().collect();
    assert_eq!(found, ["1.1.0", "1.2.0"]);
}

#[tokio::test]
async fn a_registry_that_does_not_sign_signs_nothing_older() {
    let registry = TestRegistry::new().await;
    publish(&registry, "pear", "1.0.0").await;
    let before = registry.stored().await;
    assert_eq!(sign(&registry, BulkMode::Apply).await.signed, [""; 0]);
    assert_eq!(registry.stored().await, before);
}

/// What names a key of this registry is not signed by it for that.
#[tokio::test]
async fn a_signature_of_something_else_is_replaced() {
    let registry = grown().await;
    let key = ids(&registry).await[0].clone();
    for (version, sig) in [("1.0.0", json!("MEUCIQ==")), ("1.1.0", json!(null))] {
        edit(&registry, |index| {
            index["versions"][version]["dist"]["signatures"] = json!([{ "keyid": key, "sig": sig }]);
        })
        .await;
    }
    assert_eq!(sign(&registry, BulkMode::DryRun).await.signed, ["1.0.0", "1.1.0"]);
    assert_eq!(sign(&registry, BulkMode::Apply).await.signed, ["1.0.0", "1.1.0"]);
    assert!(verified(&registry, "pear").await.values().all(|signed| *signed == key));
}

#[tokio::test]
async fn a_version_that_cannot_be_signed_is_told() {
    let registry = grown().await;
    edit(&registry, |index| {
        for (version, other) in [("1.0.0", "sha1-AAAA"), ("1.1.0", "sha512-AAAA")] {
            let dist = &mut index["versions"][version]["dist"];
            dist["integrity"] = json!(format!("{} {other}", dist["integrity"].as_str().unwrap()));
        }
    })
    .await;
    for mode in [BulkMode::DryRun, BulkMode::Apply] {
        let done = sign(&registry, mode).await;
        assert_eq!((done.signed.len(), done.unchanged), (0, 1), "{mode:?}");
        let told: Vec<_> = done.findings.iter().map(ToString::to_string).collect();
        let why = "index.json does not name exactly one digest of the kind SHA-512, so it is not signed";
        assert!(told.len() == 2 && told.iter().all(|finding| finding.contains(why)), "{mode:?}: {told:?}");
    }
}

async fn edit(registry: &TestRegistry, change: impl FnOnce(&mut Value)) {
    let stored = registry.stored().await;
    let mut index: Value = serde_json::from_slice(&stored["pear/index.json"]).unwrap();
    change(&mut index);
    registry.put("pear/index.json", index.to_string()).await;
}
