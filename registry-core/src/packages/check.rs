use std::collections::HashMap;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::auth::Caller;
use crate::concurrency::compute_elsewhere;
use crate::domain::packument::{Audience, Packument};
use crate::domain::shorten::shorten;
use crate::domain::{PackageName, VersionRefusal};
use crate::error::PolicyError;
use crate::packages::Packages;
use crate::policy::{
    AffectingAdvisory, ExplainedVersion, KnownAdvisories, PackagePolicy, VersionFacts, VersionOrigin,
};

/// The most versions in one question: more than any application has.
const MOST: usize = 20_000;
/// The same without an account: each package may be a request to an upstream. The scanner for bun sends as many.
const MOST_OF_STRANGERS: usize = 5000;
/// How many of them may be of one package: each gets all of its advisories.
const MOST_OF_ONE: usize = 500;
/// How many packages are looked up concurrently.
const CONCURRENT_LOOKUPS: usize = 16;

/// A version that is about to be installed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct VersionToCheck {
    /// The package.
    pub name: String,
    /// The version.
    pub version: String,
    /// Whether it comes from no registry, such as from a forge or a URL.
    #[serde(default)]
    pub elsewhere: bool,
}

/// What a registry says of a version that is about to be installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CheckedVersion {
    /// The package, as it was asked for.
    pub name: String,
    /// The version, as it was asked for.
    pub version: String,
    /// Whether policies allow it.
    pub allowed: bool,
    /// Why it is refused, as a sentence that begins with the version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The refusal in its parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<VersionRefusal>,
    /// The advisories of the database that affect it, refused or not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub advisories: Vec<AffectingAdvisory>,
    /// Whether the caller may not read the package, so that nothing is said of it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unknown: bool,
}

impl VersionToCheck {
    /// A version of a registry.
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self { name: name.into(), version: version.into(), elsewhere: false }
    }
}

impl CheckedVersion {
    fn new(asked: &VersionToCheck) -> Self {
        Self {
            name: asked.name.clone(),
            version: asked.version.clone(),
            allowed: true,
            reason: None,
            refusal: None,
            advisories: Vec::new(),
            unknown: false,
        }
    }

    fn refused_by(mut self, refusal: Option<VersionRefusal>) -> Self {
        if let Some(refusal) = refusal {
            self.allowed = false;
            self.reason = Some(format!("{}@{} {}", self.name, self.version, refusal.explanation()));
            self.refusal = Some(refusal);
        }
        self
    }
}

impl Packages {
    /// Says what policies and advisories say of versions that are about to be installed. A version that no registry here has is
    /// judged by its name and number.
    pub(crate) async fn check_versions(
        &self,
        caller: &Caller,
        asked: Vec<VersionToCheck>,
    ) -> Result<Vec<CheckedVersion>, Error> {
        let most = if caller.principal.is_some() { MOST } else { MOST_OF_STRANGERS };
        if asked.len() > most {
            return Err(Error::request(format!(
                "send at most {most} versions: check parts of the project one by one"
            )));
        }
        let mut by_name: IndexMap<String, Vec<VersionToCheck>> = IndexMap::new();
        for version in asked {
            by_name.entry(version.name.clone()).or_default().push(version);
        }
        if let Some((name, _)) = by_name.iter().find(|(_, versions)| versions.len() > MOST_OF_ONE) {
            return Err(Error::request(format!(
                "send at most {MOST_OF_ONE} versions of one package: {} has more",
                shorten(name)
            )));
        }
        let checks = by_name.into_iter().map(|(name, asked)| async move {
            match PackageName::parse(&name) {
                Ok(name) => Box::pin(self.check_package(caller, &name, asked)).await,
                Err(_) => Ok(unknown(&asked)),
            }
        });
        let checked: Vec<Vec<_>> = stream::iter(checks).buffered(CONCURRENT_LOOKUPS).try_collect().await?;
        Ok(checked.into_iter().flatten().collect())
    }

    async fn check_package(
        &self,
        caller: &Caller,
        name: &PackageName,
        asked: Vec<VersionToCheck>,
    ) -> Result<Vec<CheckedVersion>, Error> {
        if !self.authorization.may_read(caller, name) {
            return Ok(unknown(&asked));
        }
        // Of what comes from elsewhere, no upstream is told the name.
        let explained = if asked.iter().all(|version| version.elsewhere) {
            None
        } else {
            match Box::pin(self.explain_versions(Some(caller), name, None)).await {
                Ok(explained) => Some(explained),
                Err(Error::Package(_)) => None,
                Err(error) => {
                    let Some(why) = name_refusal(&error) else { return Err(error) };
                    return Ok(asked.iter().map(|asked| refused_name(asked, why)).collect());
                }
            }
        };
        let policies = &self.parts.catalog.policies;
        let elsewhere = if explained.is_none() && self.is_hidden(caller, name).await? {
            // Its answer is the one for a name that has no entry.
            policies.of_unseen(name).await?
        } else {
            policies.of(name, VersionOrigin::Elsewhere).await?
        };
        let explained = explained.unwrap_or_default();
        let name = name.clone();
        // Advisories may be many, and so may versions.
        Ok(compute_elsewhere(move || judge(&name, asked, explained, &elsewhere)).await?)
    }

    /// Whether a package is hosted here that the caller may not know of.
    async fn is_hidden(&self, caller: &Caller, name: &PackageName) -> Result<bool, Error> {
        let catalog = self.catalog();
        let found = match catalog.if_hosted(name, || catalog.read_packument(name)).await {
            // It was unpublished, or has no version yet.
            Err(Error::Package(_)) => return Ok(true),
            found => found?,
        };
        let Some(stored) = found else { return Ok(false) };
        let packument = Packument::parse(name, &stored.blob.bytes)?;
        let is_seen = self.authorization.is_among(caller, name, &Audience::of(&packument))
            && packument.require_existing().is_ok();
        Ok(!is_seen)
    }
}

fn judge(
    name: &PackageName,
    asked: Vec<VersionToCheck>,
    explained: Vec<ExplainedVersion>,
    elsewhere: &PackagePolicy,
) -> Vec<CheckedVersion> {
    let explained: HashMap<_, _> =
        explained.into_iter().map(|explained| (explained.version, explained.refusal)).collect();
    let check = |version: VersionToCheck| {
        let facts = VersionFacts::new(name, &version.version, VersionOrigin::Elsewhere);
        let known = explained.get(&version.version).filter(|_| !version.elsewhere);
        let refusal = known.cloned().unwrap_or_else(|| elsewhere.refusal_of(&facts));
        let mut checked = CheckedVersion::new(&version).refused_by(refusal);
        if let KnownAdvisories::Known(known) = elsewhere.advisories_for(&facts) {
            checked.advisories = known.affecting;
        }
        checked
    };
    asked.into_iter().map(check).collect()
}

/// Returns why the name is refused, if that is the error.
fn name_refusal(error: &Error) -> Option<&PolicyError> {
    match error {
        Error::Policy(refusal @ PolicyError::SimilarName { .. }) => Some(refusal),
        Error::Shared(error) => name_refusal(error),
        _ => None,
    }
}

/// The name is refused with all of its versions.
fn refused_name(asked: &VersionToCheck, error: &PolicyError) -> CheckedVersion {
    let refusal = VersionRefusal::new("similar_names", "has a name that is refused");
    let reason = Some(error.to_string());
    CheckedVersion { allowed: false, reason, refusal: Some(refusal), ..CheckedVersion::new(asked) }
}

fn unknown(asked: &[VersionToCheck]) -> Vec<CheckedVersion> {
    asked.iter().map(|asked| CheckedVersion { unknown: true, ..CheckedVersion::new(asked) }).collect()
}
