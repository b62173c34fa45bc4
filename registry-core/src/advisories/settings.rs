use std::time::Duration;

/// How advisories are read, and what happens without them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdvisorySettings {
    /// How long they are used without asking the store whether they changed: an update by another process counts within this
    /// time. Default 5 seconds.
    pub cached_for: Duration,
    /// What happens to packages whose rule asks for advisories while there are none, or while they cannot be read or verified.
    /// Default [`UnavailableAdvisories::Refuse`].
    pub unavailable: UnavailableAdvisories,
    /// Whether a minimum age does not apply to the first version that fixes an advisory. Default: true.
    pub exempt_fixes: bool,
    /// The ids of advisories, or their aliases, that no policy looks at. Audits have them still. Default: none.
    pub ignored: Vec<String>,
}

impl Default for AdvisorySettings {
    fn default() -> Self {
        Self {
            cached_for: Duration::from_secs(5),
            unavailable: UnavailableAdvisories::default(),
            exempt_fixes: true,
            ignored: Vec::new(),
        }
    }
}

/// What happens to packages whose rule asks for advisories while these are not available.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnavailableAdvisories {
    /// Their reads fail, since a version that is served may be one that an advisory names.
    #[default]
    Refuse,
    /// The advisories that this process read last are used. Before it ever read any, reads fail.
    LastKnown,
    /// All versions are served, and the log warns of it.
    Allow,
}
