use clap::Args;

use registry_core::domain::PackageName;
use registry_core::domain::retention::Keep;
use registry_core::settings::RetentionTable;

use super::care::package_name;

/// `retain`
#[derive(Debug, Args)]
pub struct RetainRequest {
    /// Remove the versions; without it, say what would go
    #[arg(long)]
    pub apply: bool,
    /// Remove nothing, which is what happens without --apply, too
    #[arg(long, conflicts_with = "apply", hide = true)]
    pub dry_run: bool,
    /// Say of every version why it stays
    #[arg(long)]
    pub explain: bool,
    /// Only this package
    #[arg(long, value_name = "NAME", value_parser = package_name)]
    pub package: Option<PackageName>,
    /// A rule in place of those in registry.toml.
    #[command(flatten)]
    pub keep: KeepFlags,
}

/// A rule of retention. Tagged versions and the highest one stay whatever it says.
#[derive(Debug, Args)]
#[group(required = false, multiple = true)]
pub struct KeepFlags {
    /// The packages of the rule, such as "@acme/*"; without it, all packages
    #[arg(long = "match", value_name = "PATTERN")]
    pub pattern: Option<String>,
    /// How many of the highest releases stay; without it, all
    #[arg(long, value_name = "NUMBER")]
    pub releases: Option<u32>,
    /// How many of the latest prereleases of each channel stay; without it, all
    #[arg(long, value_name = "NUMBER")]
    pub prereleases: Option<u32>,
    /// For how many days after its publishing a version stays
    #[arg(long, value_name = "DAYS")]
    pub published_days: Option<u32>,
    /// For how many days after its last download a version stays
    #[arg(long, value_name = "DAYS")]
    pub downloaded_days: Option<u32>,
}

impl KeepFlags {
    /// Returns the rule; `None` if no flag is given.
    pub fn to_table(&self) -> Option<RetentionTable> {
        let Self { pattern, releases, prereleases, published_days, downloaded_days } = self;
        let numbers = [*releases, *prereleases, *published_days, *downloaded_days];
        (pattern.is_some() || numbers.iter().any(Option::is_some)).then(|| RetentionTable {
            pattern: pattern.clone().unwrap_or_else(|| "**".to_owned()),
            releases: *releases,
            prereleases: *prereleases,
            published_days: published_days.unwrap_or(Keep::default().published_days),
            downloaded_days: *downloaded_days,
        })
    }
}
