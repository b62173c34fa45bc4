//! The web pages: each reads packages by the operations that the JSON and tarball routes use, with the same caller, so
//! that no page shows what its viewer may not read.

mod access;
mod badge;
mod command_tabs;
mod cross_origin;
mod dependencies;
mod diff;
mod facts;
mod files;
mod frame;
mod home;
mod overview;
mod package;
mod picture;
mod provenance;
mod search;
mod set_up;
mod tarball;
mod versions;
mod viewer;

use std::sync::Arc;

use http::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, VARY,
    WWW_AUTHENTICATE,
};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use maud::html;

use crate::Registry;

use super::body::Body;
use super::handle::Call;
use super::negotiation::{accepts_gzip, prefers_page};
use super::route::{PackagePage, RouteError, WebRoute};
use super::status::{Failure, status, told, wait};

pub(super) use cross_origin::{is_for_other_sites, share};
use frame::Frame;
pub(super) use frame::LoginFrame;
use viewer::Viewer;

/// The `Cache-Control` of a file whose name changes with its content.
const FOREVER: HeaderValue = HeaderValue::from_static("public, immutable, max-age=31536000");

/// Whether a request comes from a browser that opens an address.
pub(super) fn is_browser(request: &Parts) -> bool {
    prefers_page(request.headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()))
}

/// Renders what went wrong before there was an operation, for a browser.
pub(super) fn failure_page(
    registry: &Registry,
    request: &Parts,
    base: Arc<str>,
    failure: &Failure,
) -> Response<Body> {
    failed(&Frame::new(registry, request, base), failure)
}

impl Call<'_> {
    /// Answers with a page, also where the operation fails, since a person reads it.
    pub(super) async fn web(self, route: WebRoute) -> Result<Response<Body>, Failure> {
        if let WebRoute::Asset { file } = &route {
            return self.asset(file);
        }
        let viewer = Viewer::of(&self);
        let is_picture =
            matches!(route, WebRoute::Package { page: PackagePage::Picture { .. } | PackagePage::Badge, .. });
        match answer(&viewer, route).await {
            Err(failure) if !is_picture => Ok(failed(&viewer.frame, &failure)),
            answer => answer,
        }
    }

    fn asset(&self, file: &str) -> Result<Response<Body>, Failure> {
        let web = &self.registry.parts.http.web;
        let asset = web.assets.find(file).ok_or(Failure::Route(RouteError::NotFound))?;
        let is_compressed =
            accepts_gzip(self.header(ACCEPT_ENCODING)) && asset.gzip.len() < asset.bytes.len();
        let bytes = if is_compressed { &asset.gzip } else { &asset.bytes };
        let mut response = Response::new(Body::from(bytes.clone()));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
        headers.insert(CONTENT_LENGTH, bytes.len().into());
        headers.insert(CACHE_CONTROL, FOREVER);
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        if is_compressed {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        if asset.media_type == "image/svg+xml" {
            frame::keep_inert(headers);
        }
        Ok(response)
    }
}

async fn answer(viewer: &Viewer<'_>, route: WebRoute) -> Result<Response<Body>, Failure> {
    let (name, version, page) = match route {
        WebRoute::Home => return viewer.home().await,
        WebRoute::Search => return viewer.search().await,
        WebRoute::SetUp => return Ok(viewer.set_up()),
        WebRoute::Asset { .. } => return Err(Failure::Route(RouteError::NotFound)),
        WebRoute::Package { name, version, page } => (name, version, page),
    };
    let version = version.as_deref();
    match page {
        PackagePage::Overview => viewer.overview(&name, version).await,
        PackagePage::Versions => viewer.versions(&name).await,
        PackagePage::Dependencies => viewer.dependencies(&name, version).await,
        PackagePage::Access => viewer.access(&name).await,
        PackagePage::Files { path } => viewer.files(&name, version, &path).await,
        PackagePage::Picture { path } => viewer.picture(&name, version, &path).await,
        PackagePage::Diff { versions } => viewer.diff(&name, versions).await,
        PackagePage::Badge => viewer.badge(&name).await,
    }
}

/// Renders a failure in the frame of the pages. A package that the viewer may not see and one that does not exist have
/// the same failure, and so the same page.
fn failed(frame: &Frame<'_>, failure: &Failure) -> Response<Body> {
    let (status, text) = (status(failure), told(failure));
    let title = match status {
        StatusCode::NOT_FOUND => "Not found",
        StatusCode::UNAUTHORIZED => "Sign in to see this",
        StatusCode::FORBIDDEN => "Not allowed",
        StatusCode::BAD_REQUEST => "This address is not valid",
        StatusCode::TOO_MANY_REQUESTS => "Too many requests",
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => {
            "Not available now"
        }
        _ => "This did not work",
    };
    let body = html! {
        h1 { (title) }
        p.lead role="alert" { (text) "." }
        @if status == StatusCode::UNAUTHORIZED {
            p.lead { "These pages show what callers without an account may read. With an account, use npm: "
                code { "npm view" } " and " code { "npm install" } " send your token. "
                a href={ (frame.root) "/-/web/set-up" } { "Set up a client" } }
        }
        p.lead { a href={ (frame.root) "/" } { "All packages" } }
    };
    let mut response = frame.page(status, title, Some(""), &body);
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(seconds) = wait(failure) {
        response.headers_mut().insert(http::header::RETRY_AFTER, seconds.into());
    }
    if let Failure::Route(RouteError::MethodNotAllowed { allow }) = failure {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    }
    response
}
