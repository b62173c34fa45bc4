//! Packuments as they are stored, rendered and looked into.

use registry_core::domain::packument::{
    Packument, TarballIndex, TarballLocation, render_abbreviated, render_full, render_manifest,
};
use registry_core::domain::{Integrity, PackageName, Version};
use serde_json::{Value, json};

const BASE: &str = "https://npm.example.com/registry";

fn name() -> PackageName {
    "@acme/pear".parse().unwrap()
}

fn manifest(version: &str) -> Value {
    json!({
        "name": "@acme/pear",
        "version": version,
        "description": "a \"pear\" at registry.example/@acme/pear/-/pear-1.0.0.tgz",
        "scripts": { "test": "true" },
        "dependencies": { "apple": "^1.0.0" },
        "libc": ["glibc"],
        "_npmUser": { "name": "ana", "email": "" },
        "dist": {
            "integrity": Integrity::of(version.as_bytes()).to_string(),
            "shasum": "00",
            "tarball": format!("@acme/pear/-/pear-{version}.tgz"),
            "fileCount": 3
        }
    })
}

fn stored() -> Value {
    json!({
        "_id": "@acme/pear",
        "_rev": "3-0123456789abcdef0123456789abcdef",
        "name": "@acme/pear",
        "description": "a pear",
        "readme": "# pear",
        "dist-tags": { "latest": "1.1.0", "gone": "0.9.0" },
        "versions": { "1.0.0": manifest("1.0.0"), "1.1.0": manifest("1.1.0") },
        "time": { "created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-03T00:00:00.000Z",
                  "1.0.0": "2026-01-02T00:00:00.000Z", "1.1.0": "2026-01-03T00:00:00.000Z" },
        "maintainers": [{ "name": "ana", "email": "ana@example.com" }],
        "users": { "bob": true },
        "_tombstones": { "0.9.0": "2026-01-02T00:00:00.000Z" },
        "_history": ["3-0123456789abcdef0123456789abcdef"]
    })
}

fn parse(json: &str) -> Packument<'_> {
    Packument::parse(&name(), json.as_bytes()).unwrap()
}

fn value(json: &[u8]) -> Value {
    serde_json::from_slice(json).unwrap()
}

#[test]
fn what_is_stored_is_read_and_written_as_it_was() {
    let json = stored().to_string();
    assert_eq!(value(&parse(&json).to_json().unwrap()), stored());
}

#[test]
fn the_full_document_shows_all_but_what_the_registry_keeps_for_itself() {
    let json = stored().to_string();
    let mut expected = stored();
    let fields = expected.as_object_mut().unwrap();
    fields.remove("_tombstones");
    fields.remove("_history");
    // Some clients give up on a package with a tag that names no version.
    fields["dist-tags"].as_object_mut().unwrap().remove("gone");
    for version in ["1.0.0", "1.1.0"] {
        fields["versions"][version]["dist"]["tarball"] =
            format!("{BASE}/@acme/pear/-/pear-{version}.tgz").into();
    }
    assert_eq!(value(&render_full(&parse(&json), BASE).unwrap()), expected);
}

#[test]
fn the_abbreviated_document_has_what_an_install_needs_and_nothing_else() {
    let mut stored = stored();
    stored["versions"]["1.1.0"]["scripts"]["postinstall"] = "true".into();
    stored["versions"]["1.1.0"]["deprecated"] = "rotten".into();
    let json = stored.to_string();
    let abbreviated = value(&render_abbreviated(&parse(&json), BASE).unwrap());
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&abbreviated), ["name", "modified", "dist-tags", "versions", "time"]);
    assert_eq!(
        keys(&abbreviated["versions"]["1.0.0"]),
        ["name", "version", "dependencies", "libc", "dist"],
        "{abbreviated}"
    );
    assert_eq!(
        abbreviated["versions"]["1.0.0"]["dist"]["tarball"],
        format!("{BASE}/@acme/pear/-/pear-1.0.0.tgz")
    );
    assert_eq!(abbreviated["versions"]["1.1.0"]["hasInstallScript"], true);
    assert_eq!(abbreviated["versions"]["1.1.0"]["deprecated"], "rotten");
    assert_eq!(abbreviated["time"]["1.0.0"], "2026-01-02T00:00:00.000Z");
}

#[test]
fn a_time_map_with_holes_is_left_out_of_the_abbreviated_document() {
    let mut stored = stored();
    stored["time"].as_object_mut().unwrap().remove("1.0.0");
    let json = stored.to_string();
    assert!(value(&render_abbreviated(&parse(&json), BASE).unwrap()).get("time").is_none());
}

#[test]
fn nothing_but_the_tarball_of_a_manifest_is_touched() {
    let json = stored().to_string();
    let packument = parse(&json);
    let rendered = render_manifest(&name(), "1.0.0", &packument.versions["1.0.0"], BASE).unwrap();
    let mut expected = manifest("1.0.0");
    expected["dist"]["tarball"] = format!("{BASE}/@acme/pear/-/pear-1.0.0.tgz").into();
    assert_eq!(String::from_utf8(rendered).unwrap(), expected.to_string());
}

#[test]
fn tarballs_of_codebox_are_found_under_their_version() {
    let mut stored = stored();
    stored["versions"]["1.0.0"]["dist"]["tarball"] =
        "https://old.example.com/prod/registry/@acme%2fpear/-/%40acme%2Fpear-1.0.0.tgz".into();
    let json = stored.to_string();
    let index = TarballIndex::of(&parse(&json)).unwrap();
    assert_eq!(index.get("1.0.0"), Some(&TarballLocation::Plain));
    let integrity = Integrity::of(b"1.1.0");
    assert_eq!(index.get("1.1.0"), Some(&TarballLocation::ContentAddressed(integrity)));
    assert_eq!(index.get("0.9.0"), None);
    // A deployment that had not been told its own address.
    stored["versions"]["1.0.0"]["dist"]["tarball"] =
        "undefined/@acme%2fpear/-/%40acme%2Fpear-1.0.0.tgz".into();
    let json = stored.to_string();
    assert_eq!(TarballIndex::of(&parse(&json)).unwrap().get("1.0.0"), Some(&TarballLocation::Plain));
}

#[test]
fn a_document_of_codebox_without_revision_and_times_is_read() {
    let json = json!({
        "_id": "@acme/pear", "name": "@acme/pear", "dist-tags": { "latest": "1.0.0", "odd": "9.9.9" },
        "versions": { "1.0.0": { "name": "@acme/pear", "version": "1.0.0", "dist": { "tarball": "https://x.example/y" } } },
        "_attachments": { "@acme/pear-1.0.0.tgz": { "data": "AAAA" } }, "access": null
    })
    .to_string();
    let packument = parse(&json);
    assert_eq!(packument.revision.number(), 0);
    assert_ne!(packument.revision.to_string(), "0-00000000000000000000000000000000");
    assert!(packument.is_owned_by("anybody"));
    let written = value(&packument.to_json().unwrap());
    assert!(written.get("_attachments").is_none());
    assert_eq!(written["dist-tags"]["odd"], "9.9.9");
}

#[test]
fn versions_and_tags_select() {
    let json = stored().to_string();
    let packument = parse(&json);
    assert_eq!(packument.resolve("1.0.0"), Some("1.0.0"));
    assert_eq!(packument.resolve("latest"), Some("1.1.0"));
    assert_eq!(packument.resolve("gone"), None);
    assert_eq!(packument.resolve("2.0.0"), None);
}

/// As in a bucket that codebox-npm wrote.
#[test]
fn stored_fields_of_other_types_are_served_as_clients_expect_them() {
    let mut stored = stored();
    stored["versions"]["1.0.0"]["dependencies"] = json!([]);
    stored["versions"]["1.0.0"]["bin"] = json!([]);
    let json = stored.to_string();
    for rendered in [render_full(&parse(&json), BASE), render_abbreviated(&parse(&json), BASE)] {
        let rendered = value(&rendered.unwrap());
        let manifest = &rendered["versions"]["1.0.0"];
        assert_eq!((&manifest["dependencies"], manifest.get("bin")), (&json!({}), None));
        assert_eq!(manifest["dist"]["tarball"], format!("{BASE}/@acme/pear/-/pear-1.0.0.tgz"));
    }
}

/// The version that npm would install, also of a document of another registry.
#[test]
fn a_range_selects_what_npm_would_install() {
    use registry_core::domain::packument::ForeignDocument;
    let manifest = |more: Value| {
        let mut manifest = json!({ "name": "pear" });
        manifest.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        manifest
    };
    let mut json =
        json!({ "name": "pear", "dist-tags": { "latest": "1.1.0", "next": "2.0.0" }, "versions": {} });
    for version in ["1.0.0", "1.1.0", "1.2.0", "2.0.0", "2.1.0-rc.1", "0.9.0"] {
        json["versions"][version] = manifest(json!({ "version": version }));
    }
    json["versions"]["2.0.1"] = manifest(json!({ "version": "2.0.1", "deprecated": "rotten" }));
    json["versions"]["not-a-version"] = manifest(json!({}));
    let json = json.to_string();
    let (hosted, foreign) = (parse(&json), ForeignDocument::parse(&name(), json.as_bytes()).unwrap());
    for (selector, expected) in [
        ("^1.0.0", Some("1.1.0")),
        ("*", Some("1.1.0")),
        ("x", Some("1.1.0")),
        ("^1.1.1", Some("1.2.0")),
        (">=1.2.0", Some("2.0.0")),
        ("2.0.1 - 3", Some("2.0.1")),
        ("~0.9", Some("0.9.0")),
        ("^2.1.0-rc", Some("2.1.0-rc.1")),
        ("v1.2.0", Some("1.2.0")),
        ("1.2.0+build", Some("1.2.0")),
        ("^3", None),
        ("gone", None),
        ("", Some("1.1.0")),
    ] {
        assert_eq!(hosted.select(selector), expected, "{selector}");
        let rendered = foreign.render_manifest(selector, BASE).unwrap();
        let version = rendered.map(|json| value(&json)["version"].as_str().unwrap().to_owned());
        assert_eq!(version.as_deref(), expected, "{selector}");
    }
}

#[test]
fn a_version_is_taken_by_itself_by_its_tombstone_and_by_another_build_of_it() {
    let json = stored().to_string();
    let packument = parse(&json);
    let taken = |version: &str| packument.is_taken(&Version::parse(version).unwrap());
    for version in ["1.0.0", "0.9.0", "1.0.0+build.2", "0.9.0+x"] {
        assert!(taken(version), "{version}");
    }
    for version in ["1.0.1", "1.0.0-rc.1", "0.9.1"] {
        assert!(!taken(version), "{version}");
    }
}

/// npm and others take any `deprecated` for a deprecation, and know one spelling of what is bundled.
#[test]
fn the_abbreviated_form_says_what_holds_in_npms_words() {
    use registry_core::domain::packument::render_foreign_abbreviated;
    for nothing in [json!(false), json!(""), json!(null), json!(0)] {
        let mut stored = stored();
        stored["versions"]["1.0.0"]["deprecated"] = nothing.clone();
        stored["versions"]["1.0.0"]["bundledDependencies"] = json!(["apple"]);
        stored["versions"]["1.1.0"]["deprecated"] = "rotten".into();
        stored["versions"]["1.1.0"]["bundleDependencies"] = json!(["apple"]);
        stored["versions"]["1.1.0"]["bundledDependencies"] = json!(["fig"]);
        let json = stored.to_string();
        let hosted = value(&render_abbreviated(&parse(&json), BASE).unwrap());
        let foreign = value(&render_foreign_abbreviated(&name(), json.as_bytes(), BASE).unwrap());
        for (form, rendered) in [("hosted", hosted), ("foreign", foreign)] {
            let (one, other) = (&rendered["versions"]["1.0.0"], &rendered["versions"]["1.1.0"]);
            assert_eq!(one.get("deprecated"), None, "{form} {nothing}");
            assert_eq!(other["deprecated"], "rotten", "{form}");
            for manifest in [one, other] {
                assert_eq!(manifest["bundleDependencies"], json!(["apple"]), "{form}");
                assert_eq!(manifest.get("bundledDependencies"), None, "{form}");
            }
        }
    }
}
