use clap::{Args, Subcommand};

/// `recall NAME@VERSION`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct RecallVersion {
    /// The version, such as `pear@1.2.3`.
    #[arg(value_name = "NAME@VERSION", required = true)]
    pub version: Option<String>,
    /// Why, for callers who are refused the version.
    #[arg(long = "reason", value_name = "TEXT", required = true)]
    pub reason: Option<String>,
    /// Print one line of JSON for each result.
    #[arg(long = "json", global = true)]
    pub json: bool,
    /// What to do instead.
    #[command(subcommand)]
    pub action: Option<RecallAction>,
}

/// Actions on recalled versions.
#[derive(Debug, Subcommand)]
pub enum RecallAction {
    /// Serve a recalled version again.
    Undo {
        /// The version, such as `pear@1.2.3`.
        #[arg(value_name = "NAME@VERSION")]
        version: String,
    },
    /// List the recalled versions.
    List,
    /// Say who downloaded a version, recalled or not: how often on which day, and, where `[log] downloads` is on, which
    /// accounts from which addresses.
    Report {
        /// The version, such as `pear@1.2.3`.
        #[arg(value_name = "NAME@VERSION")]
        version: String,
    },
}
