//! A package that users published here is theirs: a source that has one of the same name adds nothing to it unasked.

use registry_core::bulk::{BulkMode, ImportOptions};
use registry_core::domain::PackageName;
use registry_testkit::TestRegistry;
use registry_testkit::faulty::{Fault, Gate, Operation};
use registry_testkit::publish_document::PublishDocument;

use super::Source;

const TOLD: &str = "@acme/pear was published here, and nothing was ever imported into it: if its owners agree that the source's versions are added, run the command again with --into-published";

async fn published_here() -> TestRegistry {
    let registry = TestRegistry::new().await;
    let _ = registry.ana().publish(&PublishDocument::new("@acme/pear", "3.0.0")).await.assert_status(201);
    registry
}

fn pear(mode: BulkMode) -> impl FnOnce(&mut ImportOptions) {
    move |options| {
        options.names = vec![PackageName::parse("@acme/pear").unwrap()];
        options.mode = mode;
    }
}

#[tokio::test]
async fn it_is_left_as_it_is() {
    let (source, registry) = (Source::with_pear(), published_here().await);
    let before = registry.stored().await;
    for mode in [BulkMode::DryRun, BulkMode::Apply] {
        let (packages, failures) = source.import_as(&registry, pear(mode)).await;
        assert_eq!((packages.len(), failures), (0, vec![TOLD.to_owned()]));
        assert_eq!(registry.stored().await, before, "{mode:?}");
    }
}

#[tokio::test]
async fn an_operator_who_says_so_adds_to_it_now_and_later() {
    let (source, registry) = (Source::with_pear(), published_here().await);
    let (packages, failures) = source.import_into_published(&registry, "@acme/pear").await;
    assert_eq!((packages[0].added, failures), (2, Vec::new()));
    source.publish(&PublishDocument::new("@acme/pear", "1.2.0"));
    // From now on, the package is one of the source, too.
    assert_eq!(source.imported(&registry, "@acme/pear").await.added, 1);
    let packument = registry.ana().get("/@acme/pear").await.json();
    let versions: Vec<_> = packument["versions"].as_object().unwrap().keys().collect();
    assert_eq!(versions, ["3.0.0", "1.0.0", "1.1.0", "1.2.0"]);
    assert_eq!(packument["maintainers"][0]["name"], "ana");
}

/// The user who takes the name while the tarballs are fetched has it.
#[tokio::test]
async fn a_publish_in_the_middle_of_an_import_wins() {
    let (source, registry) = (Source::with_pear(), TestRegistry::new().await);
    let gate = Gate::new();
    let is_packument = |path: &str| path == "@acme/pear/index.json";
    registry.store().fail_next_at(Operation::Put, is_packument, Fault::Hold(gate.clone()));
    let replica = registry.replica().await;
    let publish = async {
        gate.reached().await;
        let _ = replica.ana().publish(&PublishDocument::new("@acme/pear", "3.0.0")).await.assert_status(201);
        gate.open();
    };
    let import = source.import_as(&registry, pear(BulkMode::Apply));
    let ((packages, failures), ()) = futures::future::join(import, publish).await;
    assert_eq!((packages.len(), failures), (0, vec![TOLD.to_owned()]));
    let packument = replica.ana().get("/@acme/pear").await.json();
    let versions: Vec<_> = packument["versions"].as_object().unwrap().keys().collect();
    assert_eq!(versions, ["3.0.0"]);
}
