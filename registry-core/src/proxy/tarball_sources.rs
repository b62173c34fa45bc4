use std::sync::Arc;

use crate::Error;
use crate::catalog::Judged;
use crate::catalog::derived_cache::Derived as _;
use crate::domain::packument::{ForeignTarball, ForeignTarballs};
use crate::domain::{Integrity, PackageName, Version};
use crate::error::{PackageError, ProxyError};
use crate::policy::PackagePolicy;
use crate::proxy::Proxy;
use crate::storage::{BlobPath, Key};
use crate::upstream::{PackumentForm, UpstreamError};

use super::NamedUpstream;
use super::document::CacheEntry;
use super::freshness::{Document, State};
use super::packument::require_published;
use super::variants::FORMS;

/// The digest that a tarball must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Digest {
    Sha512(Integrity),
    /// For packages published before stronger digests; in lowercase hex.
    Sha1(Box<str>),
}

/// A tarball of an upstream: its URL, its digest, and its path in the cache.
#[derive(Debug, Clone)]
pub(crate) struct TarballSource {
    pub(super) upstream: NamedUpstream,
    pub(super) url: Box<str>,
    pub(super) digest: Digest,
    pub(crate) path: BlobPath,
    pub(crate) etag: String,
}

impl TarballSource {
    /// The received bytes do not match the digest.
    pub(super) fn wrong(&self) -> UpstreamError {
        let reason = format!("the tarball at {} is not the one that the packument names", self.url);
        UpstreamError::Unusable { upstream: self.upstream.to_string(), reason }
    }

    /// A failure of a host that the packument or a redirect chose. All such failures look alike.
    pub(super) fn failed_elsewhere(&self, host: String, error: Error) -> Error {
        let upstream = self.upstream.to_string();
        Error::Proxy(ProxyError::Upstream(UpstreamError::Elsewhere {
            upstream,
            host,
            source: Box::new(error),
        }))
    }
}

impl Proxy {
    /// Finds the tarball in the packument of the first upstream that has the package; `None` if no upstream has it.
    pub(crate) async fn tarball_source(
        &self,
        name: &PackageName,
        version: &Version,
    ) -> Result<Option<TarballSource>, Error> {
        for upstream in self.upstreams_of(name) {
            // The abbreviated form is the one that an install has just requested, so it is cached.
            let policy = self.policy_of(upstream, name).await?;
            let wanted = policy.source_form(PackumentForm::Abbreviated);
            let (form, state) = self.upstream_state(upstream, name, wanted).await?;
            let State::Present(document) = state else { continue };
            self.note_use(&document.mark);
            let tarballs = self.foreign_tarballs(upstream, name, (form, &document), &policy).await?;
            if let Some(found) = source(upstream, name, version, &tarballs)? {
                return Ok(Some(found));
            }
            require_published(name, tarballs.unpublished().map(str::to_owned))?;
            let later =
                self.tarball_of_later_document(upstream, (name, version), &document.known, &policy).await?;
            if later.is_some() {
                return Ok(later);
            }
            let selector = version.as_str();
            let asked = self.ask_for_what_is_missing(upstream, name, form, selector, &document.known).await?;
            if let Some(document) = asked {
                let tarballs = self.foreign_tarballs(upstream, name, (form, &document), &policy).await?;
                if let Some(found) = source(upstream, name, version, &tarballs)? {
                    return Ok(Some(found));
                }
            }
            return Err(Error::Package(PackageError::VersionNotFound {
                selector: format!("{name}@{version}"),
            }));
        }
        Ok(None)
    }

    /// Looks in later documents: another process may have cached a version, in either form, and shown it to this
    /// client.
    async fn tarball_of_later_document(
        &self,
        upstream: &NamedUpstream,
        (name, version): (&PackageName, &Version),
        known: &CacheEntry,
        policy: &PackagePolicy,
    ) -> Result<Option<TarballSource>, Error> {
        // A policy that reads manifests cannot decide by the abbreviated form.
        for form in FORMS.into_iter().filter(|form| policy.source_form(*form) == *form) {
            let Some(later) = self.stored_document(upstream, name, form).await? else { continue };
            if later.known.checked < known.checked || later.known.content == known.content {
                continue;
            }
            let tarballs = self.foreign_tarballs(upstream, name, (form, &later), policy).await?;
            if let Some(found) = source(upstream, name, version, &tarballs)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    async fn foreign_tarballs(
        &self,
        upstream: &NamedUpstream,
        name: &PackageName,
        (form, document): (PackumentForm, &Document),
        policy: &PackagePolicy,
    ) -> Result<Arc<Judged<ForeignTarballs>>, Error> {
        let key = (Arc::clone(&upstream.id), name.clone(), form, policy.stamp());
        let read = async {
            let (known, document) = self.read_document(upstream, name, form).await?;
            Ok((known.state(), (document, ())))
        };
        let (of, its_key, decides) = (name.clone(), key.clone(), policy.clone());
        let make = move |_: &_, document: &[u8], ()| Judged::derive(&its_key, &of, document, &decides);
        let (path, state) = (&document.path, document.known.state());
        let cache = &self.parts.caches.foreign_tarballs;
        cache.get_of_state(&key, (path, &state), policy, read, make).await
    }
}

/// Returns where the tarball of a version is; `None` if there is none. The only place that finds a tarball of an upstream, so
/// that no way leads around the policies.
fn source(
    upstream: &NamedUpstream,
    name: &PackageName,
    version: &Version,
    tarballs: &Judged<ForeignTarballs>,
) -> Result<Option<TarballSource>, Error> {
    let Some(tarball) = tarballs.get(version.as_str()) else { return Ok(None) };
    tarballs.require_allowed(name, version.as_str())?;
    source_of(upstream, name, version, tarball).map(Some)
}

fn source_of(
    upstream: &NamedUpstream,
    name: &PackageName,
    version: &Version,
    tarball: &ForeignTarball,
) -> Result<TarballSource, Error> {
    let sha512 = tarball.integrity.as_deref().and_then(|integrity| Integrity::parse(integrity).ok());
    let is_sha1 = |shasum: &&str| shasum.len() == 40 && shasum.bytes().all(|byte| byte.is_ascii_hexdigit());
    let (digest, hex) = match (sha512, tarball.shasum.as_deref().filter(is_sha1)) {
        (Some(integrity), _) => {
            let hex = const_hex::encode(&integrity.sha512()[..16]);
            (Digest::Sha512(integrity), hex)
        }
        (None, Some(shasum)) => {
            let hex = shasum.to_ascii_lowercase();
            (Digest::Sha1(hex.as_str().into()), hex)
        }
        (None, None) => {
            return Err(Error::Proxy(ProxyError::Upstream(UpstreamError::Unusable {
                upstream: upstream.to_string(),
                reason: format!("{name}@{version} has no digest to check its tarball with"),
            })));
        }
    };
    Ok(TarballSource {
        upstream: upstream.clone(),
        url: tarball.url.clone(),
        digest,
        path: Key::UpstreamTarball(&upstream.id, name, version, &hex).path()?,
        etag: format!("\"{hex}\""),
    })
}
