//! This server beside nginx, Verdaccio and pnpr, on this machine and at the same time:
//! `cargo bench -p registry-testkit --bench registries`.
//!
//! All stand in front of the same upstream, which is a folder of files served by another nginx, so that after the first
//! run, which fetches an application's packages, no network is needed. They take turns, and what is told are ratios.
//! `CONTRIBUTING.md` says what it needs and how long it takes.

#![expect(clippy::print_stdout, reason = "a table on stdout is what this is for")]

mod application;
mod fixture;
mod installs;
mod memory;
mod publishes;
mod reads;
mod subjects;
mod tools;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use registry_testkit::benchmark::{Nginx, Promises, Table, Wrk};
use serde_json::json;

use crate::application::Application;
use crate::fixture::Fixture;
use crate::subjects::Kind;
use crate::tools::Tools;

/// Compares registries.
#[derive(Debug, Parser)]
struct Options {
    /// Measure only these.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,
    /// How often reads and publishes are measured.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How long each measurement of reads takes, in seconds.
    #[arg(long, default_value_t = 1)]
    seconds: u64,
    /// Of the reads only those whose line in the table has this text.
    #[arg(long, default_value = "")]
    matching: String,
    /// How often installs are measured.
    #[arg(long, default_value_t = 2)]
    install_rounds: usize,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What can be measured by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Reads,
    Installs,
    Publishes,
    Memory,
}

/// What every part needs.
struct Bench {
    options: Options,
    tools: Tools,
    fixture: Fixture,
    table: Table,
    promises: Promises,
}

fn main() -> anyhow::Result<ExitCode> {
    // Test runners start every target to ask for its tests. There are none here.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(ExitCode::SUCCESS);
    }
    let options = Options::parse();
    Wrk::require()?;
    Nginx::require()?;
    tokio::runtime::Runtime::new()?.block_on(compare(options))
}

async fn compare(options: Options) -> anyhow::Result<ExitCode> {
    let began = Instant::now();
    let folder = target_folder()?.join("benchmark");
    let work = folder.join("work");
    std::fs::create_dir_all(&folder)?;
    // Held until the end: another run would take the folder away from this one, and make its numbers worthless.
    let lock = File::create(folder.join("lock"))?;
    lock.try_lock().context("another run is not finished")?;
    // What a run that was killed has left.
    let _ = std::fs::remove_dir_all(&work);
    std::fs::create_dir_all(&work)?;
    tempfile::env::override_temp_dir(&work)
        .map_err(|earlier| anyhow::anyhow!("temporary files are in {}", earlier.display()))?;

    let tools = Tools::install().await?;
    let application = Application::load_or_record(&folder, &tools).await?;
    println!("the application has {} packages; set-up took {:.0?}", application.packages, began.elapsed());
    let fixture = Fixture::start(application)?;
    let table = Table::new(Kind::ALL.map(Kind::column));
    let mut bench = Bench { options, tools, fixture, table, promises: Promises::default() };
    if bench.wants(Part::Reads) {
        reads::measure(&mut bench).await?;
    }
    if bench.wants(Part::Publishes) {
        publishes::measure(&mut bench).await?;
    }
    if bench.wants(Part::Memory) {
        memory::measure(&mut bench).await?;
    }
    if bench.wants(Part::Installs) {
        installs::measure(&mut bench).await?;
    }
    bench.report(&folder.join("registries.json"))?;
    println!("all of it took {:.0?}", began.elapsed());
    Ok(if bench.promises.kept() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The folder of this build, which cargo marks.
fn target_folder() -> anyhow::Result<PathBuf> {
    let executable = std::env::current_exe()?;
    let target = executable.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
    Ok(target.context("this program is not in a target folder; run it with cargo bench")?.to_owned())
}

impl Bench {
    fn wants(&self, part: Part) -> bool {
        self.options.only.is_empty() || self.options.only.contains(&part)
    }

    /// A promise about a row of the table; nothing where the other was not measured.
    fn promise_ratio_at_least(&mut self, what: &str, kind: Kind, least: f64) {
        if let Some(ratio) = self.table.ratio(what, kind.column()) {
            self.promises.at_least(&format!("{what}: of {}", kind.column()), ratio, least);
        }
    }

    /// As [`Self::promise_ratio_at_least`], for what is to be small.
    fn promise_ratio_at_most(&mut self, what: &str, kind: Kind, most: f64) {
        if let Some(ratio) = self.table.ratio(what, kind.column()) {
            self.promises.at_most(&format!("{what}: of {}", kind.column()), ratio, most);
        }
    }

    fn report(&self, file: &Path) -> anyhow::Result<()> {
        println!("\nThe first column is what this server did; the others are its number divided by theirs.");
        println!("+ this server is better, - it is worse, = within a tenth.\n\n{}", self.table);
        println!("{}", self.promises);
        let report = json!({
            "rounds": self.options.rounds,
            "seconds": self.options.seconds,
            "install_rounds": self.options.install_rounds,
            "versions": Tools::versions(),
            "application_packages": self.fixture.application.packages,
            "table": self.table.to_json(),
            "promises": self.promises.to_json(),
        });
        std::fs::write(file, format!("{report:#}\n"))?;
        println!("the same for programs: {}", file.display());
        Ok(())
    }
}
