use std::path::PathBuf;

use clap::Args;

/// `sbom NAME[@VERSION]`, `sbom --lockfile FILE`
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("subject").required(true).args(["package", "lockfile"]))]
pub struct WriteSbom {
    /// The package, and behind an @ its version; without one, the version that `latest` names.
    #[arg(value_name = "NAME[@VERSION]")]
    pub package: Option<String>,
    /// A lock file of npm, pnpm, yarn or bun, for a bill of all that it takes from registries.
    #[arg(long, value_name = "FILE")]
    pub lockfile: Option<PathBuf>,
}
