//! How much is kept of another registry, and what of it goes.

use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt as _;
use futures::future::join;
use http::StatusCode;
use http_body_util::BodyExt as _;
use registry_core::Registry;
use registry_core::access::{AccessRules, RuleSettings};
use registry_core::storage::{BlobPath, BlobPrefix, BlobStore, LocalDisk, ObjectStoreBlobs, When};
use registry_testkit::{FixedClock, ScriptedUpstream};
use serde_json::json;

use super::{read, request};

/// The length of every tarball here; a packument is much shorter.
const LENGTH: usize = 10_000;

/// A store that several registries in front of one upstream share.
struct Shared {
    store: Arc<dyn BlobStore>,
    upstream: ScriptedUpstream,
    clock: Arc<FixedClock>,
}

impl Shared {
    fn new(store: impl BlobStore) -> Self {
        // Later than the store's own clock, so that the times of files tell nothing.
        let start = chrono_of(4_000_000_000);
        Self {
            store: Arc::new(store),
            upstream: ScriptedUpstream::default(),
            clock: Arc::new(FixedClock::starting_at(start)),
        }
    }

    fn publish(&self, name: &str, length: usize) {
        self.upstream.publish(name, "1.0.0", bytes_of(name, length));
    }

    fn registry(&self, limit: Option<u64>) -> Registry {
        let rules: Vec<RuleSettings> =
            serde_json::from_value(json!([{ "match": "**", "read": ["@all"], "origin": ["npm"] }])).unwrap();
        Registry::builder(Arc::clone(&self.store))
            .upstream("npm", Arc::new(self.upstream.clone()))
            .access(AccessRules::compile_with_upstreams(&rules, &["npm"]).unwrap())
            .clock(Arc::<FixedClock>::clone(&self.clock))
            .upstream_cache_bytes(limit)
            .build()
    }

    /// The names of the packages whose tarballs are kept.
    async fn kept(&self) -> Vec<String> {
        let paths = self
            .paths()
            .await
            .into_iter()
            .filter(|path| path.starts_with("_upstream/") && path.contains("/-/"));
        paths.map(|path| path.split('/').nth(2).unwrap().to_owned()).collect()
    }

    async fn paths(&self) -> Vec<String> {
        let listed: Vec<_> = self.store.list(&BlobPrefix::ROOT).try_collect().await.unwrap();
        listed.into_iter().map(|blob| blob.path.to_string()).collect()
    }

    /// The bytes that count.
    async fn bytes(&self) -> u64 {
        let listed: Vec<_> = self.store.list(&BlobPrefix::ROOT).try_collect().await.unwrap();
        let counts = |path: &str| path.starts_with("_upstream/") && !path.starts_with("_upstream/_");
        listed.iter().filter(|blob| counts(blob.path.as_str())).map(|blob| blob.length).sum()
    }

    /// Waits for what goes on behind requests, for a bounded time.
    async fn until_at_most(&self, bytes: u64) {
        for _ in 0..10_000 {
            if self.bytes().await <= bytes && !self.is_sweeping().await {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("{} bytes are kept, which are more than {bytes}", self.bytes().await);
    }

    async fn is_sweeping(&self) -> bool {
        let ledger = self.store.get(&BlobPath::parse("_upstream/_ledger.json").unwrap()).await.unwrap();
        ledger.is_some_and(|ledger| !String::from_utf8_lossy(&ledger.bytes).contains(r#""sweeping":null"#))
    }
}

fn chrono_of(seconds: u64) -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn bytes_of(name: &str, length: usize) -> &'static [u8] {
    name.bytes().cycle().take(length).collect::<Vec<_>>().leak()
}

async fn tarball(registry: &Registry, name: &str) -> (StatusCode, Vec<u8>) {
    read(registry.handle(request(&format!("/{name}/-/{name}-1.0.0.tgz"))).await).await
}

async fn fetch(registry: &Registry, name: &str) {
    assert_eq!(tarball(registry, name).await.0, 200, "{name}");
    // The store has it a moment after the client.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_was_not_used_for_the_longest_time_goes_first() {
    let shared = Shared::new(ObjectStoreBlobs::in_memory());
    let registry = shared.registry(Some(45_000));
    for name in ["a", "b", "c", "d", "e"] {
        shared.publish(name, LENGTH);
    }
    for name in ["a", "b", "c", "d"] {
        fetch(&registry, name).await;
        shared.clock.advance(Duration::from_mins(1));
    }
    assert_eq!(shared.kept().await, ["a", "b", "c", "d"]);
    shared.clock.advance(Duration::from_hours(4));
    fetch(&registry, "a").await;
    shared.clock.advance(Duration::from_mins(1));
    fetch(&registry, "e").await;
    shared.until_at_most(40_500).await;
    assert_eq!(shared.kept().await, ["a", "d", "e"]);

    shared.upstream.take_asked();
    assert_eq!(tarball(&registry, "b").await, (StatusCode::OK, bytes_of("b", LENGTH).to_vec()));
    assert_eq!(
        shared.upstream.take_asked().last().unwrap(),
        "tarball https://registry.example/files/b-1.0.0.tgz"
    );
    shared.upstream.replace_tarball("c", "1.0.0", bytes_of("x", LENGTH));
    assert!(tarball(&registry, "c").await.1.len() < LENGTH, "what is fetched again is checked again");
}

#[tokio::test]
async fn what_another_process_used_stays() {
    let shared = Shared::new(ObjectStoreBlobs::in_memory());
    let (one, other) = (shared.registry(Some(25_000)), shared.registry(Some(25_000)));
    for name in ["a", "b", "c"] {
        shared.publish(name, LENGTH);
    }
    fetch(&one, "a").await;
    shared.clock.advance(Duration::from_mins(1));
    fetch(&one, "b").await;
    shared.clock.advance(Duration::from_hours(4));
    // Enough time has passed for its marks to be written, with the last use among them.
    fetch(&other, "a").await;
    shared.clock.advance(Duration::from_mins(20));
    fetch(&other, "a").await;
    fetch(&one, "c").await;
    shared.until_at_most(22_500).await;
    assert_eq!(shared.kept().await, ["a", "c"]);
}

#[tokio::test]
async fn two_processes_that_sweep_at_once_delete_what_one_would() {
    let shared = Shared::new(ObjectStoreBlobs::in_memory());
    let unlimited = shared.registry(None);
    for name in ["a", "b", "c", "d", "e", "f"] {
        shared.publish(name, LENGTH);
        fetch(&unlimited, name).await;
    }
    assert!(shared.paths().await.iter().all(|path| !path.starts_with("_upstream/_")), "no limit, no marks");
    let limit = Some(40_000);
    let (one, other) = (shared.registry(limit), shared.registry(limit));
    let (first, second) = join(one.trim_upstream_cache(), other.trim_upstream_cache()).await;
    let (first, second) = (first.unwrap(), second.unwrap());
    assert!(first.before > 60_000 && first.deleted + second.deleted >= 20_000, "{first:?} {second:?}");
    let kept = shared.bytes().await;
    assert!((20_000..=36_000).contains(&kept), "{kept}");
    assert_eq!(one.trim_upstream_cache().await.unwrap().deleted, 0);
    assert!(!shared.is_sweeping().await);
    for name in ["a", "b", "c", "d", "e", "f"] {
        assert_eq!(tarball(&one, name).await.1, bytes_of(name, LENGTH), "{name}");
    }
}

#[tokio::test]
async fn the_limit_holds_after_any_number_of_fetches_by_several_processes() {
    const LIMIT: u64 = 100_000;
    let shared = Shared::new(ObjectStoreBlobs::in_memory());
    let registries = [shared.registry(Some(LIMIT)), shared.registry(Some(LIMIT))];
    for number in 0..60 {
        let name = format!("p{number}");
        shared.publish(&name, 1_000 + number * 300);
        fetch(&registries[number % 2], &name).await;
        shared.clock.advance(Duration::from_mins(3));
        shared.until_at_most(LIMIT).await;
    }
    let kept = shared.kept().await;
    assert!(kept.contains(&"p59".to_owned()) && !kept.contains(&"p0".to_owned()), "{kept:?}");
    let marks = shared.paths().await.into_iter().filter(|path| path.starts_with("_upstream/_used/")).count();
    assert!(marks < 20, "{marks} batches of marks");
}

#[tokio::test]
async fn a_tarball_that_is_being_read_is_read_to_its_end() {
    const LARGE: usize = 3 << 20;
    let folder = tempfile::tempdir().unwrap();
    let shared = Shared::new(LocalDisk::open(folder.path()).unwrap());
    shared.publish("large", LARGE);
    let unlimited = shared.registry(None);
    assert_eq!(tarball(&unlimited, "large").await.0, 200);
    let mut body = unlimited.handle(request("/large/-/large-1.0.0.tgz")).await.into_body();
    let mut received = body.frame().await.unwrap().unwrap().into_data().unwrap().to_vec();
    assert!(received.len() < LARGE, "there is nothing left to read");
    let trimmed = shared.registry(Some(1)).trim_upstream_cache().await.unwrap();
    assert!(trimmed.deleted > LARGE as u64 && shared.kept().await.is_empty(), "{trimmed:?}");
    received.extend_from_slice(&body.collect().await.unwrap().to_bytes());
    assert!(received == bytes_of("large", LARGE));
    shared.upstream.take_asked();
    assert!(tarball(&unlimited, "large").await.1 == bytes_of("large", LARGE), "it is fetched again");
}

#[tokio::test]
async fn what_is_hosted_is_never_touched() {
    let shared = Shared::new(ObjectStoreBlobs::in_memory());
    let others = [
        "@ours/web/index.json",
        "_accounts/ana.json",
        "a/index.json",
        "_upstreams/x",
        "zebra/-/0a/zebra-1.0.0.tgz",
    ];
    for path in others {
        let path = BlobPath::parse(path).unwrap();
        let _ = shared.store.put(&path, vec![b'x'; LENGTH].into(), When::Always).await.unwrap();
    }
    shared.publish("b", LENGTH);
    let registry = shared.registry(Some(1));
    fetch(&registry, "b").await;
    assert_eq!(shared.kept().await, ["b"], "what is in use stays even where there is no room");
    shared.clock.advance(Duration::from_mins(3));
    registry.trim_upstream_cache().await.unwrap();
    let paths = shared.paths().await;
    let mut left: Vec<_> = paths.iter().filter(|path| !path.starts_with("_upstream/_")).collect();
    let mut expected: Vec<_> = others.iter().map(|path| (*path).to_owned()).collect();
    left.sort();
    expected.sort();
    assert_eq!(left, expected.iter().collect::<Vec<_>>());
}
