use std::collections::{BTreeMap, BTreeSet};

use http::header::{CACHE_CONTROL, LOCATION};
use http::{HeaderValue, Response, StatusCode};
use maud::{Markup, html};

use crate::Error;
use crate::concurrency::compute_elsewhere;
use crate::domain::PackageName;
use crate::http::body::Body;
use crate::http::status::Failure;
use crate::web::{
    DiffLine, FileDiff, ListedVersion, ManifestChange, NotShown, TarballListing, bytes, count, diff_texts,
    manifest_changes,
};

use super::frame::{escape, escaped};
use super::package::Tab;
use super::viewer::{ShownPackage, Viewer};

/// The most files of which lines are compared; of further ones, the names are listed.
const MOST_COMPARED: usize = 100;
/// The most changed files that are listed.
const MOST_LISTED: usize = 2_000;
/// The most lines that are shown of all files together.
const MOST_LINES: usize = 4_000;

/// What happened to a file from one version to another.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Added,
    Removed,
    Changed,
}

/// A changed file, and its lines if they were compared.
struct ChangedFile {
    path: String,
    change: Change,
    old_size: u64,
    new_size: u64,
    lines: Option<Result<FileDiff, NotShown>>,
}

impl Viewer<'_> {
    /// What changed from one version of a package to another.
    pub(super) async fn diff(
        &self,
        name: &PackageName,
        versions: Option<(String, String)>,
    ) -> Result<Response<Body>, Failure> {
        let package = self.package(name).await?;
        let Some((from, to)) = versions else { return self.choose(&package).map_err(Failure::from) };
        let (old, new) = (package.select(Some(&from))?, package.select(Some(&to))?);
        let (old_manifest, new_manifest) = (package.view.manifest(old), package.view.manifest(new));
        let manifest = manifest_changes(&old_manifest, &new_manifest);
        let files = match self.changed_files(&package, old, new).await? {
            Err(reason) => html! { p.lead { "The files cannot be compared: " (reason) "." } },
            Ok(files) => self.files_of_diff(&package, old, new, &files),
        };
        let body = html! {
            (self.package_head(&package, new, &new_manifest, Tab::Diff))
            (self.form(&package, old.version.as_str(), new.version.as_str()))
            section aria-labelledby="manifest" {
                h2 id="manifest" { "What changes for those who install it" }
                (manifest_list(&manifest, old, new))
            }
            (files)
        };
        let title = format!("{name} {}...{}", old.version, new.version);
        Ok(self.frame.page(StatusCode::OK, &title, Some(""), &body))
    }

    /// Leads to the comparison that the query names, or asks for one.
    fn choose(&self, package: &ShownPackage) -> Result<Response<Body>, Error> {
        if let (Some(from), Some(to)) = (self.field("from"), self.field("to")) {
            let (old, new) = (package.select(Some(from.trim()))?, package.select(Some(to.trim()))?);
            let (old, new) = (escape(old.version.as_str()), escape(new.version.as_str()));
            let address = format!("{}/diff/{old}...{new}", self.frame.package(&package.name));
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::SEE_OTHER;
            let location = HeaderValue::from_str(&address).map_err(|error| Error::Internal(error.into()))?;
            response.headers_mut().insert(LOCATION, location);
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
            return Ok(response);
        }
        let listed = package.select(None)?;
        let manifest = package.view.manifest(listed);
        let before = package.view.before(&listed.version).unwrap_or(listed);
        let body = html! {
            (self.package_head(package, listed, &manifest, Tab::Diff))
            (self.form(package, before.version.as_str(), listed.version.as_str()))
            @if package.view.versions.len() < 2 { p.lead { "There is only one version to see." } }
        };
        Ok(self.frame.page(StatusCode::OK, &format!("{} — compare versions", package.name), Some(""), &body))
    }

    fn form(&self, package: &ShownPackage, from: &str, to: &str) -> Markup {
        html! {
            form.form action={ (self.frame.package(&package.name)) "/diff" } {
                div { label for="from" { "From version" } br; input id="from" name="from" value=(from) spellcheck="false"; }
                div { label for="to" { "To version" } br; input id="to" name="to" value=(to) spellcheck="false"; }
                button type="submit" { "Compare" }
            }
        }
    }

    /// Compares the files of two versions, of both of which the viewer may read the tarball.
    async fn changed_files(
        &self,
        package: &ShownPackage,
        old: &ListedVersion,
        new: &ListedVersion,
    ) -> Result<Result<Vec<ChangedFile>, super::tarball::NotBrowsable>, Error> {
        let old = self.registry.find_tarball(&self.caller, &package.name, &old.version).await?;
        let new = self.registry.find_tarball(&self.caller, &package.name, &new.version).await?;
        let (old_files, new_files) = match (self.listing(&old).await?, self.listing(&new).await?) {
            (Ok(old), Ok(new)) => (old, new),
            (Err(reason), _) | (_, Err(reason)) => return Ok(Err(reason)),
        };
        let files = changes(&old_files, &new_files);
        let compared: BTreeSet<_> = files.iter().take(MOST_COMPARED).map(|file| file.path.clone()).collect();
        let (old, new) = match (self.texts(&old, compared.clone()).await?, self.texts(&new, compared).await?)
        {
            (Ok(old), Ok(new)) => (old, new),
            (Err(reason), _) | (_, Err(reason)) => return Ok(Err(reason)),
        };
        Ok(Ok(compute_elsewhere(move || with_lines(files, &old, &new)).await?))
    }

    fn files_of_diff(
        &self,
        package: &ShownPackage,
        old: &ListedVersion,
        new: &ListedVersion,
        files: &[ChangedFile],
    ) -> Markup {
        let lines = |count: fn(&FileDiff) -> usize| {
            files.iter().filter_map(|file| file.lines.as_ref()?.as_ref().ok()).map(count).sum::<usize>()
        };
        let (added, removed) = (lines(|diff| diff.added), lines(|diff| diff.removed));
        let address = |listed: &ListedVersion, path: &str| {
            format!("{}/files/{}", self.frame.version(&package.name, listed.version.as_str()), escaped(path))
        };
        let mut room = MOST_LINES;
        html! {
            section aria-labelledby="files" {
                h2 id="files" { "Files" }
                p.meta { span { (count(files.len() as u64, "changed file")) } span { "+" (added) " −" (removed) " lines" } }
                ul.list {
                    @for (number, file) in files.iter().take(MOST_LISTED).enumerate() {
                        li { a.mono href={ "#f" (number) } { (file.path) } " " (mark(file.change)) " "
                            span.muted { @if let Some(Ok(diff)) = &file.lines { "+" (diff.added) " −" (diff.removed) ", " } (sizes(file)) } }
                    }
                    @if files.len() > MOST_LISTED { li.muted { "and " (files.len() - MOST_LISTED) " more" } }
                }
                @for (number, file) in files.iter().take(MOST_LISTED).enumerate() {
                    div.file id={ "f" (number) } {
                        h3 { (file.path) " " (mark(file.change)) }
                        div.meta {
                            @if file.change != Change::Added { a href=(address(old, &file.path)) { "in " (old.version) } }
                            @if file.change != Change::Removed { a href=(address(new, &file.path)) { "in " (new.version) } }
                            span { (sizes(file)) }
                        }
                        @match &file.lines {
                            None => p.muted { "Not compared: too many files, or too large." },
                            Some(Err(reason)) => p.muted { (reason.text()) "." },
                            Some(Ok(diff)) => { (lines_of(diff, &file.path, take_room(&mut room, diff))) }
                        }
                    }
                }
            }
        }
    }
}

fn changes(old: &TarballListing, new: &TarballListing) -> Vec<ChangedFile> {
    let paths: BTreeSet<_> = old.files.keys().chain(new.files.keys()).collect();
    let changed = paths.into_iter().filter_map(|path| {
        let (before, after) = (old.files.get(path), new.files.get(path));
        let change = match (before, after) {
            (None, _) => Change::Added,
            (_, None) => Change::Removed,
            (Some(before), Some(after)) if before != after => Change::Changed,
            _ => return None,
        };
        let size = |file: Option<&crate::web::ListedFile>| file.map_or(0, |file| file.size);
        Some(ChangedFile {
            path: path.clone(),
            change,
            old_size: size(before),
            new_size: size(after),
            lines: None,
        })
    });
    changed.collect()
}

fn with_lines(
    mut files: Vec<ChangedFile>,
    old: &BTreeMap<String, Vec<u8>>,
    new: &BTreeMap<String, Vec<u8>>,
) -> Vec<ChangedFile> {
    let nothing = Vec::new();
    for file in files.iter_mut().take(MOST_COMPARED) {
        let before = if file.change == Change::Added { Some(&nothing) } else { old.get(&file.path) };
        let after = if file.change == Change::Removed { Some(&nothing) } else { new.get(&file.path) };
        file.lines = before.zip(after).map(|(before, after)| diff_texts(before, after));
    }
    files
}

fn mark(change: Change) -> Markup {
    html! {
        @match change {
            Change::Added => span.mark.good { "added" },
            Change::Removed => span.mark.bad { "removed" },
            Change::Changed => span.mark { "changed" },
        }
    }
}

fn sizes(file: &ChangedFile) -> String {
    match file.change {
        Change::Added => bytes(file.new_size),
        Change::Removed => bytes(file.old_size),
        Change::Changed => format!("{} → {}", bytes(file.old_size), bytes(file.new_size)),
    }
}

fn manifest_list(changes: &[ManifestChange], old: &ListedVersion, new: &ListedVersion) -> Markup {
    html! {
        ul.list {
            @for change in changes {
                li {
                    @if change.runs_at_install { span.mark.bad { "runs at install" } " " }
                    (change.verb) " " (change.what)
                    @if let Some(before) = &change.before { @if change.after.is_some() { " from" } @else { ":" } " " code.line-through { (before) } }
                    @if let Some(after) = &change.after { @if change.before.is_some() { " to" } @else { ":" } " " code { (after) } }
                }
            }
            @if changes.is_empty() { li { "No script, dependency or entry point changes." } }
            @if let (Some(before), Some(after)) = (old.size, new.size) {
                li { "unpacked size from " (bytes(before)) " to " (bytes(after)) }
            }
        }
    }
}

/// Returns how many lines there is room for, and takes those of a file.
fn take_room(room: &mut usize, diff: &FileDiff) -> usize {
    let had = *room;
    *room = room.saturating_sub(diff.lines.len());
    had
}

fn lines_of(diff: &FileDiff, path: &str, room: usize) -> Markup {
    html! {
        div.src.diff tabindex="0" role="region" aria-label={ "Changes of " (path) } {
            table {
                tbody {
                    @for line in diff.lines.iter().take(room) { (line_of(line)) }
                }
            }
        }
        @if diff.is_cut || diff.lines.len() > room { p.muted { "Further lines are not shown: look at the file in each version." } }
    }
}

fn line_of(line: &DiffLine) -> Markup {
    html! {
        @match line {
            DiffLine::Gap { old, new } => tr.hunk { td.ln {} td.ln {} td { "lines from " (old + 1) ", now from " (new + 1) } },
            DiffLine::Same { old, new, text } => tr { td.ln { (old) } td.ln { (new) } td { "  " (text) } },
            DiffLine::Removed { old, text } => tr { td.ln { (old) } td.ln {} td.del { "- " (text) } },
            DiffLine::Added { new, text } => tr { td.ln {} td.ln { (new) } td.add { "+ " (text) } },
        }
    }
}
