//! A registry in memory in one line, with everything in hand that a test wants to hold: the clock, the store and its
//! faults, the events, people who are signed in. It opens no socket.
//!
//! ```
//! use registry_testkit::TestRegistry;
//! use registry_testkit::publish_document::PublishDocument;
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let registry = TestRegistry::new().await;
//! let ana = registry.ana();
//! let answer = ana.publish(&PublishDocument::new("@acme/one", "1.0.0")).await.assert_status(201);
//! assert_eq!(answer.json()["id"], "@acme/one");
//!
//! let ben = registry.user("ben").await;
//! let refused = ben.publish(&PublishDocument::new("@acme/one", "1.0.1")).await.assert_status(403);
//! assert!(refused.error().starts_with("you do not have permission"));
//!
//! let packument = registry.anonymous().get("/@acme%2fone").await.assert_status(200).json();
//! assert_eq!(packument["time"]["1.0.0"], "2026-01-02T03:04:05.000Z");
//! assert!(registry.keys().await.contains(&"@acme/one/index.json".to_owned()));
//! # });
//! ```

mod builder;
mod client;
mod snapshot;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::TryStreamExt as _;
use registry_core::Registry;
use registry_core::accounts::LoginAnswer;
use registry_core::auth::{Caller, PasswordLogin};
use registry_core::storage::{BlobPath, BlobPrefix, BlobStore as _, ObjectStoreBlobs, When};
use secrecy::ExposeSecret as _;

use crate::clock::FixedClock;
use crate::events::RecordedEvents;
use crate::faulty::Faulty;

pub use builder::TestRegistryBuilder;
pub use client::TestClient;

/// The password of everybody whom [`TestRegistry::user`] signs up.
pub const PASSWORD: &str = "correct horse battery";

/// A registry in memory. The same calls in the same order give the same answers: the clock stands still until it is
/// told to go, and tokens, revisions and salts come from a seed.
///
/// It believes no token without asking the store, so that how often it asks does not depend on how fast the test is.
#[derive(Debug)]
pub struct TestRegistry {
    registry: Registry,
    /// The same registry without faults and without events, for what a test needs and does not look at.
    backstage: Registry,
    memory: ObjectStoreBlobs,
    store: Arc<Faulty<ObjectStoreBlobs>>,
    clock: Arc<FixedClock>,
    events: RecordedEvents,
    settings: TestRegistryBuilder,
    tokens: Mutex<BTreeMap<String, String>>,
}

impl TestRegistry {
    /// A registry with nothing set and nothing in it but the account `ana`.
    pub async fn new() -> Self {
        Self::builder().start().await
    }

    /// A registry of which something is set.
    pub fn builder() -> TestRegistryBuilder {
        TestRegistryBuilder::default()
    }

    /// The registry itself, for operations without HTTP.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The store that the registry works on: to let it fail, and to see what it was asked.
    pub fn store(&self) -> &Faulty<ObjectStoreBlobs> {
        &self.store
    }

    /// The memory behind the store, which meets no fault.
    pub fn memory(&self) -> ObjectStoreBlobs {
        self.memory.clone()
    }

    /// The clock.
    pub fn clock(&self) -> &FixedClock {
        &self.clock
    }

    /// What happened so far. Delivery is not immediate: [`Registry::flush_events`] waits for it.
    pub fn events(&self) -> &RecordedEvents {
        &self.events
    }

    /// A client that is not signed in.
    pub fn anonymous(&self) -> TestClient {
        TestClient::new(self.registry.clone(), None)
    }

    /// The user `ana`, who is there from the start.
    pub fn ana(&self) -> TestClient {
        let token = self.tokens.lock().unwrap_or_else(PoisonError::into_inner).get("ana").cloned();
        TestClient::new(self.registry.clone(), token)
    }

    /// The user of this name, who is signed up with [`PASSWORD`] when asked for the first time. That is not among
    /// the events, and meets no fault.
    ///
    /// # Panics
    ///
    /// If no account can have such a name.
    pub async fn user(&self, name: &str) -> TestClient {
        let known = self.tokens.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        let token = match known {
            Some(token) => token,
            None => self.sign_up(name).await,
        };
        TestClient::new(self.registry.clone(), Some(token))
    }

    /// Another registry with the same settings on the same store: see [`TestRegistryBuilder::start_on`].
    pub async fn replica(&self) -> Self {
        self.settings.clone().start_on(self).await
    }

    /// The key of every blob in the store, sorted, but for the marker `_registry.json`, which says nothing of what a test
    /// does. Meets no fault.
    pub async fn keys(&self) -> Vec<String> {
        self.stored().await.into_keys().collect()
    }

    /// Everything in the store but for its marker: key → bytes. Meets no fault.
    ///
    /// # Panics
    ///
    /// Never: memory can always be read.
    pub async fn stored(&self) -> BTreeMap<String, Bytes> {
        let listed: Result<Vec<_>, _> = self.memory.list(&BlobPrefix::ROOT).try_collect().await;
        let mut stored = BTreeMap::new();
        for blob in listed.unwrap_or_else(|error| panic!("cannot list memory: {error}")) {
            let found = self.memory.get(&blob.path).await;
            // A blob may go between the list and the look, where others are at work.
            if blob.path.as_str() == "_registry.json" {
                continue;
            }
            if let Some(found) = found.unwrap_or_else(|error| panic!("cannot read memory: {error}")) {
                stored.insert(blob.path.to_string(), found.bytes);
            }
        }
        stored
    }

    /// Stores `bytes` under a key. Meets no fault.
    ///
    /// # Panics
    ///
    /// If it is no key.
    pub async fn put(&self, key: &str, bytes: impl Into<Bytes>) {
        let path = BlobPath::parse(key).unwrap_or_else(|error| panic!("no key: {key}: {error}"));
        let stored = self.memory.put(&path, bytes.into(), When::Always).await;
        let _ = stored.unwrap_or_else(|error| panic!("cannot write to memory: {error}"));
    }

    /// Removes what is under a key, if anything. Meets no fault.
    ///
    /// # Panics
    ///
    /// If it is no key.
    pub async fn remove(&self, key: &str) {
        let path = BlobPath::parse(key).unwrap_or_else(|error| panic!("no key: {key}: {error}"));
        self.memory.delete(&path).await.unwrap_or_else(|error| panic!("cannot write to memory: {error}"));
    }

    async fn sign_up_ana(&self) {
        if self.settings.has_accounts() {
            self.user("ana").await;
        }
    }

    /// Makes the marker of the store, as a frontend does before it serves.
    async fn mark_store(&self) {
        let opened = self.backstage.open().await;
        opened.unwrap_or_else(|error| panic!("cannot mark memory: {error}"));
    }

    async fn sign_up(&self, name: &str) -> String {
        let email = format!("{name}@registry.example");
        let login = PasswordLogin { name: name.to_owned(), password: PASSWORD.into(), email: Some(email) };
        let answer = self.backstage.log_in(&Caller::anonymous(), &login).await;
        let session = answer.and_then(LoginAnswer::into_session);
        let session = session.unwrap_or_else(|error| panic!("cannot sign up {name}: {error}"));
        let token = session.token.expose_secret().to_owned();
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), token.clone());
        token
    }
}
