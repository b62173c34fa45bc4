//! What many clients at once cost in memory: `cargo bench -p registry-server --bench memory`.
//!
//! A packument of 10 MB, hosted and behind an upstream, is asked for by 200 clients in the same moment, by a server that
//! has never seen it, and then once more. What is told is the most that the server had resident meanwhile, above what
//! it had when idle. See `benches/README.md`.

#![expect(clippy::print_stdout, reason = "a table on stdout is what this is for")]

mod clients;
mod document;
mod peak;
mod process;
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use registry_testkit::server_process::ServerProcess;
use tempfile::TempDir;

use crate::clients::Wanted;
use crate::table::Table;

/// The most that the clients may cost, in MB.
const PROMISED: f64 = 200.0;

/// Measures the memory of the server.
#[derive(Debug, Parser)]
struct Options {
    /// How many clients ask at once.
    #[arg(long, default_value_t = 200)]
    clients: usize,
    /// The size of the packument in MB.
    #[arg(long, default_value_t = 10)]
    megabytes: usize,
    /// Another build of the server, to compare with.
    #[arg(long, default_value = env!("CARGO_BIN_EXE_registry-server"))]
    server: PathBuf,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<ExitCode> {
    // Test runners start every target to ask for its tests. There are none here.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(ExitCode::SUCCESS);
    }
    let options = Options::parse();
    tokio::runtime::Runtime::new()?.block_on(measure(&options))
}

async fn measure(options: &Options) -> anyhow::Result<ExitCode> {
    let hosting = TempDir::new()?;
    document::store(hosting.path(), options.megabytes)?;
    let mut table = Table::default();
    for wanted in Wanted::ALL {
        let server = serve(options, hosting.path(), &[]).await;
        ask(options, &server, wanted, "hosted", &mut table).await?;
        server.stop().await;
    }
    let upstream = serve(options, hosting.path(), &[]).await;
    for wanted in Wanted::ALL {
        let storage = TempDir::new()?;
        let in_front = ["--upstream", upstream.base_url()];
        let server = serve(options, storage.path(), &in_front).await;
        ask(options, &server, wanted, "upstream", &mut table).await?;
        server.stop().await;
        // What it needs is in the store now, and not in memory.
        let server = serve(options, storage.path(), &in_front).await;
        ask(options, &server, wanted, "upstream, kept", &mut table).await?;
        server.stop().await;
    }
    upstream.stop().await;
    Ok(if table.print() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn serve(options: &Options, storage: &Path, arguments: &[&str]) -> ServerProcess {
    let arguments: Vec<_> = arguments.iter().copied().chain(["--log", "warn"]).collect();
    ServerProcess::start(&options.server, &arguments, storage).await
}

/// All clients at once, of a server that has rendered nothing yet; then all of them again.
async fn ask(
    options: &Options,
    server: &ServerProcess,
    wanted: Wanted,
    from: &str,
    table: &mut Table,
) -> anyhow::Result<()> {
    let idle = process::resident_megabytes(server)?;
    table.at_most("idle, MB", idle, 20.0);
    for round in ["cold", "warm"] {
        peak::forget(server)?;
        clients::ask_at_once(server.base_url(), options.clients, wanted).await?;
        let peak = peak::megabytes(server)? - idle;
        table.at_most(&format!("{from}, {wanted}, {round}: most above idle, MB"), peak, PROMISED);
    }
    // What is kept for good is the packument; the rest is to be given back.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    table.plain(
        &format!("{from}, {wanted}: above idle afterwards, MB"),
        process::resident_megabytes(server)? - idle,
    );
    Ok(())
}
