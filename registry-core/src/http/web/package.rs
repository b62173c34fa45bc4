use maud::{Markup, html};
use serde_json::Value;

use crate::domain::Version;
use crate::web::{ListedVersion, count, since};

use super::viewer::{ShownPackage, Viewer};

/// A page of a package, as the line of tabs names it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    Readme,
    Files,
    Diff,
    Versions,
    Dependencies,
    Access,
}

impl Viewer<'_> {
    /// Renders what begins each page of a package: its name, the version, what to know of it, and the tabs.
    pub(super) fn package_head(
        &self,
        package: &ShownPackage,
        listed: &ListedVersion,
        manifest: &Value,
        tab: Tab,
    ) -> Markup {
        let (name, version) = (&package.name, &listed.version);
        let latest = package.view.latest().map(|latest| &latest.version);
        let is_latest = latest == Some(version);
        html! {
            div.head {
                h1 { (name) }
                span.version { (version) }
                @for tag in package.view.tags_of(version).take(5) { span.mark { (tag) } }
                @if package.is_restricted { span.mark { "restricted" } }
            }
            div.meta {
                @if let Some(published) = listed.published { span { (since(published, self.frame.now)) } }
                @if let Some(publisher) = &listed.publisher { span { "by " (publisher) } }
                @if listed.is_signed { span.mark.good { "signed ✓" } }
                @if listed.has_provenance { span.mark.good { "provenance ✓" } }
                @if listed.has_install_script { span.mark.warn { "runs code at install" } }
                @if !package.refused.is_empty() {
                    a href={ (self.frame.package(name)) "/versions#blocked" } { (count(package.refused.len() as u64, "version")) " blocked here" }
                }
            }
            @if let Some(description) = manifest["description"].as_str() { p.lead { (description) } }
            (self.notes(package, listed, is_latest))
            (self.tabs(package, listed, is_latest, tab))
        }
    }

    /// What a person should know before they use the version: what it is, why, and the way out.
    fn notes(&self, package: &ShownPackage, listed: &ListedVersion, is_latest: bool) -> Markup {
        let highest = package
            .refused
            .iter()
            .filter_map(|(version, refusal)| Some((Version::parse(version).ok()?, refusal)));
        let highest = highest.max_by(|(one, _), (other, _)| one.cmp(other));
        let latest = package.view.latest().map(|latest| &latest.version);
        let newer = highest.filter(|(version, _)| latest.is_none_or(|latest| version > latest));
        html! {
            @if let Some(message) = &listed.deprecated {
                div.note.warn { p { strong { "Deprecated" } ": " (message) } }
            }
            @if !is_latest && let Some(latest) = package.view.latest() {
                div.note.info { p { "You are looking at " (listed.version) ". "
                    a href=(self.frame.package(&package.name)) { "The latest version is " (latest.version) } "." } }
            }
            // A blocked version that is newer explains why the latest is none.
            @if let Some((version, refusal)) = newer { div.note.bad { p { strong { (version) } " " (refusal.explanation()) "." } } }
        }
    }

    fn tabs(&self, package: &ShownPackage, listed: &ListedVersion, is_latest: bool, current: Tab) -> Markup {
        let top = self.frame.package(&package.name);
        let version =
            if is_latest { top.clone() } else { self.frame.version(&package.name, listed.version.as_str()) };
        let before = package.view.before(&listed.version).map(|before| before.version.as_str());
        let diff = before.map(|before| {
            let (from, to) = (super::frame::escape(before), super::frame::escape(listed.version.as_str()));
            format!("{top}/diff/{from}...{to}")
        });
        let tabs = [
            (Tab::Readme, version.clone(), "Readme".to_owned()),
            (Tab::Files, format!("{version}/files"), "Files".to_owned()),
            (Tab::Diff, diff.unwrap_or_else(|| format!("{top}/diff")), "Diff".to_owned()),
            (Tab::Versions, format!("{top}/versions"), format!("Versions ({})", package.view.versions.len())),
            (
                Tab::Dependencies,
                format!("{version}/dependencies"),
                format!("Dependencies ({})", listed.dependencies),
            ),
            (Tab::Access, format!("{top}/access"), "Access".to_owned()),
        ];
        html! {
            nav.tabs aria-label="Package" {
                @for (tab, address, text) in &tabs {
                    a href=(address) aria-current=[(*tab == current).then_some("page")] { (text) }
                }
            }
        }
    }
}
