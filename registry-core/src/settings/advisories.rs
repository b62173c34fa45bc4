use std::time::Duration;

use serde::Deserialize;

use crate::advisories::{AdvisorySettings, UnavailableAdvisories};

/// `[advisories]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdvisorySection {
    /// How long advisories are used without asking the storage whether they changed.
    pub seconds: u32,
    /// What happens to packages whose rule asks for advisories while these are not available.
    pub unavailable: AdvisoriesGone,
    /// Whether a minimum age applies to the first version that fixes an advisory.
    pub fixes: YoungFixes,
    /// The ids of advisories that no policy looks at.
    pub ignore: Vec<String>,
}

/// What happens to packages whose rule asks for advisories while these are missing, or cannot be read or verified.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdvisoriesGone {
    /// Their reads fail.
    #[default]
    Refuse,
    /// The advisories that were read last are used.
    LastKnown,
    /// All versions are served, and the log warns of it.
    Allow,
}

/// Whether a minimum age applies to the first version that fixes an advisory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum YoungFixes {
    /// It does not.
    #[default]
    Exempt,
    /// It does.
    Wait,
}

impl Default for AdvisorySection {
    fn default() -> Self {
        Self {
            seconds: 5,
            unavailable: AdvisoriesGone::Refuse,
            fixes: YoungFixes::Exempt,
            ignore: Vec::new(),
        }
    }
}

impl AdvisorySection {
    /// Converts the section to the library's settings.
    pub(crate) fn to_settings(&self) -> AdvisorySettings {
        AdvisorySettings {
            cached_for: Duration::from_secs(self.seconds.into()),
            unavailable: match self.unavailable {
                AdvisoriesGone::Refuse => UnavailableAdvisories::Refuse,
                AdvisoriesGone::LastKnown => UnavailableAdvisories::LastKnown,
                AdvisoriesGone::Allow => UnavailableAdvisories::Allow,
            },
            exempt_fixes: self.fixes == YoungFixes::Exempt,
            ignored: self.ignore.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_library() {
        assert_eq!(AdvisorySection::default().to_settings(), AdvisorySettings::default());
    }

    #[test]
    fn every_key_is_read() {
        let text = "[advisories]\nseconds = 0\nunavailable = \"last-known\"\nfixes = \"wait\"\nignore = [\"GHSA-1\"]\n\
                    [audit]\nsource = \"both\"\n[[policy]]\nmatch = \"**\"\nadvisories = \"high\"\n";
        let settings = Settings::from_toml(text).unwrap();
        let advisories = settings.advisories.to_settings();
        assert_eq!(advisories.unavailable, UnavailableAdvisories::LastKnown);
        assert!(!advisories.exempt_fixes && advisories.ignored == ["GHSA-1"]);
        assert!(settings.policy.compile(&settings.upstreams).is_ok());
        for wrong in [
            "[advisories]\nunavailable = \"ignore\"",
            "[audit]\nsource = \"elsewhere\"",
            "[[policy]]\nmatch = \"**\"\nadvisories = \"severe\"",
        ] {
            assert!(Settings::from_toml(wrong).is_err(), "{wrong}");
        }
    }
}
