use http::{Response, StatusCode};
use serde_json::json;

use crate::Error;
use crate::domain::{DistTag, PackageName, Version};

use super::answer::json_response;
use super::body::Body;
use super::handle::Call;
use super::status::Failure;

impl Call<'_> {
    pub(super) async fn dist_tags(self, name: PackageName) -> Result<Response<Body>, Failure> {
        let dist_tags = self.registry.dist_tags(&self.caller, &name).await?;
        Ok(json_response(StatusCode::OK, &json!(dist_tags)))
    }

    pub(super) async fn set_dist_tag(
        mut self,
        name: PackageName,
        tag: DistTag,
    ) -> Result<Response<Body>, Failure> {
        self.registry.require_signed_in(&self.caller, Some(&name), "publish")?;
        let version: String = self.json().await?;
        let version = Version::parse(&version).map_err(Error::from)?;
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
