use registry_testkit::faulty::{Fault, Operation};
use serde_json::json;

use super::{approve, forget_events, one, stage, stage_keys, with_pear};

#[tokio::test]
async fn a_client_that_lost_the_answer_asks_again() {
    let registry = with_pear().await;
    let ana = registry.ana();
    let (first, second) = (stage(&ana, "pear", "1.1.0").await, stage(&ana, "pear", "1.2.0").await);
    forget_events(&registry).await;
    for _ in 0..3 {
        let _ = ana.post(&approve(&first), &json!({})).await.assert_status(201);
        let _ = ana.delete(&one(&second)).await.assert_status(204);
    }
    registry.registry().flush_events().await;
    assert_eq!(registry.events().take().len(), 2);
    // What was decided is not decided otherwise.
    let refused = ana.delete(&one(&first)).await.assert_status(409);
    assert!(refused.error().starts_with("pear@1.1.0 was approved and is published"), "{}", refused.error());
    let _ = ana.post(&approve(&second), &json!({})).await.assert_status(404);
}

/// Whatever of the tidying up fails, the decision stands, and who repeats it tidies up.
#[tokio::test]
async fn what_stays_after_a_decision_does_no_harm() {
    for (operation, suffix) in
        [(Operation::Put, ".json"), (Operation::Delete, ".tgz"), (Operation::Delete, "")]
    {
        for is_approval in [true, false] {
            let registry = with_pear().await;
            let ana = registry.ana();
            let id = stage(&ana, "pear", "1.1.0").await;
            let (key, suffix) = (id.clone(), suffix.to_owned());
            registry.store().fail_next_at(
                operation,
                move |path| path.starts_with("_stage") && path.ends_with(&format!("{key}{suffix}")),
                Fault::BeforeEffect,
            );
            let decide = async || {
                if is_approval {
                    ana.post(&approve(&id), &json!({})).await.assert_status(201)
                } else {
                    ana.delete(&one(&id)).await.assert_status(204)
                }
            };
            let _ = decide().await;
            assert_eq!(registry.store().faults_to_come(), 0);
            assert_eq!(super::listed(&ana).await, Vec::<String>::new());
            let _ = ana.get(&one(&id)).await.assert_status(404);
            let _ = ana.get(&format!("{}/tarball", one(&id))).await.assert_status(404);
            let _ = decide().await;
            let status = if is_approval { 200 } else { 404 };
            let _ = registry.anonymous().get("/pear/-/pear-1.1.0.tgz").await.assert_status(status);
            assert!(stage_keys(&registry).await.contains(&format!("_stage/{id}.json")));
        }
    }
}

#[tokio::test]
async fn a_tarball_that_was_changed_in_the_store_is_not_published() {
    let registry = with_pear().await;
    let ana = registry.ana();
    let id = stage(&ana, "pear", "1.1.0").await;
    let path = registry_core::storage::Key::StageTarball(id.parse().unwrap()).path().unwrap();
    let store = registry.store();
    registry_core::storage::BlobStore::put(store, &path, "else".into(), registry_core::storage::When::Always)
        .await
        .map(drop)
        .unwrap();
    let _ = ana.post(&approve(&id), &json!({})).await.assert_status(500);
    registry_core::storage::BlobStore::delete(store, &path).await.unwrap();
    let _ = ana.post(&approve(&id), &json!({})).await.assert_status(500);
    assert_eq!(super::listed(&ana).await, ["pear@1.1.0"]);
    let _ = registry.anonymous().get("/pear/-/pear-1.1.0.tgz").await.assert_status(404);
}
