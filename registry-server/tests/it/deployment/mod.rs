//! The folders of `examples` that deploy the server: what can be checked of them without a cluster and without a Docker engine.

mod docker;
mod kubernetes;
mod nginx;
mod observability;
mod systemd;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::running::registry_server;

fn example(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(path)
}

fn text_of(path: &str) -> String {
    std::fs::read_to_string(example(path)).unwrap()
}

/// Has the server check the settings in `path`, with `variables` as they are deployed with it.
#[track_caller]
fn assert_sound(path: &str, variables: &[(&str, &str)]) {
    let config = example(path);
    let mut check = registry_server(&["config", "check", "--config", config.to_str().unwrap()]);
    assert_ended_well(&check.envs(variables.iter().copied()).output().unwrap());
}

#[track_caller]
fn assert_ended_well(output: &Output) {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
}

/// Runs a linter of which any complaint is an error.
#[track_caller]
fn lint(program: &Path, arguments: &[&str], files: &[PathBuf]) {
    assert_ended_well(&Command::new(program).args(arguments).args(files).output().unwrap());
}
