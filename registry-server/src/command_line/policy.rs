use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Actions on the versions that may be used.
#[derive(Debug, Subcommand)]
pub enum PolicyAction {
    /// Block versions of a package on all servers of the storage: they are neither listed nor served. A block of the same
    /// range changes its reason and its end.
    Block(BlockVersions),
    /// Lift the block of exactly this range.
    Unblock {
        /// The package, and behind an @ the range as `policy list` prints it; without one, the block of every version.
        #[arg(value_name = "NAME@RANGE")]
        versions: String,
    },
    /// List the blocks.
    List {
        /// Print each block as one line of JSON.
        #[arg(long = "json")]
        json: bool,
    },
    /// Say for each version of a package whether it is served, and which rule decides. The exit code is 0 if all that was
    /// asked for are served, and 3 if not.
    Explain {
        /// The package, or one version of it.
        #[arg(value_name = "NAME[@VERSION]")]
        versions: String,
        /// Print each version as one line of JSON.
        #[arg(long = "json")]
        json: bool,
    },
    /// Say what rules would have refused of the downloads that were counted: each package and version, how many downloads, and
    /// the rule, and a total. Nothing changes.
    Simulate {
        /// From when on: 2026-01-02 (UTC), or how long ago: 24h, 30d
        #[arg(long = "since", value_name = "TIME", default_value = "30d")]
        since: String,
        /// A file with the `[[policy]]` tables to try, and nothing else; by default those of the configuration
        #[arg(long = "policy", value_name = "FILE")]
        policy: Option<PathBuf>,
        /// Print each version as one line of JSON, and the total as the last one.
        #[arg(long = "json")]
        json: bool,
    },
}

/// `policy block NAME@RANGE`
#[derive(Debug, Args)]
pub struct BlockVersions {
    /// The package, and behind an @ the range of versions, such as `pear@1.2.3` or `pear@>=1.0.0 <1.2.0`; without a range,
    /// every version. Prereleases between its bounds are included.
    #[arg(value_name = "NAME@RANGE")]
    pub versions: String,
    /// Why, for callers who are refused the version.
    #[arg(long = "reason", value_name = "TEXT")]
    pub reason: String,
    /// When the block ends by itself: 2026-01-02T03:04:05Z, 2026-01-02 (UTC), or how long from now: 30m, 24h, 7d
    #[arg(long = "until", value_name = "TIME")]
    pub until: Option<String>,
}
