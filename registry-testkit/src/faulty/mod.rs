//! A store that fails on purpose.
//!
//! ```
//! use registry_core::storage::{BlobPath, BlobStore, ObjectStoreBlobs, When};
//! use registry_testkit::faulty::{Fault, FaultPlan, Faulty, Operation};
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let store = Faulty::new(ObjectStoreBlobs::in_memory(), FaultPlan::NONE);
//! let path = BlobPath::parse("fruit/pear").unwrap();
//! store.fail_next(Operation::Put, Fault::AfterEffect);
//! assert!(store.put(&path, "green".into(), When::Absent).await.is_err());
//! assert_eq!(store.get(&path).await.unwrap().unwrap().bytes, "green");
//! assert_eq!(store.to_string(), "faulty(memory)");
//! # });
//! ```

mod gate;
mod plan;
mod script;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use registry_core::storage::{
    Blob, BlobETag, BlobError, BlobPath, BlobPrefix, BlobRange, BlobStore, ByteStream, Fetched, ListedBlob,
    OpenBlob, PutOutcome, SignedUrlOptions, When,
};
use url::Url;

pub use gate::Gate;
pub(crate) use plan::Dice;
pub use plan::FaultPlan;
use script::Script;
pub use script::{Fault, Operation};

/// Wraps a store and lets operations fail, before or after they had their effect, and wait: as a plan with a seed
/// says, and as scripted one by one.
#[derive(Debug)]
pub struct Faulty<Store> {
    store: Store,
    script: Script,
}

impl<Store: BlobStore> Faulty<Store> {
    /// Over `store`; [`FaultPlan::NONE`] leaves only what is scripted later.
    pub fn new(store: Store, plan: FaultPlan) -> Self {
        Self { store, script: Script::new(plan) }
    }

    /// Lets the next `operation` that no earlier script takes meet `fault`.
    pub fn fail_next(&self, operation: Operation, fault: Fault) {
        self.fail_next_at(operation, |_| true, fault);
    }

    /// Lets the next `operation` on a path (or prefix) that `at` accepts meet `fault`.
    pub fn fail_next_at(
        &self,
        operation: Operation,
        at: impl Fn(&str) -> bool + Send + Sync + 'static,
        fault: Fault,
    ) {
        self.script.add(operation, Box::new(at), fault);
    }

    /// How many scripted faults no caller has met yet.
    pub fn faults_to_come(&self) -> usize {
        self.script.to_come()
    }

    /// Every operation so far and its path, in the order in which they began.
    pub fn calls(&self) -> Vec<(Operation, String)> {
        self.script.calls()
    }

    /// The same, which are then forgotten.
    pub fn take_calls(&self) -> Vec<(Operation, String)> {
        self.script.take_calls()
    }

    /// Does `work` as the script and the plan allow.
    async fn act<Done>(
        &self,
        operation: Operation,
        path: &(dyn fmt::Display + Sync),
        work: impl Future<Output = Result<Done, BlobError>> + Send,
    ) -> Result<Done, BlobError> {
        let path = path.to_string();
        let fate = self.script.decide(operation, &path);
        fate.wait().await;
        match fate.fault {
            Some(Fault::BeforeEffect) => Err(self.unavailable(path)),
            Some(Fault::AfterEffect) => {
                work.await?;
                Err(self.unavailable(path))
            }
            Some(Fault::Refused) => Err(BlobError::Refused {
                store: self.to_string(),
                path,
                source: "a fault was asked for: refused".into(),
            }),
            Some(Fault::Hold(gate)) => {
                gate.pass().await;
                work.await
            }
            None => work.await,
        }
    }

    fn unavailable(&self, path: String) -> BlobError {
        BlobError::Unavailable { store: self.to_string(), path, source: "a fault was asked for".into() }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods, reason = "a wrapper that forgets a method hides it")]
impl<Store: BlobStore> BlobStore for Faulty<Store> {
    async fn get(&self, path: &BlobPath) -> Result<Option<Blob>, BlobError> {
        self.act(Operation::Get, path, self.store.get(path)).await
    }

    async fn get_if_changed(&self, path: &BlobPath, known: &BlobETag) -> Result<Fetched, BlobError> {
        self.act(Operation::GetIfChanged, path, self.store.get_if_changed(path, known)).await
    }

    async fn open(&self, path: &BlobPath, range: Option<BlobRange>) -> Result<Option<OpenBlob>, BlobError> {
        self.act(Operation::Open, path, self.store.open(path, range)).await
    }

    async fn put(&self, path: &BlobPath, bytes: Bytes, when: When) -> Result<PutOutcome, BlobError> {
        self.act(Operation::Put, path, self.store.put(path, bytes, when)).await
    }

    async fn put_stream(&self, path: &BlobPath, stream: ByteStream) -> Result<BlobETag, BlobError> {
        self.act(Operation::PutStream, path, self.store.put_stream(path, stream)).await
    }

    async fn delete(&self, path: &BlobPath) -> Result<(), BlobError> {
        self.act(Operation::Delete, path, self.store.delete(path)).await
    }

    fn list(&self, prefix: &BlobPrefix) -> BoxStream<'static, Result<ListedBlob, BlobError>> {
        let listed = self.store.list(prefix);
        let error = self.unavailable(prefix.to_string());
        let fate = self.script.decide(Operation::List, &prefix.to_string());
        let begin = async move {
            fate.wait().await;
            match fate.fault {
                Some(Fault::BeforeEffect | Fault::Refused) => stream::once(async { Err(error) }).boxed(),
                // The listing breaks off at its very end.
                Some(Fault::AfterEffect) => listed.chain(stream::once(async { Err(error) })).boxed(),
                Some(Fault::Hold(gate)) => {
                    gate.pass().await;
                    listed
                }
                None => listed,
            }
        };
        stream::once(begin).flatten().boxed()
    }

    async fn list_folders(&self, prefix: &BlobPrefix) -> Result<Vec<String>, BlobError> {
        self.act(Operation::ListFolders, prefix, self.store.list_folders(prefix)).await
    }

    async fn signed_url(
        &self,
        path: &BlobPath,
        expires: Duration,
        options: SignedUrlOptions,
    ) -> Result<Option<Url>, BlobError> {
        self.act(Operation::SignedUrl, path, self.store.signed_url(path, expires, options)).await
    }
}

impl<Store: fmt::Display> fmt::Display for Faulty<Store> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "faulty({})", self.store)
    }
}
