//! Trusted publishing: which builds may publish a package, by the claims of an issuer.

mod exact;
mod forge;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use forge::Forge;

/// How the builds of an issuer are identified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrustKind {
    /// By the claims of GitHub Actions: `repository`, the workflow file, optionally an `environment`.
    Github,
    /// By the claims of GitLab: `project_path`, the pipeline file, optionally an `environment`.
    Gitlab,
    /// By any claims, each of which a build must have verbatim.
    Claims,
}

impl TrustKind {
    fn spelling(self) -> Option<&'static forge::Spelling> {
        match self {
            Self::Github => Some(&forge::GITHUB),
            Self::Gitlab => Some(&forge::GITLAB),
            Self::Claims => None,
        }
    }

    /// Returns the claims that distinguish the build's repository from one created later under the same name: claim →
    /// id. Empty if the issuer has no such claims.
    pub fn identity(self, build: &Map<String, Value>) -> BTreeMap<String, String> {
        self.spelling().map(|spelling| spelling.identity(build)).unwrap_or_default()
    }

    /// Returns why a build may belong to a pull request, which any account of the forge can open; `None` if it
    /// certainly does not, and for builds identified by any claims.
    pub fn pull_request(self, build: &Map<String, Value>) -> Option<String> {
        self.spelling()?.pull_request(build)
    }
}

/// Why a trust configuration is invalid. The text is for the caller that sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct TrustClaimsError(String);

/// The claims that a trusted build must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TrustClaims(Inner);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Inner {
    Forge(Forge),
    Exact(BTreeMap<String, Value>),
}

/// The longest recorded claim, in bytes.
const LONGEST_TOLD: usize = 255;

/// Claims that identify a build to a person.
const TOLD: [&str; 19] = [
    "sub",
    "repository",
    "repository_id",
    "repository_owner_id",
    "workflow_ref",
    "environment",
    "ref",
    "sha",
    "run_id",
    "run_attempt",
    "actor",
    "event_name",
    "project_path",
    "project_id",
    "namespace_id",
    "pipeline_source",
    "ci_config_ref_uri",
    "pipeline_id",
    "job_id",
];

impl TrustClaims {
    /// Parses the claims of `npm trust`. Rejects an unknown claim, so that no caller believes it is checked.
    pub(crate) fn parse(kind: TrustKind, claims: &Map<String, Value>) -> Result<Self, TrustClaimsError> {
        Ok(Self(match kind {
            TrustKind::Github => Inner::Forge(Forge::parse(&forge::GITHUB, claims)?),
            TrustKind::Gitlab => Inner::Forge(Forge::parse(&forge::GITLAB, claims)?),
            TrustKind::Claims => Inner::Exact(exact::parse(claims)?),
        }))
    }

    /// Returns the claims as JSON, as they are sent.
    pub(crate) fn to_json(&self) -> Map<String, Value> {
        match &self.0 {
            Inner::Forge(forge) => forge.to_json(),
            Inner::Exact(claims) => claims.clone().into_iter().collect(),
        }
    }

    /// Returns the first claim in which a build differs from the trusted one; `None` if it matches. `host` is the
    /// issuer's.
    pub(crate) fn mismatch(&self, build: &Map<String, Value>, host: &str) -> Option<String> {
        match &self.0 {
            Inner::Forge(forge) => forge.mismatch(build, host).map(str::to_owned),
            Inner::Exact(claims) => exact::mismatch(claims, build),
        }
    }

    /// Returns the claims to record of a build: those that identify it, each text truncated.
    pub(crate) fn told(&self, build: &Map<String, Value>) -> BTreeMap<String, String> {
        let mut told = BTreeMap::new();
        let asked = match &self.0 {
            Inner::Forge(_) => Vec::new(),
            Inner::Exact(claims) => claims.keys().map(String::as_str).collect(),
        };
        for name in TOLD.into_iter().chain(asked) {
            if let Some(text) = build.get(name).and_then(Value::as_str) {
                let end = text.floor_char_boundary(LONGEST_TOLD);
                told.insert(name.to_owned(), text[..end].to_owned());
            }
        }
        told
    }
}

fn refused(reason: impl Into<String>) -> TrustClaimsError {
    TrustClaimsError(reason.into())
}

/// Returns a text of the configuration, which must be present and of bounded length.
fn text(name: &str, value: &Value) -> Result<String, TrustClaimsError> {
    /// Longer than the longest known path of a project.
    const LONGEST: usize = 512;
    let text = value.as_str().filter(|text| {
        !text.is_empty()
            && text.len() <= LONGEST
            && !text.chars().any(char::is_control)
            && text.trim() == *text
    });
    text.map(str::to_owned).ok_or_else(|| {
        refused(format!("the claim {name} must be a text of 1 to {LONGEST} bytes without spaces at its ends"))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_mismatch_names_the_first_claim_that_differs() {
        let asked = json!({ "repository": "acme/pear", "workflow_ref": { "file": "publish.yml" } });
        let claims = TrustClaims::parse(TrustKind::Github, asked.as_object().unwrap()).unwrap();
        let build = json!({
            "repository": "acme/pear",
            "workflow_ref": "acme/pear/.github/workflows/publish.yml@refs/heads/main",
        });
        assert_eq!(claims.mismatch(build.as_object().unwrap(), "issuer.example"), None);
        let fork = json!({ "repository": "eve/pear" });
        let mismatch = claims.mismatch(fork.as_object().unwrap(), "issuer.example");
        assert_eq!(mismatch.as_deref(), Some("repository"));
    }
}
