use std::sync::Arc;

use crate::Error;
use crate::domain::packument::{ForeignTarball, ForeignTarballs};
use crate::domain::{Integrity, PackageName, Version};
use crate::error::{PackageError, ProxyError};
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
            let (form, state) = self.upstream_state(upstream, name, PackumentForm::Abbreviated).await?;
            let State::Present(document) = state else { continue };
            self.note_use(&document.mark);
            let tarballs = self.foreign_tarballs(upstream, name, form, &document).await?;
            if let Some(tarball) = tarballs.get(version.as_str()) {
                return source(upstream, name, version, tarball).map(Some);
            }
            require_published(name, tarballs.unpublished().map(str::to_owned))?;
            let later = self.tarball_of_later_document(upstream, name, version, &document.known).await?;
            if later.is_some() {
                return Ok(later);
            }
            let selector = version.as_str();
            let asked = self.ask_for_what_is_missing(upstream, name, form, selector, &document.known).await?;
            if let Some(document) = asked {
                let tarballs = self.foreign_tarballs(upstream, name, form, &document).await?;
                if let Some(tarball) = tarballs.get(selector) {
                    return source(upstream, name, version, tarball).map(Some);
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
        name: &PackageName,
        version: &Version,
        known: &CacheEntry,
    ) -> Result<Option<TarballSource>, Error> {
        for form in FORMS {
            let Some(later) = self.stored_document(upstream, name, form).await? else { continue };
            if later.known.checked < known.checked || later.known.content == known.content {
                continue;
            }
            let tarballs = self.foreign_tarballs(upstream, name, form, &later).await?;
            if let Some(tarball) = tarballs.get(version.as_str()) {
                return source(upstream, name, version, tarball).map(Some);
            }
        }
        Ok(None)
    }

    async fn foreign_tarballs(
        &self,
        upstream: &NamedUpstream,
        name: &PackageName,
        form: PackumentForm,
        document: &Document,
    ) -> Result<Arc<ForeignTarballs>, Error> {
        let key = (Arc::clone(&upstream.id), name.clone(), form);
        let read = async {
            let (known, document) = self.read_document(upstream, name, form).await?;
            Ok((known.state(), (document, ())))
        };
        let of = name.clone();
        let make = move |_: &_, document: &[u8], ()| Ok(ForeignTarballs::of(&of, document)?);
        let (path, state) = (&document.path, document.known.state());
        self.parts.caches.foreign_tarballs.get_of_state(&key, path, &state, read, make).await
    }
}

fn source(
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
