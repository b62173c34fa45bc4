//! The command line. Every flag is also an environment variable and a key of `registry.toml`.
//!
//! ```
//! use clap::Parser as _;
//! use registry_server::command_line::CommandLine;
//! let line = CommandLine::parse_from(["registry-server", "--storage", "memory:"]);
//! assert!(line.command.is_none());
//! assert_eq!(line.overrides.storage.unwrap().to_string(), "memory:");
//! ```

mod accounts;
mod bulk;
mod bundle;
mod care;
mod import;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, Parser, Subcommand, ValueEnum};

use registry_core::access::PackagePattern;
use registry_core::domain::DistTag;
use registry_core::events::EventKind;
use registry_core::settings::{self, LogFilter, LogFormat, PathPrefix, PublicUrl, StorageUrl, UpstreamUrl};

use crate::settings::Network;

pub use accounts::AccountAction;
pub use bulk::{CopyStorage, EncryptStorage, IndexPackages, MoveTarballUrls, RemoveStorage};
pub use bundle::{ApplyBundle, BundleAction, CreateBundle};
pub use care::{SweepRequest, VerifyRequest};
pub use import::{ImportRegistry, ImportSource, ImportVerdaccio, SourceCredential};

/// The rights that events tell of.
const RIGHTS: [&str; 4] = ["read", "star", "publish", "administer"];

/// A private npm registry in one binary, on a folder.
///
/// Flags win over environment variables, those over the file given with --config, that over the defaults.
#[derive(Debug, Parser)]
#[command(name = "registry-server", version)]
pub struct CommandLine {
    /// What to do; without it, serve.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What overrides the configuration file.
    #[command(flatten)]
    pub overrides: Overrides,
}

impl CommandLine {
    /// Parses the command line of this process. If it is invalid, prints an error to stderr and exits.
    pub fn parse_or_exit() -> Self {
        Self::try_parse().unwrap_or_else(|error| tell_how_to_give_a_file(error).exit())
    }
}

/// Adds a hint about configuration files to an error about an argument that looks like one.
fn tell_how_to_give_a_file(mut error: clap::Error) -> clap::Error {
    let kind = match error.kind() {
        ErrorKind::UnknownArgument => ContextKind::InvalidArg,
        ErrorKind::InvalidSubcommand => ContextKind::InvalidSubcommand,
        _ => return error,
    };
    let Some(ContextValue::String(argument)) = error.get(kind) else { return error };
    let is_flag = argument.starts_with('-');
    let path = Path::new(argument);
    if !is_flag && (path.extension().is_some_and(|extension| extension == "toml") || path.is_file()) {
        let tip = format!("to use this configuration file, write --config {argument}");
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
        error.remove(ContextKind::SuggestedSubcommand);
    }
    error
}

/// The commands of the binary.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the registry until SIGTERM or SIGINT (the default).
    Serve,
    /// Print a registry.toml in which every key is explained: registry-server config > registry.toml
    Config {
        /// What to do instead of printing.
        #[command(subcommand)]
        action: Option<ConfigAction>,
    },
    /// Publish tarballs directly to the storage, with its credentials and by the registry's rules: for packages that
    /// are too large for a request. Prints `+ NAME@VERSION` for each.
    Publish(PublishFiles),
    /// Show the audit log of the storage, oldest first: who did what to which package, and which rule decided.
    Log(LogQuestion),
    /// Query the access rules.
    Access {
        /// The question.
        #[command(subcommand)]
        action: AccessAction,
    },
    /// Ask the server that runs with this configuration on this machine whether it is ready; exit code 0: yes, 1: no
    Ready,
    /// List and change accounts, directly in the storage: for users who lost a password or a second factor, or who left.
    Account {
        /// What to do.
        #[command(subcommand)]
        action: AccountAction,
    },
    /// Compare every hosted tarball with its digests, and look for damaged packages; while servers run, too. The exit code
    /// is 0 if all is sound, 1 if something is wrong, and 2 if the check did not finish.
    Verify(VerifyRequest),
    /// Delete what no request needs any more: orphaned tarballs, expired sessions and tokens, and the upstream cache
    /// beyond its limit; while servers run, too.
    Sweep(SweepRequest),
    /// Count what the storage holds, and name the largest packages.
    Stats,
    /// Examine the settings, the storage, the clock, the upstreams and this machine, and say what to do about what is
    /// wrong. The exit code is 1 if something is.
    Doctor,
    /// Report the hosts in tarball URLs that codebox-npm stored, or move them to another one for a codebox-npm that still
    /// runs on the storage. This registry needs no host.
    Domain(MoveTarballUrls),
    /// Write every object of a bucket again under the configured encryption, and read each back.
    Encrypt(EncryptStorage),
    /// Make one storage a copy of another, for a backup, a restore or a move; while servers write to the source, too. Run
    /// again, it brings the copy up to date.
    Copy(CopyStorage),
    /// Import packages of another registry, directly to the storage, while servers run on it, too.
    Import {
        /// Where from.
        #[command(subcommand)]
        source: ImportSource,
    },
    /// Carry packages to a registry that no other one reaches: what lock files need, in one signed file.
    Bundle {
        /// What to do.
        #[command(subcommand)]
        action: BundleAction,
    },
    /// Send every hosted package to the webhooks, the topics and the log of codebox again, and rebuild the search index.
    Index(IndexPackages),
    /// Delete everything in the storage, after a question.
    RemoveStorage(RemoveStorage),
    /// Create, list and revoke tokens without a login, directly in the storage.
    Token {
        /// What to do.
        #[command(subcommand)]
        action: TokenAction,
    },
}

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

/// `log`
#[derive(Debug, Args)]
pub struct LogQuestion {
    /// Only events since this time: 2026-01-02T03:04:05Z, 2026-01-02 (UTC), or how long ago: 30m, 24h, 7d
    #[arg(long = "since", value_name = "TIME")]
    pub since: Option<String>,
    /// Only events until this time, in the same format
    #[arg(long = "until", value_name = "TIME")]
    pub until: Option<String>,
    /// Only events of this user, failed logins included
    #[arg(long = "user", value_name = "NAME")]
    pub user: Option<String>,
    /// Only events of this package
    #[arg(long = "package", value_name = "PACKAGE")]
    pub package: Option<String>,
    /// Only this kind of event, such as published or logged-in, or events that need this right: read, publish,
    /// administer
    #[arg(long = "action", value_name = "ACTION", value_parser = known_actions())]
    pub action: Option<String>,
    /// Only rejections: denials, failed logins, and unknown credentials
    #[arg(long = "denied")]
    pub denied: bool,
    /// Keep printing new events until interrupted
    #[arg(long = "follow", short = 'f', conflicts_with = "until")]
    pub follow: bool,
    /// Print each event as one line of JSON
    #[arg(long = "json")]
    pub json: bool,
}

/// The kinds of events, and the rights that events need.
fn known_actions() -> PossibleValuesParser {
    PossibleValuesParser::new(RIGHTS.into_iter().chain(EventKind::NAMES))
}

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

/// Actions on a configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigAction {
    /// Report errors in the configuration without starting.
    Check,
}

/// Settings that take precedence over the configuration file.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Settings")]
pub struct Overrides {
    /// The configuration: a registry.toml, or its text (with a line break or a `=`).
    #[arg(long, global = true, value_name = "FILE", env = "REGISTRY_CONFIG", hide_env_values = true)]
    pub config: Option<String>,
    /// Address and port to listen on; port 0 picks a free one [default: 127.0.0.1:4873]
    #[arg(long, global = true, value_name = "ADDR", env = "REGISTRY_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// Where everything is kept [default: `file:./registry-data`]
    ///
    /// `file:DIR` is a folder on a local disk.
    /// `s3://BUCKET/PREFIX` is a bucket of Amazon S3 or of a store that speaks like it.
    /// `gs://BUCKET/PREFIX` is a bucket of Google Cloud Storage.
    /// `az://CONTAINER/PREFIX` is a container of Azure Blob Storage.
    /// `memory:` keeps nothing when the server stops.
    #[arg(long, verbatim_doc_comment, global = true, value_name = "URL", env = "REGISTRY_STORAGE")]
    pub storage: Option<StorageUrl>,
    /// A registry to proxy; names that were never hosted here are requested from it [default: the
    /// registry that npm is configured with, if any]
    #[arg(long, global = true, value_name = "URL", env = "REGISTRY_UPSTREAM")]
    pub upstream: Option<UpstreamUrl>,
    /// The URL at which clients reach the registry [default: derived from each request]
    #[arg(long, global = true, value_name = "URL", env = "REGISTRY_PUBLIC_URL")]
    pub public_url: Option<PublicUrl>,
    /// A path below which the routes answer too, such as /registry [default: none]
    #[arg(long, global = true, value_name = "PATH", env = "REGISTRY_PATH_PREFIX")]
    pub path_prefix: Option<PathPrefix>,
    /// The format of log lines [default: text]
    #[arg(long, global = true, env = "REGISTRY_LOG_FORMAT", value_parser = log_format())]
    pub log_format: Option<LogFormat>,
    /// Which log lines are written to stderr, such as `warn` or `info,registry_core=debug` [default: info]
    #[arg(long, global = true, value_name = "FILTER", env = "REGISTRY_LOG")]
    pub log: Option<LogFilter>,
    /// Signing in with GitHub.
    #[command(flatten)]
    pub github: GithubOverrides,
}

/// Settings of `[github]`. Any of them enables it.
#[derive(Debug, Clone, Default, Args)]
pub struct GithubOverrides {
    /// Sign in with the GitHub at this URL [default where GitHub is on: <https://github.com>]
    #[arg(long, global = true, value_name = "URL", env = "REGISTRY_GITHUB_URL")]
    pub github_url: Option<UpstreamUrl>,
    /// The client id of the OAuth app at GitHub; its secret is in `REGISTRY_GITHUB_CLIENT_SECRET`
    #[arg(long, global = true, value_name = "ID", env = "REGISTRY_GITHUB_CLIENT_ID")]
    pub github_client_id: Option<String>,
    /// The organizations whose members may sign in, separated by commas [default: every GitHub account]
    #[arg(
        long,
        global = true,
        value_name = "NAMES",
        value_delimiter = ',',
        env = "REGISTRY_GITHUB_ORGANIZATIONS"
    )]
    pub github_organizations: Option<Vec<String>>,
    /// The logins in the group `github-admins`, separated by commas [default: none]
    #[arg(long, global = true, value_name = "LOGINS", value_delimiter = ',', env = "REGISTRY_GITHUB_ADMINS")]
    pub github_admins: Option<Vec<String>>,
}

fn log_format() -> impl TypedValueParser<Value = LogFormat> {
    let known = [
        ("text", "Lines for people to read"),
        ("json", "One JSON object in each line, for programs to parse"),
    ];
    let known = known.map(|(name, help)| PossibleValue::new(name).help(help));
    PossibleValuesParser::new(known).try_map(|text| text.parse::<LogFormat>())
}

/// Converts the overrides of the registry: all except the listen address.
impl From<&Overrides> for settings::Overrides {
    fn from(overrides: &Overrides) -> Self {
        let Overrides {
            config,
            listen: _,
            storage,
            upstream,
            public_url,
            path_prefix,
            log_format,
            log,
            github,
        } = overrides.clone();
        let github = settings::GithubOverrides {
            url: github.github_url,
            client_id: github.github_client_id,
            organizations: github.github_organizations,
            admins: github.github_admins,
        };
        Self { config, storage, upstream, public_url, path_prefix, log_format, log, github }
    }
}
