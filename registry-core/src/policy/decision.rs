use chrono::{DateTime, Utc};

use crate::advisories::AdvisoryNeed;
use crate::domain::VersionRefusal;

/// How a policy concerns a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyConcern {
    pub(super) state: u64,
    pub(super) reads_manifests: bool,
    pub(super) advisories: Option<AdvisoryNeed>,
}

impl PolicyConcern {
    /// A policy that reads facts of the versions. `state` must differ whenever the policy could decide differently about this
    /// package at one and the same time, such as after its configuration changed.
    ///
    /// The registry then asks an upstream for the full packument, since the abbreviated one has neither publish times nor
    /// licenses.
    pub fn new(state: u64) -> Self {
        Self { state, reads_manifests: true, advisories: None }
    }

    /// A policy that decides by name, number and origin alone: the other facts are not read.
    pub fn of_numbers(state: u64) -> Self {
        Self { state, reads_manifests: false, advisories: None }
    }

    /// Lets the policy read [advisories](super::VersionFacts::advisories), too. Where they are not available, the settings of the
    /// registry say whether reads of the package fail.
    #[must_use]
    pub fn with_advisories(self) -> Self {
        Self { advisories: Some(AdvisoryNeed::Refusal), ..self }
    }
}

/// The decision of a policy on one version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyDecision {
    refusal: Option<VersionRefusal>,
    allowed_by: Option<String>,
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
}

impl PolicyDecision {
    /// Allows the version.
    pub fn allow() -> Self {
        Self::default()
    }

    /// Allows the version for a reason that an explanation gives, such as `exempt`.
    pub fn allow_because(reason: impl Into<String>) -> Self {
        Self { allowed_by: Some(reason.into()), ..Self::default() }
    }

    /// Refuses the version: the registry neither lists nor serves it. The decision ends when the refusal does.
    pub fn refuse(refusal: VersionRefusal) -> Self {
        Self { until: refusal.until, refusal: Some(refusal), ..Self::default() }
    }

    /// Sets when the decision began, if that is after the version was published. Documents of the package count as changed at
    /// that time.
    #[must_use]
    pub fn since(self, since: DateTime<Utc>) -> Self {
        Self { since: Some(since), ..self }
    }

    /// Sets when another decision may be made. Cached documents are rendered anew then.
    #[must_use]
    pub fn until(self, until: DateTime<Utc>) -> Self {
        Self { until: Some(self.until.map_or(until, |known| known.min(until))), ..self }
    }

    /// Returns why the version is refused; `None` if it is allowed.
    pub fn refusal(&self) -> Option<&VersionRefusal> {
        self.refusal.as_ref()
    }

    /// Returns why the version is refused; `None` if it is allowed.
    pub fn into_refusal(self) -> Option<VersionRefusal> {
        self.refusal
    }

    pub(super) fn into_parts(self) -> (Option<VersionRefusal>, Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
        (self.refusal, self.since, self.until)
    }

    pub(super) fn allowed_by(&self) -> Option<&str> {
        self.allowed_by.as_deref()
    }
}
