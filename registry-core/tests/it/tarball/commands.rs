//! A folder of commands, and a `bin`, is one of which all clients make the same commands.

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

#[test]
fn a_file_of_a_folder_with_an_odd_name_is_refused() {
    for name in ["pe el", "pe+el", "pêel", "@peel"] {
        let path = format!("package/tools/{name}");
        is_refused(with(FOLDER).file(&path, b""), &path);
    }
}

#[track_caller]
fn is_odd(bin: &str, names: &str) {
    let refused = refusal(with(&format!(r#""bin":{bin}"#)));
    assert!(matches!(&refused, TarballError::Command { part, .. } if part == names), "{bin}: {refused}");
}

/// npm takes what follows the last slash, backslash or colon, yarn 1 drops the command, and others use the name as it is.
#[test]
fn a_command_with_an_odd_name_is_refused() {
    for name in [
        "",
        ".",
        "..",
        "../peel",
        "a/peel",
        "@a/peel",
        "@peel",
        "a:peel",
        "pe el",
        " peel",
        "peel+",
        "$",
        "pêel",
        "peel~",
        "__proto__",
    ] {
        is_odd(&format!(r#"{{"peel":"cli.js","{name}":"cli.js"}}"#), name);
    }
    is_odd(r#"{"a\\peel":"cli.js"}"#, r"a\peel");
    let refused = refusal(with(r#""bin":{"@a/peel":"cli.js"}"#));
    insta::assert_snapshot!(refused, @r#"clients would make different commands of `bin` in the tarball's package.json, because "@a/peel" is not a name of letters, digits, dots, dashes and underscores; write an object such as `{"greet": "lib/greet.js"}`"#);
    // The command has the name of the package.
    let manifest = br#"{"name":"@acme/~greet","version":"1.0.0","bin":"cli.js"}"#;
    let refused = refusal(TarballBuilder::default().file("package/package.json", manifest));
    assert!(matches!(&refused, TarballError::Command { part, .. } if part == "~greet"), "{refused}");
}

/// npm moves it into the package, yarn 1 and pnpm drop it, and yarn 4 leaves the package.
#[test]
fn a_command_with_an_odd_target_is_refused() {
    for target in [
        "/cli.js",
        "../cli.js",
        "lib/../cli.js",
        "../../../etc/passwd",
        "lib/..",
        "lib/",
        "./",
        ".",
        "c:cli.js",
        r"lib\cli.js",
    ] {
        let text = serde_json::to_string(target).unwrap();
        is_odd(&text, target);
        is_odd(&format!(r#"{{"peel":{text}}}"#), target);
    }
    is_odd(r#"{"peel":""}"#, "");
    for target in ["7", "null", "true", "[]", "{}", r#"["cli.js"]"#] {
        is_odd(&format!(r#"{{"peel":{target}}}"#), "peel");
    }
}

#[test]
fn a_bin_of_another_form_is_refused() {
    for list in [r#"["cli.js"]"#, r#"["./bin/one","two"]"#, "[7]"] {
        is_odd(list, "a list");
    }
    for value in ["7", "true"] {
        is_odd(value, "its value");
    }
}

#[test]
fn commands_that_are_one_file_on_some_systems_are_refused() {
    is_odd(r#"{"peel":"a.js","Peel":"b.js"}"#, "Peel");
    is_odd(r#"{"peel":"a.js","peel.":"b.js"}"#, "peel.");
    contents(with(r#""bin":{"peel":"a.js","Peel":"./a.js"}"#));
}

#[test]
fn plain_commands_are_taken() {
    for bin in [
        r#""cli.js""#,
        r#""./lib/cli.js""#,
        r#"{"peel":"cli.js","r.js":"./lib//r.js","_peel":"a b.js","2-peel":"é","-":"./.x"}"#,
        "null",
        "false",
        r#""""#,
        "[]",
        "{}",
    ] {
        contents(with(&format!(r#""bin":{bin}"#)));
    }
    let manifest = br#"{"name":"@acme/greet","version":"1.0.0","bin":"cli.js"}"#;
    contents(TarballBuilder::default().file("package/package.json", manifest));
}
