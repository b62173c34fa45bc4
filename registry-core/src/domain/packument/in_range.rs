use std::cmp::Reverse;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::domain::Version;
use crate::domain::range::Range;

use super::Packument;
use super::abbreviated::says_nothing;

/// Returns the versions in a range, in npm's order of preference: `latest`, then descending, deprecated ones last.
/// Empty if the text is not a range.
pub(super) fn in_range<'a, 'json>(
    range: &str,
    latest: Option<&str>,
    versions: impl Iterator<Item = (&'a str, &'json RawValue)>,
) -> Vec<(&'a str, &'json RawValue)> {
    let Some(range) = Range::parse(range) else { return Vec::new() };
    let mut found: Vec<_> = versions
        .filter_map(|(text, manifest)| {
            let (version, is_latest) = (Version::parse(text).ok()?, latest == Some(text));
            let is_included = range.includes(&version) || (is_latest && range.is_any());
            is_included.then_some((is_latest, version, text, manifest))
        })
        .collect();
    found.sort_by_cached_key(|(is_latest, version, _, manifest)| {
        Reverse((*is_latest, !is_deprecated(manifest), version.clone()))
    });
    found.into_iter().map(|(_, _, text, manifest)| (text, manifest)).collect()
}

fn is_deprecated(manifest: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct View<'json> {
        #[serde(borrow)]
        deprecated: Option<&'json RawValue>,
    }
    let view = serde_json::from_str::<View<'_>>(manifest.get());
    view.is_ok_and(|view| view.deprecated.is_some_and(|deprecated| !says_nothing(deprecated)))
}

impl Packument<'_> {
    /// Returns the version that a version, a tag or a range selects; of a range the one that npm would install.
    pub fn select(&self, selector: &str) -> Option<&str> {
        if let Some((version, _)) = self.versions.get_key_value(selector) {
            return Some(version.as_str());
        }
        if let Some(version) = self.dist_tags.get(selector) {
            return self.versions.contains_key(version.as_str()).then_some(version);
        }
        let versions = self.versions.iter().map(|(version, manifest)| (version.as_str(), &**manifest));
        in_range(selector, self.latest(), versions).first().map(|(version, _)| *version)
    }
}
