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
        r#""bundleDependencies":true,"dependencies":{"good":"1.0.0"}"#,
    ] {
        contents(bundling(field).file("package/node_modules/good/index.js", b""));
    }
    contents(
        TarballBuilder::with_manifest()
            .file("package/test/node_modules/fixture/index.js", b"")
            .file("package/node_modules_of_tests/a.js", b""),
    );
}

#[test]
fn the_folder_alone_is_refused_as_its_content_is() {
    for path in ["package/node_modules/", "package/node_modules", "package/Node_Modules/"] {
        let refused = refusal(TarballBuilder::with_manifest().entry(EntryType::Directory, path, b""));
        assert_eq!(refused, TarballError::NotBundled { path: path.to_owned() });
    }
    contents(bundling(GOOD).entry(EntryType::Directory, "package/node_modules/", b""));
}

#[test]
fn a_file_in_its_place_is_refused_even_if_a_dependency_is_bundled() {
    for path in ["package/node_modules", "package/NODE_MODULES", "package/node_modules::$DATA"] {
        for tarball in [TarballBuilder::with_manifest(), bundling(GOOD)] {
            let refused = refusal(tarball.file(path, b""));
            let problem = "is a file where clients install dependencies";
            assert_eq!(refused, TarballError::EntryPath { path: path.to_owned(), problem });
        }
    }
}

const GOOD: &str = r#""bundleDependencies":["good"]"#;

/// A bundled package, which needs others.
fn needing(tarball: TarballBuilder, package: &str, fields: &str) -> TarballBuilder {
    let manifest = format!(r#"{{"name":"any","version":"1.0.0",{fields}}}"#);
    tarball.file(&format!("package/node_modules/{package}/package.json"), manifest.as_bytes())
}

#[track_caller]
fn is_in_no_bundle(tarball: TarballBuilder, path: &str) {
    assert_eq!(refusal(tarball), TarballError::NotInBundle { path: path.to_owned() });
}

#[test]
fn a_package_that_is_not_bundled_is_refused_beside_one_that_is() {
    let good = || needing(bundling(GOOD), "good", r#""main":"a.js""#);
    is_in_no_bundle(good().file(EVIL, b""), EVIL);
    is_in_no_bundle(bundling(GOOD).file(EVIL, b"").file("package/node_modules/good/a.js", b""), EVIL);
    insta::assert_snapshot!(
        refusal(good().file(EVIL, b"")),
        @r#"the tarball's entry "package/node_modules/evil/index.js" is in node_modules, and neither `bundleDependencies` nor a bundled package names it; list it in `bundleDependencies` or leave it out"#
    );
    for path in [
        "package/node_modules/@good/evil/index.js",
        "package/node_modules/good.js",
        "package/node_modules/good",
        "package/node_modules/@good",
        "package/node_modules/.bin/good",
        "package/node_modules/.package-lock.json",
        "package/node_modules/Good/index.js",
        "package/Node_Modules/good/index.js",
        "package/node_modules./good/index.js",
    ] {
        is_in_no_bundle(bundling(GOOD).file(path, b""), path);
    }
    let folder = "package/node_modules/evil/";
    is_in_no_bundle(bundling(GOOD).entry(EntryType::Directory, folder, b""), folder);
    let alias = bundling(GOOD).extended("path", "package/é.js").file(EVIL, b"");
    is_in_no_bundle(alias, EVIL);
}

#[test]
fn a_package_that_a_bundled_one_needs_is_taken() {
    for field in ["dependencies", "optionalDependencies", "peerDependencies"] {
        let needs = |name: &str| format!(r#""{field}":{{"{name}":"*","absent":"*"}}"#);
        let tarball = bundling(GOOD).file("package/node_modules/@far/off/index.js", b"");
        let tarball = needing(tarball, "near", &needs("@far/off"));
        let tarball = needing(tarball, "@far/off", &needs("good"));
        contents(needing(tarball, "good", &needs("near")));
    }
    let everything = r#""bundleDependencies":true,"dependencies":{"a":"*"},"optionalDependencies":{"b":"*"}"#;
    contents(
        bundling(everything)
            .file("package/node_modules/a/a.js", b"")
            .file("package/node_modules/b/b.js", b""),
    );
    let folders = bundling(r#""bundledDependencies":["@s/good"]"#);
    let folders = folders.entry(EntryType::Directory, "package/node_modules/", b"");
    let folders = folders.entry(EntryType::Directory, "package/node_modules/@s/", b"");
    contents(folders.entry(EntryType::Directory, "package/node_modules/@s/good", b""));
}

#[test]
fn only_what_node_would_find_is_needed() {
    let needs = r#""dependencies":{"evil":"*"}"#;
    // It finds the one in its own folder.
    let tarball =
        needing(bundling(GOOD), "good", needs).file("package/node_modules/good/node_modules/evil/a.js", b"");
    is_in_no_bundle(tarball.file(EVIL, b""), EVIL);
    // One that is bundled by nothing needs nothing.
    let tarball = needing(bundling(GOOD), "other", needs).file(EVIL, b"");
    is_in_no_bundle(tarball, "package/node_modules/other/package.json");
    // Development dependencies are not packed, and no other file says what is needed.
    is_in_no_bundle(
        needing(bundling(GOOD), "good", r#""devDependencies":{"evil":"*"}"#).file(EVIL, b""),
        EVIL,
    );
    let deeper = needing(bundling(GOOD), "good/lib", needs);
    is_in_no_bundle(deeper.file(EVIL, b""), EVIL);
    let unreadable = bundling(GOOD).file("package/node_modules/good/package.json", b"{");
    is_in_no_bundle(unreadable.file(EVIL, b""), EVIL);
    // A package in the folder of a bundled one may need one outside of it.
    let tarball = needing(bundling(GOOD), "good", r#""dependencies":{"inner":"*"}"#);
    contents(needing(tarball, "good/node_modules/inner", needs).file(EVIL, b""));
}

/// pnpm, yarn 1 and older npm pack the folder of a bundled package as it is.
#[test]
fn what_is_in_the_folder_of_a_bundled_package_is_taken() {
    contents(bundling(GOOD).file("package/node_modules/good/node_modules/other/index.js", b""));
}
