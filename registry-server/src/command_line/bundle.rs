//! The flags of bundles.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What to do with bundles.
#[derive(Debug, Subcommand)]
pub enum BundleAction {
    /// Write one signed file with what an install of exactly these lock files needs: packages hosted here, and those of
    /// upstreams.
    Create(CreateBundle),
    /// Import the packages of a bundle, once its signature and each of its bytes are verified; while servers run, too.
    Apply(ApplyBundle),
    /// Print the id and the public key of this registry, which other registries verify its bundles with. The key is made the
    /// first time.
    Key,
}

/// `bundle create`
#[derive(Debug, Args)]
pub struct CreateBundle {
    /// A package-lock.json, npm-shrinkwrap.json, pnpm-lock.yaml, yarn.lock or bun.lock; may be given more than once
    #[arg(long = "lockfile", value_name = "FILE", required = true)]
    pub lockfiles: Vec<PathBuf>,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    pub output: PathBuf,
    /// An earlier bundle of this registry: leave out what it has, and what it leaves out itself
    #[arg(long, value_name = "BUNDLE")]
    pub since: Option<PathBuf>,
}

/// `bundle apply`
#[derive(Debug, Args)]
pub struct ApplyBundle {
    /// The bundle
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// A key to trust besides those of `bundles.trusted_keys` and this registry's own: its id, SHA256:…, or a file with the
    /// public key (PEM); may be given more than once
    #[arg(long = "key", value_name = "KEY")]
    pub keys: Vec<String>,
    /// Add to packages, too, that users published here and that were never imported
    #[arg(long)]
    pub into_published: bool,
    /// Verify the bundle, say what would be imported, and write nothing
    #[arg(long)]
    pub dry_run: bool,
}
