use std::io::Write as _;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    REFERRER_POLICY, VARY, X_FRAME_OPTIONS,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use maud::{DOCTYPE, Markup, html};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::Registry;
use crate::domain::PackageName;
use crate::http::body::Body;
use crate::http::handle::Call;
use crate::http::negotiation::accepts_gzip;
use crate::web::{Asset, WebParts};

/// What a page may load and do: files of this registry, and nothing that is written in the page itself.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// Below this size, compression saves less than its headers cost.
const WORTH_COMPRESSING: usize = 1024;
/// What is escaped in a segment of an address.
const SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// What surrounds every page.
pub(in crate::http) struct Frame<'a> {
    pub(super) web: &'a WebParts,
    /// The path above the pages, such as `/npm`; empty at the root of a host.
    pub(super) root: String,
    /// The registry's URL as the browser reaches it.
    pub(super) base: Arc<str>,
    pub(super) account: Option<String>,
    pub(super) now: DateTime<Utc>,
    is_compressed: bool,
}

/// The files that the pages of logins load.
pub(in crate::http) struct LoginFrame<'a> {
    web: &'a WebParts,
    root: String,
}

impl<'a> Frame<'a> {
    pub(super) fn of(call: &Call<'a>) -> Self {
        let account = call.caller.name().map(str::to_owned);
        Self { account, ..Self::new(call.registry, call.request, call.base_url()) }
    }

    /// The frame for a viewer whose account is not known.
    pub(super) fn new(registry: &'a Registry, request: &Parts, base: Arc<str>) -> Self {
        let encodings = request.headers.get(ACCEPT_ENCODING).and_then(|header| header.to_str().ok());
        Self {
            web: &registry.parts.http.web,
            root: path_of(&base).to_owned(),
            base,
            account: None,
            now: registry.parts.http.clock.now(),
            is_compressed: accepts_gzip(encodings),
        }
    }

    /// The address of a package.
    pub(super) fn package(&self, name: &PackageName) -> String {
        format!("{}/package/{}", self.root, escaped(name.as_str()))
    }

    /// The address of a version.
    pub(super) fn version(&self, name: &PackageName, version: &str) -> String {
        format!("{}/v/{}", self.package(name), escape(version))
    }

    /// Renders a page. `title` begins what the browser shows as its title; `query` is in the search field at the top, which
    /// a page with its own field leaves out.
    pub(super) fn page(
        &self,
        status: StatusCode,
        title: &str,
        query: Option<&str>,
        body: &Markup,
    ) -> Response<Body> {
        let settings = &self.web.settings;
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                (head(self.web, &self.root, title))
                body {
                    a.skip href="#main" { "Skip to the content" }
                    header.top {
                        div.wrap {
                            (brand(self.web, &self.root))
                            @if let Some(query) = query { (self.search_form("top-search", query)) }
                            nav aria-label="Registry" {
                                a href={ (self.root) "/-/web/set-up" } { "Set up" }
                                @if let Some(account) = &self.account { span.muted { "as " (account) } }
                                span data-theme-switch {}
                            }
                        }
                    }
                    main id="main" { div.wrap { (body) } }
                    footer.foot {
                        div.wrap {
                            span { "Registry " code { (self.base) "/" } }
                            @for link in &settings.footer { a href=(link.url) rel="noopener" { (link.text) } }
                        }
                    }
                }
            }
        };
        self.respond(status, page.into_string())
    }

    /// The field for searches. The script makes it search as people type.
    pub(super) fn search_form(&self, id: &str, query: &str) -> Markup {
        let is_large = id == "search";
        html! {
            form.big[is_large] action={ (self.root) "/search" } role="search" data-search={ (self.root) "/-/v1/search?size=8&text=" }
                data-package={ (self.root) "/package/" } {
                div.find {
                    input id=(id) type="search" name="q" value=(query) aria-label="Search packages" placeholder="Search packages ( / )"
                        autocomplete="off" autocapitalize="none" spellcheck="false" autofocus[is_large];
                    @if is_large { button.primary type="submit" { "Search" } }
                }
            }
        }
    }

    fn respond(&self, status: StatusCode, page: String) -> Response<Body> {
        let mut bytes = page.into_bytes();
        let is_compressed = self.is_compressed && bytes.len() >= WORTH_COMPRESSING;
        if is_compressed {
            let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::new(4));
            if let Ok(compressed) = encoder.write_all(&bytes).and_then(|()| encoder.finish()) {
                bytes = compressed;
            }
        }
        let length = bytes.len();
        let mut response = Response::new(Body::from(bytes));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(CONTENT_LENGTH, length.into());
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        headers.insert(VARY, HeaderValue::from_static("accept, accept-encoding, authorization"));
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        if is_compressed {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }
}

impl<'a> LoginFrame<'a> {
    pub(in crate::http) fn of(call: &Call<'a>) -> Self {
        Self { web: &call.registry.parts.http.web, root: path_of(&call.base_url()).to_owned() }
    }

    /// Renders the page of a login: a title and what belongs below it.
    pub(in crate::http) fn document(&self, title: &str, body: &Markup) -> String {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                (login_head(self.web, &self.root, title))
                body {
                    header.top { div.wrap { (brand(self.web, &self.root)) } }
                    main id="main" { div.wrap { div.narrow { h1 { (title) } (body) } } }
                }
            }
        };
        page.into_string()
    }
}

/// The head of a page.
fn head(web: &WebParts, root: &str, title: &str) -> Markup {
    html! {
        head {
            (loaded(web, root))
            title { (title) " · " (web.settings.title) }
            script src=(address(root, &web.assets.script)) {}
        }
    }
}

/// The head of a page of a login, which runs no script: it asks for passwords.
fn login_head(web: &WebParts, root: &str, title: &str) -> Markup {
    html! { head { (loaded(web, root)) title { (title) } } }
}

fn loaded(web: &WebParts, root: &str) -> Markup {
    html! {
        meta charset="utf-8";
        meta name="viewport" content="width=device-width, initial-scale=1";
        link rel="stylesheet" href=(address(root, &web.assets.style));
        link rel="icon" href=(address(root, &web.assets.icon)) type="image/svg+xml";
    }
}

fn address(root: &str, asset: &Asset) -> String {
    format!("{root}/-/web/assets/{}", asset.name)
}

fn brand(web: &WebParts, root: &str) -> Markup {
    let picture = web.assets.logo.as_ref().unwrap_or(&web.assets.icon);
    html! {
        a.brand href={ (root) "/" } {
            img src={ (root) "/-/web/assets/" (picture.name) } alt="" height="24";
            (web.settings.title)
        }
    }
}

/// Lets a picture that is opened by itself load and run nothing.
pub(super) fn keep_inert(headers: &mut HeaderMap) {
    let policy = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox");
    headers.insert(CONTENT_SECURITY_POLICY, policy);
}

/// Returns the path of a URL, without a slash at its end.
fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or("", |at| rest[at..].trim_end_matches('/'))
}

/// Escapes a segment of an address.
pub(super) fn escape(segment: &str) -> String {
    utf8_percent_encode(segment, SEGMENT).to_string()
}

/// Escapes the segments of a path.
pub(super) fn escaped(path: &str) -> String {
    path.split('/').map(escape).collect::<Vec<_>>().join("/")
}
