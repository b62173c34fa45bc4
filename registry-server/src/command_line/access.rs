use clap::{Args, Subcommand, ValueEnum};

/// Questions about the access rules.
#[derive(Debug, Subcommand)]
pub enum AccessAction {
    /// Say whether a user may do something to a package, and which rule decides. Groups, owners and accounts are
    /// looked up in the storage. The exit code is 0 if they may, and 3 if they may not.
    Explain(AccessQuestion),
}

/// `access explain USER ACTION PACKAGE`
#[derive(Debug, Args)]
pub struct AccessQuestion {
    /// The name of the user; `anonymous` for a caller who is not signed in.
    pub user: String,
    /// The action.
    pub action: AskedAction,
    /// The package.
    pub package: String,
    /// A group to add the user to, as rules spell it without `group:`; may be given more than once.
    #[arg(long = "group", value_name = "GROUP")]
    pub groups: Vec<String>,
}

/// Actions on a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AskedAction {
    /// See and install it.
    Read,
    /// Publish versions, deprecate them, move dist-tags.
    Publish,
    /// Change its owners, and remove it or versions of it.
    Administer,
}
