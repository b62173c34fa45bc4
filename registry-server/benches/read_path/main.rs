//! The server against nginx, on this machine and at the same time: `cargo bench -p registry-server`.
//!
//! nginx hands out the same bytes as ready-made files, which is the most that any registry could do. What is told are
//! ratios: nginx and the server take turns, so whatever else the machine does slows both. See `benches/README.md`.

#![expect(clippy::print_stdout, reason = "a table on stdout is what this is for")]

mod throughput;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;
use clap::Parser;
use registry_testkit::benchmark::{Nginx, Promises, Publisher, Wrk, median, resident_megabytes};
use registry_testkit::http_client::HttpClient;
use registry_testkit::server_process::ServerProcess;
use tempfile::TempDir;

/// Measures the server against nginx.
#[derive(Debug, Parser)]
struct Options {
    /// How often each is measured.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How long each measurement takes, in seconds.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
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
    Wrk::require()?;
    Nginx::require()?;
    tokio::runtime::Runtime::new()?.block_on(measure(&options))
}

async fn measure(options: &Options) -> anyhow::Result<ExitCode> {
    let mut report = Promises::default();
    starting(&mut report).await?;
    throughput::measure(options, &mut report).await?;
    publishing(&mut report).await?;
    println!("\n{report}");
    Ok(if report.kept() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The server, as it is built for production, on a folder.
async fn serve(storage: &Path, arguments: &[&str]) -> ServerProcess {
    ServerProcess::start(Path::new(env!("CARGO_BIN_EXE_registry-server")), arguments, storage).await
}

/// The memory that a server has in use, in MiB.
fn memory_of(server: &ServerProcess) -> anyhow::Result<f64> {
    resident_megabytes(server.id().context("the server has ended")?)
}

/// How soon a server on a new folder answers, and what it takes to wait.
async fn starting(report: &mut Promises) -> anyhow::Result<()> {
    let mut times = Vec::new();
    for _ in 0..5 {
        let storage = TempDir::new()?;
        let started = Instant::now();
        let server = serve(storage.path(), &[]).await;
        let idle = memory_of(&server)?;
        let answer = HttpClient::new(server.base_url()).get("/-/ping").send().await.assert_status(200);
        times.push(started.elapsed().as_secs_f64() * 1000.0);
        anyhow::ensure!(answer.text() == "{}", "the server answers a ping with {}", answer.text());
        report.at_most("start to first answer, ms", median(&times), 200.0);
        report.at_most("memory after the start, MB", idle, 20.0);
        report.at_most("memory after one request, MB", memory_of(&server)?, 20.0);
        server.stop().await;
    }
    Ok(())
}

/// Whether a publish stays quick as the package grows.
async fn publishing(report: &mut Promises) -> anyhow::Result<()> {
    const VERSIONS: usize = 2000;
    const SAMPLES: usize = 20;
    let storage = TempDir::new()?;
    let server = serve(storage.path(), &["--log", "warn"]).await;
    let publisher = Publisher::sign_up(server.base_url()).await;
    let mut second = Vec::new();
    for package in 0..SAMPLES {
        let name = format!("young-{package}");
        publisher.publish(&name, "1.0.0", 0).await;
        second.push(publisher.publish(&name, "1.0.1", 0).await);
    }
    let mut last = Vec::new();
    for version in 0..VERSIONS {
        let took = publisher.publish("old", &format!("1.0.{version}"), 0).await;
        if version >= VERSIONS - SAMPLES {
            last.push(took);
        }
    }
    server.stop().await;
    let (second, last) = (median(&second), median(&last));
    report.plain("publish of version 2, ms", second);
    report.plain(&format!("publish of version {VERSIONS}, ms"), last);
    report.at_most(&format!("publish of version {VERSIONS} against version 2"), last / second, 5.0);
    Ok(())
}
