use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::shorten::shorten;
use super::{TrustClaimsError, refused, text};

/// How a forge spells the claims that identify its builds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Spelling {
    /// The claim with the repository.
    repository: &'static str,
    /// The claim with the file that defines the build, and where it was called from.
    file: &'static str,
    /// The folder of such files, below the repository; if `None`, a file is named with its folder.
    folder: Option<&'static str>,
    /// The number of segments in the name of a repository.
    parts: std::ops::RangeInclusive<usize>,
    /// The claims that stay the same if a repository is renamed, and differ if it is created anew.
    ids: &'static [&'static str],
    /// The claim with the event that started a build.
    event: &'static str,
    /// The prefixes of events that belong to a pull request.
    pull_requests: &'static [&'static str],
    /// The claim with the full ref, and its prefix for a pull request.
    pull_request_ref: (&'static str, &'static str),
}

pub(super) static GITHUB: Spelling = Spelling {
    repository: "repository",
    file: "workflow_ref",
    folder: Some(".github/workflows/"),
    parts: 2..=2,
    ids: &["repository_id", "repository_owner_id"],
    event: "event_name",
    pull_requests: &["pull_request"],
    pull_request_ref: ("ref", "refs/pull/"),
};

pub(super) static GITLAB: Spelling = Spelling {
    repository: "project_path",
    file: "ci_config_ref_uri",
    folder: None,
    parts: 2..=21,
    ids: &["project_id", "namespace_id"],
    event: "pipeline_source",
    pull_requests: &["merge_request", "external_pull_request"],
    pull_request_ref: ("ref_path", "refs/merge-requests/"),
};

impl Spelling {
    /// Returns the claims that distinguish the build's repository from one created later under its name. Some forges
    /// write numbers.
    pub(super) fn identity(&self, build: &Map<String, Value>) -> BTreeMap<String, String> {
        let text = |value: &Value| match value {
            Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let ids = self.ids.iter().filter_map(|id| Some(((*id).to_owned(), text(build.get(*id)?)?)));
        ids.collect()
    }

    /// Returns why a build may belong to a pull request; `None` if it certainly does not.
    pub(super) fn pull_request(&self, build: &Map<String, Value>) -> Option<String> {
        let text = |claim: &str| build.get(claim).and_then(Value::as_str);
        let Some(event) = text(self.event) else {
            return Some(format!("the claim {} does not say which event started the build", self.event));
        };
        if self.pull_requests.iter().any(|begin| event.starts_with(begin)) {
            return Some(format!("{} is {}", self.event, shorten(event)));
        }
        let (claim, begin) = self.pull_request_ref;
        let reference = text(claim).filter(|reference| reference.starts_with(begin))?;
        Some(format!("{claim} is {}", shorten(reference)))
    }
}

/// A trusted build of a forge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Forge {
    spelling: &'static Spelling,
    repository: String,
    file: String,
    environment: Option<String>,
    /// The branch or tag, as the issuer spells it.
    reference: Option<String>,
}

impl Forge {
    pub(super) fn parse(
        spelling: &'static Spelling,
        claims: &Map<String, Value>,
    ) -> Result<Self, TrustClaimsError> {
        let known = [spelling.repository, spelling.file, "environment", "ref"];
        if let Some(unknown) = claims.keys().find(|name| !known.contains(&name.as_str())) {
            return Err(refused(format!(
                "the claim {} is not checked here: name only {}",
                shorten(unknown),
                known.join(", ")
            )));
        }
        let given = |name: &'static str| claims.get(name).filter(|value| !value.is_null());
        let optional = |name| given(name).map(|value| text(name, value)).transpose();
        let required = |name| optional(name)?.ok_or_else(|| refused(format!("the claim {name} is missing")));
        let file = given(spelling.file)
            .and_then(|claim| claim.get("file"))
            .ok_or_else(|| refused(format!("the claim {}.file is missing", spelling.file)))?;
        let forge = Self {
            spelling,
            repository: required(spelling.repository)?,
            file: text(spelling.file, file)?,
            environment: optional("environment")?,
            reference: optional("ref")?,
        };
        forge.check()?;
        Ok(forge)
    }

    fn check(&self) -> Result<(), TrustClaimsError> {
        let Spelling { repository, file, folder, parts, .. } = self.spelling;
        let is_plain = |text: &str| {
            text.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
                && !text.contains(['@', ':', '\\', '?', '#', '*'])
        };
        if !is_plain(&self.repository) || !parts.contains(&self.repository.split('/').count()) {
            return Err(refused(format!(
                "the claim {repository} must be the path of a repository, such as acme/pear"
            )));
        }
        let ending = self.file.rsplit_once('.').map(|(_, ending)| ending);
        let is_yaml = matches!(ending, Some("yml" | "yaml"));
        if !is_plain(&self.file) || !is_yaml || (folder.is_some() && self.file.contains('/')) {
            let where_it_is = folder.map_or("with its folder", |_| "without its folder");
            return Err(refused(format!(
                "the claim {file}.file must name a .yml or .yaml file, {where_it_is}"
            )));
        }
        Ok(())
    }

    pub(super) fn to_json(&self) -> Map<String, Value> {
        let mut claims = Map::new();
        claims.insert(self.spelling.repository.into(), self.repository.clone().into());
        claims.insert(self.spelling.file.into(), json!({ "file": self.file }));
        for (name, value) in [("environment", &self.environment), ("ref", &self.reference)] {
            if let Some(value) = value {
                claims.insert(name.into(), value.clone().into());
            }
        }
        claims
    }

    /// Returns the first claim in which a build differs.
    pub(super) fn mismatch(&self, build: &Map<String, Value>, host: &str) -> Option<&'static str> {
        let claim = |name: &str| build.get(name).and_then(Value::as_str);
        let Spelling { repository, file, .. } = self.spelling;
        // No two names on a forge differ only in capitals.
        if !claim(repository).is_some_and(|name| name.eq_ignore_ascii_case(&self.repository)) {
            return Some(repository);
        }
        if !claim(file).is_some_and(|told| self.is_file(told, host)) {
            return Some(file);
        }
        let differs = |name: &str, wanted: &Option<String>| {
            wanted.as_deref().is_some_and(|wanted| claim(name) != Some(wanted))
        };
        if differs("environment", &self.environment) {
            return Some("environment");
        }
        differs("ref", &self.reference).then_some("ref")
    }

    /// Whether this is the trusted file, on any branch: `acme/pear/.github/workflows/publish.yml@refs/heads/main` or
    /// `gitlab.example/acme/pear//.gitlab-ci.yml@refs/heads/main`.
    fn is_file(&self, told: &str, host: &str) -> bool {
        let (before, file) = match self.spelling.folder {
            Some(folder) => (format!("{}/{folder}", self.repository), &self.file),
            None => (format!("{host}/{}//", self.repository), &self.file),
        };
        let Some((begin, rest)) = told.split_at_checked(before.len()) else { return false };
        begin.eq_ignore_ascii_case(&before)
            && rest.strip_prefix(file.as_str()).is_some_and(|rest| rest.len() > 1 && rest.starts_with('@'))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{TrustClaims, TrustKind};
    use super::*;

    fn parse(kind: TrustKind, claims: &Value) -> Result<TrustClaims, String> {
        TrustClaims::parse(kind, claims.as_object().unwrap()).map_err(|error| error.to_string())
    }

    fn mismatch(trust: &TrustClaims, build: &Value) -> Option<String> {
        trust.mismatch(build.as_object().unwrap(), "gitlab.example")
    }

    #[test]
    fn a_workflow_of_github_is_distinguished_from_similar_ones() {
        let asked = json!({ "repository": "acme/pear", "workflow_ref": { "file": "publish.yml" }, "environment": "prod" });
        let trust = parse(TrustKind::Github, &asked).unwrap();
        assert_eq!(Value::Object(trust.to_json()), asked);
        let build = |repository: &str, workflow: &str, environment: &str| json!({ "repository": repository, "workflow_ref": workflow, "environment": environment });
        let file = "Acme/pear/.github/workflows/publish.yml@refs/tags/v1";
        assert_eq!(mismatch(&trust, &build("Acme/pear", file, "prod")), None);
        for (wrong, build) in [
            ("repository", build("acme/pear2", file, "prod")),
            (
                "workflow_ref",
                build("acme/pear", "acme/pear/.github/workflows/publish.yml2@refs/heads/x", "prod"),
            ),
            ("workflow_ref", build("acme/pear", "acme/pear/.github/workflows/publish.yml", "prod")),
            ("workflow_ref", build("acme/pear", "acme/pear/.github/workflows/publish.yml@", "prod")),
            (
                "workflow_ref",
                build("acme/pear", "eve/pear/.github/workflows/publish.yml@refs/heads/main", "prod"),
            ),
            (
                "workflow_ref",
                build("acme/pear", "acme/pear/.github/workflows/PUBLISH.yml@refs/heads/main", "prod"),
            ),
            ("workflow_ref", build("acme/pear", "é", "prod")),
            ("environment", build("acme/pear", file, "test")),
            ("environment", json!({ "repository": "acme/pear", "workflow_ref": file })),
        ] {
            assert_eq!(mismatch(&trust, &build).as_deref(), Some(wrong), "{build}");
        }
    }

    #[test]
    fn a_pipeline_of_gitlab_is_distinguished_from_similar_ones() {
        let asked = json!({
            "project_path": "acme/fruit/pear",
            "ci_config_ref_uri": { "file": "ci/publish.yml" },
            "ref": "main",
        });
        let trust = parse(TrustKind::Gitlab, &asked).unwrap();
        let build = |uri: &str, reference: &str| json!({ "project_path": "acme/fruit/pear", "ci_config_ref_uri": uri, "ref": reference });
        let file = "gitlab.example/acme/fruit/pear//ci/publish.yml@refs/heads/main";
        assert_eq!(mismatch(&trust, &build(file, "main")), None);
        assert_eq!(mismatch(&trust, &build(file, "dev")).as_deref(), Some("ref"));
        let elsewhere = file.replace("gitlab.example", "other.example");
        assert_eq!(mismatch(&trust, &build(&elsewhere, "main")).as_deref(), Some("ci_config_ref_uri"));
    }

    #[test]
    fn repositories_are_identified_by_stable_ids() {
        let identity = |kind: TrustKind, build: &Value| {
            let identity = kind.identity(build.as_object().unwrap());
            identity.iter().map(|(claim, id)| format!("{claim}={id}")).collect::<Vec<_>>().join(" ")
        };
        let github = json!({ "repository": "acme/pear", "repository_id": "7", "repository_owner_id": "8" });
        assert_eq!(identity(TrustKind::Github, &github), "repository_id=7 repository_owner_id=8");
        let gitlab = json!({ "project_path": "acme/pear", "project_id": "7", "namespace_id": 8, "repository_id": "9" });
        assert_eq!(identity(TrustKind::Gitlab, &gitlab), "namespace_id=8 project_id=7");
        assert_eq!(
            identity(TrustKind::Github, &json!({ "repository_id": "", "repository_owner_id": null })),
            ""
        );
        assert_eq!(identity(TrustKind::Claims, &github), "");
    }

    #[test]
    fn builds_of_pull_requests_are_recognized() {
        let doubt = |kind: TrustKind, build: &Value| kind.pull_request(build.as_object().unwrap());
        let event = |claim: &str, event: &str| json!({ claim: event });
        for (event_name, refused) in [
            ("push", false),
            ("release", false),
            ("workflow_dispatch", false),
            ("merge_group", false),
            ("pull_request", true),
            ("pull_request_target", true),
            ("pull_request_review", true),
        ] {
            let build = event("event_name", event_name);
            assert_eq!(doubt(TrustKind::Github, &build).is_some(), refused, "{event_name}");
        }
        for (source, refused) in [
            ("push", false),
            ("web", false),
            ("merge_request_event", true),
            ("external_pull_request_event", true),
        ] {
            let build = event("pipeline_source", source);
            assert_eq!(doubt(TrustKind::Gitlab, &build).is_some(), refused, "{source}");
        }
        for (kind, build) in [
            (TrustKind::Github, json!({})),
            (TrustKind::Github, json!({ "event_name": 7 })),
            (TrustKind::Github, json!({ "event_name": "push", "ref": "refs/pull/7/merge" })),
            (TrustKind::Gitlab, json!({ "event_name": "push" })),
            (
                TrustKind::Gitlab,
                json!({ "pipeline_source": "web", "ref_path": "refs/merge-requests/7/head" }),
            ),
        ] {
            assert!(doubt(kind, &build).is_some(), "{build}");
        }
        assert_eq!(doubt(TrustKind::Claims, &json!({ "event_name": "pull_request" })), None);
    }

    #[test]
    fn an_invalid_trust_is_rejected_with_advice() {
        let github = |repository: &str, file: &str| json!({ "repository": repository, "workflow_ref": { "file": file } });
        for (asked, word) in [
            (json!({}), "missing"),
            (json!({ "repository": "acme/pear" }), "workflow_ref.file is missing"),
            (github("acme", "a.yml"), "such as acme/pear"),
            (github("acme/../pear", "a.yml"), "such as acme/pear"),
            (github("acme/pear", "a.txt"), ".yaml"),
            (github("acme/pear", "x/a.yml"), "without its folder"),
            (github("acme/pear", "a.yml@x.yml"), ".yaml"),
            (github("", "a.yml"), "repository"),
            (
                json!({ "repository": "a/b", "workflow_ref": { "file": "a.yml" }, "branch": "x" }),
                "branch is not checked",
            ),
        ] {
            let refusal = parse(TrustKind::Github, &asked).unwrap_err();
            assert!(refusal.contains(word), "{asked}: {refusal}");
        }
    }

    #[test]
    fn builds_of_other_issuers_are_identified_by_any_claims() {
        let asked = json!({ "project": "7", "contexts": ["one", "two"] });
        let trust = parse(TrustKind::Claims, &asked).unwrap();
        assert_eq!(mismatch(&trust, &json!({ "project": "7", "contexts": ["two", "three", "one"] })), None);
        assert_eq!(
            mismatch(&trust, &json!({ "project": "7", "contexts": ["one"] })).as_deref(),
            Some("contexts")
        );
        assert_eq!(
            mismatch(&trust, &json!({ "project": 7, "contexts": ["one", "two"] })).as_deref(),
            Some("project")
        );
        assert!(parse(TrustKind::Claims, &json!({})).is_err());
        assert!(parse(TrustKind::Claims, &json!({ "aud": "npm" })).is_err());
    }
}
