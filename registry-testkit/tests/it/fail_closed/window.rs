//! For how long it is believed that a name is not hosted, and what is never done on such a belief.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join;
use registry_core::access::{AccessRules, RuleSettings};
use registry_core::proxy::UpstreamFreshness;
use registry_core::storage::ObjectStoreBlobs;
use registry_testkit::faulty::{Fault, FaultPlan, Faulty, Gate, Operation};
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::{ScriptedUpstream, TestRegistry};
use serde_json::json;

use super::{FOREIGN, House, Kind, Question, empty, everything, restore};

const NAME: &str = "left-pad";

/// Two processes on one store, in front of one upstream.
struct Pair {
    publishing: TestRegistry,
    reading: TestRegistry,
    upstream: ScriptedUpstream,
}

impl Pair {
    /// The upstream has the package, and the reading process keeps it. Then the upstream no longer has it, the other process
    /// begins it, and then the upstream has it again.
    async fn taken_over(hosted_check: Duration) -> Self {
        let rule = json!({ "match": "**", "read": ["@all"], "publish": ["@authenticated"], "origin": ["hosted", "npm"] });
        let rules: Vec<RuleSettings> = serde_json::from_value(json!([rule])).unwrap();
        let upstream = ScriptedUpstream::default();
        let builder = TestRegistry::builder()
            .access(AccessRules::compile_with_upstreams(&rules, &["npm"]).unwrap())
            .upstream("npm", Arc::new(upstream.clone()));
        let default = UpstreamFreshness::default();
        let reading =
            builder.clone().upstream_freshness(UpstreamFreshness { hosted_check, ..default }).start().await;
        // This one asks the upstream each time.
        let always =
            UpstreamFreshness { packument: Duration::ZERO, while_revalidating: Duration::ZERO, ..default };
        let publishing = builder.upstream_freshness(always).start_on(&reading).await;
        upstream.publish(NAME, "98.0.0", b"evil");
        upstream.publish(NAME, FOREIGN, b"evil");
        let anonymous = reading.anonymous();
        let _ = anonymous.get(&format!("/{NAME}/-/{NAME}-98.0.0.tgz")).await.assert_status(200);
        upstream.remove(NAME);
        let _ = publishing.ana().publish(&PublishDocument::new(NAME, "1.0.0")).await.assert_status(201);
        upstream.publish(NAME, FOREIGN, b"evil");
        upstream.take_asked();
        Self { publishing, reading, upstream }
    }

    async fn read_ours(&self) {
        let packument = self.reading.anonymous().get(&format!("/{NAME}")).await.assert_status(200).json();
        let versions: Vec<_> = packument["versions"].as_object().unwrap().keys().collect();
        assert_eq!(versions, ["1.0.0"]);
        assert!(self.upstream.take_asked().is_empty());
    }
}

#[tokio::test]
async fn where_nothing_is_believed_a_first_publish_is_seen_by_every_process_at_once() {
    let pair = Pair::taken_over(Duration::ZERO).await;
    pair.read_ours().await;
}

/// What is kept may be served for a moment longer. Nothing is fetched on a belief.
#[tokio::test]
async fn nothing_is_fetched_from_an_upstream_before_the_store_was_looked_at_again() {
    let believed = Duration::from_hours(1);
    let pair = Pair::taken_over(believed).await;
    let tarball = pair.reading.anonymous().get(&format!("/{NAME}/-/{NAME}-{FOREIGN}.tgz")).await;
    assert!(!tarball.status.is_success(), "{}", tarball.text());
    assert!(pair.upstream.take_asked().is_empty());
    // What was found there is remembered.
    pair.read_ours().await;

    let pair = Pair::taken_over(believed).await;
    pair.reading.clock().advance(Duration::from_mins(20));
    pair.read_ours().await;
    let _ = pair.publishing.anonymous().get(&format!("/{NAME}/{FOREIGN}")).await.assert_status(404);
}

/// A process looks for a package while the store is not mounted, and asks for its marker when it is again.
#[tokio::test]
async fn a_miss_that_straddles_a_remount_is_no_absence() {
    for question in Question::all(NAME).into_iter().filter(|question| question.kind == Kind::OfPackage) {
        let memory = ObjectStoreBlobs::in_memory();
        let store = Arc::new(Faulty::new(memory.clone(), FaultPlan::NONE));
        let before = House::on(Arc::clone(&store) as _).await;
        let _ = before.ana.publish(&PublishDocument::new(NAME, "1.0.0")).await.assert_status(201);
        let house = House::on(Arc::clone(&store) as _).await;
        house.upstream.publish(NAME, FOREIGN, b"evil");
        let whole = everything(&memory).await;
        let gate = Gate::new();
        let is_marker = |path: &str| path == "_registry.json";
        store.fail_next_at(Operation::GetIfChanged, is_marker, Fault::Hold(gate.clone()));
        empty(&memory).await;
        let remounting = async {
            gate.reached().await;
            restore(&memory, &whole).await;
            gate.open();
        };
        let (answer, ()) = join(house.ask(&question, NAME), remounting).await;
        let answer = answer.unwrap_or_else(|wrong| panic!("{wrong}"));
        assert!(!answer.status.is_server_error(), "{question:?}: {}", answer.text());
        let packument = house.anonymous().get(&format!("/{NAME}")).await.assert_status(200).json();
        assert!(packument["versions"].get(FOREIGN).is_none(), "{question:?}");
    }
}

#[tokio::test]
async fn absences_are_forgotten_when_the_store_turns_out_to_be_another_one() {
    let memory = ObjectStoreBlobs::in_memory();
    let house = House::on(Arc::new(memory.clone())).await;
    let _ = house.anonymous().get(&format!("/{NAME}")).await.assert_status(404);
    let other = House::on(Arc::new(memory.clone())).await;
    let _ = other.ana.publish(&PublishDocument::new(NAME, "1.0.0")).await.assert_status(201);
    let whole = everything(&memory).await;
    empty(&memory).await;
    let _ = house.anonymous().get("/elsewhere").await.assert_status(503);
    restore(&memory, &whole).await;
    let _ = house.anonymous().get(&format!("/{NAME}")).await.assert_status(200);
}
