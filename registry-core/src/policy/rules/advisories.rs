use crate::advisories::{AdvisoryNeed, AffectingAdvisory, KnownAdvisories};
use crate::policy::{PolicyDecision, VersionFacts};

use super::Rule;

/// The longest title in a refusal, in characters.
const LONGEST_TITLE: usize = 100;

impl Rule {
    /// Says what the table asks advisories for.
    pub(super) fn advisory_need(&self) -> Option<AdvisoryNeed> {
        if self.table.advisories.is_some() {
            Some(AdvisoryNeed::Refusal)
        } else {
            self.table.minimum_age.map(|_| AdvisoryNeed::Fixes)
        }
    }

    /// Refuses a version that an advisory names, and one of which nothing was looked up.
    pub(super) fn decide_by_advisories(&self, facts: &VersionFacts<'_>) -> Option<PolicyDecision> {
        let threshold = self.table.advisories?;
        match &facts.advisories {
            KnownAdvisories::NotRead => {
                let reason = "may be named by an advisory, since none was looked up";
                Some(self.refuse("advisories", reason.to_owned()))
            }
            KnownAdvisories::Unavailable => None,
            KnownAdvisories::Known(known) => {
                let refusing =
                    |advisory: &&AffectingAdvisory| advisory.malware || advisory.severity >= threshold;
                let advisory = known.affecting.iter().find(refusing)?;
                Some(self.refuse("advisories", reason(advisory)))
            }
        }
    }

    /// Returns the advisory that a version is the first one to fix, unless another one names the version.
    pub(super) fn fixed_advisory<'a>(facts: &'a VersionFacts<'_>) -> Option<&'a str> {
        match &facts.advisories {
            KnownAdvisories::Known(known) if known.affecting.is_empty() => {
                known.fixes.first().map(String::as_str)
            }
            _ => None,
        }
    }
}

fn reason(advisory: &AffectingAdvisory) -> String {
    let title: String = advisory.title.chars().take(LONGEST_TITLE).collect();
    let (id, severity, title) = (&advisory.id, advisory.severity, title.escape_debug());
    let fixed = match &advisory.fixed {
        Some(fixed) => format!("fixed in {fixed}"),
        None => "no fixed version is known".to_owned(),
    };
    if advisory.malware {
        format!("is malware by the advisory {id} ({severity}; {fixed}): {title}")
    } else {
        format!("is named by the advisory {id} ({severity}; {fixed}): {title}")
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use serde_json::json;

    use super::*;
    use crate::advisories::{AdvisorySeverity, VersionAdvisories};
    use crate::domain::PackageName;
    use crate::policy::{PolicyRules, PolicyTable, VersionOrigin, VersionPolicy as _};

    fn advisory(severity: AdvisorySeverity, malware: bool) -> AffectingAdvisory {
        AffectingAdvisory {
            id: "GHSA-1".into(),
            severity,
            malware,
            title: "Pears rot".into(),
            url: "https://advisories.example/GHSA-1".into(),
            fixed: Some("1.2.0".into()),
        }
    }

    fn decide(table: &serde_json::Value, advisories: KnownAdvisories, published: &str) -> PolicyDecision {
        let tables: Vec<PolicyTable> = serde_json::from_value(json!([table])).unwrap();
        let pear = PackageName::parse("pear").unwrap();
        let mut facts = VersionFacts::new(&pear, "1.0.0", VersionOrigin::Upstream("npm"));
        facts.published = published.parse().ok();
        facts.advisories = advisories;
        let now: DateTime<Utc> = "2026-11-08T00:00:00Z".parse().unwrap();
        PolicyRules::compile(&tables).unwrap().decide(&facts, now)
    }

    fn known(affecting: Vec<AffectingAdvisory>, fixes: &[&str]) -> KnownAdvisories {
        let fixes = fixes.iter().map(|id| (*id).to_owned()).collect();
        KnownAdvisories::Known(VersionAdvisories { affecting, fixes, changed: None })
    }

    #[test]
    fn a_threshold_refuses_what_is_as_severe_and_malware_always() {
        use AdvisorySeverity::{Critical, High, Low, Moderate};
        let levels = [("low", Low), ("moderate", Moderate), ("high", High), ("critical", Critical)];
        for (number, (word, _)) in levels.iter().enumerate() {
            for (other, (_, severity)) in levels.iter().enumerate() {
                for malware in [false, true] {
                    let found = known(vec![advisory(*severity, malware)], &[]);
                    let decision = decide(&json!({ "match": "**", "advisories": word }), found, "");
                    let is_refused = malware || other >= number;
                    assert_eq!(decision.refusal().is_some(), is_refused, "{word} {severity} {malware}");
                }
            }
        }
        assert!(
            decide(&json!({ "match": "**", "advisories": "low" }), known(vec![], &[]), "")
                .refusal()
                .is_none()
        );
        let refused = decide(
            &json!({ "match": "**", "advisories": "low", "contact": "ask #security" }),
            known(vec![advisory(High, false)], &[]),
            "",
        );
        assert_eq!(
            refused.refusal().unwrap().explanation(),
            "is named by the advisory GHSA-1 (high; fixed in 1.2.0): Pears rot (rule advisories, it does not end by itself). To \
             use it now, ask #security"
        );
    }

    #[test]
    fn what_was_not_looked_up_is_refused_and_what_may_be_missing_is_not() {
        let table = json!({ "match": "**", "advisories": "critical" });
        assert!(decide(&table, KnownAdvisories::NotRead, "").refusal().is_some());
        assert!(decide(&table, KnownAdvisories::Unavailable, "").refusal().is_none());
    }

    #[test]
    fn a_fix_need_not_wait_unless_another_advisory_names_it() {
        let table = json!({ "match": "**", "minimum_age": "7 days" });
        let young = "2026-11-07T00:00:00Z";
        let rule =
            |decision: PolicyDecision| decision.into_refusal().map_or(String::new(), |refusal| refusal.rule);
        assert_eq!(rule(decide(&table, KnownAdvisories::NotRead, young)), "minimum_age");
        assert_eq!(rule(decide(&table, known(vec![], &[]), young)), "minimum_age");
        assert_eq!(rule(decide(&table, known(vec![], &["GHSA-1"]), young)), "");
        let named = known(vec![advisory(AdvisorySeverity::Low, false)], &["GHSA-1"]);
        assert_eq!(rule(decide(&table, named, young)), "minimum_age");
        assert_eq!(rule(decide(&table, known(vec![], &["GHSA-1"]), "soon")), "unknown_time");
        let frozen = json!({ "match": "**", "minimum_age": "7 days", "freeze": "2026-11-01T00:00:00Z" });
        assert_eq!(rule(decide(&frozen, known(vec![], &["GHSA-1"]), young)), "freeze");
    }
}
