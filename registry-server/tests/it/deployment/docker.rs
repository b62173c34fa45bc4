//! `examples/docker`

use std::process::Command;

use registry_testkit::clients::{DCLINT, Toolbox};
use registry_testkit::python_tool::HADOLINT;

use super::{assert_ended_well, assert_sound, example, lint, text_of};

/// What the image sets: `ENV NAME=value \ NAME=value`.
fn variables_of_the_image() -> Vec<(String, String)> {
    let dockerfile = text_of("docker/Dockerfile");
    let (_, after) = dockerfile.split_once("\nENV ").unwrap();
    let lines = after.split('\n').map(str::trim);
    let mut variables = Vec::new();
    for line in lines {
        let (name, value) = line.trim_end_matches([' ', '\\']).split_once('=').unwrap();
        variables.push((name.to_owned(), value.to_owned()));
        if !line.ends_with('\\') {
            break;
        }
    }
    variables
}

#[test]
fn the_settings_are_sound_with_what_the_image_sets() {
    let variables = variables_of_the_image();
    assert_eq!(variables.len(), 3, "{variables:?}");
    let pairs: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_sound("docker/registry.toml", &pairs);
}

#[test]
fn what_nginx_says_of_clients_is_believed() {
    let settings = text_of("docker/registry.toml");
    let (_, after) = settings.split_once("trusted_proxies = [\"").unwrap();
    let subnet = after.split('"').next().unwrap();
    assert!(text_of("docker/compose.yaml").contains(&format!("subnet: {subnet}\n")), "{subnet}");
}

#[test]
fn hadolint_finds_nothing() {
    let Some(programs) = HADOLINT.install() else { return };
    lint(&programs.join("hadolint"), &[], &[example("docker/Dockerfile")]);
}

#[tokio::test]
async fn the_compose_file_fits_its_schema() {
    let entry = Toolbox::shared().entry_of(&DCLINT).await;
    assert_ended_well(&Command::new("node").arg(entry).arg(example("docker/compose.yaml")).output().unwrap());
}
