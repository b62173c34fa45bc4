//! Google Cloud Storage on this machine, as its XML API is documented, or with a flaw that emulators have.
//!
//! ```
//! use registry_core::storage::{open_bucket, probe};
//! use registry_testkit::fake_gcs::FakeGcs;
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! registry_testkit::install_tls_provider();
//! let gcs = FakeGcs::start().await;
//! let address = gcs.address();
//! probe(&open_bucket(&address.url("team"), address.options()).unwrap(), "one").await.unwrap();
//! # });
//! ```

mod answers;
mod bucket;

use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::loopback_server::{LoopbackPort, LoopbackServer};
use crate::object_stores::StoreAddress;
use bucket::Bucket;

/// The key of a service account in a test, which signs and opens nothing anywhere.
const KEY: &[u8] = include_bytes!("../fake_issuer/rsa_key.der");

/// The empty bucket `registry`. It ends when it is dropped.
#[derive(Debug)]
pub struct FakeGcs {
    serving: LoopbackServer,
}

impl FakeGcs {
    /// A bucket that honors generation conditions.
    ///
    /// # Panics
    ///
    /// If there is no free port on this machine.
    pub async fn start() -> Self {
        Self::serve(Bucket::default()).await
    }

    /// A bucket that stores whatever the condition says, as emulators do that do not know the header.
    ///
    /// # Panics
    ///
    /// If there is no free port on this machine.
    pub async fn that_ignores_conditions() -> Self {
        Self::serve(Bucket::that_ignores_conditions()).await
    }

    async fn serve(bucket: Bucket) -> Self {
        let bucket = Arc::new(Mutex::new(bucket));
        let serving = LoopbackPort::open().await.serve_whole(move |request| {
            let answer =
                answers::answer(&mut bucket.lock().unwrap_or_else(PoisonError::into_inner), &request);
            std::future::ready(answer)
        });
        Self { serving }
    }

    /// The bucket, as a service account comes to it whose key is at hand.
    pub fn address(&self) -> StoreAddress {
        let key = format!(
            "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----\n",
            STANDARD.encode(KEY)
        );
        let account = json!({
            "private_key": key,
            "private_key_id": "1",
            "client_email": "registry@registry.example",
        });
        StoreAddress::new(
            "gs://registry",
            [
                ("google_base_url", self.serving.base_url()),
                ("google_allow_http", "true".to_owned()),
                ("google_service_account_key", account.to_string()),
            ],
        )
    }
}
