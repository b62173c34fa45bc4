//! What readers see of a package when policies refuse some of its versions.

use indexmap::IndexMap;
use serde_json::value::{RawValue, to_raw_value};

use crate::domain::Version;

use super::abbreviated::says_nothing;
use super::decisions::{VersionDecisions, VisibleVersion, moved_tag};
use super::foreign_document::{ForeignDocument, text};
use super::{JsonKey, Packument, PackumentError};

impl Packument<'_> {
    /// Removes the refused versions with their times, and moves their tags to versions that are allowed. The revision changes
    /// with what is left out, so that a document that a client sends back tells what the client saw.
    pub(crate) fn hide(&mut self, decisions: &VersionDecisions) {
        if let Some(modified) = decisions
            .later_than(self.time.get("modified").map(String::as_str))
            .filter(|_| !self.time.is_empty())
        {
            self.time.insert("modified".into(), modified);
        }
        if decisions.allows_all() {
            return;
        }
        self.versions.retain(|version, _| decisions.refusal(version.as_str()).is_none());
        self.time.retain(|version, _| decisions.refusal(version).is_none());
        let visible: Vec<_> =
            self.versions.iter().filter_map(|(key, raw)| visible(key.as_str(), raw)).collect();
        let tags = std::mem::take(&mut self.dist_tags)
            .into_iter()
            .filter_map(|(tag, version)| Some((tag, shown_version(version, decisions, &visible)?)));
        self.dist_tags = tags.collect();
        self.revision = self.revision.without(decisions.refused().map(|(version, _)| version));
    }
}

/// Fields of a foreign document in place of its own, where versions are refused.
#[derive(Debug, Default)]
pub(crate) struct ShownFields(Vec<(&'static str, Box<RawValue>)>);

impl<'json> ForeignDocument<'json> {
    /// Returns the fields to show where these versions are refused, for [`Self::hide`].
    pub(crate) fn shown_fields(&self, decisions: &VersionDecisions) -> Result<ShownFields, PackumentError> {
        let failed = |source| PackumentError { name: self.name.clone(), source };
        let mut shown = Vec::new();
        let mut time = self.entries("time").0;
        let modified = time.get("modified").copied().and_then(text);
        let later = decisions.later_than(modified.as_deref()).map(|later| to_raw_value(&later)).transpose();
        let later = later.map_err(failed)?;
        if !time.is_empty() && (later.is_some() || !decisions.allows_all()) {
            time.retain(|version, _| decisions.refusal(version.as_str()).is_none());
            if let Some(later) = &later {
                time.insert("modified".into(), later);
            }
            shown.push(("time", to_raw_value(&time).map_err(failed)?));
        }
        let at_top = self.fields.get("modified").copied().flatten().and_then(text);
        if let (Some(_), Some(later)) = (&at_top, decisions.later_than(at_top.as_deref())) {
            shown.push(("modified", to_raw_value(&later).map_err(failed)?));
        }
        if !decisions.allows_all() && self.fields.contains_key("dist-tags") {
            shown.push(("dist-tags", to_raw_value(&self.shown_tags(decisions)).map_err(failed)?));
        }
        Ok(ShownFields(shown))
    }

    /// Returns the document without the refused versions, and with `shown` in place of its own fields.
    pub(crate) fn hide<'a>(
        mut self,
        decisions: &VersionDecisions,
        shown: &'a ShownFields,
    ) -> ForeignDocument<'a>
    where
        'json: 'a,
    {
        self.versions.0.retain(|version, _| decisions.refusal(version.as_str()).is_none());
        let mut document: ForeignDocument<'a> = self;
        for (field, value) in &shown.0 {
            document.fields.insert(JsonKey::from(*field), Some(value));
        }
        document
    }

    fn shown_tags(&self, decisions: &VersionDecisions) -> IndexMap<String, String> {
        let allowed = self.versions.0.iter().filter(|(key, _)| decisions.refusal(key.as_str()).is_none());
        let visible: Vec<_> = allowed
            .filter(|(key, _)| self.manifest(key.as_str()).is_some())
            .filter_map(|(key, raw)| visible(key.as_str(), raw))
            .collect();
        let tags = self.entries("dist-tags").0.into_iter().filter_map(|(tag, version)| {
            Some((tag.as_str().to_owned(), shown_version(text(version)?, decisions, &visible)?))
        });
        tags.collect()
    }
}

/// Returns the version that a tag names for readers; `None` if none is left for it.
fn shown_version(
    version: String,
    decisions: &VersionDecisions,
    visible: &[VisibleVersion<'_>],
) -> Option<String> {
    match decisions.refusal(&version) {
        None => Some(version),
        Some(_) => moved_tag(&version, visible).map(str::to_owned),
    }
}

fn visible<'a>(text: &'a str, manifest: &RawValue) -> Option<VisibleVersion<'a>> {
    let fields: IndexMap<JsonKey<'_>, &RawValue> = serde_json::from_str(manifest.get()).unwrap_or_default();
    let is_deprecated = fields.get("deprecated").is_some_and(|reason| !says_nothing(reason));
    Some(VisibleVersion { text, number: Version::parse(text).ok()?, is_deprecated })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::{PackageName, VersionRefusal};

    fn decisions() -> VersionDecisions {
        let mut decisions = VersionDecisions::default();
        let since = "2026-11-05T00:00:00Z".parse().ok();
        decisions.add("1.0.0", None, since, None);
        decisions.add("2.0.0", Some(VersionRefusal::new("block", "is bad")), None, None);
        decisions
    }

    fn document() -> Value {
        json!({
            "name": "pear", "modified": "2026-11-04T00:00:00.000Z",
            "dist-tags": { "latest": "2.0.0", "old": "1.0.0", "next": "3.0.0-rc.1" },
            "versions": { "1.0.0": {}, "2.0.0": {}, "3.0.0-rc.1": {} },
            "time": {
                "created": "2026-11-01T00:00:00.000Z", "modified": "2026-11-04T00:00:00.000Z",
                "1.0.0": "2026-11-01T00:00:00.000Z", "2.0.0": "2026-11-04T00:00:00.000Z",
                "3.0.0-rc.1": "2026-11-03T00:00:00.000Z",
            },
        })
    }

    fn require_hidden(shown: &Value) {
        assert_eq!(shown["dist-tags"], json!({ "latest": "1.0.0", "old": "1.0.0", "next": "3.0.0-rc.1" }));
        assert_eq!(shown["versions"], json!({ "1.0.0": {}, "3.0.0-rc.1": {} }));
        assert_eq!(shown["time"]["modified"], "2026-11-05T00:00:00.000Z");
        assert!(shown["time"].get("2.0.0").is_none() && shown["time"].get("1.0.0").is_some(), "{shown}");
    }

    #[test]
    fn a_refused_version_leaves_no_trace_in_either_kind_of_document() {
        let (name, json) = (PackageName::parse("pear").unwrap(), document().to_string());
        let mut packument = Packument::parse(&name, json.as_bytes()).unwrap();
        let before = packument.revision.clone();
        packument.hide(&decisions());
        assert_ne!(packument.revision, before);
        let full = super::super::render_full(&packument, "https://here.example").unwrap();
        require_hidden(&serde_json::from_slice(&full).unwrap());

        let foreign = ForeignDocument::parse(&name, json.as_bytes()).unwrap();
        let shown = foreign.shown_fields(&decisions()).unwrap();
        let foreign = foreign.hide(&decisions(), &shown);
        for rendered in
            [foreign.render("https://here.example"), foreign.render_abbreviated("https://here.example")]
        {
            let rendered: Value = serde_json::from_slice(&rendered.unwrap()).unwrap();
            require_hidden(&rendered);
            assert_eq!(rendered["modified"], "2026-11-05T00:00:00.000Z");
        }
    }

    #[test]
    fn a_document_of_which_nothing_is_refused_keeps_its_revision() {
        let (name, json) = (PackageName::parse("pear").unwrap(), document().to_string());
        let mut packument = Packument::parse(&name, json.as_bytes()).unwrap();
        let before = packument.clone();
        packument.hide(&VersionDecisions::default());
        assert_eq!((packument.revision, packument.time), (before.revision, before.time));
    }
}
