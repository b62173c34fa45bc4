//! Advisories in the format of OSV.

use serde::Deserialize;
use serde_json::Value;

use crate::domain::PackageName;
use crate::domain::shorten::shorten;

use super::advisory::Advisory;
use super::interval::{Interval, intervals};
use super::severity::AdvisorySeverity;

/// The ecosystem of this registry's packages, as OSV names it.
const ECOSYSTEM: &str = "npm";
/// The longest title in bytes.
const LONGEST_TITLE: usize = 240;
/// The longest id in bytes.
const LONGEST_ID: usize = 80;
/// The most aliases and weaknesses that are kept of one advisory.
const MOST: usize = 8;

/// Why a document is not an advisory for npm packages.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OsvError {
    /// It is not JSON, or has other types than the format gives.
    #[error("it is not an advisory in OSV's format: {reason}")]
    Malformed {
        /// Where it fails.
        reason: String,
    },
    /// Its id is empty or strange.
    #[error("its id {id:?} is not one of at most {LONGEST_ID} letters, digits, `-`, `_`, `.` and `:`")]
    Id {
        /// The id.
        id: String,
    },
    /// It is about packages of another ecosystem.
    #[error("{id} is about packages of {ecosystem}: give the advisories of the ecosystem npm")]
    Ecosystem {
        /// The advisory.
        id: String,
        /// The ecosystem.
        ecosystem: String,
    },
    /// There are more advisories, or more bytes of them, than a registry keeps.
    #[error("there are more advisories than the registry keeps: {limit}")]
    TooMuch {
        /// The limit.
        limit: String,
    },
}

/// An advisory, as far as it is read.
#[derive(Deserialize)]
struct OsvDocument {
    id: String,
    modified: Option<String>,
    withdrawn: Option<String>,
    aliases: Option<Vec<String>>,
    summary: Option<String>,
    details: Option<String>,
    severity: Option<Vec<OsvSeverity>>,
    affected: Option<Vec<OsvAffected>>,
    references: Option<Vec<OsvReference>>,
    database_specific: Option<Value>,
}

#[derive(Deserialize)]
struct OsvSeverity {
    score: Option<String>,
}

#[derive(Deserialize)]
struct OsvReference {
    r#type: Option<String>,
    url: Option<String>,
}

#[derive(Deserialize)]
struct OsvAffected {
    package: Option<OsvPackage>,
    severity: Option<Vec<OsvSeverity>>,
    ranges: Option<Vec<OsvRange>>,
    versions: Option<Vec<String>>,
    database_specific: Option<Value>,
}

#[derive(Deserialize)]
struct OsvPackage {
    ecosystem: String,
    name: String,
}

#[derive(Deserialize)]
struct OsvRange {
    r#type: Option<String>,
    events: Option<Vec<OsvEvent>>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct OsvEvent {
    pub(super) introduced: Option<String>,
    pub(super) fixed: Option<String>,
    pub(super) last_affected: Option<String>,
}

/// What a document says.
#[derive(Debug)]
pub(super) struct OsvAdvisory {
    pub(super) id: String,
    pub(super) modified: Option<String>,
    /// For each affected package.
    pub(super) packages: Vec<(PackageName, Advisory)>,
    /// Affected packages that no registry serves under their names.
    pub(super) impossible_names: usize,
}

/// Reads a document; `None` if its advisory was withdrawn.
pub(super) fn read(json: &[u8]) -> Result<Option<OsvAdvisory>, OsvError> {
    let document: OsvDocument = serde_json::from_slice(json).map_err(|error| malformed(&error))?;
    document.read()
}

fn malformed(error: &serde_json::Error) -> OsvError {
    OsvError::Malformed { reason: error.to_string() }
}

impl OsvDocument {
    fn read(self) -> Result<Option<OsvAdvisory>, OsvError> {
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.:".contains(letter);
        if self.id.is_empty() || self.id.len() > LONGEST_ID || !self.id.chars().all(is_plain) {
            return Err(OsvError::Id { id: shorten(&self.id).into_owned() });
        }
        let affected = self.affected.as_deref().unwrap_or_default();
        let packages = || affected.iter().filter_map(|affected| Some((affected, affected.package.as_ref()?)));
        // An advisory may be about packages of several ecosystems.
        let foreign = packages().find(|(_, package)| !is_npm(&package.ecosystem));
        if let (Some((_, package)), true) =
            (foreign, packages().all(|(_, package)| !is_npm(&package.ecosystem)))
        {
            let ecosystem = shorten(&package.ecosystem).into_owned();
            return Err(OsvError::Ecosystem { id: self.id, ecosystem });
        }
        if self.withdrawn.as_ref().is_some_and(|withdrawn| !withdrawn.trim().is_empty()) {
            return Ok(None);
        }
        if affected.is_empty() {
            // An answer that tells of an error may have an id, too.
            return Err(OsvError::Malformed { reason: "it names nothing in `affected`".to_owned() });
        }
        let mut read = OsvAdvisory {
            id: self.id.clone(),
            modified: self.modified.clone(),
            packages: Vec::new(),
            impossible_names: 0,
        };
        for (affected, package) in packages().filter(|(_, package)| is_npm(&package.ecosystem)) {
            match PackageName::parse(&package.name) {
                Ok(name) => read.add(name, self.advisory(affected)),
                Err(_) => read.impossible_names += 1,
            }
        }
        Ok(Some(read))
    }

    fn advisory(&self, affected: &OsvAffected) -> Advisory {
        let malware = self.is_malware();
        let (mut ranges, mut versions) = affected.affected_versions();
        if ranges.is_empty() && versions.is_empty() {
            // Nothing says which versions are not affected.
            ranges.push(Interval::ALL);
        }
        versions.sort_unstable();
        versions.dedup();
        let text = |value: &Option<Value>, field: &str| {
            value.as_ref().and_then(|value| value[field].as_str()).map(str::to_owned)
        };
        let vectors = [&self.severity, &affected.severity]
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|one| one.score.clone());
        let vector = vectors
            .filter(|vector| vector.len() < 300)
            .max_by_key(|vector| AdvisorySeverity::of_vector(vector));
        let word = text(&self.database_specific, "severity")
            .or_else(|| text(&affected.database_specific, "severity"))
            .and_then(|word| AdvisorySeverity::of_word(&word));
        let severity = word.or_else(|| AdvisorySeverity::of_vector(vector.as_deref()?));
        Advisory {
            id: self.id.clone(),
            aliases: self
                .aliases
                .iter()
                .flatten()
                .filter(|alias| alias.len() <= LONGEST_ID)
                .take(MOST)
                .cloned()
                .collect(),
            title: self.title(),
            severity: if malware {
                AdvisorySeverity::Critical
            } else {
                severity.unwrap_or(AdvisorySeverity::Critical)
            },
            malware,
            url: self.url(),
            weaknesses: self.weaknesses(),
            vector,
            ranges,
            versions,
        }
    }

    fn weaknesses(&self) -> Vec<String> {
        let ids = self.database_specific.as_ref().and_then(|specific| specific["cwe_ids"].as_array());
        let ids = ids.into_iter().flatten().filter_map(Value::as_str);
        ids.filter(|id| id.len() <= 16).take(MOST).map(str::to_owned).collect()
    }

    fn is_malware(&self) -> bool {
        self.id.starts_with("MAL-")
            || self.aliases.iter().flatten().any(|alias| alias.starts_with("MAL-"))
            // Embedded malicious code.
            || self.weaknesses().iter().any(|id| id == "CWE-506")
    }

    fn title(&self) -> String {
        let first = [&self.summary, &self.details].into_iter().flatten().find_map(|text| {
            text.lines().map(|line| line.trim_start_matches('#').trim()).find(|line| !line.is_empty())
        });
        let title: String = first.unwrap_or(&self.id).chars().filter(|letter| !letter.is_control()).collect();
        title[..title.floor_char_boundary(LONGEST_TITLE)].to_owned()
    }

    /// The page about the advisory; `None` if it follows from the id.
    fn url(&self) -> Option<String> {
        if super::advisory::ghsa(&self.id, self.aliases.as_deref().unwrap_or_default()).is_some() {
            return None;
        }
        let is_web =
            |url: &&String| (url.starts_with("https://") || url.starts_with("http://")) && url.len() < 400;
        let of_kind = |kind: &str| {
            let mut references = self.references.iter().flatten();
            references
                .find(|reference| reference.r#type.as_deref() == Some(kind))
                .and_then(|one| one.url.as_ref())
        };
        of_kind("ADVISORY").or_else(|| of_kind("REPORT")).or_else(|| of_kind("WEB")).filter(is_web).cloned()
    }
}

impl OsvAffected {
    fn affected_versions(&self) -> (Vec<Interval>, Vec<String>) {
        // Commits say nothing about versions.
        let of_versions = |range: &&OsvRange| range.r#type.as_deref() != Some("GIT");
        let ranges = self.ranges.iter().flatten().filter(of_versions);
        let ranges =
            ranges.flat_map(|range| intervals(range.events.as_deref().unwrap_or_default())).collect();
        // As npm reads a version: some databases write the name of a tag.
        let plain = |version: &String| {
            let version = version.trim().trim_start_matches(['v', '=']).trim_start();
            version.split_once('+').map_or(version, |(plain, _)| plain).to_owned()
        };
        (ranges, self.versions.iter().flatten().map(plain).collect())
    }
}

impl OsvAdvisory {
    /// Adds what is affected of a package. A document may name one several times.
    fn add(&mut self, name: PackageName, advisory: Advisory) {
        match self.packages.iter_mut().find(|(known, _)| *known == name) {
            None => self.packages.push((name, advisory)),
            Some((_, known)) => {
                known.ranges.extend(advisory.ranges);
                known.versions.extend(advisory.versions);
                known.versions.sort_unstable();
                known.versions.dedup();
                known.severity = known.severity.max(advisory.severity);
            }
        }
    }
}

fn is_npm(ecosystem: &str) -> bool {
    ecosystem == ECOSYSTEM || ecosystem.strip_prefix(ECOSYSTEM).is_some_and(|rest| rest.starts_with(':'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_one(document: &Value) -> Result<Option<OsvAdvisory>, OsvError> {
        read(document.to_string().as_bytes())
    }

    fn npm(name: &str) -> Value {
        json!({ "ecosystem": "npm", "name": name })
    }

    #[test]
    fn an_advisory_is_read_with_what_it_affects() {
        let found = read_one(&json!({
            "id": "GHSA-aaaa-bbbb-cccc", "aliases": ["CVE-2026-1"], "summary": "Pears rot", "modified": "2026-11-01T00:00:00Z",
            "severity": [{ "type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H" }],
            "database_specific": { "severity": "MODERATE", "cwe_ids": ["CWE-79"] },
            "affected": [
                { "package": npm("pear"), "ranges": [
                    { "type": "SEMVER", "events": [{ "introduced": "0" }, { "fixed": "1.2.0" }] },
                    { "type": "GIT", "events": [{ "introduced": "0" }] },
                ] },
                { "package": npm("pear"), "versions": ["2.0.1", "2.0.0"] },
                { "package": npm("../pear") },
                { "package": { "ecosystem": "PyPI", "name": "pear" } },
            ],
        }))
        .unwrap()
        .unwrap();
        assert_eq!((found.packages.len(), found.impossible_names), (1, 1));
        let (name, advisory) = &found.packages[0];
        assert_eq!(name.as_str(), "pear");
        assert_eq!(
            serde_json::to_value(advisory).unwrap(),
            json!({
                "i": "GHSA-aaaa-bbbb-cccc", "l": ["CVE-2026-1"], "t": "Pears rot", "s": "moderate", "w": ["CWE-79"],
                "c": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", "r": ["<1.2.0"], "v": ["2.0.0", "2.0.1"],
            })
        );
    }

    #[test]
    fn severities_come_from_the_word_then_the_vector_and_are_critical_without_both() {
        let high = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H";
        for (id, more, severity, malware) in [
            (
                "A-1",
                json!({ "database_specific": { "severity": "LOW" }, "severity": [{ "score": high }] }),
                "low",
                false,
            ),
            ("A-1", json!({ "severity": [{ "score": high }] }), "high", false),
            ("A-1", json!({ "severity": [{ "score": "unknown" }] }), "critical", false),
            ("A-1", json!({}), "critical", false),
            ("MAL-2026-1", json!({ "database_specific": { "severity": "LOW" } }), "critical", true),
            (
                "A-1",
                json!({ "database_specific": { "severity": "LOW", "cwe_ids": ["CWE-506"] } }),
                "critical",
                true,
            ),
            ("A-1", json!({ "aliases": ["MAL-2026-1"] }), "critical", true),
        ] {
            let mut document =
                json!({ "id": id, "affected": [{ "package": npm("pear"), "versions": ["1.0.0"] }] });
            document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let found = read_one(&document).unwrap().unwrap();
            let (_, advisory) = &found.packages[0];
            assert_eq!((advisory.severity.as_str(), advisory.malware), (severity, malware), "{document}");
        }
    }

    #[test]
    fn what_is_no_advisory_for_npm_is_refused() {
        let foreign =
            json!({ "id": "A-1", "affected": [{ "package": { "ecosystem": "PyPI", "name": "pear" } }] });
        assert!(read_one(&foreign).unwrap_err().to_string().contains("packages of PyPI"));
        for (document, said) in [
            (json!([]), "OSV's format"),
            (json!({ "id": "A-1", "affected": [] }), "names nothing"),
            (json!({ "id": "req-1", "error": "internal server error" }), "names nothing"),
            (json!({ "affected": [] }), "missing field `id`"),
            (json!({ "id": "../A", "affected": [] }), "its id"),
            (json!({ "id": "A-1", "affected": 7 }), "OSV's format"),
        ] {
            assert!(read_one(&document).unwrap_err().to_string().contains(said), "{document}");
        }
        assert!(read(b"{").is_err());
        let withdrawn = json!({ "id": "A-1", "withdrawn": "2026-01-01T00:00:00Z", "affected": [{ "package": npm("pear") }] });
        assert!(read_one(&withdrawn).unwrap().is_none());
    }
}
