use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::auth::Caller;
use crate::domain::{DownloadPeriod, PackageName, Version};
use crate::downloads::DownloadCounts;
use crate::packages::FoundTarball;
use crate::{Error, Registry};

/// Counts of downloads. They are what all processes on the store have written, which each does once a minute. Stored
/// counts that cannot be read are left out, with a warning in the log. A process runs two reads at a time; others wait.
impl Registry {
    /// Returns the downloads of a package that the caller may read. No upstream is asked: a package that is not hosted is
    /// unknown if it was not downloaded in the period.
    ///
    /// # Errors
    ///
    /// Those of a read of the package; [`RequestError::NoDownloads`](crate::error::RequestError::NoDownloads) if this
    /// registry counts none.
    pub async fn downloads(
        &self,
        caller: &Caller,
        name: &PackageName,
        period: DownloadPeriod,
    ) -> Result<DownloadCounts, Error> {
        self.packages().downloads(caller, name, period).await
    }

    /// Like [`Self::downloads`], for several packages, in their order; `None` for one that the caller may not read or that
    /// is unknown.
    pub async fn downloads_of_each(
        &self,
        caller: &Caller,
        names: &[PackageName],
        period: DownloadPeriod,
    ) -> Result<Vec<Option<DownloadCounts>>, Error> {
        self.packages().downloads_of_each(caller, names, period).await
    }

    /// Returns the downloads of all packages together that the caller may read.
    pub async fn all_downloads(
        &self,
        caller: &Caller,
        period: DownloadPeriod,
    ) -> Result<DownloadCounts, Error> {
        self.packages().all_downloads(caller, period).await
    }

    /// Returns how often each version of a package was downloaded in the 7 days that end today, like
    /// [`Self::downloads`].
    pub async fn version_downloads(
        &self,
        caller: &Caller,
        name: &PackageName,
    ) -> Result<BTreeMap<Version, u64>, Error> {
        self.packages().version_downloads(caller, name).await
    }

    /// Returns the last day on which each version of a package was downloaded, of those that were within the last `days`
    /// days, today included. For operators: no access check is made.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] if any counts of these days cannot be read: a version that they have would look unused.
    pub async fn last_downloads(
        &self,
        name: &PackageName,
        days: u32,
    ) -> Result<BTreeMap<Version, NaiveDate>, Error> {
        let last_uses =
            self.parts.packages.downloads.counts.last_uses(std::slice::from_ref(name), days).await?;
        Ok(last_uses.into_values().next().unwrap_or_default())
    }

    /// Writes the downloads that this process counted. Call it before a process ends: what is not written is lost. What
    /// cannot be written is kept for the next time. Set your own timeout.
    pub async fn flush_downloads(&self) -> Result<(), Error> {
        self.parts.packages.downloads.counts.flush().await
    }

    /// Like [`Self::flush_downloads`], if the last time is longer ago than the settings say. Call it after requests
    /// where nothing runs between them, as in cloud functions.
    pub async fn flush_due_downloads(&self) -> Result<(), Error> {
        self.parts.packages.downloads.counts.flush_if_due().await
    }

    /// Returns today's date in UTC by this registry's clock, which is what downloads are counted under.
    pub fn today(&self) -> NaiveDate {
        self.parts.http.clock.now().date_naive()
    }

    /// Counts a download of a tarball.
    pub(crate) fn count_download(&self, caller: &Caller, tarball: &FoundTarball) {
        self.packages().count_download(caller, tarball);
    }
}
