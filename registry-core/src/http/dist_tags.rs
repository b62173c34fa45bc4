use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderValue, Response, StatusCode};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::Error;
use crate::access::Action;
use crate::domain::{DistTag, PackageName, Version};

use super::answer::{json_bytes, json_response};
use super::body::Body;
use super::conditional::not_modified;
use super::handle::Call;
use super::status::Failure;

impl Call<'_> {
    pub(super) async fn dist_tags(self, name: PackageName) -> Result<Response<Body>, Failure> {
        let dist_tags = self.registry.dist_tags(&self.caller, &name).await?;
        let json = json!(dist_tags).to_string();
        let etag = format!("\"{}\"", const_hex::encode(&Sha256::digest(&json)[..16]));
        let now = || self.registry.parts.http.clock.now();
        let unchanged = not_modified(self.header(IF_NONE_MATCH), None, &etag, None, now);
        let mut response = json_bytes(StatusCode::OK, json);
        if unchanged {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            *response.body_mut() = Body::empty();
            response.headers_mut().remove(CONTENT_LENGTH);
            response.headers_mut().remove(CONTENT_TYPE);
        }
        let etag = HeaderValue::from_str(&etag).map_err(|error| Error::Internal(error.into()))?;
        response.headers_mut().insert(ETAG, etag);
        Ok(response)
    }

    pub(super) async fn set_dist_tag(
        mut self,
        name: PackageName,
        tag: DistTag,
    ) -> Result<Response<Body>, Failure> {
        self.registry.authorization().require_signed_in(&self.caller, Some(&name), Action::Publish.into())?;
        let version: String = self.json().await?;
        let version = Version::parse(&version).map_err(Error::from)?;
        self.confirm(format!("set the dist-tag {tag} of {name} to {version}"));
        self.registry.set_dist_tag(&self.caller, &name, tag, version).await?;
        self.answer_with_tags(&name).await
    }

    pub(super) async fn remove_dist_tag(
        self,
        name: PackageName,
        tag: String,
    ) -> Result<Response<Body>, Failure> {
        self.registry.remove_dist_tag(&self.caller, &name, &tag).await?;
        self.answer_with_tags(&name).await
    }

    async fn answer_with_tags(&self, name: &PackageName) -> Result<Response<Body>, Failure> {
        let dist_tags = self.registry.dist_tags(&self.caller, name).await?;
        let answer = json!({ "ok": true, "success": true, "id": name, "dist-tags": dist_tags });
        Ok(json_response(StatusCode::OK, &answer))
    }
}
