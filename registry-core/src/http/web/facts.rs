use chrono::Datelike as _;
use maud::{Markup, html};
use serde_json::Value;
use url::Url;

use crate::Error;
use crate::domain::DownloadPeriod;
use crate::error::RequestError;
use crate::web::{ListedVersion, bytes, count, thousands};

use super::viewer::{ShownPackage, Viewer};

/// The days of the downloads that are shown.
const DAYS: u32 = 28;
/// The last days that are summed up.
const WEEK: usize = 7;
/// The most tags and people that are listed.
const LISTED: usize = 12;

impl Viewer<'_> {
    /// Renders the facts of a version as a data sheet.
    pub(super) async fn facts(
        &self,
        package: &ShownPackage,
        listed: &ListedVersion,
        manifest: &Value,
    ) -> Result<Markup, Error> {
        let (name, view) = (&package.name, &package.view);
        let tarball = self.registry.find_tarball(&self.caller, name, &listed.version).await?;
        let is_hosted = tarball.is_hosted();
        let downloads = self.download_plot(package).await?;
        let provenance = if listed.has_provenance { self.provenance(package, listed).await } else { None };
        let owners = &view.maintainers;
        let engines = manifest["engines"].as_object().into_iter().flatten();
        let engines: Vec<_> = engines.filter_map(|(engine, range)| Some((engine, range.as_str()?))).collect();
        let files = self.frame.version(name, listed.version.as_str());
        Ok(html! {
            dl.facts {
                @if let Some(downloads) = downloads { dt { "downloads" } dd { (downloads) } }
                dt { "size" }
                dd { @match listed.size { Some(size) => { (bytes(size)) " unpacked" } None => { "not recorded" } }
                    @if let Some(number) = listed.files { ", " a href={ (files) "/files" } { (count(number, "file")) } } }
                dt { "license" } dd { (license(manifest).unwrap_or_else(|| "none named".to_owned())) }
                @if !engines.is_empty() {
                    dt { "engines" } dd { @for (engine, range) in &engines { div { (engine) " " code { (range) } } } }
                }
                dt { "module" } dd { (module_kind(manifest)) @if has_types(manifest) { ", types included" } }
                dt { "origin" }
                dd { @if is_hosted { "published here" } @else { "upstream " (self.upstreams(package)) } }
                dt { "tags" }
                dd {
                    @for (tag, version) in view.tags.iter().take(LISTED) {
                        div { (tag) " " a.mono href=(self.frame.version(name, version)) { (version) } }
                    }
                    @if view.tags.len() > LISTED { div.muted { "and " (view.tags.len() - LISTED) " more" } }
                }
                dt { (if is_hosted { "owners" } else { "maintainers" }) }
                dd {
                    @if owners.is_empty() { "nobody named" }
                    @for (at, owner) in owners.iter().take(LISTED).enumerate() { @if at > 0 { ", " } (owner) }
                    @if owners.len() > LISTED { ", and " (owners.len() - LISTED) " more" }
                }
                @if let Some(provenance) = provenance { dt { "provenance" } dd { (provenance) } }
                @if let Some(link) = web_link(&manifest["repository"]) {
                    dt { "repository" } dd { a href=(link) rel="noopener noreferrer nofollow" { (without_scheme(&link)) } }
                }
                @if let Some(link) = web_link(&manifest["homepage"]) {
                    dt { "homepage" } dd { a href=(link) rel="noopener noreferrer nofollow" { (without_scheme(&link)) } }
                }
                dt { "you may" } dd { (self.rights_in_short(name)) " (" a href={ (self.frame.package(name)) "/access" } { "why" } ")" }
                dt { "JSON" }
                dd {
                    @let address = format!("{}/{}", self.frame.base, super::frame::escaped(name.as_str()));
                    a href={ (self.frame.root) "/" (super::frame::escaped(name.as_str())) "/" (super::frame::escape(listed.version.as_str())) } { "this version" }
                    @if is_hosted { ", " a href={ (self.frame.root) "/-/sbom/" (super::frame::escaped(name.as_str())) "/" (super::frame::escape(listed.version.as_str())) } { "bill of materials" } }
                    div.muted.mono { (address) }
                }
                @if let Some(integrity) = manifest["dist"]["integrity"].as_str() {
                    dt { "integrity" } dd.mono.muted { (integrity) }
                }
            }
        })
    }

    fn upstreams(&self, package: &ShownPackage) -> String {
        let access = self.registry.access();
        access.origin(&package.name).upstreams.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    /// Renders the downloads of the last weeks; `None` if none are counted.
    async fn download_plot(&self, package: &ShownPackage) -> Result<Option<Markup>, Error> {
        let period = DownloadPeriod::days_until(self.registry.today(), DAYS);
        let counts = match self.registry.downloads(&self.caller, &package.name, period).await {
            Ok(counts) => counts,
            Err(Error::Request(RequestError::NoDownloads)) => return Ok(None),
            // A package of an upstream that was not downloaded.
            Err(Error::Package(_)) => return Ok(Some(html! { "none counted" })),
            Err(error) => return Err(error),
        };
        let days: Vec<_> = counts.days().collect();
        let week: u64 = days.iter().rev().take(WEEK).map(|(_, count)| count).sum();
        let most_counted = days.iter().map(|(_, count)| *count).max().unwrap_or(0);
        let most = most_counted.max(1);
        let summary = format!("Downloads of each of the last {DAYS} days, at most {} a day", thousands(most));
        Ok(Some(html! {
            (thousands(week)) " this week"
            @if most_counted > 0 {
            svg.spark viewBox=(format!("0 0 {} 40", days.len() * 10)) preserveAspectRatio="none" role="img" aria-label=(summary) {
                @for (at, (_, count)) in days.iter().enumerate() {
                    @let height = (count * 38).div_ceil(most).max(1);
                    rect x=(at * 10) y=(40 - height) width="8" height=(height) fill="currentColor" {}
                }
            }
            }
            details {
                summary { "day by day" }
                table { caption { "Downloads, newest day first" }
                    tbody { @for (day, count) in days.iter().rev() {
                        tr { th scope="row" { (day.year()) "-" (format!("{:02}-{:02}", day.month(), day.day())) } td.n { (thousands(*count)) } }
                    } }
                }
            }
        }))
    }
}

/// Returns the license that a manifest names, in one of the forms that it has had.
fn license(manifest: &Value) -> Option<String> {
    let name = |value: &Value| value.as_str().or_else(|| value["type"].as_str()).map(str::to_owned);
    let several = || {
        let all: Vec<_> = manifest["licenses"].as_array()?.iter().filter_map(name).collect();
        (!all.is_empty()).then(|| all.join(" or "))
    };
    name(&manifest["license"]).or_else(several)
}

fn module_kind(manifest: &Value) -> &'static str {
    let has_import = manifest["exports"].to_string().contains("\"import\"") || manifest["module"].is_string();
    match (manifest["type"].as_str(), has_import) {
        (Some("module"), _) => "ES modules",
        (_, true) => "CommonJS and ES modules",
        _ => "CommonJS",
    }
}

fn has_types(manifest: &Value) -> bool {
    manifest["types"].is_string()
        || manifest["typings"].is_string()
        || manifest["exports"].to_string().contains("\"types\"")
}

/// Returns the web address in a field of a manifest, which is a text or an object with a `url`; `None` for any other
/// kind of URL.
pub(super) fn web_link(value: &Value) -> Option<String> {
    let text = value.as_str().or_else(|| value["url"].as_str())?;
    let text = text.strip_prefix("git+").unwrap_or(text);
    let text = text.strip_prefix("git://").map_or_else(|| text.to_owned(), |rest| format!("https://{rest}"));
    let url = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let link = String::from(url);
    Some(link.strip_suffix(".git").map_or(link.clone(), str::to_owned))
}

fn without_scheme(link: &str) -> &str {
    link.split_once("://").map_or(link, |(_, rest)| rest).trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn links_of_manifests_are_web_addresses_or_none() {
        for (value, expected) in [
            (
                json!({ "url": "git+https://git.example/acme/pear.git" }),
                Some("https://git.example/acme/pear"),
            ),
            (json!("git://git.example/acme/pear"), Some("https://git.example/acme/pear")),
            (json!("javascript:alert(1)"), None),
            (json!(" java\tscript:alert(1)"), None),
            (json!("data:text/html,x"), None),
            (json!({ "url": "vbscript:x" }), None),
            (json!("acme/pear"), None),
            (json!(7), None),
        ] {
            assert_eq!(web_link(&value).as_deref(), expected, "{value}");
        }
    }
}
