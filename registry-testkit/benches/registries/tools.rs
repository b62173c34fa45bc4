use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, ensure};
use registry_testkit::clients::{NODE, NPM, PNPM, PNPR, PinnedClient, Toolbox, VERDACCIO};
use serde_json::{Value, json};

/// The programs that are compared.
pub(crate) struct Tools {
    /// `registry-server`, as it is built for production.
    pub(crate) server: PathBuf,
    /// Node.js and the script, or why there is none.
    pub(crate) verdaccio: Result<(PathBuf, PathBuf), String>,
    /// Or why there is none.
    pub(crate) pnpr: Result<PathBuf, String>,
}

impl Tools {
    /// Builds and installs what is missing. A peer that cannot be installed is left out, and the table says why.
    pub(crate) async fn install() -> anyhow::Result<Self> {
        let server = build_server()?;
        let verdaccio = async { Ok((installed(&NODE).await?, installed(&VERDACCIO).await?)) };
        Ok(Self { server, verdaccio: verdaccio.await, pnpr: installed(&PNPR).await })
    }

    /// What was compared, for the report.
    pub(crate) fn versions() -> Value {
        let pins = [NODE, VERDACCIO, PNPR, NPM, PNPM];
        json!(pins.map(|pin| pin.specification()))
    }
}

/// The toolbox panics with what to do, for the sake of tests.
async fn installed(client: &PinnedClient) -> Result<PathBuf, String> {
    let client = *client;
    let installing = tokio::spawn(async move { Toolbox::shared().entry_of(&client).await });
    installing.await.map_err(|error| format!("{} cannot be installed: {error}", client.specification()))
}

fn build_server() -> anyhow::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    // What cargo tells this program of its own package. Build scripts look at it, and would have everything built anew.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    let status = command
        .args(["build", "--release", "--quiet", "-p", "registry-server"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .context("cannot run cargo")?;
    ensure!(status.success(), "registry-server does not build");
    let server = crate::target_folder()?.join("release/registry-server");
    ensure!(server.is_file(), "cargo built no {}", server.display());
    Ok(server)
}
