use http::{Response, StatusCode};
use maud::{Markup, html};
use url::form_urlencoded;

use crate::Error;
use crate::domain::range::Range;
use crate::domain::{PackageName, Version};
use crate::error::RequestError;
use crate::http::body::Body;
use crate::http::status::Failure;
use crate::web::{Dot, ListedVersion, bytes, count, since, thousands, timeline};

use super::package::Tab;
use super::viewer::{ShownPackage, Viewer};

/// How many versions are on a page.
const SIZE: usize = 200;
/// The most dots of the timeline.
const MOST_DOTS: usize = 5_000;
/// The most blocked versions that are listed with their reasons.
const MOST_BLOCKED: usize = 200;

/// Which versions to list.
struct Filter {
    range: Option<String>,
    parsed: Option<Range>,
    has_prereleases: bool,
    page: usize,
}

impl Viewer<'_> {
    /// All versions of a package, as a plot and as a table.
    pub(super) async fn versions(&self, name: &PackageName) -> Result<Response<Body>, Failure> {
        let package = self.package(name).await?;
        let listed = package.select(None)?;
        let manifest = package.view.manifest(listed);
        let filter = self.filter();
        let downloads = match self.registry.version_downloads(&self.caller, name).await {
            Ok(downloads) => Some(downloads),
            Err(Error::Request(RequestError::NoDownloads) | Error::Package(_)) => None,
            Err(error) => return Err(error.into()),
        };
        let all = &package.view.versions;
        let fitting: Vec<_> = all.iter().filter(|listed| filter.fits(&listed.version)).collect();
        let hidden = all.iter().filter(|listed| listed.version.is_prerelease()).count();
        let shown = fitting.iter().skip(filter.page * SIZE).take(SIZE);
        let mut major = None;
        let body = html! {
            (self.package_head(&package, listed, &manifest, Tab::Versions))
            (self.plot(&package))
            form.form {
                div { label for="range" { "Range, as npm reads it" } br; input id="range" name="range" placeholder="^2.1" value=[&filter.range] spellcheck="false" autocapitalize="none"; }
                @if filter.has_prereleases { input type="hidden" name="prereleases" value="1"; }
                button type="submit" { "Filter" }
                @if filter.range.is_some() { a href=(self.address(name, None, filter.has_prereleases, 0)) { "all versions" } }
            }
            @if filter.range.is_some() && filter.parsed.is_none() {
                p.note.warn role="alert" { "This is not a range that npm reads, such as ^2.1, >=1 <3 or 1.x. All versions are listed." }
            }
            div.scroll tabindex="0" role="region" aria-label="Versions" {
                table {
                    caption {
                        (count(fitting.len() as u64, "version"))
                        @if hidden > 0 && filter.parsed.is_none() && !filter.has_prereleases {
                            "; " (count(hidden as u64, "prerelease")) " folded: "
                            a href=(self.address(name, filter.range.as_deref(), true, 0)) { "show them" }
                        }
                    }
                    thead { tr {
                        th scope="col" { "version" } th scope="col" { "tags" } th scope="col" { "published" } th scope="col" { "by" }
                        th.n scope="col" { "size" } th.n scope="col" { "dependencies" }
                        @if downloads.is_some() { th.n scope="col" { "this week" } }
                        th scope="col" { "signed" } th scope="col" { "compare" }
                    } }
                    tbody {
                        @for listed in shown {
                            @let of = listed.version.as_str().split('.').next().unwrap_or_default();
                            @if major.replace(of) != Some(of) { tr.group { th colspan="9" scope="rowgroup" { (of) ".x" } } }
                            (self.row(&package, listed, downloads.as_ref().map(|counts| counts.get(&listed.version).copied().unwrap_or(0))))
                        }
                    }
                }
            }
            nav.meta aria-label="Pages of versions" {
                @if filter.page > 0 { a rel="prev" href=(self.address(name, filter.range.as_deref(), filter.has_prereleases, filter.page - 1)) { "Newer" } }
                @if fitting.len() > (filter.page + 1) * SIZE { a rel="next" href=(self.address(name, filter.range.as_deref(), filter.has_prereleases, filter.page + 1)) { "Older" } }
            }
            (blocked(&package))
        };
        Ok(self.frame.page(StatusCode::OK, &format!("{name} — versions"), Some(""), &body))
    }

    fn filter(&self) -> Filter {
        let range =
            self.field("range").map(|range| range.trim().to_owned()).filter(|range| !range.is_empty());
        let parsed = range.as_deref().filter(|range| range.len() <= 256).and_then(Range::parse);
        let page = self.field("page").and_then(|page| page.parse().ok()).unwrap_or(0);
        Filter {
            range,
            parsed,
            has_prereleases: self.field("prereleases").is_some(),
            page: std::cmp::min(page, 1_000_000),
        }
    }

    fn address(&self, name: &PackageName, range: Option<&str>, has_prereleases: bool, page: usize) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if let Some(range) = range {
            query.append_pair("range", range);
        }
        if has_prereleases {
            query.append_pair("prereleases", "1");
        }
        if page > 0 {
            query.append_pair("page", &page.to_string());
        }
        format!("{}/versions?{}", self.frame.package(name), query.finish())
    }

    fn plot(&self, package: &ShownPackage) -> Markup {
        let dots = package.view.versions.iter().filter_map(|listed| {
            Some(Dot {
                version: listed.version.as_str().to_owned(),
                time: listed.published?,
                size: listed.size?,
                is_prerelease: listed.version.is_prerelease(),
                is_deprecated: listed.deprecated.is_some(),
            })
        });
        let mut dots: Vec<_> = dots.collect();
        dots.sort_unstable_by_key(|dot| std::cmp::Reverse(dot.time));
        dots.truncate(MOST_DOTS);
        let plot = timeline(&dots, |version| self.frame.version(&package.name, version));
        html! {
            @if let Some(plot) = plot {
                figure {
                    div.wide { (plot) }
                    figcaption.muted.small { "Each dot is a version: time to the right, unpacked size upwards. Hollow: prerelease. Crossed: deprecated." }
                }
            }
        }
    }

    fn row(&self, package: &ShownPackage, listed: &ListedVersion, downloads: Option<u64>) -> Markup {
        let version = listed.version.as_str();
        let before = package.view.before(&listed.version);
        html! {
            tr {
                th scope="row" {
                    a.mono href=(self.frame.version(&package.name, version)) { (version) }
                    @if let Some(message) = &listed.deprecated { " " span.mark.warn title=(message) { "deprecated" } }
                    @if listed.has_install_script { " " span.mark.warn { "runs code" } }
                }
                td { @for tag in package.view.tags_of(&listed.version).take(5) { span.mark { (tag) } " " } }
                td { @if let Some(published) = listed.published { (since(published, self.frame.now)) } }
                td { (listed.publisher.as_deref().unwrap_or_default()) }
                td.n { @if let Some(size) = listed.size { (bytes(size)) } }
                td.n { (listed.dependencies) }
                @if let Some(downloads) = downloads { td.n { (thousands(downloads)) } }
                td { @if listed.is_signed { "signed" } @if listed.has_provenance { " provenance" } }
                td { @if let Some(before) = before {
                    a href={ (self.frame.package(&package.name)) "/diff/" (super::frame::escape(before.version.as_str())) "..." (super::frame::escape(version)) }
                        aria-label={ "Compare " (version) " with " (before.version) } { "with " (before.version) }
                } }
            }
        }
    }
}

impl Filter {
    fn fits(&self, version: &Version) -> bool {
        match &self.parsed {
            Some(range) if self.has_prereleases => range.spans(version) || range.includes(version),
            Some(range) => range.includes(version),
            None => self.has_prereleases || !version.is_prerelease(),
        }
    }
}

/// The versions that policies refuse, each with its reason.
fn blocked(package: &ShownPackage) -> Markup {
    let refused = &package.refused;
    html! {
        @if !refused.is_empty() {
            section id="blocked" aria-labelledby="blocked-title" {
                h2 id="blocked-title" { "Blocked here" }
                ul.list {
                    @for (version, refusal) in refused.iter().rev().take(MOST_BLOCKED) {
                        li { span.mono { (version) } " " span.mark.bad { "not served" } p { (version) " " (refusal.explanation()) "." } }
                    }
                }
                @if refused.len() > MOST_BLOCKED { p.muted { "and " (refused.len() - MOST_BLOCKED) " more" } }
            }
        }
    }
}
