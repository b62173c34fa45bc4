//! A copy is what damage is mended from, so it keeps what the source lost, and what cannot be read there any more.

use registry_testkit::test_sigstore::{Build, TestSigstore};

use super::*;

const PEAR: &str = "pear/index.json";

/// A finished copy, and what is in it.
async fn finished() -> (Copying, BTreeMap<String, Bytes>) {
    let copying = Copying::new().await;
    let _ = copying.copied().await;
    let before = content(copying.target.as_ref()).await;
    (copying, before)
}

/// The copy is finished: the next run takes nothing in it for the work of a server.
async fn assert_finished(copying: &Copying) {
    let record = copying.target.get(&path("_copy.json")).await.unwrap().unwrap();
    let record: serde_json::Value = serde_json::from_slice(&record.bytes).unwrap();
    assert_eq!(record["finished"], true);
    assert!(copying.has_marker().await);
}

#[tokio::test]
async fn a_packument_that_cannot_be_read_is_not_copied_over_a_good_one() {
    let good = r#"{"name":"plum","dist-tags":{},"versions":{}}"#;
    for bad in ["", "{}", "{\"name\":\"pear\"", "garbage", good] {
        let (copying, before) = finished().await;
        copying.registry.put(PEAR, bad).await;
        let failures = copying.failures(CopyOptions::default()).await;
        assert_eq!(failures.len(), 1, "{bad}: {failures:?}");
        assert!(failures[0].contains("pear/index.json of the source cannot be read"), "{failures:?}");
        assert_eq!(content(copying.target.as_ref()).await, before, "{bad}");
        assert_finished(&copying).await;
    }
}

#[tokio::test]
async fn an_account_that_cannot_be_read_is_not_copied_over_a_good_one() {
    let (copying, before) = finished().await;
    copying.registry.put("_accounts/ana.json", "").await;
    let failures = copying.failures(CopyOptions::default()).await;
    assert!(failures[0].starts_with("_accounts/ana.json of the source cannot be read"), "{failures:?}");
    assert_eq!(content(copying.target.as_ref()).await, before);
}

#[tokio::test]
async fn a_lost_packument_stays_in_the_copy() {
    for key in [PEAR, "@acme/=j=s=o=n=stream/index.json"] {
        let (copying, before) = finished().await;
        copying.registry.remove(key).await;
        let even_so = options(|options| (options.even_if_used, options.delete_packages) = (true, true));
        for options in [CopyOptions::default(), even_so] {
            let failures = copying.failures(options).await;
            let told = format!("the source has lost {key}, and the copy keeps it: restore it from the copy");
            assert_eq!(failures, [told]);
            assert_eq!(content(copying.target.as_ref()).await, before);
            assert_finished(&copying).await;
        }
    }
}

/// Without it, no signature of the registry is verified, and no bundle.
#[tokio::test]
async fn a_lost_signing_key_stays_in_the_copy() {
    let copying = Copying::new().await;
    copying.registry.put("_signing/keys.json", "{\"keys\":[]}").await;
    let _ = copying.copied().await;
    let before = content(copying.target.as_ref()).await;
    copying.registry.remove("_signing/keys.json").await;
    let failures = copying.failures(CopyOptions::default()).await;
    let told = "the source has lost _signing/keys.json, and the copy keeps it: restore it from the copy";
    assert_eq!(failures, [told]);
    assert_eq!(content(copying.target.as_ref()).await, before);
}

#[tokio::test]
async fn a_lost_tarball_stays_in_the_copy() {
    let (copying, before) = finished().await;
    let keys = copying.registry.keys().await;
    let key = keys.iter().find(|key| key.starts_with("pear/-/")).unwrap();
    copying.registry.remove(key).await;
    let failures = copying.failures(CopyOptions::default()).await;
    assert_eq!(
        failures,
        [format!("the source has lost {key}, and the copy keeps it: restore it from the copy")]
    );
    assert_eq!(content(copying.target.as_ref()).await, before);
}

/// It is nowhere, so nothing can be kept, and each run says so.
#[tokio::test]
async fn a_tarball_that_is_nowhere_is_a_failure_each_time() {
    let copying = Copying::new().await;
    let keys = copying.registry.keys().await;
    let key = keys.iter().find(|key| key.starts_with("pear/-/")).unwrap();
    copying.registry.remove(key).await;
    let told = format!(
        "neither the source nor the copy has {key}, which a packument names, so its version cannot be installed: restore it from \
         another backup, or unpublish the version"
    );
    let dry_run = options(|options| options.mode = BulkMode::DryRun);
    assert_eq!(copying.failures(dry_run).await, [told.as_str()]);
    for _ in 0..2 {
        assert_eq!(copying.failures(CopyOptions::default()).await, [told.as_str()]);
        assert_finished(&copying).await;
    }
    assert!(copying.is_equal().await);
}

/// Only the marker is left.
#[tokio::test]
async fn no_package_is_deleted_for_a_source_that_was_emptied() {
    let (copying, before) = finished().await;
    for key in copying.registry.keys().await {
        copying.registry.remove(&key).await;
    }
    let failures = copying.failures(CopyOptions::default()).await;
    assert_eq!(failures.len(), 2, "{failures:?}");
    assert!(failures.iter().all(|failure| failure.ends_with("add --delete-packages")), "{failures:?}");
    let is_of_package = |key: &str| !key.starts_with('_') || key.starts_with("_spellings/");
    let after = content(copying.target.as_ref()).await;
    let lost: Vec<_> = before.keys().filter(|key| is_of_package(key) && !after.contains_key(*key)).collect();
    assert_eq!(lost, ["_spellings/_all_entered"]);
}

#[tokio::test]
async fn a_name_that_was_freed_is_deleted_if_asked_for() {
    let (copying, _) = finished().await;
    for key in copying.registry.keys().await {
        if key.starts_with("pear/") || key == "_spellings/pear" {
            copying.registry.remove(&key).await;
        }
    }
    let failures = copying.failures(CopyOptions::default()).await;
    assert!(failures[0].contains("if you freed the name, add --delete-packages"), "{failures:?}");
    let _ = records(copying.copy(options(|options| options.delete_packages = true))).await;
    assert!(copying.is_equal().await);
}

#[tokio::test]
async fn a_damaged_tarball_is_left_out_if_asked_for() {
    let copying = Copying::new().await;
    let keys = copying.registry.keys().await;
    let key = keys.iter().find(|key| key.starts_with("pear/-/")).unwrap();
    copying.registry.put(key, "other bytes").await;
    let failures = copying.failures(options(|options| options.leave_out_damaged = true)).await;
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert_eq!(copying.differences().await, [key.as_str()]);
    assert_finished(&copying).await;
}

/// A disk that is full fails each write alike.
#[tokio::test]
async fn a_target_that_refuses_writes_ends_the_copy() {
    let copying = Copying::new().await;
    for _ in 0..500 {
        copying.target.fail_next_at(Operation::Put, |path| path != "_copy.json", Fault::Refused);
    }
    let failures = copying.failures(CopyOptions::default()).await;
    assert!((1..=8).contains(&failures.len()), "{failures:?}");
    assert!(!copying.has_marker().await);
}

/// Its packages and accounts that are not copied yet would look free.
#[tokio::test]
async fn a_copy_that_was_stopped_is_no_registry() {
    let copying = Copying::new().await;
    let is_marker = |path: &str| path == MARKER;
    copying.target.fail_next_at(Operation::Put, is_marker, Fault::Refused);
    assert_eq!(copying.failures(CopyOptions::default()).await.len(), 1);
    let before = content(copying.target.as_ref()).await;
    let target: Arc<dyn BlobStore> = Arc::clone(&copying.target) as _;
    for store in [Arc::clone(&target), Arc::new(registry_core::storage::ReadOnly::new(Arc::clone(&target)))] {
        let registry = Registry::builder(store).build();
        let refused = registry.open().await.unwrap_err();
        let text =
            std::error::Error::source(&refused).map_or_else(|| refused.to_string(), ToString::to_string);
        assert!(format!("{refused} {text}").contains("did not come to its end"), "{refused} {text}");
        let findings = registry.readiness().await;
        assert!(format!("{findings:?}").contains("StorageUnfinishedCopy"), "{findings:?}");
    }
    assert_eq!(content(copying.target.as_ref()).await, before);
    let _ = copying.copied().await;
    Registry::builder(target).build().open().await.unwrap();
}

/// Attestations are named by a packument as tarballs are.
#[tokio::test]
async fn lost_attestations_stay_in_the_copy_and_are_found() {
    let copying = Copying::new().await;
    let pear = PublishDocument::new("@acme/pear", "1.0.0");
    let bundle = TestSigstore::new().bundle(&Build::new("@acme/pear", "1.0.0", &pear.tarball()));
    let _ = copying.registry.ana().publish(&pear.provenance(&bundle)).await.assert_status(201);
    let _ = copying.copied().await;
    let before = content(copying.target.as_ref()).await;
    let key = before.keys().find(|key| key.ends_with("/attestations.json")).unwrap().clone();
    let _ = sound_packages(&Registry::builder(Arc::clone(&copying.target) as _).build()).await;

    copying.registry.remove(&key).await;
    let failures = copying.failures(CopyOptions::default()).await;
    assert_eq!(
        failures,
        [format!("the source has lost {key}, and the copy keeps it: restore it from the copy")]
    );
    assert_eq!(content(copying.target.as_ref()).await, before);
    let findings = async || {
        let registry = copying.registry.registry();
        let names = registry.hosted_packages().await.unwrap();
        let verified = registry.verify_packages(names, VerifyOptions::default());
        let verified: Vec<_> = verified.try_collect().await.unwrap();
        verified.iter().flat_map(|package| &package.findings).map(ToString::to_string).collect::<Vec<_>>()
    };
    let told = format!(
        "@acme/pear@1.0.0: the attestations at {key} are missing or damaged; restore the file from a backup; until then, npm audit \
         signatures fails for the version"
    );
    assert_eq!(findings().await, [told.as_str()]);
    copying.registry.put(&key, "{}").await;
    assert_eq!(findings().await, [told.as_str()]);
    copying.registry.put(&key, before[&key].clone()).await;
    assert_eq!(findings().await, [""; 0]);
}
