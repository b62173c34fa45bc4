//! What the builder of a registry makes providers and sinks with.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::TryStreamExt as _;
use registry_core::Registry;
use registry_core::auth::{Caller, LocalAccounts, PasswordCost, PasswordLogin};
use registry_core::clock::Clock as _;
use registry_core::domain::PackageName;
use registry_core::events::{AuditSpan, read_audit_log};
use registry_core::storage::{BlobPath, BlobStore, ObjectStoreBlobs, When};
use registry_testkit::{FixedClock, RecordedEvents, SeededRandomness};

#[tokio::test]
async fn providers_and_sinks_get_the_clock_that_is_set_after_them() {
    let clock = Arc::new(FixedClock::new());
    clock.advance(Duration::from_hours(100_000));
    let store = Arc::new(ObjectStoreBlobs::in_memory());
    let expected = clock.now();
    let given = Arc::new(OnceLock::new());
    let keep = Arc::clone(&given);
    let registry = Registry::builder(Arc::clone(&store) as Arc<dyn BlobStore>)
        .auth_provider_with(move |context| {
            assert_eq!(context.clock.now(), expected);
            keep.set(Arc::clone(&context.store)).unwrap();
            LocalAccounts::new(context.store, context.clock, context.randomness)
        })
        .audit_log()
        .clock(Arc::clone(&clock) as _)
        .randomness(Arc::new(SeededRandomness::new(1)))
        .build();
    registry.owners(&Caller::anonymous(), &PackageName::parse("pear").unwrap()).await.unwrap_err();
    registry.flush_events().await;
    // The provider's store is measured on the way: what is written to it is in the one that was given to the builder.
    let (path, given) = (BlobPath::parse("pear/index.json").unwrap(), given.get().unwrap());
    let _ = given.put(&path, "green".into(), When::Absent).await.unwrap();
    assert_eq!(store.get(&path).await.unwrap().unwrap().bytes, "green");
    // An object of the audit log is found by the time in its name, which is the sink's own.
    let span = AuditSpan { since: Some(expected - Duration::from_secs(1)), until: None };
    let records: Vec<_> = read_audit_log(store, span).try_collect().await.unwrap();
    assert_eq!(records.len(), 1);
}

#[tokio::test]
async fn providers_are_asked_in_the_order_in_which_they_were_added() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("htpasswd");
    std::fs::write(&file, "ana:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n").unwrap();
    let ids = |registry: Registry| -> Vec<_> {
        registry.auth_providers().iter().map(|provider| provider.id()).collect()
    };
    let builder = || Registry::builder(Arc::new(ObjectStoreBlobs::in_memory()));
    assert_eq!(ids(builder().htpasswd(&file).unwrap().local_accounts().build()), ["htpasswd", "local"]);
    let with_another = builder().local_accounts().htpasswd(&file).unwrap().local_accounts();
    assert_eq!(ids(with_another.build()), ["local", "htpasswd"]);
    std::fs::write(&file, "ana\n").unwrap();
    builder().htpasswd(&file).unwrap_err();
}

#[tokio::test]
async fn every_sink_gets_the_events() {
    let store: Arc<dyn BlobStore> = Arc::new(ObjectStoreBlobs::in_memory());
    let (ready, made) = (RecordedEvents::default(), RecordedEvents::default());
    let sink = made.clone();
    let registry = Registry::builder(Arc::clone(&store))
        .local_accounts_with(|accounts| accounts.with_password_cost(PasswordCost::cheapest()))
        .event_sink(Arc::new(ready.clone()))
        .audit_log()
        .event_sink_with(move |_| sink)
        .build();
    let password = "correct horse battery".into();
    let login = PasswordLogin { name: "ana".to_owned(), password, email: None };
    let _ = registry.log_in(&Caller::anonymous(), &login).await.unwrap().into_session().unwrap();
    registry.flush_events().await;
    let events = ready.take();
    assert!(!events.is_empty());
    assert_eq!(made.take(), events);
    let records: Vec<_> = read_audit_log(store, AuditSpan::default()).try_collect().await.unwrap();
    assert_eq!(records.len(), events.len());
}
