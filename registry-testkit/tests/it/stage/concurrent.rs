use std::future::Future;
use std::pin::Pin;

use futures::future::join_all;
use registry_core::domain::Integrity;
use registry_testkit::TestRegistry;
use registry_testkit::faulty::FaultPlan;
use registry_testkit::publish_document::PublishDocument;
use serde_json::json;

use super::{approve, listed, one, stage, stage_keys, staged_id};

const WRITERS: usize = 24;

/// Registries on one store, as processes are: they share no lock.
async fn replicas(seed: u64) -> Vec<TestRegistry> {
    let faults = FaultPlan { seed, delayed: 1.0, ..FaultPlan::NONE };
    let first = TestRegistry::builder().faults(faults).start().await;
    let _ = first.ana().publish(&PublishDocument::new("pear", "1.0.0")).await.assert_status(201);
    let second = first.replica().await;
    vec![first, second]
}

fn document(number: usize) -> PublishDocument {
    PublishDocument::new("pear", "1.1.0").file("index.js", number.to_string().as_bytes())
}

/// What everybody gets as `pear` 1.1.0.
async fn served(registry: &TestRegistry) -> Option<String> {
    let packument = registry.anonymous().get("/pear").await.assert_status(200).json();
    let integrity = packument["versions"].get("1.1.0")?["dist"]["integrity"].as_str().unwrap().to_owned();
    let tarball = registry.anonymous().get("/pear/-/pear-1.1.0.tgz").await.assert_status(200);
    assert_eq!(Integrity::of(&tarball.body).to_string(), integrity);
    Some(integrity)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_all_who_stage_and_publish_one_version_one_wins() {
    for seed in 0..4 {
        let registries = replicas(seed).await;
        let tasks = (0..WRITERS).map(|number| {
            let ana = registries[number % 2].ana();
            // Every other document is staged and published too, with the same bytes.
            let document = document(number / 3);
            tokio::spawn(async move {
                let answer =
                    if number % 3 == 0 { ana.publish(&document).await } else { ana.stage(&document).await };
                (number, answer)
            })
        });
        let answers: Vec<_> = join_all(tasks).await.into_iter().map(Result::unwrap).collect();
        let winners: Vec<_> = answers.iter().filter(|(_, answer)| answer.status == 201).collect();
        let [(winner, answer)] = winners[..] else { panic!("seed {seed}: {} winners", winners.len()) };
        assert!(answers.iter().all(|(_, answer)| [201, 403].contains(&answer.status.as_u16())));
        let expected = document(winner / 3).integrity();
        if winner % 3 == 0 {
            assert_eq!(served(&registries[1]).await, Some(expected));
            assert_eq!(stage_keys(&registries[0]).await, Vec::<String>::new());
        } else {
            assert_eq!(served(&registries[1]).await, None);
            assert_eq!(stage_keys(&registries[0]).await.len(), 3, "the losers leave nothing");
            let id = staged_id(&answer.json());
            let _ = registries[1].ana().post(&approve(&id), &json!({})).await.assert_status(201);
            assert_eq!(served(&registries[0]).await, Some(expected));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_version_that_many_approve_and_reject_is_either() {
    let (mut approved, mut rejected) = (0, 0);
    for seed in 0..16 {
        let registries = replicas(seed).await;
        let id = stage(&registries[0].ana(), "pear", "1.1.0").await;
        super::forget_events(&registries[0]).await;
        let mut tasks: Vec<Pin<Box<dyn Future<Output = u16> + Send>>> = Vec::new();
        for number in 0..8 {
            let (ana, id) = (registries[number % 2].ana(), id.clone());
            tasks.push(if (number + usize::try_from(seed).unwrap()).is_multiple_of(4) {
                Box::pin(async move { ana.delete(&one(&id)).await.status.as_u16() })
            } else {
                Box::pin(async move { ana.post(&approve(&id), &json!({})).await.status.as_u16() })
            });
        }
        let statuses: Vec<_> =
            join_all(tasks.into_iter().map(tokio::spawn)).await.into_iter().map(Result::unwrap).collect();
        let is_published = served(&registries[0]).await.is_some();
        let (allowed, refused) = if is_published { (201, 409) } else { (204, 404) };
        assert!(
            statuses.iter().all(|status| [allowed, refused].contains(status)) && statuses.contains(&allowed),
            "seed {seed}: {statuses:?}"
        );
        assert_eq!(listed(&registries[1].ana()).await, Vec::<String>::new());
        assert_eq!(stage_keys(&registries[0]).await, [format!("_stage/{id}.json")]);
        let mut told = 0;
        for registry in &registries {
            registry.registry().flush_events().await;
            told += registry.events().kinds().matches("\"stage-").count();
        }
        assert_eq!(told, 1, "seed {seed}: it is told once");
        if is_published { approved += 1 } else { rejected += 1 }
    }
    assert!(approved > 0 && rejected > 0, "{approved} and {rejected}: the seeds show only one side");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_a_bad_day_what_was_approved_is_there() {
    for seed in 0..10 {
        let registry = TestRegistry::new().await;
        let _ = registry.ana().publish(&PublishDocument::new("pear", "1.0.0")).await.assert_status(201);
        let id = stage(&registry.ana(), "pear", "1.1.0").await;
        let bad = TestRegistry::builder().faults(FaultPlan::bad_day(seed)).start_on(&registry).await;
        let other = TestRegistry::builder().faults(FaultPlan::bad_day(seed + 100)).start_on(&registry).await;
        let (ana, carol) = (bad.ana(), other.ana());
        let (path, rejection) = (approve(&id), one(&id));
        let nothing = json!({});
        let (approval, rejection) = tokio::join!(ana.post(&path, &nothing), carol.delete(&rejection));
        let served = served(&registry).await.is_some();
        let waiting = !listed(&registry.ana()).await.is_empty();
        assert!(!(served && waiting), "seed {seed}");
        match (approval.status.as_u16(), rejection.status.as_u16()) {
            (201, _) => assert!(served, "seed {seed}: an acknowledged approval is lost"),
            (_, 204) => assert!(!served && !waiting, "seed {seed}: an acknowledged rejection is lost"),
            _ => {}
        }
        if waiting {
            let _ = registry.ana().post(&path, &nothing).await.assert_status(201);
        }
    }
}
