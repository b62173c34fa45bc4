use indexmap::IndexMap;
use serde_json::Value;
use serde_json::value::RawValue;

use super::JsonKey;
use super::abbreviated::{has_install_script, says_nothing};
use super::foreign_document::text;

type Fields<'json> = IndexMap<JsonKey<'json>, &'json RawValue>;

/// What a manifest says about a version, as far as policies read it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct ManifestFacts {
    /// Whether an install runs a script.
    pub(crate) install_scripts: bool,
    /// The license, as an SPDX expression if the publisher wrote one.
    pub(crate) license: Option<String>,
    /// The deprecation.
    pub(crate) deprecated: Option<String>,
    /// Whether `dist` has signatures of its registry.
    pub(crate) has_signatures: bool,
    /// Whether `dist` names attestations, such as of its provenance.
    pub(crate) has_attestations: bool,
    /// Whether `dist` names attestations of its provenance.
    pub(crate) has_provenance: bool,
    /// Whether its registry says that a trusted publisher published it.
    pub(crate) by_trusted_publisher: bool,
    /// Whether its registry says that a second person approved it.
    pub(crate) is_approved: bool,
}

impl ManifestFacts {
    /// Reads them from a manifest of either form. Of one that is not an object, the worst is assumed.
    pub(crate) fn of(manifest: &RawValue) -> Self {
        let Ok(fields) = serde_json::from_str::<Fields<'_>>(manifest.get()) else {
            return Self {
                install_scripts: true,
                license: None,
                deprecated: None,
                has_signatures: false,
                has_attestations: false,
                has_provenance: false,
                by_trusted_publisher: false,
                is_approved: false,
            };
        };
        let dist = object(fields.get("dist"));
        let has = |field: &str, empty: [&str; 2]| {
            dist.get(field).is_some_and(|value| value.get() != "null" && !empty.contains(&value.get()))
        };
        let attestations = object(dist.get("attestations"));
        let publisher = object(fields.get("_npmUser"));
        let deprecated = fields.get("deprecated").filter(|reason| !says_nothing(reason));
        Self {
            // npm builds native code of a package without install scripts, too.
            install_scripts: has_install_script(&fields)
                || fields.get("gypfile").is_some_and(|gypfile| gypfile.get() == "true"),
            license: license(&fields),
            deprecated: deprecated.map(|reason| text(reason).unwrap_or_else(|| reason.get().to_owned())),
            has_signatures: has("signatures", ["[]", "\"\""]),
            has_attestations: has("attestations", ["{}", "false"])
                && !dist.get("attestations").is_some_and(is_unverified),
            has_provenance: is_object(attestations.get("provenance")),
            by_trusted_publisher: is_object(publisher.get("trustedPublisher")),
            is_approved: is_object(publisher.get("approver")),
        }
    }
}

fn object<'json>(value: Option<&&'json RawValue>) -> Fields<'json> {
    value.and_then(|value| serde_json::from_str(value.get()).ok()).unwrap_or_default()
}

/// Whether a value is an object that says something.
fn is_object(value: Option<&&RawValue>) -> bool {
    !object(value).is_empty()
}

/// Whether attestations are those of this registry, which could not verify them: anyone can make such a bundle.
fn is_unverified(attestations: &&RawValue) -> bool {
    let fields: Fields<'_> = serde_json::from_str(attestations.get()).unwrap_or_default();
    fields.contains_key("unverifiedProvenance") && !fields.contains_key("provenance")
}

/// Returns the license of a manifest. Old packages have objects, and lists of which any license applies.
fn license(fields: &Fields<'_>) -> Option<String> {
    let read = |field: &str| serde_json::from_str::<Value>(fields.get(field)?.get()).ok();
    let named = |value: &Value| {
        let text = value.as_str().or_else(|| value["type"].as_str())?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    read("license").as_ref().and_then(named).or_else(|| {
        let licenses = read("licenses")?;
        let all: Vec<_> = licenses.as_array()?.iter().filter_map(named).collect();
        (!all.is_empty()).then(|| all.join(" OR "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(manifest: &str) -> ManifestFacts {
        ManifestFacts::of(&RawValue::from_string(manifest.to_owned()).unwrap())
    }

    #[test]
    fn facts_come_in_all_their_forms() {
        for scripted in [
            r#"{"hasInstallScript":true}"#,
            r#"{"scripts":{"postinstall":"x"}}"#,
            r#"{"gypfile":true}"#,
            r#"{"scripts":{},"scripts":{"install":"x"}}"#,
            "7",
        ] {
            assert!(facts(scripted).install_scripts, "{scripted}");
        }
        assert!(!facts(r#"{"scripts":{"test":"x"},"hasInstallScript":false}"#).install_scripts);
        for (manifest, license) in [
            (r#"{"license":"MIT"}"#, Some("MIT")),
            (r#"{"license":{"type":"MIT"}}"#, Some("MIT")),
            (r#"{"licenses":[{"type":"MIT"},"ISC"]}"#, Some("MIT OR ISC")),
            (r#"{"license":" "}"#, None),
            (r#"{"license":7}"#, None),
            ("{}", None),
        ] {
            assert_eq!(facts(manifest).license.as_deref(), license, "{manifest}");
        }
        let proven = facts(r#"{"deprecated":"old","dist":{"signatures":[{}],"attestations":{"url":"x"}}}"#);
        assert!(
            proven.has_signatures && proven.has_attestations && proven.deprecated.as_deref() == Some("old")
        );
        let published = facts(
            r#"{"_npmUser":{"trustedPublisher":{"id":"github"}},"dist":{"attestations":{"provenance":{"predicateType":"x"}}}}"#,
        );
        assert!(published.by_trusted_publisher && published.has_provenance && !published.is_approved);
        assert!(facts(r#"{"_npmUser":{"approver":{"name":"ana"}}}"#).is_approved);
        for said in ["null", "true", "\"yes\"", "{}", "[{}]", "7"] {
            let told = facts(&format!(
                r#"{{"_npmUser":{{"trustedPublisher":{said},"approver":{said}}},"dist":{{"attestations":{{"provenance":{said}}}}}}}"#
            ));
            assert!(!told.by_trusted_publisher && !told.has_provenance && !told.is_approved, "{said}");
        }
        let unproven = facts(r#"{"deprecated":"","dist":{"signatures":[],"attestations":null}}"#);
        assert!(!unproven.has_signatures && !unproven.has_attestations && unproven.deprecated.is_none());
    }
}
