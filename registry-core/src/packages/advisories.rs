use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use crate::Error;
use crate::advisories::{Advisory, AdvisoryDatabase, AdvisoryDump, AdvisoryStore, NewsOfPackage};
use crate::auth::Caller;
use crate::concurrency::detached;
use crate::domain::packument::Packument;
use crate::domain::{PackageName, Version};
use crate::events::EventKind;
use crate::packages::Packages;
use crate::policy::{RecallCause, RecallingAdvisories};

/// What loading a database of advisories did.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct AdvisoryUpdate {
    /// What was loaded.
    #[serde(flatten)]
    pub database: AdvisoryDatabase,
    /// What was recalled because of advisories that were not known before.
    #[serde(flatten)]
    pub recalls: AdvisoryRecalls,
}

/// What adding an advisory did.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct AddedAdvisory {
    /// The id of the advisory.
    pub id: String,
    /// The packages that it names.
    pub packages: Vec<PackageName>,
    /// What was recalled because of it.
    #[serde(flatten)]
    pub recalls: AdvisoryRecalls,
}

/// The versions that advisories recall.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct AdvisoryRecalls {
    /// Those that were recalled.
    pub recalled: Vec<AdvisoryRecall>,
    /// Those that were not, since the list of blocked versions is full.
    pub not_recalled: Vec<AdvisoryRecall>,
}

/// A version, and the advisory that recalls it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AdvisoryRecall {
    /// The package.
    pub package: PackageName,
    /// The version.
    pub version: Version,
    /// The id of the advisory.
    pub advisory: String,
}

impl Packages {
    /// Replaces the advisories of a database. The versions of packages here that new ones name are recalled first, as configured:
    /// an update that breaks off in between recalls them again.
    pub(crate) async fn update_advisories(
        &self,
        advisories: &Arc<AdvisoryStore>,
        dump: AdvisoryDump,
        source: String,
        begin_anew: bool,
    ) -> Result<AdvisoryUpdate, Error> {
        let (packages, advisories) = (self.clone(), Arc::clone(advisories));
        detached(async move {
            let prepared = advisories.prepare_dump(dump, &source, begin_anew).await?;
            let news = match packages.recalling() {
                None => Vec::new(),
                Some(_) => prepared.news(packages.names_here().await?).await?,
            };
            let recalls = packages.recall_named(&advisories, &news).await?;
            let database = advisories.commit_dump(prepared).await?;
            packages.tell_operators(EventKind::AdvisoriesUpdated {
                source: database.source.clone(),
                advisories: database.counts.advisories,
                packages: database.packages,
            });
            Ok(AdvisoryUpdate { database, recalls })
        })
        .await
    }

    /// Adds an advisory of an administrator, in OSV's format, or replaces the one of the same id.
    pub(crate) async fn add_advisory(
        &self,
        advisories: &Arc<AdvisoryStore>,
        json: &[u8],
    ) -> Result<AddedAdvisory, Error> {
        let prepared = advisories.read_own(json)?;
        let (packages, advisories) = (self.clone(), Arc::clone(advisories));
        detached(async move {
            if packages.recalling().is_some() {
                // Nothing is recalled because of an advisory that cannot be added.
                let _ = advisories.index().await?;
            }
            let recalls = packages.recall_named(&advisories, &prepared.packages).await?;
            advisories.add_own(&prepared.own).await?;
            packages.tell_operators(EventKind::AdvisoryAdded { advisory: prepared.own.id.clone() });
            let names = prepared.packages.into_iter().map(|(name, _)| name).collect();
            Ok(AddedAdvisory { id: prepared.own.id, packages: names, recalls })
        })
        .await
    }

    /// Removes an advisory of an administrator. What was recalled because of it stays recalled.
    pub(crate) async fn remove_advisory(&self, advisories: &AdvisoryStore, id: &str) -> Result<(), Error> {
        advisories.remove_own(id).await?;
        self.tell_operators(EventKind::AdvisoryRemoved { advisory: id.to_owned() });
        Ok(())
    }

    fn tell_operators(&self, kind: EventKind) {
        self.authorization.emit(&Caller::operator(), None, kind);
    }

    /// Returns which advisories recall what they name, if any do.
    fn recalling(&self) -> Option<RecallingAdvisories> {
        Some(self.parts.blocking.settings.advisories).filter(|which| *which != RecallingAdvisories::None)
    }

    async fn names_here(&self) -> Result<BTreeSet<PackageName>, Error> {
        let catalog = self.catalog();
        let mut names = catalog.list_cached_packages().await?;
        names.extend(catalog.list_packages().await?);
        Ok(names)
    }

    async fn recall_named(
        &self,
        advisories: &AdvisoryStore,
        news: &[NewsOfPackage],
    ) -> Result<AdvisoryRecalls, Error> {
        let mut recalls = AdvisoryRecalls::default();
        let Some(which) = self.recalling() else { return Ok(recalls) };
        for (name, found) in news {
            let recalling =
                |advisory: &&Advisory| which.include(advisory) && !advisories.is_ignored(advisory);
            let recalling: Vec<_> = found.iter().filter(recalling).collect();
            if recalling.is_empty() {
                continue;
            }
            let versions = self.versions_here(name).await?;
            for advisory in recalling {
                self.recall_affected(name, &versions, advisory, &mut recalls).await?;
            }
        }
        Ok(recalls)
    }

    /// Returns the versions that are hosted, or listed by a cached document.
    async fn versions_here(&self, name: &PackageName) -> Result<Vec<Version>, Error> {
        let catalog = self.catalog();
        match catalog.if_hosted(name, || catalog.read_packument(name)).await {
            Ok(Some(stored)) => {
                let packument = Packument::parse(name, &stored.blob.bytes)?;
                let versions =
                    packument.versions.keys().filter_map(|version| Version::parse(version.as_str()).ok());
                Ok(versions.collect())
            }
            Ok(None) => self.proxy().cached_versions(name).await,
            Err(Error::Package(_)) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    async fn recall_affected(
        &self,
        name: &PackageName,
        versions: &[Version],
        advisory: &Advisory,
        recalls: &mut AdvisoryRecalls,
    ) -> Result<(), Error> {
        let is_affected = |version: &&Version| advisory.affects(version.as_str(), Some(version));
        let affected: Vec<_> = versions.iter().filter(is_affected).cloned().collect();
        let recall_of = |version: &Version| AdvisoryRecall {
            package: name.clone(),
            version: version.clone(),
            advisory: advisory.id.clone(),
        };
        let (cause, reason) = (RecallCause::Advisory(advisory.id.clone()), reason(advisory));
        match self.blocking().recall_without_request(name, &affected, &cause, &reason).await {
            Ok(recalled) => recalls.recalled.extend(recalled.iter().map(recall_of)),
            // The list is full.
            Err(Error::Request(_)) => recalls.not_recalled.extend(affected.iter().map(recall_of)),
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// Returns what those read who are refused the version, in one line that a list takes.
fn reason(advisory: &Advisory) -> String {
    let line = |text: &str, longest: usize| -> String {
        let letters = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
        letters.take(longest).collect()
    };
    let (id, title) = (line(&advisory.id, 30), line(&advisory.title, 80));
    let kind = if advisory.malware { "malware" } else { advisory.severity.as_str() };
    format!("advisory {id} ({kind}): {title}").trim_end_matches([':', ' ']).to_owned()
}
