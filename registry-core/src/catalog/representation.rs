use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

use crate::Error;
use crate::clock::http_date;
use crate::domain::PackageName;
use crate::domain::packument::{
    Audience, ForeignTarballs, Packument, TarballIndex, VersionDecisions, render_abbreviated, render_full,
};
use crate::measurements::{CacheMeasurements, CacheMeter};
use crate::policy::PackagePolicy;
use crate::upstream::PackumentForm;

use super::derived_cache::{Derived, DerivedCache};
use super::judged::{Judged, nothing_allowed};
use super::summary::Summary;

/// A packument as clients receive it: rendered once, compressed once, served as bytes.
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
    /// `last_modified` as the `Last-Modified` header renders it.
    pub(crate) last_modified_header: Option<String>,
    /// The readers of the package, where they are fewer than the access rules permit.
    pub audience: Audience,
    /// What policies decided, where any concerns the package.
    pub(crate) decisions: Option<VersionDecisions>,
    /// Whether the document lists any version.
    pub(crate) has_versions: bool,
}

/// Identifies one representation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct RepresentationKey {
    /// The upstream that has the package; `None` where it is hosted.
    pub(crate) upstream: Option<Arc<str>>,
    pub(crate) name: PackageName,
    pub(crate) form: PackumentForm,
    pub(crate) base: Arc<str>,
    /// The state of the policies that concern the package.
    pub(crate) policy: u64,
}

/// The caches of documents derived from packuments, hosted and upstream alike.
#[derive(Debug)]
pub(crate) struct ReadCaches {
    pub(crate) representations: DerivedCache<Representation>,
    pub(super) tarballs: DerivedCache<Judged<TarballIndex>>,
    pub(crate) foreign_tarballs: DerivedCache<Judged<ForeignTarballs>>,
    pub(crate) summaries: DerivedCache<Summary>,
}

impl ReadCaches {
    /// Gives a tenth of the memory to the tarball index of hosted packages, a tenth to that of upstream packages, a
    /// twentieth to summaries, and the rest to rendered packuments.
    pub(crate) fn new(bytes: u64) -> Self {
        Self {
            representations: DerivedCache::new(bytes - bytes / 4),
            tarballs: DerivedCache::new(bytes / 10),
            foreign_tarballs: DerivedCache::new(bytes / 10),
            summaries: DerivedCache::new(bytes / 20),
        }
    }

    pub(crate) fn measurements(&self) -> [CacheMeasurements; 3] {
        let indexes = [self.tarballs.meter(), self.foreign_tarballs.meter()];
        [
            CacheMeter::measurements("packuments", [self.representations.meter()]),
            CacheMeter::measurements("tarball_indexes", indexes),
            CacheMeter::measurements("summaries", [self.summaries.meter()]),
        ]
    }
}

impl Derived for Representation {
    type Key = RepresentationKey;

    fn derive(
        key: &Self::Key,
        name: &PackageName,
        json: &[u8],
        policy: &PackagePolicy,
    ) -> Result<Self, Error> {
        let mut packument = Packument::parse(name, json)?;
        packument.require_existing()?;
        let decisions = policy.decide_hosted(&packument);
        if let Some(decisions) = &decisions {
            packument.hide(decisions);
        }
        let identity = match key.form {
            PackumentForm::Full => render_full(&packument, &key.base)?,
            PackumentForm::Abbreviated => render_abbreviated(&packument, &key.base)?,
        };
        // Settings change what is refused at a time that no document tells, so a date does not identify such a state.
        let is_dated = decisions.as_ref().is_none_or(VersionDecisions::allows_all);
        let last_modified = packument.time.get("modified").filter(|_| is_dated);
        let last_modified = last_modified.and_then(|time| time.parse().ok());
        let last_modified_header = last_modified.and_then(http_date);
        // The abbreviated form does not show the revision, and must still differ with each.
        let representation = Self::of(identity, &packument.revision.to_string())?;
        let (audience, has_versions) = (Audience::of(&packument), !packument.versions.is_empty());
        Ok(Self { last_modified, last_modified_header, audience, decisions, has_versions, ..representation })
    }

    fn valid_until(&self) -> Option<DateTime<Utc>> {
        self.decisions.as_ref().and_then(VersionDecisions::valid_until)
    }

    fn weight(&self) -> usize {
        Self::weight(self)
    }
}

impl Representation {
    /// Compresses a document and computes its `ETag`s from the document and `state`.
    pub(crate) fn of(mut identity: Vec<u8>, state: &str) -> Result<Self, Error> {
        // Shrinks the buffer so that the cached value takes the memory it is weighed with.
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
            decisions: None,
            has_versions: true,
        })
    }

    /// Rejects a package whose versions are all refused: clients would report that it has none, and not why.
    pub(crate) fn require_any_version(&self, name: &PackageName) -> Result<(), Error> {
        let refused = || self.decisions.as_ref().and_then(|decisions| nothing_allowed(name, decisions));
        if self.has_versions { Ok(()) } else { refused().map_or(Ok(()), Err) }
    }

    /// Returns a line about the refused versions; `None` if there are none.
    pub(crate) fn policy_notice(&self, name: &PackageName) -> Option<String> {
        let decisions = self.decisions.as_ref()?;
        let (version, refusal) = decisions.highest()?;
        let more = match decisions.refused().len() - 1 {
            0 => String::new(),
            1 => " One more version is hidden.".to_owned(),
            more => format!(" {more} more versions are hidden."),
        };
        Some(format!("{name}@{version} is hidden: it {}.{more}", refusal.explanation()))
    }

    /// The approximate memory use in bytes.
    pub(crate) fn weight(&self) -> usize {
        let decisions = self.decisions.as_ref().map_or(0, VersionDecisions::weight);
        self.identity.len() + self.gzip.len() + self.audience.weight() + decisions
    }
}

fn compress(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::default());
    let compressed = encoder.write_all(bytes).and_then(|()| encoder.finish());
    let mut compressed = compressed.map_err(|error| Error::Internal(Box::new(error)))?;
    compressed.shrink_to_fit();
    Ok(compressed)
}
