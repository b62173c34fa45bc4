use registry_core::domain::TarballError;
use registry_core::domain::tarball::inspect;
use registry_core::limits::Limits;
use tar::EntryType;

use super::{contents, refusal};
use crate::tarball_builder::{TarballBuilder, gzip, record};

#[test]
fn counts_files_and_their_bytes() {
    let contents = contents(
        TarballBuilder::default()
            .entry(EntryType::Directory, "package/", b"")
            .file("package/index.js", b"12345")
            .entry(EntryType::Directory, "package/lib", b"")
            .file("package/lib/a.js", &[b'x'; 600])
            .file("package/package.json", br#"{"name":"greet","version":"1.0.0","x":[1]}"#),
    );
    assert_eq!((contents.file_count, contents.unpacked_size), (3, 5 + 600 + 42));
    assert_eq!(contents.manifest["x"], serde_json::json!([1]));
    assert!(!contents.has_shrinkwrap && !contents.has_gyp_file && contents.readme.is_none());
}

#[test]
fn finds_what_the_registry_tells_about() {
    let contents = contents(
        TarballBuilder::with_manifest()
            .file("package/binding.gyp", b"{}")
            .file("package/npm-shrinkwrap.json", b"{}")
            .file("package/README.md", "# Größe".as_bytes()),
    );
    assert!(contents.has_gyp_file && contents.has_binding_gyp && contents.has_shrinkwrap);
    assert_eq!(contents.readme, Some(("README.md".to_owned(), "# Größe".to_owned())));
}

#[test]
fn finds_them_at_the_root_only() {
    let contents = contents(
        TarballBuilder::with_manifest()
            .file("package/lib/binding.gyp", b"{}")
            .file("package/.gyp", b"{}")
            .file("package/lib/npm-shrinkwrap.json", b"{}")
            .file("package/lib/README.md", b"# a"),
    );
    assert!(!contents.has_gyp_file && !contents.has_shrinkwrap && contents.readme.is_none());
}

#[test]
fn long_paths_of_both_kinds_are_read() {
    let long = format!("package/{}/README.md", "d".repeat(150));
    let contents = contents(
        TarballBuilder::default()
            .entry(EntryType::GNULongName, "././@LongLink", format!("{long}\0").as_bytes())
            .file("package/cut-off", b"1")
            .extended("path", "package/README.md")
            .file("package/cut-off", b"# a")
            .altered(EntryType::Regular, "package.json", br#"{"name":"a","version":"1.0.0"}"#, |header| {
                header[345..345 + 7].copy_from_slice(b"package");
            }),
    );
    assert_eq!(contents.file_count, 3);
    assert_eq!(contents.readme, Some(("README.md".to_owned(), "# a".to_owned())));
}

#[test]
fn what_real_packers_add_is_harmless() {
    let size = br#"{"name":"a","version":"1.0.0"}"#.len().to_string();
    contents(
        TarballBuilder::default()
            .entry(EntryType::XGlobalHeader, "pax_global_header", record("comment", "0a1b2c").as_bytes())
            .entry(
                EntryType::XHeader,
                "PaxHeader/package.json",
                [record("mtime", "1.5"), record("size", &size), record("SCHILY.xattr.x", "\u{1}\0\u{2}")]
                    .concat()
                    .as_bytes(),
            )
            .file("package/package.json", br#"{"name":"a","version":"1.0.0"}"#)
            .altered(EntryType::Regular, "package/b", b"b", |header| {
                header[257..265].copy_from_slice(b"ustar  \0");
            })
            .altered(EntryType::Regular, "package/c", b"c", |header| header[156..].fill(0)),
    );
}

#[test]
fn an_archive_may_come_without_an_end_and_with_zeros_after_it() {
    let whole = TarballBuilder::with_manifest().file("package/a", &[7; 3000]);
    let bytes = whole.build_without_end();
    assert!(inspect(&bytes, &Limits::default()).is_ok());
    assert!(inspect(&[bytes.clone(), vec![0; 99]].concat(), &Limits::default()).is_ok());
    // pnpm and deno read the first member of gzip alone.
    for behind in [b"garbage".to_vec(), gzip(&[0; 1024]), gzip(b"")] {
        let refusal = inspect(&[bytes.clone(), behind].concat(), &Limits::default()).unwrap_err();
        assert_eq!(refusal, TarballError::TrailingData);
    }
}

#[test]
fn what_is_no_tarball_is_refused() {
    let whole = TarballBuilder::with_manifest().file("package/a", &[7; 3000]).build();
    let inspect = |bytes: &[u8]| inspect(bytes, &Limits::default()).unwrap_err();
    assert_eq!(inspect(b""), TarballError::NotGzip);
    assert_eq!(inspect(b"PK\x03\x04"), TarballError::NotGzip);
    assert_eq!(inspect(&whole[..whole.len() - 9]), TarballError::CorruptGzip);
    assert!(matches!(inspect(&gzip(b"no tar")), TarballError::CorruptTar { .. }));
    assert!(matches!(inspect(&gzip(&[b'x'; 5000])), TarballError::CorruptTar { .. }));
    assert_eq!(inspect(&gzip(&[0; 1024])), TarballError::NoManifest);
    assert_eq!(inspect(&gzip(b"")), TarballError::NoManifest);
}

#[test]
fn the_checksum_of_gzip_is_checked_to_its_end() {
    let mut bytes = TarballBuilder::with_manifest().build();
    let checksum = bytes.len() - 8;
    bytes[checksum] ^= 1;
    assert_eq!(inspect(&bytes, &Limits::default()), Err(TarballError::CorruptGzip));
}

#[test]
fn paths_that_leave_the_package_are_refused() {
    for path in ["/etc/passwd", "package/../../x", "package\\..\\..\\x", "C:\\x", ".."] {
        let refusal = refusal(TarballBuilder::with_manifest().file(path, b"x"));
        assert!(
            matches!(&refusal, TarballError::EntryPath { path: shown, .. } if shown == path),
            "{path}: {refusal}"
        );
    }
    for (key, value) in [("path", ""), ("path", "../x"), ("path", "package/a\0b")] {
        let refusal = refusal(TarballBuilder::with_manifest().extended(key, value).file("package/a", b"x"));
        assert!(matches!(refusal, TarballError::EntryPath { .. }), "{value:?}: {refusal}");
    }
}

#[test]
fn paths_that_some_client_or_disk_names_otherwise_are_refused() {
    let long = format!("package/{}", "b".repeat(256));
    for path in [
        "package/index\u{1}.js",
        "package/a\u{1b}b.js",
        "package/a\t.js",
        "package/\u{7f}",
        "package/.::$INDEX_ALLOCATION/x.js",
        "package/\u{200c}/x.js",
        &long,
    ] {
        let refusal = refusal(TarballBuilder::with_manifest().extended("path", path).file("package/a", b"x"));
        assert!(matches!(refusal, TarballError::EntryPath { .. }), "{path:?}: {refusal}");
    }
}

#[test]
fn a_mode_that_some_clients_cannot_read_is_refused() {
    for mode in [b"0000888\0", b"zzzzzzz\0", b"\0\0\0\0\0\0\0\0", b"-000644\0", b"\x80\0\0\0\0\0\x01\xa4"] {
        let refusal = refusal(TarballBuilder::with_manifest().altered(
            EntryType::Regular,
            "package/a",
            b"x",
            |header| header[100..108].copy_from_slice(mode),
        ));
        assert!(matches!(refusal, TarballError::Ambiguous { .. }), "{mode:?}: {refusal}");
    }
}

#[test]
fn what_a_bundled_package_runs_at_an_install_is_found() {
    let has_script = |path: &str, text: &str| {
        let manifest = br#"{"name":"greet","version":"1.0.0","bundleDependencies":["zz","@a/b"]}"#;
        let tarball =
            TarballBuilder::default().file("package/package.json", manifest).file(path, text.as_bytes());
        contents(tarball).has_bundled_install_script
    };
    let path = "package/node_modules/zz/package.json";
    assert!(has_script(path, r#"{"scripts":{"\u0069nstall":"node x"}}"#));
    assert!(has_script(path, r#"{"scripts":{"postinstall":["node x"]}}"#));
    assert!(has_script(path, "no JSON"));
    assert!(has_script(
        "package/node_modules/@a/b/node_modules/c/package.json",
        r#"{"scripts":{"preinstall":"x"}}"#
    ));
    assert!(has_script("package/node_modules/zz/binding.gyp", "{}"));
    assert!(!has_script(path, r#"{"scripts":{"test":"node x","install":""}}"#));
    assert!(!has_script("package/lib/package.json", r#"{"scripts":{"install":"node x"}}"#));
}

#[test]
fn links_are_refused() {
    for kind in [EntryType::Symlink, EntryType::Link] {
        let refused = refusal(TarballBuilder::with_manifest().link(kind, "package/a.js", "b.js"));
        assert_eq!(refused, TarballError::Link { path: "package/a.js".to_owned() });
    }
}

#[test]
fn a_second_package_json_in_disguise_is_refused() {
    for path in [
        "package/C:/package.json",
        "package/c:package.json",
        "package/C:\\package.json",
        "x/y:/package.json",
        "package///?/C:/package.json",
        "package/\\\\srv\\share\\package.json",
        "package//package.json",
        "package/./package.json",
        "package/PACKAG~1.JSO",
        "package/package.json::$DATA",
        "package/package.json/a",
        "other/package.json",
        "package.json",
    ] {
        let refused =
            refusal(TarballBuilder::with_manifest().file(path, br#"{"name":"evil","version":"1.0.0"}"#));
        let is_named = matches!(refused, TarballError::EntryPath { .. } | TarballError::SeveralManifests);
        assert!(is_named, "{path}: {refused}");
    }
}

#[test]
fn each_place_belongs_to_one_entry() {
    for (first, second) in [("a.js", "a.js"), ("a", "a/b.js"), ("a/b.js", "a")] {
        let tarball = TarballBuilder::with_manifest().file(&format!("package/{first}"), b"1");
        let refused = refusal(tarball.file(&format!("package/{second}"), b"2"));
        assert_eq!(refused, TarballError::Twice { path: format!("package/{second}") });
    }
    let tarball = TarballBuilder::with_manifest().file("package/a", b"1");
    assert!(matches!(
        refusal(tarball.entry(EntryType::Directory, "package/a/", b"")),
        TarballError::Twice { .. }
    ));
}

/// Windows and macOS would overwrite one with the other.
#[test]
fn each_place_belongs_to_one_entry_on_every_disk() {
    for (first, second) in [
        ("README.md", "readme.md"),
        ("lib/a.js", "Lib/A.js"),
        ("café.js", "cafe\u{301}.js"),
        ("CAFÉ/a.js", "cafe\u{301}/a.js"),
        ("a.js", "a.js."),
        ("a.js", "a.js "),
        ("a.js", "a.js::$DATA"),
        ("lib", "LIB/a.js"),
    ] {
        for (first, second) in [(first, second), (second, first)] {
            let tarball = TarballBuilder::with_manifest().file(&format!("package/{first}"), b"1");
            let refused = refusal(tarball.file(&format!("package/{second}"), b"2"));
            let named =
                |path: &str| refused.to_string().contains(&format!("{:?}", format!("package/{path}")));
            assert!(matches!(refused, TarballError::SameOnSomeSystems { .. }), "{refused}");
            // A folder has no entry of its own.
            let folder = first.strip_suffix("/a.js").filter(|_| !second.contains('/')).unwrap_or(first);
            assert!(named(folder) && named(second), "{first} and {second}: {refused}");
        }
    }
    contents(
        TarballBuilder::with_manifest()
            .file("package/lib/a.js", b"1")
            .file("package/Lib/b.js", b"2")
            .entry(EntryType::Directory, "package/LIB/", b"")
            .file("package/man/Foo::Bar.3", b"3")
            .file("package/man/Foo::Baz.3", b"4")
            .file("package/é.js", b"5")
            .file("package/e.js", b"6"),
    );
}

#[test]
fn a_device_of_windows_is_no_file() {
    for path in ["package/aux.js", "package/lib/NUL", "package/con/a.js", "package/COM1.txt"] {
        let refused = refusal(TarballBuilder::with_manifest().file(path, b"1"));
        assert!(matches!(refused, TarballError::EntryPath { .. }), "{path}: {refused}");
    }
    contents(
        TarballBuilder::default()
            .file("aux/package.json", br#"{"name":"greet","version":"1.0.0"}"#)
            .file("aux/console.js", b"1")
            .file("aux/com0", b"1")
            .file("aux/.aux", b"1"),
    );
}

#[test]
fn what_windows_and_macos_refuse_is_told_in_a_sentence() {
    let told = |path: &str| {
        refusal(TarballBuilder::with_manifest().file("package/a.js", b"1").file(path, b"2")).to_string()
    };
    insta::assert_snapshot!(told("package/A.js"), @r#"the tarball's entries "package/a.js" and "package/A.js" are one file on Windows or macOS, which ignore capitals, forms of accents, and dots and spaces at the end; rename one of them"#);
    insta::assert_snapshot!(told("package/aux.js"), @r#"the tarball has an entry at "package/aux.js", which Windows takes for a device (CON, PRN, AUX, NUL, COM1, LPT1); rename or leave out the file"#);
}

#[test]
fn everything_is_in_one_folder() {
    for path in ["other/a.js", "a.js"] {
        let refused = refusal(TarballBuilder::with_manifest().file(path, b"1"));
        assert!(matches!(refused, TarballError::OutsideTopFolder { .. }), "{path}: {refused}");
    }
}

#[test]
fn what_decides_about_an_install_is_the_same_on_every_disk() {
    for path in ["package/Binding.gyp", "package/NPM-shrinkwrap.json", "package/binding.gyp."] {
        let refused = refusal(TarballBuilder::with_manifest().file(path, b"{}"));
        assert!(matches!(refused, TarballError::Disguised { .. }), "{path}: {refused}");
    }
}

#[test]
fn shrinkwraps_of_the_package_and_of_bundled_ones_are_read() {
    let from = |host: &str| {
        let source = format!("https://{host}.example/fig/-/fig-1.0.0.tgz");
        serde_json::json!({ "packages": { "node_modules/fig": { "resolved": source } } }).to_string()
    };
    let manifest = br#"{"name":"greet","version":"1.0.0","bundleDependencies":["a","@b/c"]}"#;
    let bundled = |path: &str| format!("package/node_modules/{path}");
    let contents = contents(
        TarballBuilder::default()
            .file("package/package.json", manifest)
            .file("package/npm-shrinkwrap.json", from("one").as_bytes())
            .file(&bundled("a/npm-shrinkwrap.json"), from("two").as_bytes())
            .file(&bundled("@b/c/npm-shrinkwrap.json"), from("three").as_bytes())
            .file(&bundled("a/node_modules/d/NPM-SHRINKWRAP.json"), from("four").as_bytes())
            .file(&bundled("a/test/npm-shrinkwrap.json"), b"no JSON")
            .file("package/test/npm-shrinkwrap.json", b"no JSON"),
    );
    let origins: Vec<_> = contents.shrinkwrap_origins.iter().map(String::as_str).collect();
    let expected =
        ["https://four.example", "https://one.example", "https://three.example", "https://two.example"];
    assert_eq!(origins, expected);
}

#[test]
fn a_shrinkwrap_that_npm_could_read_otherwise_is_refused() {
    for (json, says) in [
        (b"{".to_vec(), "cannot be used"),
        (br#"{"packages":{"node_modules/fig":{"resolved":"github:fig/fig"}}}"#.to_vec(), "github:fig/fig"),
        (vec![b' '; (4 << 20) + 1], "larger than 4194304 bytes"),
    ] {
        let error = refusal(TarballBuilder::with_manifest().file("package/npm-shrinkwrap.json", &json));
        assert!(error.to_string().contains(says), "{error}");
    }
}
