use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use serde::Serialize;

use crate::Error;
use crate::care::Care;
use crate::domain::PackageName;

/// How many packages are listed concurrently.
const AT_A_TIME: usize = 4;

/// How to sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SweepOptions {
    /// Whether to delete nothing, and to say what would be deleted.
    pub dry_run: bool,
    /// How long ago something must have been stored last, or have expired. It must be longer than any publish takes, and
    /// than the clocks of machines differ. Default: 24 hours.
    pub older_than: Duration,
}

impl Default for SweepOptions {
    fn default() -> Self {
        Self { dry_run: false, older_than: Duration::from_hours(24) }
    }
}

/// The orphaned tarballs of a package that were deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SweptPackage {
    /// The package.
    pub name: PackageName,
    /// Path and size of each.
    pub tarballs: Vec<(String, u64)>,
}

/// What was deleted beside packages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SweptLeftovers {
    /// Expired browser sessions.
    pub sessions: u64,
    /// Expired tokens.
    pub tokens: u64,
    /// Markers of tokens that are gone.
    pub token_markers: u64,
    /// Records that builds exchanged their tokens.
    pub used_id_tokens: u64,
    /// Blobs of staged versions that were decided, or never completed.
    pub staged: u64,
    /// Bytes of the upstream cache beyond its limit. A dry run does not know them.
    pub upstream_cache_bytes: u64,
}

impl Care {
    /// Deletes orphaned tarballs of packages, in this order.
    pub(crate) fn sweep_packages(
        self,
        names: Vec<PackageName>,
        options: SweepOptions,
    ) -> BoxStream<'static, Result<SweptPackage, Error>> {
        let sweep = move |name| {
            let care = self.clone();
            async move { care.sweep_package(name, options).await }
        };
        stream::iter(names).map(sweep).buffered(AT_A_TIME).boxed()
    }

    async fn sweep_package(&self, name: PackageName, options: SweepOptions) -> Result<SweptPackage, Error> {
        let before = self.moment_before(options.older_than);
        let stored = self.stored_tarballs(&name).await?;
        let mut tarballs = Vec::new();
        for (path, bytes) in self.orphans(&name, &stored, before).await? {
            if options.dry_run || self.remove_orphan(&path, before).await? {
                tarballs.push((path.to_string(), bytes));
            }
        }
        Ok(SweptPackage { name, tarballs })
    }

    pub(crate) async fn sweep_leftovers(&self, options: SweepOptions) -> Result<SweptLeftovers, Error> {
        let SweepOptions { dry_run, older_than } = options;
        let before = self.moment_before(older_than);
        let accounts = self.accounts();
        let (tokens, token_markers) = accounts.sweep_tokens(before, dry_run).await?;
        let mut swept = SweptLeftovers {
            sessions: accounts.sweep_sessions_before(before, dry_run).await?,
            tokens,
            token_markers,
            used_id_tokens: accounts.sweep_used_before(before, dry_run).await?,
            staged: self.packages().sweep_stages(before, dry_run).await?,
            upstream_cache_bytes: 0,
        };
        if !dry_run {
            swept.upstream_cache_bytes = self.proxy().trim_upstream_cache().await?.deleted;
        }
        Ok(swept)
    }
}
