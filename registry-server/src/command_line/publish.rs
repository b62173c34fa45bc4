use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use registry_core::domain::DistTag;

/// `publish FILE.tgz…`
#[derive(Debug, Args)]
pub struct PublishFiles {
    /// A tarball as `npm pack` creates it. Several are published in this order, up to the first that cannot be.
    #[arg(required = true, value_name = "FILE.tgz")]
    pub files: Vec<PathBuf>,
    /// The account that publishes, which must exist; the rules hold for it, and it owns new packages [default: the
    /// owner of the token in the variable `REGISTRY_TOKEN`]
    #[arg(long = "as", value_name = "USER")]
    pub user: Option<String>,
    /// The dist-tag [default: `publishConfig.tag` of the package.json, or else latest]
    #[arg(long, value_name = "TAG", value_parser = dist_tag)]
    pub tag: Option<DistTag>,
    /// Who may see a new package with a scope [default: `publishConfig.access` of the package.json, or else public]
    #[arg(long, value_name = "ACCESS")]
    pub access: Option<PackageAccess>,
    /// The one-time password, where the account or the package asks for one
    #[arg(long, value_name = "CODE")]
    pub otp: Option<String>,
    /// MiB that a tarball may have when unpacked [default: `limits.unpacked_mib`, which is 1024]. The size of the
    /// tarball itself is not limited, but it must fit into memory.
    #[arg(long, value_name = "MIB")]
    pub max_mib: Option<NonZeroU32>,
    /// Check everything, publish nothing and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print one line of JSON for each, as `npm publish --json` does
    #[arg(long)]
    pub json: bool,
}

/// Who may see a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PackageAccess {
    /// Every user whom the access rules permit.
    Public,
    /// Its owners, and users whom rules or teams name.
    Restricted,
}

fn dist_tag(text: &str) -> Result<DistTag, String> {
    DistTag::parse(text).map_err(|problem| problem.to_string())
}
