use chrono::{DateTime, Utc};
use futures::{StreamExt as _, stream};
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use sha2::{Digest as _, Sha256};

use crate::Error;
use crate::changes::DeliveredChange;
use crate::domain::packument::{JsonKey, Packument};
use crate::domain::{DistTag, PackageName, Version};
use crate::events::{Event, EventKind};

use super::{Bulk, BulkError, BulkMode, BulkStream, CONCURRENCY};

/// How many packages are given to the sinks at once.
const BATCH: usize = 64;

/// A package that was sent to the sinks again.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SentPackage {
    /// The package.
    pub package: PackageName,
    /// The version that was sent, or would be; `None` if the package has no version left.
    pub version: Option<String>,
}

/// A package as it is sent.
struct Announcement {
    sent: SentPackage,
    change: Option<DeliveredChange>,
}

impl Bulk {
    /// Compares the search index with the packages.
    pub(crate) async fn rebuild_search_index(&self) -> Result<(), BulkError> {
        self.search().rebuild_index().await.map_err(BulkError::Packages)
    }

    /// Sends the latest version of each hosted package to the sinks of the change feed.
    pub(crate) fn send_packages_again(&self, mode: BulkMode) -> BulkStream<SentPackage> {
        let listing = self.clone();
        let names = stream::once(async move {
            match listing.hosted_packages(mode).await {
                Ok(names) => stream::iter(names.into_iter().map(Ok)).boxed(),
                Err(error) => stream::iter([Err(BulkError::Packages(error))]).boxed(),
            }
        });
        let (reading, sending) = (self.clone(), self.clone());
        names
            .flatten()
            .map(move |name| {
                let bulk = reading.clone();
                async move {
                    let package = name?;
                    let announced = bulk.announcement(&package).await;
                    announced.map_err(|source| BulkError::Package { package, source })
                }
            })
            .buffered(CONCURRENCY)
            .chunks(BATCH)
            .then(move |batch| {
                let bulk = sending.clone();
                async move { stream::iter(bulk.announce(batch, mode).await) }
            })
            .flatten()
            .boxed()
    }

    async fn hosted_packages(&self, mode: BulkMode) -> Result<Vec<PackageName>, Error> {
        let mut names = self.catalog().list_packages().await?;
        // An empty answer of another storage than the registry's would end the operation without a word. The first check
        // may write the marker.
        if mode == BulkMode::Apply {
            self.parts.store.confirm_absence().await?;
        }
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    async fn announcement(&self, package: &PackageName) -> Result<Announcement, Error> {
        let nothing = SentPackage { package: package.clone(), version: None };
        // A folder may hold only the tarball of a first publish that did not end.
        let Some(stored) = self.catalog().read_packument(package).await? else {
            return Ok(Announcement { sent: nothing, change: None });
        };
        let packument = Packument::parse(package, &stored.blob.bytes)?;
        let latest = packument.latest().filter(|latest| packument.versions.contains_key(*latest));
        let last = packument.versions.keys().next_back().map(JsonKey::as_str);
        let Some(shown) = latest.or(last) else { return Ok(Announcement { sent: nothing, change: None }) };
        let version = Version::parse(shown)?;
        let published = packument.time.get(shown).and_then(|time| time.parse::<DateTime<Utc>>().ok());
        let manifest = packument.versions.get(shown).map(|manifest| &**manifest);
        let kind = EventKind::Indexed {
            version,
            tag: latest.map(|_| DistTag::latest()),
            integrity: manifest.and_then(integrity),
        };
        let id = id_of(package, shown, &packument.revision.to_string());
        let mut event = Event::new(published.unwrap_or_else(|| self.parts.clock.now()), kind);
        event.id = Some(id.clone());
        event.package = Some(package.clone());
        let event = to_raw_value(&event).map_err(Error::internal)?;
        let sent = SentPackage { package: package.clone(), version: Some(shown.to_owned()) };
        Ok(Announcement { sent, change: Some(DeliveredChange { seq: 0, id, event }) })
    }

    async fn announce(
        &self,
        batch: Vec<Result<Announcement, BulkError>>,
        mode: BulkMode,
    ) -> Vec<Result<SentPackage, BulkError>> {
        let changes: Vec<_> =
            batch.iter().flatten().filter_map(|announced| announced.change.clone()).collect();
        let mut failures = match mode {
            BulkMode::Apply if !changes.is_empty() => self.parts.changes.send_beside_feed(&changes).await,
            _ => Vec::new(),
        };
        let mut outcomes = Vec::with_capacity(batch.len());
        for announced in batch {
            let Announcement { sent, change } = match announced {
                Ok(announced) => announced,
                Err(error) => {
                    outcomes.push(Err(error));
                    continue;
                }
            };
            let id = change.map(|change| change.id);
            let of_this = failures.extract_if(.., |(_, failed, _)| Some(&*failed) == id.as_ref());
            let errors: Vec<_> = of_this
                .map(|(sink, _, source)| BulkError::Sink { package: sent.package.clone(), sink, source })
                .map(Err)
                .collect();
            if errors.is_empty() {
                outcomes.push(Ok(sent));
            }
            outcomes.extend(errors);
        }
        outcomes
    }
}

/// Returns the id of the event. The same state of a package has the same, so that a run that is repeated because it was
/// stopped repeats nothing to a receiver that compares ids.
fn id_of(package: &PackageName, version: &str, revision: &str) -> String {
    let hash = Sha256::digest(format!("{package}@{version} {revision}"));
    format!("indexed-{}", const_hex::encode(&hash[..16]))
}

fn integrity(manifest: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct Manifest {
        dist: Dist,
    }
    #[derive(Deserialize)]
    struct Dist {
        integrity: String,
    }
    serde_json::from_str::<Manifest>(manifest.get()).ok().map(|manifest| manifest.dist.integrity)
}
