//! Storages and configurations that are damaged, and what is told of them.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Output;

use registry_testkit::publish_document::PublishDocument;
use serde_json::json;

use super::super::import::packages;
use super::{OPEN, Verdaccio, output, records};
use crate::support::files_below;

/// The failures of an import, one a line, without the names of folders.
fn failures(verdaccio: &Verdaccio, output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let errors = records(output).into_iter().filter_map(|record| Some(record["error"].as_str()?.to_owned()));
    let folder = verdaccio.folder.path().canonicalize().unwrap();
    errors.collect::<Vec<_>>().join("\n").replace(&*folder.to_string_lossy(), "[folder]")
}

#[tokio::test]
async fn what_is_damaged_is_told_and_the_rest_is_imported() {
    let mut verdaccio =
        Verdaccio::with(&["@acme/pear", "bytes", "cut", "gone", "link", "lost", "plum", "text"]);
    let path = |path: &str| verdaccio.path(&format!("storage/{path}"));
    let bytes = fs::read(path("bytes/bytes-1.0.0.tgz")).unwrap();
    let changed: Vec<u8> =
        bytes.iter().enumerate().map(|(at, byte)| if at == 20 { byte ^ 1 } else { *byte }).collect();
    fs::write(path("bytes/bytes-1.0.0.tgz"), changed).unwrap();
    let json = fs::read(path("cut/package.json")).unwrap();
    fs::write(path("cut/package.json"), &json[..json.len() / 2]).unwrap();
    fs::remove_file(path("gone/gone-1.0.0.tgz")).unwrap();
    fs::remove_file(path("lost/package.json")).unwrap();
    fs::write(path("text/package.json"), "<!doctype html>").unwrap();
    // A file of the machine that looks like what is wanted.
    let outside = verdaccio.path("outside.tgz");
    fs::rename(path("link/link-1.0.0.tgz"), &outside).unwrap();
    symlink(&outside, path("link/link-1.0.0.tgz")).unwrap();
    verdaccio.list.push("../escape".to_owned());
    verdaccio.write_list();
    verdaccio.change("plum", |package| {
        package["versions"]["1.1.0"] = json!({
            "name": "plum", "version": "1.1.0", "dist": { "tarball": "http://old/plum/-/..", "shasum": "0".repeat(40) },
        });
    });

    let imported = verdaccio.import(&[]).await;
    insta::assert_snapshot!(failures(&verdaccio, &imported), @r#"
    the list of packages names "../escape", and a package name cannot start with a period or an underscore: leave it there
    bytes@1.0.0 is not imported: the bytes that the source sent do not have the dist.integrity of its packument: mend the source
    cannot read the package cut of the source: cannot read file:[folder]/storage: its package.json is not the JSON that Verdaccio writes (EOF while parsing a string at line 14 column 61): restore it from a backup
    gone@1.0.0 is not imported: the source has no tarball of it
    cannot fetch the tarball of link@1.0.0: cannot read file:[folder]/storage: link/link-1.0.0.tgz leads out of the folder, and is not followed: put the file itself there
    cannot read the package lost of the source: cannot read file:[folder]/storage: it is listed and has no package.json: restore it from a backup, or remove it from the list
    plum@1.1.0 is not imported: the source has no tarball of it
    cannot read the package text of the source: cannot read file:[folder]/storage: its package.json is not the JSON that Verdaccio writes (expected value at line 1 column 1): restore it from a backup
    "#);
    let sum = records(&imported).pop().unwrap();
    assert_eq!((&sum["added"], &sum["refused"]), (&json!(2), &json!(4)));
    let names: Vec<_> =
        packages(&verdaccio.target()).into_keys().filter(|path| path.ends_with("index.json")).collect();
    assert_eq!(names, ["@acme/pear/index.json", "plum/index.json"]);
}

/// A folder of the storage that is a link would be read with the rights of the operator.
#[tokio::test]
async fn no_folder_leads_out_of_the_storage() {
    let mut verdaccio = Verdaccio::with(&["fig"]);
    let elsewhere = Verdaccio::with(&["secret", "cached"]);
    verdaccio.list.push("secret".to_owned());
    verdaccio.write_list();
    for name in ["secret", "cached"] {
        symlink(elsewhere.path(&format!("storage/{name}")), verdaccio.path(&format!("storage/{name}")))
            .unwrap();
    }
    let imported = verdaccio.import(&[]).await;
    insta::assert_snapshot!(failures(&verdaccio, &imported), @r#"
    cached is not in the list of .verdaccio-db.json, and whether it was published here is not known: cached/package.json leads out of the folder, and is not followed: put the file itself there
    cannot read the package secret of the source: cannot read file:[folder]/storage: secret/package.json leads out of the folder, and is not followed: put the file itself there
    "#);
    assert_eq!(records(&imported).pop().unwrap()["added"], 1);
}

#[tokio::test]
async fn what_only_an_uplink_has_is_left_out_and_counted() {
    let mut verdaccio = Verdaccio::with(&["@acme/pear", "plum"]);
    for name in ["left-pad", "@types/node"] {
        let document = PublishDocument::new(name, "1.0.0");
        verdaccio.write(&document);
        verdaccio.change(name, |package| package["_distfiles"] = package["_attachments"].clone());
    }
    verdaccio.write(&PublishDocument::new("forgotten", "1.0.0"));
    // All versions were unpublished, and of the other one only those of the uplink are left.
    for name in ["emptied", "merged"] {
        verdaccio.publish(&PublishDocument::new(name, "1.0.0"));
    }
    verdaccio.change("emptied", |package| {
        for field in ["versions", "dist-tags", "_attachments"] {
            package[field] = json!({});
        }
        package["time"].as_object_mut().unwrap().shift_remove("1.0.0");
    });
    verdaccio.change("merged", |package| {
        package["_distfiles"] = package["_attachments"].clone();
        package["_attachments"] = json!({});
    });
    fs::remove_file(verdaccio.path("storage/merged/merged-1.0.0.tgz")).unwrap();
    verdaccio.publish(&PublishDocument::new("plum", "1.1.0"));
    verdaccio.change("plum", |package| {
        // Heard of, and never taken; its time is that of a version.
        package["versions"]["9.0.0"] = package["versions"]["1.0.0"].clone();
        package["versions"]["9.0.0"]["version"] = json!("9.0.0");
        package["versions"]["9.0.0"]["dist"]["tarball"] =
            json!("https://registry.example/plum/-/plum-9.0.0.tgz");
        package["time"]["9.0.0"] = json!("2021-01-01T00:00:00.000Z");
        package["time"]["0.9.0"] = json!("2019-01-01T00:00:00.000Z");
        package["_distfiles"]["plum-9.0.0.tgz"] =
            json!({ "url": "https://registry.example/plum/-/plum-9.0.0.tgz" });
    });
    let imported = verdaccio.import(&[]).await;
    insta::assert_snapshot!(failures(&verdaccio, &imported), @"forgotten is not imported: it has versions that were published here, and is not in the list of .verdaccio-db.json: add it to the list");
    let records = records(&imported);
    let of = |name: &str| records.iter().find(|record| record["package"] == name).unwrap();
    assert_eq!(of("emptied"), &json!({ "package": "emptied", "left-out": "it has no version" }));
    insta::assert_snapshot!(of("plum")["notes"].to_string(), @r#"["the source names no owners, so it belongs to every account that may publish","1 version left out: Verdaccio heard of them from an uplink, and never took their tarballs"]"#);
    let sum = records.last().unwrap();
    let sum =
        ["packages", "added", "refused", "cached", "failures"].map(|field| sum[field].as_u64().unwrap());
    assert_eq!(sum, [2, 3, 0, 3, 1]);
    let plum = &packages(&verdaccio.target())["plum/index.json"];
    assert_eq!(plum["_tombstones"], json!({ "0.9.0": "2019-01-01T00:00:00.000Z" }));
    assert!(packages(&verdaccio.target()).keys().all(|path| !path.starts_with("left-pad")));
}

#[tokio::test]
async fn a_storage_that_is_missing_leaves_nothing_behind() {
    let place = Verdaccio::with(&["fig"]);
    let config = |text: &str| fs::write(place.path("config.yaml"), text).unwrap();
    let told = async |arguments: &[&str]| {
        let output = place.import(arguments).await;
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert_eq!(output.stdout, b"");
        assert!(!place.target().exists() && !place.path("registry.toml").exists());
        String::from_utf8(output.stderr).unwrap().replace(&*place.folder.path().to_string_lossy(), "[folder]")
    };
    let mut all = String::new();
    for text in [
        "storage: [a",
        "just text",
        "packages: {}\n",
        "storage: ./nowhere\n",
        "store: { aws-s3-storage: { bucket: a } }\n",
        "storage: ./storage\npackages: 7\n",
        "storage: ./storage\npackages: { '**': $all }\n",
        "storage: ./storage\npackages: { '@a b/*': { access: $all } }\n",
        "storage: ./empty\n",
    ] {
        config(text);
        fs::create_dir_all(place.path("empty")).unwrap();
        all.push_str(&told(&[]).await);
    }
    fs::write(place.path("storage/.verdaccio-db.json"), "{\"list\":[\"fig\"").unwrap();
    config(&format!("storage: ./storage\n{OPEN}"));
    all.push_str(&told(&[]).await);
    insta::assert_snapshot!(all, @r#"
    registry-server: [folder]/config.yaml is no configuration of Verdaccio in YAML: while parsing a flow sequence, expected ',' or ']' at byte 11 line 2 column 1
    registry-server: [folder]/config.yaml is no configuration of Verdaccio in YAML: it has no keys, such as `storage`
    registry-server: [folder]/config.yaml has no `storage`: name the folder of the packages in VERDACCIO_STORAGE_PATH
    registry-server: there is no storage of Verdaccio at [folder]/nowhere: name the folder of the packages in VERDACCIO_STORAGE_PATH
    registry-server: Verdaccio keeps its packages with the plugin "aws-s3-storage": use import registry, or copy them to a folder and name it in VERDACCIO_STORAGE_PATH
    registry-server: `packages` of [folder]/config.yaml is no list of patterns
    registry-server: the rule "**" of [folder]/config.yaml has no keys, such as `access`
    registry-server: the rule "@a b/*" of Verdaccio cannot be taken over: access rule 1: the pattern match = "@a b/*" holds ' ', which no package name holds; only `*` and `**` stand for other text
    registry-server: cannot read the list of packages in [folder]/empty: there is no .verdaccio-db.json, which says what was published to Verdaccio: copy it, too
    registry-server: cannot read the list of packages in [folder]/storage: .verdaccio-db.json is cut off or damaged, restore it from a backup: EOF while parsing a list at line 1 column 14
    "#);
    let missing = super::command(place.folder.path(), "/no/such/config.yaml", &place.target());
    let missing = output(missing).await;
    assert!(
        String::from_utf8_lossy(&missing.stderr).contains("cannot read /no/such/config.yaml"),
        "{missing:?}"
    );
    let no_file =
        super::command(place.folder.path(), &place.path("storage").display().to_string(), &place.target());
    let no_file = output(no_file).await;
    assert!(String::from_utf8_lossy(&no_file.stderr).contains("there is no config.yaml in"), "{no_file:?}");
}

#[tokio::test]
async fn a_target_that_is_only_read_is_refused_at_once() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::process::CommandExt as _;

    let verdaccio = Verdaccio::with(&["fig"]);
    assert!(verdaccio.import(&["--dry-run"]).await.status.success());
    assert!(!verdaccio.target().exists());
    fs::create_dir(verdaccio.target()).unwrap();
    let set = |path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let import = async || {
        let mut command = verdaccio.command(&[]);
        if rustix::process::geteuid().is_root() {
            // The superuser writes everywhere.
            command.uid(65_534);
        }
        output(command).await
    };
    set(verdaccio.folder.path().to_owned(), 0o555);
    set(verdaccio.target(), 0o555);
    let no_storage = import().await;
    assert_eq!(fs::read_dir(verdaccio.target()).unwrap().count(), 0);
    set(verdaccio.target(), 0o777);
    let no_settings = import().await;
    set(verdaccio.folder.path().to_owned(), 0o755);
    for (output, told) in [
        (no_storage, "cannot open the storage"),
        (no_settings, "name a file in a folder where you may write, with --settings-out"),
    ] {
        assert_eq!((output.status.code(), &*output.stdout), (Some(1), &b""[..]), "{output:?}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains(told), "{stderr}");
    }
    assert!(files_below(&verdaccio.target()).keys().all(|path| !path.contains("fig")));
    assert!(!verdaccio.path("registry.toml").exists());
}
