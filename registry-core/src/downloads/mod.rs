//! How often each version of a package is downloaded, by day.
//!
//! A download is counted in memory, and costs the store nothing. Once a minute, and when it ends, a process writes its
//! counts to an object of its own, so that no process waits for another. Days that are over are folded into documents of
//! a month. Counts are of requests over HTTP that are answered with a tarball or sent to it.
//!
//! ```
//! use std::sync::Arc;
//! use registry_core::auth::Caller;
//! use registry_core::domain::DownloadPeriod;
//! use registry_core::downloads::DownloadSettings;
//! use registry_core::{Registry, storage::ObjectStoreBlobs};
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let store = Arc::new(ObjectStoreBlobs::in_memory());
//! let registry = Registry::builder(store).open_to_everyone().downloads(DownloadSettings::default()).build();
//! let period = DownloadPeriod::parse("2026-01-01:2026-01-31", registry.today())?;
//! let counted = registry.all_downloads(&Caller::anonymous(), period).await?;
//! assert_eq!((counted.total(), counted.days().count()), (0, 31));
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod by_day;
mod counts;
mod daily_counts;
mod day;
mod flush;
mod fold;
mod gather;
mod last_use;
mod month;
mod read;
mod scan;
mod settings;
mod tally;
mod usage;
mod wanted;
mod writer;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use chrono::{DateTime, NaiveDate, Utc};
use tokio::sync::watch;

use crate::Error;
use crate::clock::Clock;
use crate::domain::{DownloadPeriod, PackageName, Version};
use crate::error::RequestError;
use crate::measurements::{Count, DownloadMeasurements};
use crate::randomness::Randomness;
use crate::storage::Storage;

pub use daily_counts::DownloadCounts;
pub use settings::DownloadSettings;
pub use usage::{DownloadStats, PackageDownloads};

pub(crate) use usage::VersionsUsed;

use gather::{ByPackage, ByVersion, Names};
use read::Reads;
use tally::Tally;
use wanted::Wanted;
use writer::Writer;

/// Counts downloads, and reads the counts. Cheap to clone. Without settings, it does nothing.
#[derive(Clone, Default)]
pub(crate) struct Downloads(Option<Arc<Handle>>);

/// Shared by the clones and held by nothing else, so that the task ends with the last clone.
struct Handle {
    shared: Arc<Shared>,
    /// Closes when the handle is dropped.
    open: watch::Sender<()>,
}

/// Shared by the handle and the task.
struct Shared {
    store: Arc<Storage>,
    clock: Arc<dyn Clock>,
    settings: DownloadSettings,
    tally: Tally,
    /// One flush at a time.
    writer: tokio::sync::Mutex<Writer>,
    /// Whether a task is going to flush.
    is_flush_scheduled: AtomicBool,
    reads: Reads,
    meters: DownloadMeters,
}

/// What this process did.
#[derive(Default)]
struct DownloadMeters {
    counted: Count,
    lost: Count,
    failed_flushes: Count,
}

impl Downloads {
    /// Counts from now on; without settings, nothing.
    pub(crate) fn new(
        store: &Arc<Storage>,
        clock: &Arc<dyn Clock>,
        randomness: &Arc<dyn Randomness>,
        settings: Option<DownloadSettings>,
    ) -> Self {
        let Some(settings) = settings else { return Self::default() };
        let shared = Shared {
            store: Arc::clone(store),
            clock: Arc::clone(clock),
            settings,
            tally: Tally::default(),
            writer: tokio::sync::Mutex::new(Writer::new(randomness, clock.now())),
            is_flush_scheduled: AtomicBool::new(false),
            reads: Reads::default(),
            meters: DownloadMeters::default(),
        };
        Self(Some(Arc::new(Handle { shared: Arc::new(shared), open: watch::Sender::new(()) })))
    }

    /// Counts a download. Asks the store nothing, and does not wait.
    pub(crate) fn count(&self, name: &PackageName, version: &Version) {
        let Some(handle) = &self.0 else { return };
        let shared = &handle.shared;
        shared.meters.counted.add_one();
        let lost = shared.tally.add(shared.today(), name, version);
        if lost > 0 {
            shared.meters.lost.add(lost);
        }
        shared.schedule_flush(&handle.open);
    }

    /// Writes all counts to the store now.
    pub(crate) async fn flush(&self) -> Result<(), Error> {
        match &self.0 {
            Some(handle) => handle.shared.flush().await,
            None => Ok(()),
        }
    }

    /// Writes all counts to the store if the last time is long enough ago.
    pub(crate) async fn flush_if_due(&self) -> Result<(), Error> {
        match &self.0 {
            Some(handle) => handle.shared.flush_if_due().await,
            None => Ok(()),
        }
    }

    /// Rejects a caller where nothing is counted.
    pub(crate) fn require_counting(&self) -> Result<(), Error> {
        self.shared().map(drop)
    }

    /// Returns the counts of each of these packages, in their order, from what all processes have written.
    pub(crate) async fn of_packages(
        &self,
        names: &[PackageName],
        period: DownloadPeriod,
    ) -> Result<Vec<DownloadCounts>, Error> {
        let shared = self.shared()?;
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let (wanted, empty) = (Wanted::these(names.iter().cloned()), ByPackage::new(period));
        let found = shared.share(&shared.reads.by_package, period, wanted, empty).await?;
        let of = |name: &PackageName| {
            found.counts.get(name).cloned().unwrap_or_else(|| DownloadCounts::new(period))
        };
        Ok(names.iter().map(of).collect())
    }

    /// Returns the packages that were downloaded in the period.
    pub(crate) async fn names(&self, period: DownloadPeriod) -> Result<Vec<PackageName>, Error> {
        let shared = self.shared()?;
        let found = shared.share(&shared.reads.names, period, Wanted::All, Names::default()).await?;
        Ok(found.0.iter().cloned().collect())
    }

    /// Returns the counts of these packages together.
    pub(crate) async fn total_of(
        &self,
        names: Vec<PackageName>,
        period: DownloadPeriod,
    ) -> Result<DownloadCounts, Error> {
        let (shared, empty) = (self.shared()?, DownloadCounts::new(period));
        if names.is_empty() {
            return Ok(empty);
        }
        let found = shared.share(&shared.reads.totals, period, Wanted::these(names), empty).await?;
        Ok((*found).clone())
    }

    /// Returns how often each version of a package was downloaded in the period.
    pub(crate) async fn by_version(
        &self,
        name: &PackageName,
        period: DownloadPeriod,
    ) -> Result<BTreeMap<Version, u64>, Error> {
        let shared = self.shared()?;
        let wanted = Wanted::these([name.clone()]);
        let found = shared.share(&shared.reads.by_version, period, wanted, ByVersion::default()).await?;
        Ok(found.0.clone())
    }

    /// Returns what this process counted, lost, and failed to write.
    pub(crate) fn measurements(&self) -> DownloadMeasurements {
        let Some(handle) = &self.0 else { return DownloadMeasurements::default() };
        let DownloadMeters { counted, lost, failed_flushes } = &handle.shared.meters;
        DownloadMeasurements::new(counted.get(), lost.get(), failed_flushes.get())
    }

    fn shared(&self) -> Result<&Arc<Shared>, Error> {
        let handle = self.0.as_ref().ok_or(Error::Request(RequestError::NoDownloads))?;
        Ok(&handle.shared)
    }
}

impl Shared {
    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    fn today(&self) -> NaiveDate {
        self.now().date_naive()
    }
}
