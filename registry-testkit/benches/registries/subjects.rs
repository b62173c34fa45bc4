use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, anyhow};
use registry_testkit::benchmark::{Nginx, NginxFiles, Process, free_port, sign_up};
use registry_testkit::server_process::ServerProcess;
use tempfile::TempDir;

use crate::tools::Tools;

/// Who is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    ThisServer,
    Nginx,
    Verdaccio,
    Pnpr,
}

impl Kind {
    /// In the order of the table.
    pub(crate) const ALL: [Self; 4] = [Self::ThisServer, Self::Nginx, Self::Verdaccio, Self::Pnpr];

    /// As the table calls it.
    pub(crate) const fn column(self) -> &'static str {
        match self {
            Self::ThisServer => "this server",
            Self::Nginx => "nginx",
            Self::Verdaccio => "verdaccio",
            Self::Pnpr => "pnpr",
        }
    }
}

/// A running registry that knows an account, and asks for it at every read. nginx asks for none.
pub(crate) struct Subject {
    pub(crate) base_url: String,
    pub(crate) token: Option<String>,
    running: Running,
    _folder: TempDir,
}

enum Running {
    ThisServer(Box<ServerProcess>),
    Nginx(Nginx),
    Other(Process),
}

/// All of them, or why one does not run.
pub(crate) type Subjects = Vec<Result<Subject, String>>;

/// Starts all, each with nothing stored, in front of `upstream`.
pub(crate) async fn start_all(tools: &Tools, upstream: &str) -> Subjects {
    let mut subjects = Vec::new();
    for kind in Kind::ALL {
        subjects.push(Subject::start(kind, tools, upstream).await.map_err(|error| format!("{error:#}")));
    }
    subjects
}

impl Subject {
    /// Starts it with nothing stored.
    pub(crate) async fn start(kind: Kind, tools: &Tools, upstream: &str) -> anyhow::Result<Self> {
        let folder = TempDir::with_prefix(kind.column().replace(' ', "-"))?;
        let (running, base_url, accounts) = match kind {
            Kind::ThisServer => this_server(tools, upstream, folder.path()).await?,
            Kind::Nginx => {
                let nginx = Nginx::start(NginxFiles::AsTheyAre)?;
                let base_url = nginx.base_url();
                (Running::Nginx(nginx), base_url, None)
            }
            Kind::Verdaccio => verdaccio(tools, upstream, folder.path())?,
            Kind::Pnpr => pnpr(tools, upstream, folder.path())?,
        };
        let token = match accounts {
            None => None,
            Some(accounts) => Some(sign_up(&accounts).await),
        };
        Ok(Self { base_url, token, running, _folder: folder })
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> anyhow::Result<u32> {
        match &self.running {
            Running::ThisServer(server) => server.id().context("the server has ended"),
            Running::Nginx(nginx) => Ok(nginx.id()),
            Running::Other(process) => Ok(process.id()),
        }
    }

    /// It, if it is nginx.
    pub(crate) fn nginx(&self) -> Option<&Nginx> {
        match &self.running {
            Running::Nginx(nginx) => Some(nginx),
            _ => None,
        }
    }
}

/// What runs, the registry's URL, and the URL at which accounts are made.
type Started = (Running, String, Option<String>);

async fn this_server(tools: &Tools, upstream: &str, folder: &Path) -> anyhow::Result<Started> {
    let configuration = folder.join("registry.toml");
    let text = format!(
        "[upstreams.npm]
        url = \"{upstream}/\"
        [cache]
        upstream_seconds = 3600
        [[packages]]
        match = \"@bench/*\"
        read = [\"@authenticated\"]
        publish = [\"@authenticated\"]
        [[packages]]
        match = \"**\"
        read = [\"@authenticated\"]
        origin = [\"hosted\", \"npm\"]
        "
    );
    fs::write(&configuration, text)?;
    let configuration = configuration.to_str().context("the target folder's path is no text")?;
    // As the others: none writes a line for each request.
    let arguments = ["--config", configuration, "--log", "warn"];
    let server = ServerProcess::start(&tools.server, &arguments, &folder.join("storage")).await;
    let base_url = server.base_url().to_owned();
    Ok((Running::ThisServer(Box::new(server)), base_url.clone(), Some(base_url)))
}

fn verdaccio(tools: &Tools, upstream: &str, folder: &Path) -> anyhow::Result<Started> {
    let (node, script) = tools.verdaccio.as_ref().map_err(|reason| anyhow!("{reason}"))?;
    let configuration = folder.join("config.yaml");
    // Tokens that carry a signature: with its older ones it would check a password at each request.
    let text = format!(
        "storage: {folder}/storage
auth:
  htpasswd:
    file: {folder}/htpasswd
    max_users: 10
security:
  api:
    jwt:
      sign:
        expiresIn: 30d
max_body_size: 100mb
uplinks:
  npm:
    url: {upstream}/
    maxage: 60m
packages:
  '@bench/*':
    access: $authenticated
    publish: $authenticated
  '**':
    access: $authenticated
    publish: $authenticated
    proxy: npm
web:
  enable: false
log: {{ type: stdout, format: json, level: fatal }}
",
        folder = folder.display()
    );
    fs::write(&configuration, text)?;
    let port = free_port()?;
    let mut command = clean(Command::new(node), folder);
    command.arg(script).arg("--config").arg(&configuration);
    command.args(["--listen", &format!("127.0.0.1:{port}")]).env("NODE_ENV", "production");
    let process = Process::start(&mut command, port, &folder.join("log"))?;
    let base_url = format!("http://127.0.0.1:{port}");
    Ok((Running::Other(process), base_url.clone(), Some(base_url)))
}

fn pnpr(tools: &Tools, upstream: &str, folder: &Path) -> anyhow::Result<Started> {
    let program = tools.pnpr.as_ref().map_err(|reason| anyhow!("{reason}"))?;
    let configuration = folder.join("config.yaml");
    let text = format!(
        "storage: {folder}/storage
auth:
  htpasswd:
    file: {folder}/htpasswd
    max_users: 10
registries:
  npm:
    type: upstream
    url: {upstream}/
    maxage: 60m
    access: $authenticated
  local:
    type: hosted
    packages:
      '@bench/*':
        access: $authenticated
        publish: $authenticated
  main:
    type: router
    sources: [local, npm]
",
        folder = folder.display()
    );
    fs::write(&configuration, text)?;
    let port = free_port()?;
    let mut command = clean(Command::new(program), folder);
    command.arg("-c").arg(&configuration).args(["--listen", &format!("127.0.0.1:{port}")]);
    command.args(["--packument-ttl-secs", "3600"]).env("RUST_LOG", "error");
    let process = Process::start(&mut command, port, &folder.join("log"))?;
    let accounts = format!("http://127.0.0.1:{port}");
    Ok((Running::Other(process), format!("{accounts}/~main"), Some(accounts)))
}

/// Without anything that this machine has set.
fn clean(mut command: Command, folder: &Path) -> Command {
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", folder).current_dir(folder);
    command
}
