use std::collections::BTreeSet;

use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Response};

use crate::domain::PackageName;
use crate::http::body::Body;
use crate::http::route::RouteError;
use crate::http::status::Failure;

use super::frame::keep_inert;
use super::viewer::Viewer;

/// The pictures that browsers show, by the end of their names.
const FORMATS: [(&str, &str); 8] = [
    (".png", "image/png"),
    (".jpg", "image/jpeg"),
    (".jpeg", "image/jpeg"),
    (".gif", "image/gif"),
    (".webp", "image/webp"),
    (".avif", "image/avif"),
    (".svg", "image/svg+xml"),
    (".ico", "image/x-icon"),
];

/// Returns the media type of a picture; `None` for any other file.
pub(super) fn media_type(path: &str) -> Option<&'static str> {
    let path = path.to_ascii_lowercase();
    FORMATS.iter().find(|(extension, _)| path.ends_with(extension)).map(|(_, media_type)| *media_type)
}

impl Viewer<'_> {
    /// A picture in a version, as readmes show it. No other file is served by itself: a page of a package must not run as
    /// one of this registry.
    pub(super) async fn picture(
        &self,
        name: &PackageName,
        selector: Option<&str>,
        path: &str,
    ) -> Result<Response<Body>, Failure> {
        let media_type = media_type(path).ok_or(Failure::Route(RouteError::NotFound))?;
        let package = self.package(name).await?;
        let listed = package.select(selector)?;
        let tarball = self.registry.find_tarball(&self.caller, name, &listed.version).await?;
        let cache_control = if selector == Some(listed.version.as_str()) {
            tarball.cache_control()
        } else {
            "private, no-cache"
        };
        let texts = self.texts(&tarball, BTreeSet::from([path.to_owned()])).await?;
        let bytes = texts.ok().and_then(|mut texts| texts.remove(path));
        let bytes = bytes.ok_or(Failure::Route(RouteError::NotFound))?;
        let length = bytes.len();
        let mut response = Response::new(Body::from(bytes));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        headers.insert(CONTENT_LENGTH, length.into());
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache_control));
        keep_inert(headers);
        Ok(response)
    }
}
