//! Signatures of versions that are published here, as npm's registries make them.

use std::sync::Arc;

#[cfg(feature = "signing")]
use serde::Deserialize as _;
#[cfg(feature = "signing")]
use serde_json::Value;

use crate::Error;
use crate::auth::Caller;
use crate::domain::packument::Packument;
use crate::domain::publication::ImportedVersion;
use crate::domain::{Integrity, PackageName, Version, VersionSignature};
use crate::events::{EventKind, Via};
use crate::packages::Packages;
use crate::vocabulary::{ListedKey, VersionSigner};

use super::commit::PackumentDecision;

/// What signs versions, and the keys in the store.
pub(crate) struct SigningParts {
    /// `None` if versions are not signed.
    pub(crate) signer: Option<Arc<dyn VersionSigner>>,
    #[cfg(feature = "signing")]
    pub(crate) stored: crate::signing::StoredKeys,
}

impl Packages {
    /// Signs a version; `None` where the registry signs none.
    pub(super) async fn sign(
        &self,
        name: &PackageName,
        version: &Version,
        integrity: &Integrity,
    ) -> Result<Option<VersionSignature>, Error> {
        let Some(signer) = &self.parts.signing.signer else { return Ok(None) };
        let message = format!("{name}@{version}:{integrity}");
        Ok(Some(signer.sign(message.as_bytes()).await?))
    }

    /// Signs a version that another registry did not sign.
    pub(super) async fn sign_imported(
        &self,
        name: &PackageName,
        imported: ImportedVersion,
    ) -> Result<ImportedVersion, Error> {
        if imported.is_signed() {
            return Ok(imported);
        }
        match self.sign(name, &imported.version, &imported.integrity).await? {
            Some(signature) => imported.signed(&signature).map_err(Error::internal),
            None => Ok(imported),
        }
    }

    /// Returns the keys that signatures of this registry name.
    pub(crate) async fn own_keys(&self) -> Result<Vec<ListedKey>, Error> {
        let Some(signer) = &self.parts.signing.signer else { return Ok(Vec::new()) };
        #[cfg_attr(not(feature = "signing"), expect(unused_mut, reason = "there are no others"))]
        let mut keys = signer.keys().await?;
        #[cfg(feature = "signing")]
        keys.extend(self.parts.signing.stored.foreign().await?);
        Ok(keys)
    }

    /// Lists the keys of another registry from now on, whose signatures come with its packages, as it tells them in npm's format.
    /// What is no key of this format is left out.
    #[cfg(feature = "signing")]
    pub(crate) async fn learn_keys(&self, told: &[u8]) -> Result<(), Error> {
        let told: Value = serde_json::from_slice(told).unwrap_or_default();
        let keys = told["keys"].as_array().into_iter().flatten();
        let keys: Vec<ListedKey> = keys.filter_map(|key| ListedKey::deserialize(key).ok()).collect();
        self.parts.signing.stored.learn(&keys).await
    }

    /// Whether versions are signed.
    pub(crate) fn signs(&self) -> bool {
        self.parts.signing.signer.is_some()
    }

    /// Signs versions that have no signature, for an operator. Returns those that were signed: others were signed meanwhile, or
    /// do not have these digests.
    pub(crate) async fn add_signatures(
        &self,
        name: &PackageName,
        versions: Vec<(Version, Integrity)>,
    ) -> Result<Vec<Version>, Error> {
        let mut signed = Vec::new();
        for (version, integrity) in versions {
            if let Some(signature) = self.sign(name, &version, &integrity).await? {
                signed.push((version, integrity, signature));
            }
        }
        let decide = move |packument: &mut Packument<'_>| {
            let mut added = Vec::new();
            for (version, integrity, signature) in &signed {
                if packument.add_signature(version, integrity, signature)? {
                    added.push(version.clone());
                }
            }
            Ok(if added.is_empty() {
                PackumentDecision::Keep(added)
            } else {
                PackumentDecision::CommitBeside(added)
            })
        };
        let caller = Caller::anonymous().coming_via(Via::CommandLine);
        let no_event = |_: &Vec<Version>| None::<EventKind>;
        Ok(self.change(&caller, name, decide, no_event).await?.value)
    }
}
