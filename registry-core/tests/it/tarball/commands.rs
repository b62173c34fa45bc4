//! A folder of commands is one of which all clients make the same commands.

use registry_core::domain::TarballError;
use tar::EntryType;

use super::{contents, refusal};
use crate::tarball_builder::TarballBuilder;

fn with(fields: &str) -> TarballBuilder {
    let manifest = format!(r#"{{"name":"greet","version":"1.0.0",{fields}}}"#);
    TarballBuilder::default().file("package/package.json", manifest.as_bytes())
}

const FOLDER: &str = r#""directories":{"bin":"./tools/"}"#;

#[track_caller]
fn is_refused(tarball: TarballBuilder, names: &str) {
    let refused = refusal(tarball);
    assert!(matches!(&refused, TarballError::CommandFolder { path, .. } if path == names), "{refused}");
}

/// npm and pnpm look into them, yarn 1 and bun do not, and npm and yarn 1 make a command of the folder itself.
#[test]
fn a_folder_in_it_is_refused() {
    let tarball = with(FOLDER).file("package/tools/peel", b"").file("package/tools/deep/core", b"");
    is_refused(tarball, "package/tools/deep/core");
    let folder = "package/tools/deep/";
    is_refused(with(FOLDER).entry(EntryType::Directory, folder, b""), folder);
    is_refused(with(r#""directories":{"bin":"."}"#).file("package/lib/a.js", b""), "package/lib/a.js");
    let refused = refusal(with(FOLDER).file("package/tools/deep/core", b""));
    insta::assert_snapshot!(refused, @r#"clients would make different commands of `directories.bin` in the tarball's package.json, because "package/tools/deep/core" is in a subfolder; list the commands in `bin`"#);
}

#[test]
fn a_folder_that_is_another_one_to_some_clients_is_refused() {
    for folder in ["../tools", "tools/../../tools", "tools:more"] {
        is_refused(with(&format!(r#""directories":{{"bin":"{folder}"}}"#)), folder);
    }
    is_refused(with(FOLDER).file("package/Tools/peel", b""), "package/Tools/peel");
    for bin in ["{}", "[]"] {
        let fields = format!(r#""bin":{bin},"directories":{{"bin":"tools"}}"#);
        is_refused(with(&fields).file("package/tools/peel", b""), "tools");
    }
}

#[test]
fn other_folders_are_taken() {
    contents(
        with(FOLDER)
            .entry(EntryType::Directory, "package/tools/", b"")
            .file("package/tools/peel", b"")
            .file("package/tools/.cache/peel", b"")
            .file("package/lib/deep/core.js", b""),
    );
    for fields in [
        r#""bin":"cli.js","directories":{"bin":"tools"}"#,
        r#""directories":{"bin":""}"#,
        r#""directories":{"lib":"tools"}"#,
    ] {
        contents(with(fields).file("package/tools/deep/core", b""));
    }
}
