use registry_core::storage::{BlobStore as _, Key};
use registry_testkit::publish_document::PublishDocument;

use super::with_pear;

#[tokio::test]
async fn everything_is_counted_once() {
    let registry = with_pear(&["1.0.0", "1.1.0"]).await;
    let ana = registry.ana();
    let large = PublishDocument::new("@acme/large", "1.0.0").file("noise", &[7; 4096]);
    let _ = ana.publish(&large).await.assert_status(201);
    let _ = ana.stage(&PublishDocument::new("pear", "2.0.0")).await.assert_status(201);
    registry.put("_upstream/npm/left-pad/full.json", "0123456789").await;
    registry.put("_upstream/_ledger.json", "{}").await;
    registry.put("_orgs/acme.json", "{}").await;
    registry.put("_accounts/github/ben.json", "{}").await;
    let stats = registry.registry().storage_stats().await.unwrap();
    assert_eq!((stats.packages, stats.versions, stats.staged_versions), (2, 3, 1));
    assert_eq!((stats.upstream_blobs, stats.upstream_bytes), (1, 10));
    assert_eq!((stats.local_accounts, stats.github_accounts, stats.openid_accounts), (1, 1, 0));
    assert_eq!((stats.tokens, stats.organizations), (1, 1));
    let sizes: Vec<_> = stats.largest.iter().map(|size| (size.name.as_str(), size.versions)).collect();
    assert_eq!(sizes.len(), 2);
    assert!(sizes.contains(&("pear", 2)) && sizes.contains(&("@acme/large", 1)), "{sizes:?}");
    let stored = registry.stored().await;
    let marker = registry.memory().get(&Key::Marker.path().unwrap()).await.unwrap().unwrap();
    let all: u64 = stored.values().chain([&marker.bytes]).map(|bytes| bytes.len() as u64).sum();
    assert_eq!(stats.hosted_bytes + stats.staged_bytes + stats.upstream_bytes + stats.other_bytes, all);
    assert_eq!(stats.largest.iter().map(|size| size.bytes).sum::<u64>(), stats.hosted_bytes);
}
