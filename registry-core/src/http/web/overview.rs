use std::sync::Arc;

use http::{Response, StatusCode};
use maud::{Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use crate::Error;
use crate::concurrency::compute_elsewhere;
use crate::domain::PackageName;
use crate::http::body::Body;
use crate::http::status::Failure;
use crate::web::{ListedVersion, ReadmePlace, render_readme};

use super::command_tabs::command_tabs;
use super::package::Tab;
use super::viewer::{ShownPackage, Viewer};

impl Viewer<'_> {
    /// The page of a version: its readme and its facts.
    pub(super) async fn overview(
        &self,
        name: &PackageName,
        selector: Option<&str>,
    ) -> Result<Response<Body>, Failure> {
        let package = self.package(name).await?;
        let listed = package.select(selector)?;
        let manifest = package.view.manifest(listed);
        let readme = self.readme(&package, listed).await?;
        let facts = self.facts(&package, listed, &manifest).await?;
        let title = format!("{name} {}", listed.version);
        let body = html! {
            (self.package_head(&package, listed, &manifest, Tab::Readme))
            div.cols {
                div {
                    (install(name, listed, &package))
                    article.readme aria-label="Readme" id="readme" { (readme) }
                }
                aside.side aria-label="Facts" { (facts) }
            }
        };
        Ok(self.frame.page(StatusCode::OK, &title, Some(""), &body))
    }

    /// Renders the readme of a version: the file in its tarball, which is what is installed. Of an upstream's latest version,
    /// the packument's readme does, so that a page fetches no tarball.
    async fn readme(&self, package: &ShownPackage, listed: &ListedVersion) -> Result<Markup, Error> {
        let tarball = self.registry.find_tarball(&self.caller, &package.name, &listed.version).await?;
        let is_latest = package.view.latest().is_some_and(|latest| latest.version == listed.version);
        let stored = package.view.readme.as_ref().filter(|readme| is_latest && !readme.is_empty());
        let text = match stored {
            Some(readme) if !tarball.is_hosted() => readme.clone(),
            stored => match self.listing(&tarball).await? {
                Ok(listing) => match listing.readme.as_ref().or(stored) {
                    Some(readme) => readme.clone(),
                    None => return Ok(html! { p.muted { "This version has no readme." } }),
                },
                Err(reason) => match stored {
                    Some(readme) => readme.clone(),
                    None => return Ok(html! { p.muted { "The readme cannot be shown: " (reason) "." } }),
                },
            },
        };
        let version = self.frame.version(&package.name, listed.version.as_str());
        let place = ReadmePlace { files: format!("{version}/files"), pictures: format!("{version}/raw") };
        let key =
            Sha256::new().chain_update(&version).chain_update([0]).chain_update(&text).finalize().into();
        let readmes = &self.frame.web.readmes;
        let html = if let Some(html) = readmes.get(&key) {
            html
        } else {
            let html: Arc<str> = compute_elsewhere(move || render_readme(&text, &place)).await?.into();
            readmes.insert(key, Arc::clone(&html));
            html
        };
        // Sanitized by `render_readme`.
        Ok(PreEscaped(html.to_string()))
    }
}

/// The commands that install a version.
fn install(name: &PackageName, listed: &ListedVersion, package: &ShownPackage) -> Markup {
    let is_latest = package.view.latest().is_some_and(|latest| latest.version == listed.version);
    let what = if is_latest { name.to_string() } else { format!("{name}@{}", listed.version) };
    let commands = [
        ("npm", format!("npm install {what}")),
        ("pnpm", format!("pnpm add {what}")),
        ("yarn", format!("yarn add {what}")),
        ("bun", format!("bun add {what}")),
        ("deno", format!("deno add npm:{what}")),
    ];
    command_tabs("Install with", &commands)
}
