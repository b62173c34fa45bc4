//! The commands that keep a storage in order, beside the server that runs on it: what they print, and their exit codes.

mod doctor;
mod only_read;
mod retain;
mod sweep;
mod verify;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use registry_testkit::publish_document::PublishDocument;
use serde_json::Value;

use crate::running::run;
use crate::support::{Registry, sign_up};

/// Rules, so that no upstream of this machine's npm is added.
const RULES: &str = "[[packages]]\nmatch = \"**\"\nread = [\"@all\"]\npublish = [\"@authenticated\"]";

async fn with_pear() -> Registry {
    let registry = Registry::start().await;
    let http = registry.http();
    let token = sign_up(&http, "ana").await;
    for version in ["1.0.0", "1.1.0"] {
        let document = PublishDocument::new("pear", version).build();
        let _ = http.put("/pear").bearer(&token).json(&document).send().await.assert_status(201);
    }
    registry
}

fn storage(registry: &Registry) -> String {
    format!("file:{}", registry.storage().display())
}

fn run_on(registry: &Registry, arguments: &[&str]) -> Output {
    run(&[arguments, &["--storage", &storage(registry), "--config", RULES]].concat())
}

/// The lines of JSON on stdout, of a command that ended with this exit code.
#[track_caller]
fn lines(output: &Output, code: i32) -> Vec<Value> {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    let stdout = String::from_utf8(output.stdout.clone()).unwrap();
    stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
        .collect()
}

/// The folder with what is stored of a package.
fn package(registry: &Registry, name: &str) -> PathBuf {
    registry.storage().join("objects").join(name)
}

/// Where the tarball of a version of `pear` is.
fn tarball(registry: &Registry, version: &str) -> PathBuf {
    let folders = fs::read_dir(package(registry, "pear/-")).unwrap();
    let files = folders.map(|folder| folder.unwrap().path().join(format!("pear-{version}.tgz")));
    files.into_iter().find(|file| file.exists()).unwrap()
}

/// A tarball of no version, which was stored long ago.
fn old_orphan(registry: &Registry) -> PathBuf {
    let file = package(registry, "pear/-/00000000000000000000000000000000/pear-9.9.9.tgz");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "orphan").unwrap();
    make_old(&file, Duration::from_hours(25));
    file
}

fn make_old(file: &Path, age: Duration) {
    let file = fs::File::options().write(true).open(file).unwrap();
    let written = file.metadata().unwrap().modified().unwrap();
    file.set_modified(written - age).unwrap();
}
