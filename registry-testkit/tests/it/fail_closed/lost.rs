//! A package whose `index.json` is deleted or emptied by hand is damaged: its name is neither free nor an upstream's.

use std::sync::Arc;

use registry_core::auth::{Caller, Principal};
use registry_core::storage::{BlobPath, BlobStore as _, ObjectStoreBlobs, When};
use registry_core::upstream::PackumentForm;
use registry_testkit::TestRegistry;
use registry_testkit::faulty::{Fault, FaultPlan, Faulty, Gate, Operation};
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::test_registry::TestClient;
use serde_json::json;

use super::{FOREIGN, House, Kind, Question};

const NAME: &str = "left-pad";

/// What becomes of the index; `None` is that it is deleted.
const FATES: [Option<&str>; 5] = [
    None,
    Some("{}"),
    Some(r#"{"error":"Not found"}"#),
    Some(r#"{"name":"left-pad","version":"1.0.0"}"#),
    Some(r#"{"versions":{}}"#),
];

fn path(path: &str) -> BlobPath {
    BlobPath::parse(path).unwrap()
}

async fn set(memory: &ObjectStoreBlobs, at: &str, content: Option<&str>) {
    match content {
        None => memory.delete(&path(at)).await.unwrap(),
        Some(content) => {
            let _ = memory.put(&path(at), content.to_owned().into(), When::Always).await.unwrap();
        }
    }
}

async fn published() -> (ObjectStoreBlobs, House) {
    let memory = ObjectStoreBlobs::in_memory();
    let house = House::on(Arc::new(memory.clone())).await;
    let _ = house.ana.publish(&PublishDocument::new(NAME, "1.0.0")).await.assert_status(201);
    tempt(&house);
    (memory, house)
}

/// Lets the upstream have the name, too.
fn tempt(house: &House) {
    house.upstream.publish(NAME, "1.0.0", b"evil");
    house.upstream.publish(NAME, FOREIGN, b"evil");
}

/// Another process on the same store.
async fn another(memory: &ObjectStoreBlobs) -> House {
    let house = House::on(Arc::new(memory.clone())).await;
    tempt(&house);
    house
}

async fn is_damaged(house: &House, what: &str) {
    for question in Question::all(NAME) {
        let answer = house.ask(&question, NAME).await.unwrap_or_else(|wrong| panic!("{what}: {wrong}"));
        if question.path.contains("attestations") {
            // There are none of what is hosted, whatever its packument says.
            assert!(!answer.status.is_success(), "{what}: {}", answer.text());
        } else if question.kind == Kind::OfPackage {
            assert_eq!(answer.status, 500, "{what}, {question:?}: {}", answer.text());
            assert!(answer.error().contains("damaged"), "{what}: {}", answer.error());
        }
    }
}

#[tokio::test]
async fn a_package_whose_index_is_gone_or_empty_is_damaged_until_it_is_restored() {
    for fate in FATES {
        for is_warm in [true, false] {
            let (memory, house) = published().await;
            if is_warm {
                let _ = house.anonymous().get(&format!("/{NAME}")).await.assert_status(200);
            }
            let index = memory.get(&path("left-pad/index.json")).await.unwrap().unwrap().bytes;
            set(&memory, "left-pad/index.json", fate).await;
            is_damaged(&house, &format!("{fate:?}, warm {is_warm}")).await;
            is_damaged(&another(&memory).await, &format!("{fate:?}, elsewhere")).await;
            let _ = memory.put(&path("left-pad/index.json"), index, When::Always).await.unwrap();
            let packument = house.anonymous().get(&format!("/{NAME}")).await.assert_status(200).json();
            assert!(packument["versions"].get(FOREIGN).is_none(), "{fate:?}");
        }
    }
}

#[tokio::test]
async fn a_second_line_that_an_editor_changed_frees_no_name() {
    let (memory, _) = published().await;
    set(&memory, "left-pad/index.json", None).await;
    for line in ["stored\n", "STORED", "", "stored "] {
        set(&memory, "_spellings/left-pad", Some(&format!("{NAME}\n{line}"))).await;
        is_damaged(&another(&memory).await, line).await;
    }
}

#[tokio::test]
async fn the_log_says_how_to_restore_the_package_and_how_to_free_its_name() {
    let (memory, house) = published().await;
    set(&memory, "left-pad/index.json", None).await;
    let (name, base) = (NAME.parse().unwrap(), Arc::from("http://here.example"));
    let anonymous = Caller::anonymous();
    let error = house.registry.packument(&anonymous, &name, PackumentForm::Full, &base).await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(
        cause,
        "left-pad/index.json is gone, though left-pad is hosted here: restore it from a backup, or free the name by \
         deleting _spellings/left-pad, too"
    );
    set(&memory, "_spellings/left-pad", None).await;
    let packument = house.anonymous().get(&format!("/{NAME}")).await.assert_status(200).json();
    assert!(packument["versions"].get(FOREIGN).is_some());
}

#[tokio::test]
async fn no_search_for_a_lost_package_leaves() {
    let (memory, _) = published().await;
    set(&memory, "left-pad/index.json", None).await;
    // The index for searches is made anew, from what there is.
    for shard in 0..16 {
        set(&memory, &format!("_search/{shard:02x}.json"), None).await;
    }
    let question = Question::all(NAME).into_iter().find(|question| question.path.contains("search")).unwrap();
    another(&memory).await.ask(&question, NAME).await.unwrap();
}

/// A publish that broke off after it had claimed its name, whichever way it did.
async fn broken_off() -> (Arc<Faulty<ObjectStoreBlobs>>, House) {
    let store = Arc::new(Faulty::new(ObjectStoreBlobs::in_memory(), FaultPlan::NONE));
    let house = House::on(Arc::clone(&store) as _).await;
    store.fail_next_at(Operation::Put, |path| path.ends_with("index.json"), Fault::Refused);
    let _ = house.ana.publish(&PublishDocument::new(NAME, "1.0.0")).await.assert_status(500);
    (store, house)
}

#[tokio::test]
async fn a_first_publish_that_broke_off_keeps_the_name_here_and_can_be_begun_again() {
    let (store, house) = broken_off().await;
    house.upstream.publish("elsewhere", "1.0.0", b"fine");
    // Had it meanwhile been begun elsewhere, it would be ours all the same.
    tempt(&house);
    for question in Question::all(NAME).into_iter().filter(|question| question.body.is_null()) {
        let answer = house.ask(&question, NAME).await.unwrap();
        assert!(matches!(answer.status.as_u16(), 200 | 404), "{question:?}: {}", answer.text());
    }
    let _ = house.anonymous().get("/elsewhere").await.assert_status(200);
    // No client here ever got the upstream's package, so no client loses it when the publish is finished. A process that never
    // heard that the upstream had none does not ask it.
    let house = House::on(Arc::clone(&store) as _).await;
    tempt(&house);
    let _ = house.ana.publish(&PublishDocument::new(NAME, "1.0.1")).await.assert_status(201);
    assert_eq!(house.upstream.take_asked(), Vec::<String>::new());
    let _ = house.anonymous().get(&format!("/{NAME}/1.0.1")).await.assert_status(200);
    let _ = house.anonymous().get(&format!("/{NAME}/{FOREIGN}")).await.assert_status(404);
    store.delete(&path("left-pad/index.json")).await.unwrap();
    is_damaged(&house, "after it was begun again").await;
}

/// Who would rather have the upstream's package.
#[tokio::test]
async fn an_operator_frees_a_name_whose_first_publish_broke_off() {
    let (store, _) = broken_off().await;
    let house = House::on(Arc::clone(&store) as _).await;
    tempt(&house);
    let _ = house.anonymous().get(&format!("/{NAME}")).await.assert_status(404);
    store.delete(&path("_spellings/left-pad")).await.unwrap();
    let packument = house.anonymous().get(&format!("/{NAME}")).await.assert_status(200).json();
    assert!(packument["versions"].get(FOREIGN).is_some());
    let refused = house.ana.publish(&PublishDocument::new(NAME, "1.0.1")).await.assert_status(403);
    assert!(refused.error().contains("publish under another name"), "{}", refused.error());
}

#[tokio::test]
async fn a_publish_whose_last_note_is_lost_is_a_publish() {
    let store = Arc::new(Faulty::new(ObjectStoreBlobs::in_memory(), FaultPlan::NONE));
    let house = House::on(Arc::clone(&store) as _).await;
    let is_entry = |path: &str| path == "_spellings/left-pad";
    let gate = Gate::new();
    gate.open();
    store.fail_next_at(Operation::Put, is_entry, Fault::Hold(gate));
    store.fail_next_at(Operation::Put, is_entry, Fault::Refused);
    let _ = house.ana.publish(&PublishDocument::new(NAME, "1.0.0")).await.assert_status(201);
    assert_eq!(store.faults_to_come(), 0);
    house.upstream.publish(NAME, FOREIGN, b"evil");
    store.delete(&path("left-pad/index.json")).await.unwrap();
    // Not known to be stored, it is still known to be ours.
    for question in Question::all(NAME).into_iter().filter(|question| question.body.is_null()) {
        house.ask(&question, NAME).await.unwrap();
    }
}

/// Packages of a store that is older than the entries are entered when the next package begins.
#[tokio::test]
async fn packages_of_an_older_store_are_damaged_without_their_index_too() {
    let memory = ObjectStoreBlobs::in_memory();
    let house = House::on(Arc::new(memory.clone())).await;
    let packages =
        [("old-pear", "old-pear"), ("OldPear2", "=old=pear2"), ("@acme/old-plum", "@acme/old-plum")];
    for (name, folder) in packages {
        let index = json!({ "name": name, "versions": { "0.1.0": { "name": name, "version": "0.1.0" } } });
        set(&memory, &format!("{folder}/index.json"), Some(&index.to_string())).await;
        house.upstream.publish(name, FOREIGN, b"evil");
    }
    // Of a release that entered no more than the spelling.
    set(&memory, "_spellings/old-pear", Some("old-pear")).await;
    set(&memory, "_spellings/_entered", Some("")).await;
    let _ = house.ana.publish(&PublishDocument::new("new-one", "1.0.0")).await.assert_status(201);
    for (name, folder) in packages {
        set(&memory, &format!("{folder}/index.json"), None).await;
        house.upstream.take_asked();
        let path = format!("/{}", name.replace('/', "%2f"));
        let _ = house.anonymous().get(&path).await.assert_status(500);
        let _ = house.ana.publish(&PublishDocument::new(name, "1.0.0")).await.assert_status(500);
        assert!(house.upstream.take_asked().is_empty(), "{name}");
    }
}

/// What `npm unpublish --force` leaves is no damage: the number stays taken, and the owner may go on.
#[tokio::test]
async fn an_unpublished_package_is_not_damaged() {
    let registry = TestRegistry::new().await;
    let ana: TestClient = registry.ana();
    let _ = ana.publish(&PublishDocument::new(NAME, "1.0.0")).await.assert_status(201);
    let caller = Principal::user("ana").into();
    registry.registry().unpublish_package(&caller, &NAME.parse().unwrap(), None).await.unwrap();
    let _ = registry.replica().await.anonymous().get(&format!("/{NAME}")).await.assert_status(404);
    let _ = ana.publish(&PublishDocument::new(NAME, "1.0.0")).await.assert_status(403);
    let _ = ana.publish(&PublishDocument::new(NAME, "1.0.1")).await.assert_status(201);
}
