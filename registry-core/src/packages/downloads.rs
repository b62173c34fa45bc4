//! Who may know how often a package was downloaded: those who may read it.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::Error;
use crate::auth::Caller;
use crate::clock::Clock;
use crate::domain::{DownloadPeriod, PackageName, Version};
use crate::downloads::{DownloadCounts, DownloadSettings, Downloads};
use crate::error::PackageError;
use crate::events::EventKind;
use crate::packages::Packages;
use crate::randomness::Randomness;
use crate::storage::Storage;

use super::tarball::FoundTarball;

/// How many packages are looked at concurrently.
const AT_ONCE: usize = 8;
/// The days of a week.
const WEEK: u32 = 7;

/// What to do with downloads.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct DownloadSetUp {
    /// How they are counted; `None` if they are not.
    pub(crate) counts: Option<DownloadSettings>,
    /// Whether each is an event.
    pub(crate) are_events: bool,
}

/// What downloads are counted with.
pub(crate) struct DownloadParts {
    pub(crate) counts: Downloads,
    are_events: bool,
}

impl DownloadParts {
    pub(crate) fn new(
        store: &Arc<Storage>,
        clock: &Arc<dyn Clock>,
        randomness: &Arc<dyn Randomness>,
        set_up: DownloadSetUp,
    ) -> Self {
        let counts = Downloads::new(store, clock, randomness, set_up.counts);
        Self { counts, are_events: set_up.are_events }
    }

    /// Whether each download is an event.
    pub(super) fn are_events(&self) -> bool {
        self.are_events
    }
}

impl Packages {
    /// Counts a download of a tarball that the caller was allowed to read.
    pub(crate) fn count_download(&self, caller: &Caller, tarball: &FoundTarball) {
        let (name, version) = tarball.package_version();
        self.parts.downloads.counts.count(name, version);
        if self.parts.downloads.are_events {
            self.authorization.emit(caller, Some(name), EventKind::Downloaded { version: version.clone() });
        }
    }

    /// Returns the downloads of a package that the caller may read.
    pub(crate) async fn downloads(
        &self,
        caller: &Caller,
        name: &PackageName,
        period: DownloadPeriod,
    ) -> Result<DownloadCounts, Error> {
        let is_hosted = self.require_readable(caller, name).await?;
        let counts = self.parts.downloads.counts.of_packages(std::slice::from_ref(name), period).await?;
        counts.into_iter().find(|counts| is_hosted || counts.total() > 0).ok_or_else(|| not_found(name))
    }

    /// Returns the downloads of each of these packages; `None` for one that the caller may not read or that is unknown.
    pub(crate) async fn downloads_of_each(
        &self,
        caller: &Caller,
        names: &[PackageName],
        period: DownloadPeriod,
    ) -> Result<Vec<Option<DownloadCounts>>, Error> {
        let readable = |name: PackageName| async move {
            match self.require_readable(caller, &name).await {
                Ok(is_hosted) => Ok(Some(is_hosted)),
                Err(error) if says_that_none_is_visible(&error) => Ok(None),
                Err(error) => Err(error),
            }
        };
        let readable: Vec<_> =
            stream::iter(names.to_vec()).map(readable).buffered(AT_ONCE).try_collect().await?;
        let asked: Vec<_> = names
            .iter()
            .zip(&readable)
            .filter(|(_, readable)| readable.is_some())
            .map(|(name, _)| name.clone())
            .collect();
        let mut counts = self.parts.downloads.counts.of_packages(&asked, period).await?.into_iter();
        let each = |is_hosted: Option<bool>| {
            let is_hosted = is_hosted?;
            counts.next().filter(|counts| is_hosted || counts.total() > 0)
        };
        Ok(readable.into_iter().map(each).collect())
    }

    /// Returns the downloads of all packages together that the caller may read.
    pub(crate) async fn all_downloads(
        &self,
        caller: &Caller,
        period: DownloadPeriod,
    ) -> Result<DownloadCounts, Error> {
        // Names first, so that no caller makes this process keep the counts of each package.
        let counted = self.parts.downloads.counts.names(period).await?;
        // One listing, since most packages of upstreams are not hosted, which costs several requests to find out.
        let hosted = if counted.is_empty() {
            Vec::new()
        } else {
            self.catalog().list_known_packages().await?.into_iter().collect()
        };
        let visible = |name: PackageName| {
            let is_hosted = hosted.binary_search(&name).is_ok();
            async move {
                let is_visible = self.authorization.may_read(caller, &name)
                    && (!is_hosted || self.is_in_audience(caller, &name).await?);
                Ok::<_, Error>(is_visible.then_some(name))
            }
        };
        let visible: Vec<_> = stream::iter(counted)
            .map(visible)
            .buffered(AT_ONCE)
            .try_filter_map(async |visible| Ok(visible))
            .try_collect()
            .await?;
        self.parts.downloads.counts.total_of(visible, period).await
    }

    /// Returns the downloads of each version of a package within a week.
    pub(crate) async fn version_downloads(
        &self,
        caller: &Caller,
        name: &PackageName,
    ) -> Result<BTreeMap<Version, u64>, Error> {
        let is_hosted = self.require_readable(caller, name).await?;
        let week = DownloadPeriod::days_until(self.parts.clock.now().date_naive(), WEEK);
        let counts = self.parts.downloads.counts.by_version(name, week).await?;
        if is_hosted || !counts.is_empty() { Ok(counts) } else { Err(not_found(name)) }
    }

    /// Rejects a caller who may not read the package, and one that cannot exist, with the answer that a read of it gets.
    /// Returns whether it is hosted. Asks no upstream: what is known of its packages are their downloads.
    ///
    /// It reads no counts, since the time for that would tell an absent package from one that the caller must not know of.
    async fn require_readable(&self, caller: &Caller, name: &PackageName) -> Result<bool, Error> {
        // First, for the same reason: its answer is another one.
        self.parts.downloads.counts.require_counting()?;
        self.authorization.require_read(caller, name)?;
        match self.catalog().hosted_summary(name).await? {
            Some(summary) => {
                self.authorization.require_audience(caller, name, &summary.audience)?;
                Ok(true)
            }
            None if self.authorization.access().origin(name).upstreams.is_empty() => Err(not_found(name)),
            None => Ok(false),
        }
    }

    /// Whether a hosted package lets the caller read it, whom the access rules let. A package that no caller can read, such
    /// as one that was unpublished, is for no caller.
    async fn is_in_audience(&self, caller: &Caller, name: &PackageName) -> Result<bool, Error> {
        match self.catalog().hosted_summary(name).await {
            Ok(Some(summary)) => Ok(self.authorization.is_among(caller, name, &summary.audience)),
            Ok(None) => Ok(true),
            Err(error) if says_that_none_is_visible(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn not_found(name: &PackageName) -> Error {
    Error::Package(PackageError::NotFound(name.clone()))
}

/// Whether an error says that the caller sees no such package, and not that something failed.
fn says_that_none_is_visible(error: &Error) -> bool {
    match error {
        Error::Shared(error) => says_that_none_is_visible(error),
        error => matches!(error, Error::Package(_) | Error::Permission(_)),
    }
}
