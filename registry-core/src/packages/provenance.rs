//! Attestations of versions that are published here: verified before the commit, stored before it, and named by it.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Error;
use crate::auth::Caller;
use crate::domain::packument::Packument;
#[cfg(feature = "provenance")]
use crate::domain::provenance::Provenance;
use crate::domain::provenance::RecordedAttestations;
use crate::domain::publication::Publication;
use crate::domain::{Integrity, PackageName, Version};
use crate::error::ProxyError;
use crate::packages::Packages;
use crate::storage::{BlobPath, BlobStoreExt as _, Key};

/// What provenance is verified with.
#[derive(Debug, Default)]
pub(crate) struct ProvenanceParts {
    #[cfg(feature = "provenance")]
    pub(crate) settings: crate::provenance::ProvenanceSettings,
}

/// Attestations that are stored with a version.
#[derive(Debug, Clone)]
pub(super) struct Attestations {
    pub(super) recorded: RecordedAttestations,
    /// The document, in npm's format.
    document: Bytes,
}

/// Attestations in the record of a staged version.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct StagedAttestations(String);

impl Packages {
    /// Verifies the provenance of a publication, and that it has the one that a rule requires; `None` if there is neither.
    #[cfg(feature = "provenance")]
    pub(super) async fn verify_provenance(
        &self,
        publication: &Publication,
    ) -> Result<Option<Attestations>, Error> {
        let Publication { name, version, integrity, provenance, .. } = publication;
        let verified = self.verify_bundle((name, version, integrity), provenance.clone()).await?;
        let (Some(verified), Some(bundle)) = (verified, &publication.provenance) else { return Ok(None) };
        Attestations::of_bundle(bundle, verified.predicate_type, verified.is_trusted).map(Some)
    }

    /// Rejects a staged version without the provenance that a rule requires now.
    #[cfg(feature = "provenance")]
    pub(super) async fn verify_staged_provenance(
        &self,
        name: &PackageName,
        version: &Version,
        integrity: &Integrity,
        staged: Option<&StagedAttestations>,
    ) -> Result<(), Error> {
        if self.parts.provenance.settings.rules.of(name).is_none() {
            return Ok(());
        }
        let bundle = staged.and_then(StagedAttestations::bundle).map(Bytes::from);
        self.verify_bundle((name, version, integrity), bundle).await.map(drop)
    }

    /// Verifies the bundle of a version, and that there is one that a rule requires; `None` if there is neither.
    #[cfg(feature = "provenance")]
    async fn verify_bundle(
        &self,
        (name, version, integrity): (&PackageName, &Version, &Integrity),
        bundle: Option<Bytes>,
    ) -> Result<Option<Provenance>, Error> {
        use crate::concurrency::compute_elsewhere;
        use crate::domain::publication::PublishError;
        use crate::error::RequestError;
        use crate::provenance::ProvenanceSubject;

        let settings = self.parts.provenance.settings.clone();
        if bundle.is_none() && settings.rules.of(name).is_none() {
            return Ok(None);
        }
        let (name, version, integrity) = (name.clone(), version.clone(), integrity.clone());
        let verify = move || {
            let subject = ProvenanceSubject { name: &name, version: &version, integrity: &integrity };
            settings.verify(bundle.as_deref(), subject)
        };
        let verified = compute_elsewhere(verify).await?;
        verified.map_err(|error| Error::Request(RequestError::Publish(PublishError::from(error))))
    }

    /// There are no rules.
    #[cfg(not(feature = "provenance"))]
    #[expect(clippy::unused_async, reason = "it is async with the feature")]
    pub(super) async fn verify_staged_provenance(
        &self,
        _: &PackageName,
        _: &Version,
        _: &Integrity,
        _: Option<&StagedAttestations>,
    ) -> Result<(), Error> {
        Ok(())
    }

    /// Rejects provenance, which this build cannot verify.
    #[cfg(not(feature = "provenance"))]
    pub(super) async fn verify_provenance(
        &self,
        publication: &Publication,
    ) -> Result<Option<Attestations>, Error> {
        use crate::domain::provenance::ProvenanceError;
        use crate::domain::publication::PublishError;
        use crate::error::RequestError;

        match publication.provenance {
            None => Ok(None),
            Some(_) => {
                let unsupported = PublishError::from(ProvenanceError::Unsupported);
                Err(Error::Request(RequestError::Publish(unsupported)))
            }
        }
    }

    /// Stores attestations, before the packument names them.
    pub(super) async fn store_attestations(
        &self,
        name: &PackageName,
        attestations: &Attestations,
    ) -> Result<(), Error> {
        let path = Key::Attestations(name, &attestations.recorded.integrity).path()?;
        Ok(self.parts.store.put_content_addressed(&path, attestations.document.clone()).await?)
    }

    /// Returns the attestations of a version that was published here, or of one of an upstream.
    pub(crate) async fn attestations(
        &self,
        caller: &Caller,
        name: &PackageName,
        version: &Version,
    ) -> Result<Bytes, Error> {
        self.authorization.require_read(caller, name)?;
        let catalog = self.catalog();
        if catalog.if_hosted(name, || catalog.read_packument(name)).await?.is_none() {
            return self.proxy().attestations(caller, name, version).await;
        }
        // The same answer for a version that the caller may not see as for one without attestations.
        let none =
            || Error::Proxy(ProxyError::NoAttestations { name: name.clone(), version: version.clone() });
        let found = match self.find_tarball(caller, name, version).await {
            Err(Error::Package(_)) => return Err(none()),
            found => found?,
        };
        if !found.is_hosted() {
            return Err(none());
        }
        let stored = catalog.require_packument(name).await?;
        let packument = Packument::parse(name, &stored.blob.bytes)?;
        let manifest = packument.versions.get(version.as_str()).ok_or_else(none)?;
        let integrity = recorded(manifest.get()).ok_or_else(none)?;
        let path = Key::Attestations(name, &integrity).path()?;
        let blob = self.parts.store.or_proven_absent(self.parts.store.get(&path).await?).await?;
        match blob {
            Some(blob) if integrity.matches(&blob.bytes) => Ok(blob.bytes),
            Some(_) => Err(Error::Damaged(format!("{path} is not what the packument names").into())),
            None => {
                Err(Error::Damaged(format!("{path}, which the packument names, is not in the store").into()))
            }
        }
    }
}

impl Attestations {
    #[cfg(feature = "provenance")]
    fn of_bundle(bundle: &Bytes, predicate_type: String, is_trusted: bool) -> Result<Self, Error> {
        use serde_json::value::RawValue;

        let bundle: &RawValue = serde_json::from_slice(bundle).map_err(Error::internal)?;
        let head = Value::from(predicate_type.as_str());
        let document = format!(r#"{{"attestations":[{{"predicateType":{head},"bundle":{bundle}}}]}}"#);
        let integrity = Integrity::of(document.as_bytes());
        let recorded = RecordedAttestations { integrity, predicate_type, is_trusted };
        Ok(Self { recorded, document: document.into() })
    }

    /// Returns where they are stored.
    pub(super) fn path(&self, name: &PackageName) -> Option<BlobPath> {
        Key::Attestations(name, &self.recorded.integrity).path().ok()
    }

    /// Returns what the record of a staged version keeps.
    pub(super) fn staged(&self) -> StagedAttestations {
        StagedAttestations(String::from_utf8_lossy(&self.document).into_owned())
    }
}

#[cfg(feature = "provenance")]
impl StagedAttestations {
    /// Returns the bundle, as it was published.
    fn bundle(&self) -> Option<String> {
        use serde_json::value::RawValue;

        #[derive(Deserialize)]
        struct Document<'a> {
            #[serde(borrow)]
            attestations: Vec<Attestation<'a>>,
        }

        #[derive(Deserialize)]
        struct Attestation<'a> {
            #[serde(borrow)]
            bundle: &'a RawValue,
        }

        let document: Document<'_> = serde_json::from_str(&self.0).ok()?;
        document.attestations.first().map(|attestation| attestation.bundle.get().to_owned())
    }
}

impl Packages {
    /// Stores the attestations of a staged version where those of published ones are.
    pub(super) async fn store_staged_attestations(
        &self,
        name: &PackageName,
        staged: &StagedAttestations,
    ) -> Result<(), Error> {
        let path = Key::Attestations(name, &Integrity::of(staged.0.as_bytes())).path()?;
        Ok(self.parts.store.put_content_addressed(&path, staged.0.clone().into()).await?)
    }
}

/// Returns the digest of the attestations that a manifest names.
fn recorded(manifest: &str) -> Option<Integrity> {
    let manifest: Value = serde_json::from_str(manifest).ok()?;
    RecordedAttestations::digest_in(&manifest["dist"]["attestations"])
}

/// Returns where the attestations that a manifest names are.
pub(super) fn attestations_path(name: &PackageName, manifest: &str) -> Option<BlobPath> {
    Key::Attestations(name, &recorded(manifest)?).path().ok()
}
