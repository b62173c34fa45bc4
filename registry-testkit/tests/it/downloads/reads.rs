//! What a question costs, and how many run at a time.

use futures::future::join_all;
use registry_testkit::TestRegistry;
use registry_testkit::faulty::{Fault, Gate, Operation};
use registry_testkit::publish_document::PublishDocument;
use tokio::task::yield_now;

use super::{counting, download, flush};

fn is_listing(path: &str) -> bool {
    path.starts_with("_downloads/days/") && path.ends_with('/')
}

/// What was asked about counts since the calls were last taken, without the names of objects.
fn asked(registry: &TestRegistry) -> Vec<(Operation, String)> {
    let calls = registry.store().take_calls().into_iter().filter(|(_, path)| path.starts_with("_downloads/"));
    let shorten = |(operation, path): (Operation, String)| {
        let is_object = path.starts_with("_downloads/days/") && !path.ends_with('/');
        let folder = path.rsplit_once('/').filter(|_| is_object).map(|(folder, _)| folder.to_owned());
        (operation, folder.unwrap_or(path))
    };
    calls.map(shorten).collect()
}

/// Lets other tasks run until all of them wait.
async fn settle() {
    for _ in 0..100 {
        yield_now().await;
    }
}

/// Asks for these paths at the same time, while the first `held` listings of days stand at a gate. Returns how many
/// listings had begun by then, and how many in all.
async fn ask_at_once(registry: &TestRegistry, paths: &[&str], held: usize) -> (usize, usize) {
    let gate = Gate::new();
    for _ in 0..held {
        registry.store().fail_next_at(Operation::List, is_listing, Fault::Hold(gate.clone()));
    }
    registry.store().take_calls();
    let listings = || registry.store().calls().iter().filter(|(_, path)| is_listing(path)).count();
    let answers = join_all(paths.iter().map(|path| async move {
        let _ = registry.anonymous().get(path).await.assert_status(200);
    }));
    let opening = async {
        gate.reached().await;
        settle().await;
        let begun = listings();
        gate.open();
        begun
    };
    let (_, begun) = futures::future::join(answers, opening).await;
    (begun, listings())
}

#[tokio::test]
async fn a_package_among_many_costs_one_shard_a_month_and_the_objects_of_the_days() {
    let registry = counting().await;
    for number in 0..40 {
        let name = format!("fruit-{number}");
        let _ = registry.ana().publish(&PublishDocument::new(&name, "1.0.0")).await.assert_status(201);
        download(&registry.anonymous(), &name, 1).await;
    }
    download(&registry.anonymous(), "pear", 2).await;
    flush(&registry).await;
    registry.store().take_calls();
    let answer = registry.anonymous().get("/downloads/point/last-week/pear").await.assert_status(200);
    assert_eq!(answer.json()["downloads"], 2);
    let expected = [
        (Operation::List, "_downloads/days/"),
        (Operation::Get, "_downloads/days/2026-01-02"),
        (Operation::Get, "_downloads/months/2025-12/05.json"),
        (Operation::Get, "_downloads/months/2026-01/05.json"),
    ];
    assert_eq!(asked(&registry), expected.map(|(operation, path)| (operation, path.to_owned())));
}

#[tokio::test]
async fn the_same_question_at_the_same_time_is_answered_with_one_read() {
    let registry = counting().await;
    download(&registry.anonymous(), "pear", 1).await;
    flush(&registry).await;
    for path in ["/downloads/point/last-year/pear", "/versions/pear/last-week"] {
        // Those that come during the first read share the second one, since counts may be written between.
        let (begun, all) = ask_at_once(&registry, &[path; 8], 1).await;
        assert!(begun == 1 && all <= 2, "{path}: {begun}, {all}");
    }
}

#[tokio::test]
async fn two_reads_run_at_a_time_and_others_wait() {
    let registry = counting().await;
    download(&registry.anonymous(), "pear", 1).await;
    flush(&registry).await;
    let days = ["2026-01-01", "2026-01-02", "2026-01-01:2026-01-02", "last-month", "last-year"];
    let paths = days.map(|days| format!("/downloads/range/{days}/pear"));
    let paths: Vec<_> = paths.iter().map(String::as_str).collect();
    assert_eq!(ask_at_once(&registry, &paths, 2).await, (2, 5));
}

#[tokio::test]
async fn a_client_that_leaves_lets_others_read() {
    let registry = counting().await;
    download(&registry.anonymous(), "pear", 1).await;
    flush(&registry).await;
    for days in ["2026-01-01", "2026-01-02", "last-month"] {
        let gate = Gate::new();
        registry.store().fail_next_at(Operation::List, is_listing, Fault::Hold(gate.clone()));
        let (client, path) = (registry.anonymous(), format!("/downloads/point/{days}/pear"));
        tokio::select! {
            _ = client.get(&path) => panic!("the gate is closed"),
            () = gate.reached() => {}
        }
    }
    let answer = registry.anonymous().get("/downloads/point/last-week/pear").await.assert_status(200);
    assert_eq!(answer.json()["downloads"], 1);
}
