//! Installs the pinned clients, each once.
//!
//! ```
//! use registry_testkit::clients::{NPM, Toolbox};
//! let toolbox = Toolbox::in_folder("/tmp/clients");
//! assert_eq!(toolbox.folder_of(&NPM), std::path::Path::new("/tmp/clients/npm-11.21.2"));
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Map, json};

use super::PinnedClient;
use super::install_once::install_once;
use super::node::{NPM_IS_NEEDED, check_node_for};

/// A folder of installed clients, shared by all tests and all test processes of this machine.
#[derive(Debug, Clone)]
pub struct Toolbox {
    folder: PathBuf,
    installer: PathBuf,
}

impl Toolbox {
    /// The toolbox in this build's `target` folder; without one, in the system's folder for temporary files.
    pub fn shared() -> Self {
        let executable = std::env::current_exe().unwrap_or_default();
        let target = executable.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
        let parent = target.map_or_else(|| std::env::temp_dir().join("registry-testkit"), Path::to_path_buf);
        Self::in_folder(parent.join("clients"))
    }

    /// A toolbox in `folder`, which is made when the first client is installed.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), installer: PathBuf::from("npm") }
    }

    /// The folder that everything is installed in.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where `client` is, or will be.
    pub fn folder_of(&self, client: &PinnedClient) -> PathBuf {
        self.folder.join(format!("{}-{}", client.package.replace('/', "+"), client.version))
    }

    /// The file of `client` to run. Installs the client if it is not there yet.
    ///
    /// # Panics
    ///
    /// Where Node.js or npm is missing or too old, or the install fails: with what to do about it.
    pub async fn entry_of(&self, client: &PinnedClient) -> PathBuf {
        let (toolbox, client) = (self.clone(), *client);
        let installed = tokio::task::spawn_blocking(move || toolbox.install(&client)).await;
        match installed {
            Ok(Ok(entry)) => entry,
            Ok(Err(reason)) => panic!("{reason}"),
            Err(error) => panic!("installing the client was cut short: {error}"),
        }
    }

    fn install(&self, client: &PinnedClient) -> Result<PathBuf, String> {
        check_node_for(client, "node")?;
        let folder = self.folder_of(client);
        let find = || {
            client
                .paths()
                .iter()
                .map(|path| folder.join("node_modules").join(path))
                .find(|path| path.is_file())
        };
        let found = install_once(&folder, find, |unfinished| self.fill(client, unfinished))?;
        found.ok_or_else(|| {
            let (system, processor) = (std::env::consts::OS, std::env::consts::ARCH);
            format!(
                "{} brought no program that runs here ({system}, {processor}): run these tests on another machine, \
                 or name the file of this platform in registry-testkit/src/clients/pinned.rs",
                client.specification()
            )
        })
    }

    fn fill(&self, client: &PinnedClient, folder: &Path) -> Result<(), String> {
        let failed = |error: io::Error| format!("cannot install {}: {error}", client.specification());
        if !client.overrides.is_empty() {
            let overrides: Map<_, _> = client
                .overrides
                .iter()
                .map(|(package, version)| ((*package).to_owned(), json!(version)))
                .collect();
            fs::write(folder.join("package.json"), json!({ "overrides": overrides }).to_string())
                .map_err(failed)?;
        }
        // The environment is the machine's own, because its registry, proxy and certificates may be set there;
        // the folder is not the test's, so that no `.npmrc` of a project is read.
        let output = Command::new(&self.installer)
            .args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"])
            .arg(folder)
            .arg(client.specification())
            .current_dir(folder)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => NPM_IS_NEEDED.to_owned(),
                _ => failed(error),
            })?;
        if !output.status.success() {
            let printed = String::from_utf8_lossy(&output.stderr);
            return Err(format!("npm could not install {}:\n{printed}", client.specification()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::{NPM, Program, YARN_1, YARN_4};

    #[test]
    fn a_machine_without_npm_is_told_what_to_install() {
        let folder = tempfile::tempdir().unwrap();
        let toolbox = Toolbox { folder: folder.path().into(), installer: "/nowhere/npm".into() };
        assert_eq!(toolbox.install(&NPM), Err(NPM_IS_NEEDED.to_owned()));
    }

    #[tokio::test]
    async fn many_at_once_install_one_client() {
        let folder = tempfile::tempdir().unwrap();
        let toolbox = Toolbox::in_folder(folder.path());
        let entries = futures::future::join_all((0..4).map(|_| toolbox.entry_of(&NPM))).await;
        assert!(entries.iter().all(|entry| *entry == entries[0] && entry.is_file()));
        let unfinished = toolbox.folder_of(&NPM).with_added_extension("unfinished");
        assert!(!unfinished.exists());
    }

    #[test]
    fn an_install_that_was_killed_is_done_again() {
        let folder = tempfile::tempdir().unwrap();
        let toolbox = Toolbox::in_folder(folder.path());
        let unfinished = toolbox.folder_of(&NPM).with_added_extension("unfinished");
        fs::create_dir_all(unfinished.join("node_modules/npm")).unwrap();
        assert!(toolbox.install(&NPM).unwrap().is_file());
    }
    #[test]
    fn a_scope_makes_no_folder_of_its_own() {
        let folder = Toolbox::in_folder("/tools").folder_of(&YARN_4);
        assert_eq!(folder, Path::new("/tools/@yarnpkg+cli-dist-4.18.1"));
    }

    #[test]
    fn a_client_that_cannot_be_installed_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let toolbox = Toolbox { folder: folder.path().into(), installer: "false".into() };
        assert_eq!(toolbox.install(&YARN_1), Err("npm could not install yarn@1.22.22:\n".to_owned()));
    }

    #[test]
    fn overrides_are_there_when_npm_begins() {
        let folder = tempfile::tempdir().unwrap();
        let toolbox = Toolbox { folder: folder.path().into(), installer: "false".into() };
        let client = PinnedClient { overrides: &[("pear", "1.2.3")], ..YARN_1 };
        assert!(toolbox.install(&client).is_err());
        let manifest = toolbox.folder_of(&client).with_added_extension("unfinished").join("package.json");
        assert_eq!(fs::read_to_string(manifest).unwrap(), r#"{"overrides":{"pear":"1.2.3"}}"#);
    }

    #[test]
    fn a_platform_without_a_program_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let program = Program::Executable { paths: &["@yarnpkg/yarn-of-another-platform/yarn"] };
        let client = PinnedClient { program, ..YARN_1 };
        let error = Toolbox::in_folder(folder.path()).install(&client).unwrap_err();
        assert!(error.starts_with("yarn@1.22.22 brought no program that runs here ("), "{error}");
    }
}
