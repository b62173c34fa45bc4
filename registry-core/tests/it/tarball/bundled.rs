//! Only a package that bundles dependencies brings `node_modules` along: npm and pnpm install it as it is, yarn does not.

use registry_core::domain::TarballError;
use tar::EntryType;

use super::{contents, refusal};
use crate::tarball_builder::TarballBuilder;

const EVIL: &str = "package/node_modules/evil/index.js";

fn bundling(field: &str) -> TarballBuilder {
    let comma = if field.is_empty() { "" } else { "," };
    let manifest = format!(r#"{{"name":"greet","version":"1.0.0"{comma}{field}}}"#);
    TarballBuilder::default().file("package/package.json", manifest.as_bytes())
}

#[test]
fn what_no_bundle_lists_is_refused_by_the_first_path() {
    for field in [
        "",
        r#""bundleDependencies":false"#,
        r#""bundleDependencies":null"#,
        r#""bundleDependencies":[]"#,
        r#""bundleDependencies":{}"#,
        r#""bundledDependencies":false"#,
        r#""bundledDependencies":[],"bundleDependencies":"""#,
        r#""dependencies":{"evil":"1.0.0"}"#,
    ] {
        let tarball = bundling(field).file("package/index.js", b"").file(EVIL, b"");
        let refused = refusal(tarball.file("package/node_modules/worse/index.js", b""));
        assert_eq!(refused, TarballError::NotBundled { path: EVIL.to_owned() }, "{field}");
    }
    insta::assert_snapshot!(
        refusal(TarballBuilder::with_manifest().file(EVIL, b"")),
        @r#"the tarball's entry "package/node_modules/evil/index.js" is in node_modules, and package.json bundles no dependencies; list the dependency in `bundleDependencies` or leave it out"#
    );
}

#[test]
fn it_is_refused_wherever_the_manifest_is_and_however_the_folder_is_spelled() {
    let before = TarballBuilder::default().file(EVIL, b"");
    let manifest = br#"{"name":"greet","version":"1.0.0"}"#;
    let refused = refusal(before.file("package/package.json", manifest));
    assert_eq!(refused, TarballError::NotBundled { path: EVIL.to_owned() });
    for path in [
        "package/Node_Modules/evil.js",
        "package/node_modules./evil.js",
        "package/node_modules /evil.js",
        "package/node_modules::$INDEX_ALLOCATION/evil.js",
        "package/node_module\u{17f}/evil.js",
        "package/node_\u{200d}modules/evil.js",
        "greet/node_modules/.package-lock.json",
    ] {
        let top = path.split('/').next().unwrap();
        let tarball = TarballBuilder::default().file(&format!("{top}/package.json"), manifest);
        let refused = refusal(tarball.file(path, b""));
        assert_eq!(refused, TarballError::NotBundled { path: path.to_owned() });
    }
    let folder = "package/node_modules/evil/";
    let refused = refusal(TarballBuilder::with_manifest().entry(EntryType::Directory, folder, b""));
    assert_eq!(refused, TarballError::NotBundled { path: folder.to_owned() });
}

/// Where npm receives a long path in parts, it may install the file at the path in the header.
#[test]
fn the_path_in_a_header_counts_where_npm_falls_back_to_it() {
    let tarball = TarballBuilder::with_manifest().extended("path", "package/é.js").file(EVIL, b"");
    assert_eq!(refusal(tarball), TarballError::NotBundled { path: EVIL.to_owned() });
}

#[test]
fn a_bundle_and_other_folders_are_taken() {
    for field in [
        r#""bundleDependencies":["good"]"#,
        r#""bundledDependencies":["good"]"#,
        r#""bundledDependencies":["good"],"bundleDependencies":[]"#,
        r#""bundleDependencies":{"good":"1.0.0"}"#,
        r#""bundleDependencies":true"#,
    ] {
        contents(bundling(field).file("package/node_modules/good/index.js", b""));
    }
    contents(
        TarballBuilder::with_manifest()
            .file("package/test/node_modules/fixture/index.js", b"")
            .file("package/node_modules_of_tests/a.js", b"")
            .entry(EntryType::Directory, "package/node_modules/", b""),
    );
}
