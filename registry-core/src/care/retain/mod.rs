//! Removes old versions by rules. What stays is decided about the packument as it is when the versions are removed, so a tag that
//! is set meanwhile keeps its version. Downloads are read shortly before; those that a server has not written yet are not known.

mod error;
mod outcome;
mod rules;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use tokio::sync::SemaphorePermit;

pub use error::RetainError;
pub use outcome::{KeptVersion, RemovedVersion, RetainedPackage};
pub use rules::{RetentionRule, RetentionRuleError, RetentionRules};

use super::orphans::StoredTarballs;
use crate::Error;
use crate::care::Care;
use crate::concurrency::compute;
use crate::domain::packument::Packument;
use crate::domain::retention::{JudgedVersion, Keep, VersionUsage};
use crate::domain::{PackageName, Version};
use crate::storage::BlobPath;
use crate::vocabulary::BulkMode;

/// How many packages are looked at concurrently.
const AT_A_TIME: usize = 4;
/// The counts of so many packages are read together, and their versions removed right after.
const READ_TOGETHER: usize = 256;

type LastDays = BTreeMap<PackageName, BTreeMap<Version, NaiveDate>>;

/// What all packages of a run have in common.
#[derive(Clone)]
struct Run {
    care: Care,
    rules: RetentionRules,
    mode: BulkMode,
    counted_since: Option<NaiveDate>,
}

/// What a packument says.
struct Judgement {
    versions: Vec<JudgedVersion>,
    /// The versions that were removed before.
    tombstones: BTreeSet<String>,
}

impl Care {
    /// Removes what the rules do not keep. Fails where a rule asks for downloads and none are counted.
    pub(crate) async fn retain_packages(
        self,
        names: Vec<PackageName>,
        rules: RetentionRules,
        mode: BulkMode,
    ) -> Result<BoxStream<'static, Result<RetainedPackage, RetainError>>, Error> {
        let asks_for_downloads = names.iter().any(|name| downloaded_days(&rules, name).is_some());
        let counted_since =
            if asks_for_downloads { self.parts.downloads.counted_since().await? } else { None };
        let run = Run { care: self, rules, mode, counted_since };
        let chunks: Vec<Vec<PackageName>> = names.chunks(READ_TOGETHER).map(<[_]>::to_vec).collect();
        let retained = stream::iter(chunks).then(move |names| {
            let run = run.clone();
            async move { run.retain_together(names).await }
        });
        Ok(retained.flatten().boxed())
    }
}

fn downloaded_days(rules: &RetentionRules, name: &PackageName) -> Option<u32> {
    rules.of(name)?.1.downloaded_days
}

impl Run {
    async fn retain_together(
        self,
        names: Vec<PackageName>,
    ) -> BoxStream<'static, Result<RetainedPackage, RetainError>> {
        let mut last_days = match self.last_days(&names).await {
            Ok(last_days) => last_days,
            Err(source) => {
                let error = RetainError::Downloads { packages: names.len(), source };
                return stream::once(async { Err(error) }).boxed();
            }
        };
        let retain = move |name: PackageName| {
            let usage = VersionUsage {
                counted_since: self.counted_since,
                last_days: last_days.remove(&name).unwrap_or_default(),
            };
            let run = self.clone();
            async move {
                let retained = run.retain(name.clone(), Arc::new(usage)).await;
                retained.map_err(|source| RetainError::Package { package: name, source })
            }
        };
        stream::iter(names).map(retain).buffered(AT_A_TIME).boxed()
    }

    async fn last_days(&self, names: &[PackageName]) -> Result<LastDays, Error> {
        let asked = names.iter().filter_map(|name| Some((name.clone(), downloaded_days(&self.rules, name)?)));
        let (asked, days): (Vec<_>, Vec<_>) = asked.unzip();
        let Some(most) = days.into_iter().max() else { return Ok(LastDays::new()) };
        // A day is no moment, so one more is looked at.
        self.care.parts.downloads.last_uses(&asked, most.saturating_add(1)).await
    }

    async fn retain(&self, name: PackageName, usage: Arc<VersionUsage>) -> Result<RetainedPackage, Error> {
        let Some((rule, keep)) = self.rules.of(&name) else { return Ok(RetainedPackage::of(name, None)) };
        let mut retained = RetainedPackage::of(name.clone(), Some(rule));
        let now = self.care.parts.clock.now();
        let Some(judged) = self.judge(&name, *keep, Arc::clone(&usage), now).await? else {
            return Ok(retained);
        };
        let Judgement { mut versions, tombstones } = judged;
        let goes = versions.iter().any(JudgedVersion::goes);
        let applies = self.mode == BulkMode::Apply;
        let stored = if goes || (applies && !tombstones.is_empty()) {
            self.care.stored_tarballs(&name).await?
        } else {
            StoredTarballs::new()
        };
        if applies && goes {
            let _turn = self.turn().await?;
            versions = self.care.packages().remove_what_goes(&name, *keep, usage, now).await?;
        }
        if applies {
            retained.leftovers = self.delete_leftovers(&name, &stored, &tombstones).await?;
        }
        retained.removed = removed(&versions, &stored);
        let kept = versions.into_iter().filter(|judged| !judged.goes());
        retained.kept =
            kept.map(|kept| KeptVersion { version: kept.version, reasons: kept.kept_by }).collect();
        Ok(retained)
    }

    /// Waits until no other packument is in memory.
    async fn turn(&self) -> Result<SemaphorePermit<'_>, Error> {
        self.care.parts.reading_packuments.acquire().await.map_err(Error::internal)
    }

    /// Returns what the packument says that is stored now; `None` if the package is gone.
    async fn judge(
        &self,
        name: &PackageName,
        keep: Keep,
        usage: Arc<VersionUsage>,
        now: DateTime<Utc>,
    ) -> Result<Option<Judgement>, Error> {
        let _turn = self.turn().await?;
        let found = self.care.catalog().read_packument(name).await?;
        let Some(found) = self.care.parts.store.or_proven_absent(found).await? else { return Ok(None) };
        let name = name.clone();
        let judged = compute(found.blob.bytes.len(), move || {
            let packument = Packument::parse(&name, &found.blob.bytes)?;
            let versions = keep.judge(&packument, &usage, now);
            Ok::<_, Error>(Judgement { versions, tombstones: packument.tombstones.into_keys().collect() })
        });
        judged.await?.map(Some)
    }

    /// Deletes the tarballs of versions that a run removed before it was stopped. Their numbers are never free again, so none of
    /// them belongs to a publish in progress.
    async fn delete_leftovers(
        &self,
        name: &PackageName,
        stored: &StoredTarballs,
        tombstones: &BTreeSet<String>,
    ) -> Result<u64, Error> {
        let is_left =
            |path: &BlobPath| stored.get(path).is_some_and(|left| tombstones.contains(&*left.version));
        if !stored.keys().any(is_left) {
            return Ok(0);
        }
        let orphans = self.care.orphans(name, stored, DateTime::<Utc>::MAX_UTC).await?;
        let mut deleted = 0;
        for (path, _) in orphans.iter().filter(|(path, _)| is_left(path)) {
            self.care.parts.store.delete(path).await?;
            deleted += 1;
        }
        Ok(deleted)
    }
}

fn removed(judged: &[JudgedVersion], stored: &StoredTarballs) -> Vec<RemovedVersion> {
    let mut bytes: HashMap<&str, u64> = HashMap::new();
    for tarball in stored.values() {
        *bytes.entry(&*tarball.version).or_default() += tarball.bytes;
    }
    let removed = judged.iter().filter(|judged| judged.goes()).map(|judged| RemovedVersion {
        bytes: bytes.get(judged.version.as_str()).copied().unwrap_or_default(),
        version: judged.version.clone(),
    });
    removed.collect()
}
