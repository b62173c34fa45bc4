//! Signatures of versions that are published here, as npm's registries make them.

use std::fmt::Display;
use std::sync::Arc;

use crate::Error;
use crate::advisories::AdvisoryKeys;
use crate::auth::Caller;
use crate::domain::packument::Packument;
use crate::domain::publication::ImportedVersion;
use crate::domain::{Integrity, PackageName, Version, VersionSignature};
use crate::events::EventKind;
use crate::packages::Packages;
use crate::vocabulary::{ListedKey, VersionSigner};

use super::commit::PackumentDecision;

/// What signs versions, and the keys in the store.
pub(crate) struct SigningParts {
    /// `None` if versions are not signed.
    pub(crate) signer: Option<Arc<dyn VersionSigner>>,
    #[cfg(feature = "signing")]
    pub(crate) stored: crate::signing::StoredKeys,
    /// Whether these keys are what signs.
    #[cfg(feature = "signing")]
    pub(crate) by_stored: bool,
}

impl SigningParts {
    /// Returns the keys that the record of advisories is signed with.
    pub(crate) fn advisory_keys(&self) -> AdvisoryKeys {
        AdvisoryKeys {
            #[cfg(feature = "signing")]
            stored: self.stored.clone(),
        }
    }
}

/// The keys of this registry, to see what they signed.
pub(crate) struct OwnKeys(Vec<ListedKey>);

impl OwnKeys {
    /// Whether one of the signatures of a version is by a key of this registry. One that names such a key is not, if it is of
    /// something else.
    pub(crate) fn signed(&self, text: &str, signatures: &[VersionSignature]) -> bool {
        let is_by_own = |signature: &VersionSignature| {
            self.0.iter().any(|key| key.keyid == signature.keyid && verifies(key, text, signature))
        };
        signatures.iter().any(is_by_own)
    }
}

/// Whether a key made a signature. The keys of an embedding program may be of a kind that only clients know: what names them
/// counts.
fn verifies(key: &ListedKey, text: &str, signature: &VersionSignature) -> bool {
    #[cfg(feature = "signing")]
    {
        use base64::Engine as _;

        let Ok(key) = crate::signing::PublicKey::from_base64(&key.key) else { return true };
        let bytes = base64::engine::general_purpose::STANDARD.decode(&signature.sig);
        bytes.is_ok_and(|bytes| key.verifies(text.as_bytes(), &bytes))
    }
    #[cfg(not(feature = "signing"))]
    {
        let _ = (key, text, signature);
        true
    }
}

/// Returns what is signed of a version, as npm's registries sign it.
pub(crate) fn signed_text(name: &PackageName, version: &Version, integrity: &impl Display) -> String {
    format!("{name}@{version}:{integrity}")
}

impl Packages {
    /// Returns the keys of this registry, to see what they signed.
    pub(crate) async fn own_public_keys(&self) -> Result<OwnKeys, Error> {
        self.own_keys().await.map(OwnKeys)
    }

    /// Signs a version whose `dist.integrity` is `integrity`; `None` where the registry signs none.
    pub(super) async fn sign(
        &self,
        name: &PackageName,
        version: &Version,
        integrity: &(impl Display + Sync),
    ) -> Result<Option<VersionSignature>, Error> {
        let Some(signer) = &self.parts.signing.signer else { return Ok(None) };
        let message = signed_text(name, version, integrity);
        Ok(Some(signer.sign(message.as_bytes()).await?))
    }

    /// Signs a version of another registry, in place of what that one signed it with: no key of another registry proves anything
    /// here.
    pub(super) async fn sign_imported(
        &self,
        name: &PackageName,
        imported: ImportedVersion,
    ) -> Result<ImportedVersion, Error> {
        match self.sign(name, &imported.version, &imported.served_integrity).await? {
            Some(signature) => imported.signed(&signature).map_err(Error::internal),
            None => Ok(imported),
        }
    }

    /// Returns the keys that signatures of this registry name, also those of versions that were signed when it did so otherwise.
    pub(crate) async fn own_keys(&self) -> Result<Vec<ListedKey>, Error> {
        let signing = &self.parts.signing;
        let keys = match &signing.signer {
            Some(signer) => signer.keys().await?,
            None => Vec::new(),
        };
        #[cfg(feature = "signing")]
        if !signing.by_stored {
            let stored = signing.stored.list().await?.into_iter();
            let others: Vec<_> =
                stored.filter(|stored| keys.iter().all(|key| key.keyid != stored.keyid)).collect();
            return Ok(keys.into_iter().chain(others).collect());
        }
        Ok(keys)
    }

    /// Returns an error if the next version could not be signed.
    pub(crate) async fn check_signer(&self) -> Result<(), Error> {
        match &self.parts.signing.signer {
            Some(signer) => Ok(signer.check().await?),
            None => Ok(()),
        }
    }

    /// Whether versions are signed.
    pub(crate) fn signs(&self) -> bool {
        self.parts.signing.signer.is_some()
    }

    /// Signs versions that have no signature by a key of this registry, for an operator. Returns those that were signed: others
    /// were signed meanwhile, or do not have these digests.
    pub(crate) async fn add_signatures(
        &self,
        name: &PackageName,
        versions: Vec<(Version, Integrity)>,
        own: Arc<OwnKeys>,
    ) -> Result<Vec<Version>, Error> {
        let mut signed = Vec::new();
        for (version, integrity) in versions {
            if let Some(signature) = self.sign(name, &version, &integrity).await? {
                signed.push((version, integrity, signature));
            }
        }
        let package = name.clone();
        let decide = move |packument: &mut Packument<'_>| {
            let mut added = Vec::new();
            for (version, integrity, signature) in &signed {
                let is_signed = |known: &[_]| own.signed(&signed_text(&package, version, integrity), known);
                if packument.add_signature(version, integrity, signature, is_signed)? {
                    added.push(version.clone());
                }
            }
            Ok(if added.is_empty() {
                PackumentDecision::Keep(added)
            } else {
                PackumentDecision::CommitBeside(added)
            })
        };
        let caller = Caller::operator();
        let no_event = |_: &Vec<Version>| None::<EventKind>;
        Ok(self.change(&caller, name, decide, no_event).await?.value)
    }
}
