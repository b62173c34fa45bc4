use chrono::{DateTime, Utc};
use registry_core::clock::{Clock as _, SystemClock};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::{FakeIssuer, Question, Signing, State};

/// What a build shows to ask for its identity: `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
pub const REQUEST_TOKEN: &str = "fake-request-token";

impl FakeIssuer {
    /// Where a build asks for its identity: `ACTIONS_ID_TOKEN_REQUEST_URL`. Every build gets these claims, and by the
    /// machine's clock five minutes to use them.
    pub fn serve_build(&self, claims: Value) -> String {
        self.state().build = Some(claims);
        format!("{}/build?api-version=2.0", self.url())
    }
}

impl State {
    pub(super) fn identity_of_build(&mut self, question: &Question) -> (u16, Value) {
        let audience = form_urlencoded::parse(question.query.as_bytes()).find(|(name, _)| name == "audience");
        let (Some(mut claims), Some((_, audience)), true) = (
            self.build.clone(),
            audience,
            question.authorization() == Some(&format!("Bearer {REQUEST_TOKEN}")),
        ) else {
            return (401, json!({ "message": "no build asks like this" }));
        };
        self.generations += 1;
        claims["jti"] = format!("build-{}", self.generations).into();
        claims["aud"] = audience.into();
        let now = SystemClock.now().timestamp();
        claims["iat"] = now.into();
        claims["nbf"] = now.into();
        claims["exp"] = (now + 300).into();
        let header = json!({ "typ": "JWT", "alg": "RS256", "kid": self.newest().id(Signing::Rs256) });
        let token = self.newest().sign(Signing::Rs256, &header, &claims);
        (200, json!({ "count": token.len(), "value": token }))
    }
}

/// What GitHub Actions says of a build of the main branch, good for five minutes from `now`.
pub fn github_claims(
    issuer: &str,
    repository: &str,
    workflow: &str,
    audience: &str,
    now: DateTime<Utc>,
) -> Value {
    let owner = repository.split('/').next().unwrap_or_default();
    let now = now.timestamp();
    json!({
        "jti": format!("{repository}-{workflow}-{now}"),
        "sub": format!("repo:{repository}:environment:prod"),
        "aud": audience,
        "iss": issuer,
        "iat": now,
        "nbf": now,
        "exp": now + 300,
        "ref": "refs/heads/main",
        "sha": "0123456789012345678901234567890123456789",
        "repository": repository,
        "repository_owner": owner,
        "repository_id": "1296269",
        "repository_owner_id": "583231",
        "repository_visibility": "private",
        "run_id": "30433642",
        "run_attempt": "1",
        "actor": "ana",
        "event_name": "release",
        "environment": "prod",
        "workflow": "publish",
        "workflow_ref": format!("{repository}/.github/workflows/{workflow}@refs/heads/main"),
        "job_workflow_ref": format!("{repository}/.github/workflows/{workflow}@refs/heads/main"),
        "runner_environment": "github-hosted",
    })
}

/// What GitLab says of a job of the main branch, good for five minutes from `now`.
pub fn gitlab_claims(issuer: &str, project: &str, file: &str, audience: &str, now: DateTime<Utc>) -> Value {
    let host = issuer.split("//").nth(1).unwrap_or_default();
    let now = now.timestamp();
    json!({
        "jti": format!("{project}-{file}-{now}"),
        "sub": format!("project_path:{project}:ref_type:branch:ref:main"),
        "aud": audience,
        "iss": issuer,
        "iat": now,
        "nbf": now - 5,
        "exp": now + 300,
        "project_path": project,
        "project_id": "22",
        "namespace_id": "72",
        "namespace_path": project.rsplit_once('/').map_or("", |(namespace, _)| namespace),
        "user_login": "ana",
        "pipeline_id": "1212",
        "pipeline_source": "push",
        "job_id": "3434",
        "ref": "main",
        "ref_type": "branch",
        "ref_path": "refs/heads/main",
        "ref_protected": "true",
        "ci_config_ref_uri": format!("{host}/{project}//{file}@refs/heads/main"),
        "project_visibility": "private",
    })
}
