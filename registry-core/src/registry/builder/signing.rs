use std::sync::Arc;

use crate::RegistryBuilder;
use crate::clock::Clock;
use crate::packages::SigningParts;
use crate::randomness::Randomness;
#[cfg(feature = "signing")]
use crate::signing::{StoredKeySettings, StoredKeys};
use crate::storage::Storage;
use crate::vocabulary::VersionSigner;

/// What is to sign versions.
#[derive(Debug, Default)]
pub(super) struct SigningSetUp {
    signer: Option<Arc<dyn VersionSigner>>,
    #[cfg(feature = "signing")]
    stored: StoredKeySettings,
    #[cfg(feature = "signing")]
    by_stored: bool,
}

impl RegistryBuilder {
    /// Signs each version that is published, and lists the keys at `/-/npm/v1/keys`, so that clients can verify all packages
    /// (`npm audit signatures`). Versions that were published before have no signature until
    /// [`Registry::sign_packages`](crate::Registry::sign_packages). Default: no version is signed.
    pub fn sign_versions(mut self, signer: Arc<dyn VersionSigner>) -> Self {
        self.signing.signer = Some(signer);
        self
    }

    /// Like [`Self::sign_versions`], with keys in the store.
    #[cfg(feature = "signing")]
    pub fn sign_versions_with_stored_keys(mut self, settings: StoredKeySettings) -> Self {
        self.signing.by_stored = true;
        self.stored_keys(settings)
    }

    /// Sets how the keys in the store are kept, which bundles are signed with, too. Default: see [`StoredKeySettings`].
    #[cfg(feature = "signing")]
    pub fn stored_keys(mut self, settings: StoredKeySettings) -> Self {
        self.signing.stored = settings;
        self
    }
}

impl SigningSetUp {
    #[cfg(feature = "signing")]
    pub(super) fn into_parts(
        self,
        store: &Arc<Storage>,
        clock: &Arc<dyn Clock>,
        randomness: &Arc<dyn Randomness>,
    ) -> SigningParts {
        let stored = StoredKeys::new(store, clock, randomness, self.stored);
        let by_stored = self.by_stored && self.signer.is_none();
        let signs = by_stored.then(|| Arc::new(stored.clone()) as Arc<dyn VersionSigner>);
        SigningParts { signer: self.signer.or(signs), stored, by_stored }
    }

    #[cfg(not(feature = "signing"))]
    pub(super) fn into_parts(
        self,
        _: &Arc<Storage>,
        _: &Arc<dyn Clock>,
        _: &Arc<dyn Randomness>,
    ) -> SigningParts {
        SigningParts { signer: self.signer }
    }
}
