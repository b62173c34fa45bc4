//! codebox-npm as far as its bucket goes: what its handlers write, and what they make of what they find there.
//!
//! With it a test has a bucket in the exact layout of the original, and sees whether the original would still be
//! served by it. It knows no upstream and no callers.
//!
//! ```
//! use registry_testkit::codebox_npm::CodeboxNpm;
//! use registry_testkit::publish_document::PublishDocument;
//! let mut codebox = CodeboxNpm::new("https://old.registry.example/prod/registry");
//! let document = PublishDocument::new("@acme/one", "1.0.0");
//! assert_eq!(codebox.publish("@acme%2fone", &document.build()).status, 200);
//! let keys: Vec<_> = codebox.objects().keys().map(String::as_str).collect();
//! assert_eq!(keys, ["@acme/one/1.0.0.tgz", "@acme/one/index.json"]);
//! let packument = codebox.package("@acme%2fone").body;
//! assert_eq!(
//!     packument["versions"]["1.0.0"]["dist"]["tarball"],
//!     "https://old.registry.example/prod/registry/@acme%2fone/-/%40acme%2Fone-1.0.0.tgz"
//! );
//! assert_eq!(codebox.tarball("@acme%2fone", "%40acme%2Fone-1.0.0.tgz").unwrap(), document.tarball());
//! ```

mod handlers;
mod sample;

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::TryStreamExt as _;
use registry_core::storage::{BlobError, BlobPath, BlobPrefix, BlobStore, When};
use serde_json::Value;

/// Where the deployment of [`CodeboxNpm::sample`] answered.
pub const API_ENDPOINT: &str = "https://old.registry.example/prod/registry";

/// A deployment of codebox-npm and its bucket.
#[derive(Debug, Clone)]
pub struct CodeboxNpm {
    api_endpoint: String,
    objects: BTreeMap<String, Bytes>,
}

/// What a handler answers.
#[derive(Debug, Clone, PartialEq)]
pub struct CodeboxAnswer {
    /// The status.
    pub status: u16,
    /// The JSON.
    pub body: Value,
}

impl CodeboxNpm {
    /// With an empty bucket. Its tarball URLs begin with `api_endpoint`, which is `undefined` where it is not set.
    pub fn new(api_endpoint: &str) -> Self {
        Self { api_endpoint: api_endpoint.to_owned(), objects: BTreeMap::new() }
    }

    /// The bucket: key → content.
    pub fn objects(&self) -> &BTreeMap<String, Bytes> {
        &self.objects
    }

    /// Copies the bucket into a store, under the same keys.
    ///
    /// # Errors
    ///
    /// Those of the store.
    ///
    /// # Panics
    ///
    /// If a name or version is one that no store of ours can hold.
    pub async fn copy_to(&self, store: &dyn BlobStore) -> Result<(), BlobError> {
        for (key, content) in &self.objects {
            let path = BlobPath::parse(key).unwrap_or_else(|error| panic!("{key}: {error}"));
            let _ = store.put(&path, content.clone(), When::Always).await?;
        }
        Ok(())
    }

    /// The deployment that finds in its bucket what is in a store now.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn on(api_endpoint: &str, store: &dyn BlobStore) -> Result<Self, BlobError> {
        let listed: Vec<_> = store.list(&BlobPrefix::ROOT).try_collect().await?;
        let mut codebox = Self::new(api_endpoint);
        for blob in listed {
            if let Some(found) = store.get(&blob.path).await? {
                codebox.objects.insert(blob.path.to_string(), found.bytes);
            }
        }
        Ok(codebox)
    }
}
