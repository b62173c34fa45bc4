use clap::{Args, Subcommand};
use registry_core::access::PackagePattern;

use crate::settings::Network;

/// Actions on tokens.
#[derive(Debug, Subcommand)]
pub enum TokenAction {
    /// Print a new token of an account. It can do what the account may, and less where the flags say so.
    Create(CreateToken),
    /// Print the valid tokens, sessions included, the newest first: id, holder, kind, permission, and more.
    List {
        /// Only tokens of this account
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
        /// Only tokens that end within 14 days; sessions and tokens of builds end by themselves, and are left out
        #[arg(long)]
        expiring: bool,
    },
    /// Revoke a token. Running servers apply it within `cache.token_seconds`.
    Revoke {
        /// The id that `token list` shows, or the token itself.
        #[arg(value_name = "ID")]
        id: String,
    },
}

/// The token to create.
#[derive(Debug, Args)]
pub struct CreateToken {
    /// The account it is for, which must exist.
    #[arg(value_name = "USER")]
    pub user: String,
    /// What to call it; `npm token list` shows it.
    #[arg(long)]
    pub name: Option<String>,
    /// The token installs packages and publishes nothing.
    #[arg(long)]
    pub read_only: bool,
    /// A network it may be used from, such as 10.0.0.0/8; may be given more than once [default: all]
    #[arg(long, value_name = "NETWORK")]
    pub cidr: Vec<Network>,
    /// In how many days it expires [default: never]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..))]
    pub expires_in: Option<u32>,
    /// A pattern of packages it is for, such as `@acme/*`; may be given more than once [default: all]
    #[arg(long, value_name = "PATTERN", value_parser = package_pattern)]
    pub package: Vec<PackagePattern>,
    /// The token publishes without a one-time password; it then changes neither owners nor accounts, and unpublishes nothing.
    #[arg(long = "bypass-2fa")]
    pub bypass_2fa: bool,
}

fn package_pattern(text: &str) -> Result<PackagePattern, String> {
    PackagePattern::parse(text).map_err(|problem| format!("the pattern {problem}"))
}
