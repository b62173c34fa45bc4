use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};

use crate::Error;
use crate::domain::packument::{ForeignDocument, ForeignTarballs, Packument, TarballIndex, VersionDecisions};
use crate::domain::{PackageName, Version, VersionRefusal};
use crate::error::PolicyError;
use crate::policy::{ExplainedVersion, ListedVersion, PackagePolicy, VersionOrigin};
use crate::upstream::PackumentForm;

use super::derived_cache::Derived;

/// What is derived of a packument, with what policies decided about its versions.
#[derive(Debug)]
pub(crate) struct Judged<Value> {
    value: Value,
    decisions: Option<VersionDecisions>,
}

impl<Value> Judged<Value> {
    pub(crate) fn new(value: Value, decisions: Option<VersionDecisions>) -> Self {
        Self { value, decisions }
    }

    /// Rejects a version that a policy refuses.
    pub(crate) fn require_allowed(&self, name: &PackageName, version: &str) -> Result<(), Error> {
        match self.decisions.as_ref().and_then(|decisions| decisions.refusal(version)) {
            None => Ok(()),
            Some(refusal) => Err(refused(name, version, refusal)),
        }
    }

    fn decisions_weight(&self) -> usize {
        self.decisions.as_ref().map_or(0, VersionDecisions::weight)
    }

    fn decisions_valid_until(&self) -> Option<DateTime<Utc>> {
        self.decisions.as_ref().and_then(VersionDecisions::valid_until)
    }
}

impl<Value> Deref for Judged<Value> {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.value
    }
}

/// Rejects a selector of which only refused versions are left.
pub(crate) fn require_selectable(
    name: &PackageName,
    selector: &str,
    decisions: &VersionDecisions,
) -> Result<(), Error> {
    decisions.selected(selector).map_or(Ok(()), |(version, refusal)| Err(refused(name, version, refusal)))
}

fn refused(name: &PackageName, version: &str, refusal: &VersionRefusal) -> Error {
    let (name, version, refusal) = (name.clone(), version.to_owned(), Box::new(refusal.clone()));
    Error::Policy(PolicyError::Refused { name, version, refusal })
}

/// The error of a package whose versions are all refused.
pub(crate) fn nothing_allowed(name: &PackageName, decisions: &VersionDecisions) -> Option<Error> {
    let (version, refusal) = decisions.highest()?;
    let (name, version, refusal) = (name.clone(), version.to_owned(), Box::new(refusal.clone()));
    Some(Error::Policy(PolicyError::NothingAllowed { name, version, refusal }))
}

impl PackagePolicy {
    /// Decides on the versions of a hosted package.
    pub(crate) fn decide_hosted(&self, packument: &Packument<'_>) -> Option<VersionDecisions> {
        self.decide(&packument.name, VersionOrigin::Hosted, listed(packument))
    }

    /// Decides on the versions of an upstream's package.
    pub(crate) fn decide_foreign(
        &self,
        upstream: &str,
        name: &PackageName,
        document: &ForeignDocument<'_>,
    ) -> Option<VersionDecisions> {
        if self.stamp() == 0 {
            return None;
        }
        self.decide(name, VersionOrigin::Upstream(upstream), listed_foreign(document))
    }

    /// Says what is decided about each version of a hosted package.
    pub(crate) fn explain_hosted(&self, packument: &Packument<'_>) -> Vec<ExplainedVersion> {
        self.explain(&packument.name, VersionOrigin::Hosted, listed(packument))
    }

    /// Decides on versions of a hosted package on the days on which they were used.
    pub(crate) fn try_hosted(
        &self,
        packument: &Packument<'_>,
        used: &BTreeMap<Version, BTreeMap<NaiveDate, u64>>,
        tell: impl FnMut(&Version, NaiveDate, Option<VersionRefusal>),
    ) {
        self.try_on_days(&packument.name, VersionOrigin::Hosted, listed(packument), used, tell);
    }

    /// Decides on versions of an upstream's package on the days on which they were used.
    pub(crate) fn try_foreign(
        &self,
        upstream: &str,
        name: &PackageName,
        document: &ForeignDocument<'_>,
        used: &BTreeMap<Version, BTreeMap<NaiveDate, u64>>,
        tell: impl FnMut(&Version, NaiveDate, Option<VersionRefusal>),
    ) {
        self.try_on_days(name, VersionOrigin::Upstream(upstream), listed_foreign(document), used, tell);
    }

    /// Says what is decided about each version of an upstream's package.
    pub(crate) fn explain_foreign(
        &self,
        upstream: &str,
        name: &PackageName,
        document: &ForeignDocument<'_>,
    ) -> Vec<ExplainedVersion> {
        self.explain(name, VersionOrigin::Upstream(upstream), listed_foreign(document))
    }
}

fn listed<'a>(packument: &'a Packument<'_>) -> impl Iterator<Item = ListedVersion<'a>> {
    packument.versions.iter().map(|(version, manifest)| ListedVersion {
        version: version.as_str(),
        manifest,
        published: packument.time.get(version.as_str()).map(|time| Cow::Borrowed(time.as_str())),
    })
}

fn listed_foreign<'a>(document: &'a ForeignDocument<'_>) -> impl Iterator<Item = ListedVersion<'a>> {
    let versions = document.versions_with_times().into_iter();
    versions.map(|(version, manifest, time)| ListedVersion {
        version,
        manifest,
        published: time.map(Cow::Owned),
    })
}

impl Derived for Judged<TarballIndex> {
    type Key = (PackageName, u64);

    fn derive(_: &Self::Key, name: &PackageName, json: &[u8], policy: &PackagePolicy) -> Result<Self, Error> {
        let packument = Packument::parse(name, json)?;
        Ok(Self::new(TarballIndex::of(&packument)?, policy.decide_hosted(&packument)))
    }

    fn valid_until(&self) -> Option<DateTime<Utc>> {
        self.decisions_valid_until()
    }

    fn weight(&self) -> usize {
        self.value.weight() + self.decisions_weight()
    }
}

impl Derived for Judged<ForeignTarballs> {
    /// The upstream, the package, the form of the document, and the state of the policies.
    type Key = (Arc<str>, PackageName, PackumentForm, u64);

    fn derive(
        (upstream, ..): &Self::Key,
        name: &PackageName,
        json: &[u8],
        policy: &PackagePolicy,
    ) -> Result<Self, Error> {
        let decisions = if policy.stamp() == 0 {
            None
        } else {
            policy.decide_foreign(upstream, name, &ForeignDocument::parse(name, json)?)
        };
        Ok(Self::new(ForeignTarballs::of(name, json)?, decisions))
    }

    fn valid_until(&self) -> Option<DateTime<Utc>> {
        self.decisions_valid_until()
    }

    fn weight(&self) -> usize {
        self.value.weight() + self.decisions_weight()
    }
}
