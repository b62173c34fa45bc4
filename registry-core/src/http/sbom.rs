use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};

use crate::domain::{PackageName, Version};
use crate::packages::SbomSubject;

use super::answer::json_response;
use super::body::Body;
use super::handle::Call;
use super::status::Failure;

impl Call<'_> {
    pub(super) async fn sbom(self, name: PackageName, version: Version) -> Result<Response<Body>, Failure> {
        let base = self.base_url();
        let subject = SbomSubject::Package(name, Some(version));
        let document = self.registry.sbom(Some(&self.caller), &subject, &base).await?;
        let mut response = json_response(StatusCode::OK, &document);
        let kind = HeaderValue::from_static("application/vnd.cyclonedx+json; version=1.6");
        response.headers_mut().insert(CONTENT_TYPE, kind);
        Ok(response)
    }
}
