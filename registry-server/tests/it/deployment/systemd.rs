//! `examples/systemd`

use std::process::Command;

use registry_testkit::machine_tools::find;
use tempfile::TempDir;

use super::{assert_ended_well, assert_sound, lint, text_of};

#[test]
fn the_settings_are_sound() {
    assert_sound("systemd/registry.toml", &[("REGISTRY_STORAGE", "file:/var/lib/registry")]);
}

/// Left out where the machine has no systemd.
#[test]
fn the_unit_is_understood_and_closed() {
    let Some(analyze) = find("systemd-analyze") else { return };
    let folder = TempDir::with_prefix("unit-").unwrap();
    let unit = folder.path().join("registry-server.service");
    let installed = "/usr/local/bin/registry-server";
    let text = text_of("systemd/registry-server.service");
    assert!(text.contains(installed));
    std::fs::write(&unit, text.replace(installed, env!("CARGO_BIN_EXE_registry-server"))).unwrap();
    let verified = Command::new(&analyze).args(["verify", "--man=no"]).arg(&unit).output().unwrap();
    assert_ended_well(&verified);
    // What it does not know it passes over, and says so; of other units of the machine it may say something too.
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(!said.contains("registry-server.service"), "{said}");
    // 100 is a service that may do everything. The network, which a server needs, is most of what is left.
    lint(&analyze, &["security", "--offline=true", "--no-pager", "--threshold=15"], &[unit]);
}
