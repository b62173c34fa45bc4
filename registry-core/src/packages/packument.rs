use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

use crate::auth::Caller;
use crate::clock::http_date;
use crate::domain::PackageName;
use crate::domain::packument::{
    Audience, ForeignTarballs, Packument, TarballIndex, render_abbreviated, render_full,
};
use crate::upstream::PackumentForm;
use crate::{Error, Registry};

use super::derived_cache::{Derived, DerivedCache};
use super::spelling::{LOOKS, Standing};
use super::summary::Summary;

/// A packument as clients get it: rendered once, compressed once, given out as bytes.
#[derive(Debug)]
pub struct Representation {
    /// The JSON.
    pub identity: Bytes,
    /// The same, compressed with gzip.
    pub gzip: Bytes,
    /// A strong `ETag` of `identity`, quotes included. It changes with every revision of the packument.
    pub etag: String,
    /// The `ETag` of `gzip`: the other one with `-gzip` before the last quote.
    pub gzip_etag: String,
    /// When the package was last changed, where that is known.
    pub last_modified: Option<DateTime<Utc>>,
    /// The same as `Last-Modified` has it.
    pub(crate) last_modified_header: Option<String>,
    /// Whom the package is for, where not simply for whom the rules let read it.
    pub audience: Audience,
}

/// Which representation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct RepresentationKey {
    /// The upstream that has the package; `None` where it is hosted.
    pub(crate) upstream: Option<Arc<str>>,
    pub(crate) name: PackageName,
    pub(crate) form: PackumentForm,
    pub(crate) base: Arc<str>,
}

/// What is kept of packuments between reads, hosted ones and those of upstreams alike.
#[derive(Debug)]
pub(crate) struct ReadCaches {
    pub(crate) representations: DerivedCache<Representation>,
    tarballs: DerivedCache<TarballIndex>,
    pub(crate) foreign_tarballs: DerivedCache<ForeignTarballs>,
    pub(crate) summaries: DerivedCache<Summary>,
}

impl ReadCaches {
    /// A tenth of the room goes to where hosted tarballs are, a tenth to where those of upstreams are, a twentieth to
    /// summaries, the rest to rendered packuments.
    pub(crate) fn new(bytes: u64) -> Self {
        Self {
            representations: DerivedCache::new(bytes - bytes / 4),
            tarballs: DerivedCache::new(bytes / 10),
            foreign_tarballs: DerivedCache::new(bytes / 10),
            summaries: DerivedCache::new(bytes / 20),
        }
    }
}

impl Registry {
    /// The packument in `form`, with every tarball below `base`, the registry's URL without a slash at its end.
    /// As fresh as the store.
    pub async fn packument(
        &self,
        caller: &Caller,
        name: &PackageName,
        form: PackumentForm,
        base: &Arc<str>,
    ) -> Result<Arc<Representation>, Error> {
        self.require_read(caller, name)?;
        let read = || async {
            if let Some(hosted) = self.hosted_packument(name, form, base).await? {
                self.require_audience(caller, name, &hosted.audience)?;
                return Ok(hosted);
            }
            let foreign = Box::pin(self.upstream_packument(name, form, base)).await?;
            foreign.ok_or_else(|| Error::PackageNotFound(name.clone()))
        };
        self.read_again_if_published(read).await
    }

    pub(crate) async fn hosted_packument(
        &self,
        name: &PackageName,
        form: PackumentForm,
        base: &Arc<str>,
    ) -> Result<Option<Arc<Representation>>, Error> {
        let key = RepresentationKey { upstream: None, name: name.clone(), form, base: Arc::clone(base) };
        self.if_hosted(name, || self.parts.caches.representations.get(self, name, &key)).await
    }

    /// What `look` finds of a package here. Does not look where the name is never hosted, or was not a moment ago.
    /// `None` is a proven absence: the store is the one that was opened, and the package was never begun in it.
    pub(crate) async fn if_hosted<T: Send, Found>(
        &self,
        name: &PackageName,
        look: impl Fn() -> Found + Send + Sync,
    ) -> Result<Option<T>, Error>
    where
        Found: Future<Output = Result<Option<T>, Error>> + Send,
    {
        let access = self.access();
        let origin = access.origin(name);
        let check = &self.parts.upstream.hosted;
        let has_upstream = !origin.upstreams.is_empty();
        if !origin.hosted || (has_upstream && check.is_known_absent(name)) {
            return Ok(None);
        }
        for _ in 0..LOOKS {
            let begun = check.look();
            let found = match look().await {
                // Where both may have the package, the upstream's is served until ours has a version that is more than
                // staged.
                Err(Error::PackageNotFound(_)) if origin.shadow => return Ok(None),
                found => found?,
            };
            if found.is_some() {
                return Ok(found);
            }
            // In this order: what was looked for while the store was not mounted is looked for again after it was.
            self.parts.store.confirm_absence().await?;
            match self.standing(name).await? {
                Standing::Free => {
                    if has_upstream {
                        check.set_absent(name, begun);
                    }
                    return Ok(None);
                }
                Standing::Begun if origin.shadow => return Ok(None),
                Standing::Begun => {
                    tracing::info!(package = %name, "no upstream is asked for a package whose first publish was begun here");
                    return Err(Error::PackageNotFound(name.clone()));
                }
                Standing::Stored => {}
            }
        }
        Err(Error::Busy)
    }

    /// What `read` reads, from upstreams too; once more where an upstream was about to be asked for a package that was
    /// published here meanwhile.
    pub(crate) async fn read_again_if_published<T, Reading>(
        &self,
        read: impl Fn() -> Reading + Send + Sync,
    ) -> Result<T, Error>
    where
        Reading: Future<Output = Result<T, Error>> + Send,
    {
        match Box::pin(read()).await {
            Err(error) if error.is_published_meanwhile() => Box::pin(read()).await,
            answer => answer,
        }
    }

    /// Where the tarballs of a package are; `None` where there is no package.
    pub(crate) async fn tarball_index(&self, name: &PackageName) -> Result<Option<Arc<TarballIndex>>, Error> {
        self.parts.caches.tarballs.get(self, name, name).await
    }
}

impl Derived for Representation {
    type Key = RepresentationKey;

    fn derive(key: &Self::Key, name: &PackageName, json: &[u8]) -> Result<Self, Error> {
        let packument = Packument::parse(name, json)?;
        packument.require_existing()?;
        let identity = match key.form {
            PackumentForm::Full => render_full(&packument, &key.base)?,
            PackumentForm::Abbreviated => render_abbreviated(&packument, &key.base)?,
        };
        let last_modified = packument.time.get("modified").and_then(|time| time.parse().ok());
        let last_modified_header = last_modified.and_then(http_date);
        // The abbreviated form does not show the revision, and must still differ with each.
        let representation = Self::of(identity, &packument.revision.to_string())?;
        let audience = Audience::of(&packument);
        Ok(Self { last_modified, last_modified_header, audience, ..representation })
    }

    fn weight(&self) -> usize {
        Self::weight(self)
    }
}

impl Representation {
    /// Compresses a document and names it, in a way that changes with the document and with `state`.
    pub(crate) fn of(mut identity: Vec<u8>, state: &str) -> Result<Self, Error> {
        // What is kept is to take the memory that it is weighed with.
        identity.shrink_to_fit();
        let mut hash = Sha256::new();
        hash.update(state);
        hash.update(&identity);
        let digest = const_hex::encode(&hash.finalize()[..16]);
        Ok(Self {
            gzip: compress(&identity)?.into(),
            identity: identity.into(),
            etag: format!("\"{digest}\""),
            gzip_etag: format!("\"{digest}-gzip\""),
            last_modified: None,
            last_modified_header: None,
            audience: Audience::default(),
        })
    }

    /// About how many bytes of memory this takes.
    pub(crate) fn weight(&self) -> usize {
        self.identity.len() + self.gzip.len() + self.audience.weight()
    }
}

impl Derived for TarballIndex {
    type Key = PackageName;

    fn derive(_: &Self::Key, name: &PackageName, json: &[u8]) -> Result<Self, Error> {
        Ok(Self::of(&Packument::parse(name, json)?)?)
    }

    fn weight(&self) -> usize {
        TarballIndex::weight(self)
    }
}

impl Derived for ForeignTarballs {
    type Key = (Arc<str>, PackageName, PackumentForm);

    fn derive(_: &Self::Key, name: &PackageName, json: &[u8]) -> Result<Self, Error> {
        Ok(Self::of(name, json)?)
    }

    fn weight(&self) -> usize {
        ForeignTarballs::weight(self)
    }
}

fn compress(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::default());
    let compressed = encoder.write_all(bytes).and_then(|()| encoder.finish());
    let mut compressed = compressed.map_err(|error| Error::Internal(Box::new(error)))?;
    compressed.shrink_to_fit();
    Ok(compressed)
}
