use std::process::Command;

/// A function carries neither the server nor what only the server needs.
#[test]
fn the_function_is_built_without_the_server() {
    let mut tree = Command::new(env!("CARGO"));
    tree.args(["tree", "--offline", "--locked", "-p", "registry-lambda", "-e", "normal", "--prefix", "none"]);
    let output = tree.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    let packages = String::from_utf8(output.stdout).unwrap();
    assert!(packages.contains("registry-core "), "{}", String::from_utf8_lossy(&output.stderr));
    for package in ["registry-server ", "clap ", "indicatif ", "metrics-exporter-prometheus "] {
        assert!(!packages.lines().any(|line| line.starts_with(package)), "{package}is a dependency");
    }
}
