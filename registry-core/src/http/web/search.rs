use http::{Response, StatusCode};
use maud::{Markup, html};
use serde_json::Value;
use url::form_urlencoded;

use crate::domain::PackageName;
use crate::http::body::Body;
use crate::http::status::Failure;
use crate::search::{SearchHit, SearchQuery};
use crate::web::{count, since};

use super::viewer::Viewer;

/// How many hits are on a page.
const SIZE: usize = 25;
/// The hits that can be reached.
const LAST: usize = 10_000;

impl Viewer<'_> {
    pub(super) async fn search(&self) -> Result<Response<Body>, Failure> {
        let text = self.field("q").unwrap_or_default();
        if text.trim().is_empty() {
            let body = html! { h1 { "Search" } p.lead { "Type a name or a word in the field above. "
            code { "scope:acme" } ", " code { "author:ana" } " and " code { "keywords:cli" } " narrow a search." } };
            return Ok(self.frame.page(StatusCode::OK, "Search", Some(""), &body));
        }
        let from = self.field("from").and_then(|from| from.parse().ok()).unwrap_or(0).min(LAST);
        let query = SearchQuery { text: text.clone(), from, size: SIZE, ..SearchQuery::default() };
        let page = self.registry.search(&self.caller, &query).await?;
        let found = count(page.total, "package");
        let next = from + SIZE;
        let body = html! {
            h1 { "Packages for “" (text) "”" }
            p.meta { span { (found) } @if !page.is_complete { span.mark.info { "still indexing: this may miss some" } } }
            @if page.hits.is_empty() {
                p.lead { "No package that you may see matches. Try fewer or shorter words." }
            }
            ul.list {
                @for hit in &page.hits {
                    @match hit {
                        SearchHit::Hosted(hit) => { (self.entry(hit)) }
                        SearchHit::Upstream(hit) => { (self.upstream_entry(hit)) }
                    }
                }
            }
            nav.meta aria-label="Pages of hits" {
                @if from > 0 { a href=(self.page_of(&text, from.saturating_sub(SIZE))) rel="prev" { "Previous" } }
                @if (next as u64) < page.total && next <= LAST { a href=(self.page_of(&text, next)) rel="next" { "Next" } }
            }
        };
        Ok(self.frame.page(StatusCode::OK, &format!("{text} — search"), Some(&text), &body))
    }

    fn page_of(&self, text: &str, from: usize) -> String {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("q", text)
            .append_pair("from", &from.to_string())
            .finish();
        format!("{}/search?{query}", self.frame.root)
    }

    /// A package of an upstream, as the upstream describes it.
    fn upstream_entry(&self, hit: &Value) -> Markup {
        let package = &hit["package"];
        let text = |field: &str| package[field].as_str().unwrap_or_default();
        let Ok(name) = PackageName::parse(text("name")) else { return html! {} };
        let date = text("date").parse().ok();
        html! {
            li {
                div.row {
                    a.name href=(self.frame.package(&name)) { (name) }
                    span.mono.muted { (text("version")) }
                    span.mark { "upstream" }
                    div.meta {
                        @if let Some(publisher) = package["publisher"]["username"].as_str() { span { "by " (publisher) } }
                        @if let Some(date) = date { span { (since(date, self.frame.now)) } }
                    }
                }
                @if !text("description").is_empty() { p { (text("description")) } }
            }
        }
    }
}
