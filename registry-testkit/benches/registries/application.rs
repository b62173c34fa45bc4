use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use registry_testkit::clients::{Client, ClientHome, NPM, PNPM, PackageFolder, PinnedClient, package};
use registry_testkit::http_client::HttpClient;
use registry_testkit::server_process::ServerProcess;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::reads::ABBREVIATED;
use crate::tools::Tools;

/// Stands for the fixture's URL in the files, since that is another one in each run.
pub(crate) const PLACEHOLDER: &str = "http://registry.example";

/// What many applications are made of.
const DEPENDENCIES: [(&str, &str); 14] = [
    ("@babel/core", "^7.0.0"),
    ("@babel/preset-env", "^7.0.0"),
    ("@babel/preset-react", "^7.0.0"),
    ("JSONStream", "^1.3.5"),
    ("eslint", "^9.0.0"),
    ("express", "^5.0.0"),
    ("jest", "^29.0.0"),
    ("mocha", "^11.0.0"),
    ("react", "^19.0.0"),
    ("react-dom", "^19.0.0"),
    ("typescript", "^5.0.0"),
    ("webpack", "^5.0.0"),
    ("webpack-cli", "^6.0.0"),
    ("webpack-dev-server", "^5.0.0"),
];

/// A real application, with all packages that npm and pnpm fetch to install it.
pub(crate) struct Application {
    /// `packuments/NAME.json`, `tarballs/PATH`, `package-lock.json`.
    pub(crate) folder: PathBuf,
    /// How many npm installs, those for other platforms included.
    pub(crate) packages: usize,
    lock: String,
}

impl Application {
    /// The one of an earlier run. Without one, npm and pnpm install it once, through this server, from the registry that
    /// the machine's npm is set up with, and what passed is kept.
    pub(crate) async fn load_or_record(folder: &Path, tools: &Tools) -> anyhow::Result<Self> {
        let kept = folder.join("application");
        if !kept.is_dir() {
            let recorded = TempDir::with_prefix("application-")?;
            record(recorded.path(), tools).await.context("the application's packages cannot be fetched")?;
            fs::rename(recorded.keep(), &kept)?;
        }
        let lock = fs::read_to_string(kept.join("package-lock.json"))?;
        let packages = versions_in_npm_lock(&serde_json::from_str(&lock)?).len();
        ensure!(packages >= 500, "the application has only {packages} packages");
        Ok(Self { folder: kept, packages, lock })
    }

    /// A project with the lock file that `npm ci` needs. It names no registry.
    pub(crate) fn for_npm(&self, home: &ClientHome) -> PathBuf {
        home.project(&project().file("package-lock.json", &self.lock))
    }

    /// A project without one, so that pnpm has to resolve it.
    pub(crate) fn for_pnpm(home: &ClientHome) -> PathBuf {
        home.project(&project())
    }
}

/// What `npm ci` is told; it installs what the lock file says.
pub(crate) const NPM_CI: [&str; 4] = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
/// What npm is told once, to write the lock file. No address of a registry is in it.
const NPM_LOCK: [&str; 4] =
    ["install", "--package-lock-only", "--ignore-scripts", "--omit-lockfile-registry-resolved"];
/// What pnpm is told; it resolves, fetches and installs.
pub(crate) const PNPM_INSTALL: [&str; 3] = ["install", "--ignore-scripts", "--no-frozen-lockfile"];

fn project() -> PackageFolder {
    let dependencies: Value = DEPENDENCIES
        .iter()
        .map(|(name, range)| ((*name).to_owned(), json!(range)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    package("application", "1.0.0").field("private", json!(true)).field("dependencies", dependencies)
}

async fn record(folder: &Path, tools: &Tools) -> anyhow::Result<()> {
    let storage = TempDir::with_prefix("recording-")?;
    let upstream = machine_registry()?;
    let server = recorder(tools, &upstream, storage.path()).await?;
    let npm = Client::new(&NPM, server.base_url()).await;
    let npm_project = npm.home().project(&project());
    let npm = patiently(npm, &NPM, &server, &npm_project, &NPM_LOCK).await?;
    let npm = patiently(npm, &NPM, &server, &npm_project, &NPM_CI).await?;
    let lock = fs::read_to_string(npm_project.join("package-lock.json"))?;
    let mut versions = versions_in_npm_lock(&serde_json::from_str(&lock)?);
    drop(npm);

    let pnpm = Client::new(&PNPM, server.base_url()).await;
    let pnpm_project = Application::for_pnpm(pnpm.home());
    let pnpm = patiently(pnpm, &PNPM, &server, &pnpm_project, &PNPM_INSTALL).await?;
    versions.extend(versions_in_pnpm_lock(&fs::read_to_string(pnpm_project.join("pnpm-lock.yaml"))?));
    drop(pnpm);
    let _ = server.stop().await;

    // From now on nothing can be asked for that has not passed already.
    let closed = recorder(tools, "http://127.0.0.1:9/", storage.path()).await?;
    export(&closed, &versions, folder).await?;
    fs::write(folder.join("package-lock.json"), lock)?;
    let _ = closed.stop().await;
    Ok(())
}

/// This server in front of another registry, with what it keeps in a folder.
async fn recorder(tools: &Tools, upstream: &str, storage: &Path) -> anyhow::Result<ServerProcess> {
    let configuration = storage.join("registry.toml");
    fs::write(&configuration, "[cache]\nupstream_seconds = 86400\n")?;
    let configuration = configuration.to_str().context("the target folder's path is no text")?;
    let arguments = ["--config", configuration, "--upstream", upstream, "--log", "warn"];
    Ok(ServerProcess::start(&tools.server, &arguments, &storage.join("data")).await)
}

/// A client is given up after two minutes, which a slow network may need more than once. What has passed is kept, so
/// that another attempt begins where the last one ended.
async fn patiently(
    client: Client,
    pinned: &PinnedClient,
    server: &ServerProcess,
    folder: &Path,
    arguments: &'static [&'static str],
) -> anyhow::Result<Client> {
    let mut client = client;
    let folder = folder.to_owned();
    let mut last = String::new();
    for _ in 0..4 {
        let folder = folder.clone();
        let attempt = tokio::spawn(async move {
            let output = client.run_in(&folder, arguments).await;
            (client, output)
        });
        match attempt.await {
            Ok((client, output)) if output.status.success() => return Ok(client),
            Ok((again, output)) => {
                last = output.to_string();
                client = again;
            }
            Err(error) => {
                last = error.to_string();
                client = Client::new(pinned, server.base_url()).await;
            }
        }
    }
    bail!("{last}\n--- the server\n{}", server.stderr());
}

/// The registry that the machine's npm is set up with. It is told to the server, and written nowhere.
fn machine_registry() -> anyhow::Result<String> {
    let output =
        Command::new("npm").args(["config", "get", "registry"]).output().context("npm is missing")?;
    let printed = String::from_utf8(output.stdout)?;
    ensure!(output.status.success() && printed.starts_with("http"), "npm does not tell its registry");
    Ok(printed.trim().to_owned())
}

async fn export(server: &ServerProcess, versions: &Versions, folder: &Path) -> anyhow::Result<()> {
    let http = HttpClient::new(server.base_url());
    let names: BTreeSet<&str> = versions.iter().map(|(name, _)| name.as_str()).collect();
    for name in names {
        let path = format!("/{}", name.replace('/', "%2f"));
        let answer = http.get(&path).header("accept", ABBREVIATED).send().await;
        if answer.status != 200 {
            // Both clients name optional packages of other platforms that they never look at.
            continue;
        }
        let packument = answer.json();
        let text = answer.text().replace(server.base_url(), PLACEHOLDER);
        write(&folder.join("packuments").join(format!("{name}.json")), text.as_bytes())?;
        for (_, version) in versions.iter().filter(|(other, _)| other == name) {
            let url = packument["versions"][version]["dist"]["tarball"].as_str().unwrap_or_default();
            let Some(path) = url.strip_prefix(server.base_url()) else { continue };
            let tarball = http.get(path).send().await;
            if tarball.status == 200 {
                write(&folder.join("tarballs").join(path.trim_start_matches('/')), &tarball.body)?;
            }
        }
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// The packages' names below `folder`, with the files.
pub(crate) fn json_files(folder: &Path) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            let scope = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let scoped = json_files(&path)?;
            found.extend(scoped.into_iter().map(|(name, path)| (format!("{scope}/{name}"), path)));
        } else {
            found.push((name, path));
        }
    }
    Ok(found)
}

/// Names with versions.
type Versions = BTreeSet<(String, String)>;

fn versions_in_npm_lock(lock: &Value) -> Versions {
    let packages = lock["packages"].as_object().into_iter().flatten();
    packages
        .filter_map(|(path, package)| {
            let (_, folder) = path.rsplit_once("node_modules/")?;
            // Where a package is installed under another name, its own is written down.
            let name = package["name"].as_str().unwrap_or(folder);
            Some((name.to_owned(), package["version"].as_str()?.to_owned()))
        })
        .collect()
}

/// The keys below `packages:`, such as `'@babel/core@7.29.0':`.
fn versions_in_pnpm_lock(lock: &str) -> Versions {
    let after = lock.split_once("\npackages:\n").map_or("", |(_, after)| after);
    let packages = after.split_once("\nsnapshots:\n").map_or(after, |(packages, _)| packages);
    packages
        .lines()
        .filter_map(|line| {
            let key = line.strip_prefix("  ")?.strip_suffix(':')?.trim_matches('\'');
            let (name, version) = key.rsplit_once('@').filter(|_| !key.starts_with(' '))?;
            Some((name.to_owned(), version.to_owned()))
        })
        .collect()
}
