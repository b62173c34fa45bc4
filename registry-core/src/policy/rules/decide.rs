use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use crate::domain::shorten::shorten;
use crate::domain::{PackageName, VersionRefusal};
use crate::policy::{EarlierTrust, PolicyDecision, VersionFacts, VersionOrigin};
use crate::vocabulary::VersionSelector;

use super::license::is_licensed;
use super::selector_file::SelectorFile;
use super::{InstallScripts, ProvenanceRule, Rule, RuleFiles, TrustRule, UnknownTime, UnreadableFile};

impl Rule {
    pub(super) fn is_for(&self, package: &PackageName, origin: VersionOrigin<'_>) -> bool {
        let origins = &self.table.origin;
        let is_origin = origins.is_empty()
            || origin == VersionOrigin::Elsewhere
            || origins.iter().any(|known| known == origin.as_str());
        is_origin && self.pattern.matches(package.as_str())
    }

    /// Whether it needs more of a version than its number.
    pub(super) fn reads_manifests(&self) -> bool {
        let table = &self.table;
        table.minimum_age.is_some()
            || table.freeze.is_some()
            || table.licenses.is_some()
            || table.install_scripts == InstallScripts::Refuse
            || table.provenance == ProvenanceRule::Required
            || table.trust == TrustRule::NoDowngrade
    }

    /// Whether a version of the package may be refused for its number.
    pub(super) fn decides_by_number(&self, package: &PackageName) -> bool {
        self.table.allow.is_some()
            || self.files.allow.is_some()
            || self.table.advisories.is_some()
            || self.table.block.iter().any(|block| block.names(package.as_str()))
            || self.files.block.as_ref().is_some_and(|file| file.names(package.as_str()))
    }

    /// Returns a number that differs from that of other rules, and changes with the files.
    pub(super) fn state(&self) -> u64 {
        let mut hash = DefaultHasher::new();
        self.number.hash(&mut hash);
        self.files.both().map(SelectorFile::generation).for_each(|generation| generation.hash(&mut hash));
        hash.finish()
    }

    /// Whether a file of the table cannot be used, and its packages are refused then.
    pub(super) fn lacks_a_file(&self) -> bool {
        self.table.unreadable_file == UnreadableFile::Refuse
            && self.files.both().any(SelectorFile::is_unreadable)
    }

    pub(super) fn decide(&self, facts: &VersionFacts<'_>, now: DateTime<Utc>) -> PolicyDecision {
        let table = &self.table;
        let (package, number) = (facts.package.as_str(), facts.number.as_ref());
        if let Some(block) = table.block.iter().find(|block| block.spans(package, number)) {
            return self.refuse("block", format!("is blocked by {block}"));
        }
        let listed = self.files.block.as_ref().map(|file| file.entries()).unwrap_or_default();
        if let Some(entry) = listed.iter().find(|entry| entry.selector.spans(package, number)) {
            let why = entry.reason.as_deref().map_or_else(|| format!("by {}", entry.selector), str::to_owned);
            return self.refuse("block_file", format!("is blocked: {why}"));
        }
        let selects = |selectors: &[VersionSelector]| {
            selectors.iter().any(|selector| selector.selects(package, number))
        };
        let is_allowed = table.allow.as_ref().is_some_and(|allow| selects(allow))
            || self.files.allow.as_ref().is_some_and(|file| file.selects(package, number));
        if !is_allowed && (table.allow.is_some() || self.files.allow.is_some()) {
            return self.refuse("allow", "is not among the versions that are allowed".to_owned());
        }
        if let Some(refusal) = self.decide_by_advisories(facts) {
            return refusal;
        }
        if facts.origin == VersionOrigin::Elsewhere {
            return PolicyDecision::allow_because(self.told("its checks of names and numbers"));
        }
        if let Some(licenses) = &table.licenses {
            match facts.license.as_deref() {
                None => return self.refuse("licenses", "has no known license".to_owned()),
                Some(license) if !is_licensed(license, licenses) => {
                    let license = shorten(license).escape_debug().to_string();
                    return self
                        .refuse("licenses", format!("has the license {license}, which is not allowed"));
                }
                Some(_) => {}
            }
        }
        if table.install_scripts == InstallScripts::Refuse && facts.install_scripts {
            return self.refuse("install_scripts", "runs a script when it is installed".to_owned());
        }
        if table.provenance == ProvenanceRule::Required && !facts.has_provenance {
            return self.refuse("provenance", "has no attestations of its provenance".to_owned());
        }
        if table.trust == TrustRule::NoDowngrade {
            match facts.earlier {
                EarlierTrust::NoVersion => {}
                EarlierTrust::Strongest { trust, .. } if facts.trust >= trust => {}
                EarlierTrust::Strongest { trust, version } => {
                    let (version, now) = (shorten(version).escape_debug().to_string(), facts.trust);
                    let reason =
                        format!("proves less of its origin ({now}) than {version} before it ({trust})");
                    return self.refuse("trust", reason);
                }
                EarlierTrust::Unknown => {
                    let reason = "has no known publish time, by which to compare it with earlier versions";
                    return self.refuse("trust", reason.to_owned());
                }
            }
        }
        if table.minimum_age.is_none() && table.freeze.is_none() {
            return PolicyDecision::allow_because(self.told("its checks"));
        }
        if selects(&table.exempt) {
            return PolicyDecision::allow_because(self.told("exempt"));
        }
        self.decide_by_time(facts, now)
    }

    fn decide_by_time(&self, facts: &VersionFacts<'_>, now: DateTime<Utc>) -> PolicyDecision {
        let table = &self.table;
        let Some(published) = facts.published else {
            return match table.unknown_time {
                UnknownTime::Refuse => {
                    self.refuse("unknown_time", "has no known publish time, which a rule needs".to_owned())
                }
                UnknownTime::Allow => PolicyDecision::allow_because(self.told("unknown_time")),
            };
        };
        let moment = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        if let Some(freeze) = table.freeze.filter(|freeze| published > *freeze) {
            let reason =
                format!("was published on {}, after the freeze of {}", moment(published), moment(freeze));
            return self.refuse("freeze", reason);
        }
        let Some(age) = table.minimum_age else {
            return PolicyDecision::allow_because(self.told("freeze"));
        };
        if let Some(fixed) = Self::fixed_advisory(facts) {
            return PolicyDecision::allow_because(
                self.told(&format!("a fix of {fixed}, exempt from minimum_age")),
            );
        }
        let allowed = PolicyDecision::allow_because(self.told("minimum_age"));
        match published.checked_add_signed(age) {
            Some(release) if release <= now => allowed.since(release),
            release => {
                let reason =
                    format!("was published on {} and waits for {}", moment(published), age_text(age));
                let refusal = self.refusal("minimum_age", reason);
                PolicyDecision::refuse(match release {
                    Some(release) => refusal.until(release),
                    None => refusal,
                })
            }
        }
    }

    pub(super) fn refuse(&self, rule: &str, reason: String) -> PolicyDecision {
        PolicyDecision::refuse(self.refusal(rule, reason))
    }

    fn refusal(&self, rule: &str, reason: String) -> VersionRefusal {
        let refusal = VersionRefusal::new(rule, reason);
        match &self.table.contact {
            Some(contact) => refusal.contact(contact),
            None => refusal,
        }
    }

    /// Names the table, for an explanation.
    fn told(&self, what: &str) -> String {
        format!("{what} of policy {}, match = {:?}", self.number, self.pattern.as_str())
    }
}

impl RuleFiles {
    /// Returns the files that there are.
    pub(super) fn both(&self) -> impl Iterator<Item = &SelectorFile> {
        [&self.block, &self.allow].into_iter().flatten().map(AsRef::as_ref)
    }
}

/// Renders a time span in its largest unit.
fn age_text(age: TimeDelta) -> String {
    let seconds = age.num_seconds();
    let units = [(86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")];
    let fits = |(length, _): &&(i64, &str)| seconds % length == 0;
    let (length, unit) = units.iter().find(fits).copied().unwrap_or((1, "second"));
    let number = seconds / length;
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::super::{PolicyRules, PolicyTable};
    use super::*;
    use crate::domain::VersionTrust;
    use crate::policy::VersionPolicy as _;

    fn rules(json: &serde_json::Value) -> PolicyRules {
        let tables: Vec<PolicyTable> = serde_json::from_value(json.clone()).unwrap();
        PolicyRules::compile(&tables).unwrap()
    }

    fn decide(rules: &PolicyRules, version: &str, published: Option<&str>, now: &str) -> PolicyDecision {
        let (name, version) = version.rsplit_once('@').unwrap();
        let package = PackageName::parse(name).unwrap();
        let facts =
            VersionFacts::new(&package, version, VersionOrigin::Upstream("npm")).published_at(published);
        rules.decide(&facts, now.parse().unwrap())
    }

    fn rule_of(decision: &PolicyDecision) -> &str {
        decision.refusal().map_or("", |refusal| &refusal.rule)
    }

    #[test]
    fn a_version_waits_until_its_age_to_the_second() {
        let rules = rules(&serde_json::json!([{
            "match": "**", "minimum_age": "7 days", "exempt": ["@acme/*", "pear@1.2.x"],
        }]));
        let published = Some("2026-11-01T10:00:00.500Z");
        let at = |version, now| decide(&rules, version, published, now);
        let waiting = at("pear@1.0.0", "2026-11-08T10:00:00.499Z");
        let refusal = waiting.refusal().unwrap();
        assert_eq!(
            refusal.explanation(),
            "was published on 2026-11-01T10:00:00Z and waits for 7 days (rule minimum_age, until 2026-11-08T10:00:00Z). To use \
             it now, ask an administrator of this registry for an exception"
        );
        assert_eq!(rule_of(&at("pear@1.0.0", "2026-11-08T10:00:00.500Z")), "");
        assert_eq!(rule_of(&at("pear@1.2.3", "2026-11-02T00:00:00Z")), "");
        assert_eq!(rule_of(&at("@acme/pear@1.0.0", "2026-11-02T00:00:00Z")), "");
        for unknown in [None, Some("yesterday")] {
            assert_eq!(
                rule_of(&decide(&rules, "fig@1.0.0", unknown, "2027-01-01T00:00:00Z")),
                "unknown_time"
            );
        }
    }

    #[test]
    fn the_first_table_that_matches_decides() {
        let rules = rules(&serde_json::json!([
            { "match": "@acme/*" },
            { "match": "**", "origin": ["hosted"], "block": ["fig"] },
            { "match": "**", "freeze": "2026-11-01T00:00:00Z", "unknown_time": "allow", "contact": "ask #security" },
        ]));
        let now = "2026-12-01T00:00:00Z";
        assert_eq!(rule_of(&decide(&rules, "@acme/fig@1.0.0", None, now)), "");
        assert_eq!(rule_of(&decide(&rules, "fig@1.0.0", None, now)), "");
        assert_eq!(rule_of(&decide(&rules, "fig@1.0.0", Some("2026-11-01T00:00:00Z"), now)), "");
        let frozen = decide(&rules, "fig@1.0.0", Some("2026-11-01T00:00:01Z"), now);
        assert_eq!(rule_of(&frozen), "freeze");
        assert!(frozen.refusal().unwrap().explanation().ends_with("ask #security"));
        let fig = PackageName::parse("fig").unwrap();
        let hosted = VersionFacts::new(&fig, "1.0.0", VersionOrigin::Hosted);
        assert_eq!(rule_of(&rules.decide(&hosted, now.parse().unwrap())), "block");
        let concern = |name: &str, origin| rules.concern(&PackageName::parse(name).unwrap(), origin);
        assert_eq!(concern("@acme/fig", VersionOrigin::Hosted), None);
        assert_eq!(concern("pear", VersionOrigin::Hosted), None, "nothing blocks it");
        assert!(concern("pear", VersionOrigin::Upstream("npm")).is_some());
    }

    #[test]
    fn a_version_must_prove_no_less_than_an_earlier_one() {
        let rules = rules(&serde_json::json!([{ "match": "**", "trust": "no-downgrade" }]));
        let package = PackageName::parse("pear").unwrap();
        let facts = |earlier, trust| {
            let facts = VersionFacts::new(&package, "2.0.0", VersionOrigin::Upstream("npm"));
            rules.decide(&VersionFacts { trust, earlier, ..facts }, DateTime::UNIX_EPOCH)
        };
        let strongest = |trust| EarlierTrust::Strongest { trust, version: "1.0.0" };
        let all = [
            VersionTrust::None,
            VersionTrust::Provenance,
            VersionTrust::TrustedPublisher,
            VersionTrust::Approved,
        ];
        for before in all {
            for now in all {
                let expected = if now < before { "trust" } else { "" };
                assert_eq!(rule_of(&facts(strongest(before), now)), expected, "{before} {now}");
            }
        }
        assert_eq!(rule_of(&facts(EarlierTrust::NoVersion, VersionTrust::None)), "");
        assert_eq!(rule_of(&facts(EarlierTrust::Unknown, VersionTrust::Approved)), "trust");
        let refused = facts(strongest(VersionTrust::TrustedPublisher), VersionTrust::None);
        let reason = &refused.refusal().unwrap().reason;
        assert_eq!(reason, "proves less of its origin (none) than 1.0.0 before it (a trusted publisher)");
    }

    #[test]
    fn scripts_licenses_and_lists_refuse() {
        let rules = rules(&serde_json::json!([{
            "match": "**", "install_scripts": "refuse", "licenses": ["MIT", "ISC"], "allow": ["pear@1.x"],
        }]));
        let package = PackageName::parse("pear").unwrap();
        let facts = |version: &'static str, manifest: &str| {
            let manifest = serde_json::value::RawValue::from_string(manifest.to_owned()).unwrap();
            let facts = VersionFacts::new(&package, version, VersionOrigin::Hosted).with_manifest(&manifest);
            rules.decide(&facts, DateTime::UNIX_EPOCH)
        };
        for (version, manifest, rule) in [
            ("1.0.0", r#"{"license":"MIT"}"#, ""),
            ("2.0.0", r#"{"license":"MIT"}"#, "allow"),
            ("1.0.0", "{}", "licenses"),
            ("1.0.0", r#"{"license":"GPL-3.0-only"}"#, "licenses"),
            ("1.0.0", r#"{"license":"ISC","scripts":{"install":"x"}}"#, "install_scripts"),
        ] {
            assert_eq!(rule_of(&facts(version, manifest)), rule, "{version} {manifest}");
        }
    }
}
