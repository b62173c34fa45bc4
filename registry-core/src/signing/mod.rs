//! The key that the registry signs with: ECDSA on P-256 with SHA-256, as npm's registries sign.
//!
//! The key is made when it is first needed, and kept in the store (`_signing/keys.json`), so that every process on a store
//! signs alike. No route serves it. [`PublicKey`] is what the other side verifies with.
//!
//! ```
//! use std::sync::Arc;
//! use registry_core::{Registry, signing::PublicKey, storage::ObjectStoreBlobs};
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let registry = Registry::builder(Arc::new(ObjectStoreBlobs::in_memory())).build();
//! let key = registry.signing_key().await?;
//! let signature = key.sign(b"pear")?;
//! let public = PublicKey::from_pem(&key.public_key().pem())?;
//! assert!(public.verifies(b"pear", &signature));
//! assert!(!public.verifies(b"plum", &signature));
//! assert_eq!(public.id(), key.public_key().id());
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```

mod key_id;
mod public_key;
mod signing_key;
mod stored;

pub use key_id::{KeyId, KeyIdError};
pub use public_key::{PublicKey, PublicKeyError};
pub use signing_key::{SigningFailed, SigningKey};
pub(crate) use stored::SigningKeys;
