use http::{Response, StatusCode};
use serde::Deserialize;
use serde_json::json;
use url::form_urlencoded;

use crate::Error;
use crate::access::Action;
use crate::domain::Version;
use crate::packages::VersionToCheck;
use crate::policy::{BlockRequest, RecallRequest};

use super::answer::json_response;
use super::body::Body;
use super::handle::Call;
use super::route::PolicyRoute;
use super::status::Failure;

/// The body of a check.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VersionsToCheck {
    packages: Vec<VersionToCheck>,
}

impl Call<'_> {
    pub(super) async fn policy(mut self, route: PolicyRoute) -> Result<Response<Body>, Failure> {
        let registry = self.registry;
        Ok(match route {
            PolicyRoute::Blocks => {
                let blocked = registry.blocked_versions(Some(&self.caller)).await?;
                json_response(StatusCode::OK, &json!({ "blocked": blocked }))
            }
            PolicyRoute::Block => {
                // Rejects an unauthenticated caller before the body is read.
                registry.authorization().require_signed_in(&self.caller, None, Action::Administer.into())?;
                let request: BlockRequest = self.json().await?;
                let versions = request.versions.as_deref().unwrap_or("*");
                self.confirm(format!("block the versions {versions:?} of {}", request.package));
                let blocked = registry.block_versions(Some(&self.caller), request).await?;
                json_response(StatusCode::CREATED, &json!(blocked))
            }
            PolicyRoute::Unblock { name } => {
                let query = self.request.uri.query().unwrap_or_default().as_bytes();
                let versions = form_urlencoded::parse(query).find(|(field, _)| field == "versions");
                let versions = versions.map(|(_, versions)| versions.into_owned());
                let range = versions.as_deref();
                self.confirm(format!("lift the block of the versions {:?} of {name}", range.unwrap_or("*")));
                let lifted = registry.unblock_versions(Some(&self.caller), &name, range).await?;
                json_response(StatusCode::OK, &json!(lifted))
            }
            PolicyRoute::Recalls => {
                let mut blocked = registry.blocked_versions(Some(&self.caller)).await?;
                blocked.retain(|entry| entry.recalled.is_some());
                json_response(StatusCode::OK, &json!({ "recalled": blocked }))
            }
            PolicyRoute::Recall => {
                registry.authorization().require_signed_in(&self.caller, None, Action::Administer.into())?;
                let request: RecallRequest = self.json().await?;
                self.confirm(format!("recall {}@{}", request.package, request.version));
                let recalled = registry.recall_version(Some(&self.caller), request).await?;
                json_response(StatusCode::CREATED, &json!(recalled))
            }
            PolicyRoute::RecallReport { name } => {
                let version = self.version_of_query()?;
                let report = registry.fetch_report(Some(&self.caller), &name, &version).await?;
                json_response(StatusCode::OK, &json!(report))
            }
            PolicyRoute::UndoRecall { name } => {
                let version = self.version_of_query()?;
                self.confirm(format!("undo the recall of {name}@{version}"));
                let undone = registry.undo_recall(Some(&self.caller), &name, &version).await?;
                json_response(StatusCode::OK, &json!(undone))
            }
            PolicyRoute::Check => {
                let question: VersionsToCheck = self.json().await?;
                let checked = registry.check_versions(&self.caller, question.packages).await?;
                json_response(StatusCode::OK, &json!({ "packages": checked }))
            }
            PolicyRoute::Explain { name, version } => {
                let explained =
                    registry.explain_versions(Some(&self.caller), &name, version.as_deref()).await?;
                json_response(StatusCode::OK, &json!({ "name": name, "versions": explained }))
            }
        })
    }

    /// The version that the query names, as in `?version=1.0.0`.
    fn version_of_query(&self) -> Result<Version, Error> {
        let query = self.request.uri.query().unwrap_or_default().as_bytes();
        let version = form_urlencoded::parse(query).find(|(field, _)| field == "version");
        let (_, version) = version.ok_or_else(|| Error::request("name the version, as in ?version=1.0.0"))?;
        Version::parse(&version).map_err(Into::into)
    }
}
