use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join_all;
use registry_testkit::TestRegistry;
use registry_testkit::faulty::{Fault, FaultPlan, Operation};
use serde_json::json;

use super::{builder, delete, with_acme};

fn is_the_organization(path: &str) -> bool {
    path == "_orgs/acme.json"
}

#[tokio::test(start_paused = true)]
async fn a_change_whose_answer_was_lost_is_a_success_and_told_once() {
    let registry = with_acme(builder()).await;
    let ana = registry.ana();
    registry.store().fail_next_at(Operation::Put, is_the_organization, Fault::AfterEffect);
    let _ = delete(&ana, "/-/team/acme/platform", json!({})).await.assert_status(200);
    assert_eq!(registry.store().faults_to_come(), 0);
    registry.registry().flush_events().await;
    assert_eq!(
        registry.events().kinds(),
        r#"{"kind":"team-destroyed","organization":"acme","team":"platform"}"#
    );
    registry.store().fail_next_at(Operation::Put, is_the_organization, Fault::AfterEffect);
    let _ = delete(&ana, "/-/org/acme/user", json!({ "user": "carol" })).await.assert_status(200);
    assert_eq!(ana.get("/-/org/acme/user").await.json(), json!({ "ana": "owner", "ben": "admin" }));
}

/// Every store call of a change fails once, in every way.
#[tokio::test(start_paused = true)]
async fn a_change_is_made_or_refused_and_never_by_half() {
    let calls = {
        let registry = with_acme(builder()).await;
        let before = registry.store().calls().len();
        let ana = registry.ana();
        let _ = ana.put("/-/org/acme/user", &json!({ "user": "dora" })).await.assert_status(200);
        registry.store().calls().split_off(before)
    };
    assert!(calls.len() > 4, "{calls:?}");
    for (at, (operation, _)) in calls.iter().enumerate() {
        let skip = calls[..at].iter().filter(|(earlier, _)| earlier == operation).count();
        for fault in [Fault::BeforeEffect, Fault::AfterEffect, Fault::Refused] {
            let what = format!("{fault:?} at {operation:?} {skip} of {calls:?}");
            let registry = with_acme(builder()).await;
            let (ana, dora) = (registry.ana(), registry.user("dora").await);
            let passed = AtomicUsize::new(0);
            let this_one = move |_: &str| passed.fetch_add(1, Ordering::Relaxed) == skip;
            registry.store().fail_next_at(*operation, this_one, fault);
            let answer = ana.put("/-/org/acme/user", &json!({ "user": "dora" })).await;
            assert_eq!(registry.store().faults_to_come(), 0, "{what}");
            registry.registry().flush_events().await;
            let told = registry.events().kinds();
            let is_in = ana.get("/-/org/acme/user").await.json()["dora"] == "developer";
            if answer.status == 200 {
                assert_eq!(told.lines().count(), 1, "{what}: {told}");
            } else {
                assert!(matches!(answer.status.as_u16(), 500 | 503), "{what}: {}", answer.text());
            }
            assert_eq!(is_in, answer.status == 200, "{what}");
            // A member is found to be one, and no other user is.
            assert_eq!(dora.get("/-/org/acme/user").await.status, if is_in { 200 } else { 404 }, "{what}");
            let again = ana.put("/-/org/acme/user", &json!({ "user": "dora" })).await;
            assert_eq!(again.status, 200, "{what}: {}", again.text());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn changes_through_many_processes_all_land() {
    let first = with_acme(builder()).await;
    let slow = FaultPlan { delayed: 1.0, ..FaultPlan::NONE };
    let registries: Vec<TestRegistry> =
        join_all((0..3).map(|_| builder().faults(slow).start_on(&first))).await;
    let tasks = (0..30).map(|number: usize| {
        let ana = registries[number % 3].ana();
        tokio::spawn(async move {
            let body = json!({ "name": format!("team-{number:02}") });
            ana.put("/-/org/acme/team", &body).await.status.as_u16()
        })
    });
    let statuses: Vec<u16> = join_all(tasks).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(statuses, [200; 30]);
    let teams = first.ana().get("/-/org/acme/team?format=cli").await.json();
    assert_eq!(teams.as_array().unwrap().len(), 32, "{teams}");
}

#[tokio::test]
async fn a_store_that_does_not_answer_lets_no_user_in_and_keeps_none_out() {
    let registry = with_acme(builder()).await;
    let ben = registry.user("ben").await;
    for operation in [Operation::List, Operation::Get] {
        let of_organizations = |path: &str| path.starts_with("_orgs");
        registry.store().fail_next_at(operation, of_organizations, Fault::BeforeEffect);
        let answer = ben.get("/@acme%2fweb").await.assert_status(503);
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
}
