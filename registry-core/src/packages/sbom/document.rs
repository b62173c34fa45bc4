use chrono::{DateTime, SecondsFormat, Utc};
use indexmap::IndexMap;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::advisories::{Advisory, AdvisoryIndex};

use super::component::Component;

/// Writes the document of one version. What it depends on is known as ranges only, so it is not part of it.
pub(super) fn of_package(component: &Component, index: Option<&AdvisoryIndex>, now: DateTime<Utc>) -> Value {
    let reference = component.reference();
    let mut document = frame(&component.json, now);
    document["components"] = json!([]);
    document["dependencies"] = json!([{ "ref": reference, "dependsOn": [] }]);
    document["compositions"] = json!([{ "aggregate": "incomplete", "dependencies": [reference] }]);
    finish(document, std::slice::from_ref(component), index)
}

/// Writes the document of an application. A lock file does not say the same about edges in all its forms, so each version stands
/// below the application.
pub(super) fn of_lockfile(
    application: &str,
    components: &[Component],
    index: Option<&AdvisoryIndex>,
    now: DateTime<Utc>,
) -> Value {
    let root = json!({ "type": "application", "bom-ref": "application", "name": application });
    let mut document = frame(&root, now);
    let references: Vec<_> = components.iter().map(Component::reference).collect();
    document["components"] = components.iter().map(|component| component.json.clone()).collect();
    document["dependencies"] = json!([{ "ref": "application", "dependsOn": references }]);
    document["compositions"] = json!([{ "aggregate": "complete", "assemblies": ["application"] }]);
    finish(document, components, index)
}

fn frame(root: &Value, now: DateTime<Utc>) -> Value {
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": null,
        "version": 1,
        "metadata": {
            "timestamp": now.to_rfc3339_opts(SecondsFormat::Secs, true),
            "tools": { "components": [{ "type": "application", "name": "registry", "version": env!("CARGO_PKG_VERSION") }] },
            "component": root,
        },
    })
}

fn finish(mut document: Value, components: &[Component], index: Option<&AdvisoryIndex>) -> Value {
    if let Some(index) = index {
        document["vulnerabilities"] = vulnerabilities(components, index);
    }
    // The same content has the same number.
    let digest = Sha256::digest(document.to_string().as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    let uuid = uuid::Builder::from_random_bytes(bytes).into_uuid();
    document["serialNumber"] = format!("urn:uuid:{uuid}").into();
    document
}

/// The advisories that affect the components, each once, with all that it affects.
fn vulnerabilities(components: &[Component], index: &AdvisoryIndex) -> Value {
    let mut found: IndexMap<String, Value> = IndexMap::new();
    for component in components {
        // Advisories of administrators are for those who see the package.
        let known = if component.is_seen {
            index.package(&component.name)
        } else {
            index.package_of_database(&component.name).into_iter().collect()
        };
        for package in known {
            let affects =
                |advisory: &&Advisory| advisory.affects(&component.version, component.number.as_ref());
            for advisory in package.advisories.iter().filter(affects) {
                let entry = found.entry(advisory.id.clone()).or_insert_with(|| vulnerability(advisory));
                let reference = json!({
                    "ref": component.reference(),
                    "versions": [{ "version": component.version, "status": "affected" }],
                });
                if let Some(affects) = entry["affects"].as_array_mut() {
                    affects.push(reference);
                }
            }
        }
    }
    found.into_values().collect()
}

fn vulnerability(advisory: &Advisory) -> Value {
    let severity = if advisory.severity == crate::advisories::AdvisorySeverity::Moderate {
        "medium"
    } else {
        advisory.severity.as_str()
    };
    let mut rating = json!({ "severity": severity });
    if let Some(vector) = &advisory.vector {
        rating["score"] = advisory.score().into();
        rating["vector"] = vector.as_str().into();
        let method = [("CVSS:4.0", "CVSSv4"), ("CVSS:3.1", "CVSSv31"), ("CVSS:3.0", "CVSSv3")];
        if let Some((_, method)) = method.iter().find(|(prefix, _)| vector.starts_with(prefix)) {
            rating["method"] = (*method).into();
        }
    }
    let weaknesses: Vec<u64> =
        advisory.weaknesses.iter().filter_map(|id| id.strip_prefix("CWE-")?.parse().ok()).collect();
    let references: Vec<_> =
        advisory.aliases.iter().map(|id| json!({ "id": id, "source": { "name": source(id) } })).collect();
    let fixed = advisory.fixed_above(None);
    let recommendation = fixed.map_or_else(
        || "No fixed version is known.".to_owned(),
        |fixed| format!("Update to {fixed} or later."),
    );
    json!({
        "bom-ref": advisory.id,
        "id": advisory.id,
        "source": { "name": source(&advisory.id), "url": advisory.page() },
        "references": references,
        "ratings": [rating],
        "cwes": weaknesses,
        "description": advisory.title,
        "recommendation": recommendation,
        "analysis": { "state": "in_triage" },
        "affects": [],
    })
}

/// Returns the database of an id.
fn source(id: &str) -> &'static str {
    match id.split('-').next() {
        Some("GHSA") => "GitHub Advisories",
        Some("CVE") => "NVD",
        Some("MAL") => "Malicious Packages",
        _ => "OSV",
    }
}
