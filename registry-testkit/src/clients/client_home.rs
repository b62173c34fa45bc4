//! A user's home with nothing in it but the way to one registry.
//!
//! ```
//! use registry_testkit::clients::ClientHome;
//! let home = ClientHome::new("http://127.0.0.1:4873/prefix");
//! assert_eq!(home.token(), None);
//! home.set_token("npm_secret");
//! assert_eq!(home.token().as_deref(), Some("npm_secret"));
//! assert!(home.read_npmrc().contains("//127.0.0.1:4873/prefix/:_authToken=npm_secret\n"));
//! ```

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::process::Command;

use super::redaction::redact;
use super::{CommandOutput, PackageFolder};

/// A home folder with its own caches, settings and work folder. It goes when it is dropped.
#[derive(Debug)]
pub struct ClientHome {
    folder: TempDir,
    registry: String,
    /// Whether each project has an empty `yarn.lock`.
    has_yarn_locks: bool,
}

impl ClientHome {
    /// A home whose clients use the registry at `base_url` and are signed in nowhere.
    ///
    /// # Panics
    ///
    /// If the folder cannot be made.
    pub fn new(base_url: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("client-home-").tempdir();
        let folder = folder.unwrap_or_else(|error| panic!("cannot make a temporary folder: {error}"));
        let registry = format!("{}/", base_url.trim_end_matches('/'));
        let home = Self { folder, registry, has_yarn_locks: false };
        for part in ["cache", "prefix", "tmp", "work"] {
            let made = fs::create_dir(home.path().join(part));
            made.unwrap_or_else(|error| panic!("cannot make a folder in {}: {error}", home.path().display()));
        }
        let place = |part: &str| home.path().join(part).display().to_string();
        home.write_npmrc(&format!(
            "registry={}\ncache={}\nprefix={}\nglobalconfig={}\n\
             update-notifier=false\nfund=false\naudit=false\n\
             fetch-retries=1\nfetch-retry-mintimeout=100\nfetch-retry-maxtimeout=1000\n",
            home.registry,
            place("cache"),
            place("prefix"),
            place("prefix/npmrc"),
        ));
        home.write_yarnrc(None);
        home
    }

    /// The home folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// An empty folder to start commands in.
    pub fn work_folder(&self) -> PathBuf {
        self.path().join("work")
    }

    /// The registry's URL, which ends with `/`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// Gives each project an empty `yarn.lock`. Without one, yarn 4 takes the outermost folder with a `package.json` for the
    /// project, which may be a folder above this home.
    pub(super) fn with_yarn_locks(self) -> Self {
        Self { has_yarn_locks: true, ..self }
    }

    /// Writes a project into this home, and says where.
    pub fn project(&self, package: &PackageFolder) -> PathBuf {
        let folder = package.write_below(&self.path().join("projects"));
        let lock = folder.join("yarn.lock");
        if self.has_yarn_locks && !lock.exists() {
            write(&lock, "");
        }
        folder
    }

    /// Signs the clients in with this token, in place of any other.
    pub fn set_token(&self, token: &str) {
        let key = self.token_key();
        let mut npmrc: String =
            self.read_npmrc().split_inclusive('\n').filter(|line| !line.starts_with(&key)).collect();
        if !npmrc.ends_with('\n') {
            npmrc.push('\n');
        }
        self.write_npmrc(&format!("{npmrc}{key}={token}\n"));
        self.write_yarnrc(Some(token));
    }

    /// The token that the clients are signed in with, such as one that `npm login` stored.
    pub fn token(&self) -> Option<String> {
        let key = self.token_key();
        let npmrc = self.read_npmrc();
        let value = npmrc.lines().find_map(|line| line.strip_prefix(&key)?.trim_start().strip_prefix('='))?;
        Some(value.trim().trim_matches('"').to_owned())
    }

    /// The user's `.npmrc`.
    ///
    /// # Panics
    ///
    /// If it cannot be read.
    pub fn read_npmrc(&self) -> String {
        let path = self.npmrc();
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
    }

    /// What a command printed on stdout and stderr, without what differs from run to run: the registry's address,
    /// this folder, timings, and where npm keeps its log.
    pub fn redacted(&self, output: &CommandOutput) -> String {
        let registry = self.registry.trim_end_matches('/').to_owned();
        let address = registry.split_once("//").map_or("", |(_, rest)| rest).to_owned();
        let home = self.path().display().to_string();
        let replacements = [(home, "[home]"), (registry, "[registry]"), (address, "[address]")];
        redact(&format!("{}{}", output.stdout, output.stderr), &replacements)
    }

    /// A command that sees this home and nothing else of the machine but its programs.
    pub(super) fn command(&self, program: impl AsRef<OsStr>, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path())
            .env("TMPDIR", self.path().join("tmp"))
            .env("LANG", "C.UTF-8")
            .current_dir(folder);
        command
    }

    fn npmrc(&self) -> PathBuf {
        self.path().join(".npmrc")
    }

    fn write_npmrc(&self, content: &str) {
        write(&self.npmrc(), content);
    }

    /// yarn 4 reads no `.npmrc`, wants no slash at the end, and sends a token for an unscoped name only when told to.
    /// It also takes no package that is younger than a day, unless told to.
    fn write_yarnrc(&self, token: Option<&str>) {
        let registry = self.registry.trim_end_matches('/');
        let token = token.map(|token| format!("npmAuthToken: \"{token}\"\n")).unwrap_or_default();
        let content = format!(
            "npmRegistryServer: \"{registry}\"\nnpmAlwaysAuth: true\nnpmMinimalAgeGate: 0\nunsafeHttpWhitelist: [\"127.0.0.1\"]\n{token}"
        );
        write(&self.path().join(".yarnrc.yml"), &content);
    }

    /// npm knows a registry's credentials by its URL without the scheme.
    fn token_key(&self) -> String {
        let without_scheme = self.registry.find("//").map_or("", |at| &self.registry[at..]);
        format!("{without_scheme}:_authToken")
    }
}

fn write(path: &Path, content: &str) {
    fs::write(path, content).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
}
