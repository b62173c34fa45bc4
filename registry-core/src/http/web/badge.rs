use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Response};
use maud::html;

use crate::domain::PackageName;
use crate::http::body::Body;
use crate::http::status::Failure;

use super::frame::keep_inert;
use super::viewer::Viewer;

/// The width of a sign in the font that browsers choose, with room to spare.
const SIGN: usize = 7;
const MARGIN: usize = 8;
/// The longest texts, in signs.
const LONGEST: usize = 60;

impl Viewer<'_> {
    /// The name and the latest version as a small picture.
    pub(super) async fn badge(&self, name: &PackageName) -> Result<Response<Body>, Failure> {
        let package = self.package(name).await?;
        let label: String = name.as_str().chars().take(LONGEST).collect();
        let version: String = package.select(None)?.version.as_str().chars().take(LONGEST).collect();
        let width = |text: &str| text.chars().count() * SIGN + 2 * MARGIN;
        let (left, right) = (width(&label), width(&version));
        let svg = html! {
            svg xmlns="http://www.w3.org/2000/svg" width=(left + right) height="20" role="img" aria-label={ (label) ": " (version) }
                font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" {
                title { (label) ": " (version) }
                rect width=(left) height="20" fill="#3b424a" {}
                rect x=(left) width=(right) height="20" fill=(self.frame.web.settings.accent.light()) {}
                text x=(left / 2) y="14" fill="#fff" text-anchor="middle" textLength=(left - 2 * MARGIN) { (label) }
                text x=(left + right / 2) y="14" fill="#fff" text-anchor="middle" textLength=(right - 2 * MARGIN) { (version) }
            }
        };
        let svg = svg.into_string();
        let length = svg.len();
        let mut response = Response::new(Body::from(svg));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("image/svg+xml"));
        headers.insert(CONTENT_LENGTH, length.into());
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        keep_inert(headers);
        Ok(response)
    }
}
