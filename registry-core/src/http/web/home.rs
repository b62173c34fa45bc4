use http::{Response, StatusCode};
use maud::{Markup, html};

use crate::http::body::Body;
use crate::http::status::Failure;
use crate::search::HostedHit;
use crate::web::since;

use super::viewer::Viewer;

/// How many packages are listed.
const LISTED: usize = 20;

impl Viewer<'_> {
    pub(super) async fn home(&self) -> Result<Response<Body>, Failure> {
        let newest = self.registry.newest_packages(&self.caller, LISTED).await?;
        let body = html! {
            h1 { (self.frame.web.settings.title) }
            (self.frame.search_form("search", ""))
            @if newest.is_empty() {
                (self.nothing_yet())
            } @else {
                section aria-labelledby="newest" {
                    h2 id="newest" { "Newest versions" }
                    ul.list { @for hit in &newest { (self.entry(hit)) } }
                }
            }
        };
        Ok(self.frame.page(StatusCode::OK, "Packages", None, &body))
    }

    /// A package in a list.
    pub(super) fn entry(&self, hit: &HostedHit) -> Markup {
        let entry = &hit.entry;
        let date = entry.date.as_deref().and_then(|date| date.parse().ok());
        html! {
            li {
                div.row {
                    a.name href=(self.frame.package(&hit.name)) { (hit.name) }
                    span.mono.muted { (entry.version) }
                    @if entry.deprecated { span.mark.warn { "deprecated" } }
                    @if entry.restricted { span.mark { "restricted" } }
                    div.meta {
                        @if let Some(license) = &entry.license { span { (license) } }
                        @if let Some(publisher) = &entry.publisher { span { "by " (publisher.name) } }
                        @if let Some(date) = date { span { (since(date, self.frame.now)) } }
                    }
                }
                @if !entry.description.is_empty() { p { (entry.description) } }
            }
        }
    }

    /// Says how to publish the first package.
    fn nothing_yet(&self) -> Markup {
        let registry = format!("{}/", self.frame.base);
        let steps = [
            ("Sign in", format!("npm login --registry={registry}")),
            ("Make a package, or go to one", "mkdir pear && cd pear && npm init --yes".to_owned()),
            ("Publish it", format!("npm publish --registry={registry}")),
        ];
        html! {
            section aria-labelledby="first" {
                h2 id="first" { "No package that you may see yet" }
                p.lead { "Three commands publish the first one. If you have an account here, there may be packages that only show with it." }
                ol.steps {
                    @for (what, command) in &steps {
                        li { (what) div.copy data-copy { pre.code { code { (command) } } } }
                    }
                }
                p.lead { a href={ (self.frame.root) "/-/web/set-up" } { "Set up other clients, a project or a build" } }
            }
        }
    }
}
