use http::{Response, StatusCode};
use maud::{Markup, html};
use serde_json::Value;

use crate::domain::PackageName;
use crate::http::body::Body;
use crate::http::status::Failure;

use super::package::Tab;
use super::viewer::Viewer;

/// The fields of dependencies, with their headings.
const KINDS: [(&str, &str); 4] = [
    ("dependencies", "Dependencies"),
    ("peerDependencies", "Peer dependencies"),
    ("optionalDependencies", "Optional dependencies"),
    ("devDependencies", "Development dependencies"),
];
/// The most dependencies of a kind that are listed.
const MOST: usize = 1_000;

impl Viewer<'_> {
    /// What a version needs.
    pub(super) async fn dependencies(
        &self,
        name: &PackageName,
        selector: Option<&str>,
    ) -> Result<Response<Body>, Failure> {
        let package = self.package(name).await?;
        let listed = package.select(selector)?;
        let manifest = package.view.manifest(listed);
        let has_any =
            KINDS.iter().any(|(field, _)| manifest[*field].as_object().is_some_and(|all| !all.is_empty()));
        let body = html! {
            (self.package_head(&package, listed, &manifest, Tab::Dependencies))
            @if !has_any { p.lead { "This version depends on nothing." } }
            @for (field, heading) in KINDS { (self.kind(&manifest[field], heading)) }
        };
        let title = format!("{name} {} — dependencies", listed.version);
        Ok(self.frame.page(StatusCode::OK, &title, Some(""), &body))
    }

    fn kind(&self, dependencies: &Value, heading: &str) -> Markup {
        let Some(all) = dependencies.as_object().filter(|all| !all.is_empty()) else { return html! {} };
        html! {
            section {
                h2 { (heading) " (" (all.len()) ")" }
                div.scroll tabindex="0" role="region" aria-label=(heading) {
                    table {
                        thead { tr { th scope="col" { "package" } th scope="col" { "range" } } }
                        tbody {
                            @for (name, range) in all.iter().take(MOST) {
                                tr {
                                    th scope="row" { @match PackageName::parse(name) {
                                        Ok(package) => a.mono href=(self.frame.package(&package)) { (name) },
                                        Err(_) => span.mono { (name) },
                                    } }
                                    td.mono { (range.as_str().unwrap_or_default()) }
                                }
                            }
                        }
                    }
                }
                @if all.len() > MOST { p.muted { "and " (all.len() - MOST) " more" } }
            }
        }
    }
}
