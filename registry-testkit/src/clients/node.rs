use std::ffi::OsStr;
use std::process::Command;

use semver::{Version, VersionReq};

use super::{PinnedClient, Program};

/// What a machine without npm, or with too old a Node.js, is told.
pub(super) const NPM_IS_NEEDED: &str =
    "npm is needed to run the client tests: install Node.js 20 or newer with npm and run again";

/// Fails unless the machine's Node.js can run `client`.
pub(super) fn check_node_for(client: &PinnedClient, node: impl AsRef<OsStr>) -> Result<(), String> {
    let Program::Script { node: ranges, .. } = client.program else { return Ok(()) };
    let output = Command::new(node).arg("--version").output().map_err(|_| NPM_IS_NEEDED.to_owned())?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let version = Version::parse(printed.trim().trim_start_matches('v'))
        .map_err(|_| format!("`node --version` printed {printed:?}, which is no version"))?;
    if runs_on(ranges, &version) {
        return Ok(());
    }
    let wanted = ranges.join(" or ");
    Err(format!(
        "{} needs Node.js {wanted} and this machine has {version}: install such a Node.js and run again",
        client.specification()
    ))
}

fn runs_on(ranges: &[&str], node: &Version) -> bool {
    ranges.iter().any(|range| VersionReq::parse(range).is_ok_and(|range| range.matches(node)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::{BUN, NPM, YARN_1, YARN_4};

    fn ranges_of(client: &PinnedClient) -> &'static [&'static str] {
        match client.program {
            Program::Script { node, .. } => node,
            Program::ScriptOfNode { .. } | Program::Executable { .. } => &[],
        }
    }

    #[test]
    fn every_pinned_range_is_a_range() {
        for range in [NPM, YARN_1, YARN_4].iter().flat_map(ranges_of) {
            VersionReq::parse(range).unwrap();
        }
    }

    #[test]
    fn npm_runs_on_the_versions_its_package_names() {
        let runs_on = |version: &str| runs_on(ranges_of(&NPM), &Version::parse(version).unwrap());
        assert!(runs_on("20.17.0") && runs_on("20.20.2") && runs_on("22.9.0") && runs_on("24.1.0"));
        assert!(!runs_on("18.20.0") && !runs_on("20.16.0") && !runs_on("21.0.0") && !runs_on("22.8.0"));
    }

    #[test]
    fn a_machine_without_node_is_told_what_to_install() {
        assert_eq!(check_node_for(&NPM, "/nowhere/node"), Err(NPM_IS_NEEDED.to_owned()));
    }

    #[test]
    fn too_old_a_node_is_named_with_what_is_needed() {
        let program = Program::Script { path: "npm/bin/npm-cli.js", node: &[">=9999.0.0"] };
        let impossible = PinnedClient { program, ..NPM };
        let error = check_node_for(&impossible, "node").unwrap_err();
        assert!(error.starts_with("npm@11.21.2 needs Node.js >=9999.0.0 and this machine has "), "{error}");
    }
    #[test]
    fn a_client_that_is_a_program_of_its_own_needs_no_node() {
        assert_eq!(check_node_for(&BUN, "/nowhere/node"), Ok(()));
    }
}
