use std::collections::{BTreeMap, BTreeSet};

use http::{Response, StatusCode};
use maud::{Markup, html};

use crate::Error;
use crate::domain::PackageName;
use crate::domain::shorten::shorten;
use crate::error::PackageError;
use crate::http::body::Body;
use crate::http::status::Failure;
use crate::web::{ListedVersion, NotShown, TarballListing, bytes, count};

use super::frame::escaped;
use super::package::Tab;
use super::viewer::{ShownPackage, Viewer};

/// The most files in the tree; a larger package shows the first ones.
const MOST_FILES: usize = 2_000;
/// The most lines of a file.
const MOST_LINES: usize = 10_000;

/// A folder of the tree.
#[derive(Default)]
struct Folder<'a> {
    folders: BTreeMap<&'a str, Folder<'a>>,
    /// Name → path.
    files: BTreeMap<&'a str, &'a str>,
}

impl Viewer<'_> {
    /// The files of a version, and one of them.
    pub(super) async fn files(
        &self,
        name: &PackageName,
        selector: Option<&str>,
        path: &str,
    ) -> Result<Response<Body>, Failure> {
        let package = self.package(name).await?;
        let listed = package.select(selector)?;
        let manifest = package.view.manifest(listed);
        let tarball = self.registry.find_tarball(&self.caller, name, &listed.version).await?;
        let head = self.package_head(&package, listed, &manifest, Tab::Files);
        let title =
            format!("{}{}{name} {}", path, if path.is_empty() { "Files of " } else { " — " }, listed.version);
        let content = match self.listing(&tarball).await? {
            Err(reason) => html! { p.lead { "The files cannot be shown: " (reason) "." } },
            Ok(listing) if path.is_empty() => {
                self.tree_and(&package, listed, &listing, path, &self.table(&package, listed, &listing))
            }
            Ok(listing) => {
                if !listing.files.contains_key(path) {
                    let selector = format!("{}/{}", listed.version, shorten(path));
                    return Err(Error::Package(PackageError::VersionNotFound { selector }).into());
                }
                let texts = self.texts(&tarball, BTreeSet::from([path.to_owned()])).await?;
                let file = match texts {
                    Err(reason) => html! { p.lead { "The file cannot be shown: " (reason) "." } },
                    Ok(texts) => {
                        self.file(&package, listed, &listing, path, texts.get(path).map(Vec::as_slice))
                    }
                };
                self.tree_and(&package, listed, &listing, path, &file)
            }
        };
        Ok(self.frame.page(StatusCode::OK, &title, Some(""), &html! { (head) (content) }))
    }

    fn file_address(&self, package: &ShownPackage, listed: &ListedVersion, path: &str) -> String {
        format!("{}/files/{}", self.frame.version(&package.name, listed.version.as_str()), escaped(path))
    }

    fn tree_and(
        &self,
        package: &ShownPackage,
        listed: &ListedVersion,
        listing: &TarballListing,
        path: &str,
        content: &Markup,
    ) -> Markup {
        let mut root = Folder::default();
        for path in listing.files.keys().take(MOST_FILES) {
            root.add(path);
        }
        let address = |path: &str| self.file_address(package, listed, path);
        html! {
            div.files {
                nav.tree aria-label="Files" {
                    (root.shown(path, "", &address))
                    @if listing.files.len() > MOST_FILES { p.muted { "and " (listing.files.len() - MOST_FILES) " more" } }
                }
                div { (content) }
            }
        }
    }

    /// The files as a table.
    fn table(&self, package: &ShownPackage, listed: &ListedVersion, listing: &TarballListing) -> Markup {
        let total: u64 = listing.files.values().map(|file| file.size).sum();
        html! {
            div.scroll tabindex="0" role="region" aria-label="Files with size and digest" {
                table {
                    caption { (count(listing.files.len() as u64, "file")) ", " (bytes(total)) }
                    thead { tr { th scope="col" { "file" } th.n scope="col" { "size" } th scope="col" { "SHA-256" } } }
                    tbody {
                        @for (path, file) in listing.files.iter().take(MOST_FILES) {
                            tr {
                                th scope="row" { a.mono href=(self.file_address(package, listed, path)) { (path) } }
                                td.n { (bytes(file.size)) }
                                td.mono.muted title=(const_hex::encode(file.digest)) { (const_hex::encode(&file.digest[..8])) "…" }
                            }
                        }
                    }
                }
            }
        }
    }

    fn file(
        &self,
        package: &ShownPackage,
        listed: &ListedVersion,
        listing: &TarballListing,
        path: &str,
        content: Option<&[u8]>,
    ) -> Markup {
        let Some(file) = listing.files.get(path) else { return html! {} };
        let reason = content.map_or(Some(NotShown::TooLarge), NotShown::of);
        // Minified code can be shown, only its comparison is of no use.
        let content = content.filter(|_| reason.is_none_or(|reason| reason == NotShown::Minified));
        let picture =
            format!("{}/raw/{}", self.frame.version(&package.name, listed.version.as_str()), escaped(path));
        html! {
            h2.mono { (path) }
            div.meta {
                span { (bytes(file.size)) }
                span.mono title="SHA-256" { "sha256 " (const_hex::encode(file.digest)) }
            }
            @if super::picture::media_type(path).is_some() {
                p.lead { img src=(picture) alt={ "The picture " (path) }; }
            }
            @match content {
                None => p.lead { (reason.unwrap_or(NotShown::Binary).text()) "." },
                Some(content) => {
                    @let text = String::from_utf8_lossy(content);
                    div.src tabindex="0" role="region" aria-label={ "Source of " (path) } {
                        table {
                            tbody {
                                @for (line, number) in text.lines().take(MOST_LINES).zip(1..) {
                                    tr id={ "L" (number) } {
                                        td.ln { a href={ "#L" (number) } { (number) } }
                                        td { (line) }
                                    }
                                }
                            }
                        }
                    }
                    @if text.lines().nth(MOST_LINES).is_some() {
                        p.muted { "The first " (count(MOST_LINES as u64, "line")) " are shown." }
                    }
                }
            }
        }
    }
}

impl<'a> Folder<'a> {
    fn add(&mut self, path: &'a str) {
        /// A path has at most half as many folders as bytes; deeper ones are not unfolded.
        const DEEPEST: usize = 32;
        let mut folder = self;
        let mut rest = path;
        for _ in 0..DEEPEST {
            let Some((name, below)) = rest.split_once('/') else { break };
            folder = folder.folders.entry(name).or_default();
            rest = below;
        }
        folder.files.insert(rest, path);
    }

    fn shown(&self, current: &str, above: &str, address: &dyn Fn(&str) -> String) -> Markup {
        html! {
            ul {
                @for (name, folder) in &self.folders {
                    @let path = format!("{above}{name}/");
                    li {
                        @if folder.count() <= 30 || current.starts_with(&path) {
                            span.muted { (name) "/" }
                            (folder.shown(current, &path, address))
                        } @else {
                            details { summary { (name) "/ (" (folder.count()) ")" } (folder.shown(current, &path, address)) }
                        }
                    }
                }
                @for (name, path) in &self.files {
                    li { a href=(address(path)) aria-current=[(*path == current).then_some("page")] { (name) } }
                }
            }
        }
    }

    fn count(&self) -> usize {
        self.files.len() + self.folders.values().map(Folder::count).sum::<usize>()
    }
}
