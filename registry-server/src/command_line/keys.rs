use clap::{Args, Subcommand};

use registry_core::domain::PackageName;

use super::care::package_name;

/// What to do with the keys that versions are signed with.
#[derive(Debug, Subcommand)]
pub enum KeysAction {
    /// Print the keys that signatures of this registry name, the oldest first.
    List {
        /// Print each key as one line of JSON, as `/-/npm/v1/keys` has it.
        #[arg(long = "json")]
        json: bool,
    },
    /// Make a new key, which is signed with from now on. The keys before it verify what they signed, and expire in ten minutes.
    Rotate,
    /// Sign the versions that have no signature by a key of this registry, once their tarballs are verified; while servers run,
    /// too.
    Sign(SignVersions),
}

/// `keys sign`
#[derive(Debug, Args)]
pub struct SignVersions {
    /// Sign nothing, and say what would be signed
    #[arg(long)]
    pub dry_run: bool,
    /// Only this package
    #[arg(long, value_name = "NAME", value_parser = package_name)]
    pub package: Option<PackageName>,
}
