use chrono::TimeDelta;
use futures::stream::BoxStream;

use crate::care::{
    Care, StorageStats, SweepOptions, SweptLeftovers, SweptPackage, VerifiedPackage, VerifyOptions,
};
use crate::domain::PackageName;
use crate::proxy::CheckedUpstream;
use crate::{Error, Registry};

impl Registry {
    /// Returns the name of every package that is, or was, hosted here, sorted.
    pub async fn hosted_packages(&self) -> Result<Vec<PackageName>, Error> {
        self.care().hosted_packages().await
    }

    /// Verifies the stored data of packages, in this order: reads the packument, and compares every tarball with its
    /// digests. Safe while other processes change the packages. Memory is bounded: one packument, and two tarballs in
    /// chunks.
    pub fn verify_packages(
        &self,
        names: Vec<PackageName>,
        options: VerifyOptions,
    ) -> BoxStream<'static, Result<VerifiedPackage, Error>> {
        self.care().verify_packages(names, options)
    }

    /// Deletes old tarballs of packages that no packument names, in this order. Safe while other processes publish, if
    /// they are older than any publish takes, and no clock is wrong: see [`Registry::clock_lead`].
    pub fn sweep_packages(
        &self,
        names: Vec<PackageName>,
        options: SweepOptions,
    ) -> BoxStream<'static, Result<SweptPackage, Error>> {
        self.care().sweep_packages(names, options)
    }

    /// Deletes what expired or was left over beside packages: browser sessions, tokens, records of exchanges, blobs of
    /// staged versions, and the upstream cache beyond its limit.
    pub async fn sweep_leftovers(&self, options: SweepOptions) -> Result<SweptLeftovers, Error> {
        self.care().sweep_leftovers(options).await
    }

    /// Counts what the store holds, from one listing of it and with little memory.
    pub async fn storage_stats(&self) -> Result<StorageStats, Error> {
        self.care().storage_stats().await
    }

    /// Returns how far this process's clock is ahead of the store's; negative if it is behind. Writes a scratch blob.
    pub async fn clock_lead(&self) -> Result<TimeDelta, Error> {
        self.care().clock_lead().await
    }

    /// Asks every upstream whether it answers.
    pub async fn check_upstreams(&self) -> Vec<CheckedUpstream> {
        self.proxy().check_upstreams().await
    }

    fn care(&self) -> Care {
        Care::new(&self.parts.care, self.authorization())
    }
}
