//! The command line. Every flag is also an environment variable and a key of `registry.toml`.
//!
//! ```
//! use clap::Parser as _;
//! use registry_server::command_line::CommandLine;
//! let line = CommandLine::parse_from(["registry-server", "--storage", "memory:"]);
//! assert!(line.command.is_none());
//! assert_eq!(line.overrides.storage.unwrap().to_string(), "memory:");
//! ```

mod access;
mod accounts;
mod advisories;
mod bulk;
mod bundle;
mod care;
mod import;
mod keys;
mod log;
mod policy;
mod publish;
mod recall;
mod retain;
mod sbom;
mod tokens;

use std::net::SocketAddr;
use std::path::Path;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, Parser, Subcommand};

use registry_core::settings::{self, LogFilter, LogFormat, PathPrefix, PublicUrl, StorageUrl, UpstreamUrl};

pub use access::{AccessAction, AccessQuestion, AskedAction};
pub use accounts::AccountAction;
pub use advisories::AdvisoriesAction;
pub use bulk::{CopyStorage, EncryptStorage, IndexPackages, MoveTarballUrls, RemoveStorage};
pub use bundle::{ApplyBundle, BundleAction, CreateBundle};
pub use care::{SweepRequest, VerifyRequest};
pub use import::{ImportRegistry, ImportSource, ImportVerdaccio, SourceCredential};
pub use keys::{KeysAction, SignVersions};
pub use log::LogQuestion;
pub use policy::{BlockVersions, PolicyAction};
pub use publish::{PackageAccess, PublishFiles};
pub use recall::{RecallAction, RecallVersion};
pub use retain::{KeepFlags, RetainRequest};
pub use sbom::WriteSbom;
pub use tokens::{CreateToken, TokenAction};

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
        /// Print one JSON object
        #[arg(long, global = true)]
        json: bool,
        /// The question.
        #[command(subcommand)]
        action: AccessAction,
    },
    /// Load and list security advisories, which rules and audits ask, directly in the storage.
    Advisories {
        /// What to do.
        #[command(subcommand)]
        action: AdvisoriesAction,
    },
    /// Write a bill of materials of a package or of a lock file, in the format of CycloneDX 1.6, with licenses, hashes and the
    /// advisories that are loaded.
    Sbom(WriteSbom),
    /// Block versions of packages, and say which versions are served.
    Policy {
        /// What to do.
        #[command(subcommand)]
        action: PolicyAction,
    },
    /// Recall a version on all servers of the storage: it is neither listed nor served, its dist-tags move to the newest version
    /// that is allowed, and a report says who downloaded it.
    Recall(RecallVersion),
    /// Ask the server that runs with this configuration on this machine whether it is ready; exit code 0: yes, 1: no
    Ready {
        /// Print one JSON object, also if the server is not ready or does not answer
        #[arg(long)]
        json: bool,
    },
    /// List and change accounts, directly in the storage: for users who lost a password or a second factor, or who left.
    Account {
        /// Print JSON: an object, and of a list one in each line
        #[arg(long, global = true)]
        json: bool,
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
    /// Remove old versions by the rules of `[[retain]]` in registry.toml, or by one rule of flags; while servers run, too. Says
    /// what would go, and removes it only if it is told to.
    Retain(RetainRequest),
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
    /// List, renew and use the keys that versions are signed with, which `npm audit signatures` verifies.
    Keys {
        /// What to do.
        #[command(subcommand)]
        action: KeysAction,
    },
    /// Send every hosted package to the webhooks, the topics and the log of codebox again, and rebuild the search index.
    Index(IndexPackages),
    /// Delete everything in the storage, after a question.
    RemoveStorage(RemoveStorage),
    /// Create, list and revoke tokens without a login, directly in the storage.
    Token {
        /// Print JSON: an object, and of a list one in each line
        #[arg(long, global = true)]
        json: bool,
        /// What to do.
        #[command(subcommand)]
        action: TokenAction,
    },
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
