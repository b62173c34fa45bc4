//! Signatures of versions, as npm's registries make them, and the keys that they are made with.
//!
//! A [`VersionSigner`] signs each version that is published. With the feature `signing`, [`StoredKeys`] are one: its key is made
//! when it is first needed, and kept in the store (`_signing/keys.json`), so that every process on a store signs alike. No
//! route serves it. Bundles are signed with the same key.
//!
//! ```
//! use std::sync::Arc;
//! use async_trait::async_trait;
//! use registry_core::signing::{ListedKey, SignerError, VersionSignature, VersionSigner};
//! use registry_core::{Registry, storage::ObjectStoreBlobs};
//!
//! #[derive(Debug)]
//! struct KeyService;
//!
//! #[async_trait]
//! impl VersionSigner for KeyService {
//!     async fn sign(&self, message: &[u8]) -> Result<VersionSignature, SignerError> {
//!         # let _ = message;
//!         Ok(VersionSignature { keyid: "SHA256:one".into(), sig: "MEUC".into() })
//!     }
//!     async fn keys(&self) -> Result<Vec<ListedKey>, SignerError> {
//!         let kind = "ecdsa-sha2-nistp256".to_owned();
//!         let (keyid, key) = ("SHA256:one".into(), "MFkw".into());
//!         Ok(vec![ListedKey { expires: None, keyid, keytype: kind.clone(), scheme: kind, key }])
//!     }
//! }
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let store = Arc::new(ObjectStoreBlobs::in_memory());
//! let registry = Registry::builder(store).sign_versions(Arc::new(KeyService)).build();
//! let keys = String::from_utf8(registry.signing_keys().await?).unwrap();
//! assert!(keys.contains("SHA256:one"));
//! # Ok::<(), registry_core::Error>(()) }).unwrap();
//! ```

#[cfg(feature = "signing")]
mod key_id;
#[cfg(feature = "signing")]
mod key_list;
#[cfg(feature = "signing")]
mod public_key;
#[cfg(feature = "signing")]
mod signing_key;
#[cfg(feature = "signing")]
mod stored_keys;

pub use crate::domain::VersionSignature;
pub use crate::vocabulary::{ListedKey, SignerError, VersionSigner};

#[cfg(feature = "signing")]
pub use crate::sealing::{SealingKey, SealingKeyError};
#[cfg(feature = "signing")]
pub use key_id::{KeyId, KeyIdError};
#[cfg(feature = "signing")]
pub use public_key::{PublicKey, PublicKeyError};
#[cfg(feature = "signing")]
pub use signing_key::{SigningFailed, SigningKey};
#[cfg(feature = "signing")]
pub use stored_keys::{StoredKeySettings, StoredKeys};
