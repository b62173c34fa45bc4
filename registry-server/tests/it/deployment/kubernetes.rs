//! `examples/kubernetes`

use std::path::PathBuf;

use registry_testkit::machine_tools::find;
use registry_testkit::python_tool::KUBERNETES_VALIDATE;

use super::{assert_sound, example, lint, text_of};

fn resources() -> Vec<PathBuf> {
    let kustomization = text_of("kubernetes/kustomization.yaml");
    let (_, after) = kustomization.split_once("\nresources:\n").unwrap();
    let names = after.lines().map_while(|line| line.strip_prefix("  - "));
    let resources: Vec<_> = names.map(|name| example("kubernetes").join(name)).collect();
    assert_eq!(resources.len(), 6, "{resources:?}");
    resources
}

#[test]
fn the_settings_are_sound() {
    assert_sound("kubernetes/registry.toml", &[("REGISTRY_GITHUB_CLIENT_SECRET", "secret")]);
}

#[cfg(feature = "aws")]
#[test]
fn the_bucket_takes_its_options() {
    use registry_core::storage::open_bucket;
    use registry_server::settings::Settings;

    registry_testkit::install_tls_provider();
    let settings = Settings::from_toml(&text_of("kubernetes/registry.toml")).unwrap();
    let deployment = text_of("kubernetes/deployment.yaml");
    let bucket = deployment.lines().find_map(|line| line.trim().strip_prefix("value: s3:")).unwrap();
    open_bucket(&format!("s3:{bucket}").parse().unwrap(), &settings.registry.storage.options).unwrap();
}

#[test]
fn every_resource_fits_its_schema() {
    let Some(programs) = KUBERNETES_VALIDATE.install() else { return };
    // The oldest version that has all that is used here, and the newest that the tool knows.
    for version in ["1.30", "1.37"] {
        let arguments = ["--strict", "--quiet", "-k", version];
        lint(&programs.join("kubernetes-validate"), &arguments, &resources());
    }
}

/// Left out where the machine has no kubectl: the test above has checked each resource.
#[test]
fn kustomize_puts_it_together() {
    let Some(kubectl) = find("kubectl") else { return };
    lint(&kubectl, &["kustomize"], &[example("kubernetes")]);
}
