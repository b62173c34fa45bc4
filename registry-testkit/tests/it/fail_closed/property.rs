//! Over random faults of the store, no hosted name is ever answered by an upstream.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use registry_core::Registry;
use registry_core::storage::{BlobPath, BlobStore as _, ObjectStoreBlobs, When};
use registry_testkit::amount;
use registry_testkit::faulty::{Fault, FaultPlan, Faulty, Operation};
use registry_testkit::publish_document::PublishDocument;

use super::lying::{Lie, Lying};
use super::{FOREIGN, House, Kind, Question, empty, everything, restore};

/// How many stories are told unless `PROPTEST_CASES` says otherwise. The same number tells the same stories.
const CASES: u32 = 100;

/// Names that are hosted from the beginning, and that the upstream has, too.
const NAMES: [&str; 3] = ["pear", "plum", "secret-tool"];

/// What may happen next. Numbers choose among what there is, whatever it is.
#[derive(Debug, Clone)]
enum Action {
    /// A client asks about a package.
    Ask {
        name: usize,
        question: usize,
    },
    /// Several clients ask at the same time.
    AskTogether {
        name: usize,
        questions: Vec<usize>,
    },
    /// The next operations of a kind fail.
    Fail {
        operation: usize,
        fault: usize,
        times: usize,
    },
    /// The store loses all that it has, or gets it back.
    Empty,
    Restore,
    /// The store is another one, with a marker of its own.
    Replace,
    /// What is stored of a package cannot be read, says nothing, or is deleted by hand.
    Spoil {
        name: usize,
        how: usize,
    },
}

fn action() -> impl Strategy<Value = Action> {
    let some = 0..1000_usize;
    prop_oneof![
        10 => (some.clone(), some.clone()).prop_map(|(name, question)| Action::Ask { name, question }),
        3 => (some.clone(), vec(some.clone(), 2..5)).prop_map(|(name, questions)| Action::AskTogether { name, questions }),
        4 => (some.clone(), some.clone(), 1..6_usize)
            .prop_map(|(operation, fault, times)| Action::Fail { operation, fault, times }),
        2 => Just(Action::Empty),
        2 => Just(Action::Restore),
        1 => Just(Action::Replace),
        2 => (some.clone(), some).prop_map(|(name, how)| Action::Spoil { name, how }),
    ]
}

struct World {
    house: House,
    memory: ObjectStoreBlobs,
    store: Arc<Faulty<ObjectStoreBlobs>>,
    /// What the store held before it was emptied, replaced or spoilt.
    whole: Vec<(BlobPath, bytes::Bytes)>,
    /// The names whose packument is spoilt.
    damaged: Mutex<BTreeSet<&'static str>>,
}

impl World {
    async fn new(lie: Option<Lie>) -> Self {
        let memory = ObjectStoreBlobs::in_memory();
        let store = Arc::new(Faulty::new(memory.clone(), FaultPlan::NONE));
        let house = House::on(Arc::new(Lying { store: Arc::clone(&store), lie })).await;
        for name in NAMES {
            let _ = house.ana.publish(&PublishDocument::new(name, "1.0.0")).await.assert_status(201);
            house.upstream.publish(name, "1.0.0", b"evil");
            house.upstream.publish(name, FOREIGN, b"evil");
        }
        house.upstream.tell("advisories", "{}");
        let mut world = Self { house, memory, store, whole: Vec::new(), damaged: Mutex::default() };
        world.whole = everything(&world.memory).await;
        world
    }

    async fn act(&self, action: &Action) -> Result<(), String> {
        let name = |name: &usize| NAMES[name % NAMES.len()];
        match action {
            Action::Ask { name: of, question } => self.ask(name(of), *question).await,
            Action::AskTogether { name: of, questions } => {
                let asked = questions.iter().map(|question| self.ask(name(of), *question));
                futures::future::try_join_all(asked).await.map(drop)
            }
            Action::Fail { operation, fault, times } => {
                let operations = [
                    Operation::Get,
                    Operation::GetIfChanged,
                    Operation::Open,
                    Operation::Put,
                    Operation::List,
                    Operation::ListFolders,
                ];
                let faults = [Fault::BeforeEffect, Fault::AfterEffect, Fault::Refused];
                for _ in 0..*times {
                    let fault = faults[fault % faults.len()].clone();
                    self.store.fail_next(operations[operation % operations.len()], fault);
                }
                Ok(())
            }
            Action::Empty => {
                empty(&self.memory).await;
                self.damaged.lock().unwrap().clear();
                Ok(())
            }
            Action::Restore => {
                restore(&self.memory, &self.whole).await;
                self.damaged.lock().unwrap().clear();
                Ok(())
            }
            Action::Replace => {
                empty(&self.memory).await;
                self.damaged.lock().unwrap().clear();
                Registry::builder(Arc::new(self.memory.clone())).build().open().await.unwrap();
                Ok(())
            }
            Action::Spoil { name: of, how } => {
                let path = BlobPath::parse(&format!("{}/index.json", name(of))).unwrap();
                match [Some("<html>"), Some("{}"), None][how % 3] {
                    Some(json) => drop(self.memory.put(&path, json.into(), When::Always).await.unwrap()),
                    None => self.memory.delete(&path).await.unwrap(),
                }
                self.damaged.lock().unwrap().insert(name(of));
                Ok(())
            }
        }
    }

    /// In a store that is whole and does not fail, all is as it was.
    async fn end(&self) -> Result<(), String> {
        restore(&self.memory, &self.whole).await;
        let fresh = House::on(Arc::new(self.memory.clone())).await;
        for name in NAMES {
            let answer = fresh.anonymous().get(&format!("/{name}")).await;
            let versions = answer.json()["versions"].as_object().map(serde_json::Map::len);
            if versions != Some(1) {
                return Err(format!("{name} at the end: {} {}", answer.status, answer.text()));
            }
        }
        Ok(())
    }

    async fn ask(&self, name: &str, question: usize) -> Result<(), String> {
        let questions = Question::all(name);
        let question = &questions[question % questions.len()];
        let answer = self.house.ask(question, name).await?;
        if self.damaged.lock().unwrap().contains(name)
            && question.kind == Kind::OfPackage
            && answer.status.is_success()
        {
            return Err(format!("{question:?} of a damaged package was answered: {}", answer.text()));
        }
        Ok(())
    }
}

#[test]
fn no_hosted_name_is_ever_answered_by_an_upstream() {
    if let Err(failed) = tell_stories(None) {
        panic!("{failed}");
    }
}

/// The same stories on stores that break one promise each: what the property is there to find is found.
#[test]
fn a_store_that_takes_failures_for_absence_is_found_out() {
    for lie in [Lie::FailuresAreAbsence, Lie::TheMarkerIsThere] {
        assert!(tell_stories(Some(lie)).is_err(), "{lie:?} is not found out");
    }
}

fn tell_stories(lie: Option<Lie>) -> Result<(), String> {
    let cases = amount("PROPTEST_CASES", CASES);
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: if lie.is_some() { 0 } else { 1024 },
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let told = runner.run(&vec(action(), 1..40), |actions| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(async {
            let world = World::new(lie).await;
            for action in &actions {
                world.act(action).await.map_err(TestCaseError::fail)?;
            }
            world.end().await.map_err(TestCaseError::fail)
        })
    });
    told.map_err(|failed| failed.to_string())
}
