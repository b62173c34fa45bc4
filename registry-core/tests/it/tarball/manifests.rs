//! Exactly one file becomes `package.json`, and everybody reads it the same.

use registry_core::domain::TarballError;
use registry_core::domain::tarball::inspect;
use registry_core::limits::Limits;
use tar::EntryType;

use super::{contents, refusal};
use crate::tarball_builder::TarballBuilder;

const MANIFEST: &[u8] = br#"{"name":"greet","version":"1.0.0"}"#;

fn with(manifest: &[u8]) -> TarballBuilder {
    TarballBuilder::default().file("package/package.json", manifest)
}

#[test]
fn the_top_folder_may_have_any_name() {
    for path in ["package/package.json", "greet-1.0.0/package.json", "a b/package.json"] {
        assert_eq!(
            contents(TarballBuilder::default().file(path, MANIFEST)).manifest["name"],
            "greet",
            "{path}"
        );
    }
}

#[test]
fn a_manifest_elsewhere_is_none() {
    assert_eq!(refusal(TarballBuilder::default().file("package/index.js", b"")), TarballError::NoManifest);
    for path in ["package/lib/package.json", "package/lib/deep/package.json"] {
        assert_eq!(
            refusal(TarballBuilder::default().file(path, MANIFEST)),
            TarballError::NoManifest,
            "{path}"
        );
        assert_eq!(contents(with(MANIFEST).file(path, b"{}")).manifest["name"], "greet", "{path}");
    }
    for path in ["package.json", "package/Package.json"] {
        let expected = TarballError::ManifestPath { path: path.to_owned() };
        assert_eq!(refusal(TarballBuilder::default().file(path, MANIFEST)), expected);
    }
}

#[test]
fn a_second_manifest_is_refused_under_every_disguise() {
    for path in [
        "package/package.json",
        "x/package.json",
        "package/PACKAGE.json",
        "package.json",
        "package/pac\u{212a}age.json",
        "package/package.json.",
    ] {
        for kind in [EntryType::Regular, EntryType::Directory] {
            let second = TarballBuilder::default().entry(kind, path, b"");
            assert_eq!(
                refusal(with(MANIFEST).entry(kind, path, b"")),
                TarballError::SeveralManifests,
                "{path}"
            );
            assert!(
                inspect(&second.file("package/package.json", MANIFEST).build(), &Limits::default()).is_err()
            );
        }
    }
    let through_an_extended_header =
        with(MANIFEST).extended("path", "package/package.json").file("package/a", b"{}");
    assert_eq!(refusal(through_an_extended_header), TarballError::SeveralManifests);
    let through_a_long_name = with(MANIFEST)
        .entry(EntryType::GNULongName, "././@LongLink", b"package/package.json\0")
        .file("package/a", b"{}");
    assert_eq!(refusal(through_a_long_name), TarballError::SeveralManifests);
}

#[test]
fn it_must_be_a_file() {
    let folder = TarballBuilder::default().entry(EntryType::Directory, "package/package.json", b"");
    assert_eq!(refusal(folder), TarballError::ManifestNotAFile);
    assert_eq!(
        refusal(TarballBuilder::default().file("package/package.json/a", b"")),
        TarballError::ManifestNotAFile
    );
}

#[test]
fn it_must_be_json_that_everybody_reads_the_same() {
    let json = |manifest: &[u8]| match refusal(with(manifest)) {
        TarballError::ManifestJson { reason } => reason,
        other => panic!("{other}"),
    };
    assert!(json(br#"{"name":"a","version":"1.0.0","name":"b"}"#).starts_with(r#"duplicate key "name""#));
    assert!(
        json(br#"{"name":"a","version":"1.0.0","scripts":{"a":"","a":""}}"#)
            .starts_with(r#"duplicate key "a""#)
    );
    assert!(json(&b"[".repeat(100_000)).contains("nested"));
    assert!(json(b"{name: 'a'}").contains("line 1"));
    assert!(json(b"").contains("EOF"));
    assert_eq!(refusal(with(b"[]")), TarballError::ManifestNotAnObject);
    assert_eq!(refusal(with(b"{\"name\":\"\xff\"}")), TarballError::ManifestNotUtf8);
    assert_eq!(refusal(with(b"\xff\xfe{\0}\0")), TarballError::ManifestNotUtf8);
}

#[test]
fn it_must_have_a_name_and_a_version() {
    for (manifest, expected) in [
        ("{}", TarballError::NoName),
        (r#"{"version":"1.0.0"}"#, TarballError::NoName),
        (r#"{"name":" ","version":"1.0.0"}"#, TarballError::NoName),
        (r#"{"name":7,"version":"1.0.0"}"#, TarballError::NoName),
        (r#"{"name":"a"}"#, TarballError::NoVersion),
        (r#"{"name":"a","version":null}"#, TarballError::NoVersion),
    ] {
        assert_eq!(refusal(with(manifest.as_bytes())), expected, "{manifest}");
    }
}

#[test]
fn a_byte_order_mark_before_it_is_harmless() {
    assert_eq!(contents(with(&[b"\xef\xbb\xbf", MANIFEST].concat())).manifest["name"], "greet");
}

/// npm makes a list of dependencies an object, pnpm takes it for none, and yarn and bun each do something else.
#[test]
fn scripts_and_dependencies_are_objects_of_texts_or_nothing() {
    let manifest = |field: &str, value: &str| {
        let manifest = format!(r#"{{"name":"greet","version":"1.0.0","{field}":{value}}}"#);
        with(manifest.as_bytes())
    };
    for field in ["scripts", "dependencies", "optionalDependencies", "peerDependencies"] {
        for value in ["null", "false", r#""""#, "[]", "{}", r#"{"a":""}"#, r#"{"a":"1"}"#] {
            contents(manifest(field, value));
        }
        for (value, named) in [
            (r#"["a@1"]"#, ""),
            ("[null]", ""),
            (r#""a@1""#, ""),
            (r#"" ""#, ""),
            ("7", ""),
            ("0", ""),
            ("true", ""),
            (r#"{"a":"1","b":2}"#, ".b"),
            (r#"{"a":null}"#, ".a"),
            (r#"{"a":["1"]}"#, ".a"),
            (r#"{"a":{}}"#, ".a"),
            (r#"{"a":false}"#, ".a"),
        ] {
            let refused = refusal(manifest(field, value));
            let expected = format!("{field}{named}");
            assert!(
                matches!(&refused, TarballError::ManifestField { field, .. } if *field == expected),
                "{field} {value}: {refused}"
            );
        }
    }
    let told = |field: &str, value: &str| refusal(manifest(field, value)).to_string();
    insta::assert_snapshot!(told("scripts", r#"{"install":["node a.js"]}"#), @r#"`scripts.install` in the tarball's package.json is read differently by each client; write an object whose values are strings, such as `{"test": "node --test"}`"#);
    insta::assert_snapshot!(told("peerDependencies", r#"["fig@1"]"#), @r#"`peerDependencies` in the tarball's package.json is read differently by each client; write an object whose values are strings, such as `{"left-pad": "^1.0.0"}`"#);
}
