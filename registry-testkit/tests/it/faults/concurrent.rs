use std::collections::BTreeMap;

use futures::future::join_all;
use registry_testkit::TestRegistry;
use registry_testkit::faulty::FaultPlan;
use registry_testkit::publish_document::PublishDocument;

use super::listed_versions;

const WRITERS: usize = 50;

/// A registry and others on the same store, as processes are: they share no lock.
async fn replicas(faults: FaultPlan) -> Vec<TestRegistry> {
    let first = TestRegistry::builder().faults(faults).start().await;
    let (second, third) = (first.replica().await, first.replica().await);
    vec![first, second, third]
}

fn document(version: &str, content: usize) -> PublishDocument {
    PublishDocument::new("pear", version).file("index.js", content.to_string().as_bytes())
}

/// Publishes all documents at once, each through one of the registries, and answers the statuses.
async fn publish_all(registries: &[TestRegistry], documents: &[PublishDocument]) -> Vec<u16> {
    let tasks = documents.iter().enumerate().map(|(number, document)| {
        let ana = registries[number % registries.len()].ana();
        let document = document.clone();
        tokio::spawn(async move { ana.publish(&document).await.status.as_u16() })
    });
    join_all(tasks).await.into_iter().map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn different_versions_all_land() {
    for faults in [FaultPlan::NONE, FaultPlan { delayed: 1.0, ..FaultPlan::NONE }] {
        let registries = replicas(faults).await;
        let documents: Vec<_> =
            (0..WRITERS).map(|number| document(&format!("1.{number}.0"), number)).collect();
        assert_eq!(publish_all(&registries, &documents).await, [201; WRITERS]);
        let listed = listed_versions(&registries[0], "pear").await;
        let expected = documents
            .iter()
            .enumerate()
            .map(|(number, document)| (format!("1.{number}.0"), document.integrity()));
        assert_eq!(listed, expected.collect::<BTreeMap<_, _>>());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_one_version_with_different_bytes_one_wins() {
    for seed in 0..4 {
        let registries = replicas(FaultPlan { seed, delayed: 1.0, ..FaultPlan::NONE }).await;
        let documents: Vec<_> = (0..WRITERS).map(|number| document("1.0.0", number)).collect();
        let statuses = publish_all(&registries, &documents).await;
        let winners: Vec<_> = (0..WRITERS).filter(|number| statuses[*number] == 201).collect();
        let [winner] = winners[..] else { panic!("{} winners: {statuses:?}", winners.len()) };
        assert_eq!(statuses.iter().filter(|status| **status == 403).count(), WRITERS - 1, "{statuses:?}");
        let expected = BTreeMap::from([("1.0.0".to_owned(), documents[winner].integrity())]);
        for registry in &registries {
            assert_eq!(listed_versions(registry, "pear").await, expected);
        }
        let keys = registries[0].keys().await;
        let tarballs: Vec<_> = keys.iter().filter(|key| key.contains("/-/")).collect();
        assert_eq!(tarballs.len(), 1, "the losers leave nothing: {tarballs:?}");
    }
}

/// A client that never gets its answer sends the same again, to another process, while the first is still at it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_publish_many_times_leaves_the_bytes_of_the_winner() {
    let registries = replicas(FaultPlan { delayed: 1.0, ..FaultPlan::NONE }).await;
    let documents = vec![document("1.0.0", 1); WRITERS];
    let statuses = publish_all(&registries, &documents).await;
    assert!(
        statuses.contains(&201) && statuses.iter().all(|status| [201, 403].contains(status)),
        "{statuses:?}"
    );
    let expected = BTreeMap::from([("1.0.0".to_owned(), documents[0].integrity())]);
    assert_eq!(listed_versions(&registries[0], "pear").await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_a_bad_day_what_was_acknowledged_is_there_and_what_is_listed_has_its_bytes() {
    for seed in 0..10 {
        let registries = replicas(FaultPlan::bad_day(seed)).await;
        let versions: Vec<_> = (0..20).map(|number| format!("1.{number}.0")).collect();
        // Two writers of each version, with different bytes.
        let documents: Vec<_> = (0..40).map(|number| document(&versions[number / 2], number)).collect();
        let statuses = publish_all(&registries, &documents).await;
        // The good day after it.
        let calm = calm_view(&registries[0]).await;
        for (number, status) in statuses.iter().enumerate() {
            let served = calm.get(&versions[number / 2]);
            let (own, other) = (documents[number].integrity(), documents[number ^ 1].integrity());
            match status {
                201 => assert_eq!(served, Some(&own), "seed {seed}: an acknowledged publish is lost"),
                403 => {
                    assert!(
                        served == Some(&other) || served == Some(&own),
                        "seed {seed}: taken by no writer"
                    );
                }
                503 => assert!(served.is_none_or(|served| *served == own || *served == other), "seed {seed}"),
                other => panic!("seed {seed}: {other}"),
            }
        }
    }
}

/// What a registry without faults on the same store serves.
async fn calm_view(registry: &TestRegistry) -> BTreeMap<String, String> {
    let calm = TestRegistry::builder().start_on(registry).await;
    listed_versions(&calm, "pear").await
}
