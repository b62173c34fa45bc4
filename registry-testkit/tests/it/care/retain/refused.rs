use registry_core::bulk::BulkMode;
use registry_core::care::{RetentionRule, RetentionRules};
use registry_core::domain::retention::Keep;
use registry_testkit::TestRegistry;
use registry_testkit::faulty::{Fault, Operation};
use registry_testkit::publish_document::PublishDocument;

use super::{NOTHING, publish, retain, table, versions};

#[test]
fn a_rule_that_limits_nothing_or_matches_nothing_is_told_by_its_number() {
    let rule = |pattern: &str, keep| RetentionRule { pattern: pattern.to_owned(), keep };
    let refused = |second| RetentionRules::compile(&[rule("**", NOTHING), second]).unwrap_err().to_string();
    insta::assert_snapshot!(refused(rule("pear", Keep { downloaded_days: Some(3), ..Keep::default() })), @r#"retention rule 2 (match = "pear") limits nothing, so every version stays: say how many `releases`, or how many `prereleases` of each channel, stay whatever their age"#);
    insta::assert_snapshot!(refused(rule("pear@1", NOTHING)), @r#"retention rule 2: the pattern match = "pear@1" matches no package name; write `pear`"#);
}

#[tokio::test]
async fn a_package_that_is_damaged_costs_no_other_its_versions() {
    let registry = TestRegistry::new().await;
    for name in ["fig", "pear", "plum"] {
        for version in ["1.0.0", "2.0.0"] {
            publish(&registry, &PublishDocument::new(name, version)).await;
        }
    }
    let damaged = "{\"name\":\"pear\",\"versions\":{\"1.0.0\":";
    registry.put("pear/index.json", damaged).await;
    let before = registry.stored().await;
    let registry = registry.replica().await;
    let (packages, failures) = retain(&registry, NOTHING, BulkMode::Apply).await;
    insta::assert_snapshot!(table(&packages), @r#"
    fig (rule 1)
      2.0.0                              tagged latest
      1.0.0                              -
    plum (rule 1)
      2.0.0                              tagged latest
      1.0.0                              -
    "#);
    insta::assert_debug_snapshot!(failures, @r#"
    [
        "cannot read or change the package pear: the stored data of this package is damaged: ask the registry's operator to look at the log: pear/index.json is empty or cut off (EOF while parsing a value at line 1 column 35): restore it from a backup, or free the name by deleting the folder of the package and _spellings/pear",
    ]
    "#);
    let after = registry.stored().await;
    for (key, bytes) in before.iter().filter(|(key, _)| key.starts_with("pear/")) {
        assert_eq!(after.get(key), Some(bytes), "{key}");
    }
}

#[tokio::test]
async fn a_storage_that_refuses_writes_keeps_what_it_has() {
    let registry = TestRegistry::new().await;
    for version in ["1.0.0", "2.0.0"] {
        publish(&registry, &PublishDocument::new("pear", version)).await;
    }
    for operation in [Operation::Put, Operation::Delete] {
        for _ in 0..100 {
            registry.store().fail_next_at(operation, |_| true, Fault::Refused);
        }
    }
    let before = registry.stored().await;
    let (packages, failures) = retain(&registry, NOTHING, BulkMode::Apply).await;
    assert_eq!((packages.len(), failures.len()), (0, 1), "{failures:?}");
    assert_eq!(registry.stored().await, before);
    assert_eq!(versions(&registry, "pear").await, ["1.0.0", "2.0.0"]);
}
