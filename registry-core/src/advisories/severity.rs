use std::fmt;

use serde::{Deserialize, Serialize};

/// How severe an advisory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum AdvisorySeverity {
    /// A CVSS score below 4.
    Low,
    /// A CVSS score below 7.
    Moderate,
    /// A CVSS score below 9.
    High,
    /// A CVSS score of 9 and above, and malware. An advisory that gives no severity counts as critical, too.
    Critical,
}

impl AdvisorySeverity {
    /// Returns the severity as settings and clients spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Moderate => "moderate",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// Reads the word of a database. Some say `medium` for moderate.
    pub(super) fn of_word(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "none" | "low" => Self::Low,
            "moderate" | "medium" => Self::Moderate,
            "high" => Self::High,
            "critical" => Self::Critical,
            _ => return None,
        })
    }

    /// Reads a CVSS vector of version 3 or 4.
    pub(super) fn of_vector(vector: &str) -> Option<Self> {
        // The crate takes a vector that was cut off for a mild one.
        let has = |metric: &str| vector.split('/').any(|word| word.split(':').next() == Some(metric));
        if vector.starts_with("CVSS:3") && !["AV", "AC", "PR", "UI", "S", "C", "I", "A"].into_iter().all(has)
        {
            return None;
        }
        let vector: cvss::Cvss = vector.parse().ok()?;
        Some(match vector.severity() {
            cvss::Severity::None | cvss::Severity::Low => Self::Low,
            cvss::Severity::Medium => Self::Moderate,
            cvss::Severity::High => Self::High,
            cvss::Severity::Critical => Self::Critical,
        })
    }
}

/// Returns the score of a CVSS vector; 0 where it cannot be read.
pub(super) fn score(vector: &str) -> f64 {
    vector.parse::<cvss::Cvss>().map_or(0.0, |vector| vector.score())
}

impl fmt::Display for AdvisorySeverity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_severity_is_read_from_a_word_or_a_vector() {
        for (word, expected) in [
            ("LOW", Some(AdvisorySeverity::Low)),
            ("MODERATE", Some(AdvisorySeverity::Moderate)),
            ("medium", Some(AdvisorySeverity::Moderate)),
            ("High", Some(AdvisorySeverity::High)),
            ("CRITICAL", Some(AdvisorySeverity::Critical)),
            ("grave", None),
        ] {
            assert_eq!(AdvisorySeverity::of_word(word), expected, "{word}");
        }
        for (vector, expected) in [
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", Some(AdvisorySeverity::Critical)),
            ("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", Some(AdvisorySeverity::High)),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", Some(AdvisorySeverity::Moderate)),
            ("CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N", Some(AdvisorySeverity::Low)),
            (
                "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H",
                Some(AdvisorySeverity::Critical),
            ),
            ("AV:N/AC:L/Au:N/C:P/I:P/A:P", None),
            ("CVSS:3.1/AV:N", None),
            ("", None),
        ] {
            assert_eq!(AdvisorySeverity::of_vector(vector), expected, "{vector}");
        }
        assert!((score("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H") - 9.8).abs() < 0.01);
    }
}
