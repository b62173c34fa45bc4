use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};
use serde_json::Value;

use crate::web::ListedVersion;

use super::facts::web_link;
use super::frame::{escape, escaped};
use super::viewer::{ShownPackage, Viewer};

/// The predicate of a statement that says how a package was built.
const BUILD: &str = "https://slsa.dev/provenance/";
/// The length of a commit as people write it.
const SHORT: usize = 7;

/// What a statement says of a build.
#[derive(Debug, Default, PartialEq, Eq)]
struct Build {
    repository: Option<String>,
    workflow: Option<String>,
    commit: Option<String>,
}

impl Viewer<'_> {
    /// Renders where a version was built, as its attestations say; `None` if they cannot be read now.
    pub(super) async fn provenance(&self, package: &ShownPackage, listed: &ListedVersion) -> Option<Markup> {
        let read = self.registry.attestations(&self.caller, &package.name, &listed.version).await;
        let build = build_of(&serde_json::from_slice(&read.ok()?).ok()?);
        let bundles = format!(
            "{}/-/npm/v1/attestations/{}@{}",
            self.frame.root,
            escaped(package.name.as_str()),
            escape(listed.version.as_str())
        );
        Some(html! {
            @if let Some(repository) = &build.repository {
                div { @match web_link(&Value::from(repository.as_str())) {
                    Some(link) => a href=(link) rel="noopener noreferrer nofollow" { (repository) },
                    None => (repository),
                } }
            }
            @if let Some(commit) = &build.commit {
                div { "commit " span.mono title=(commit) { (commit.chars().take(SHORT).collect::<String>()) } }
            }
            @if let Some(workflow) = &build.workflow { div { "workflow " span.mono { (workflow) } } }
            div { a href=(bundles) { "attestations" } }
        })
    }
}

fn build_of(document: &Value) -> Build {
    let attestations = document["attestations"].as_array().into_iter().flatten();
    let mut builds = attestations.filter(|attestation| {
        attestation["predicateType"].as_str().is_some_and(|predicate| predicate.starts_with(BUILD))
    });
    let payload = builds.next().and_then(|build| build["bundle"]["dsseEnvelope"]["payload"].as_str());
    let statement = payload.and_then(|payload| STANDARD.decode(payload).ok());
    let statement: Value = statement.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default();
    let definition = &statement["predicate"]["buildDefinition"];
    let workflow = &definition["externalParameters"]["workflow"];
    let text = |value: &Value| value.as_str().map(str::to_owned);
    Build {
        repository: text(&workflow["repository"])
            .or_else(|| text(&definition["externalParameters"]["source"])),
        workflow: text(&workflow["path"]),
        commit: text(&definition["resolvedDependencies"][0]["digest"]["gitCommit"]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_build_is_read_from_its_statement() {
        let statement = json!({ "predicate": { "buildDefinition": {
            "externalParameters": { "workflow": { "repository": "https://git.example/acme/pear", "path": ".github/workflows/ci.yml" } },
            "resolvedDependencies": [{ "digest": { "gitCommit": "3f9c2" } }],
        } } });
        let payload = STANDARD.encode(statement.to_string());
        let document = json!({ "attestations": [
            { "predicateType": "https://registry.example/publish" },
            { "predicateType": "https://slsa.dev/provenance/v1", "bundle": { "dsseEnvelope": { "payload": payload } } },
        ] });
        let build = build_of(&document);
        assert_eq!(build.repository.as_deref(), Some("https://git.example/acme/pear"));
        assert_eq!(
            (build.workflow.as_deref(), build.commit.as_deref()),
            (Some(".github/workflows/ci.yml"), Some("3f9c2"))
        );
        for odd in [json!(null), json!({ "attestations": [7, {}] }), json!([])] {
            assert_eq!(build_of(&odd), Build::default());
        }
    }
}
