//! The command line. Every flag is also an environment variable and a key of `registry.toml`.
//!
//! ```
//! use clap::Parser as _;
//! use registry_server::command_line::CommandLine;
//! let line = CommandLine::parse_from(["registry-server", "--storage", "memory:"]);
//! assert!(line.command.is_none());
//! assert_eq!(line.overrides.storage.unwrap().to_string(), "memory:");
//! ```

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
    /// Reads the command line of this process. Where it is wrong, ends the process and says so on stderr.
    pub fn parse_or_exit() -> Self {
        Self::try_parse().unwrap_or_else(|error| tell_how_to_give_a_file(error).exit())
    }
}

/// Adds how to give a configuration file to an error about an argument that looks like one.
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

/// What the binary can do.
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
    /// Publish tarballs straight to the storage, with its credentials and by the registry's rules: for packages that are too
    /// large for a request. Prints `+ NAME@VERSION` for each.
    Publish(PublishFiles),
    /// Show the audit log of the storage, oldest first: who did what to which package, and which rule decided.
    Log(LogQuestion),
    /// Ask the access rules.
    Access {
        /// What to ask.
        #[command(subcommand)]
        action: AccessAction,
    },
    /// Ask the server that runs with this configuration on this machine whether it is ready; exit code 0: yes, 1: no
    Ready,
    /// Make tokens without logging in, straight in the storage.
    Token {
        /// What to do.
        #[command(subcommand)]
        action: TokenAction,
    },
}

/// `publish FILE.tgz…`
#[derive(Debug, Args)]
pub struct PublishFiles {
    /// A tarball as `npm pack` makes it. Several are published in this order, up to the first that cannot be.
    #[arg(required = true, value_name = "FILE.tgz")]
    pub files: Vec<PathBuf>,
    /// The account that publishes, which must exist; the rules hold for it, and it owns new packages [default: whose token
    /// is in the variable `REGISTRY_TOKEN`]
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
    /// MiB that a tarball may have when unpacked [default: `limits.unpacked_mib`, which is 1024]. The size of the tarball
    /// itself is not limited, but it must fit into memory.
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
    /// Whoever the rules let.
    Public,
    /// Its owners, and those whom rules or teams name.
    Restricted,
}

fn dist_tag(text: &str) -> Result<DistTag, String> {
    DistTag::parse(text).map_err(|problem| problem.to_string())
}

/// `log`
#[derive(Debug, Args)]
pub struct LogQuestion {
    /// Only what happened from then on: 2026-01-02T03:04:05Z, 2026-01-02 (UTC), or how long ago: 30m, 24h, 7d
    #[arg(long = "since", value_name = "TIME")]
    pub since: Option<String>,
    /// Only what happened until then, written the same way
    #[arg(long = "until", value_name = "TIME")]
    pub until: Option<String>,
    /// Only what this user did, or failed to log in as
    #[arg(long = "user", value_name = "NAME")]
    pub user: Option<String>,
    /// Only what concerns this package
    #[arg(long = "package", value_name = "PACKAGE")]
    pub package: Option<String>,
    /// Only this kind of event, such as published or logged-in, or what needs this right: read, publish, administer
    #[arg(long = "action", value_name = "ACTION", value_parser = known_actions())]
    pub action: Option<String>,
    /// Only what was refused: denials, logins that failed, and credentials that are nobody's
    #[arg(long = "denied")]
    pub denied: bool,
    /// Go on with what happens from now on, until interrupted
    #[arg(long = "follow", short = 'f', conflicts_with = "until")]
    pub follow: bool,
    /// Print each event as one line of JSON
    #[arg(long = "json")]
    pub json: bool,
}

/// The kinds of events, and the rights that are asked for.
fn known_actions() -> PossibleValuesParser {
    PossibleValuesParser::new(RIGHTS.into_iter().chain(EventKind::NAMES))
}

/// What the access rules can be asked.
#[derive(Debug, Subcommand)]
pub enum AccessAction {
    /// Say whether somebody may do something to a package, and which rule decides. Groups, owners and accounts are
    /// looked up in the storage. The exit code is 0 if they may, and 3 if they may not.
    Explain(AccessQuestion),
}

/// `access explain USER ACTION PACKAGE`
#[derive(Debug, Args)]
pub struct AccessQuestion {
    /// The name of the user; `anonymous` for somebody who is not signed in.
    pub user: String,
    /// What they want to do.
    pub action: AskedAction,
    /// The package.
    pub package: String,
    /// A group to count them into, as rules spell it without `group:`; may be given more than once.
    #[arg(long = "group", value_name = "GROUP")]
    pub groups: Vec<String>,
}

/// What can be done to a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AskedAction {
    /// See and install it.
    Read,
    /// Publish versions, deprecate them, move dist-tags.
    Publish,
    /// Change its owners, remove it or versions of it.
    Administer,
}

/// What an operator can do with tokens.
#[derive(Debug, Subcommand)]
pub enum TokenAction {
    /// Print a new token of an account. It can do what the account may, and less where the flags say so.
    Create(CreateToken),
}

/// The token to make.
#[derive(Debug, Args)]
pub struct CreateToken {
    /// The account it is for, which must exist.
    #[arg(value_name = "USER")]
    pub user: String,
    /// What to call it; `npm token list` shows it.
    #[arg(long)]
    pub name: Option<String>,
    /// It installs, and publishes nothing.
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
    /// It publishes without a one-time password; it then changes neither owners nor accounts, and unpublishes nothing.
    #[arg(long = "bypass-2fa")]
    pub bypass_2fa: bool,
}

fn package_pattern(text: &str) -> Result<PackagePattern, String> {
    PackagePattern::parse(text).map_err(|problem| format!("the pattern {problem}"))
}

/// What can be done with a configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigAction {
    /// Say what is wrong with the configuration, if anything, without starting.
    Check,
}

/// Settings that win over the configuration file.
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
    /// A registry to stand in front of; names that were never hosted here are asked for there [default: the
    /// registry that npm is configured with, if any]
    #[arg(long, global = true, value_name = "URL", env = "REGISTRY_UPSTREAM")]
    pub upstream: Option<UpstreamUrl>,
    /// The URL under which clients reach the registry [default: taken from each request]
    #[arg(long, global = true, value_name = "URL", env = "REGISTRY_PUBLIC_URL")]
    pub public_url: Option<PublicUrl>,
    /// A path under which the routes answer too, such as /registry [default: none]
    #[arg(long, global = true, value_name = "PATH", env = "REGISTRY_PATH_PREFIX")]
    pub path_prefix: Option<PathPrefix>,
    /// How log lines look [default: text]
    #[arg(long, global = true, env = "REGISTRY_LOG_FORMAT", value_parser = log_format())]
    pub log_format: Option<LogFormat>,
    /// Which log lines are written to stderr, such as `warn` or `info,registry_core=debug` [default: info]
    #[arg(long, global = true, value_name = "FILTER", env = "REGISTRY_LOG")]
    pub log: Option<LogFilter>,
    /// Signing in with GitHub.
    #[command(flatten)]
    pub github: GithubOverrides,
}

/// Settings of `[github]`. Any of them turns it on.
#[derive(Debug, Clone, Default, Args)]
pub struct GithubOverrides {
    /// Sign in with the GitHub at this URL [default where GitHub is on: <https://github.com>]
    #[arg(long, global = true, value_name = "URL", env = "REGISTRY_GITHUB_URL")]
    pub github_url: Option<UpstreamUrl>,
    /// The client id of the OAuth app at GitHub; its secret is in `REGISTRY_GITHUB_CLIENT_SECRET`
    #[arg(long, global = true, value_name = "ID", env = "REGISTRY_GITHUB_CLIENT_ID")]
    pub github_client_id: Option<String>,
    /// The organizations whose members are let in, with commas between them [default: everybody at GitHub]
    #[arg(
        long,
        global = true,
        value_name = "NAMES",
        value_delimiter = ',',
        env = "REGISTRY_GITHUB_ORGANIZATIONS"
    )]
    pub github_organizations: Option<Vec<String>>,
    /// The logins of those in the group `github-admins`, with commas between them [default: nobody]
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

/// What of it concerns the registry: all but where to listen.
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
