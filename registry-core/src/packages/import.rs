use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::Error;
use crate::auth::Caller;
use crate::clock::timestamp;
use crate::domain::packument::{
    ImportEffect, ImportNote, ImportRecord, NamedTarball, Packument, SourcePackage,
};
use crate::domain::publication::{ImportRefusal, ImportedVersion};
use crate::domain::shorten::shorten;
use crate::domain::{Integrity, PackageName, Version};
use crate::events::EventKind;
use crate::limits::Limits;
use crate::packages::Packages;
use crate::storage::{BlobStoreExt as _, Key, OpenBlob, When};

use super::commit::PackumentDecision;

/// What is to be done about the versions of a package of another registry.
#[derive(Debug, Default)]
pub(crate) struct ImportPlan {
    pub(crate) missing: Vec<Version>,
    pub(crate) unchanged: u64,
    pub(crate) refused: Vec<(String, ImportRefusal)>,
    /// Accounts that starred the package there and not here.
    pub(crate) stars: Vec<String>,
    /// Whether users published the package here, and no import ever wrote to it.
    pub(crate) is_published_here: bool,
}

/// Operations of an operator, who needs no right.
impl Packages {
    /// Compares a package of another registry with the one here. Changes nothing. Rejects a name that cannot be hosted
    /// here. `from` is the other registry, as it displays itself.
    pub(crate) async fn plan_import(
        &self,
        name: &PackageName,
        source: &SourcePackage,
        from: &str,
    ) -> Result<ImportPlan, Error> {
        self.proxy().require_hosted_here(name)?;
        let found = self.catalog().read_packument(name).await?;
        if let Some(index) = self.parts.store.or_proven_absent(found).await? {
            return Ok(plan(source, &Packument::parse(name, &index.blob.bytes)?));
        }
        self.proxy().require_free_for_import(name, from).await?;
        Ok(plan(source, &Packument::new(name.clone())))
    }

    /// Returns what an import would not take over, if it added these versions. Changes nothing.
    pub(crate) async fn preview_import(
        &self,
        name: &PackageName,
        source: &SourcePackage,
        coming: &[Version],
    ) -> Result<Vec<ImportNote>, Error> {
        let preview = |packument: &mut Packument<'_>| packument.preview_import(source, coming);
        Ok(match self.catalog().read_packument(name).await? {
            Some(index) => preview(&mut Packument::parse(name, &index.blob.bytes)?)?,
            None => preview(&mut Packument::new(name.clone()))?,
        })
    }

    /// Returns the limits on what is imported.
    pub(crate) fn import_limits(&self) -> Limits {
        self.parts.limits
    }

    /// Opens the tarball with this digest, if an import that was stopped left it.
    pub(crate) async fn open_left_tarball(
        &self,
        name: &PackageName,
        version: &Version,
        integrity: &Integrity,
    ) -> Result<Option<OpenBlob>, Error> {
        let path = Key::Tarball(name, version, integrity).path()?;
        Ok(self.parts.store.open(&path, None).await?)
    }

    /// Refuses an `npm-shrinkwrap.json` that takes packages from elsewhere than this registry and its upstreams.
    pub(crate) fn with_known_origins(
        &self,
        imported: ImportedVersion,
    ) -> Result<ImportedVersion, ImportRefusal> {
        let known = &self.parts.shrinkwrap_origins;
        match imported.shrinkwrap_origins.iter().find(|origin| !known.contains(*origin)) {
            Some(origin) => Err(ImportRefusal::ShrinkwrapOrigin { origin: shorten(origin).into_owned() }),
            None => Ok(imported),
        }
    }

    /// Stores a verified tarball. No packument names it yet.
    pub(crate) async fn store_imported(
        &self,
        name: &PackageName,
        imported: &ImportedVersion,
        tarball: Bytes,
    ) -> Result<(), Error> {
        let path = Key::Tarball(name, &imported.version, &imported.integrity).path()?;
        Ok(self.parts.store.put_content_addressed(&path, tarball).await?)
    }

    /// Adds verified versions, whose tarballs are stored, and what else the other registry says of the package.
    pub(crate) async fn import(
        &self,
        name: &PackageName,
        source: Arc<SourcePackage>,
        verified: Vec<ImportedVersion>,
        stars: Vec<String>,
        from: &str,
        into_published: bool,
    ) -> Result<ImportEffect, Error> {
        // Before the commit, so that a crash in between leaves a marker without a star, which reading ignores.
        for account in stars {
            let marker = Key::Star(&account, name).path()?;
            let _ = self.parts.store.put(&marker, name.as_str().to_owned().into(), When::Always).await?;
        }
        let mut signed = Vec::with_capacity(verified.len());
        for imported in verified {
            signed.push(self.sign_imported(name, imported).await?);
        }
        let caller = Caller::operator();
        let packages = self.clone();
        let decide = move |packument: &mut Packument<'_>| {
            let written = packument.imported.clone();
            let now = timestamp(packages.parts.clock.now());
            let was_stored = !packument.is_new();
            if is_published_here(packument) && !into_published {
                let effect = ImportEffect { is_published_here: true, ..ImportEffect::default() };
                return Ok(PackumentDecision::Keep((effect, None, was_stored)));
            }
            let effect = packument.import(&source, &signed, &now)?;
            let latest = packument.latest().and_then(|latest| Version::parse(latest).ok());
            let is_written = effect.is_visible || packument.imported != written;
            let done = (effect, latest, was_stored || is_written);
            Ok(if is_written { PackumentDecision::Commit(done) } else { PackumentDecision::Keep(done) })
        };
        let from = from.to_owned();
        let events = move |(effect, latest, _): &(ImportEffect, Option<Version>, bool)| {
            effect.is_visible.then(|| EventKind::Imported {
                from: from.clone(),
                added: effect.added.len() as u64,
                latest: latest.clone(),
            })
        };
        let committed = self.change(&caller, name, decide, events).await?;
        let (effect, _, is_stored) = committed.value;
        // Of a package without a version that could be imported, nothing was stored, and nothing may say so.
        if !is_stored {
            return Ok(effect);
        }
        for account in &effect.unstarred {
            // Readers ignore a marker without a star, so a leftover one does no harm.
            if let Err(error) = self.parts.store.delete(&Key::Star(account, name).path()?).await {
                tracing::warn!(%account, package = %name, %error, "could not delete the marker of a removed star");
            }
        }
        // An import that was killed after its commit may have left the entry of the name behind.
        if self.catalog().was_never_stored(name).await? {
            self.catalog().enter_stored(name).await;
        }
        self.parts.hosted_check.set_hosted(name);
        Ok(effect)
    }
}

/// Whether users published the package, and no import ever wrote to it.
fn is_published_here(packument: &Packument<'_>) -> bool {
    let is_theirs = !packument.is_new() || !packument.staged.is_empty();
    is_theirs && packument.imported == ImportRecord::default()
}

fn plan(source: &SourcePackage, packument: &Packument<'_>) -> ImportPlan {
    let hosted: Vec<NamedTarball> = packument.named_tarballs().into_iter().filter_map(Result::ok).collect();
    let hosted: HashMap<&str, &NamedTarball> =
        hosted.iter().map(|hosted| (hosted.version.as_str(), hosted)).collect();
    let mut plan = ImportPlan { is_published_here: is_published_here(packument), ..ImportPlan::default() };
    let stars = source.stars.iter().flatten();
    plan.stars = stars.filter(|name| packument.users.get(*name) != Some(&true)).cloned().collect();
    for (key, told) in &source.versions {
        if packument.versions.contains_key(key.as_str()) {
            match hosted.get(key.as_str()) {
                Some(hosted) if told.has_tarball_of(hosted) => plan.unchanged += 1,
                _ => plan.refused.push((key.clone(), ImportRefusal::OtherTarball)),
            }
            continue;
        }
        match Version::parse(key) {
            Err(error) => plan.refused.push((key.clone(), error.into())),
            // The effect of the import has a note of it.
            Ok(version) if packument.tombstones.contains_key(version.as_str()) => {}
            Ok(version) if packument.is_taken(&version) => {
                plan.refused.push((key.clone(), ImportRefusal::Taken));
            }
            Ok(version) => plan.missing.push(version),
        }
    }
    plan
}
