use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use indexmap::IndexMap;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use crate::Error;
use crate::advisories::{Advisory, AdvisoryIndex};
use crate::audit::Audit;
use crate::auth::Caller;
use crate::concurrency::compute_elsewhere;
use crate::domain::packument::{Audience, Packument};
use crate::domain::{PackageName, Version};
use crate::error::PolicyError;

use super::{Advisories, AuditFallback, AuditedPackages};

/// How many names are looked up in the store concurrently.
const CONCURRENT_LOOKUPS: usize = 16;

/// Advisories of the store, by package name.
#[derive(Debug, Default)]
pub(super) struct LocalAdvisories(IndexMap<String, Vec<LocalAdvisory>>);

#[derive(Debug)]
struct LocalAdvisory {
    /// Its ids in all databases.
    ids: Vec<String>,
    json: Box<RawValue>,
}

impl Audit {
    /// Returns the advisories in the store for packages that the caller may read.
    pub(super) async fn local_advisories(
        &self,
        caller: &Caller,
        packages: &AuditedPackages,
    ) -> Result<LocalAdvisories, Error> {
        let missing = match self.parts.advisories.index().await {
            Ok(Some(index)) => return self.found_in(index, caller, packages).await,
            Ok(None) => Error::Policy(PolicyError::AdvisoriesMissing),
            Err(error) => error,
        };
        match self.parts.fallback {
            AuditFallback::Error => Err(missing),
            AuditFallback::Empty => {
                tracing::warn!(
                    error = &missing as &dyn std::error::Error,
                    "an audit is answered without the advisories in the storage"
                );
                Ok(LocalAdvisories::default())
            }
        }
    }

    async fn found_in(
        &self,
        index: Arc<AdvisoryIndex>,
        caller: &Caller,
        packages: &AuditedPackages,
    ) -> Result<LocalAdvisories, Error> {
        let readable = packages.iter().filter(|(name, _)| self.authorization.may_read(caller, name));
        let looks: Vec<_> = readable
            .map(|(name, versions)| (name.clone(), versions.iter().cloned().collect::<Vec<_>>()))
            .collect();
        let looks = looks.into_iter().map(|(name, versions)| async {
            let with_own = index.has_own(&name) && self.is_told(caller, &name).await?;
            Ok::<_, Error>((name, versions, with_own))
        });
        let asked: Vec<_> = stream::iter(looks).buffered(CONCURRENT_LOOKUPS).try_collect().await?;
        let index = Arc::clone(&index);
        Ok(compute_elsewhere(move || LocalAdvisories::find(&index, &asked)).await?)
    }

    /// Whether the caller may be told what administrators wrote about a package: of a private one, only who sees it.
    async fn is_told(&self, caller: &Caller, name: &PackageName) -> Result<bool, Error> {
        let catalog = self.catalog();
        match catalog.if_hosted(name, || catalog.read_packument(name)).await {
            Ok(None) => Ok(true),
            Ok(Some(stored)) => {
                let packument = Packument::parse(name, &stored.blob.bytes)?;
                Ok(self.authorization.is_among(caller, name, &Audience::of(&packument)))
            }
            Err(Error::Package(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl LocalAdvisories {
    fn find(index: &AdvisoryIndex, asked: &[(PackageName, Vec<Version>, bool)]) -> Self {
        let mut found = Self::default();
        for (name, versions, with_own) in asked {
            let known = if *with_own {
                index.package(name)
            } else {
                index.package_of_database(name).into_iter().collect()
            };
            let affects = |advisory: &&Advisory| {
                versions.iter().any(|version| advisory.affects(version.as_str(), Some(version)))
            };
            let mut affecting: Vec<&Advisory> = Vec::new();
            for advisory in known.iter().flat_map(|package| &package.advisories).filter(affects) {
                // Databases know the same by several ids.
                if !affecting.iter().any(|known| known.is_same(advisory)) {
                    affecting.push(advisory);
                }
            }
            let told: Vec<_> = affecting.into_iter().filter_map(LocalAdvisory::new).collect();
            if !told.is_empty() {
                found.0.insert(name.to_string(), told);
            }
        }
        found
    }

    /// Adds what the upstreams did not tell.
    pub(super) fn merge_into(self, advisories: &mut Advisories) {
        for (name, local) in self.0 {
            let told = advisories.entry(name).or_default();
            let known: Vec<String> = told.iter().flat_map(|advisory| ids(advisory)).collect();
            let is_new = |local: &LocalAdvisory| !local.ids.iter().any(|id| known.contains(id));
            told.extend(local.into_iter().filter(is_new).map(|local| local.json));
        }
    }
}

impl LocalAdvisory {
    /// Writes an advisory as npm's registries do.
    fn new(advisory: &Advisory) -> Option<Self> {
        let fixed = advisory.fixed_above(None);
        let json = json!({
            "id": advisory.number(),
            "url": advisory.page(),
            "title": advisory.title,
            "severity": advisory.severity,
            "vulnerable_versions": advisory.vulnerable_versions(),
            "patched_versions": fixed.map_or_else(|| "<0.0.0".to_owned(), |fixed| format!(">={fixed}")),
            "cwe": advisory.weaknesses,
            "cvss": { "score": advisory.score(), "vectorString": advisory.vector },
        });
        let ids = std::iter::once(&advisory.id).chain(&advisory.aliases).cloned().collect();
        Some(Self { ids, json: to_raw_value(&json).ok()? })
    }
}

/// Returns the ids of an upstream's advisory. Its own number is of no database, and its URL ends with one that is.
fn ids(advisory: &RawValue) -> Vec<String> {
    let Ok(advisory) = serde_json::from_str::<Value>(advisory.get()) else { return Vec::new() };
    let of_url = advisory["url"].as_str().and_then(|url| url.trim_end_matches('/').rsplit('/').next());
    let texts = [advisory["id"].as_str(), advisory["github_advisory_id"].as_str(), of_url];
    let cves = advisory["cves"].as_array().into_iter().flatten().filter_map(Value::as_str);
    texts.into_iter().flatten().chain(cves).map(str::to_owned).collect()
}
