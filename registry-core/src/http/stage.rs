use futures::StreamExt as _;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

use crate::Error;
use crate::access::Action;
use crate::concurrency::compute_elsewhere;
use crate::domain::publication::Publication;
use crate::domain::{PackageName, StageId};
use crate::packages::stage::StagedItem;

use super::answer::json_response;
use super::body::Body;
use super::handle::Call;
use super::paging::Page;
use super::route::StageRoute;
use super::status::Failure;

impl Call<'_> {
    pub(super) async fn stage(self, route: StageRoute) -> Result<Response<Body>, Failure> {
        match route {
            StageRoute::Submit { name } => self.submit(name).await,
            StageRoute::List => self.staged_versions().await,
            StageRoute::View { id } => {
                let item = self.registry.staged(&self.caller, id).await?;
                Ok(json_response(StatusCode::OK, &described(&item)))
            }
            StageRoute::Tarball { id } => self.staged_tarball(id).await,
            StageRoute::Approve { id } => {
                let (name, version) = self.registry.approve_stage(&self.caller, id).await?;
                let message = format!("{name}@{version} is approved and published");
                let answer = json!({ "ok": true, "success": true, "message": message });
                Ok(json_response(StatusCode::CREATED, &answer))
            }
            StageRoute::Reject { id } => {
                self.registry.reject_stage(&self.caller, id).await?;
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::NO_CONTENT;
                Ok(response)
            }
        }
    }

    async fn submit(self, name: PackageName) -> Result<Response<Body>, Failure> {
        // Rejects an unauthenticated caller before a body of up to a hundred megabytes is read.
        self.registry.authorization().require_signed_in(&self.caller, Some(&name), Action::Publish.into())?;
        let limits = self.registry.parts.http.limits;
        let body = self.body.read(limits.publish_body_bytes).await?;
        let read = move || Publication::from_document(&name, &body, &limits).map_err(Error::from);
        let publication = compute_elsewhere(read).await.map_err(Error::from)??;
        let what = format!("{}@{}", publication.name, publication.version);
        let id = self.registry.stage(&self.caller, publication).await?;
        let message = format!("{what} is staged: no client sees it until a user approves it");
        let answer = json!({ "ok": true, "success": true, "message": message, "stageId": id });
        Ok(json_response(StatusCode::CREATED, &answer))
    }

    async fn staged_versions(self) -> Result<Response<Body>, Failure> {
        let query = self.request.uri.query();
        let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        let package = pairs.into_iter().find(|(key, _)| key == "package");
        let package = package.map(|(_, name)| PackageName::parse(&name)).transpose().map_err(Error::from)?;
        let page = Page::of(query);
        let items = self.registry.staged_versions(&self.caller, package.as_ref()).await?;
        let answer = json!({
            "items": page.of_list(&items).iter().map(described).collect::<Vec<_>>(),
            "page": page.number(),
            "perPage": page.size(),
            "total": items.len(),
        });
        Ok(json_response(StatusCode::OK, &answer))
    }

    async fn staged_tarball(self, id: StageId) -> Result<Response<Body>, Failure> {
        let blob = self.registry.open_staged_tarball(&self.caller, id).await?;
        let length = blob.length;
        let stream = blob.stream.map(|chunk| chunk.map_err(Into::into)).boxed();
        let mut response = Response::new(Body::stream(stream, length));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        headers.insert(CONTENT_LENGTH, length.into());
        // It may be gone a moment later, and no other client may see it.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
        Ok(response)
    }
}

/// Renders a staged version in npm's format.
fn described(item: &StagedItem) -> Value {
    let StagedItem { name, version, staged, is_public } = item;
    json!({
        "id": staged.id,
        "packageName": name,
        "version": version,
        "tag": staged.tag,
        "createdAt": staged.created,
        "actor": staged.actor,
        "actorType": if staged.automated { "trusted automation" } else { "user" },
        "access": if *is_public { "public" } else { "restricted" },
        "shasum": staged.shasum,
        "integrity": staged.integrity,
    })
}
